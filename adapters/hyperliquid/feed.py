"""Hyperliquid's public market data: the recent past first, as bars; then news as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from adapters.clock import Clock
from adapters.errors import Temporary
from adapters.hyperliquid.client import PublicClient
from adapters.hyperliquid.markets import Market, Markets
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.orders import SIDES
from adapters.hyperliquid.wire import (
    BestPrices,
    Candle,
    ContextNews,
    Envelope,
    L2Book,
    PerpMeta,
    PriceLevel,
    SpotMeta,
    TradeLine,
    check_not_ahead,
    decoded,
)
from adapters.market.bars import EPOCH
from adapters.market.wire import at_ms
from adapters.model import Bar, Book, Instrument, Level, MarketContext, MarketEvent, Quote, Symbol, Trade

BAR = timedelta(minutes=1)  # of the recent past: the finest that the exchange tells
PAST = timedelta(hours=24)
LISTING_AGE_MAX_S = 60.0
CHANNELS = ("bbo", "l2Book", "trades", "activeAssetCtx")


@dataclass(slots=True)
class _Followed:
    """One market, and what was last told of it."""

    market: Market
    until: datetime = EPOCH  # up to here all was told
    since: datetime = EPOCH  # trades from before are in the bars, or were told
    quote: Quote | None = None

    @property
    def symbol(self) -> Symbol:
        return self.market.instrument.symbol


class HyperliquidFeed:
    """Implements ``MarketFeed``; see the module. Dialled anew, it tells what was missed.

    Args:
        client: asks within the limits.
        symbols: what is followed; those that the exchange does not list are left out.
        clock: for stamps and ages.
        past: how much of the recent past comes first.
    """

    def __init__(
        self, client: PublicClient, symbols: Sequence[Symbol], clock: Clock, *, past: timedelta = PAST
    ) -> None:
        self._client = client
        self._symbols = symbols
        self._clock = clock
        self._past = past
        self._followed: dict[str, _Followed] = {}  # by the exchange's names
        self._listing: tuple[float, Mapping[Symbol, Instrument]] | None = None

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        """The markets that are followed. Raises ``VenueError``."""
        now = self._clock.monotonic()
        if self._listing is None or now - self._listing[0] > LISTING_AGE_MAX_S:
            perps = await self._client.ask("meta", PerpMeta)
            spot = await self._client.ask("spotMeta", SpotMeta)
            listed = Markets.listed(perps, spot)
            markets = [listed.of(symbol) for symbol in self._symbols if symbol in listed.instruments]
            for market in markets:
                known = self._followed.setdefault(market.coin, _Followed(market))
                known.market = market
            self._listing = (now, {market.instrument.symbol: market.instrument for market in markets})
        return self._listing[1]

    async def events(self) -> AsyncIterator[MarketEvent]:
        """The past of every market, then news. Raises ``VenueError``; ends when the connection does."""
        await self.instruments()
        stream = await self._client.open_stream()
        try:
            for known in self._followed.values():
                for bar in await self._missed(known):
                    known.until = bar.at
                    yield bar
                known.since = known.until
            for coin in self._followed:
                for channel in CHANNELS:
                    await stream.subscribe(channel, coin=coin)
            async for message in stream.messages():
                try:
                    news = list(self._news(message))
                except (msgspec.MsgspecError, ValueError) as error:
                    raise Temporary(f"{message.channel}: {error}", venue=VENUE) from error
                for event in news:
                    yield event
        finally:
            await stream.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _missed(self, known: _Followed) -> list[Bar]:
        """The closed bars of the recent past that were not told, oldest first."""
        now = self._clock.now()
        since = max(now - self._past, known.until)
        if now - since < BAR:
            return []
        request = {
            "coin": known.market.coin,
            "interval": "1m",
            "startTime": (since - EPOCH) // timedelta(milliseconds=1),
            "endTime": (now - EPOCH) // timedelta(milliseconds=1),
        }
        candles = await self._client.ask("candleSnapshot", list[Candle], req=request)
        bars = [_bar(candle, known.symbol) for candle in sorted(candles, key=lambda candle: candle.open_ms)]
        return [bar for bar in bars if known.until < bar.at <= now]

    def _news(self, message: Envelope) -> Iterator[MarketEvent]:
        match message.channel:
            case "bbo":
                best = decoded(message.data, BestPrices)
                check_not_ahead([best.time], self._clock.now())
                yield from _quote(self._followed.get(best.coin), best.best, best.time)
            case "l2Book":
                book = decoded(message.data, L2Book)
                check_not_ahead([book.time], self._clock.now())
                yield from _book(self._followed.get(book.coin), book)
            case "trades":
                for line in decoded(message.data, list[TradeLine]):
                    yield from _trade(self._followed.get(line.coin), line)
            case "activeAssetCtx" | "activeSpotAssetCtx":
                context = decoded(message.data, ContextNews)
                yield from self._context(self._followed.get(context.coin), context)

    def _context(self, known: _Followed | None, news: ContextNews) -> Iterator[MarketContext]:
        if known is not None:
            yield MarketContext(
                symbol=known.symbol,
                mark_price=news.context.mark_price,
                funding_rate=news.context.funding,
                open_interest=news.context.open_interest,
                at=known.quote.at if known.quote else self._clock.now(),  # it carries no time of its own
            )


def _bar(candle: Candle, symbol: Symbol) -> Bar:
    return Bar(
        symbol=symbol,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        interval=BAR,
        at=at_ms(candle.open_ms) + BAR,
    )


def _quote(known: _Followed | None, best: Sequence[PriceLevel | None], time_ms: int) -> Iterator[Quote]:
    """A quote where there are both sides and it is not older than the last one."""
    bid, ask = best
    at = at_ms(time_ms)
    if known is None or bid is None or ask is None or (known.quote is not None and at < known.quote.at):
        return
    known.until = at
    known.quote = Quote(
        symbol=known.symbol, bid=bid.price, bid_size=bid.size, ask=ask.price, ask_size=ask.size, at=at
    )
    yield known.quote


def _book(known: _Followed | None, book: L2Book) -> Iterator[MarketEvent]:
    if known is None:
        return
    bids, asks = book.levels
    yield from _quote(known, (bids[0] if bids else None, asks[0] if asks else None), book.time)
    yield Book(symbol=known.symbol, bids=_levels(bids), asks=_levels(asks), at=at_ms(book.time))


def _trade(known: _Followed | None, line: TradeLine) -> Iterator[Trade]:
    at = at_ms(line.time)
    if known is not None and at >= known.since and line.size > 0:
        yield Trade(symbol=known.symbol, price=line.price, size=line.size, side=SIDES[line.side], at=at)


def _levels(side: Sequence[PriceLevel]) -> tuple[Level, ...]:
    return tuple(Level(level.price, level.size) for level in side)
