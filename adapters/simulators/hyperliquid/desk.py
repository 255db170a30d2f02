"""Where orders are handed in: alone, in batches, as an entry with its exits, as exits of a position."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.simulators.hyperliquid import refusals
from adapters.simulators.hyperliquid.ledger import Deed, Ledger
from adapters.simulators.hyperliquid.listing import Asset, Listing
from adapters.simulators.hyperliquid.matching import Matching
from adapters.simulators.hyperliquid.orders import VenueOrder
from adapters.simulators.hyperliquid.precheck import check
from adapters.simulators.hyperliquid.refusals import NOT_MODIFIABLE, OrderRefusal, Refused
from adapters.simulators.hyperliquid.requests import OrderRequest
from adapters.simulators.hyperliquid.tape import Tape
from adapters.simulators.hyperliquid.wire import Json, number

Status = Json | str
AVERAGE_DECIMALS = 8


class Desk:
    """Takes orders, cancels and changes of orders, and answers each in the venue's form.

    Args:
        matching: where orders go.
        listing: which markets there are.
        tape: their prices.
        ledger: hears of what was asked.
        cloid_once: whether a cloid that was used before is refused.
    """

    def __init__(
        self, matching: Matching, listing: Listing, tape: Tape, ledger: Ledger, *, cloid_once: bool
    ) -> None:
        self._matching = matching
        self._orders = matching.orders
        self._listing = listing
        self._tape = tape
        self._ledger = ledger
        self._cloid_once = cloid_once

    def place(self, user: str, requests: Sequence[OrderRequest], grouping: str) -> list[Status]:
        """Place orders one after another; what became of each."""
        for request in requests:
            self._asset(request.a)
        if grouping == "normalTpsl":
            return self._place_with_exits(user, requests)
        if grouping == "positionTpsl":
            return self._place_position_exits(user, requests)
        return [self._answer(*self._place(user, request)) for request in requests]

    def cancel(self, user: str, asset: int, name: int | str) -> Status:
        """Cancel an order by its number or its cloid."""
        order = self._orders.find(user, name)
        if order is None or not order.is_open or order.asset.number != asset:
            self._ledger.write(self._matching.now_ms, Deed.CANCEL, user, {"order": name, "done": False})
            return {"error": refusals.not_open(asset)}
        self._ledger.write(self._matching.now_ms, Deed.CANCEL, user, {"order": name, "done": True})
        self._matching.end(order, "canceled")
        return "success"

    def modify(self, user: str, name: int | str, request: OrderRequest) -> Status:
        """Cancel one order and place another in its stead; the first stays when the other's form is wrong."""
        asset = self._asset(request.a)
        order = self._orders.find(user, name)
        if order is None or not order.is_open:
            return {"error": NOT_MODIFIABLE}
        refusal = check(asset, request, self._tape.of(asset.symbol).mark)
        if refusal is not None:
            return {"error": refusal.text}
        self._matching.end(order, "canceled")
        return self._answer(*self._place(user, request, names_again=True))

    def cancel_all(self, user: str, status: str) -> int:
        """Cancel all that is open; how many there were."""
        doomed = self._orders.open_of(user)
        for order in doomed:
            if order.is_open:  # the one before may have taken it along
                self._matching.end(order, status)
        return len(doomed)

    def _asset(self, asset_number: int) -> Asset:
        asset = self._listing.by_number.get(asset_number)
        if asset is None:
            raise Refused(f"Invalid asset {asset_number}")
        return asset

    def _place(
        self,
        user: str,
        request: OrderRequest,
        *,
        exits: Sequence[VenueOrder] = (),
        is_position_exit: bool = False,
        names_again: bool = False,
    ) -> tuple[VenueOrder, OrderRefusal | None]:
        asset = self._asset(request.a)
        is_known = request.c is not None and self._orders.find(user, request.c) is not None
        is_taken = is_known and self._cloid_once and not names_again
        order = self._orders.enter(user, asset, request, self._matching.now_ms, takes_name=not is_taken)
        order.is_position_exit = is_position_exit
        order.children = list(exits)
        for child in exits:
            child.parent = order
        mark = self._tape.of(asset.symbol).mark
        refusal = check(asset, request, mark, may_be_empty=is_position_exit)
        if refusal is None and order.trigger is not None and mark is not None and order.is_set_off_by(mark):
            refusal = refusals.bad_trigger(asset.number)
        if is_taken:
            refusal = refusals.known_cloid(asset.number)
        if refusal is not None:
            return order, self._matching.refuse(order, refusal)
        return order, self._matching.send(order)

    def _place_with_exits(self, user: str, requests: Sequence[OrderRequest]) -> list[Status]:
        """An entry, and exits that come to life when it has filled; one refusal is the answer for all."""
        if not requests or any(request.t.trigger is None for request in requests[1:]):
            raise Refused("Unexpected number of trigger orders")
        for request in requests[1:]:
            asset = self._asset(request.a)
            refusal = check(asset, request, self._tape.of(asset.symbol).mark)
            if refusal is not None:
                return [{"error": refusal.text}]
        now = self._matching.now_ms
        exits = [self._orders.enter(user, self._asset(request.a), request, now) for request in requests[1:]]
        _make_siblings(exits)
        entry, refusal = self._place(user, requests[0], exits=exits)
        if refusal is not None:
            for order in exits:
                self._matching.end(order, "canceled")
            return [self._answer(entry, refusal)]
        waiting = "waitingForFill" if entry.is_open else "waitingForTrigger"
        return [self._answer(entry, None), *(waiting for _ in exits)]

    def _place_position_exits(self, user: str, requests: Sequence[OrderRequest]) -> list[Status]:
        """Stops and targets for the whole position, whatever it will be."""
        placed = [self._place(user, request, is_position_exit=not request.size) for request in requests]
        _make_siblings([order for order, refusal in placed if refusal is None])
        return [
            "waitingForTrigger" if refusal is None else self._answer(order, refusal)
            for order, refusal in placed
        ]

    def _answer(self, order: VenueOrder, refusal: OrderRefusal | None) -> Status:
        if refusal is not None:
            return {"error": refusal.text}
        name: Json = {"oid": order.oid}
        if order.cloid is not None:
            name["cloid"] = order.cloid
        if order.filled and not order.is_open:
            average = round(order.notional / order.filled, AVERAGE_DECIMALS)
            return {"filled": {"totalSz": number(order.filled), "avgPx": number(average), **name}}
        return {"resting": name}


def _make_siblings(orders: Sequence[VenueOrder]) -> None:
    for order in orders:
        order.siblings = [other for other in orders if other is not order]
