"""What every venue makes of a wire that fails: an error that says what is known, and never more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import (
    Disposition,
    ExchangeDown,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Temporary,
    VenueError,
)
from adapters.model import OrderStatus, Side
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import AFTER, BEFORE, MALFORMED, Fault, Kind, Where, script
from adapters.venue import Fence
from tests.contract.venues import VenueUnderTest
from tests.fakes import until

KINDS = sorted(BEFORE | AFTER)
WAIT_S = 2.5
RIGHT: dict[Kind, tuple[type[VenueError], ...]] = {
    Kind.REQUEST_LOST: (OutcomeUnknown,),
    Kind.ANSWER_LOST: (OutcomeUnknown,),
    Kind.RESET_BEFORE: (OutcomeUnknown,),
    Kind.RESET_AFTER: (OutcomeUnknown,),
    Kind.ERROR_BEFORE: (Temporary, OutcomeUnknown),
    Kind.ERROR_AFTER: (Temporary, OutcomeUnknown),
    Kind.RATE_LIMITED: (RateLimited,),
    Kind.RATE_LIMITED_WITH_WAIT: (RateLimited,),
    **dict.fromkeys(MALFORMED, (OutcomeUnknown,)),
}
READS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "order": lambda venue: venue.order("0" * 31 + "1"),
    "open_orders": lambda venue: venue.open_orders(),
    "positions": lambda venue: venue.positions(),
    "account": lambda venue: venue.account(),
    "fills_since": lambda venue: venue.fills_since(0),
}


SILENT = {Kind.REQUEST_LOST, Kind.ANSWER_LOST, Kind.REQUEST_DELAYED}


def no_longer_than_needed(under: VenueUnderTest, kind: Kind) -> AbstractContextManager[None]:
    """Where no answer will come, nobody waits long for it."""
    assert under.wire is not None
    return under.wire.hurried() if kind in SILENT else nullcontext()


def strike(under: VenueUnderTest, verb: str, kind: Kind) -> Nemesis:
    """The verb's next request meets the fault."""
    assert under.wire is not None
    under.wire.nemesis.strike(script(Fault(kind=kind, seconds=WAIT_S), where=under.wire.requests[verb]))
    return under.wire.nemesis


@pytest.mark.parametrize("kind", KINDS)
async def test_a_place_that_fails_says_what_is_known_and_may_be_repeated(
    faulty: VenueUnderTest, kind: Kind
) -> None:
    nemesis = strike(faulty, "place", kind)
    order = faulty.an_order(Side.BUY, "1", "990")
    with no_longer_than_needed(faulty, kind), pytest.raises(VenueError) as raised:
        await faulty.venue.place(order)
    assert isinstance(raised.value, RIGHT[kind])
    assert nemesis.bites == {kind: 1}
    assert len(await faulty.truth.open_orders()) == (kind in AFTER)
    assert (await faulty.venue.place(order)).status is OrderStatus.OPEN
    assert [report.order for report in await faulty.truth.open_orders()] == [order]


async def test_a_place_that_is_delivered_twice_is_one_order(faulty: VenueUnderTest) -> None:
    nemesis = strike(faulty, "place", Kind.REQUEST_DUPLICATED)
    await faulty.buy("1")
    assert nemesis.bites == {Kind.REQUEST_DUPLICATED: 1}
    assert await faulty.held() == 1


async def test_a_place_that_is_late_is_of_unknown_outcome_and_may_still_arrive(
    faulty: VenueUnderTest,
) -> None:
    assert faulty.wire is not None
    nemesis, order = faulty.wire.nemesis, faulty.an_order(Side.BUY, "1", "990")
    nemesis.strike(script(Kind.REQUEST_DELAYED, where=faulty.wire.requests["place"]))
    with faulty.wire.hurried(), pytest.raises(OutcomeUnknown):
        await faulty.venue.place(order)
    with pytest.raises(NotFound):
        await faulty.venue.order(order.id)
    nemesis.heal()
    await until(lambda: nemesis.bites == {Kind.REQUEST_DELAYED: 1})
    assert (await faulty.venue.order(order.id)).status is OrderStatus.OPEN


