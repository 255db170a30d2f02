"""A fleet as the actors know it: checked, frozen, without secrets and without a parser's library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from adapters.model import BotId, Symbol, WalletId
from risk.limits import ExecGuards, Features, FleetLimits, RiskParams, WalletLimits


class ExitMode(StrEnum):
    """What becomes of a bot's positions when it stops."""

    KEEP = "keep"  # entries are cancelled, positions and their stops stay
    PROTECT = "protect"  # as keep, and every position must have its stop at the venue or it is closed
    FLATTEN = "flatten"  # entries and stops are cancelled, positions are closed and seen closed


class UnknownOrders(StrEnum):
    """What becomes of entries that carry our id and are in no journal; orders that only reduce are always adopted."""

    CANCEL = "cancel"
    ADOPT = "adopt"  # they rest on, as their bots' own


class ForeignOrders(StrEnum):
    """What becomes of orders on the account that are not ours."""

    REPORT = "report"  # told of, and left alone
    CANCEL = "cancel"  # on sight


class HaltLevel(StrEnum):
    """How far a halt goes; each level includes those before it."""

    PAUSE_ENTRIES = "pause_entries"
    REDUCE_ONLY = "reduce_only"
    CANCEL_ALL = "cancel_all"
    FLATTEN = "flatten"

    @property
    def rank(self) -> int:
        return list(HaltLevel).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """Which strategy, and its fields as plain JSON values (durations in seconds, decimals as text)."""

    kind: str  # a built-in name or "module:Class"
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def own_modules(self) -> tuple[str, ...]:
        """The user's own modules that it needs: its class's, and its executor's."""
        names = (self.kind, str(self.fields.get("executor", "")))
        return tuple(name.partition(":")[0] for name in names if ":" in name)

    @property
    def is_users_own(self) -> bool:
        return bool(self.own_modules)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """When a dead bot comes back: ``backoff x 4^n`` with jitter, until too many deaths in the window."""

    backoff: timedelta = timedelta(seconds=1)
    backoff_max: timedelta = timedelta(minutes=1)
    crashes_max: int = 3  # within the window; one more is ERROR
    window: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSpec:
    """One bot."""

    name: BotId
    wallet: WalletId
    strategy: StrategySpec
    decision_interval: timedelta = timedelta(seconds=1)
    risk_params: RiskParams = RiskParams()
    exec_guards: ExecGuards | None = None
    features: Features = Features()
    on_stop: ExitMode = ExitMode.PROTECT
    shared_symbol: bool = False
    heartbeat_timeout: timedelta = timedelta(seconds=10)
    stop_grace: timedelta = timedelta(seconds=5)
    restart: RestartPolicy = RestartPolicy()
    weight: Decimal = Decimal(1)  # in the fleet's portfolio
    symbols: tuple[Symbol, ...] = ()  # what it may trade, as its strategy declares
    package: str = ""  # sha256 of the user's own code, in the store; empty for built-in strategies


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSpec:
    """One exchange account. Its secrets are not here: the wallet reads them itself, on its own machine."""

    name: WalletId
    venue: str = "paper"
    mode: str = "paper"  # or "live"
    network: str = "mainnet"  # or "testnet", or the base URL of a venue of one's own
    account: str = ""  # its address, where the venue has such
    vault: str = (
        ""  # the address of the vault or sub-account that is traded for; empty for the account itself
    )
    margin: str = "cross"  # or "isolated"
    equity_usd: Decimal = Decimal(10_000)  # what a new paper account starts with
    limits: WalletLimits = WalletLimits()
    orphan_cancel_after: timedelta = timedelta(seconds=15)  # a silent bot's entries are cancelled after this
    unknown_orders: UnknownOrders = UnknownOrders.CANCEL
    foreign_orders: ForeignOrders = ForeignOrders.REPORT
    journal: str = "fsync"  # or "group": written before the send, synced together every few milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSpec:
    """Where prices come from."""

    source: str = "synthetic"  # or "replay", or the name of a venue
    seed: int = 7
    symbols: tuple[Symbol, ...] = (Symbol("BTC"), Symbol("ETH"), Symbol("SOL"))
    step: timedelta = timedelta(milliseconds=250)  # of the synthetic market
    speed: float | None = 1.0  # market seconds per second; None is as fast as possible
    files: Mapping[Symbol, str] = field(default_factory=dict)  # of a replay
    loop: bool = True  # whether a replay in a fleet begins again at its end
    network: str = "mainnet"  # of a venue: or "testnet", or a base URL

    @property
    def is_venues(self) -> bool:
        """Whether prices are a venue's own, live."""
        return self.source not in ("synthetic", "replay")

    latency: timedelta = timedelta(milliseconds=50)  # from sending an order to the paper exchange having it


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSpec:
    """The whole fleet."""

    fleet: str
    store: str  # SQLAlchemy URL
    market: MarketSpec = MarketSpec()
    limits: FleetLimits = FleetLimits()
    on_breach: HaltLevel = HaltLevel.FLATTEN
    on_irrecoverable: HaltLevel = HaltLevel.FLATTEN  # of a bot whose strategy gives up
    decision_actors: int = 2
    decision_deadline: timedelta = timedelta(seconds=30)
    metrics_port: int | None = None  # of the control node's own machine; None serves none
    wallets: tuple[WalletSpec, ...] = ()
    bots: tuple[BotSpec, ...] = ()
