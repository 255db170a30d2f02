"""Bringing a ledger and its venue to the same truth, at every start and every few seconds after.

First the venue is asked; then ``reconciliation`` says, as a pure function, which facts the ledger lacks. Applied once
or five times, they lead to the same ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from actors.ledger import Ledger, LedgerOrder
from actors.ledger_events import Intended, Learned, LedgerEvent, Protection, Traded
from actors.order_desk import OrderDesk
from actors.order_state import EVENT_OF_STATUS, OrderEvent, OrderState, after
from actors.resolution import Dead, Told, looked_up
from adapters.errors import NotFound, VenueError
from adapters.model import ZERO, ClientOrderId, Fill, OrderReport, OrderType, Position, Symbol
from adapters.venue import Fence, Venue
from risk.intent import Purpose, is_ours

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the venue said, each answer read before the next was asked for.

    The fills are read last, so that they hold every execution that the reports before them count.
    """

    resting: tuple[OrderReport, ...]
    looked_up: Mapping[ClientOrderId, OrderReport | VenueError] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()  # beyond those that the ledger had when it asked
    venue_time: datetime | None  # which the venue's clock had surely reached before any of this
    fence: Fence
    at: datetime  # by our own clock, for the record


def reconciliation(ledger: Ledger, truth: Truth) -> list[LedgerEvent]:
    """The facts that the ledger lacks, in the order in which they are to be applied.

    A report whose fills are not all known yet ends no order: its exposure would be missing from both sides.
    """
    events: list[LedgerEvent] = []
    for report in truth.resting:
        events += _adoption(ledger, truth, report)
    events += [Traded(fill) for fill in truth.fills if fill.sequence > ledger.fill_sequence]
    for order_id, said in truth.looked_up.items():
        order = ledger.orders[order_id]
        if order.state.is_final:
            continue
        found = looked_up(
            order.order,
            said,
            venue_time=truth.venue_time,
            fence=truth.fence,
            is_acknowledged=order.state is OrderState.OPEN,
        )
        if isinstance(found, Told):
            events += _news(ledger, truth, order, found.report)
        elif isinstance(found, Dead):
            events.append(Learned(order_id, OrderEvent.REJECT, found.proof, truth.at))
    for report in truth.resting:
        known = ledger.orders.get(report.order.id)
        if known is not None:
            events += _news(ledger, truth, known, report)
    return events


async def reconcile(desk: OrderDesk, venue: Venue, now: datetime) -> int:
    """Make the ledger agree with the venue. Running it twice changes nothing more. Raises what the venue raises.

    Returns:
        How many orders rest at the venue although they are over by the ledger, and could not be cancelled now.
    """
    ledger = desk.ledger
    live = {order.order.id for order in ledger.live()}
    truth = await _ask(desk, venue, now)
    desk.take(*reconciliation(ledger, truth))
    desk.foreign = {report.order.id: report for report in truth.resting if not is_ours(report.order.id)}
    left = 0
    for report in truth.resting:
        order = ledger.orders.get(report.order.id)
        if order is None or not order.state.is_final or report.order.id in live:
            continue
        if await desk.withdraw(report.order.id):
            _log.warning("%s was %s and rested at the venue: cancelled", report.order.id, order.state)
        else:
            left += 1
    return left


def lost_in_a_crash(ledger: Ledger, now: datetime) -> list[LedgerEvent]:
    """After a restart nobody knows whether an order that was written ahead was also sent."""
    return [
        Learned(order.order.id, OrderEvent.LOSE, "the wallet restarted", now)
        for order in ledger.live()
        if order.state is OrderState.INTENDED
    ]


def mismatches(ledger: Ledger, positions: Iterable[Position]) -> Mapping[Symbol, tuple[Decimal, Decimal]]:
    """Markets in which the books' sum differs from the venue's position: (ours, the venue's)."""
    venue = {position.symbol: position.size for position in positions}
    symbols = set(venue) | ledger.symbols()
    return {
        symbol: (ledger.net(symbol), venue.get(symbol, ZERO))
        for symbol in sorted(symbols)
        if ledger.net(symbol) != venue.get(symbol, ZERO)
    }


async def _ask(desk: OrderDesk, venue: Venue, now: datetime) -> Truth:
    ledger = desk.ledger
    venue_time = desk.venue_clock.at_least()
    resting = tuple(await venue.open_orders())
    seen = {report.order.id for report in resting}
    answers: dict[ClientOrderId, OrderReport | VenueError] = {}
    for order in ledger.live():
        order_id = order.order.id
        if order_id not in seen and not desk.is_in_the_air(order_id):
            try:
                answers[order_id] = await venue.order(order_id)
            except NotFound as error:
                answers[order_id] = error
    fills: list[Fill] = []
    while page := await venue.fills_since(fills[-1].sequence if fills else ledger.fill_sequence):
        fills += page
    return Truth(
        resting=resting,
        looked_up=answers,
        fills=tuple(fills),
        venue_time=venue_time,
        fence=venue.fence,
        at=now,
    )


def _adoption(ledger: Ledger, truth: Truth, report: OrderReport) -> list[LedgerEvent]:
    """A resting order that carries our prefix and that the ledger does not know, as events that make it known."""
    order = report.order
    if order.id in ledger.orders or not is_ours(order.id):
        return []
    purpose = {OrderType.STOP: Purpose.STOP, OrderType.TAKE_PROFIT: Purpose.TARGET}.get(
        order.type, Purpose.CLOSE if order.reduce_only else Purpose.QUOTE
    )
    return [
        Intended(
            order=order,
            bot=ledger.owner_of(order.id),
            purpose=purpose,
            reserve_price=ZERO if purpose.reduces else order.price or ZERO,
            protection=Protection(),
            at=truth.at,
            is_adopted=True,
        ),
        Learned(order.id, OrderEvent.ACCEPT, "found resting at the venue", truth.at),
    ]


def _news(ledger: Ledger, truth: Truth, order: LedgerOrder, report: OrderReport) -> list[LedgerEvent]:
    """What a report says beyond the fills, once these are all known."""
    event = EVENT_OF_STATUS[report.status]
    known = order.filled + _still_to_come(ledger, truth, order.order.id)
    if report.filled > known or event is OrderEvent.FILL or after(order.state, event) is order.state:
        return []
    proof = report.reason or f"venue: {report.status}"
    return [Learned(order.order.id, event, proof, truth.at)]


def _still_to_come(ledger: Ledger, truth: Truth, order_id: ClientOrderId) -> Decimal:
    """What the fills that the ledger has not heard of add to the order."""
    return sum(
        (
            fill.size
            for fill in truth.fills
            if fill.order_id == order_id and fill.sequence > ledger.fill_sequence
        ),
        ZERO,
    )
