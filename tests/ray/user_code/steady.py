"""Strategies of a user's own, for fleets under test: one that holds, and three that are broken."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.model import Symbol
from strategies.decision import Action, AnyDecision, Decision
from strategies.strategy import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Always long, with a stop and a target so far away that they rest."""

    symbol: Symbol
    size_usd: Decimal = Decimal(500)

    def decide(self, view: View) -> Sequence[AnyDecision]:
        market = view.markets.get(self.symbol)
        if market is None or self.symbol in view.positions:
            return ()
        mid = market.quote.mid
        return (
            Decision(
                symbol=self.symbol,
                action=Action.OPEN_LONG,
                leverage=1,
                position_size_usd=self.size_usd,
                stop_loss=mid * Decimal("0.8"),
                take_profit=mid * Decimal("1.2"),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Raiser:
    """Raises from a given cycle on."""

    symbol: Symbol
    from_cycle: int = 2

    def decide(self, view: View) -> Sequence[AnyDecision]:
        if view.cycle >= self.from_cycle:
            raise RuntimeError("the strategy is broken")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spinner:
    """Blocks its process for good, on every third cycle."""

    symbol: Symbol

    def decide(self, view: View) -> Sequence[AnyDecision]:
        while view.cycle % 3 == 0:
            pass
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """Sleeps, for good, on every third cycle."""

    symbol: Symbol

    def decide(self, view: View) -> Sequence[AnyDecision]:
        if view.cycle % 3 == 0:
            time.sleep(1e6)
        return ()
