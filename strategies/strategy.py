"""The protocol of a strategy, and the view it decides on.

A strategy is a frozen dataclass: its fields are its configuration, ``decide`` is its whole behaviour. The same view
always gives the same decisions, so any cycle on record can be replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from adapters.errors import Disposition, TradingError
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
    """What the bot may still add, as far as its own limits and its wallet's lease go."""

    notional_usd: Decimal = ZERO
    positions: int = 0
    opens_this_cycle: int = 0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a bot sees at one instant. Positions and orders are the bot's own, not its wallet's."""

    now: datetime
    bot: BotId
    cycle: int
    account: Account  # of the wallet
    positions: Mapping[Symbol, Position] = field(default_factory=dict)
    orders: tuple[OrderReport, ...] = ()  # resting, triggers included
    markets: Mapping[Symbol, Snapshot] = field(default_factory=dict)
    instruments: Mapping[Symbol, Instrument] = field(default_factory=dict)
    recently_closed: Mapping[Symbol, datetime] = field(default_factory=dict)
    performance: Performance = Performance()
    budget: Budget = Budget()
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


def needs(strategy: Strategy) -> Needs:
    """What the strategy declares, each declaration optional.

    Symbols come from an attribute ``symbols``, ``candidates`` or ``symbol``; indicators from ``indicators``; the
    candle from ``bar_interval``; the Decision pool's executor from ``executor``.
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
    )
