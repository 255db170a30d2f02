"""What round trips came to, and how much of it may be luck."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import sqrt
from statistics import fmean, stdev

NORMAL_95 = 1.96  # two-sided 95 % quantile of the normal distribution
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """A position from flat to flat."""

    at: datetime  # when it was flat again
    pnl_usd: Decimal  # after fees


def sharpe(results_usd: Iterable[Decimal]) -> float | None:
    """Mean over sample deviation of the results, per round trip and not annualised.

    ``None`` below two results, and where all are equal: then there is no deviation to divide by.
    """
    results = [float(result) for result in results_usd]
    deviation = stdev(results) if len(results) > 1 else 0.0
    return fmean(results) / deviation if deviation else None


def sharpe_interval(ratio: float, count: int) -> tuple[float, float]:
    """The ratio's 95 % confidence interval, for results that do not depend on each other.

    Args:
        ratio: per round trip.
        count: of the round trips that it comes from.

    Source: Lo, "The Statistics of Sharpe Ratios" (2002), equation 9.
    """
    error = NORMAL_95 * sqrt((1 + ratio * ratio / 2) / count)
    return ratio - error, ratio + error


def trades_per_hour(trips: Sequence[RoundTrip]) -> float | None:
    """Round trips an hour, from the first of them to the last; ``None`` below two, or where they took no time."""
    if len(trips) < 2:
        return None
    seconds = (trips[-1].at - trips[0].at).total_seconds()
    return (len(trips) - 1) * HOUR_S / seconds if seconds > 0 else None
