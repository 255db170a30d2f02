"""What a strategy can want."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from adapters.model import Level, Symbol


class Action(StrEnum):
    """What a decision asks for."""

    OPEN_LONG = "open_long"
    OPEN_SHORT = "open_short"
    CLOSE_LONG = "close_long"
    CLOSE_SHORT = "close_short"
    HOLD = "hold"
    WAIT = "wait"

    @property
    def opens(self) -> bool:
        return self in (Action.OPEN_LONG, Action.OPEN_SHORT)

    @property
    def closes(self) -> bool:
        return self in (Action.CLOSE_LONG, Action.CLOSE_SHORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One directional wish. The field names are the contract that language models answer in."""

    symbol: Symbol
    action: Action
    leverage: int | None = None  # required for opens
    position_size_usd: Decimal | None = None  # notional; required for opens; None closes everything
    entry_price: Decimal | None = None  # limit; None takes the market
    stop_loss: Decimal | None = None  # trigger price of the reduce-only stop
    take_profit: Decimal | None = None  # trigger price of the reduce-only target
    confidence: int = 100  # 0 to 100
    risk_usd: Decimal | None = None  # what the stop would lose
    reasoning: str = ""
    invalidation_condition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """The resting orders wanted in one market from now on: what rests and is not listed is cancelled."""

    symbol: Symbol
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    reasoning: str = ""


AnyDecision: TypeAlias = Decision | Quotes
