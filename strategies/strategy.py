"""The protocol of a strategy, and the view it decides on.

A strategy is a frozen dataclass: its fields are its configuration, ``decide`` is its whole behaviour. The same view
always gives the same decisions, so any cycle on record can be replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from adapters.errors import Disposition, TradingError
from adapters.llm.settings import Model
from adapters.model import (
    ZERO,
    Account,
    BotId,
    Instrument,
    OrderReport,
    Position,
    Snapshot,
    Symbol,
)
from strategies.decision import AnyDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the bot may still add, as far as its own limits and its wallet's lease go, and the limits behind it."""

    notional_usd: Decimal = ZERO
    positions: int = 0  # slots left until ``max_positions``
    opens_this_cycle: int = 0
    margin_usage_pct: Decimal = ZERO  # of the wallet's equity, bound as margin now
    max_margin_usage_pct: Decimal | None = None  # None where the bot has no ``exec_guards``
    liquidity_threshold_usd: Decimal | None = None
    max_new_positions_per_cycle: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """The bot's closed trades so far, computed from its own fills."""

    trades: int = 0  # round trips closed
    win_rate: float | None = None  # fraction; None without trades
    realized_usd: Decimal = ZERO  # after fees
    fees_usd: Decimal = ZERO
    sharpe: float | None = (
        None  # mean over deviation of the last trades' PnL, per trade; None below two trades
    )
    sharpe_low: float | None = None  # its 95 % interval
    sharpe_high: float | None = None
    trades_per_hour: float | None = None  # round trips lately; None below two
    rejection_rate: float | None = (
        None  # fraction of the bot's last wishes that became no order; None without any
    )


class GateState(StrEnum):
    """How far the performance gate lets a bot open."""

    OPEN = "open"
    SLOWED = "slowed"  # longer intervals, and only decisions that are sure of themselves
    PAUSED = "paused"  # no opens


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceGate:
    """What a bot's own results allow it now, by ``risk.performance_gate``."""

    state: GateState = GateState.OPEN
    sharpe: float | None = None  # that it judges by, per trade; None while there are too few trades
    threshold: float | None = None  # below which it shuts; None where the bot has no ``exec_guards``
    until: datetime | None = None  # when the state ends by itself
    min_confidence: int = 0  # of opens, in this state
    interval_multiple: float = 1.0  # of the decision interval, in this state
    is_enforced: bool = True  # else it is recorded and nothing more


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuff:
    """A wish of the bot's that lately became no order, and why: a rule's name, or the class of the venue's error."""

    symbol: Symbol
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a bot sees at one instant. Positions and orders are the bot's own, not its wallet's.

    A part that came too late or is too old is not in it, and ``absent`` says why; opens that need it are refused.
    """

    now: datetime
    bot: BotId
    cycle: int
    account: Account  # of the wallet
    candidates: tuple[Symbol, ...] = ()  # what the strategy looks at
    positions: Mapping[Symbol, Position] = field(default_factory=dict)
    orders: tuple[OrderReport, ...] = ()  # resting, triggers included
    markets: Mapping[Symbol, Snapshot] = field(default_factory=dict)
    instruments: Mapping[Symbol, Instrument] = field(default_factory=dict)
    recently_closed: Mapping[Symbol, datetime] = field(default_factory=dict)
    performance: Performance = Performance()
    gate: PerformanceGate = PerformanceGate()
    budget: Budget = Budget()
    rebuffs: tuple[Rebuff, ...] = ()  # of the last cycle that wanted something
    absent: Mapping[str, str] = field(default_factory=dict)  # part to reason: "account", "market BTC"
    advice: tuple[AnyDecision, ...] = ()  # from the Decision pool, for strategies that ask for it


class Irrecoverable(TradingError):
    """What a strategy raises that must not go on: its bot is halted, and stays down until an operator resets it."""

    disposition = Disposition.HALT_BOT


class Strategy(Protocol):
    """What every strategy has. See ``needs`` for what it may declare beside it."""

    def decide(self, view: View) -> Sequence[AnyDecision]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a strategy reads."""

    symbols: tuple[Symbol, ...] = ()
    indicators: tuple[str, ...] = ()  # names such as "ema_12", see ``adapters.market.indicators``
    bar_interval: timedelta = timedelta(minutes=1)
    executor: str | None = None  # whose advice it wants
    model: Model | None = None  # which that executor shall ask


def needs(strategy: Strategy) -> Needs:
    """What the strategy declares, each declaration optional.

    Symbols come from an attribute ``symbols``, ``candidates`` or ``symbol``; indicators from ``indicators``; the
    candle from ``bar_interval``; the Decision pool's executor from ``executor``, and its language model from ``model``.
    """
    symbols: tuple[Symbol, ...] = ()
    for name in ("symbols", "candidates", "symbol"):
        declared = getattr(strategy, name, None)
        if declared:
            symbols = (Symbol(declared),) if isinstance(declared, str) else tuple(map(Symbol, declared))
            break
    return Needs(
        symbols=symbols,
        indicators=tuple(getattr(strategy, "indicators", ())),
        bar_interval=getattr(strategy, "bar_interval", timedelta(minutes=1)),
        executor=getattr(strategy, "executor", None),
        model=model_of(strategy),
    )


def model_of(strategy: Strategy) -> Model | None:
    """The language model that its executor shall ask; a field of that name may be something else of a user's."""
    model = getattr(strategy, "model", None)
    return model if isinstance(model, Model) else None
