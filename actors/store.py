"""What the control actors keep: one store, of which each actor sees the part that it needs.

Every write is durable when it returns. A call that raised may have happened: all are safe to repeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from actors.ledger_events import Latch
from actors.lifecycle import BotStatus
from actors.messages import CycleRecord
from adapters.model import BotId, WalletId
from config.spec import BotSpec, FleetSpec
from risk.leases import Grant


class WalletPlace(msgspec.Struct, frozen=True):
    """Where a wallet's newest incarnation runs."""

    wallet: WalletId
    incarnation: int
    node: str = ""
    socket: str = ""


class Event(msgspec.Struct, frozen=True):
    """One line of the fleet's life, for people and for alerts."""

    at: datetime
    event: str  # "running", "crash", "error", "halt", …
    severity: str = "info"  # "info", "warning", "critical"
    bot: str = ""
    wallet: str = ""
    text: str = ""
    data: Mapping[str, Any] = {}


class EquityPoint(msgspec.Struct, frozen=True):
    """What a wallet was worth."""

    at: datetime
    wallet: WalletId
    equity_usd: Decimal
    exposure_usd: Decimal


class Latches(msgspec.Struct, frozen=True):
    """The halts in force; the generation grows with every change."""

    generation: int
    latches: tuple[Latch, ...]


class FleetStore(Protocol):
    """What the supervisor keeps."""

    async def load_fleet(self) -> FleetSpec | None:
        """The deployed fleet without its bots, or ``None``."""
        ...

    async def forget_fleet(self) -> None:
        """No fleet is wanted any more, and none of its bots. Epochs and incarnations stay, and so do halts."""
        ...

    async def save_fleet(self, fleet: FleetSpec) -> None:
        """Keep the fleet and its bots, all or nothing; bots that are already there are replaced and wanted."""
        ...

    async def load_bots(self) -> Sequence[tuple[BotSpec, bool]]:
        """Every bot and whether it is wanted."""
        ...

    async def add_bots(self, bots: Sequence[BotSpec]) -> None:
        """Add bots, all or none. Raises ``ConfigError`` when a name is taken."""
        ...

    async def remove_bot(self, bot: BotId) -> None: ...

    async def set_wanted(self, bots: Sequence[BotId], wanted: bool) -> None: ...

    async def load_statuses(self) -> Mapping[BotId, BotStatus]: ...

    async def save_status(self, status: BotStatus) -> None: ...

    async def load_checkpoint(self, bot: BotId) -> bytes | None: ...

    async def save_checkpoint(self, bot: BotId, checkpoint: bytes) -> None: ...

    async def load_wallets(self) -> Mapping[WalletId, WalletPlace]: ...

    async def save_wallet(self, place: WalletPlace) -> None: ...

    async def next_number(self, counter: str) -> int:
        """1, 2, 3, … for each counter, never the same twice."""
        ...

    async def load_latches(self) -> Latches: ...

    async def load_package(self, digest: str) -> bytes | None: ...

    async def save_package(self, digest: str, package: bytes) -> None: ...

    async def add_events(self, events: Sequence[Event]) -> None: ...


class HaltStore(Protocol):
    """What the kill switch keeps."""

    async def load_latches(self) -> Latches: ...

    async def set_latch(self, latch: Latch) -> Latches:
        """Latch this scope at this level, or deeper if it is already; answers with what is in force."""
        ...

    async def clear_latch(self, scope: str, generation: int | None = None) -> Latches:
        """Take the scope's latch off; of that generation only, if one is given."""
        ...

    async def overtake(self, generation: int, latch: Latch) -> Latches:
        """As ``set_latch``, under a generation above this one, which is not ours."""
        ...

    async def load_wallets(self) -> Mapping[WalletId, WalletPlace]: ...

    async def add_events(self, events: Sequence[Event]) -> None: ...


class EquityMarks(msgspec.Struct, frozen=True):
    """What the fleet's losses are measured from."""

    day_start_usd: Decimal  # at the start of the UTC day
    peak_usd: Decimal


class LossStore(Protocol):
    """What the loss watch keeps."""

    async def load_latches(self) -> Latches: ...

    async def mark_equity(self, day: date, equity_usd: Decimal) -> EquityMarks:
        """The marks, this equity included: the first of a day is its start, the highest ever is the peak."""
        ...

    async def restart_marks(self, day: date, equity_usd: Decimal) -> None:
        """Measure anew from here: the day, the peak, and what each wallet's day began with."""
        ...

    async def load_equities(self) -> Mapping[WalletId, Decimal]:
        """What each wallet was last known to be worth."""
        ...

    async def save_equities(self, equities: Mapping[WalletId, Decimal]) -> None: ...


class GuardStore(LossStore, Protocol):
    """What the risk guard keeps."""

    async def next_number(self, counter: str) -> int: ...

    async def load_grants(self) -> Mapping[WalletId, Grant]: ...

    async def save_grant(self, grant: Grant) -> None: ...

    async def wallet_day_start(self, day: date, wallet: WalletId, equity_usd: Decimal) -> Decimal:
        """A wallet's equity at the start of the UTC day; the first caller of a day sets it."""
        ...


class RecordStore(Protocol):
    """What the recorder keeps."""

    async def add_cycles(self, records: Sequence[CycleRecord]) -> None:
        """Keep records; one with a (bot, epoch, cycle) that is already there is skipped."""
        ...

    async def cycles(self, bot: BotId, *, cycle: int | None = None, limit: int = 50) -> Sequence[CycleRecord]:
        """Newest first."""
        ...

    async def add_events(self, events: Sequence[Event]) -> None: ...

    async def events(self, *, bot: str | None = None, limit: int = 100) -> Sequence[Event]:
        """Newest first."""
        ...

    async def add_equity(self, points: Sequence[EquityPoint]) -> None: ...

    async def equity(self, *, since: datetime) -> Sequence[EquityPoint]: ...
