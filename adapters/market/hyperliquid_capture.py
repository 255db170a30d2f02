"""Hyperliquid websocket messages as market events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from adapters.errors import ConfigError
from adapters.market.wire import HyperliquidBook, HyperliquidLevel, HyperliquidTrade, Message, at_ms
from adapters.model import Book, InstrumentKind, Level, MarketEvent, Quote, Side, Symbol, Trade


class HyperliquidDecoder:
    """One market's messages, in the order of their arrival.

    An ``l2Book`` gives a ``Quote`` and a ``Book``, each only when it differs from the one before. A subscription to
    trades begins with a few from before it; those are history, and left out.
    """

    def __init__(self, symbol: Symbol) -> None:
        self.kind = InstrumentKind.PERP
        self._symbol = symbol
        self._coin = ""
        self._began: datetime | None = None  # time of the first book
        self._shown: tuple[tuple[Level, ...], tuple[Level, ...]] = ((), ())

    def events(self, message: Message, text: bytes, received_at: datetime) -> Iterator[MarketEvent]:
        """The message's events; all carry the exchange's time, so ``received_at`` is not needed."""
        match message.channel:
            case "l2Book":
                yield from self._book(msgspec.json.decode(message.data, type=HyperliquidBook))
            case "trades":
                for trade in msgspec.json.decode(message.data, type=list[HyperliquidTrade]):
                    self._check(trade.coin)
                    if self._began is not None and at_ms(trade.time) >= self._began:
                        yield Trade(
                            symbol=self._symbol,
                            price=trade.price,
                            size=trade.size,
                            side=Side.BUY if trade.side == "B" else Side.SELL,
                            at=at_ms(trade.time),
                        )

    def _book(self, book: HyperliquidBook) -> Iterator[MarketEvent]:
        self._check(book.coin)
        at = at_ms(book.time)
        self._began = self._began or at
        bids, asks = (_levels(side) for side in book.levels)
        before, self._shown = self._shown, (bids, asks)
        if before == self._shown:
            return
        if bids and asks and (bids[:1], asks[:1]) != (before[0][:1], before[1][:1]):
            yield Quote(
                symbol=self._symbol,
                bid=bids[0].price,
                bid_size=bids[0].size,
                ask=asks[0].price,
                ask_size=asks[0].size,
                at=at,
            )
        yield Book(symbol=self._symbol, bids=bids, asks=asks, at=at)

    def _check(self, coin: str) -> None:
        self._coin = self._coin or coin
        if coin != self._coin:
            raise ConfigError(f"is of {coin}, after {self._coin}; needs one market per file")
        if coin.startswith("@") or "/" in coin:  # how spot pairs are named
            self.kind = InstrumentKind.SPOT


def _levels(side: Sequence[HyperliquidLevel]) -> tuple[Level, ...]:
    return tuple(Level(level.price, level.size) for level in side)
