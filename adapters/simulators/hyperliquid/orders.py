"""An order as the venue keeps it, and the ways in which it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from adapters.model import ZERO, ClientOrderId, Side
from adapters.simulators.hyperliquid.listing import Asset
from adapters.simulators.hyperliquid.requests import OrderRequest, Trigger
from adapters.simulators.hyperliquid.wire import Json, number, side_letter

KEPT = 50_000  # final orders
FIRST_OID = 1000
OPEN = "open"


@dataclass(slots=True, kw_only=True, eq=False)
class VenueOrder:
    """One order, from its arrival on. ``status`` is the venue's own word."""

    oid: int
    user: str
    asset: Asset
    side: Side
    size: Decimal  # base; 0 for an exit of the whole position
    price: Decimal
    trigger: Trigger | None = None
    tif: str | None = None  # "Gtc", "Ioc", "Alo"; None for triggers and liquidations
    reduce_only: bool = False
    cloid: str | None = None
    at_ms: int
    is_position_exit: bool = False
    status: str = OPEN
    status_at_ms: int
    filled: Decimal = ZERO
    notional: Decimal = ZERO  # USD, of what is filled
    ending: str = ""  # the status it is to end with when it is cancelled for a reason of ours
    is_parked: bool = False  # it waits here and not at the paper exchange
    parent: VenueOrder | None = None
    children: list[VenueOrder] = field(default_factory=list)  # exits that wait for this to fill
    siblings: list[VenueOrder] = field(default_factory=list)  # exits of which one is enough

    @property
    def paper_id(self) -> ClientOrderId:
        """Its id at the paper exchange."""
        return ClientOrderId(f"{self.oid:032x}")

    @property
    def is_open(self) -> bool:
        return self.status in (OPEN, "triggered")

    @property
    def remaining(self) -> Decimal:
        return max(self.size - self.filled, ZERO)

    @property
    def kind(self) -> str:
        """ "Limit", "Stop Market", "Take Profit Limit" and so on."""
        if self.trigger is None:
            return "Market" if self.tif is None else "Limit"
        name = "Stop" if self.trigger.tpsl == "sl" else "Take Profit"
        return f"{name} {'Market' if self.trigger.isMarket else 'Limit'}"

    @property
    def goes_off_above(self) -> bool:
        """Whether a rising price sets the trigger off: a buying stop, a selling target."""
        return self.trigger is not None and (self.side is Side.BUY) == (self.trigger.tpsl == "sl")

    def is_set_off_by(self, mark: Decimal) -> bool:
        """Whether the mark has reached the trigger."""
        assert self.trigger is not None
        price = Decimal(self.trigger.triggerPx)
        return mark >= price if self.goes_off_above else mark <= price

    def told(self) -> Json:
        """As in ``openOrders`` and in the stream of order updates."""
        basic: Json = {
            "coin": self.asset.coin,
            "side": side_letter(self.side),
            "limitPx": number(self.price),
            "sz": number(self.remaining),
            "oid": self.oid,
            "timestamp": self.at_ms,
            "origSz": number(self.size),
        }
        if self.reduce_only:
            basic["reduceOnly"] = True
        if self.cloid is not None:
            basic["cloid"] = self.cloid
        return basic

    def told_fully(self) -> Json:
        """As in ``frontendOpenOrders``."""
        condition, trigger_price = "N/A", ZERO
        if self.trigger is not None:
            trigger_price = Decimal(self.trigger.triggerPx)
            way = "above" if self.goes_off_above else "below"
            condition = f"Price {way} {self.trigger.triggerPx}"
        return {
            "coin": self.asset.coin,
            "side": side_letter(self.side),
            "limitPx": number(self.price),
            "sz": number(self.remaining),
            "oid": self.oid,
            "timestamp": self.at_ms,
            "triggerCondition": condition,
            "isTrigger": self.trigger is not None,
            "triggerPx": number(trigger_price),
            "children": [child.told_fully() for child in self.children if child.is_open],
            "isPositionTpsl": self.is_position_exit,
            "reduceOnly": self.reduce_only,
            "orderType": self.kind,
            "origSz": number(self.size),
            "tif": self.tif,
            "cloid": self.cloid,
        }

    def told_with_status(self) -> Json:
        """As in ``orderStatus`` and ``historicalOrders``."""
        return {
            "order": self.told_fully(),
            "status": self.status,
            "statusTimestamp": self.status_at_ms,
        }


