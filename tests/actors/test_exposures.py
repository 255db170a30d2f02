"""What counts in a market, once and at which price: of the account, and of each bot alone."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.exposures import NOTHING, Exposures, Sides
from actors.ledger import Ledger, replayed
from adapters.model import BotId, Side
from risk.intent import Purpose
from tests.actors.builders import ANN, BEN, a_fill, an_intended, dec, intended_id
from tests.builders import BTC

MARK = dec(1010)  # above what every order is reserved at


def exposures(ledger: Ledger, mark: Decimal | None = MARK) -> Exposures:
    return Exposures(ledger, lambda _: mark)


def a_holding(size: str = "2") -> Ledger:
    """Ann has bought at 1000, and nobody anything else."""
    return replayed([an_intended(1, size), a_fill(1, intended_id(1), size, price="1000")])


def test_a_market_counts_by_its_holding_alone() -> None:
    found = exposures(a_holding())

    assert found.of_account(BTC) == found.of_bot(ANN, BTC) == Sides(dec(2020))
    assert found.used_usd == found.bot_usd(ANN) == 2020
    assert found.markets_of(ANN) == 1


def test_what_a_neighbour_holds_is_not_the_bots_own() -> None:
    found = exposures(a_holding())

    assert found.of_bot(BEN, BTC) == NOTHING
    assert found.bot_usd(BEN) == found.markets_of(BEN) == 0


def test_without_a_mark_a_holding_counts_at_what_it_was_paid() -> None:
    assert exposures(a_holding(), None).used_usd == 2000


def test_orders_that_only_reduce_count_nothing() -> None:
    ledger = a_holding()
    ledger.apply(an_intended(2, "2", Side.SELL, purpose=Purpose.STOP))
    ledger.apply(an_intended(3, "1", Side.SELL, purpose=Purpose.CLOSE))

    assert exposures(ledger).of_account(BTC) == exposures(ledger).of_bot(ANN, BTC) == Sides(dec(2020))


@given(
    st.lists(st.tuples(st.sampled_from([ANN, BEN]), st.sampled_from(Side), st.integers(1, 9)), max_size=12)
)
def test_every_entry_counts_once_at_its_reserve_or_the_mark(orders: list[tuple[BotId, Side, int]]) -> None:
    found = exposures(
        replayed(an_intended(leg, str(size), side, bot) for leg, (bot, side, size) in enumerate(orders))
    )

    def expected(*bots: BotId) -> Sides:
        worth = {
            side: sum((size * MARK for bot, way, size in orders if way is side and bot in bots), dec(0))
            for side in Side
        }
        return Sides(buys=worth[Side.BUY], sells=worth[Side.SELL])

    assert found.of_account(BTC) == expected(ANN, BEN)
    assert found.of_bot(ANN, BTC) == expected(ANN)
    assert found.bot_usd(BEN) == max(expected(BEN).buys, expected(BEN).sells)


def test_bots_that_lean_against_each_other_are_each_counted_in_full() -> None:
    ledger = a_holding()
    ledger.apply(an_intended(2, "3", Side.SELL, BEN))
    ledger.apply(a_fill(2, intended_id(2, BEN), "3", side=Side.SELL))
    found = exposures(ledger)

    assert found.of_account(BTC).position == -1010
    assert found.market_usd(BTC) == found.used_usd == 2020 + 3030


def test_what_the_account_paid_counts_also_where_only_one_bot_is_left() -> None:
    """Ben's dear purchase and Ann's cheap one are one position: his close takes the average off it, not his cost."""
    ledger = a_holding("1")
    ledger.apply(an_intended(2, "1", bot=BEN))
    ledger.apply(a_fill(2, intended_id(2, BEN), "1", price="3000"))
    ledger.apply(an_intended(3, "1", Side.SELL, BEN, Purpose.CLOSE))
    ledger.apply(a_fill(3, intended_id(3, BEN), "1", side=Side.SELL, price="1000"))
    found = exposures(ledger)

    assert found.bot_usd(ANN) == 1010
    assert found.bot_usd(BEN) == 0
    assert found.market_usd(BTC) == found.used_usd == 2000


def test_an_account_that_paid_more_than_its_bots_is_counted_at_that() -> None:
    ledger = a_holding("1")
    ledger.apply(an_intended(2, "1", Side.SELL, BEN))
    ledger.apply(a_fill(2, intended_id(2, BEN), "1", side=Side.SELL, price="900"))
    ledger.apply(an_intended(3, "2", bot=BEN))
    ledger.apply(a_fill(3, intended_id(3, BEN), "2", price="1900"))
    found = exposures(ledger, dec(100))

    apart = found.bot_usd(ANN) + found.bot_usd(BEN)
    assert found.market_usd(BTC) == max(apart, found.of_account(BTC).worst_usd)
    assert found.of_account(BTC).worst_usd == 3800 > apart == 2900
