"""What is said between actors: tagged structs, the same over a socket, a Ray call or in one process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from actors.ledger_events import Latch
from adapters.link import Protocols
from adapters.model import (
    ZERO,
    Account,
    BotId,
    ClientOrderId,
    Instrument,
    OrderReport,
    Position,
    Snapshot,
    Symbol,
    WalletId,
)
from config.spec import BotSpec, ExitMode, HaltLevel
from risk.intent import Intent
from risk.leases import Lease
from risk.limits import WalletLimits
from risk.results import RoundTrip
from strategies.strategy import Budget, Performance, PerformanceGate


class Refusal(msgspec.Struct, frozen=True):
    """Why a wish did not become an order: a rule, its limit and the value that broke it."""

    symbol: Symbol
    rule: str
    detail: str = ""
    limit: str = ""
    value: str = ""
    is_enforced: bool = True  # else it held nothing back: the bot is in shadow mode, or its gate is off


class OutcomeKind(StrEnum):
    """What became of an intent."""

    PLACED = "placed"
    REFUSED = "refused"  # by our own rules: it was never sent
    REJECTED = "rejected"  # by the venue
    UNKNOWN = "unknown"  # sent, being resolved


class Outcome(msgspec.Struct, frozen=True):
    """The wallet's answer to one intent."""

    id: ClientOrderId
    kind: OutcomeKind
    symbol: Symbol
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    refusal: Refusal | None = None
    error_class: str = ""
    error_detail: str = ""
    advised: tuple[Refusal, ...] = ()  # rules that it broke and that are not enforced
    venue_id: str = ""  # the venue's own number of the order
    fails_cycle: bool = False  # the venue is down: nothing more that adds exposure was sent
    context: bytes = (
        b""  # what the wallet's review saw, where a rule had something to say; see ``actors.recorded``
    )


# ── bot to wallet ────────────────────────────────────────────────────────────────────────────────────────────────


class Hello(msgspec.Struct, frozen=True, tag=True):
    """The bot's first word on a connection. Raises ``Fenced`` for any epoch but the one seated."""

    bot: BotId
    epoch: int
    indicators: tuple[str, ...] = ()
    bar_interval_s: float = 60.0
    identity: str = ""  # of the code and the settings that it runs, see ``config.identity``


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """What the bot needs to know once."""

    wallet: WalletId
    incarnation: int
    instruments: Mapping[Symbol, Instrument]
    limits: WalletLimits = WalletLimits()


class Observe(msgspec.Struct, frozen=True, tag=True):
    """What is there now?"""

    bot: BotId
    epoch: int


class Alive(msgspec.Struct, frozen=True, tag=True):
    """The bot's sign of life while it rests or thinks."""

    bot: BotId
    epoch: int


class Sight(msgspec.Struct, frozen=True, tag=True):
    """All that a bot may see, at one instant; what is late or too old is named in ``absent`` instead."""

    account: Account
    positions: Mapping[Symbol, Position]
    orders: tuple[OrderReport, ...]
    markets: Mapping[Symbol, Snapshot]
    recently_closed: Mapping[Symbol, datetime]
    performance: Performance
    budget: Budget
    halt: HaltLevel | None
    gate: PerformanceGate = PerformanceGate()
    absent: Mapping[str, str] = {}


class Submit(msgspec.Struct, frozen=True, tag=True):
    """Cancels first, then intents in their order."""

    bot: BotId
    epoch: int
    cancels: tuple[ClientOrderId, ...]
    intents: tuple[Intent, ...]


class Submitted(msgspec.Struct, frozen=True, tag=True):
    """One outcome an intent, in the same order."""

    outcomes: tuple[Outcome, ...]


class Changed(msgspec.Struct, frozen=True, tag=True):
    """Notice to a bot: an order or a halt of yours changed, look again."""


class Dismissed(msgspec.Struct, frozen=True, tag=True):
    """Notice to a bot: your epoch is over."""


# ── supervisor and kill switch to wallet ─────────────────────────────────────────────────────────────────────────


class Admit(msgspec.Struct, frozen=True, tag=True):
    """Seat this bot at this epoch, under these limits."""

    spec: BotSpec
    epoch: int
    identity: str = ""  # that it must say hello with


class Retire(msgspec.Struct, frozen=True, tag=True):
    """End the bot's epoch and leave its holdings as the exit mode says. Ask again until ``done``."""

    bot: BotId
    mode: ExitMode


class Retired(msgspec.Struct, frozen=True, tag=True):
    """How far the retirement is, and what stays open."""

    done: bool
    positions: Mapping[Symbol, Decimal]
    orders: int


class Engage(msgspec.Struct, frozen=True, tag=True):
    """These are the halts in force, all of them. An older generation is ignored."""

    latches: tuple[Latch, ...]
    generation: int


class Engaged(msgspec.Struct, frozen=True, tag=True):
    """What the wallet has made of the halts, by the venue's own word; a count of -1 is one that nobody knows."""

    wallet: WalletId
    generation: int
    complete: bool
    orders: int  # resting orders that the halts want gone
    positions: int  # positions that the halts want closed
    unknown: int  # orders whose outcome nobody knows
    detail: str = ""
    incarnation: int = 0
    wants_flat: bool = False  # whether a halt closes positions here


