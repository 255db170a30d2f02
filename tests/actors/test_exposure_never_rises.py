"""Neither a fill nor a close ever raises what a wallet uses, and the account never holds more than that."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.exposures import Exposures
from actors.ledger import Ledger, replayed
from adapters.model import BotId, Side
from risk.exposure import worst_case
from risk.intent import Purpose
from tests.actors.builders import ANN, BEN, a_fill, an_intended, dec, intended_id
from tests.builders import BTC

MARK = dec(1000)
Wish = tuple[
    BotId, Side, int, int, bool
]  # whose, which way, its size, how much of it fills, closed after that
WISHES = st.tuples(
    st.sampled_from([ANN, BEN]), st.sampled_from(Side), st.integers(1, 9), st.integers(0, 9), st.booleans()
)


@example([(ANN, Side.BUY, 2, 2, False), (ANN, Side.SELL, 3, 0, False), (ANN, Side.BUY, 1, 0, True)])
@example([(ANN, Side.BUY, 9, 9, False), (BEN, Side.SELL, 8, 8, False), (ANN, Side.BUY, 1, 0, True)])
@given(st.lists(WISHES, min_size=1, max_size=10))
def test_no_fill_and_no_close_raises_what_is_used_and_it_covers_the_account(wishes: list[Wish]) -> None:
    """Everything trades at 1000, where the mark stands."""
    ledger = replayed(
        an_intended(leg, str(size), side, bot) for leg, (bot, side, size, _, _) in enumerate(wishes)
    )
    used, sequence = _used(ledger), 0
    for leg, (bot, side, size, filled, closes) in enumerate(wishes):
        if filled:
            sequence += 1
            part = str(min(size, filled))
            ledger.apply(a_fill(sequence, intended_id(leg, bot), part, side=side, price="1000"))
            used = _no_more(ledger, used)
        held = ledger.book(bot, BTC).size
        if held and closes:
            sequence += 1
            closing, whole = Side.SELL if held > 0 else Side.BUY, str(abs(held))
            ledger.apply(an_intended(100 + leg, whole, closing, bot, Purpose.CLOSE))
            ledger.apply(a_fill(sequence, intended_id(100 + leg, bot), whole, side=closing, price="1000"))
            used = _no_more(ledger, used)


def _used(ledger: Ledger) -> Decimal:
    return Exposures(ledger, lambda _: MARK).used_usd


def _no_more(ledger: Ledger, used: Decimal) -> Decimal:
    found = Exposures(ledger, lambda _: MARK)
    assert found.used_usd <= used
    assert found.of_account(BTC).worst_usd <= found.used_usd
    return found.used_usd


@pytest.mark.parametrize(
    ("position", "buys", "sells", "worst"),
    [(5, 0, 0, 5), (5, 2, 3, 7), (5, 2, 9, 9), (-5, 2, 3, 8), (-5, 9, 3, 9), (0, 2, 3, 3)],
)
def test_a_position_does_not_pay_for_the_orders_on_its_other_side(
    position: int, buys: int, sells: int, worst: int
) -> None:
    """Its stop may fire first, and they are then all that there is."""
    assert worst_case(dec(position), dec(buys), dec(sells)) == worst
