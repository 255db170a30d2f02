"""What an account, or one bot in it, holds and has resting, rebuilt event by event from the exchange's history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from adapters.model import ZERO, ClientOrderId, Fill, Order, OrderReport, OrderType, Side
from adapters.paper.ledger import Holding


@dataclass(slots=True)
class Market:
    """One owner's orders and holding in one market."""

    holding: Holding = field(default_factory=Holding)
    live: dict[ClientOrderId, tuple[Order, Decimal]] = field(default_factory=dict)  # and what remains of it

    def apply(self, event: OrderReport | Fill) -> None:
        """Take one event in. A fill takes its size from its order at once, so that it never counts twice."""
        if isinstance(event, Fill):
            self.holding.add(event.size * event.side.sign, event.price)
            if event.order_id in self.live:
                order, remaining = self.live[event.order_id]
                self.live[event.order_id] = order, remaining - event.size
        elif event.status.is_final:
            self.live.pop(event.order.id, None)
        else:
            self.live[event.order.id] = event.order, event.remaining

    def entries(self, side: Side | None = None) -> list[Order]:
        """Resting orders that could add exposure. A market order without a price only ever closes."""
        return [
            order
            for order, _ in self.live.values()
            if is_entry(order) and (side is None or order.side is side)
        ]

    def stopped_size(self) -> Decimal:
        """For how much of the holding stops rest."""
        side = Side.SELL if self.holding.size > 0 else Side.BUY
        return sum(
            (
                left
                for order, left in self.live.values()
                if order.type is OrderType.STOP and order.side is side
            ),
            ZERO,
        )

    def worst_usd(self) -> Decimal:
        """The largest exposure that its orders can lead to: holdings at what they cost, orders at their limit.

        Opposite orders offset the holding in base units first; of what turns it around, the dearest counts.
        """
        held = abs(self.holding.cost)
        size = self.holding.size
        buys, sells = self._resting(Side.BUY), self._resting(Side.SELL)
        if size >= 0:
            return max(held + _worth(buys), _flipped(sells, size))
        return max(held + _worth(sells), _flipped(buys, -size))

    def _resting(self, side: Side) -> list[tuple[Decimal, Decimal]]:
        return [
            (order.price, remaining)
            for order, remaining in self.live.values()
            if order.side is side and is_entry(order) and order.price is not None
        ]


def is_entry(order: Order) -> bool:
    """Whether it could add exposure."""
    return not order.reduce_only and order.price is not None


def _worth(resting: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    return sum((price * size for price, size in resting), ZERO)


def _flipped(resting: Iterable[tuple[Decimal, Decimal]], held: Decimal) -> Decimal:
    left = sum((size for _, size in resting), ZERO) - held
    worth = ZERO
    for price, size in sorted(resting, reverse=True):
        part = max(ZERO, min(size, left))
        worth, left = worth + part * price, left - part
    return worth
