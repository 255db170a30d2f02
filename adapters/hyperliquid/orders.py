"""The exchange's orders as ours."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters.errors import OutcomeUnknown, Temporary, VenueError
from adapters.hyperliquid.errors import is_unmatched, refusal
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.wire import OrderLine, OrderUpdate
from adapters.market.wire import at_ms
from adapters.model import (
    ZERO,
    ClientOrderId,
    Order,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
)

SIDES = {"B": Side.BUY, "A": Side.SELL}
_TIFS = {"Alo": TimeInForce.POST_ONLY, "Ioc": TimeInForce.IOC, "FrontendMarket": TimeInForce.IOC}
_RESTING = frozenset({"open", "triggered"})
_FOUND_NOTHING = frozenset({"iocCancelRejected", "marketOrderNoLiquidityRejected"})
_NUMBER = "oid-"  # how an order is called that has no id of ours


def id_of(cloid: str | None, oid: int) -> ClientOrderId:
    """Our id for the order, or one made of the exchange's number where nobody gave it any."""
    return ClientOrderId(cloid.removeprefix("0x").lower() if cloid else f"{_NUMBER}{oid}")


def number_of(order_id: ClientOrderId) -> int | None:
    """The exchange's number, if the id was made of it."""
    number = order_id.removeprefix(_NUMBER)
    return int(number) if number != order_id and number.isdecimal() else None


def status_of(word: str) -> OrderStatus:
    """The exchange's word for where an order stands. Raises ``Temporary`` for one that nobody knows."""
    if word in _RESTING:
        return OrderStatus.OPEN
    if word == "filled":
        return OrderStatus.FILLED
    if word in _FOUND_NOTHING or word.lower().endswith(("canceled", "cancel")):
        return OrderStatus.CANCELLED
    if word.lower().endswith("rejected"):
        return OrderStatus.REJECTED
    raise Temporary(f"an order is {word!r}", venue=VENUE)


def order_of(line: OrderLine, symbol: Symbol) -> Order:
    """The order as the exchange tells it, for one that this process has not placed."""
    kind, price = OrderType.LIMIT, line.limit_price
    if line.is_trigger:
        is_target = line.order_type.lower().startswith("take profit")
        kind = OrderType.TAKE_PROFIT if is_target else OrderType.STOP
    return Order(
        id=id_of(line.cloid, line.oid),
        symbol=symbol,
        side=SIDES[line.side],
        size=line.remaining if line.size is None else line.size,
        type=kind,
        price=None if line.is_trigger else price,
        trigger=line.trigger_price if line.is_trigger else None,
        tif=_TIFS.get(line.tif or "", TimeInForce.GTC),
        reduce_only=line.reduce_only,
    )


def report_of(
    update: OrderUpdate, order: Order, traded: tuple[Decimal, Decimal], *, is_all: bool = False
) -> OrderReport:
    """An order's report.

    Args:
        update: the order as told.
        order: what was asked for.
        traded: what is known to have traded of it: size, and its cost.
        is_all: whether nothing else has. The exchange cuts a reduce-only order down with the position, so that what
            it lacks of its size need not have traded.

    Raises:
        Temporary: the status is no word that we know.
    """
    line, status = update.order, status_of(update.status)
    size, cost = traded
    whole = order.size if line.size is None else line.size
    is_all |= (
        update.status.endswith("Rejected") or status is OrderStatus.REJECTED
    )  # it never reached the book
    told = size if is_all else max(whole - line.remaining, size)
    filled = min(told, order.size)
    if status is OrderStatus.FILLED and filled < order.size:
        status = OrderStatus.CANCELLED
    return OrderReport(
        order=order,
        status=status,
        filled=filled,
        average_price=cost / size if size and size == filled else None,
        reason="" if status in (OrderStatus.OPEN, OrderStatus.FILLED) else update.status,
        venue_id=str(line.oid),
        at=at_ms(update.status_timestamp),
    )


def answered(order: Order, status: Any, at: datetime) -> OrderReport | VenueError:
    """What the exchange said of one order that was sent.

    Returns:
        The report, or the error that the order's refusal is; ``OutcomeUnknown`` for an answer that makes no sense.
    """
    match status:
        case "waitingForTrigger" | "waitingForFill":
            return OrderReport(order=order, status=OrderStatus.OPEN, at=at)
        case {"resting": {"oid": oid}}:
            return OrderReport(order=order, status=OrderStatus.OPEN, venue_id=str(oid), at=at)
        case {"filled": {"totalSz": str(size), "avgPx": str(price)}}:
            return _filled(order, size, price, str(number_in(status) or ""), at)
        case {"error": str(text)} if is_unmatched(text):
            return OrderReport(order=order, status=OrderStatus.CANCELLED, reason=text, at=at)
        case {"error": str(text)}:
            return refusal(text)
        case _:
            return OutcomeUnknown(f"an order was answered with {str(status)[:200]}", venue=VENUE)


def number_in(status: Any) -> int | None:
    """The number that the exchange has given an order, if its answer tells it."""
    match status:
        case {"resting": {"oid": int(oid)}} | {"filled": {"oid": int(oid)}}:
            return oid
        case _:
            return None


def _filled(order: Order, size: str, price: str, oid: str, at: datetime) -> OrderReport | VenueError:
    try:
        filled, average = Decimal(size), Decimal(price)
    except ArithmeticError:
        filled = average = Decimal("NaN")
    if not (filled.is_finite() and average.is_finite() and ZERO < filled <= order.size and average > 0):
        return OutcomeUnknown(f"an order of {order.size} filled {size} at {price}", venue=VENUE)
    rests = order.tif is not TimeInForce.IOC and order.type is not OrderType.MARKET
    status = OrderStatus.OPEN if rests else OrderStatus.CANCELLED
    return OrderReport(
        order=order,
        status=OrderStatus.FILLED if filled == order.size else status,
        filled=filled,
        average_price=average,
        reason="" if filled == order.size else "no more could be matched",
        venue_id=oid,
        at=at,
    )
