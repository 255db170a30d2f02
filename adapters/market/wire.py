"""What the recorded websocket messages look like, and their times."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from msgspec import Raw, Struct, field

from adapters.market.bars import EPOCH

PriceAndSize: TypeAlias = tuple[Decimal, Decimal]


class Message(Struct, kw_only=True):
    """The envelope: Binance's combined stream, a Binance REST depth snapshot, or a Hyperliquid channel."""

    stream: str = ""
    channel: str = ""
    data: Raw = Raw()
    last_update_id: int | None = field(name="lastUpdateId", default=None)


class BinanceSnapshot(Struct, kw_only=True):
    """``GET /depth``. Source: Binance API documentation, "Order Book"."""

    last_update_id: int = field(name="lastUpdateId")
    bids: list[PriceAndSize]
    asks: list[PriceAndSize]
    event_ms: int | None = field(name="E", default=None)
    pair: str | None = None  # coin-margined futures only


class BinanceDepth(Struct, kw_only=True):
    """``depthUpdate``. Source: Binance API documentation, "Diff. Book Depth Streams"."""

    first_id: int = field(name="U")
    last_id: int = field(name="u")
    previous_id: int | None = field(
        name="pu", default=None
    )  # futures only: the last id of the message before
    bids: list[PriceAndSize] = field(name="b")
    asks: list[PriceAndSize] = field(name="a")
    event_ms: int = field(name="E")
    made_ms: int | None = field(name="T", default=None)
    pair: str | None = field(name="ps", default=None)  # coin-margined futures only

    def misses_any_after(self, last_id: int) -> bool:
        """Whether there was a change between ``last_id`` and this message."""
        before = self.first_id - 1 if self.previous_id is None else self.previous_id
        return before > last_id


class BinanceTicker(Struct, kw_only=True):
    """``bookTicker``; on spot it carries no time."""

    bid: Decimal = field(name="b")
    bid_size: Decimal = field(name="B")
    ask: Decimal = field(name="a")
    ask_size: Decimal = field(name="A")
    made_ms: int | None = field(name="T", default=None)
    pair: str | None = field(name="ps", default=None)


class BinanceTrade(Struct, kw_only=True):
    """``trade`` and ``aggTrade``."""

    price: Decimal = field(name="p")
    size: Decimal = field(name="q")
    made_ms: int = field(name="T")
    is_buyer_maker: bool = field(name="m")


class BinanceMark(Struct, kw_only=True):
    """``markPriceUpdate``."""

    mark_price: Decimal = field(name="p")
    funding_rate: Decimal = field(name="r")
    event_ms: int = field(name="E")


class HyperliquidLevel(Struct, kw_only=True):
    """One price of ``l2Book``."""

    price: Decimal = field(name="px")
    size: Decimal = field(name="sz")


class HyperliquidBook(Struct, kw_only=True):
    """``l2Book``: the whole visible book each time. Source: Hyperliquid API documentation, "WsBook"."""

    coin: str
    levels: tuple[list[HyperliquidLevel], list[HyperliquidLevel]]  # bids, asks
    time: int  # ms


class HyperliquidTrade(Struct, kw_only=True):
    """One of ``trades``; ``side`` is the aggressor's, "B" or "A". Source: the same, "WsTrade"."""

    coin: str
    side: str
    price: Decimal = field(name="px")
    size: Decimal = field(name="sz")
    time: int  # ms


def at_ms(ms: int) -> datetime:
    """Epoch milliseconds as a time."""
    return EPOCH + timedelta(milliseconds=ms)


def at_ns(ns: int) -> datetime:
    """Epoch nanoseconds as a time, cut to microseconds."""
    return EPOCH + timedelta(microseconds=ns // 1000)
