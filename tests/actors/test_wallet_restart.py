"""A wallet that dies at any point comes back with the same books, and no order is doubled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actors.ledger import replayed
from actors.messages import Admit, OutcomeKind, Retire
from actors.order_state import OrderState
from adapters.errors import ExchangeDown, Fenced, LinkError, Temporary
from adapters.model import OrderType
from config.spec import ExitMode, HaltLevel, UnknownOrders
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
)
from tests.actors.test_ledger import state_of
from tests.builders import BTC
from tests.fakes import Fault

EXPIRED_S = 2.1  # after which what was on its way has expired for certain


class Killed(BaseException):
    """SIGKILL, as far as a test can."""


@pytest.fixture
async def floor(tmp_path: Path) -> Floor:
    floor = Floor(tmp_path / "main.journal")
    await floor.open(a_bot_spec(), a_bot_spec(BEN))
    return floor


async def reborn(floor: Floor, *, seat: bool = True) -> None:
    floor.born()
    await floor.wallet.start()
    floor.lender.sequence += 1
    await floor.wallet.renew(floor.lender)
    floor.show(999, 1001)
    if seat:
        for bot in (ANN, BEN):
            floor.wallet.admit(Admit(a_bot_spec(bot), 1))
            floor.hello(bot)


async def trade(floor: Floor) -> None:
    await floor.submit(an_open(0, "2"), a_quote_intent(1, "980"))
    await floor.submit(an_open(0, "1", bot=BEN), a_quote_intent(1, "970", bot=BEN), bot=BEN)
    await floor.submit(a_close(2, "0.5"))
    await floor.pass_()


async def test_a_successor_has_the_same_books_orders_and_results(floor: Floor) -> None:
    await trade(floor)
    before, resting = floor.wallet.ledger, floor.resting()
    await reborn(floor)
    after = floor.wallet.ledger
    assert after.lease.sequence > 1
    assert {order.order.id for order in after.live()} == {order.order.id for order in before.live()}
    assert (after.books, after.records) == (before.books, before.records)
    await floor.pass_()
    assert floor.resting() == resting
    assert (floor.held(), floor.held(BEN), floor.at_venue()) == (dec("1.5"), dec(1), dec("2.5"))


async def test_the_journal_is_the_ledger_at_every_moment(floor: Floor) -> None:
    await trade(floor)
    await floor.halt(HaltLevel.FLATTEN)
    live = state_of(floor.wallet.ledger)
    floor.born()
    assert state_of(floor.wallet.ledger) == live
    events = floor.journal.events  # type: ignore[attr-defined]  # a file's
    assert state_of(replayed([replayed(events).summary()])) == live


@pytest.mark.parametrize("takes_effect", [False, True])
async def test_killed_while_sending_it_sends_nothing_twice(floor: Floor, takes_effect: bool) -> None:
    floor.venue.script("place", Fault(Killed(), takes_effect=takes_effect))
    with pytest.raises(Killed):
        await floor.submit(an_open())
    assert floor.at_venue() == int(takes_effect)
    await reborn(floor)
    assert floor.held() == floor.at_venue() == int(takes_effect)
    (outcome,) = await floor.submit(an_open())
    assert outcome.kind is (OutcomeKind.PLACED if takes_effect else OutcomeKind.UNKNOWN)
    floor.advance(EXPIRED_S)
    await floor.pass_()
    (outcome,) = await floor.submit(an_open())
    assert outcome.kind is (OutcomeKind.PLACED if takes_effect else OutcomeKind.REJECTED)
    assert floor.at_venue() == int(takes_effect)
    entries = [order for order in floor.venue.asked("place") if order.id == intended_id(0)]
    assert len(entries) == 1
    await floor.pass_()
    assert len(floor.resting(OrderType.STOP)) == int(takes_effect)


@pytest.mark.parametrize("takes_effect", [False, True])
@pytest.mark.parametrize("nth", range(3))
async def test_killed_while_protecting_it_protects_once(floor: Floor, nth: int, takes_effect: bool) -> None:
    floor.venue.script("place", *[None] * nth, Fault(Killed(), takes_effect=takes_effect))
    with pytest.raises(Killed):
        await floor.submit(an_open())
    await reborn(floor)
    await floor.pass_()
    floor.advance(EXPIRED_S)
    for _ in range(2):
        await floor.pass_()
    size = floor.at_venue()
    assert floor.held() == size == (0 if nth == 0 and not takes_effect else 1)
    for kind in (OrderType.STOP, OrderType.TAKE_PROFIT):
        assert len(floor.resting(kind)) == size


async def test_killed_between_journal_and_send(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("actors.order_desk.OrderDesk.send", killed)
        with pytest.raises(Killed):
            await floor.submit(an_open())
    floor.born()
    assert floor.wallet.ledger.orders[intended_id(0)].state is OrderState.INTENDED
    assert floor.wallet.used_usd() == 1010, "reserved until there is proof"
    floor.venue.script("open_orders", Fault(Temporary("503")))
    with pytest.raises(Temporary):
        await floor.wallet.start()
    assert floor.wallet.report().unknown_orders == 1
    await floor.wallet.start()
    assert floor.wallet.report().unknown_orders == 1, "it may be on its way until it has expired"
    floor.advance(EXPIRED_S)
    await floor.wallet.recount()
    assert floor.wallet.ledger.orders[intended_id(0)].state is OrderState.REJECTED
    assert floor.wallet.used_usd() == 0


async def test_what_happened_while_it_was_away_is_learned_before_the_first_order(floor: Floor) -> None:
    await floor.submit(an_open(), a_quote_intent(1, "980"))
    floor.show(970, 971)
    floor.exchange.cancel("main", floor.resting(OrderType.TAKE_PROFIT)[0].id)
    await reborn(floor)
    assert floor.held() == floor.at_venue() == 2
    await floor.pass_()
    assert [order.size for order in floor.resting(OrderType.STOP)] == [2]
    assert [order.size for order in floor.resting(OrderType.TAKE_PROFIT)] == [2]


async def test_it_does_not_begin_before_the_venue_can_be_read(floor: Floor) -> None:
    await trade(floor)
    floor.born()
    floor.venue.fail("open_orders", Temporary("503"))
    with pytest.raises(Temporary):
        await floor.wallet.start()
    assert not floor.wallet.ready
    floor.venue.fail("open_orders", None)
    await floor.wallet.start()
    assert floor.wallet.ready


async def test_a_halt_outlives_the_wallet(floor: Floor) -> None:
    await floor.submit(an_open())
    floor.venue.fail("place", Temporary("503"))
    floor.venue.fail("cancel", Temporary("503"))
    await floor.halt(HaltLevel.FLATTEN)
    floor.venue.fail("place", None)
    floor.venue.fail("cancel", None)
    await reborn(floor)
    assert floor.look().halt is HaltLevel.FLATTEN
    (outcome,) = await floor.submit(an_open(5))
    assert refusal_of(outcome).rule == "halted"
    floor.advance(EXPIRED_S)
    await floor.pass_()
    assert floor.at_venue() == 0


async def test_a_bot_that_comes_before_its_seat_waits_and_is_not_fenced(floor: Floor) -> None:
    await reborn(floor, seat=False)
    for ask in (floor.look, floor.hello):
        with pytest.raises(LinkError, match="not seated yet"):
            ask()
    with pytest.raises(Fenced):
        floor.hello(epoch=0)
    floor.wallet.admit(Admit(a_bot_spec(), 1))
    floor.hello()
    assert floor.look()


async def test_a_retired_epoch_is_over_for_the_successor_too(floor: Floor) -> None:
    assert (await floor.wallet.retire(Retire(ANN, ExitMode.KEEP))).done
    await reborn(floor, seat=False)
    with pytest.raises(Fenced):
        floor.hello()
    with pytest.raises(Fenced, match="over"):
        floor.wallet.admit(Admit(a_bot_spec(), 1))


@pytest.mark.parametrize("mode", ExitMode)
async def test_a_successor_goes_on_with_a_retirement_without_being_told(floor: Floor, mode: ExitMode) -> None:
    await floor.submit(an_open(), a_quote_intent(1, "980"))
    for verb in ("place", "cancel"):
        floor.venue.fail(verb, ExchangeDown("maintenance"))
    assert not (await floor.wallet.retire(Retire(ANN, mode))).done
    for verb in ("place", "cancel"):
        floor.venue.fail(verb, None)
    await reborn(floor, seat=False)
    for _ in range(2):
        await floor.pass_()
    assert not floor.resting(OrderType.LIMIT)
    assert floor.at_venue() == (0 if mode is ExitMode.FLATTEN else 1)
    with pytest.raises(Fenced):
        floor.look()
    floor.wallet.admit(Admit(a_bot_spec(), 2))
    floor.hello(epoch=2)
    await reborn(floor, seat=False)
    floor.wallet.admit(Admit(a_bot_spec(), 2))
    floor.hello(epoch=2)
    assert floor.look(epoch=2).halt is None, (
        "a new epoch ends the retirement of the old one, for a successor too"
    )


async def test_its_own_orders_have_new_ids_in_every_life(floor: Floor) -> None:
    await floor.submit(an_open())
    await reborn(floor)
    await floor.submit(an_open(5))
    placed = [order.id for order in floor.venue.asked("place")]
    assert len(placed) == len(set(placed))


async def test_without_its_journal_it_comes_back_by_the_venues_ledger_and_keeps_the_stops(
    floor: Floor, tmp_path: Path
) -> None:
    await floor.submit(an_open(0, "2"), a_quote_intent(1, "980"))
    await floor.submit(an_open(0, "1", bot=BEN, stop_loss=dec(850)), bot=BEN)
    guards = [order for order in floor.resting() if order.type.is_trigger]
    floor.path = tmp_path / "other.journal"
    await reborn(floor)
    assert (floor.held(), floor.held(BEN), floor.at_venue()) == (dec(2), dec(1), dec(3))
    for _ in range(2):
        await floor.pass_()
    assert floor.resting() == guards, "why the entry rested nobody knows any more: it is cancelled"
    assert floor.look().positions[BTC].size == 2
    await floor.submit(a_close(9, "2"))
    await floor.pass_()
    assert [order.size for order in floor.resting(OrderType.STOP)] == [1]


async def test_a_partly_filled_order_is_adopted_with_what_has_filled(floor: Floor, tmp_path: Path) -> None:
    floor.spec = replace(floor.spec, unknown_orders=UnknownOrders.ADOPT)
    await floor.submit(a_quote_intent(1, "990", "15"))
    floor.show(980, 981, size=4)
    assert floor.at_venue() == 4
    floor.path = tmp_path / "other.journal"
    await reborn(floor)
    (order,) = floor.wallet.ledger.live(ANN)
    assert (order.filled, order.remaining) == (dec(4), dec(11))
    floor.show(970, 971, size=20)
    await floor.pass_()
    assert floor.wallet.ledger.orders[order.order.id].state is OrderState.FILLED
    assert floor.held() == 15
    assert {live.purpose for live in floor.wallet.ledger.live(ANN)} == {Purpose.STOP}


async def test_a_lease_of_an_earlier_life_is_not_taken_again(floor: Floor) -> None:
    floor.born()
    await floor.wallet.start()
    floor.lender.sequence = 0
    await floor.wallet.renew(floor.lender)
    assert floor.wallet.report().lease is None
    floor.lender.sequence = 5
    await floor.wallet.renew(floor.lender)
    assert floor.wallet.report().lease is not None
