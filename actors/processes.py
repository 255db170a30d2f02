"""What the supervisor needs from the world: processes that it can start, find, watch and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from actors.bot import BotReport
from actors.ledger_events import Latch
from actors.messages import Admit, Retire, Retired, WalletReport
from adapters.model import BotId, WalletId
from config.spec import BotSpec, FleetSpec, WalletSpec
from risk.limits import FleetLimits
from risk.results import RoundTrip


class BotLaunch(msgspec.Struct, frozen=True):
    """All that a new bot process is told."""

    spec: BotSpec
    epoch: int
    incarnation: int
    cycle: int  # where its predecessor was
    decision_deadline_s: float


class WalletLaunch(msgspec.Struct, frozen=True):
    """All that a new wallet process is told. Its keys it reads itself."""

    fleet: str
    spec: WalletSpec
    incarnation: int
    limits: FleetLimits

    @property
    def lease_ttl_s(self) -> float:
        """How long a lease lasts."""
        return self.limits.lease_ttl.total_seconds()


class Whereabouts(msgspec.Struct, frozen=True):
    """An actor's process."""

    pid: int
    node: str
    incarnation: int = 0


class Process(Protocol):
    """One bot's or wallet's process, alive when it was handed out."""

    @property
    def incarnation(self) -> int: ...

    async def ended(self) -> str:
        """Wait for its end; why it ended, empty when it was told to."""
        ...

    async def kill(self) -> None:
        """End it now, whatever it is doing. Safe to repeat."""
        ...


class BotProcess(Process, Protocol):
    """A bot's process. ``ended`` raises ``Irrecoverable`` when its strategy did."""

    async def report(self, *, timeout_s: float) -> BotReport:
        """Its heartbeat. Raises ``LinkError`` when it does not answer in time."""
        ...

    async def stop(self) -> None:
        """Ask it to end."""
        ...


class WalletProcess(Process, Protocol):
    """A wallet's process."""

    async def report(self, *, fresh: bool = False) -> WalletReport:
        """How it does; ``fresh`` asks the venue first."""
        ...

    async def trips(self, bot: BotId) -> Sequence[RoundTrip]:
        """A bot's last round trips, oldest first."""
        ...

    async def admit(self, admit: Admit) -> None: ...

    async def retire(self, retire: Retire) -> Retired: ...


class Processes(Protocol):
    """Where processes come from. Every failure is a ``LinkError``."""

    async def start_services(self, fleet: FleetSpec) -> None:
        """See that what all bots share exists: market data, recorder, decision actors, and what paper needs.

        Safe to repeat.
        """
        ...

    async def services(self) -> Mapping[str, Whereabouts]:
        """Where the fleet's actors are, by name; those that do not answer are left out."""
        ...

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        """Tell the risk guard which incarnation it may renew."""
        ...

    async def trip(self, latch: Latch) -> None:
        """Have the kill switch set a halt. Safe to repeat."""
        ...

    async def spawn_bot(self, launch: BotLaunch) -> BotProcess: ...

    async def find_bot(self, bot: BotId) -> BotProcess | None:
        """The bot's process, if one lives."""
        ...

    async def spawn_wallet(self, launch: WalletLaunch) -> WalletProcess: ...

    async def find_wallet(self, wallet: WalletId) -> WalletProcess | None: ...
