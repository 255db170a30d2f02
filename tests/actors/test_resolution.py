"""What may be concluded about an order without a clear answer, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from actors.resolution import IN_FLIGHT_MAX, Dead, Resend, Told, Wait, looked_up, sent_again
from adapters.errors import (
    ExchangeDown,
    Insufficient,
    InvalidParam,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Temporary,
    VenueError,
)
from adapters.model import Order, OrderReport, OrderStatus
from adapters.venue import Fence
from tests.actors.builders import an_order
from tests.builders import NOW

EXPIRY, KEY = Fence.EXPIRY, Fence.KEY
ORDER = replace(an_order(1, "1"), expires_at=NOW)
ENDLESS = an_order(2, "1")
BEFORE, AT, PAST = NOW - timedelta(seconds=1), NOW, NOW + timedelta(milliseconds=1)
LONG_PAST = NOW + IN_FLIGHT_MAX + timedelta(milliseconds=1)
GONE = NotFound("no such order")
REPORTS = [OrderReport(order=ORDER, status=status, at=NOW) for status in OrderStatus]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.status)
@pytest.mark.parametrize("fence", Fence)
@pytest.mark.parametrize("is_acknowledged", [False, True])
def test_the_venues_own_report_is_proof_at_any_time(
    report: OrderReport, fence: Fence, is_acknowledged: bool
) -> None:
    found = looked_up(ORDER, report, venue_time=None, fence=fence, is_acknowledged=is_acknowledged)
    assert found == Told(report)


@pytest.mark.parametrize(
    "error",
    [OutcomeUnknown("timeout"), Temporary("503"), RateLimited("429"), ExchangeDown("down"), VenueError("?")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("fence", Fence)
@pytest.mark.parametrize("venue_time", [None, BEFORE, LONG_PAST])
def test_a_question_that_failed_proves_nothing(
    error: VenueError, fence: Fence, venue_time: datetime | None
) -> None:
    found = looked_up(ORDER, error, venue_time=venue_time, fence=fence, is_acknowledged=False)
    assert isinstance(found, Wait)


@pytest.mark.parametrize(
    ("order", "fence", "is_acknowledged", "venue_time", "expected"),
    [
        # where the venue honours an expiry, its clock and then its answer are proof
        (ORDER, EXPIRY, False, None, Wait),
        (ORDER, EXPIRY, False, BEFORE, Wait),
        (ORDER, EXPIRY, False, AT, Wait),
        (ORDER, EXPIRY, False, PAST, Dead),
        (ORDER, EXPIRY, True, AT, Wait),
        (ORDER, EXPIRY, True, PAST, Dead),
        # an order without one can arrive for ever: only its id is a fence
        (ENDLESS, EXPIRY, False, LONG_PAST, Resend),
        (ENDLESS, EXPIRY, True, LONG_PAST, Wait),
        # elsewhere a clock proves nothing, and the same identity is the only question that does
        (ORDER, KEY, False, None, Resend),
        (ORDER, KEY, False, BEFORE, Resend),
        (ORDER, KEY, False, LONG_PAST, Resend),
        (ENDLESS, KEY, False, LONG_PAST, Resend),
        # what it once had is never sent again
        (ORDER, KEY, True, PAST, Wait),
        (ORDER, KEY, True, LONG_PAST, Dead),
        (ENDLESS, KEY, True, LONG_PAST, Wait),
    ],
)
def test_no_such_order(
    order: Order,
    fence: Fence,
    is_acknowledged: bool,
    venue_time: datetime | None,
    expected: type[Wait | Dead | Resend],
) -> None:
    found = looked_up(order, GONE, venue_time=venue_time, fence=fence, is_acknowledged=is_acknowledged)
    assert isinstance(found, expected)


@pytest.mark.parametrize(
    ("said", "venue_time", "expected"),
    [
        (REPORTS[0], None, Told),
        (REPORTS[2], None, Told),
        (Insufficient("margin"), PAST, Wait),  # of the second copy: the first may still be taken
        (Insufficient("margin"), None, Wait),
        (Insufficient("margin"), LONG_PAST, Dead),
        (InvalidParam("would take"), LONG_PAST, Dead),
        (OutcomeUnknown("timeout"), LONG_PAST, Wait),
        (Temporary("503"), LONG_PAST, Wait),
        (RateLimited("429"), LONG_PAST, Wait),
        (ExchangeDown("down"), LONG_PAST, Wait),
    ],
)
def test_the_same_order_sent_again(
    said: OrderReport | VenueError, venue_time: datetime | None, expected: type[Wait | Dead | Told]
) -> None:
    assert isinstance(sent_again(ORDER, said, venue_time=venue_time), expected)


def test_an_order_without_an_expiry_is_not_dead_by_a_refusal() -> None:
    assert isinstance(sent_again(ENDLESS, Insufficient("margin"), venue_time=LONG_PAST), Wait)