class BotLine(msgspec.Struct, frozen=True):
    """One bot in its wallet's books."""

    bot: BotId
    epoch: int
    positions: Mapping[Symbol, Decimal]
    open_orders: int
    pnl_usd: Decimal  # realized after fees and unrealized
    realized_usd: Decimal
    trades: int
    exposure_usd: Decimal = ZERO  # its own worst case
    budget_usd: Decimal | None = None  # what that may be; None where the fleet has no portfolio
    gate: PerformanceGate = PerformanceGate()


class AskTrips(msgspec.Struct, frozen=True, tag=True):
    """What did this bot's last round trips come to?"""

    bot: BotId


class Trips(msgspec.Struct, frozen=True, tag=True):
    """The last round trips of one bot, oldest first."""

    trips: tuple[RoundTrip, ...]


class AskReport(msgspec.Struct, frozen=True, tag=True):
    """How do you do? With ``fresh``, ask the venue first."""

    fresh: bool = False


class WalletReport(msgspec.Struct, frozen=True, tag=True):
    """A wallet as its supervisor sees it."""

    wallet: WalletId
    incarnation: int
    pid: int
    node: str
    ready: bool  # reconciled with the venue, and serving
    equity_usd: Decimal | None
    exposure_usd: Decimal
    lease: Lease | None
    lease_left_s: float
    bots: tuple[BotLine, ...]
    venue_positions: Mapping[Symbol, Decimal]
    orders_sent: int
    refusals: Mapping[str, int]  # by rule
    unknown_orders: int
    halt: HaltLevel | None
    problems: tuple[str, ...] = ()


WalletRequest = Hello | Observe | Alive | Submit | Admit | Retire | Engage | AskReport | AskTrips
WalletReply = Welcome | Sight | Submitted | Retired | Engaged | WalletReport | Trips | None
WALLET_LINK = Protocols.of(requests=WalletRequest, replies=WalletReply, notices=Changed | Dismissed)


# ── wallet to market data ────────────────────────────────────────────────────────────────────────────────────────


class Watch(msgspec.Struct, frozen=True, tag=True):
    """Send me snapshots of these markets, with these indicators over these bars."""

    symbols: tuple[Symbol, ...]
    indicators: tuple[str, ...]
    bar_interval_s: float


class Watching(msgspec.Struct, frozen=True, tag=True):
    """The markets that exist, with their rules."""

    instruments: Mapping[Symbol, Instrument]


class Snapshots(msgspec.Struct, frozen=True, tag=True):
    """Notice: the newest state of markets that changed, for one ``Watch``."""

    bar_interval_s: float
    snapshots: tuple[Snapshot, ...]


MARKET_LINK = Protocols.of(requests=Watch, replies=Watching, notices=Snapshots)


# ── wallet to risk guard ─────────────────────────────────────────────────────────────────────────────────────────


class GuardAnswer(msgspec.Struct, frozen=True):
    """The guard's answer to a renewal. No lease: it must reclaim first, is not enlisted yet, or asked too late."""

    lease: Lease | None
    latches: tuple[Latch, ...] = ()
    generation: int = 0
    reclaim_in_s: float | None = None  # it knows too little of its predecessor: reclaim, from then on


# ── bot to recorder ──────────────────────────────────────────────────────────────────────────────────────────────


class ActionLine(msgspec.Struct, frozen=True):
    """One order action of a cycle and its result."""

    symbol: Symbol
    action: str
    qty: Decimal
    price: Decimal | None
    cloid: ClientOrderId
    result: str
    error_class: str = ""
    error_detail: str = ""
    order_id: str = ""  # the venue's own number, where it told one


class AdviceLine(msgspec.Struct, frozen=True):
    """What an executor said, and what it took."""

    prompt_digest: str = ""
    prompt: str = ""  # where the bot keeps it whole
    reasoning: str = ""
    model: str = ""
    requests: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = ZERO
    latency_s: float = 0.0
    error_class: str = ""


class CycleRecord(msgspec.Struct, frozen=True):
    """One decision cycle, whole: ``actors.cycle_story`` tells it, ``actors.rerun`` runs it again."""

    bot: BotId
    epoch: int
    cycle: int
    timestamp: datetime
    view_digest: str
    decisions: tuple[Mapping[str, Any], ...]
    refusals: tuple[Refusal, ...]
    actions: tuple[ActionLine, ...]
    success: bool
    error_message: str = ""
    decide_ms: float = 0.0
    submit_ms: float = 0.0
    advice: AdviceLine | None = None  # None where no executor was asked
    intents: tuple[Intent, ...] = ()  # what was submitted
    view: bytes = b""  # what was decided on, see ``actors.recorded``
    contexts: Mapping[ClientOrderId, bytes] = {}  # what the wallet's review saw, where one of its rules spoke
    halt: HaltLevel | None = None  # that the bot was told of
    limits: WalletLimits = WalletLimits()  # of its wallet, as the bot was told
