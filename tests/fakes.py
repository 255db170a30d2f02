"""Stand-ins that behave: a venue that fails on cue, a store in memory, processes without processes, a clock by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from actors.bot import BotReport
from actors.ledger_events import Latch
from actors.lifecycle import BotStatus
from actors.messages import Admit, CycleRecord, Retire, Retired, WalletReport
from actors.processes import BotLaunch, BotProcess, WalletLaunch, WalletProcess, Whereabouts
from actors.store import EquityMarks, EquityPoint, Event, Latches, WalletPlace
from adapters.errors import Conflict, LinkError
from adapters.model import (
    Account,
    BotId,
    ClientOrderId,
    Fill,
    Instrument,
    Order,
    OrderReport,
    Position,
    Symbol,
    WalletId,
)
from adapters.venue import Fence, UserEvent, Venue
from config.spec import BotSpec, FleetSpec
from risk.leases import Grant
from risk.results import RoundTrip
from strategies.strategy import Irrecoverable

T = TypeVar("T")


class HandClock:
    """Time stands still until a test lets it pass; whoever sleeps wakes in the order of time."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._sleepers, (due, next(self._numbers), waking))
        await waking

    async def advance(self, seconds: float) -> None:
        """Let time pass, and everybody who wakes in it do what he does until he sleeps or waits again."""
        until = self._now + timedelta(seconds=seconds)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, waking = heapq.heappop(self._sleepers)
            if waking.done():
                continue
            self._now = max(self._now, due)
            waking.set_result(None)
            await settle()
        self._now = until


async def settle() -> None:
    """Let every task run until all of them wait for something."""
    for _ in range(30):
        await asyncio.sleep(0)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what comes over a socket; five seconds are more than it takes."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One call that goes wrong: before the venue has it, or after, when only the answer is lost."""

    error: BaseException
    takes_effect: bool = False


@dataclass(slots=True)
class Hold:
    """One call that hangs on its way to the venue until it is let go."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)


class FaultyVenue:
    """A venue with a script of faults for each verb; what the script does not mention reaches the real one."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.calls: list[tuple[str, Any]] = []
        self._script: dict[str, deque[Fault | Hold | None]] = defaultdict(deque)
        self._always: dict[str, BaseException] = {}
        self._answers: dict[str, Any] = {}

    @property
    def fence(self) -> Fence:
        return self.venue.fence

    def script(self, verb: str, *steps: Fault | Hold | None) -> None:
        """What the next calls of the verb meet; ``None`` passes."""
        self._script[verb].extend(steps)

    def fail(self, verb: str, error: BaseException | None) -> None:
        """Every call of the verb fails from now on, or none any more."""
        if error is None:
            self._always.pop(verb, None)
        else:
            self._always[verb] = error

    def answer(self, verb: str, value: Any) -> None:
        """Every call of the verb is answered so from now on, whatever the real venue would say."""
        self._answers[verb] = value

    def asked(self, verb: str) -> list[Any]:
        """The arguments of the verb's calls so far."""
        return [argument for name, argument in self.calls if name == verb]

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        return await self._do("instruments", None, self.venue.instruments)

    async def place(self, order: Order) -> OrderReport:
        return await self._do("place", order, lambda: self.venue.place(order))

    async def cancel(self, order_id: ClientOrderId) -> OrderReport:
        return await self._do("cancel", order_id, lambda: self.venue.cancel(order_id))

    async def order(self, order_id: ClientOrderId) -> OrderReport:
        return await self._do("order", order_id, lambda: self.venue.order(order_id))

    async def open_orders(self) -> Sequence[OrderReport]:
        return await self._do("open_orders", None, self.venue.open_orders)

    async def positions(self) -> Sequence[Position]:
        return await self._do("positions", None, self.venue.positions)

    async def account(self) -> Account:
        return await self._do("account", None, self.venue.account)

    async def fills_since(self, sequence: int) -> Sequence[Fill]:
        return await self._do("fills_since", sequence, lambda: self.venue.fills_since(sequence))

    def events(self) -> AsyncIterator[UserEvent]:
        return self.venue.events()

    async def aclose(self) -> None:
        await self.venue.aclose()

    async def _do(self, verb: str, argument: Any, ask: Callable[[], Awaitable[T]]) -> T:
        self.calls.append((verb, argument))
        step = self._script[verb].popleft() if self._script[verb] else None
        if isinstance(step, Hold):
            await step.gate.wait()
        if verb in self._always:
            raise self._always[verb]
        if isinstance(step, Fault):
            if step.takes_effect:
                await ask()
            raise step.error
        return self._answers[verb] if verb in self._answers else await ask()


