"""The judge's own account of the venue: built from the venue's news alone, and valued as the limits are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from adapters.model import ZERO, ClientOrderId, Fill, Order, OrderReport, Side, Symbol


@dataclass(slots=True)
class Held:
    """One position."""

    size: Decimal = ZERO  # base, signed
    cost_usd: Decimal = ZERO  # at the average entry price, signed

    def trade(self, signed: Decimal, price: Decimal) -> None:
        """A fill: what it closes leaves at the average cost, what it opens comes at its price."""
        if self.size * signed < 0:
            closed = min(abs(signed), abs(self.size)).copy_sign(signed)
            self.cost_usd += self.cost_usd * closed / self.size
            self.size += closed
            signed -= closed
            if not self.size:
                self.cost_usd = ZERO
        self.size += signed
        self.cost_usd += signed * price


@dataclass(slots=True)
class Shadow:
    """One account."""

    held: dict[Symbol, Held] = field(default_factory=dict)
    live: dict[ClientOrderId, OrderReport] = field(default_factory=dict)
    left: dict[ClientOrderId, Decimal] = field(default_factory=dict)  # of each live order, base
    accepted: dict[ClientOrderId, int] = field(default_factory=dict)  # how often

    def report(self, report: OrderReport) -> bool:
        """News of an order; says whether the venue has just accepted it."""
        id_ = report.order.id
        was_live = id_ in self.live
        if report.status.is_final:
            self.live.pop(id_, None)
            self.left.pop(id_, None)
            return False
        self.live[id_] = report
        if was_live:
            return False
        self.left[id_] = report.order.size - report.filled
        self.accepted[id_] = self.accepted.get(id_, 0) + 1
        return True

    def fill(self, fill: Fill) -> None:
        """News of an execution, which comes before the report that counts it."""
        self.held.setdefault(fill.symbol, Held()).trade(fill.size * fill.side.sign, fill.price)
        if fill.order_id in self.left:
            self.left[fill.order_id] -= fill.size

    def worst_usd(self, symbol: Symbol, without: ClientOrderId | None = None) -> Decimal:
        """The furthest that one market can get from flat, positions at their cost and orders at their limit."""
        held = self.held.get(symbol)
        sides = {Side.BUY: ZERO, Side.SELL: ZERO}
        for id_, report in self.live.items():
            order = report.order
            if (
                order.symbol == symbol
                and id_ != without
                and not order.reduce_only
                and order.price is not None
            ):
                sides[order.side] += self.left[id_] * order.price
        cost = held.cost_usd if held else ZERO
        return max(abs(cost), abs(cost + sides[Side.BUY]), abs(cost - sides[Side.SELL]))

    def exposure_usd(self, without: ClientOrderId | None = None) -> Decimal:
        """The same over all markets."""
        symbols = {order.symbol: None for order in self.orders().values()} | dict.fromkeys(self.held)
        return sum((self.worst_usd(symbol, without) for symbol in symbols), ZERO)

    def orders(self) -> Mapping[ClientOrderId, Order]:
        """What is open."""
        return {id_: report.order for id_, report in self.live.items()}

    def positions(self) -> Mapping[Symbol, Decimal]:
        """Sizes, flat markets left out."""
        return {symbol: held.size for symbol, held in self.held.items() if held.size}
