"""An order book kept from one snapshot and the numbered changes after it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal

from adapters.model import Level


class DepthSide:
    """One side's levels by price."""

    def __init__(self) -> None:
        self._prices: list[Decimal] = []  # ascending
        self._levels: dict[Decimal, Level] = {}

    def put(self, level: Level) -> None:
        """Set the size at a price; a size of zero takes the level away."""
        if level.size:
            if level.price not in self._levels:
                insort(self._prices, level.price)
            self._levels[level.price] = level
        elif self._levels.pop(level.price, None):
            del self._prices[bisect_left(self._prices, level.price)]

    def highest(self, count: int) -> tuple[Level, ...]:
        """Highest price first."""
        return tuple(self._levels[price] for price in reversed(self._prices[-count:]))

    def lowest(self, count: int) -> tuple[Level, ...]:
        """Lowest price first."""
        return tuple(self._levels[price] for price in self._prices[:count])


class DepthBook:
    """Both sides, and whether they can be trusted.

    The owner applies changes in order and calls ``lose`` when one is missing; after that the book shows nothing
    until the next ``reset``.
    """

    def __init__(self) -> None:
        self.is_known = False
        self._bids, self._asks = DepthSide(), DepthSide()

    def reset(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Begin anew from a snapshot."""
        self.lose()
        self.is_known = True
        self.apply(bids, asks)

    def lose(self) -> None:
        """Forget everything."""
        self.is_known = False
        self._bids, self._asks = DepthSide(), DepthSide()

    def apply(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Set the sizes of these prices."""
        for level in bids:
            self._bids.put(level)
        for level in asks:
            self._asks.put(level)

    def top(self, count: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The best bids and asks, best first; empty while unknown."""
        return self._bids.highest(count), self._asks.lowest(count)
