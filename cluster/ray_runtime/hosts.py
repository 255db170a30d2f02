"""The classes that Ray runs: each hosts one plain actor, starts it by itself, and answers for it.

``__init__`` cannot fail: Ray would give such an actor up for ever. It asks itself to ``start``, so that an actor which
Ray brought back works again without waiting for anybody. When the hosted work fails for good, the process ends, and
whoever supervises it brings another.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import ray

from actors.bot import Bot, BotReport
from actors.decision import DecisionMember, DecisionPool
from actors.journal import FileJournal, JournalDamaged
from actors.kill_switch import HaltProgress, KillSwitch
from actors.ledger import replayed
from actors.ledger_events import Latch
from actors.market_data import MarketData
from actors.market_service import MarketDataService
from actors.messages import MARKET_LINK, WALLET_LINK, GuardAnswer
from actors.processes import BotLaunch, WalletLaunch, Whereabouts
from actors.risk_guard import GuardReport, RiskGuard
from actors.store import WalletPlace
from actors.wallet import Wallet
from actors.wallet_client import WalletClient
from actors.wallet_service import WalletService
from actors.wallet_session import WalletSession
from adapters.clock import SystemClock
from adapters.errors import ConfigError, TradingError
from adapters.model import WalletId
from adapters.paper.client import PaperClient, PaperFeed
from adapters.paper.wire import PAPER_LINK
from cluster.home import Home
from cluster.json_logs import log_to
from cluster.ray_runtime.links import Place, Switchboard, dial
from cluster.ray_runtime.naming import EXCHANGE, MARKET_DATA, member_name, wallet_name
from cluster.ray_runtime.remote import RemoteAdvisor, RemoteGuard, RemoteHalts, RemoteRecorder
from config.spec import FleetSpec
from risk.leases import Renewal
from strategies.registry import build
from strategies.strategy import View

_log = logging.getLogger(__name__)
RETRY_S = 0.5


class Host:
    """What all hosts share: starting once, dying loudly, saying where they are."""

    def __init__(self, name: str, home: str, *arguments: Any) -> None:
        self.name = name
        self.home = Home(Path(home))
        self.clock = SystemClock()
        self.arguments = arguments
        self.incarnation = 0
        self.switchboard: Switchboard | None = None
        self.socket: Path | None = None
        self.began = False
        self.started = asyncio.Event()
        self.working: asyncio.Task[None] | None = None
        ray.get_runtime_context().current_actor.start.remote()

    async def start(self) -> None:
        """Begin, once; retried until it works, since what it needs may itself be on its way back."""
        if self.began:
            await self.started.wait()
            return
        self.began = True
        log_to(self.home.logs, self.name)
        while True:
            try:
                work = await self.begin()
                break
            except ConfigError:
                raise
            except TradingError as error:
                _log.warning("cannot begin yet: %s", error)
                await asyncio.sleep(RETRY_S)
        self.working = asyncio.create_task(self._work(work))
        self.started.set()

    async def begin(self) -> Coroutine[Any, Any, None]:
        """Set up, and give the work that then never ends."""
        raise AssertionError("every host has its own")

    async def where(self) -> Place:
        """Where it can be called."""
        await self.started.wait()
        return Place(_node(), str(self.socket or ""), os.getpid())

    async def whereabouts(self) -> Whereabouts:
        """For the status."""
        return Whereabouts(os.getpid(), _node(), self.incarnation)

    async def link_call(self, session: str, body: bytes, deadline: float) -> tuple[bytes, bytes | None]:
        """One request of a link over Ray."""
        await self.started.wait()
        assert self.switchboard is not None
        return await self.switchboard.call(session, body, deadline)

    async def link_notices(self, session: str) -> list[bytes]:
        """What a session of a link over Ray was told."""
        await self.started.wait()
        assert self.switchboard is not None
        return await self.switchboard.notices(session)

    @ray.method(concurrency_group="ctl")
    async def ping(self) -> int:
        """Whether the process lives, whatever its main loop does."""
        return os.getpid()

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException:
            _log.critical("the work ended with an error; the process ends too", exc_info=True)
            os._exit(1)

    async def serve(self, protocols: Any, open_session: Callable[[Any], Any]) -> None:
        """Open the actor's switchboard."""
        self.socket = self.home.sockets / f"{self.name.replace(':', '-')}.sock"
        self.switchboard = Switchboard(self.socket, protocols, self.clock, open_session)
        await self.switchboard.start()


