"""The wallet over a wire that fails: whatever is lost, doubled or swapped, no order is, and the books agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.messages import OutcomeKind
from actors.order_state import OrderState
from adapters.errors import TradingError
from adapters.model import OrderType, Side
from adapters.simulators.faults.plan import (
    AFTER,
    BEFORE,
    ON_REQUESTS,
    ON_STREAMS,
    Fault,
    Kind,
    Odds,
    Plan,
    Step,
    Way,
    Where,
    script,
)
from config.spec import HaltLevel
from tests.actors.builders import a_close, a_quote_intent, an_open, dec, intended_id
from tests.contract.linked import LinkedFloor
from tests.contract.venues import hurried_paper
from tests.fakes import until

LATE_S = 0.15  # longer than anybody waits in a hurry
PLACES, CANCELS, NEWS = Where(verb="Place"), Where(verb="Cancel"), Where(way=Way.NEWS)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[LinkedFloor]:
    async with LinkedFloor.opened(tmp_path) as floor:
        yield floor


@pytest.mark.parametrize("kind", sorted(AFTER))
async def test_an_order_whose_answer_is_lost_is_one_order_and_is_adopted(
    floor: LinkedFloor, kind: Kind
) -> None:
    floor.nemesis.strike(script(kind, where=PLACES))
    with hurried_paper():
        await floor.submit(a_quote_intent(1))
    assert floor.nemesis.bites == {kind: 1}
    assert [order.id for order in floor.resting()] == [intended_id(1)]
    await floor.pass_()
    (order,) = floor.wallet.ledger.live()
    assert (order.order.id, order.state) == (intended_id(1), OrderState.OPEN)
    assert floor.accepted() == {intended_id(1): 1}
    floor.assert_agreed()


@pytest.mark.parametrize("kind", sorted(BEFORE))
async def test_an_order_that_is_lost_on_its_way_is_never_two(floor: LinkedFloor, kind: Kind) -> None:
    floor.nemesis.strike(script(kind, where=PLACES))
    with hurried_paper():
        (outcome,) = await floor.submit(a_quote_intent(1))
    if kind in (Kind.REQUEST_LOST, Kind.RESET_BEFORE):
        assert outcome.kind is OutcomeKind.UNKNOWN
    await floor.pass_()
    await floor.heal()
    assert floor.accepted().total() <= 1
    assert floor.wallet.ledger.orders[intended_id(1)].state is not OrderState.UNKNOWN
    floor.assert_agreed()


async def test_an_order_that_is_late_is_not_given_up_while_it_may_arrive(floor: LinkedFloor) -> None:
    floor.nemesis.strike(script(Kind.REQUEST_DELAYED, where=PLACES))
    with hurried_paper():
        await floor.submit(a_quote_intent(1))
    for _ in range(3):
        await floor.pass_()
        await floor.wallet.recount()
    assert floor.resting() == []
    assert floor.wallet.ledger.orders[intended_id(1)].state is OrderState.UNKNOWN
    assert floor.wallet.used_usd() >= 990
    floor.nemesis.heal()
    await until(lambda: bool(floor.resting()))
    await floor.pass_()
    assert floor.wallet.ledger.orders[intended_id(1)].state is OrderState.OPEN
    floor.assert_agreed()


async def test_an_order_that_is_sent_twice_by_the_wire_is_one(floor: LinkedFloor) -> None:
    floor.nemesis.strike(script(Kind.REQUEST_DUPLICATED, where=PLACES))
    await floor.submit(an_open())
    await floor.pass_()
    assert floor.held() == floor.at_venue() == 1
    floor.assert_agreed()


async def test_a_refusal_after_an_unclear_try_proves_nothing(floor: LinkedFloor) -> None:
    floor.nemesis.strike(script(Kind.ERROR_AFTER, *[Kind.RATE_LIMITED] * 9, where=PLACES))
    await floor.submit(a_quote_intent(1))
    assert [order.id for order in floor.resting()] == [intended_id(1)]
    await floor.pass_()
    assert floor.wallet.ledger.orders[intended_id(1)].state is OrderState.OPEN
    floor.assert_agreed()


async def test_a_fill_whose_answer_is_lost_is_booked_and_protected(floor: LinkedFloor) -> None:
    floor.nemesis.strike(script(Kind.ANSWER_LOST, where=PLACES))
    with hurried_paper():
        await floor.submit(an_open())
    await floor.pass_()
    assert floor.held() == floor.at_venue() == 1
    await floor.pass_()
    assert [order.size for order in floor.resting(OrderType.STOP)] == [1]
    assert [order.size for order in floor.resting(OrderType.TAKE_PROFIT)] == [1]
    floor.assert_agreed()


@pytest.mark.parametrize("kinds", [(Kind.DUPLICATED,), (Kind.REORDERED,), (Kind.DUPLICATED, Kind.REORDERED)])
async def test_fills_are_booked_once_however_often_and_in_what_order_they_are_told(
    floor: LinkedFloor, kinds: tuple[Kind, ...]
) -> None:
    odds = tuple(Odds(fault=Fault(kind=kind, seconds=0.01), rate=0.4, where=NEWS) for kind in kinds)
    floor.nemesis.strike(Plan(odds=odds))
    await floor.submit(*(a_quote_intent(leg, str(995 - leg)) for leg in range(1, 6)))
    for ask in range(994, 984, -1):
        floor.show(ask - 2, ask, size=1)
    floor.show(999, 1001)
    await floor.heard_all()
    await floor.submit(a_close(90, "2"))
    await floor.heard_all()
    assert floor.held() == floor.at_venue() == 3
    assert floor.nemesis.bites.keys() >= set(kinds)
    await floor.pass_()
    floor.assert_agreed()


async def test_a_fill_whose_news_are_lost_is_fetched_with_the_next_one(floor: LinkedFloor) -> None:
    dropped, reports = Fault(kind=Kind.DROPPED), Where(way=Way.NEWS, verb="Reported")
    fills = Where(way=Way.NEWS, verb="Filled")
    floor.nemesis.strike(
        Plan(steps=(Step(fault=dropped, where=reports, times=None), Step(fault=dropped, where=fills)))
    )
    await floor.submit(a_quote_intent(1, "994"), a_quote_intent(2, "992"))
    floor.show(992, 994, size=1)
    floor.show(990, 992, size=1)
    await floor.heard_all()
    assert floor.held() == floor.at_venue() == 2


async def test_news_that_never_come_are_fetched(floor: LinkedFloor) -> None:
    dropped = Odds(fault=Fault(kind=Kind.DROPPED), rate=1, where=NEWS)
    floor.nemesis.strike(Plan(odds=(dropped,)))
    await floor.submit(a_quote_intent(1))
    floor.show(980, 985)
    await floor.wallet.recount()
    assert floor.held() == floor.at_venue() == 1
    floor.assert_agreed()


@pytest.mark.parametrize("kind", [Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.ANSWER_LOST])
async def test_a_burst_of_cancels_through_faults_ends_with_nothing_resting(
    floor: LinkedFloor, kind: Kind
) -> None:
    await floor.submit(*(a_quote_intent(leg, str(990 - leg)) for leg in range(1, 5)))
    assert len(floor.resting()) == 4
    floor.nemesis.strike(script(kind, where=CANCELS, first=2))
    with hurried_paper():
        await floor.halt(HaltLevel.CANCEL_ALL)
    for _ in range(3):
        await floor.pass_()
    assert floor.resting() == []
    assert floor.nemesis.bites == {kind: 1}
    await floor.heal()
    floor.assert_agreed()


def everything(rate: float) -> Plan:
    """Every fault that may pass by itself, at one rate."""
    kinds = (*sorted(ON_REQUESTS - {Kind.STALE}), *sorted(ON_STREAMS - {Kind.STALE}))
    lasting = {Kind.REQUEST_DELAYED: LATE_S}
    faults = (Fault(kind=kind, seconds=lasting.get(kind, 0.01)) for kind in kinds)
    return Plan(odds=tuple(Odds(fault=fault, rate=rate) for fault in faults))


async def one_cycle(floor: LinkedFloor, hands: Random, leg: int) -> None:
    """The market moves, a bot wishes for something, and the wallet looks after itself."""
    floor.advance(hands.uniform(0, 5))
    middle = hands.randrange(960, 1040)
    floor.show(middle - 1, middle + 1, size=hands.randrange(1, 4))
    size = str(hands.randrange(1, 5))
    wish = hands.choice(
        [
            an_open(leg, size, price=dec(middle + 5)),
            a_quote_intent(leg, str(middle - hands.randrange(2, 9)), size),
            a_quote_intent(leg, str(middle + hands.randrange(2, 9)), size, side=Side.SELL),
            a_close(leg, size),
        ]
    )
    gone = [order.order.id for order in floor.wallet.ledger.live() if hands.random() < 0.2]
    look = hands.choice([floor.pass_, floor.wallet.recount, floor.wallet.look_again])
    with suppress(TradingError):  # as a bot would: the next cycle sees what is left
        await floor.submit(wish, cancels=gone)
        await look()


async def live_through(folder: Path, seed: int, rate: float) -> LinkedFloor:
    """Orders, cancels and moves of a minute over a wire on which everything goes wrong."""
    hands = Random(seed)
    async with LinkedFloor.opened(folder, seed) as floor:
        floor.nemesis.strike(everything(rate))
        with hurried_paper():
            for leg in range(12):
                await one_cycle(floor, hands, leg)
        await floor.heal()
        floor.assert_agreed()
    return floor


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from((0.005, 0.02)))
def test_whatever_went_wrong_the_ledger_is_the_venues_in_the_end(seed: int, rate: float) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(live_through(Path(folder), seed, rate))


async def test_the_faults_of_the_long_run_really_bite(tmp_path: Path) -> None:
    floor = await live_through(tmp_path, 7, 0.03)
    assert len(floor.nemesis.bites) >= 8
    assert floor.accepted().total() >= 5