class MemoryStore:
    """Everything that the control actors keep, for as long as a test lasts. ``fail`` makes a method raise."""

    def __init__(self) -> None:
        self.fleet: FleetSpec | None = None
        self.bots: dict[BotId, tuple[BotSpec, bool]] = {}
        self.statuses: dict[BotId, BotStatus] = {}
        self.checkpoints: dict[BotId, bytes] = {}
        self.wallets: dict[WalletId, WalletPlace] = {}
        self.numbers: dict[str, int] = {}
        self.latches = Latches(0, ())
        self.grants: dict[WalletId, Grant] = {}
        self.day_starts: dict[date, Decimal] = {}
        self.peak_usd = Decimal(0)
        self.equities: dict[WalletId, Decimal] = {}
        self.wallet_day_starts: dict[tuple[date, WalletId], Decimal] = {}
        self.log: list[Event] = []
        self.failing: dict[str, Exception] = {}
        self.pauses: dict[str, asyncio.Event] = {}

    def fail(self, method: str, error: Exception | None) -> None:
        """Make the method raise, or work again."""
        if error is None:
            self.failing.pop(method, None)
        else:
            self.failing[method] = error

    def pause(self, method: str) -> asyncio.Event:
        """Make the method wait until the event is set."""
        return self.pauses.setdefault(method, asyncio.Event())

    async def load_fleet(self) -> FleetSpec | None:
        await self._turn("load_fleet")
        return self.fleet

    async def forget_fleet(self) -> None:
        await self._turn("forget_fleet")
        self.fleet = None
        self.bots = {}

    async def save_fleet(self, fleet: FleetSpec) -> None:
        await self._turn("save_fleet")
        self.fleet = replace(fleet, bots=())
        self.bots.update({bot.name: (bot, True) for bot in fleet.bots})

    async def load_bots(self) -> Sequence[tuple[BotSpec, bool]]:
        await self._turn("load_bots")
        return [self.bots[name] for name in sorted(self.bots)]

    async def add_bots(self, bots: Sequence[BotSpec]) -> None:
        await self._turn("add_bots")
        taken = sorted(bot.name for bot in bots if bot.name in self.bots)
        if taken:
            raise Conflict(f"there is a bot of this name already: {', '.join(taken)}")
        self.bots.update({bot.name: (bot, True) for bot in bots})

    async def remove_bot(self, bot: BotId) -> None:
        await self._turn("remove_bot")
        self.bots.pop(bot, None)

    async def set_wanted(self, bots: Sequence[BotId], wanted: bool) -> None:
        await self._turn("set_wanted")
        self.bots.update({name: (self.bots[name][0], wanted) for name in bots})

    async def load_statuses(self) -> Mapping[BotId, BotStatus]:
        await self._turn("load_statuses")
        return dict(self.statuses)

    async def save_status(self, status: BotStatus) -> None:
        await self._turn("save_status")
        self.statuses[status.bot] = status

    async def load_checkpoint(self, bot: BotId) -> bytes | None:
        return self.checkpoints.get(bot)

    async def save_checkpoint(self, bot: BotId, checkpoint: bytes) -> None:
        self.checkpoints[bot] = checkpoint

    async def load_wallets(self) -> Mapping[WalletId, WalletPlace]:
        await self._turn("load_wallets")
        return dict(self.wallets)

    async def save_wallet(self, place: WalletPlace) -> None:
        self.wallets[place.wallet] = place

    async def next_number(self, counter: str) -> int:
        await self._turn("next_number")
        self.numbers[counter] = self.numbers.get(counter, 0) + 1
        return self.numbers[counter]

    async def load_latches(self) -> Latches:
        await self._turn("load_latches")
        return self.latches

    async def set_latch(self, latch: Latch) -> Latches:
        await self._turn("set_latch")
        known = {old.scope: old for old in self.latches.latches}
        old = known.get(latch.scope)
        if old is None or old.level.rank < latch.level.rank:
            generation = self.latches.generation + 1
            known[latch.scope] = Latch(latch.scope, latch.level, generation, latch.reason, latch.cause)
            self.latches = Latches(generation, tuple(known[scope] for scope in sorted(known)))
        return self.latches

    async def overtake(self, generation: int, latch: Latch) -> Latches:
        self.latches = Latches(max(generation, self.latches.generation), self.latches.latches)
        return await self.set_latch(latch)

    async def clear_latch(self, scope: str, generation: int | None = None) -> Latches:
        await self._turn("clear_latch")
        left = tuple(
            latch
            for latch in self.latches.latches
            if latch.scope != scope or generation not in (None, latch.generation)
        )
        if left != self.latches.latches:
            self.latches = Latches(self.latches.generation + 1, left)
        return self.latches

    async def load_grants(self) -> Mapping[WalletId, Grant]:
        return dict(self.grants)

    async def save_grant(self, grant: Grant) -> None:
        await self._turn("save_grant")
        self.grants[grant.wallet] = grant

    async def mark_equity(self, day: date, equity_usd: Decimal) -> EquityMarks:
        await self._turn("mark_equity")
        self.peak_usd = max(self.peak_usd, equity_usd)
        return EquityMarks(self.day_starts.setdefault(day, equity_usd), self.peak_usd)

    async def restart_marks(self, day: date, equity_usd: Decimal) -> None:
        await self._turn("restart_marks")
        self.day_starts[day] = self.peak_usd = equity_usd
        self.wallet_day_starts = {
            key: start for key, start in self.wallet_day_starts.items() if key[0] != day
        }

    async def load_equities(self) -> Mapping[WalletId, Decimal]:
        return dict(self.equities)

    async def save_equities(self, equities: Mapping[WalletId, Decimal]) -> None:
        await self._turn("save_equities")
        self.equities.update(equities)

    async def wallet_day_start(self, day: date, wallet: WalletId, equity_usd: Decimal) -> Decimal:
        return self.wallet_day_starts.setdefault((day, wallet), equity_usd)

    async def load_package(self, digest: str) -> bytes | None:
        return None

    async def save_package(self, digest: str, package: bytes) -> None: ...

    async def add_events(self, events: Sequence[Event]) -> None:
        await self._turn("add_events")
        self.log.extend(events)

    async def events(self, *, bot: str | None = None, limit: int = 100) -> Sequence[Event]:
        return [event for event in reversed(self.log) if bot in (None, event.bot)][:limit]

    async def add_cycles(self, records: Sequence[CycleRecord]) -> None: ...

    async def cycles(self, bot: BotId, *, cycle: int | None = None, limit: int = 50) -> Sequence[CycleRecord]:
        return ()

    async def add_equity(self, points: Sequence[EquityPoint]) -> None: ...

    async def equity(self, *, since: datetime) -> Sequence[EquityPoint]:
        return ()

    async def _turn(self, method: str) -> None:
        await asyncio.sleep(0)
        if method in self.pauses:
            await self.pauses[method].wait()
        if method in self.failing:
            raise self.failing[method]


