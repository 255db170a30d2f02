"""The actors in their simulated processes: what ``cluster.ray_runtime`` does with Ray. Adapt both together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from actors.bot import BotReport
from actors.journal import JournalDamaged, LogJournal
from actors.kill_switch import HaltProgress
from actors.ledger_events import Latch
from actors.market_data import MarketData
from actors.market_service import MarketDataService
from actors.messages import MARKET_LINK, WALLET_LINK, GuardAnswer
from actors.processes import BotLaunch, Processes, WalletLaunch, Whereabouts
from actors.store import Latches, WalletPlace
from actors.wallet_client import WalletClient
from actors.wallet_session import WalletSession
from adapters.errors import ConfigError, TradingError
from adapters.model import BotId, WalletId
from adapters.paper.client import PaperFeed
from adapters.paper.service import PaperService
from adapters.paper.wire import PAPER_LINK
from adapters.venue import Fence, MarketSource
from cluster.simulation.calls import Remote
from cluster.simulation.ground import Ground
from cluster.simulation.links import Listener
from cluster.simulation.loop import Process
from cluster.simulation.parts import Parts
from config.spec import BotSpec, ExitMode, FleetSpec
from risk.leases import Renewal
from strategies.strategy import Irrecoverable

MakeProcesses: TypeAlias = Callable[[Process], Processes]
RETRY_S = 0.5
GROUP_S = 0.05  # production's 5 ms would be most of a run's work
RISK_GUARD, KILL_SWITCH, MARKET_DATA, EXCHANGE, SUPERVISOR = (
    "risk-guard",
    "kill-switch",
    "market-data",
    "exchange",
    "supervisor",
)


def wallet_name(wallet: WalletId) -> str:
    """Under which the cluster knows a wallet."""
    return f"wallet:{wallet}"


def bot_name(bot: BotId) -> str:
    """Under which the cluster knows a bot."""
    return f"bot:{bot}"


class Hosted:
    """What all have in common: starting until it works, and ending with their work."""

    def __init__(self, ground: Ground, parts: Parts, process: Process) -> None:
        self.ground = ground
        self.parts = parts
        self.process = process
        self.clock = ground.clock(process)
        self.listener: Listener | None = None
        self.incarnation = process.number
        self.started = asyncio.Event()

    async def start(self) -> None:
        while True:
            try:
                work = await self.begin()
                break
            except (ConfigError, JournalDamaged):
                raise
            except TradingError:
                await asyncio.sleep(RETRY_S)
        self.ground.loop.create_task(self.work(work))
        self.started.set()

    async def begin(self) -> Coroutine[Any, Any, None]:
        """Set up, and give the work that then never ends."""
        raise AssertionError("every actor has its own")

    async def work(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it; when it fails, the process ends."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.ground.trace.add(self.ground.loop.time(), str(self.process), "FAILED", shown=_causes(error))
            self.ground.loop.exit(self.process)

    async def whereabouts(self) -> Whereabouts:
        """For a supervisor that finds it."""
        return Whereabouts(self.process.number, self.process.host, self.incarnation)


class RemoteGuard(Remote):
    """The risk guard, for wallets."""

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        answer: GuardAnswer = await self.ask("renew", renewal)
        return answer


class RemoteHalts(Remote):
    """The kill switch, for the risk guard and the operator."""

    async def trip(self, latch: Latch) -> int:
        return int(await self.ask("trip", latch))


class WalletActor(Hosted):
    """A wallet. It serves before it has reconciled, and says so."""

    def __init__(
        self, ground: Ground, parts: Parts, process: Process, launch: WalletLaunch, fence: Fence
    ) -> None:
        super().__init__(ground, parts, process)
        self.launch = launch
        self.fence = fence
        self.incarnation = launch.incarnation

    async def begin(self) -> Coroutine[Any, Any, None]:
        launch, ground, parts, process = self.launch, self.ground, self.parts, self.process
        is_synced = launch.spec.journal == "fsync"
        log = ground.hosts[process.host].disk.open(f"{launch.spec.name}.journal", is_synced=is_synced)
        journal = parts.journal(log, launch)
        ledger = parts.ledger(journal.events)
        journal.compact([ledger.summary()])
        venue = parts.venue(ground.dial(process, EXCHANGE), launch, self.fence)
        self.wallet = parts.wallet(launch, venue, journal, ledger, self.clock, process.host)
        self.listener = ground.listen(process, WALLET_LINK, lambda notify: WalletSession(self.wallet, notify))
        guard = ground.remote(process, RISK_GUARD, launch.lease_ttl_s / 2)
        service = parts.wallet_service(
            self.wallet,
            launch,
            venue,
            RemoteGuard(guard.calls, guard.find, guard.timeout_s),
            ground.dial(process, MARKET_DATA),
            self.clock,
        )
        return service.run() if is_synced else self._flushing(journal, service.run())

    @property
    def is_ready(self) -> bool:
        """Whether it serves and has reconciled."""
        return self.started.is_set() and self.wallet.ready

    async def _flushing(self, journal: LogJournal, work: Coroutine[Any, Any, None]) -> None:
        """Beside the work, bring the journal to the disk every few milliseconds."""
        async with asyncio.TaskGroup() as group:
            group.create_task(work)
            while True:
                await self.clock.sleep(GROUP_S)
                journal.flush()

    async def start(self) -> None:
        try:
            await super().start()
        except (JournalDamaged, OSError):
            self.ground.loop.exit(self.process)

    async def ended(self) -> str:
        """Never returns: its process ends with its work."""
        await self.ground.loop.create_future()
        return ""


class BotActor(Hosted):
    """A bot. Its end is told to whoever waits in ``ended``; the process then waits to be killed."""

    def __init__(self, ground: Ground, parts: Parts, process: Process, launch: BotLaunch) -> None:
        super().__init__(ground, parts, process)
        self.launch = launch
        self.incarnation = launch.incarnation
        self.end: asyncio.Event = asyncio.Event()
        self.reason = ""
        self.gave_up: Irrecoverable | None = None

    async def begin(self) -> Coroutine[Any, Any, None]:
        dial = self.ground.dial(self.process, wallet_name(self.launch.spec.wallet))
        self.bot = self.parts.bot(self.launch, self.parts.wallet_client(dial, self.clock), self.clock)
        return self.bot.run()

    async def work(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Irrecoverable as error:
            self.gave_up = error
        except Exception as error:
            self.reason = f"{type(error).__name__}: {error}"
        self.reason = self.reason or self.bot.note
        self.end.set()

    async def report(self) -> BotReport:
        """The heartbeat."""
        await self.started.wait()
        return self.bot.report(incarnation=self.incarnation, pid=self.process.number, node=self.process.host)

    async def stop(self) -> None:
        """Ask it to end after the cycle it is in."""
        await self.started.wait()
        self.bot.stop()

    async def ended(self) -> str:
        """Wait for its end; why it ended. Raises ``Irrecoverable`` when its strategy did."""
        await self.end.wait()
        if self.gave_up is not None:
            raise self.gave_up
        return self.reason


class RiskGuardActor(Hosted):
    """The risk guard."""

    def __init__(self, ground: Ground, parts: Parts, process: Process, fleet: FleetSpec) -> None:
        super().__init__(ground, parts, process)
        self.fleet = fleet

    async def begin(self) -> Coroutine[Any, Any, None]:
        switch = self.ground.remote(self.process, KILL_SWITCH)
        halts = RemoteHalts(switch.calls, switch.find, switch.timeout_s)
        store = self.ground.control_disk.store()
        self.guard = self.parts.risk_guard(self.fleet, store, halts, self.clock)
        await self.guard.start()
        return self._watch()

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        """Lend again."""
        await self.started.wait()
        return await self.guard.renew(renewal)

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        """Renew only this incarnation from now on."""
        await self.started.wait()
        await self.guard.enlist(wallet, incarnation)

    async def _watch(self) -> None:
        while True:
            try:
                await self.guard.watch()
            except TradingError as error:
                self.ground.trace.add(self.ground.loop.time(), str(self.process), "WATCH", shown=error)
            await self.clock.sleep(RETRY_S)


class KillSwitchActor(Hosted):
    """The kill switch."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        store = self.ground.control_disk.store()
        await store.next_number("kill_switch")
        self.clients: dict[WalletId, WalletClient] = {}
        self.switch = self.parts.kill_switch(store, self._reach, self._end, self.clock)
        await self.switch.start()
        return self.switch.run()

    async def trip(self, latch: Latch) -> int:
        """Halt."""
        await self.started.wait()
        return await self.switch.trip(latch)

    async def lift(self, scope: str, reason: str, generation: int | None = None) -> Latches:
        """Take a halt off, of that generation only if one is given; what is in force then."""
        await self.started.wait()
        return await self.switch.lift(scope, reason, generation)

    async def progress(self) -> HaltProgress:
        """How far the halts are."""
        await self.started.wait()
        return self.switch.progress()

    async def _end(self, place: WalletPlace) -> bool:
        return self.ground.take_down(wallet_name(place.wallet), self.process)

    async def _reach(self, place: WalletPlace) -> WalletClient:
        if place.wallet not in self.clients:
            dial = self.ground.dial(self.process, wallet_name(place.wallet))
            self.clients[place.wallet] = self.parts.wallet_client(dial, self.clock)
        return self.clients[place.wallet]


