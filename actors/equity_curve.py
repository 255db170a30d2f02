"""What became of the equity: Sharpe ratio and drawdown."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import fmean, stdev

YEAR = timedelta(days=365)  # these markets never close
DAILY_FROM = timedelta(days=5)  # a shorter run is judged by its bars
SAMPLE = timedelta(minutes=1)  # the shortest time between two samples of a run without bars
DAY = timedelta(days=1)


class EquityCurve:
    """Equity readings in the order of time, from the deposit on."""

    def __init__(self, at: datetime, equity_usd: Decimal) -> None:
        self._began = self._sampled_at = self._newest_at = at
        self._samples = [float(equity_usd)]
        self._days: list[float] = []  # the last reading of each day that is over
        self._midnight = _next_midnight(at)
        self._first = self._newest = self._peak = float(equity_usd)
        self._drawdown = 0.0

    def add(self, at: datetime, equity_usd: Decimal) -> None:
        """The next reading."""
        while at > self._midnight:  # the reading at midnight still belongs to the day that ends
            self._days.append(self._newest)
            self._midnight += DAY
        value = self._newest = float(equity_usd)
        self._newest_at = at
        if value > self._peak:
            self._peak = value
        elif value < self._peak:
            self._drawdown = max(self._drawdown, 1 - value / self._peak)
        if at - self._sampled_at >= SAMPLE:
            self._samples.append(value)
            self._sampled_at = at

    @property
    def drawdown_pct(self) -> float:
        """The largest fall below a peak before it, in percent of the peak, over all readings."""
        return 100 * self._drawdown

    @property
    def sharpe(self) -> float | None:
        """Mean over sample deviation of simple returns, times the root of the returns in a year; no riskless rate.

        The returns are those from one UTC midnight to the next, the last day as far as it goes; in a run of less than
        five days those from bar to bar, or from minute to minute where bars are shorter or there are none. ``None``
        where there are less than two, or the equity never moved. Source: W. F. Sharpe, "The Sharpe Ratio", 1994.
        """
        span = self._newest_at - self._began
        if span >= DAILY_FROM:
            samples, step = [self._first, *self._days, self._newest], DAY
        else:
            samples, step = self._samples, span / max(1, len(self._samples) - 1)
        if len(samples) < 3 or min(samples) <= 0:
            return None
        returns = [after / before - 1 for before, after in pairwise(samples)]
        deviation = stdev(returns)
        return fmean(returns) / deviation * (YEAR / step) ** 0.5 if deviation else None


def _next_midnight(at: datetime) -> datetime:
    return datetime.combine(at, time(), at.tzinfo) + DAY