class FakeProcess:
    """A process that lives until it is killed, or dies when a test says so."""

    def __init__(self, incarnation: int) -> None:
        self.incarnation = incarnation
        self.kills = 0
        self.is_deaf = False
        self.kill_error: LinkError | None = None
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def lives(self) -> bool:
        """Whether it has not ended."""
        return not self._end.done()

    def die(self, reason: str = "") -> None:
        """End, with the reason that whoever watches is told."""
        if self.lives():
            self._end.set_result(reason)

    def give_up(self, reason: str) -> None:
        """End as a bot whose strategy raised ``Irrecoverable``."""
        self._end.set_exception(Irrecoverable(reason))

    async def ended(self) -> str:
        return await asyncio.shield(self._end)

    async def kill(self) -> None:
        self.kills += 1
        if self.kill_error is not None:
            raise self.kill_error
        self.die("killed")

    async def hear(self) -> None:
        """What every call to it begins with."""
        await asyncio.sleep(0)
        if self.is_deaf or not self.lives():
            raise LinkError("no answer")


class FakeBot(FakeProcess):
    """A bot's process: it cycles in name only."""

    def __init__(self, launch: BotLaunch) -> None:
        super().__init__(launch.incarnation)
        self.launch = launch
        self.cycle = launch.cycle
        self.ends_when_asked = True

    async def report(self, *, timeout_s: float) -> BotReport:
        await self.hear()
        spec, launch = self.launch.spec, self.launch
        return BotReport(spec.name, launch.epoch, launch.incarnation, 1, "node", self.cycle, True)

    async def stop(self) -> None:
        await self.hear()
        if self.ends_when_asked:
            self.die("")


