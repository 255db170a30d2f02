"""Bars from quotes and trades, or from smaller bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.model import ZERO, Bar, Quote, Symbol, Trade

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HALF_SPREAD = Decimal("0.0001")  # of the price, where a market shows no quotes
BAR_SHARE = Decimal("0.1")  # of a bar's volume that can be had at its close


def quote_at_close(bar: Bar) -> Quote:
    """The quote that a market of bars is taken to show at a bar's close: the same as the paper exchange's, off tick."""
    half = bar.close * HALF_SPREAD
    size = bar.volume * BAR_SHARE
    return Quote(
        symbol=bar.symbol, bid=bar.close - half, bid_size=size, ask=bar.close + half, ask_size=size, at=bar.at
    )


class BarBuilder:
    """Gathers one symbol's news into bars of one length.

    Buckets are aligned to 1970-01-01 UTC and include their start, not their end. A quote counts with its mid and no
    volume, a trade with its price and size, a smaller bar with all it has (it belongs to the bucket in which it
    opened). A bar is given out when time is seen to reach its end; a bucket without news gives a flat bar that
    repeats the last close with volume 0. News older than the open bucket is left out: its bar is already given.

    Args:
        symbol: of the bars.
        interval: of the bars.

    Raises:
        ValueError: the interval is not positive.
    """

    def __init__(self, symbol: Symbol, interval: timedelta) -> None:
        if interval <= timedelta(0):
            raise ValueError(f"bar interval {interval} is not positive")
        self._symbol = symbol
        self._interval = interval
        self._end: datetime | None = None  # of the open bucket; None before the first news
        self._is_empty = True  # the open bucket, so far
        self._open = self._high = self._low = self._close = self._volume = ZERO

    def add(self, news: Quote | Trade | Bar) -> list[Bar]:
        """Take the news in; the bars that are closed by it, oldest first.

        Raises:
            ValueError: a bar whose interval does not divide ours.
        """
        match news:
            case Quote(at=at):
                mid = news.mid
                return self._take(at, mid, mid, mid, mid, ZERO)
            case Trade(at=at, price=price):
                return self._take(at, price, price, price, price, news.size)
            case Bar(at=at, interval=interval):
                if self._interval % interval:
                    raise ValueError(f"bars of {interval} do not fit into bars of {self._interval}")
                if interval == self._interval and self._is_empty and self._end == at:
                    self._open = self._high = self._low = self._close = news.close
                    self._end = at + interval
                    return [news]  # it is the bucket's bar, as it is
                closed = self._take(at - interval, news.open, news.high, news.low, news.close, news.volume)
                return closed + self.until(at)

    def until(self, now: datetime) -> list[Bar]:
        """The bars that end at or before ``now``, oldest first."""
        closed: list[Bar] = []
        while self._end is not None and self._end <= now:
            closed.append(
                Bar(
                    symbol=self._symbol,
                    open=self._open,
                    high=self._high,
                    low=self._low,
                    close=self._close,
                    volume=self._volume,
                    interval=self._interval,
                    at=self._end,
                )
            )
            self._open = self._high = self._low = self._close
            self._volume = ZERO
            self._is_empty = True
            self._end += self._interval
        return closed

    def _take(
        self, at: datetime, first: Decimal, high: Decimal, low: Decimal, last: Decimal, volume: Decimal
    ) -> list[Bar]:
        closed = self.until(at)
        if self._end is None:
            self._end = at - (at - EPOCH) % self._interval + self._interval
        if at < self._end - self._interval:
            return closed
        if self._is_empty:
            self._open, self._high, self._low = first, high, low
            self._is_empty = False
        self._high = max(self._high, high)
        self._low = min(self._low, low)
        self._close = last
        self._volume += volume
        return closed
