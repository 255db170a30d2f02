"""Minute candles as trades make them, and longer ones made of those."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from adapters.model import ZERO, Bar, Trade
from adapters.simulators.hyperliquid.wire import Json, millis, number

MINUTE_MS = 60_000
KEPT = 5000  # minutes; as many candles as the venue hands out
DAY = timedelta(days=1)
INTERVALS: Mapping[str, int] = MappingProxyType(  # minutes
    {
        "1m": 1,
        "3m": 3,
        "5m": 5,
        "15m": 15,
        "30m": 30,
        "1h": 60,
        "2h": 120,
        "4h": 240,
        "8h": 480,
        "12h": 720,
        "1d": 1440,
        "3d": 4320,
        "1w": 10_080,
    }
)


@dataclass(slots=True)
class Candle:
    """What happened since ``opened_ms``."""

    opened_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  # base
    notional: Decimal  # USD
    trades: int

    def take(self, other: Candle) -> None:
        """Add what came later."""
        self.high, self.low = max(self.high, other.high), min(self.low, other.low)
        self.close = other.close
        self.volume += other.volume
        self.notional += other.notional
        self.trades += other.trades

    def told(self, coin: str, interval: str) -> Json:
        """As the venue tells it."""
        return {
            "t": self.opened_ms,
            "T": self.opened_ms + INTERVALS[interval] * MINUTE_MS - 1,
            "s": coin,
            "i": interval,
            "o": number(self.open),
            "c": number(self.close),
            "h": number(self.high),
            "l": number(self.low),
            "v": number(self.volume),
            "n": self.trades,
        }


class Candles:
    """One market's past. Minutes without trades have no candle."""

    def __init__(self) -> None:
        self._minutes: deque[Candle] = deque(maxlen=KEPT)
        self._day: deque[Candle] = deque()
        self.day_volume = ZERO  # base, of the last day
        self.day_notional = ZERO

    def add(self, news: Trade | Bar) -> None:
        """Take a trade or a bar in."""
        if isinstance(news, Trade):
            price = news.price
            made = Candle(
                _minute(news.at), price, price, price, price, news.size, price * news.size, trades=1
            )
        else:
            opened = _minute(news.at - news.interval)
            notional = news.close * news.volume
            made = Candle(opened, news.open, news.high, news.low, news.close, news.volume, notional, trades=1)
        self.day_volume += made.volume
        self.day_notional += made.notional
        if self._minutes and self._minutes[-1].opened_ms >= made.opened_ms:
            self._minutes[-1].take(made)
            return
        self._minutes.append(made)
        self._day.append(made)
        while self._day[0].opened_ms <= made.opened_ms - DAY // timedelta(milliseconds=1):
            gone = self._day.popleft()
            self.day_volume -= gone.volume
            self.day_notional -= gone.notional

    @property
    def day_open(self) -> Decimal | None:
        """The price a day ago, or the oldest that is known."""
        return self._day[0].open if self._day else None

    def of(self, interval: str, start_ms: int, end_ms: int) -> Iterator[Candle]:
        """Candles that were open at some time from ``start_ms`` to ``end_ms``, oldest first."""
        length = INTERVALS[interval] * MINUTE_MS
        first = start_ms - start_ms % length
        open_one: Candle | None = None
        for minute in self._minutes:
            if not first <= minute.opened_ms <= end_ms:
                continue
            opened = minute.opened_ms - minute.opened_ms % length
            if open_one is None or open_one.opened_ms != opened:
                if open_one is not None:
                    yield open_one
                open_one = Candle(
                    opened, minute.open, minute.high, minute.low, minute.close, ZERO, ZERO, trades=0
                )
            open_one.take(minute)
        if open_one is not None:
            yield open_one

    def newest(self, interval: str) -> Candle | None:
        """The open one."""
        if not self._minutes:
            return None
        last = self._minutes[-1].opened_ms
        *_, open_one = self.of(interval, last, last)
        return open_one


def _minute(at: datetime) -> int:
    stamp = millis(at)
    return stamp - stamp % MINUTE_MS