class FakeWallet(FakeProcess):
    """A wallet's process: it remembers who was seated and who was retired."""

    def __init__(self, launch: WalletLaunch) -> None:
        super().__init__(launch.incarnation)
        self.launch = launch
        self.ready = True
        self.seated: dict[BotId, int] = {}
        self.admitted: list[Admit] = []
        self.retired: list[Retire] = []
        self.retirements_left = 0  # how many more requests until one is done
        self.admit_errors: Mapping[BotId, Exception] = {}

    async def report(self, *, fresh: bool = False) -> WalletReport:
        await self.hear()
        return WalletReport(
            wallet=self.launch.spec.name,
            incarnation=self.incarnation,
            pid=1,
            node="node",
            ready=self.ready,
            equity_usd=Decimal(10_000),
            exposure_usd=Decimal(0),
            lease=None,
            lease_left_s=0.0,
            bots=(),
            venue_positions={},
            orders_sent=0,
            refusals={},
            unknown_orders=0,
            halt=None,
        )

    async def admit(self, admit: Admit) -> None:
        await self.hear()
        if admit.spec.name in self.admit_errors:
            raise self.admit_errors[admit.spec.name]
        self.seated[admit.spec.name] = admit.epoch
        self.admitted.append(admit)

    async def trips(self, bot: BotId) -> Sequence[RoundTrip]:
        await self.hear()
        return ()

    async def retire(self, retire: Retire) -> Retired:
        await self.hear()
        self.retired.append(retire)
        self.retirements_left -= 1
        return Retired(self.retirements_left < 0, {}, 0)


class FakeProcesses:
    """Where fake processes come from, and where they are found again by a new supervisor."""

    def __init__(self) -> None:
        self.bots: dict[BotId, FakeBot] = {}
        self.wallets: dict[WalletId, FakeWallet] = {}
        self.bots_spawned: list[BotLaunch] = []
        self.wallets_spawned: list[WalletLaunch] = []
        self.enlisted: list[tuple[WalletId, int]] = []
        self.tripped: list[Latch] = []
        self.trip_error: LinkError | None = None
        self.services_started = 0
        self.spawn_error: LinkError | None = None
        self.are_born_deaf = False
        self.admit_errors: dict[BotId, Exception] = {}  # of every wallet from now on

    async def start_services(self, fleet: FleetSpec) -> None:
        self.services_started += 1

    async def services(self) -> Mapping[str, Whereabouts]:
        return {}

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        self.enlisted.append((wallet, incarnation))

    async def trip(self, latch: Latch) -> None:
        await asyncio.sleep(0)
        if self.trip_error is not None:
            raise self.trip_error
        self.tripped.append(latch)

    async def spawn_bot(self, launch: BotLaunch) -> BotProcess:
        await asyncio.sleep(0)
        if self.spawn_error is not None:
            raise self.spawn_error
        self.bots_spawned.append(launch)
        bot = self.bots[launch.spec.name] = FakeBot(launch)
        bot.is_deaf = self.are_born_deaf
        return bot

    async def find_bot(self, bot: BotId) -> BotProcess | None:
        found = self.bots.get(bot)
        return found if found is not None and found.lives() else None

    async def spawn_wallet(self, launch: WalletLaunch) -> WalletProcess:
        await asyncio.sleep(0)
        self.wallets_spawned.append(launch)
        wallet = self.wallets[launch.spec.name] = FakeWallet(launch)
        wallet.admit_errors = self.admit_errors
        return wallet

    async def find_wallet(self, wallet: WalletId) -> WalletProcess | None:
        found = self.wallets.get(wallet)
        return found if found is not None and found.lives() else None
