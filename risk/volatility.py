"""How far a market moves in a day, learned from its prices as they come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from math import exp, log, sqrt

from risk.wellformed import is_sane

WINDOW_S = 3600.0  # market seconds after which a return counts 1/e of what it did
SAMPLE_S = 1.0  # closer prices than this are looked at together, so that a flickering quote is no movement
KNOWN_AFTER_S = 60.0  # market seconds that must have been seen
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatility:
    """An exponentially weighted deviation of a market's log returns.

    Every return counts for the time that it took, so prices need not come at even distances.

    Source: J.P. Morgan/Reuters, "RiskMetrics Technical Document" (1996), section 5.2.
    """

    price: Decimal | None = None  # the last that was looked at
    at: datetime | None = None  # of that price, by the market's own time
    squares: float = 0.0  # of the returns, weighted
    seconds: float = 0.0  # that they took, weighted

    def after(self, price: Decimal, at: datetime) -> Volatility:
        """With one more price. Time that runs backwards, a recording that begins again, is no movement."""
        if not is_sane(price):
            return self
        if self.price is None or self.at is None or at < self.at:
            return replace(self, price=price, at=at)
        elapsed_s = (at - self.at).total_seconds()
        if elapsed_s < SAMPLE_S:
            return self
        kept = exp(-elapsed_s / WINDOW_S)
        moved = log(price / self.price)
        return Volatility(
            price=price,
            at=at,
            squares=self.squares * kept + moved * moved,
            seconds=self.seconds * kept + elapsed_s,
        )

    @property
    def pct_a_day(self) -> float | None:
        """One deviation of a day's return, %; ``None`` until a minute of the market was seen."""
        if self.seconds < KNOWN_AFTER_S:
            return None
        return 100 * sqrt(self.squares / self.seconds * DAY_S)