@pytest.mark.parametrize(("kind", "wait_s"), [(Kind.RATE_LIMITED, 0), (Kind.RATE_LIMITED_WITH_WAIT, WAIT_S)])
async def test_a_rate_limit_says_how_long_where_the_venue_does(
    faulty: VenueUnderTest, kind: Kind, wait_s: float
) -> None:
    strike(faulty, "place", kind)
    with pytest.raises(RateLimited) as limited:
        await faulty.buy("1", "990")
    assert limited.value.disposition is Disposition.WAIT
    assert wait_s <= (limited.value.retry_after_s or 0) <= wait_s + 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancel_that_fails_may_be_repeated_until_it_is_known(
    faulty: VenueUnderTest, kind: Kind
) -> None:
    placed = await faulty.buy("1", "990")
    strike(faulty, "cancel", kind)
    with no_longer_than_needed(faulty, kind), pytest.raises(VenueError) as raised:
        await faulty.venue.cancel(placed.order.id)
    assert isinstance(raised.value, RIGHT[kind])
    if kind in AFTER:
        with pytest.raises(NotFound):
            await faulty.venue.cancel(placed.order.id)
    else:
        await faulty.venue.cancel(placed.order.id)
    assert (await faulty.venue.order(placed.order.id)).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("verb", READS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_read_that_fails_is_no_answer_and_above_all_not_that_nothing_is_there(
    faulty: VenueUnderTest, kind: Kind, verb: str
) -> None:
    await faulty.buy("1")
    await faulty.buy("1", "990")
    strike(faulty, verb, kind)
    with no_longer_than_needed(faulty, kind), pytest.raises(VenueError) as raised:
        await READS[verb](faulty.venue)
    assert raised.value.disposition is not Disposition.FAIL_ORDER
    assert await READS[verb](faulty.venue)


@pytest.mark.parametrize("kind", sorted((BEFORE | AFTER) - {Kind.RATE_LIMITED, Kind.RATE_LIMITED_WITH_WAIT}))
async def test_without_a_connection_nothing_was_sent(faulty: VenueUnderTest, kind: Kind) -> None:
    await faulty.venue.aclose()
    nemesis = strike(faulty, "connect", kind)
    order = faulty.an_order(Side.BUY, "1", "990")
    with no_longer_than_needed(faulty, kind), pytest.raises(VenueError) as raised:
        await faulty.venue.place(order)
    assert isinstance(raised.value, ExchangeDown | Temporary)
    assert nemesis.bites == {kind: 1}
    assert not await faulty.truth.open_orders()
    assert (await faulty.venue.place(order)).status is OrderStatus.OPEN


async def test_a_stale_answer_is_an_old_one(faulty: VenueUnderTest) -> None:
    assert not await faulty.venue.positions()
    strike(faulty, "positions", Kind.STALE)
    await faulty.buy("1")
    assert not await faulty.venue.positions()
    assert (await faulty.venue.positions())[0].size == 1


async def test_expiry_is_judged_by_the_venues_clock_however_wrong_it_is(faulty: VenueUnderTest) -> None:
    assert faulty.wire is not None
    if faulty.venue.fence is not Fence.EXPIRY:
        pytest.skip("expiries mean nothing to this venue")
    faulty.wire.skew(timedelta(hours=1))
    ours = faulty.clock.now()
    theirs = (await faulty.venue.account()).at
    assert theirs - ours == timedelta(hours=1)
    late = await faulty.buy("1", "990", expires_at=ours + timedelta(minutes=1))
    assert late.status is OrderStatus.EXPIRED
    expiry = theirs + timedelta(minutes=1)
    taken = await faulty.buy("1", "990", expires_at=expiry)
    assert (taken.status, taken.order.expires_at) == (OrderStatus.OPEN, expiry)


async def test_whatever_goes_wrong_only_venue_errors_come(faulty: VenueUnderTest) -> None:
    assert faulty.wire is not None
    nemesis = faulty.wire.nemesis
    for kind in KINDS:
        nemesis.strike(script(*[Fault(kind=kind, seconds=WAIT_S)] * 2, where=Where(verb="*")))
        for ask in (lambda: faulty.buy("0.1", "990"), faulty.venue.account, faulty.venue.open_orders):
            with no_longer_than_needed(faulty, kind), suppress(VenueError):
                await ask()
    assert nemesis.bites.keys() >= set(KINDS)
