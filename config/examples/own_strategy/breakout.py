"""A strategy of one's own: buy when the price leaves its average upwards, leave when it is back.

The fields are the configuration, ``decide`` is the behaviour. The same view always gives the same decisions: no clock,
no network, no randomness in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from adapters.model import Symbol
from strategies.decision import Action, AnyDecision, Decision
from strategies.strategy import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakout:
    """Long above the average of twelve bars."""

    symbol: Symbol
    distance_pct: Decimal = Decimal("0.1")  # of the average; how far above it the mid must be
    position_size_usd: Decimal = Decimal(200)
    cooldown: timedelta = timedelta(minutes=1)  # after a close
    bar_interval: timedelta = timedelta(seconds=5)
    indicators: tuple[str, ...] = ("ema_12",)

    def __post_init__(self) -> None:
        if self.distance_pct <= 0:
            raise ValueError(f"distance_pct: must be above 0, is {self.distance_pct}")

    def decide(self, view: View) -> Sequence[AnyDecision]:
        """At most one decision."""
        market = view.markets.get(self.symbol)
        if market is None or "ema_12" not in market.indicators:
            return ()
        mid, average = market.quote.mid, Decimal(market.indicators["ema_12"])
        if (position := view.positions.get(self.symbol)) and position.size:
            if mid >= average:
                return ()
            return (Decision(symbol=self.symbol, action=Action.CLOSE_LONG, reasoning="back at the average"),)
        closed_at = view.recently_closed.get(self.symbol)
        if closed_at is not None and view.now - closed_at < self.cooldown:
            return ()
        if mid < average * (1 + self.distance_pct / 100):
            return ()
        return (
            Decision(
                symbol=self.symbol,
                action=Action.OPEN_LONG,
                leverage=1,
                position_size_usd=self.position_size_usd,
                stop_loss=average * Decimal("0.99"),
                take_profit=mid * Decimal("1.02"),
                reasoning="above the average",
            ),
        )
