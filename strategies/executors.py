"""Executors: who is asked for advice. They keep nothing between two calls, so any member of the Decision pool may
answer; a user's own runs in the process of its bot."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from difflib import get_close_matches
from types import MappingProxyType
from typing import ClassVar, Protocol

from adapters.errors import ConfigError
from adapters.model import Position, Side, Snapshot, Symbol
from strategies.brackets import atr_bracket
from strategies.decision import Action, AnyDecision, Decision
from strategies.entries import acted_since_bar
from strategies.own_code import own_class
from strategies.strategy import View

CENT = Decimal("0.01")


class Executor(Protocol):
    """Turns a view into advice."""

    indicators: ClassVar[tuple[str, ...]]  # what it reads from each snapshot

    def advise(self, view: View) -> Sequence[AnyDecision] | Awaitable[Sequence[AnyDecision]]:
        """Advice on the view's markets, best first. Waits on nothing but its own sources; may be ``async``."""
        ...


class QuantExecutor:
    """Scores each market by a weighted vote of simple signals. The same view gives the same advice.

    The score runs from -1 (short) to +1 (long); its size in percent is the confidence. It opens the best scores
    that the budget has room for, with ``TARGET_ATR / STOP_ATR`` of reward per risk, and closes when the trend turns.
    """

    indicators: ClassVar[tuple[str, ...]] = ("ema_12", "ema_26", "rsi_14", "atr_14")

    SCORE_MIN: ClassVar[float] = 0.5  # a weaker vote opens nothing
    STOP_ATR: ClassVar[Decimal] = Decimal(2)
    TARGET_ATR: ClassVar[Decimal] = Decimal(6)  # three of reward per one of risk, the usual limit
    EQUITY_FRACTION: ClassVar[Decimal] = Decimal("0.05")  # of one position
    LEVERAGE: ClassVar[int] = 1

    def advise(self, view: View) -> Sequence[Decision]:
        closes = [
            decision
            for symbol, position in sorted(view.positions.items())
            if position.size and (decision := _close(symbol, position, view.markets.get(symbol)))
        ]
        scores = {
            symbol: score(market)
            for symbol, market in sorted(view.markets.items())
            if not _holds(view, symbol) and not acted_since_bar(view, market)
        }
        best_first = sorted(scores, key=lambda symbol: -abs(scores[symbol]))
        opens = [
            decision
            for symbol in best_first
            if abs(scores[symbol]) >= self.SCORE_MIN
            and (decision := self._open(view, symbol, scores[symbol]))
        ]
        room = min(view.budget.positions, view.budget.opens_this_cycle)
        return (*closes, *opens[: max(room, 0)])

    def _open(self, view: View, symbol: Symbol, vote: float) -> Decision | None:
        market, instrument = view.markets[symbol], view.instruments.get(symbol)
        if instrument is None or view.budget.positions <= 0:
            return None
        side = Side.BUY if vote > 0 else Side.SELL
        bracket = atr_bracket(
            side,
            market.quote,
            instrument,
            atr=market.indicators["atr_14"],
            stop_atr=self.STOP_ATR,
            target_atr=self.TARGET_ATR,
        )
        share = view.budget.notional_usd / view.budget.positions
        size_usd = min(view.account.equity_usd * self.EQUITY_FRACTION, share).quantize(CENT, ROUND_DOWN)
        if bracket is None or size_usd < instrument.min_notional_usd:
            return None
        return Decision(
            symbol=symbol,
            action=Action.OPEN_LONG if side is Side.BUY else Action.OPEN_SHORT,
            leverage=self.LEVERAGE,
            position_size_usd=size_usd,
            stop_loss=bracket.stop,
            take_profit=bracket.target,
            confidence=min(100, round(100 * abs(vote))),
            risk_usd=size_usd * abs(bracket.entry - bracket.stop) / bracket.entry,
            reasoning=f"score {vote:+.2f}",
            invalidation_condition="EMA 12 crosses EMA 26",
        )


def score(market: Snapshot) -> float:
    """The vote on one market, from -1 to +1; 0 while its indicators are not warm.

    Trend (EMA 12 over EMA 26, in ATRs) weighs 0.4, RSI 0.2, the 1 h and 4 h change 0.15 each, and funding 0.1
    against the crowded side. Nothing is bought above an RSI of 75 or sold below 25, nor against the trend.
    """
    values = market.indicators
    if any(name not in values for name in QuantExecutor.indicators) or not values["atr_14"] > 0:
        return 0.0
    trend = _trend(market)
    rsi = values["rsi_14"]
    vote = (
        0.4 * _clip(2 * trend / values["atr_14"])
        + 0.2 * _clip((rsi - 50) / 20)
        + 0.15 * _clip((market.change_1h or 0.0) / 0.01)
        + 0.15 * _clip((market.change_4h or 0.0) / 0.02)
        - 0.1 * _clip(float(market.funding_rate) / 0.0005)
    )
    spent = rsi > 75 if vote > 0 else rsi < 25
    return 0.0 if spent or vote * trend <= 0 else _clip(vote)  # the sum may round past 1


def _holds(view: View, symbol: Symbol) -> bool:
    return symbol in view.positions and view.positions[symbol].size != 0


def _close(symbol: Symbol, position: Position, market: Snapshot | None) -> Decision | None:
    if market is None or any(name not in market.indicators for name in QuantExecutor.indicators):
        return None
    if _trend(market) * float(position.size) >= 0:
        return None
    action = Action.CLOSE_LONG if position.size > 0 else Action.CLOSE_SHORT
    return Decision(symbol=symbol, action=action, reasoning="EMA 12 crossed EMA 26")


def _trend(market: Snapshot) -> float:
    return market.indicators["ema_12"] - market.indicators["ema_26"]


def _clip(value: float) -> float:
    return max(-1.0, min(1.0, value))


EXECUTORS: Mapping[str, type[Executor]] = MappingProxyType({"quant": QuantExecutor})
LANGUAGE_MODEL = "llm"  # asked by ``actors.language_model``, which is no class to be called without arguments
LANGUAGE_MODEL_READS = ("ema_12", "ema_26", "rsi_14", "macd_12_26_9", "macd_hist_12_26_9", "atr_14")


def is_own_executor(name: str) -> bool:
    """Whether it is a user's class."""
    return ":" in name


def executor_reads(name: str) -> tuple[str, ...]:
    """The indicators that the executor of that name reads.

    Raises:
        ConfigError: there is none; the text names those there are.
    """
    if name == LANGUAGE_MODEL:
        return LANGUAGE_MODEL_READS
    return tuple(getattr(executor_class(name), "indicators", ()))


def executor_class(name: str) -> type[Executor]:
    """The executor of that name, or of ``module:Class``, whose module is imported; to be called without arguments.

    Raises:
        ConfigError: there is none; the text names those there are.
    """
    if name in EXECUTORS:
        return EXECUTORS[name]
    if is_own_executor(name):
        own = own_class("executor", name)
        if not callable(getattr(own, "advise", None)):
            raise ConfigError(f"executor {name!r}: {own.__name__} has no method advise(self, view)")
        return own
    known = (*EXECUTORS, LANGUAGE_MODEL)
    nearest = get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(known)}"
    raise ConfigError(f"unknown executor {name!r}; {hint} Your own class has a colon: my_module:MyClass")
