"""Steps are what is missing: taken once, nothing is left; taken half, the rest is left."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger import Ledger, replayed
from actors.ledger_events import Intended, Learned, LedgerEvent, Protection
from actors.order_state import OrderEvent
from actors.stance import Stance, Steps, is_closing_now, stance_of, steps_to
from adapters.model import ZERO, OrderType, Side, TimeInForce
from config.spec import ExitMode, HaltLevel
from risk.intent import Purpose
from tests.actors.builders import ANN, a_fill, an_intended, an_order, intended_id
from tests.builders import NOW

KINDS = {Purpose.STOP: OrderType.STOP, Purpose.TARGET: OrderType.TAKE_PROFIT}


def test_a_stance_is_the_strictest_that_anybody_asks_for() -> None:
    assert stance_of(None, None, is_silent=False) is Stance.TRADE
    for halt in (None, *HaltLevel):
        for exit_mode in (None, *ExitMode):
            for is_silent in (False, True):
                stance = stance_of(halt, exit_mode, is_silent=is_silent)
                assert stance >= stance_of(halt, None, is_silent=False)
                assert stance >= stance_of(None, exit_mode, is_silent=False)
                assert stance >= stance_of(None, None, is_silent=is_silent)


@pytest.mark.parametrize(
    ("halt", "stance"),
    list(zip(HaltLevel, (Stance.NO_OPENS, Stance.NO_ENTRIES, Stance.CLEAR, Stance.FLAT), strict=True)),
)
def test_each_level_has_its_stance(halt: HaltLevel, stance: Stance) -> None:
    assert stance_of(halt, None, is_silent=False) is stance


@pytest.mark.parametrize(
    ("mode", "stance"), list(zip(ExitMode, (Stance.NO_ENTRIES, Stance.CLEAR, Stance.FLAT), strict=True))
)
def test_each_exit_mode_has_its_stance(mode: ExitMode, stance: Stance) -> None:
    assert stance_of(None, mode, is_silent=False) is stance


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """One bot's books and orders in every state: held or flat, protected well, badly, twice or not at all."""
    events: list[LedgerEvent] = []
    held = draw(st.integers(-3, 3))
    if held:
        side = Side.BUY if held > 0 else Side.SELL
        entry = an_intended(1, str(abs(held)), side)
        stop = draw(st.sampled_from((None, Decimal(900), Decimal(950))))
        target = draw(st.sampled_from((None, Decimal(1200))))
        events.append(Intended(entry.order, ANN, Purpose.OPEN, ZERO, Protection(stop, target), NOW))
        events.append(a_fill(1, intended_id(1), str(abs(held)), side=side))
    for leg in range(10, 10 + draw(st.integers(0, 6))):
        purpose = draw(st.sampled_from(Purpose))
        order = an_order(leg, str(draw(st.integers(1, 3))), draw(st.sampled_from(Side)))
        trigger = draw(st.sampled_from((Decimal(900), Decimal(950), Decimal(1200))))
        if purpose in KINDS:
            order = replace(order, type=KINDS[purpose], price=None, trigger=trigger, reduce_only=True)
        if purpose is Purpose.CLOSE:
            order = replace(order, tif=draw(st.sampled_from((TimeInForce.IOC, TimeInForce.GTC))))
        events.append(Intended(order, ANN, purpose, ZERO, Protection(), NOW))
        for news in draw(
            st.sampled_from(((), (OrderEvent.ACCEPT,), (OrderEvent.ACCEPT,), (OrderEvent.LOSE,)))
        ):
            events.append(Learned(order.id, news, "", NOW))
    return replayed(events)


def taken(ledger: Ledger, steps: Steps) -> None:
    """The venue does as it is asked, and fills every close."""
    for order_id in steps.cancels:
        ledger.apply(Learned(order_id, OrderEvent.CANCEL, "", NOW))
    for number, close in enumerate(steps.closes):
        side = Side.SELL if close.size > 0 else Side.BUY
        order = an_intended(900 + number, str(abs(close.size)), side, purpose=Purpose.CLOSE)
        ledger.apply(order)
        fill = a_fill(ledger.fill_sequence + 1, order.order.id, str(abs(close.size)), side=side)
        ledger.apply(fill)


@given(ledgers(), st.sampled_from(Stance))
def test_steps_that_were_taken_are_not_left(ledger: Ledger, stance: Stance) -> None:
    for _ in range(3):  # a close on its way, what it left, and then its stop
        taken(ledger, steps_to(stance, ANN, ledger))
        for order in ledger.live(ANN):
            if is_closing_now(order):
                ledger.apply(Learned(order.order.id, OrderEvent.CANCEL, "it found nothing", NOW))
    assert steps_to(stance, ANN, ledger) == Steps()
    left = {order.purpose for order in ledger.live(ANN)}
    if stance >= Stance.NO_ENTRIES:
        assert not left & {Purpose.OPEN, Purpose.QUOTE}
    if stance >= Stance.CLEAR:
        assert left <= {Purpose.STOP, Purpose.TARGET}
        assert not left or ledger.holdings(ANN)
    if stance is Stance.FLAT:
        assert not ledger.holdings(ANN)
        assert not ledger.live(ANN)


@given(ledgers(), st.sampled_from(Stance))
def test_a_held_position_keeps_its_guards_in_every_stance(ledger: Ledger, stance: Stance) -> None:
    cancels = steps_to(stance, ANN, ledger).cancels
    for order in ledger.live(ANN):
        if order.purpose in KINDS and ledger.holdings(ANN):
            assert order.order.id not in cancels


@given(ledgers())
def test_only_flat_closes(ledger: Ledger) -> None:
    for stance in Stance:
        closes = steps_to(stance, ANN, ledger).closes
        assert not closes or stance is Stance.FLAT
        assert all(close.size == ledger.book(ANN, close.symbol).size for close in closes)
