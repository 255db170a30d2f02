"""What an account's owner can do besides trading: set a leverage, move money."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import Insufficient, InvalidParam, NotFound, RiskRejected
from adapters.model import Symbol
from adapters.paper.storage import PaperStorage
from tests.adapters.paper.builders import BTC, COIN, Desk, a_quote, buy, dec


@pytest.fixture
def desk() -> Desk:
    """Ann holds a thousand coins at 100, ten times leveraged."""
    desk = Desk(cash=20_000)
    desk.on(a_quote(99, 101, 10_000))
    desk.place(buy(1000, leverage=10))
    return desk


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[PaperStorage]:
    storage = PaperStorage(tmp_path / "paper.db")
    yield storage
    storage.close()


def test_leverage_changes_what_a_position_ties_up(desk: Desk) -> None:
    assert desk.exchange.account_state("ann").margin_used_usd == 10_000
    desk.exchange.set_leverage("ann", BTC, 20)
    assert desk.exchange.account_state("ann").margin_used_usd == 5000
    assert desk.exchange.positions("ann")[0].leverage == 20


def test_less_leverage_than_the_account_can_back_is_refused_and_changes_nothing(desk: Desk) -> None:
    with pytest.raises(Insufficient):
        desk.exchange.set_leverage("ann", BTC, 2)
    assert desk.exchange.positions("ann")[0].leverage == 10
    desk.exchange.set_leverage("bob", BTC, 2)  # who holds nothing


def test_leverage_beyond_the_instruments_is_refused(desk: Desk) -> None:
    for symbol, leverage in ((BTC, 21), (BTC, 0), (COIN, 2)):
        with pytest.raises(RiskRejected):
            desk.exchange.set_leverage("ann", symbol, leverage)
    with pytest.raises(InvalidParam):
        desk.exchange.set_leverage("ann", Symbol("NOPE"), 2)


def test_only_what_is_free_can_be_moved(desk: Desk) -> None:
    free = desk.exchange.account_state("ann").equity_usd - 10_000
    with pytest.raises(Insufficient):
        desk.exchange.transfer("ann", "bob", free + dec("0.01"))
    desk.exchange.transfer("ann", "bob", free)
    assert desk.exchange.account_state("ann").equity_usd == 10_000
    assert desk.exchange.account_state("bob").equity_usd == 20_000 + free


def test_nothing_and_less_cannot_be_moved_nor_can_anything_to_nobody(desk: Desk) -> None:
    for amount in (0, -5, "NaN", "Infinity"):
        with pytest.raises(InvalidParam):
            desk.exchange.transfer("ann", "bob", dec(amount))
    with pytest.raises(NotFound):
        desk.exchange.transfer("ann", "eve", dec(1))


@given(st.lists(st.tuples(st.booleans(), st.decimals(min_value=-10, max_value=2000, places=6)), max_size=20))
def test_moving_money_makes_none(moves: list[tuple[bool, Decimal]]) -> None:
    desk = Desk(cash=1000)
    for there, amount in moves:
        source, target = ("ann", "bob") if there else ("bob", "ann")
        with suppress(Insufficient, InvalidParam):
            desk.exchange.transfer(source, target, amount)
    assert desk.exchange.trial_balance().is_balanced
    assert all(desk.exchange.account_state(name).equity_usd >= 0 for name in ("ann", "bob"))


def test_both_outlive_a_restart(storage: PaperStorage) -> None:
    before = Desk(storage=storage, cash=1000)
    before.exchange.set_leverage("ann", BTC, 7)
    before.exchange.transfer("ann", "bob", dec(250))
    after = Desk(storage=storage)
    assert after.exchange.account_state("bob").equity_usd == 1250
    after.on(a_quote(99, 101))
    after.place(buy(1))
    assert after.exchange.positions("ann")[0].leverage == 7
