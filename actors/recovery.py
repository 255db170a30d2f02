"""Bringing a ledger and its venue to the same truth, at every start and every few seconds after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from actors.ledger import Ledger
from actors.ledger_events import Intended, Learned, LedgerEvent, Protection
from actors.order_desk import OrderDesk
from actors.order_state import OrderEvent, OrderState
from adapters.model import ZERO, OrderReport, OrderType, Position, Symbol
from adapters.venue import Venue
from risk.intent import Purpose, is_ours


async def reconcile(desk: OrderDesk, venue: Venue, now: datetime) -> None:
    """Make the ledger agree with the venue. Running it twice changes nothing more. Raises what the venue raises."""
    resting = await venue.open_orders()
    desk.write(*adopted(desk.ledger, resting, now))
    await desk.catch_up()
    seen = {report.order.id for report in resting}
    for order in desk.ledger.live():
        if order.order.id not in seen:
            error = await desk.resolve(order.order.id)
            if error is not None:
                raise error
    for report in resting:
        await desk.take_report(report)


def lost_in_a_crash(ledger: Ledger, now: datetime) -> list[LedgerEvent]:
    """After a restart nobody knows whether an order that was written ahead was also sent."""
    return [
        Learned(order.order.id, OrderEvent.LOSE, "the wallet restarted", now)
        for order in ledger.live()
        if order.state is OrderState.INTENDED
    ]


def adopted(ledger: Ledger, resting: Sequence[OrderReport], now: datetime) -> list[LedgerEvent]:
    """Resting orders that carry our prefix and that the ledger does not know, as events that make them known."""
    events: list[LedgerEvent] = []
    for report in resting:
        order = report.order
        if order.id in ledger.orders or not is_ours(order.id):
            continue
        purpose = {OrderType.STOP: Purpose.STOP, OrderType.TAKE_PROFIT: Purpose.TARGET}.get(
            order.type, Purpose.CLOSE if order.reduce_only else Purpose.QUOTE
        )
        exposure = ZERO if purpose.reduces else order.size * (order.price or ZERO)
        events.append(Intended(order, ledger.owner_of(order.id), purpose, exposure, Protection(), now))
        events.append(Learned(order.id, OrderEvent.ACCEPT, "found resting at the venue", now))
    return events


def mismatches(ledger: Ledger, positions: Iterable[Position]) -> Mapping[Symbol, tuple[Decimal, Decimal]]:
    """Markets in which the books' sum differs from the venue's position: (ours, the venue's)."""
    venue = {position.symbol: position.size for position in positions}
    symbols = set(venue) | ledger.symbols()
    return {
        symbol: (ledger.net(symbol), venue.get(symbol, ZERO))
        for symbol in sorted(symbols)
        if ledger.net(symbol) != venue.get(symbol, ZERO)
    }