class Orders:
    """All orders, by the venue's number and by the client's name."""

    def __init__(self) -> None:
        self._next = FIRST_OID
        self._by_oid: dict[int, VenueOrder] = {}
        self._by_cloid: dict[tuple[str, str], VenueOrder] = {}
        self._by_paper_id: dict[ClientOrderId, VenueOrder] = {}
        self._open: dict[str, dict[int, VenueOrder]] = {}

    def enter(
        self, user: str, asset: Asset, request: OrderRequest, now_ms: int, *, takes_name: bool = True
    ) -> VenueOrder:
        """A new order. A cloid that was used before names this one from now on, if it may take it."""
        order = VenueOrder(
            oid=self._number(),
            user=user,
            asset=asset,
            side=Side.BUY if request.b else Side.SELL,
            size=request.size,
            price=request.price,
            trigger=request.t.trigger,
            tif=request.t.limit.tif if request.t.limit is not None else None,
            reduce_only=request.r,
            cloid=request.c,
            at_ms=now_ms,
            status_at_ms=now_ms,
        )
        self._keep(order)
        if order.cloid is not None and takes_name:
            self._by_cloid[user, order.cloid] = order
        return order

    def enter_liquidation(
        self, user: str, asset: Asset, paper_id: ClientOrderId, side: Side, size: Decimal, now_ms: int
    ) -> VenueOrder:
        """An order that the venue itself has placed."""
        order = VenueOrder(
            oid=self._number(),
            user=user,
            asset=asset,
            side=side,
            size=size,
            price=ZERO,
            reduce_only=True,
            at_ms=now_ms,
            status_at_ms=now_ms,
        )
        self._keep(order)
        self._by_paper_id[paper_id] = order
        return order

    def change(self, order: VenueOrder, status: str, now_ms: int) -> None:
        """Give an order its next status."""
        order.status, order.status_at_ms = status, now_ms
        if not order.is_open:
            self._open.get(order.user, {}).pop(order.oid, None)

    def find(self, user: str, name: int | str) -> VenueOrder | None:
        """A user's order by its number or its cloid."""
        if isinstance(name, str):
            return self._by_cloid.get((user, name.lower()))
        order = self._by_oid.get(name)
        return order if order is not None and order.user == user else None

    def at_paper(self, paper_id: ClientOrderId) -> VenueOrder | None:
        """By its id at the paper exchange."""
        return self._by_paper_id.get(paper_id)

    def open_of(self, user: str) -> list[VenueOrder]:
        """Open orders, oldest first, without the exits whose entry has not filled."""
        return [order for order in self._open.get(user, {}).values() if order.parent is None]

    def all_of(self, user: str) -> Iterator[VenueOrder]:
        """All that is known, newest first."""
        return (order for order in reversed(self._by_oid.values()) if order.user == user)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _keep(self, order: VenueOrder) -> None:
        self._by_oid[order.oid] = order
        self._by_paper_id[order.paper_id] = order
        self._open.setdefault(order.user, {})[order.oid] = order
        while len(self._by_oid) > KEPT:
            oldest = next((old for old in self._by_oid.values() if not old.is_open), None)
            if oldest is None:
                return
            self._forget(oldest)

    def _forget(self, order: VenueOrder) -> None:
        del self._by_oid[order.oid]
        self._by_paper_id.pop(order.paper_id, None)
        if order.cloid is not None and self._by_cloid.get((order.user, order.cloid)) is order:
            del self._by_cloid[order.user, order.cloid]