class BotHost(Host):
    """One bot. Its end is told to whoever waits in ``ended``; the process then waits to be killed."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        launch: BotLaunch
        (launch,) = self.arguments
        self.incarnation = launch.incarnation
        spec = launch.spec
        strategy = build(spec.strategy.kind, spec.strategy.fields)
        self.bot = Bot(
            spec,
            launch.epoch,
            strategy,
            wallet=WalletClient(dial(wallet_name(spec.wallet), WALLET_LINK, self.clock), self.clock),
            advisor=RemoteAdvisor(launch.decision_deadline_s),
            clock=self.clock,
            cycle=launch.cycle,
        )
        self.recorder = RemoteRecorder()
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.recording = asyncio.create_task(self._record())
        return self.bot.run()

    async def start(self) -> None:
        try:
            await super().start()
        except ConfigError as error:
            self.end = asyncio.get_running_loop().create_future()
            self.end.set_result(f"its strategy cannot be built: {error}")
            self.started.set()

    async def report(self) -> BotReport:
        """The heartbeat."""
        await self.started.wait()
        return self.bot.report(incarnation=self.incarnation, pid=os.getpid(), node=_node())

    async def stop(self) -> None:
        """Ask it to end after the cycle it is in."""
        await self.started.wait()
        self.bot.stop()

    async def ended(self) -> str:
        """Wait for the bot's end; why it ended."""
        await self.started.wait()
        return await asyncio.shield(self.end)

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        reason = ""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log.exception("the bot ended with an error")
            reason = f"{type(error).__name__}: {error}"
        await self._flush()
        self.end.set_result(reason or self.bot.note)

    async def _record(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._flush()

    async def _flush(self) -> None:
        records = self.bot.records[:]
        if records:
            try:
                await self.recorder.cycles(records)
            except TradingError as error:
                _log.warning("recorder: %s", error)
            else:
                del self.bot.records[: len(records)]


class WalletHost(Host):
    """One wallet. It serves before it has reconciled, and says so."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        launch: WalletLaunch
        (launch,) = self.arguments
        self.incarnation = launch.incarnation
        spec = launch.spec
        journal = FileJournal(self.home.journals / f"{spec.name}.journal", sync=spec.journal == "fsync")
        ledger = replayed(journal.events)
        journal.compact([ledger.summary()])
        venue = PaperClient(dial(EXCHANGE, PAPER_LINK, self.clock), spec.name, spec.equity_usd)
        self.wallet = Wallet(
            spec,
            launch.incarnation,
            venue=venue,
            journal=journal,
            ledger=ledger,
            clock=self.clock,
            node=_node(),
        )
        await self.serve(WALLET_LINK, lambda notify: WalletSession(self.wallet, notify))
        return WalletService(
            self.wallet,
            venue=venue,
            guard=RemoteGuard(launch.lease_ttl_s),
            dial_market=dial(MARKET_DATA, MARKET_LINK, self.clock),
            renew_every_s=launch.lease_ttl_s / 3,
            clock=self.clock,
        ).run()

    async def start(self) -> None:
        try:
            await super().start()
        except JournalDamaged:
            _log.critical("the journal is damaged", exc_info=True)
            os._exit(1)

    async def ended(self) -> str:
        """Never returns while the wallet works: its process ends with it."""
        await self.started.wait()
        assert self.working is not None
        await asyncio.shield(self.working)
        return "the wallet's work ended"


class MarketDataHost(Host):
    """Market data of one venue."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        fleet: FleetSpec
        (fleet,) = self.arguments
        feed = PaperFeed(dial(EXCHANGE, PAPER_LINK, self.clock))
        instruments = await feed.instruments()
        fine = timedelta(seconds=1) if fleet.market.source == "synthetic" else timedelta(minutes=1)
        service = MarketDataService(MarketData(instruments, self.clock, fine), feed, self.clock)
        await self.serve(MARKET_LINK, service.open_session)
        return service.run()


class DecisionMemberHost(Host):
    """One member of the Decision pool."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        self.member = DecisionMember()
        return for_ever()

    async def advise(self, executor: str, view: View) -> Any:
        """The executor's advice."""
        await self.started.wait()
        return await self.member.advise(executor, view)


class DecisionHost(Host):
    """The Decision pool's router."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        fleet: FleetSpec
        (fleet,) = self.arguments
        deadline_s = fleet.decision_deadline.total_seconds()
        members = {
            member_name(n): RemoteAdvisor(deadline_s, member_name(n)) for n in range(fleet.decision_actors)
        }
        self.pool = DecisionPool(members, deadline_s, self.clock.monotonic)
        return for_ever()

    async def advise(self, executor: str, view: View) -> Any:
        """Advice from the least loaded member."""
        await self.started.wait()
        return await self.pool.advise(executor, view)

    async def loads(self) -> Any:
        """What each member has to do."""
        await self.started.wait()
        return self.pool.loads()


class RiskGuardHost(Host):
    """The risk guard."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        from cluster.store.sql import open_store

        fleet: FleetSpec
        (fleet,) = self.arguments
        self.guard = RiskGuard(
            fleet.limits,
            fleet.on_breach,
            store=open_store(fleet.store),
            halts=RemoteHalts(),
            clock=self.clock,
        )
        await self.guard.start()
        self.incarnation = self.guard.epoch
        return self._watch()

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        """Lend again."""
        await self.started.wait()
        return await self.guard.renew(renewal)

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        """Renew only this incarnation from now on."""
        await self.started.wait()
        await self.guard.enlist(wallet, incarnation)

    async def report(self) -> GuardReport:
        """How it does."""
        await self.started.wait()
        return self.guard.report(os.getpid())

    async def _watch(self) -> None:
        while True:
            try:
                await self.guard.watch()
            except TradingError as error:
                _log.error("the loss watch failed: %s", error)
            await self.clock.sleep(RETRY_S)


class KillSwitchHost(Host):
    """The kill switch."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        from cluster.store.sql import open_store

        fleet: FleetSpec
        (fleet,) = self.arguments
        store = open_store(fleet.store)
        self.incarnation = await store.next_number("kill_switch")
        self.clients: dict[WalletId, WalletClient] = {}
        self.switch = KillSwitch(store=store, reach=self._reach, clock=self.clock)
        await self.switch.start()
        return self.switch.run()

    async def trip(self, latch: Latch) -> int:
        """Halt."""
        await self.started.wait()
        return await self.switch.trip(latch)

    async def lift(self, scope: str, reason: str) -> int:
        """Take a halt off."""
        await self.started.wait()
        return await self.switch.lift(scope, reason)

    async def progress(self) -> HaltProgress:
        """How far the halts are."""
        await self.started.wait()
        return self.switch.progress()

    async def _reach(self, place: WalletPlace) -> WalletClient:
        if place.wallet not in self.clients:
            self.clients[place.wallet] = WalletClient(
                dial(wallet_name(place.wallet), WALLET_LINK, self.clock), self.clock
            )
        return self.clients[place.wallet]


def _node() -> str:
    return str(ray.get_runtime_context().get_node_id())


async def for_ever() -> None:
    """The work of a host that only answers."""
    await asyncio.Event().wait()