class MarketDataActor(Hosted):
    """Market data."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        feed = PaperFeed(self.ground.dial(self.process, EXCHANGE))
        instruments = await feed.instruments()
        service = MarketDataService(MarketData(instruments, self.clock), feed, self.clock)
        self.listener = self.ground.listen(self.process, MARKET_LINK, service.open_session)
        return service.run()


class ExchangeActor(Hosted):
    """The world outside. It never fails: its ledger is the judge."""

    def __init__(
        self, ground: Ground, parts: Parts, process: Process, source: MarketSource, fence: Fence
    ) -> None:
        super().__init__(ground, parts, process)
        self.source = source
        self.exchange = parts.exchange(dict(source.instruments), self.clock, fence)

    async def begin(self) -> Coroutine[Any, Any, None]:
        service = PaperService(self.exchange, self.clock, timedelta(0))
        self.listener = self.ground.listen(self.process, PAPER_LINK, service.open_session, is_ordered=False)
        return service.run(self.source.events(), speed=1.0)


class SupervisorActor(Hosted):
    """The supervisor, and the operator's way in."""

    def __init__(self, ground: Ground, parts: Parts, process: Process, make_processes: MakeProcesses) -> None:
        super().__init__(ground, parts, process)
        self._make_processes = make_processes

    async def begin(self) -> Coroutine[Any, Any, None]:
        store = self.ground.control_disk.store()
        await store.next_number("supervisor")
        processes = self._make_processes(self.process)
        self.supervisor = self.parts.supervisor(store, processes, self.clock)
        await self.supervisor.start()
        return self.supervisor.run()

    async def deploy(self, fleet: FleetSpec) -> None:
        """Make the fleet what the specification says."""
        await self.started.wait()
        await self.supervisor.deploy(fleet)

    async def add(self, bots: Sequence[BotSpec]) -> None:
        """Add bots, all or none."""
        await self.started.wait()
        await self.supervisor.add(bots)

    async def set_wanted(self, names: Sequence[BotId], wanted: bool, mode: ExitMode | None) -> None:
        """Start or stop bots."""
        await self.started.wait()
        await self.supervisor.set_wanted(names, wanted, mode)

    async def reset(self, names: Sequence[BotId]) -> None:
        """Let bots in ERROR begin again."""
        await self.started.wait()
        await self.supervisor.reset(names)

    async def alive(self) -> Sequence[BotId]:
        """Bots whose stop is not complete."""
        await self.started.wait()
        return self.supervisor.bots_alive()


def _causes(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(_causes, error.exceptions))
    return f"{type(error).__name__}: {error}"
