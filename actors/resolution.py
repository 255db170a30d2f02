"""What may be concluded about an order that got no clear answer.

The exposure of such an order stays reserved until there is proof that it will never trade, and there are three:

- the venue's own report of it;
- the venue has no such order, asked after its clock had passed the order's expiry, where the venue honours expiries;
- elsewhere, the same order sent again under the same id: the venue answers with the one it has, and whichever copy
  comes second is that answer.

A clock alone proves nothing, nor does an error, nor an order that is not there yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from adapters.errors import Disposition, NotFound, VenueError
from adapters.model import Order, OrderReport
from adapters.venue import Fence

IN_FLIGHT_MAX = timedelta(
    seconds=30
)  # beyond its expiry no request is on its way: TCP_USER_TIMEOUT, RFC 5482


@dataclass(frozen=True, slots=True)
class Told:
    """The venue has it, and says how it stands."""

    report: OrderReport


@dataclass(frozen=True, slots=True)
class Dead:
    """It never traded and never will, but for what the fills say."""

    proof: str


@dataclass(frozen=True, slots=True)
class Resend:
    """Only the same order under the same id can tell."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is proven yet."""

    why: str


Resolution: TypeAlias = Told | Dead | Resend | Wait


def looked_up(
    order: Order,
    said: OrderReport | VenueError,
    *,
    venue_time: datetime | None,
    fence: Fence,
    is_acknowledged: bool,
) -> Resolution:
    """Judge the answer to "what became of this order?".

    Args:
        order: what was sent, with its expiry.
        said: the venue's report, or the error that came instead.
        venue_time: which the venue's clock had surely reached when it was asked.
        fence: the venue's.
        is_acknowledged: whether the venue once had it. Then it is never sent again: what the venue has forgotten, it
            would take for new.
    """
    if isinstance(said, OrderReport):
        return Told(said)
    if not isinstance(said, NotFound):
        return Wait(f"{type(said).__name__}: {said}")
    if fence is Fence.KEY and not is_acknowledged:
        return Resend()
    if order.expires_at is None:
        return Wait("the venue has no such order yet") if is_acknowledged else Resend()
    end = order.expires_at + (timedelta(0) if fence is Fence.EXPIRY else IN_FLIGHT_MAX)
    if venue_time is not None and venue_time > end:
        return Dead(f"the venue has no such order at {venue_time:%X}, and takes it no more")
    return Wait("the venue has no such order yet")


def sent_again(order: Order, said: OrderReport | VenueError, *, venue_time: datetime | None) -> Resolution:
    """Judge the answer to the same order sent again.

    A refusal speaks of the second copy only. The first may still be on its way, until no request can be any more.
    """
    if isinstance(said, OrderReport):
        return Told(said)
    is_refusal = said.disposition is Disposition.FAIL_ORDER
    is_late = (
        order.expires_at is not None
        and venue_time is not None
        and venue_time > order.expires_at + IN_FLIGHT_MAX
    )
    if is_refusal and is_late:
        return Dead(f"refused when sent again, long after the first: {type(said).__name__}: {said}")
    return Wait(f"{type(said).__name__}: {said}")
