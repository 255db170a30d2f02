"""Exactly one stop for what is held, whatever was there before; and never a moment without."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from actors.ledger import Ledger, replayed
from actors.ledger_events import Intended, Learned, LedgerEvent, Protection
from actors.order_state import OrderEvent
from actors.protection import Holding, ProtectionSteps, is_bare, protect
from adapters.model import ZERO, OrderType, Side
from risk.intent import Purpose
from risk.limits import RiskParams
from tests.actors.builders import ANN, INSTRUMENTS, a_fill, an_intended, an_order, dec, intended_id
from tests.actors.test_stance import KINDS, ledgers
from tests.builders import BTC, NOW


def wanted_stops(ledger: Ledger) -> list[Decimal]:
    book = ledger.book(ANN, BTC)
    side = Side.SELL if book.size > 0 else Side.BUY
    return [
        order.remaining
        for order in ledger.live(ANN, BTC)
        if order.purpose is Purpose.STOP
        and order.order.side is side
        and order.order.trigger == book.protection.stop_loss
        and order.remaining == abs(book.size)
    ]


def guarded(ledger: Ledger, steps: ProtectionSteps) -> None:
    for number, guarding in enumerate(steps.place):
        leg = len(ledger.orders) + 500 + number
        order = an_order(leg, str(guarding.size), guarding.side)
        order = replace(order, type=guarding.type, price=None, trigger=guarding.trigger, reduce_only=True)
        ledger.apply(Intended(order, ANN, guarding.purpose, ZERO, Protection(), NOW))
        ledger.apply(Learned(order.id, OrderEvent.ACCEPT, "", NOW))
        if ledger.book(ANN, BTC).protection.stop_loss and guarding.purpose is Purpose.STOP:
            assert wanted_stops(ledger), "it is there before the old one goes"
    for order_id in steps.cancel:
        ledger.apply(Learned(order_id, OrderEvent.CANCEL, "", NOW))


def holding(ledger: Ledger, **changes: Any) -> Holding:
    base = Holding(
        symbol=BTC,
        book=ledger.book(ANN, BTC),
        live=ledger.live(ANN, BTC),
        instrument=INSTRUMENTS[BTC],
        net=ledger.net(BTC),
        params=RiskParams(),
    )
    return replace(base, **changes)


def missing(ledger: Ledger, **changes: Any) -> ProtectionSteps:
    return protect(holding(ledger, **changes))


@given(ledgers())
def test_protection_that_is_in_place_is_left_in_peace(ledger: Ledger) -> None:
    guarded(ledger, missing(ledger))
    for order in ledger.live(ANN):  # what was unknown becomes known
        ledger.apply(Learned(order.order.id, OrderEvent.ACCEPT, "", NOW))
    for _ in range(2):  # an old one goes when the new one rests
        guarded(ledger, missing(ledger))
    assert missing(ledger) == ProtectionSteps()
    book, live = ledger.book(ANN, BTC), ledger.live(ANN, BTC)
    for purpose, price in (
        (Purpose.STOP, book.protection.stop_loss),
        (Purpose.TARGET, book.protection.take_profit),
    ):
        guards = [order for order in live if order.purpose is purpose]
        assert len(guards) <= 1
        if book.size and price is not None:
            assert [order.remaining for order in guards] == [abs(book.size)]
        if not book.size:
            assert not guards


@given(ledgers())
def test_it_never_asks_for_two_stops_nor_cancels_what_it_cannot_know(ledger: Ledger) -> None:
    steps = missing(ledger)
    for purpose in KINDS:
        assert sum(guarding.purpose is purpose for guarding in steps.place) <= 1
    cancelled = {ledger.orders[order_id].purpose for order_id in steps.cancel}
    assert cancelled <= set(KINDS)


@given(ledgers())
def test_a_fitting_stop_is_never_cancelled_while_it_is_the_only_one(ledger: Ledger) -> None:
    if wanted_stops(ledger):
        guarded(ledger, replace(missing(ledger), place=()))
        assert wanted_stops(ledger)


def test_of_two_stops_that_fit_one_goes() -> None:
    entry = an_intended(1, "2")
    events: list[LedgerEvent] = [entry, a_fill(1, entry.order.id, "2")]
    for leg in (11, 12):
        stop = replace(
            an_order(leg, "2", Side.SELL), type=OrderType.STOP, price=None, trigger=entry.protection.stop_loss
        )
        events.append(Intended(stop, ANN, Purpose.STOP, ZERO, Protection(), NOW))
        events.append(Learned(stop.id, OrderEvent.ACCEPT, "", NOW))
    assert missing(replayed(events)).cancel == (intended_id(12),)


def long_of(size: str, stop: str | None, *stops: tuple[str, str]) -> Ledger:
    """Ann is long at 1000, with a declared stop or none, and has these stops (size, trigger) at the venue."""
    protection = Protection(Decimal(stop) if stop else None)
    entry = replace_protection(an_intended(1, size), protection)
    events: list[LedgerEvent] = [entry, a_fill(1, entry.order.id, size)]
    for leg, (stop_size, trigger) in enumerate(stops, start=11):
        order = replace(
            an_order(leg, stop_size, Side.SELL), type=OrderType.STOP, price=None, trigger=dec(trigger)
        )
        events.append(Intended(order, ANN, Purpose.STOP, ZERO, Protection(), NOW))
        events.append(Learned(order.id, OrderEvent.ACCEPT, "", NOW))
    return replayed(events)


def replace_protection(intended: Intended, protection: Protection) -> Intended:
    return Intended(intended.order, intended.bot, intended.purpose, intended.reserve_price, protection, NOW)


def placed(steps: ProtectionSteps) -> list[tuple[str, str]]:
    return [(str(guard.size), str(guard.trigger)) for guard in steps.place if guard.purpose is Purpose.STOP]


LATELY = {Purpose.STOP: 1.0}
LONG_AGO = {Purpose.STOP: 5.0}


def test_a_position_that_named_no_stop_gets_one_from_its_entry() -> None:
    assert placed(missing(long_of("2", None))) == [("2", "950")]
    assert placed(missing(long_of("2", None), params=RiskParams(protective_stop_pct=dec(3)))) == [
        ("2", "970")
    ]


def test_a_short_that_named_no_stop_gets_one_above() -> None:
    entry = replace_protection(an_intended(1, "2", Side.SELL), Protection())
    ledger = replayed([entry, a_fill(1, entry.order.id, "2", side=Side.SELL)])
    assert placed(missing(ledger)) == [("2", "1050")]


def test_a_derived_stop_stays_well_before_the_liquidation() -> None:
    assert placed(missing(long_of("2", None), liquidation_price=dec(970))) == [("2", "985")]


def test_a_declared_stop_beyond_the_liquidation_is_refused() -> None:
    steps = missing(long_of("2", "900"), liquidation_price=dec(910))
    assert steps.refused == "a stop at 900 lies beyond the liquidation price 910"
    assert not missing(long_of("2", "911"), liquidation_price=dec(910)).refused
    assert not missing(long_of("2", "900", ("2", "900")), liquidation_price=dec(910)).refused, "it rests"


@pytest.mark.parametrize(("side", "stop"), [(Side.BUY, "910"), (Side.SELL, "1090")])
def test_a_stop_at_the_liquidation_itself_comes_too_late(side: Side, stop: str) -> None:
    entry = replace_protection(an_intended(1, "2", side), Protection(dec(stop)))
    ledger = replayed([entry, a_fill(1, entry.order.id, "2", side=side)])
    assert missing(ledger, liquidation_price=dec(stop)).refused
    assert not missing(ledger, liquidation_price=dec(stop) - side.sign).refused


def test_a_stop_of_the_other_side_names_no_price_for_this_one() -> None:
    """After a lost journal: what guarded a short before it became this long still rests."""
    ledger = long_of("2", None)
    left = replace(an_order(20, "2", Side.BUY), type=OrderType.STOP, price=None, trigger=dec(1100))
    ledger.apply(Intended(left, ANN, Purpose.STOP, ZERO, Protection(), NOW, is_adopted=True))
    ledger.apply(Learned(left.id, OrderEvent.ACCEPT, "", NOW))
    steps = missing(ledger)
    assert (placed(steps), steps.cancel) == ([("2", "950")], (left.id,))


def test_a_stop_moves_by_a_step_at_least() -> None:
    assert missing(long_of("2", "900", ("2", "899.2"))) == ProtectionSteps()
    assert placed(missing(long_of("2", "900", ("2", "899")))) == [("2", "900")]
    exact = RiskParams(stop_move_min_pct=ZERO)
    assert placed(missing(long_of("2", "900", ("2", "899.2")), params=exact)) == [("2", "900")]


def test_a_stop_does_not_move_twice_within_its_interval() -> None:
    ledger = long_of("2", "950", ("2", "900"))
    assert missing(ledger, moved_s=LATELY) == ProtectionSteps(is_delayed=True)
    assert placed(missing(ledger, moved_s=LONG_AGO)) == [("2", "950")]
    eager = RiskParams(stop_move_interval=timedelta(seconds=1))
    assert placed(missing(ledger, moved_s=LATELY, params=eager)) == [("2", "950")]


def test_a_part_without_a_stop_waits_for_nothing() -> None:
    assert placed(missing(long_of("3", "900", ("2", "900")), moved_s=LATELY)) == [("3", "900")]


def test_a_stop_for_more_than_is_held_waits_where_the_venue_cuts_it() -> None:
    ledger = long_of("2", "900", ("3", "900"))
    assert missing(ledger, moved_s=LATELY).is_delayed
    assert placed(missing(ledger, moved_s=LATELY, net=dec(5))) == [("2", "900")], (
        "it would sell what others hold"
    )


def test_an_old_stop_stays_until_the_new_one_rests() -> None:
    ledger = long_of("3", "900", ("2", "900"))
    steps = missing(ledger)
    assert (placed(steps), steps.cancel) == ([("3", "900")], ())
    new = replace(an_order(20, "3", Side.SELL), type=OrderType.STOP, price=None, trigger=dec(900))
    ledger.apply(Intended(new, ANN, Purpose.STOP, ZERO, Protection(), NOW))
    ledger.apply(Learned(new.id, OrderEvent.LOSE, "timeout", NOW))
    assert missing(ledger) == ProtectionSteps(), "nobody knows whether it is there"
    ledger.apply(Learned(new.id, OrderEvent.ACCEPT, "", NOW))
    assert missing(ledger).cancel == (intended_id(11),)


def test_what_rests_for_a_bot_without_a_seat_stays_as_it_is() -> None:
    ledger = long_of("2", None, ("2", "870"))
    assert missing(ledger, params=None) == ProtectionSteps()
    assert placed(missing(ledger)) == [("2", "950")]


@pytest.mark.parametrize(
    ("stops", "net", "bare"),
    [
        ((), "2", True),
        ((("1", "900"),), "2", True),
        ((("2", "900"),), "2", False),
        ((("3", "900"),), "2", False),
        ((), "-1", False),
        ((), "0", False),
    ],
)
def test_a_holding_is_bare_without_a_stop_that_covers_it(
    stops: tuple[tuple[str, str], ...], net: str, bare: bool
) -> None:
    assert is_bare(holding(long_of("2", "900", *stops), net=dec(net))) is bare


def test_a_stop_of_which_nobody_knows_whether_it_rests_covers_nothing() -> None:
    ledger = long_of("2", "900")
    stop = replace(an_order(20, "2", Side.SELL), type=OrderType.STOP, price=None, trigger=dec(900))
    ledger.apply(Intended(stop, ANN, Purpose.STOP, ZERO, Protection(), NOW))
    assert is_bare(holding(ledger))
    ledger.apply(Learned(stop.id, OrderEvent.LOSE, "timeout", NOW))
    assert is_bare(holding(ledger))
    ledger.apply(Learned(stop.id, OrderEvent.ACCEPT, "", NOW))
    assert not is_bare(holding(ledger))


def test_a_bot_that_leans_against_the_account_gets_no_derived_stop() -> None:
    assert missing(long_of("2", None), net=dec(-1)) == ProtectionSteps()
