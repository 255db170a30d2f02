"""Binance websocket messages as market events: spot, USD-margined and coin-margined futures.

Spot numbers its depth changes without holes (``U`` is the last ``u`` plus one), futures name their predecessor
(``pu`` is the last ``u``). Source: Binance API documentation, "How to manage a local order book correctly".
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

import msgspec

from adapters.errors import ConfigError
from adapters.market.depth import DepthBook
from adapters.market.wire import (
    BinanceDepth,
    BinanceMark,
    BinanceSnapshot,
    BinanceTicker,
    BinanceTrade,
    Message,
    PriceAndSize,
    at_ms,
)
from adapters.model import (
    ZERO,
    Book,
    InstrumentKind,
    Level,
    MarketContext,
    MarketEvent,
    Quote,
    Side,
    Symbol,
    Trade,
)

LEVELS = 20
CONTRACT_USD = {
    "BTCUSD": Decimal(100)
}  # coin-margined, by pair; source: Binance "COIN-M contract specifications"
CONTRACT_USD_ELSE = Decimal(10)
SIZE_UNIT = Decimal("1E-8")  # base, to which contracts are cut down

logger = logging.getLogger(__name__)


class BinanceDecoder:
    """One market's messages, in the order of their arrival.

    A ``Book`` comes when one of the 20 best levels of a side has changed. When a depth change is missing, one empty
    ``Book`` says that the depth is unknown, and no other comes until the capture holds a new snapshot. Sizes of
    coin-margined futures, which are contracts of 100 or 10 USD, become base units at their price.
    """

    def __init__(self, symbol: Symbol) -> None:
        self.kind = InstrumentKind.SPOT  # until a message says what only futures say
        self.gaps = 0  # depth changes that were missing
        self._symbol = symbol
        self._market = ""  # in Binance's name
        self._book = DepthBook()
        self._pending: list[BinanceDepth] = []  # without a hole, waiting for a snapshot
        self._last_id: int | None = None  # of the newest depth change
        self._shown: tuple[tuple[Level, ...], tuple[Level, ...]] = ((), ())
        self._trade_stream = (
            ""  # of "trade" and "aggTrade" the one that came first: both tell the same trades
        )
        self._contract_usd: Decimal | None = None

    def events(self, message: Message, text: bytes, received_at: datetime) -> Iterator[MarketEvent]:
        """The message's events; ``text`` is the message itself, ``received_at`` stamps what carries no time."""
        if message.last_update_id is not None:
            snapshot = msgspec.json.decode(text, type=BinanceSnapshot)
            self._know_contract(snapshot.pair)
            at = at_ms(snapshot.event_ms) if snapshot.event_ms else received_at
            yield from self._begin(snapshot, at)
            return
        market, _, stream = message.stream.partition("@")
        self._market = self._market or market
        if market != self._market:
            raise ConfigError(f"is of {market}, after {self._market}; needs one market per file")
        kind = stream.partition("@")[0]
        match kind:
            case "depth":
                depth = msgspec.json.decode(message.data, type=BinanceDepth)
                self._know_contract(depth.pair)
                yield from self._follow(depth)
            case "bookTicker":
                ticker = msgspec.json.decode(message.data, type=BinanceTicker)
                self._know_contract(ticker.pair)
                if ticker.made_ms is None:
                    yield self._quote(ticker, received_at)
                else:
                    self.kind = InstrumentKind.PERP
                    yield self._quote(ticker, at_ms(ticker.made_ms))
            case "trade" | "aggTrade":
                self._trade_stream = self._trade_stream or kind
                trade = msgspec.json.decode(message.data, type=BinanceTrade)
                if (
                    kind == self._trade_stream and trade.price and trade.size
                ):  # futures report some of nothing
                    yield self._trade(trade)
            case "markPrice":
                mark = msgspec.json.decode(message.data, type=BinanceMark)
                yield MarketContext(
                    symbol=self._symbol,
                    mark_price=mark.mark_price,
                    funding_rate=mark.funding_rate,
                    open_interest=ZERO,  # this stream does not tell it
                    at=at_ms(mark.event_ms),
                )

    def _begin(self, snapshot: BinanceSnapshot, at: datetime) -> Iterator[MarketEvent]:
        if self._book.is_known:
            return  # it may be older than what is known
        newer = [depth for depth in self._pending if depth.last_id > snapshot.last_update_id]
        if newer and newer[0].misses_any_after(snapshot.last_update_id):
            logger.warning("%s: the depth snapshot is older than the changes at hand", self._symbol)
            return
        self._book.reset(self._levels(snapshot.bids), self._levels(snapshot.asks))
        self._pending = []
        self._last_id = max(self._last_id or 0, snapshot.last_update_id)
        for depth in newer:
            self._book.apply(self._levels(depth.bids), self._levels(depth.asks))
        yield from self._show(at)

    def _follow(self, depth: BinanceDepth) -> Iterator[MarketEvent]:
        at = at_ms(depth.made_ms or depth.event_ms)
        if depth.previous_id is not None:
            self.kind = InstrumentKind.PERP
        if self._last_id is not None and depth.last_id <= self._last_id:
            return  # known already
        if self._last_id is not None and depth.misses_any_after(self._last_id):
            self.gaps += 1
            logger.warning(
                "%s: depth changes are missing before update %d at %s", self._symbol, depth.first_id, at
            )
            self._book.lose()
            self._pending = []
        self._last_id = depth.last_id
        if self._book.is_known:
            self._book.apply(self._levels(depth.bids), self._levels(depth.asks))
        else:
            self._pending.append(depth)
        yield from self._show(at)

    def _show(self, at: datetime) -> Iterator[Book]:
        top = self._book.top(LEVELS)
        if top != self._shown:
            self._shown = top
            yield Book(symbol=self._symbol, bids=top[0], asks=top[1], at=at)

    def _quote(self, ticker: BinanceTicker, at: datetime) -> Quote:
        return Quote(
            symbol=self._symbol,
            bid=ticker.bid,
            bid_size=self._base(ticker.bid, ticker.bid_size),
            ask=ticker.ask,
            ask_size=self._base(ticker.ask, ticker.ask_size),
            at=at,
        )

    def _trade(self, trade: BinanceTrade) -> Trade:
        return Trade(
            symbol=self._symbol,
            price=trade.price,
            size=self._base(trade.price, trade.size),
            side=Side.SELL if trade.is_buyer_maker else Side.BUY,
            at=at_ms(trade.made_ms),
        )

    def _levels(self, pairs: list[PriceAndSize]) -> Iterator[Level]:
        return (Level(price, self._base(price, size)) for price, size in pairs)

    def _know_contract(self, pair: str | None) -> None:
        if pair is not None:
            self._contract_usd = CONTRACT_USD.get(pair, CONTRACT_USD_ELSE)

    def _base(self, price: Decimal, size: Decimal) -> Decimal:
        if self._contract_usd is None:
            return size
        return (size * self._contract_usd / price).quantize(SIZE_UNIT, rounding=ROUND_FLOOR)
