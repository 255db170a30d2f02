"""The fleet at one instant, as operators and their programs see it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from actors.kpis import Kpis
from adapters.model import ZERO, BotId, Symbol, WalletId
from strategies.strategy import PerformanceGate


class BotLineup(msgspec.Struct, frozen=True):
    """One bot."""

    name: BotId
    state: str
    epoch: int
    incarnation: int
    pid: int | None
    node: str | None
    heartbeat_age_s: float | None
    strategy: str
    wallets: tuple[WalletId, ...]
    positions: Mapping[Symbol, Decimal]
    open_orders: int
    pnl_usd: Decimal
    trades: int
    cycle: int
    wanted: bool
    crashes: int
    note: str
    exposure_usd: Decimal = ZERO  # its own worst case
    budget_usd: Decimal | None = None  # what that may be; None where the fleet has no portfolio
    gate: PerformanceGate = PerformanceGate()
    kpis: Kpis = Kpis()


class LeaseLine(msgspec.Struct, frozen=True):
    """A wallet's lease."""

    budget_usd: Decimal
    left_s: float
    epoch: int
    sequence: int


class WalletLineup(msgspec.Struct, frozen=True):
    """One wallet."""

    name: WalletId
    venue: str
    mode: str
    state: str  # "READY", "STARTING" or "DOWN"
    incarnation: int
    pid: int | None
    node: str | None
    equity_usd: Decimal | None
    exposure_usd: Decimal
    lease: LeaseLine | None
    venue_positions: Mapping[Symbol, Decimal]
    orders_sent: int
    refusals: Mapping[str, int]
    unknown_orders: int
    problems: tuple[str, ...]


class ActorLine(msgspec.Struct, frozen=True):
    """One of the fleet's own actors."""

    pid: int
    node: str
    incarnation: int


class Totals(msgspec.Struct, frozen=True):
    """Sums over the fleet."""

    bots: int
    running: int
    equity_usd: Decimal
    exposure_usd: Decimal
    pnl_usd: Decimal


class HaltLine(msgspec.Struct, frozen=True):
    """One halt in force."""

    scope: str  # "fleet", "wallet:NAME" or "bot:NAME"
    level: str
    generation: int
    reason: str
    cause: str


class FleetStatus(msgspec.Struct, frozen=True):
    """The whole."""

    fleet: str
    bots: tuple[BotLineup, ...]
    wallets: tuple[WalletLineup, ...]
    actors: Mapping[str, ActorLine]
    totals: Totals
    halts: tuple[HaltLine, ...]
