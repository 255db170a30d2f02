"""Market data: one subscription a market, candles and indicators computed once, snapshots for all who watch.

The core takes events and gives snapshots without waiting for anything; ``MarketDataService`` around it serves them.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from actors.messages import Snapshots, Watch
from adapters.clock import Clock
from adapters.market.bars import BarBuilder, quote_at_close
from adapters.market.indicators import IndicatorSet
from adapters.model import (
    ZERO,
    Bar,
    Book,
    FundingDue,
    MarketContext,
    MarketEvent,
    Quote,
    Snapshot,
    Symbol,
    Trade,
)

HISTORY_BARS = 2_000  # fine bars kept per market, to warm up a watch that comes later
HOURS_KEPT = timedelta(hours=4, minutes=5)
DEFAULT_FINE = timedelta(seconds=1)
HOUR = timedelta(hours=1)
INFINITY = float("inf")


@dataclass(slots=True)
class _Candles:
    """One bar length of one market: its builder, its indicators."""

    names: set[str]  # of the indicators
    builder: BarBuilder
    indicators: IndicatorSet
    newest: Bar | None = None

    def add(self, news: Quote | Trade | Bar) -> None:
        for bar in self.builder.add(news):
            self.close(bar)

    def close(self, bar: Bar) -> None:
        self.indicators.update(bar)
        self.newest = bar


@dataclass(slots=True)
class _Market:
    """All that is known of one market."""

    symbol: Symbol
    fine: BarBuilder
    quote: Quote | None = None
    has_quotes: bool = False  # of its own; until then they are made from the closes of bars
    context: MarketContext | None = None
    context_at: float = 0.0  # monotonic, when it was heard
    heard_at: float = 0.0  # monotonic
    bars: deque[Bar] = field(default_factory=lambda: deque(maxlen=HISTORY_BARS))
    minutes: deque[tuple[datetime, float]] = field(default_factory=deque)  # closes, for the changes
    candles: dict[timedelta, _Candles] = field(default_factory=dict)


class MarketData:
    """See the module.

    Args:
        symbols: the markets.
        clock: for the age of what was heard.
        fine: length of the bars that are kept as history; a replay's own bar length.
    """

    def __init__(self, symbols: Iterable[Symbol], clock: Clock, fine: timedelta = DEFAULT_FINE) -> None:
        self._clock = clock
        self._fine = fine
        self._markets = {symbol: _Market(symbol, BarBuilder(symbol, fine)) for symbol in symbols}
        self.changed: set[Symbol] = set()

    def take(self, event: MarketEvent) -> None:
        """One event of the feed; markets that are not ours are passed over."""
        market = self._markets.get(event.symbol)
        if market is None:
            return
        market.heard_at = self._clock.monotonic()
        self.changed.add(event.symbol)
        match event:
            case Quote():
                market.quote, market.has_quotes = event, True
                self._candles(market, event)
            case Trade():
                self._candles(market, event)
            case Bar():
                if not market.has_quotes:
                    market.quote = quote_at_close(event)
                self._candles(market, event)
            case MarketContext():
                market.context, market.context_at = event, market.heard_at
            case Book() | FundingDue():
                pass

    def watch(self, watch: Watch) -> None:
        """Begin to compute what the watch asks for, from the history that there is."""
        interval = timedelta(seconds=watch.bar_interval_s)
        for symbol in watch.symbols:
            market = self._markets.get(symbol)
            if market is None or interval < self._fine or interval % self._fine:
                continue  # no such bars can be made from those that there are
            known = market.candles.get(interval)
            names = set(watch.indicators) | (known.names if known else set())
            if known is not None and names == known.names:
                continue
            candles = _Candles(names, BarBuilder(symbol, interval), IndicatorSet(sorted(names)))
            for bar in market.bars:
                candles.add(bar)
            market.candles[interval] = candles

    def snapshots(self, watch: Watch, among: Collection[Symbol] | None = None) -> Snapshots:
        """The newest state of the watched markets, of those ``among`` only if given."""
        interval = timedelta(seconds=watch.bar_interval_s)
        symbols = watch.symbols if among is None else [s for s in watch.symbols if s in among]
        found = (self.snapshot(symbol, interval) for symbol in symbols)
        return Snapshots(watch.bar_interval_s, tuple(snapshot for snapshot in found if snapshot is not None))

    def snapshot(self, symbol: Symbol, interval: timedelta) -> Snapshot | None:
        """One market at this instant; ``None`` before its first quote or bar."""
        market = self._markets.get(symbol)
        if market is None or market.quote is None:
            return None
        quote, context = market.quote, market.context
        mid = quote.mid
        candles = market.candles.get(interval)
        bar = candles.newest if candles else None
        return Snapshot(
            symbol=symbol,
            quote=quote,
            mark_price=context.mark_price if context else mid,
            age_s=self._clock.monotonic() - market.heard_at,
            funding_rate=context.funding_rate if context else ZERO,
            open_interest=context.open_interest if context else ZERO,
            context_age_s=self._clock.monotonic() - market.context_at if context else None,
            change_1h=_change(market, quote.at, float(mid), HOUR),
            change_4h=_change(market, quote.at, float(mid), 4 * HOUR),
            bar_at=bar.at if bar else None,
            close=float(bar.close) if bar else None,
            indicators=candles.indicators.values if candles else {},
            previous=candles.indicators.previous if candles else {},
        )

    def health(self) -> Mapping[Symbol, float]:
        """Seconds since each market was last heard of."""
        now = self._clock.monotonic()
        return {symbol: now - market.heard_at for symbol, market in self._markets.items()}

    def _candles(self, market: _Market, news: Quote | Trade | Bar) -> None:
        for bar in market.fine.add(news):
            market.bars.append(bar)
            for candles in market.candles.values():
                candles.add(bar)
            if not market.minutes or bar.at - market.minutes[-1][0] >= timedelta(minutes=1):
                market.minutes.append((bar.at, float(bar.close)))
                while bar.at - market.minutes[0][0] > HOURS_KEPT:
                    market.minutes.popleft()


def _change(market: _Market, now: datetime, price: float, span: timedelta) -> float | None:
    """The fraction by which the price has changed over the span; ``None`` where that is not known."""
    then = now - span
    if not market.minutes or market.minutes[0][0] > then:
        return None
    _, close = market.minutes[bisect.bisect_right(market.minutes, (then, INFINITY)) - 1]
    return price / close - 1
