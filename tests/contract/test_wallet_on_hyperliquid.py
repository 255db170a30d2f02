"""The wallet on Hyperliquid over a wire that fails, judged by the exchange's own ledger: no order is lost or doubled,
and whatever fills is booked and protected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from actors.messages import OutcomeKind
from actors.order_state import OrderState
from adapters.errors import VenueError
from adapters.model import OrderType, TimeInForce
from adapters.simulators.faults.plan import (
    AFTER,
    MALFORMED,
    Fault,
    Kind,
    Plan,
    Step,
    Way,
    Where,
    script,
)
from config.spec import HaltLevel
from tests.actors.builders import a_quote_intent, an_open, dec, intended_id
from tests.contract.on_hyperliquid import EXPIRED_S, PLACES, HyperliquidFloor
from tests.contract.venues import hurried_hyperliquid
from tests.fakes import Fault as Failing
from tests.fakes import until

QUESTIONS = Where(path="/info")
LOST = (Kind.REQUEST_LOST, Kind.RESET_BEFORE, Kind.ERROR_BEFORE)
UNCLEAR = sorted({Kind.ERROR_BEFORE, Kind.ERROR_AFTER} | MALFORMED)


class Killed(BaseException):
    """The process ends in the middle of a call."""


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[HyperliquidFloor]:
    async with HyperliquidFloor.opened(tmp_path) as floor:
        yield floor


def state(floor: HyperliquidFloor, leg: int = 1) -> OrderState:
    return floor.wallet.ledger.orders[intended_id(leg)].state


@pytest.mark.parametrize("is_listening", [False, True])
@pytest.mark.parametrize(("offered", "filled"), [("10", "1"), ("0.4", "0.4")])
async def test_what_fills_of_an_open_has_its_stop_and_target_at_the_exchange(
    floor: HyperliquidFloor, offered: str, filled: str, *, is_listening: bool
) -> None:
    async with AsyncExitStack() as stack:
        if is_listening:
            await stack.enter_async_context(floor.listening())
        floor.ground.show(size=offered)
        (outcome,) = await floor.submit(an_open(1))
        assert outcome.kind is OutcomeKind.PLACED
        await floor.pass_()
        floor.assert_protected(filled)
        floor.assert_agreed()
        assert bool(floor.requests()) is not is_listening, "by websocket while there is one"


@pytest.mark.parametrize("kind", sorted(AFTER))
async def test_an_order_whose_answer_is_lost_is_one_order_and_is_adopted(
    floor: HyperliquidFloor, kind: Kind
) -> None:
    floor.nemesis.strike(script(kind, where=PLACES))
    with hurried_hyperliquid():
        await floor.submit(a_quote_intent(1))
    assert floor.nemesis.bites == {kind: 1}
    await floor.pass_()
    assert state(floor) is OrderState.OPEN
    assert floor.accepted() == {intended_id(1): 1}
    assert floor.requests() == 1
    floor.assert_agreed()


@pytest.mark.parametrize("kind", [Kind.ANSWER_LOST, Kind.ERROR_AFTER, Kind.WRONG_TYPES])
async def test_a_fill_whose_answer_is_lost_is_booked_and_protected(
    floor: HyperliquidFloor, kind: Kind
) -> None:
    floor.nemesis.strike(script(kind, where=PLACES))
    with hurried_hyperliquid():
        await floor.submit(an_open(1))
    await floor.pass_()
    await floor.pass_()
    floor.assert_protected("1")
    floor.assert_agreed()


@pytest.mark.parametrize("kind", LOST)
async def test_an_order_that_is_lost_on_its_way_is_never_two(floor: HyperliquidFloor, kind: Kind) -> None:
    floor.nemesis.strike(script(kind, where=PLACES))
    with hurried_hyperliquid():
        (outcome,) = await floor.submit(a_quote_intent(1))
    assert outcome.kind is OutcomeKind.UNKNOWN
    await floor.pass_()
    assert state(floor) is OrderState.UNKNOWN, "it may still be on its way"
    assert floor.wallet.used_usd() >= 990
    await floor.pass_time(EXPIRED_S)
    await floor.pass_()
    assert state(floor) is OrderState.REJECTED
    assert floor.wallet.used_usd() == 0
    assert (floor.accepted().total(), floor.requests()) == (0, 1)
    floor.assert_agreed()


@pytest.mark.parametrize("kind", UNCLEAR)
async def test_without_proof_an_order_stays_unknown_and_is_not_sent_again(
    floor: HyperliquidFloor, kind: Kind
) -> None:
    no_answer = Step(fault=Fault(kind=kind), where=QUESTIONS, times=None)
    floor.nemesis.strike(Plan(steps=(Step(fault=Fault(kind=kind), where=PLACES), no_answer)))
    await floor.submit(a_quote_intent(1))
    for _ in range(3):
        floor.advance(EXPIRED_S)
        await floor.pass_()
        await floor.wallet.look_again()
        with suppress(VenueError):
            await floor.wallet.recount()
    assert state(floor) is OrderState.UNKNOWN
    assert floor.wallet.used_usd() >= 990
    assert floor.requests() == 1
    await floor.heal()
    await floor.pass_()
    assert state(floor) is (OrderState.REJECTED if kind is Kind.ERROR_BEFORE else OrderState.OPEN)
    assert floor.requests() == 1
    floor.assert_agreed()


@pytest.mark.parametrize(("limits", "accepted"), [(2, 1), (9, 0)])
async def test_a_rate_limit_says_that_nothing_was_done_and_the_same_order_goes_again(
    floor: HyperliquidFloor, limits: int, accepted: int
) -> None:
    floor.nemesis.strike(script(*[Kind.RATE_LIMITED] * limits, where=PLACES))
    await floor.submit(a_quote_intent(1))
    await floor.heal()
    assert floor.accepted().total() == accepted
    assert state(floor) is (OrderState.OPEN if accepted else OrderState.REJECTED)
    assert floor.requests() == 3
    floor.assert_agreed()


@pytest.mark.parametrize("is_in_time", [True, False])
async def test_an_order_that_is_late_is_known_when_it_arrives_or_cannot_any_more(
    floor: HyperliquidFloor, *, is_in_time: bool
) -> None:
    floor.nemesis.strike(script(Kind.REQUEST_DELAYED, where=PLACES))
    with hurried_hyperliquid():
        await floor.submit(a_quote_intent(1))
    await floor.pass_()
    assert state(floor) is OrderState.UNKNOWN
    if not is_in_time:
        await floor.pass_time(EXPIRED_S)
    floor.nemesis.heal()
    await until(lambda: floor.nemesis.bites == {Kind.REQUEST_DELAYED: 1})
    await floor.pass_()
    assert state(floor) is (OrderState.OPEN if is_in_time else OrderState.REJECTED)
    assert floor.accepted().total() == is_in_time
    floor.assert_agreed()


async def test_an_order_that_the_wire_doubles_is_one(floor: HyperliquidFloor) -> None:
    floor.nemesis.strike(script(Kind.REQUEST_DUPLICATED, where=PLACES))
    await floor.submit(an_open(1))
    await floor.pass_()
    assert floor.nemesis.bites == {Kind.REQUEST_DUPLICATED: 1}
    floor.assert_protected("1")
    floor.assert_agreed()


@pytest.mark.parametrize("channel", [b'"orderUpdates"', b'"userFills"'])
async def test_a_fill_while_the_websocket_is_cut_is_booked_and_protected(
    floor: HyperliquidFloor, channel: bytes
) -> None:
    async with floor.listening():
        await floor.submit(an_open(1, price=dec(990), tif=TimeInForce.GTC))
        assert [order.id for order in floor.resting()] == [intended_id(1)]
        floor.nemesis.strike(script(Kind.CUT, where=Where(way=Way.NEWS, containing=channel)))
        floor.show(985, 990, size=1)
        await until(lambda: floor.nemesis.bites == {Kind.CUT: 1})
        await until(lambda: floor.held() == 1)
        await floor.pass_()  # perhaps on the old connection, whose end has not been heard yet
        await until(lambda: floor.ground.venue.is_listening)
        await floor.heal()
        floor.assert_protected("1")
        floor.assert_agreed()


async def test_an_open_whose_websocket_is_cut_under_it_is_one_and_is_protected(
    floor: HyperliquidFloor,
) -> None:
    async with floor.listening():
        floor.nemesis.strike(script(Kind.CUT, where=Where(way=Way.NEWS, containing=b'"filled"')))
        await floor.submit(an_open(1))
        assert floor.nemesis.bites == {Kind.CUT: 1}
        await floor.pass_()
        await floor.pass_()
        floor.assert_protected("1")
        floor.assert_agreed()


@pytest.mark.parametrize("takes_effect", [False, True])
async def test_a_wallet_that_dies_while_it_opens_leaves_one_order_or_none_and_no_bare_position(
    floor: HyperliquidFloor, *, takes_effect: bool
) -> None:
    floor.venue.script("place", Failing(Killed(), takes_effect=takes_effect))
    with pytest.raises(Killed):
        await floor.submit(an_open(1))
    await floor.die()
    await floor.be_reborn()
    await floor.pass_()
    if takes_effect:
        floor.assert_protected("1")
    else:
        assert state(floor) is OrderState.UNKNOWN
        await floor.pass_time(EXPIRED_S)
        await floor.pass_()
    assert floor.accepted()[intended_id(1)] == takes_effect
    floor.assert_agreed()


@pytest.mark.parametrize("is_in_time", [True, False])
async def test_what_a_dead_wallet_has_on_the_wire_is_found_by_its_successor_or_never_arrives(
    floor: HyperliquidFloor, *, is_in_time: bool
) -> None:
    floor.nemesis.strike(script(Kind.REQUEST_DELAYED, where=PLACES))
    opening = asyncio.create_task(floor.submit(an_open(1)))
    await until(lambda: floor.ground.venue.nonce_of(intended_id(1)) is not None)
    nonce = floor.ground.venue.nonce_of(intended_id(1))
    await until(lambda: floor.nemesis._counts == [1])
    await floor.die(opening)
    await floor.be_reborn()
    assert state(floor) is OrderState.UNKNOWN
    if not is_in_time:
        floor.advance(EXPIRED_S)
    floor.nemesis.heal()
    await until(lambda: floor.nemesis.bites == {Kind.REQUEST_DELAYED: 1})
    await floor.pass_time(0)
    await floor.pass_()
    if is_in_time:
        floor.assert_protected("1")
    else:
        assert state(floor) is OrderState.REJECTED
    await floor.submit(a_quote_intent(2))
    later = floor.ground.venue.nonce_of(intended_id(2))
    assert nonce is not None
    assert later is not None
    assert later > nonce
    assert floor.accepted()[intended_id(1)] == is_in_time
    floor.assert_agreed()


async def test_a_wallet_that_dies_before_its_stop_is_placed_is_followed_by_one_that_places_it(
    floor: HyperliquidFloor,
) -> None:
    floor.venue.script("place", None, Failing(Killed(), takes_effect=True))
    with pytest.raises(Killed):
        await floor.submit(an_open(1))
    assert floor.at_venue() == 1
    await floor.die()
    await floor.be_reborn()
    await floor.pass_()
    floor.assert_protected("1")
    floor.assert_agreed()


@pytest.mark.parametrize("kind", [None, Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.TRUNCATED])
@pytest.mark.parametrize("is_listening", [False, True])
async def test_a_flatten_ends_flat_with_nothing_resting(
    floor: HyperliquidFloor, kind: Kind | None, *, is_listening: bool
) -> None:
    async with AsyncExitStack() as stack:
        if is_listening:
            await stack.enter_async_context(floor.listening())
        await floor.submit(an_open(1), a_quote_intent(2, "980"))
        await floor.pass_()
        floor.assert_protected("1")
        assert len(floor.resting()) == 3
        if kind is not None:
            floor.nemesis.strike(script(kind, kind, where=Where(path="/exchange")))
        engaged = await floor.halt(HaltLevel.FLATTEN)
        for _ in range(6):
            if engaged.complete:
                break
            await floor.pass_time(EXPIRED_S)
            engaged = await floor.halt(HaltLevel.FLATTEN, generation=floor.wallet.ledger.generation)
        assert engaged.complete
        assert floor.is_flat()
        assert floor.resting(symbol=None) == []
        assert floor.resting(OrderType.STOP) == []
        floor.assert_agreed()
