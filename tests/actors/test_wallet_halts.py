"""Halts, exits and silence: each level's effect at the venue, and nothing believed that the venue does not show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.messages import Admit, Changed, Dismissed, OutcomeKind, Retire
from actors.order_state import OrderState
from adapters.errors import ExchangeDown, Fenced, Insufficient, NotFound, OutcomeUnknown, Temporary
from adapters.model import BotId, Order, OrderType, Side, TimeInForce
from config.spec import ExitMode, HaltLevel
from risk.intent import Purpose
from tests.actors.builders import (
    ANN,
    BEN,
    Floor,
    a_bot_spec,
    a_close,
    a_quote_intent,
    an_open,
    dec,
    intended_id,
    refusal_of,
    soon,
)
from tests.builders import BTC
from tests.fakes import Fault, Hold

LIMIT, STOP, TARGET = OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT


@pytest.fixture
async def floor() -> Floor:
    """Ann is long one with stop and target, and quotes; Ben quotes."""
    floor = Floor()
    await floor.open(a_bot_spec(), a_bot_spec(BEN))
    await floor.submit(an_open(), a_quote_intent(1, "980"))
    await floor.submit(a_quote_intent(1, "970", bot=BEN), bot=BEN)
    return floor


def kinds(floor: Floor) -> list[OrderType]:
    return sorted(order.type for order in floor.resting())


@pytest.mark.parametrize(
    ("level", "left", "position"),
    [
        (HaltLevel.PAUSE_ENTRIES, [LIMIT, LIMIT, STOP, TARGET], 1),
        (HaltLevel.REDUCE_ONLY, [STOP, TARGET], 1),
        (HaltLevel.CANCEL_ALL, [STOP, TARGET], 1),
        (HaltLevel.FLATTEN, [], 0),
    ],
)
async def test_each_level_leaves_at_the_venue_what_it_says(
    floor: Floor, level: HaltLevel, left: list[OrderType], position: int
) -> None:
    engaged = await floor.halt(level)
    assert (engaged.complete, engaged.orders, engaged.positions, engaged.unknown) == (True, 0, 0, 0)
    assert kinds(floor) == sorted(left)
    assert floor.at_venue() == floor.held() == position
    (opening,) = await floor.submit(an_open(5))
    assert refusal_of(opening).rule == "halted"
    (closing,) = await floor.submit(a_close(6))
    assert (closing.kind is OutcomeKind.PLACED) == bool(position)


@pytest.mark.parametrize(
    ("scope", "halted"),
    [
        ("fleet", {ANN, BEN}),
        ("wallet:main", {ANN, BEN}),
        ("wallet:other", set()),
        ("bot:ann", {ANN}),
        ("bot:an", set()),
    ],
)
async def test_a_halt_reaches_those_in_its_scope(floor: Floor, scope: str, halted: set[BotId]) -> None:
    await floor.halt(HaltLevel.REDUCE_ONLY, scope)
    assert {bot for bot in (ANN, BEN) if floor.look(bot).halt} == halted


async def test_the_bots_are_told_of_a_halt(floor: Floor) -> None:
    floor.notices[BEN].clear()
    await floor.halt(HaltLevel.PAUSE_ENTRIES, "bot:ann")
    assert Changed() in floor.notices[BEN]
    assert floor.look().halt is HaltLevel.PAUSE_ENTRIES


async def test_an_older_generation_is_ignored_and_the_newest_lifts(floor: Floor) -> None:
    await floor.halt(HaltLevel.REDUCE_ONLY, generation=7)
    engaged = await floor.halt(None, generation=6)
    assert engaged.generation == 7
    assert floor.look().halt is HaltLevel.REDUCE_ONLY
    engaged = await floor.halt(None, generation=8)
    assert (engaged.generation, engaged.complete) == (8, True)
    (outcome,) = await floor.submit(an_open(5))
    assert outcome.kind is OutcomeKind.PLACED


async def test_flatten_is_complete_only_when_the_venue_shows_it(floor: Floor) -> None:
    floor.show(999, 1001, size=0)
    engaged = await floor.halt(HaltLevel.FLATTEN)
    assert (engaged.complete, engaged.positions) == (False, 1)
    floor.show(950, 951, size=10)
    engaged = await floor.halt(HaltLevel.FLATTEN, generation=1)
    assert engaged.complete
    assert floor.is_flat()


@pytest.mark.parametrize("verb", ["open_orders", "positions", "fills_since"])
async def test_a_venue_that_cannot_be_read_is_never_flat(floor: Floor, verb: str) -> None:
    await floor.halt(HaltLevel.FLATTEN)
    floor.venue.fail(verb, ExchangeDown("maintenance"))
    engaged = await floor.halt(HaltLevel.FLATTEN, generation=9)
    assert not engaged.complete
    assert "maintenance" in engaged.detail


async def test_a_position_that_the_books_do_not_know_is_not_flat(floor: Floor) -> None:
    await floor.halt(HaltLevel.FLATTEN)
    floor.exchange._floor.accounts["main"].ledger.trade(BTC, dec(1), dec(1000))
    engaged = await floor.halt(HaltLevel.FLATTEN, generation=9)
    assert (engaged.complete, engaged.positions) == (False, 1)


async def test_flatten_closes_also_what_belongs_to_nobody() -> None:
    floor = Floor()
    floor.show(999, 1001)
    by_hand = Order(id=intended_id(3, BotId("gone")), symbol=BTC, side=Side.BUY, size=dec(2), price=dec(1001))
    floor.exchange.place("main", by_hand)
    foreign = replace(by_hand, id="0" * 32)  # type: ignore[arg-type]
    floor.exchange.place("main", foreign)
    await floor.open()
    assert floor.at_venue() == 4
    engaged = await floor.halt(HaltLevel.FLATTEN)
    assert engaged.complete
    assert floor.at_venue() == 0


async def test_a_halt_finds_an_order_that_is_in_the_air(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    placing = await soon(floor.submit(a_quote_intent(5, "960")))
    engaged = await floor.halt(HaltLevel.REDUCE_ONLY)
    assert (engaged.complete, engaged.unknown) == (False, 1)
    hold.gate.set()
    await placing
    engaged = await floor.halt(HaltLevel.REDUCE_ONLY, generation=1)
    assert engaged.complete
    assert kinds(floor) == [STOP, TARGET]


async def test_no_halt_is_complete_while_an_entry_may_still_arrive(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    placing = await soon(floor.submit(a_quote_intent(5, "960")))
    engaged = await floor.halt(HaltLevel.PAUSE_ENTRIES)
    assert (engaged.complete, engaged.orders, engaged.unknown) == (False, 0, 1)
    hold.gate.set()
    await placing
    assert (await floor.halt(HaltLevel.PAUSE_ENTRIES, generation=1)).complete


@pytest.mark.parametrize("level", HaltLevel)
async def test_no_halt_is_complete_while_an_order_rests_that_the_books_have_as_over(level: HaltLevel) -> None:
    floor = Floor()
    await floor.open()
    await floor.submit(a_quote_intent(1))
    floor.wallet.ledger.orders[intended_id(1)].state = OrderState.REJECTED
    floor.wallet.ledger._live.clear()
    floor.venue.fail("cancel", ExchangeDown("maintenance"))
    engaged = await floor.halt(level)
    assert (engaged.complete, engaged.orders) == (False, 1)
    floor.venue.fail("cancel", None)
    assert (await floor.halt(level, generation=1)).complete
    assert not floor.resting()


async def test_a_halt_is_not_complete_while_an_outcome_is_unknown(floor: Floor) -> None:
    floor.venue.script("place", Fault(OutcomeUnknown("timeout"), takes_effect=True))
    floor.venue.fail("order", OutcomeUnknown("timeout"))
    floor.venue.script("open_orders", Fault(Temporary("503")))
    await floor.submit(a_quote_intent(5, "960"))
    engaged = await floor.halt(HaltLevel.CANCEL_ALL)
    assert not engaged.complete
    floor.venue.fail("order", None)
    assert (await floor.halt(HaltLevel.CANCEL_ALL, generation=1)).complete
    assert kinds(floor) == [STOP, TARGET]


async def test_a_close_that_rests_does_not_stand_in_the_way_of_flatten(floor: Floor) -> None:
    far = replace(a_close(7), type=OrderType.LIMIT, price=dec(5000), tif=TimeInForce.GTC)
    await floor.submit(far)
    assert [o for o in floor.resting() if o.price == 5000]
    for generation in (1, 2):
        engaged = await floor.halt(HaltLevel.FLATTEN, generation=generation)
    assert engaged.complete
    assert floor.at_venue() == 0


async def test_a_close_that_meets_the_stop_does_not_turn_the_position_round(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    halting = await soon(floor.halt(HaltLevel.FLATTEN))
    floor.show(890, 891)
    assert floor.at_venue() == 0, "the stop was first"
    hold.gate.set()
    await halting
    assert floor.at_venue() == 0
    await floor.pass_()
    assert (await floor.halt(HaltLevel.FLATTEN, generation=1)).complete
    assert floor.is_flat()


async def test_a_refused_close_is_not_hammered(floor: Floor) -> None:
    floor.venue.fail("place", Insufficient("no"))
    await floor.halt(HaltLevel.FLATTEN)
    await floor.wallet.upkeep()
    asked = len(floor.venue.asked("place"))
    for _ in range(3):
        await floor.wallet.upkeep()
    assert len(floor.venue.asked("place")) == asked, (
        "a refusal wakes nobody; the next pass over all tries again"
    )
    await floor.wallet.upkeep(everyone=True)
    assert len(floor.venue.asked("place")) == asked + 1


async def test_a_cancel_that_fails_is_tried_again(floor: Floor) -> None:
    floor.venue.fail("cancel", ExchangeDown("maintenance"))
    engaged = await floor.halt(HaltLevel.REDUCE_ONLY)
    assert (engaged.complete, engaged.orders) == (False, 2)
    floor.venue.fail("cancel", None)
    assert (await floor.halt(HaltLevel.REDUCE_ONLY, generation=1)).complete


@pytest.mark.parametrize(
    ("mode", "left", "position"),
    [
        (ExitMode.KEEP, [LIMIT, STOP, TARGET], 1),
        (ExitMode.PROTECT, [LIMIT, STOP, TARGET], 1),
        (ExitMode.FLATTEN, [LIMIT], 0),
    ],
)
async def test_a_retired_bot_leaves_what_its_exit_mode_says_and_others_stay(
    floor: Floor, mode: ExitMode, left: list[OrderType], position: int
) -> None:
    retired = await floor.wallet.retire(Retire(ANN, mode))
    if not retired.done:
        retired = await floor.wallet.retire(Retire(ANN, mode))
    assert retired.done
    assert retired.positions == ({BTC: dec(1)} if position else {})
    assert kinds(floor) == sorted(left)
    assert floor.held() == floor.at_venue() == position
    assert Dismissed() in floor.notices[ANN]
    with pytest.raises(Fenced):
        await floor.submit(an_open(5))
    await floor.submit(a_quote_intent(3, bot=BEN), bot=BEN)


async def test_a_bot_whose_stop_may_not_rest_has_not_left_protected() -> None:
    floor = Floor()
    await floor.open()
    floor.venue.script("place", None, Fault(OutcomeUnknown("timeout"), takes_effect=True))
    floor.venue.fail("order", OutcomeUnknown("timeout"))
    await floor.submit(an_open(take_profit=None))
    assert not (await floor.wallet.retire(Retire(ANN, ExitMode.PROTECT))).done
    floor.venue.fail("order", None)
    assert (await floor.wallet.retire(Retire(ANN, ExitMode.PROTECT))).done
    assert kinds(floor) == [STOP]


async def test_a_retirement_asked_again_is_still_done(floor: Floor) -> None:
    for _ in range(3):
        retired = await floor.wallet.retire(Retire(ANN, ExitMode.PROTECT))
        assert retired.done
    assert floor.wallet.ledger.record(ANN).epoch == 2


async def test_a_bot_on_its_way_out_is_fenced_and_a_second_seat_of_its_epoch_changes_nothing(
    floor: Floor,
) -> None:
    floor.venue.fail("cancel", ExchangeDown("maintenance"))
    retired = await floor.wallet.retire(Retire(ANN, ExitMode.PROTECT))
    assert not retired.done
    floor.wallet.admit(Admit(a_bot_spec(), 1))
    for ask in (floor.look, floor.hello):
        with pytest.raises(Fenced):
            ask()
    floor.venue.fail("cancel", None)
    assert (await floor.wallet.retire(Retire(ANN, ExitMode.PROTECT))).done
    with pytest.raises(Fenced, match="over"):
        floor.wallet.admit(Admit(a_bot_spec(), 1))
    floor.wallet.admit(Admit(a_bot_spec(), 3))
    floor.hello(epoch=3)
    assert floor.look(epoch=3).positions[BTC].size == 1


async def test_a_bot_that_nobody_seated_can_be_retired_flat(floor: Floor) -> None:
    del floor.wallet.seats[ANN]
    for _ in range(2):
        retired = await floor.wallet.retire(Retire(ANN, ExitMode.FLATTEN))
    assert retired.done
    assert floor.at_venue() == 0


async def test_flat_is_not_retired_while_the_venue_cannot_be_read(floor: Floor) -> None:
    floor.venue.fail("open_orders", Temporary("503"))
    with pytest.raises(Temporary):
        await floor.wallet.retire(Retire(ANN, ExitMode.FLATTEN))
    assert floor.wallet.ledger.record(ANN).epoch == 1


async def test_the_entries_of_a_silent_bot_are_cancelled_and_its_stops_stay(floor: Floor) -> None:
    floor.advance(14)
    floor.look(BEN)
    await floor.pass_()
    assert len(floor.resting()) == 4
    floor.advance(2)
    await floor.pass_()
    assert {order.id for order in floor.resting() if order.type is LIMIT} == {intended_id(1, BEN)}
    assert kinds(floor) == [LIMIT, STOP, TARGET]
    floor.show(999, 1001)
    floor.look()
    (outcome,) = await floor.submit(a_quote_intent(8))
    assert outcome.kind is OutcomeKind.PLACED
    await floor.pass_()
    assert intended_id(8) in {order.id for order in floor.resting()}


async def test_a_new_epoch_dismisses_the_old_one(floor: Floor) -> None:
    floor.wallet.admit(Admit(a_bot_spec(), 2))
    assert floor.notices[ANN][-1] == Dismissed()
    with pytest.raises(Fenced):
        floor.look()
    with pytest.raises(Fenced, match="over"):
        floor.wallet.admit(Admit(a_bot_spec(), 1))
    floor.hello(epoch=2)
    assert floor.look(epoch=2).positions[BTC].size == 1


async def test_a_difference_over_two_looks_quarantines_that_market_only(floor: Floor) -> None:
    await floor.wallet.recount()
    ledger = floor.exchange._floor.accounts["main"].ledger
    ledger.trade(BTC, dec(1), dec(1000))
    await floor.wallet.recount()
    (outcome,) = await floor.submit(a_quote_intent(11))
    assert outcome.kind is OutcomeKind.PLACED, "one look may be a race"
    await floor.wallet.recount()
    (outcome,) = await floor.submit(a_quote_intent(12))
    assert refusal_of(outcome).rule == "halted"
    (problem,) = floor.wallet.report().problems
    assert "our books say 1, the venue says 2" in problem
    eth = replace(a_quote_intent(13, "90"), symbol="ETH")  # type: ignore[arg-type]
    (outcome,) = await floor.submit(eth)
    assert outcome.kind is OutcomeKind.PLACED
    (outcome,) = await floor.submit(a_close(14))
    assert outcome.kind is OutcomeKind.PLACED
    ledger.trade(BTC, dec(-1), dec(1000))
    await floor.wallet.recount()
    (outcome,) = await floor.submit(a_quote_intent(15))
    assert outcome.kind is OutcomeKind.PLACED


async def test_a_recount_that_cannot_read_judges_nothing(floor: Floor) -> None:
    for verb in ("positions", "open_orders"):
        floor.venue.fail(verb, Temporary("503"))
        for _ in range(3):
            with pytest.raises(Temporary):
                await floor.wallet.recount()
        floor.venue.fail(verb, None)
    assert not floor.wallet.report().problems
    assert floor.held() == 1


async def test_a_recount_beside_an_order_in_the_air_kills_nothing(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    placing = await soon(floor.submit(a_quote_intent(5, "960")))
    await floor.wallet.recount()
    hold.gate.set()
    ((outcome,),) = [await placing]
    assert outcome.kind is OutcomeKind.PLACED
    assert intended_id(5) in {order.order.id for order in floor.wallet.ledger.live(ANN)}


async def test_an_order_that_vanished_from_the_venue_is_looked_up(floor: Floor) -> None:
    floor.exchange.cancel("main", intended_id(1, BEN))
    floor.venue.script("order", *[Fault(NotFound("never heard of it"))] * 2)
    await floor.wallet.recount()
    assert [order for order in floor.wallet.ledger.live(BEN) if order.purpose is Purpose.QUOTE]
    floor.advance(2.1)
    await floor.wallet.recount()
    assert not [order for order in floor.wallet.ledger.live(BEN) if order.purpose is Purpose.QUOTE]
