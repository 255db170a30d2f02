"""Trend following on one market: enter on a cross of two averages, leave on the opposite one.

The strategy has no memory. A cross is read from the two newest closed bars, so every cycle on that bar sees it and
a missed cycle loses nothing; the position, a resting entry, or a close later than the bar say that it was acted on.
An entry is not chased after its bar; an exit is, for as long as the trend is against the position. A cross against
the position closes it and opens the opposite one in the same cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from adapters.model import Instrument, Side, Snapshot, Symbol
from strategies.brackets import atr_bracket
from strategies.checks import require_positive
from strategies.decision import Action, AnyDecision, Decision
from strategies.entries import acted_since_bar
from strategies.strategy import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentum:
    """EMA cross with an RSI filter, an ATR stop and an ATR target."""

    kind: Literal["momentum"] = "momentum"
    symbol: Symbol
    fast: int = 12  # span of the fast EMA, in bars
    slow: int = 26  # span of the slow EMA, in bars
    rsi: int = 14  # period of the RSI, in bars
    rsi_max: float = 70.0  # no long at or above it, no short at or below 100 minus it
    atr: int = 14  # period of the ATR, in bars
    stop_atr: Decimal = Decimal(2)  # distance of the stop, in ATRs
    target_atr: Decimal = Decimal(4)  # distance of the target, in ATRs
    position_size_usd: Decimal = Decimal(500)
    leverage: int = 1
    bar_interval: timedelta = timedelta(minutes=1)
    allow_short: bool = True

    def __post_init__(self) -> None:
        require_positive(
            self,
            "fast",
            "rsi",
            "atr",
            "stop_atr",
            "target_atr",
            "position_size_usd",
            "leverage",
            "bar_interval",
        )
        if not self.symbol:
            raise ValueError("symbol: must name a market")
        if self.fast >= self.slow:
            raise ValueError(f"fast: must be below slow ({self.slow}), is {self.fast}")
        if not 50 < self.rsi_max <= 100:
            raise ValueError(f"rsi_max: must be above 50 and at most 100, is {self.rsi_max}")

    @property
    def indicators(self) -> tuple[str, ...]:
        """What must be computed on the closed bars."""
        return f"ema_{self.fast}", f"ema_{self.slow}", f"rsi_{self.rsi}", f"atr_{self.atr}"

    def decide(self, view: View) -> Sequence[AnyDecision]:
        market = view.markets.get(self.symbol)
        instrument = view.instruments.get(self.symbol)
        if (
            market is None
            or instrument is None
            or any(name not in market.indicators for name in self.indicators)
        ):
            return ()
        position = view.positions.get(self.symbol)
        if position is None or not position.size:
            return self._entry(view, market, instrument)
        exits = self._exit(market, long=position.size > 0)
        return (*exits, *self._entry(view, market, instrument)) if exits else ()

    def _exit(self, market: Snapshot, *, long: bool) -> Sequence[Decision]:
        gap = self._gap(market.indicators)
        if gap is None or (gap >= 0 if long else gap <= 0):
            return ()
        action = Action.CLOSE_LONG if long else Action.CLOSE_SHORT
        return (Decision(symbol=self.symbol, action=action, reasoning=f"trend turned: EMA gap {gap:.6g}"),)

    def _entry(self, view: View, market: Snapshot, instrument: Instrument) -> Sequence[Decision]:
        side = self._cross(market)
        if side is None or not self._rsi_agrees(market, side) or acted_since_bar(view, market):
            return ()
        bracket = atr_bracket(
            side,
            market.quote,
            instrument,
            atr=market.indicators[f"atr_{self.atr}"],
            stop_atr=self.stop_atr,
            target_atr=self.target_atr,
        )
        if bracket is None:
            return ()
        decision = Decision(
            symbol=self.symbol,
            action=Action.OPEN_LONG if side is Side.BUY else Action.OPEN_SHORT,
            leverage=self.leverage,
            position_size_usd=self.position_size_usd,
            stop_loss=bracket.stop,
            take_profit=bracket.target,
            risk_usd=self.position_size_usd * abs(bracket.entry - bracket.stop) / bracket.entry,
            reasoning=f"EMA {self.fast} crossed {'above' if side is Side.BUY else 'below'} EMA {self.slow}",
            invalidation_condition="the averages cross back",
        )
        return (decision,)

    def _cross(self, market: Snapshot) -> Side | None:
        now, before = self._gap(market.indicators), self._gap(market.previous)
        if now is None or before is None:
            return None
        if now > 0 >= before:
            return Side.BUY
        return Side.SELL if self.allow_short and now < 0 <= before else None

    def _gap(self, values: Mapping[str, float]) -> float | None:
        fast, slow = values.get(f"ema_{self.fast}"), values.get(f"ema_{self.slow}")
        return None if fast is None or slow is None else fast - slow

    def _rsi_agrees(self, market: Snapshot, side: Side) -> bool:
        rsi = market.indicators[f"rsi_{self.rsi}"]
        return rsi < self.rsi_max if side is Side.BUY else rsi > 100 - self.rsi_max
