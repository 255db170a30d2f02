"""What the market shows at each price, less what our own takers have taken since it was shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.model import ZERO, Book, Level, Quote, Side

BOOK_FRESH_FOR = timedelta(seconds=5)  # a book older than the newest quote by more no longer counts


class Depth:
    """Visible levels, best first on both sides. ``Side.BUY`` names the bids.

    What a taker took is gone until fresh market data for its level arrives.
    """

    __slots__ = ("_book_at", "_levels", "_taken")

    def __init__(self) -> None:
        self._levels: dict[Side, tuple[Level, ...]] = {Side.BUY: (), Side.SELL: ()}
        self._book_at: datetime | None = None
        self._taken: dict[tuple[Side, Decimal], Decimal] = {}

    def show_book(self, book: Book) -> None:
        self._levels = {Side.BUY: book.bids, Side.SELL: book.asks}
        self._book_at = book.at
        self._taken.clear()

    def show_quote(self, quote: Quote) -> None:
        """Replace the best levels; deeper ones stay as long as the book that showed them is fresh."""
        bids: tuple[Level, ...] = (Level(quote.bid, quote.bid_size),)
        asks: tuple[Level, ...] = (Level(quote.ask, quote.ask_size),)
        if self._book_at is None or quote.at - self._book_at > BOOK_FRESH_FOR:
            self._book_at = None
            self._taken.clear()
        else:
            bids += tuple(level for level in self._levels[Side.BUY] if level.price < quote.bid)
            asks += tuple(level for level in self._levels[Side.SELL] if level.price > quote.ask)
            self._taken.pop((Side.BUY, quote.bid), None)
            self._taken.pop((Side.SELL, quote.ask), None)
        self._levels = {Side.BUY: bids, Side.SELL: asks}

    def show_price(self, bid: Decimal, ask: Decimal, size: Decimal) -> None:
        """Show one level a side, as made from a bar."""
        self._levels = {Side.BUY: (Level(bid, size),), Side.SELL: (Level(ask, size),)}
        self._taken.clear()

    def best(self, side: Side) -> Decimal | None:
        """The best price shown, taken or not."""
        levels = self._levels[side]
        return levels[0].price if levels else None

    def offered(self, side: Side, limit: Decimal | None = None) -> Iterator[Level]:
        """What can be taken from ``side``, best first, no worse than ``limit``."""
        for level in self._levels[side]:
            if limit is not None and (level.price - limit) * side.sign < 0:
                return
            size = level.size - self._taken.get((side, level.price), ZERO)
            if size > 0:
                yield Level(level.price, size)

    def take(self, side: Side, price: Decimal, size: Decimal) -> None:
        key = (side, price)
        self._taken[key] = self._taken.get(key, ZERO) + size

    def visible(self, side: Side, price: Decimal) -> Decimal | None:
        """The size shown at a price; None when the price lies deeper than what is shown."""
        levels = self._levels[side]
        if not levels or (price - levels[-1].price) * side.sign < 0:
            return None
        return next((level.size for level in levels if level.price == price), ZERO)
