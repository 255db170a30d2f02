"""Processes as the supervisor sees them, in the simulated cluster. Implements ``actors.processes.Processes``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from actors.bot import BotReport
from actors.ledger_events import Latch
from actors.messages import Admit, Retire, Retired, WalletReport
from actors.processes import BotLaunch, BotProcess, WalletLaunch, WalletProcess, Whereabouts
from actors.wallet_client import WalletClient
from adapters.errors import LinkError
from adapters.model import BotId, WalletId
from cluster.simulation.calls import Calls
from cluster.simulation.ground import Actor, Ground
from cluster.simulation.loop import Process
from config.spec import FleetSpec
from risk.results import RoundTrip

FOUND_MAX_S = 10.0
NAME_FREE_MAX_S = 10.0
LOOK_S = 0.25  # until what did not reach a process is tried again


class Nursery(Protocol):
    """Where the fleet's actors come from, and on which hosts they begin. Raises ``LinkError`` where a host is down."""

    def start_services(self, fleet: FleetSpec) -> None: ...

    def bear_bot(self, launch: BotLaunch) -> Actor: ...

    def bear_wallet(self, launch: WalletLaunch) -> Actor: ...


class SimProcess:
    """One supervised process, as its supervisor holds it."""

    def __init__(self, ground: Ground, calls: Calls, actor: Actor, incarnation: int) -> None:
        self.incarnation = incarnation
        self._ground = ground
        self._calls = calls
        self._actor = actor

    async def ended(self) -> str:
        """Returns soon after the death, or when the cluster takes the process for dead. Raises ``Irrecoverable``."""
        try:
            return await self._told()
        finally:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        self._ground.take_down_process(self._actor, self._calls.caller)

    async def _told(self) -> str:
        gone = self._ground.watch(self._actor, self._calls.caller)
        telling = asyncio.create_task(self._ask())
        try:
            await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
            return gone.result() if gone.done() else telling.result()
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _ask(self) -> str:
        """A call that ends with what it asks for; a lost one is asked again."""
        while True:
            try:
                return str(await self._calls.ask(self._actor.process, self._actor, "ended"))
            except LinkError:
                await asyncio.sleep(LOOK_S)


class SimBot(SimProcess):
    """A bot. Implements ``BotProcess``."""

    async def report(self, *, timeout_s: float) -> BotReport:
        beat: BotReport = await self._calls.ask(
            self._actor.process, self._actor, "report", timeout_s=timeout_s
        )
        return beat

    async def stop(self) -> None:
        self._ground.begin(self._calls.caller, self._stop())

    async def _stop(self) -> None:
        try:
            await self._calls.ask(self._actor.process, self._actor, "stop")
        except LinkError:
            return  # nobody waits for it: its grace ends, and then it is killed


class SimWallet(SimProcess):
    """A wallet. Implements ``WalletProcess``; speaks over its link like everybody else."""

    def __init__(
        self, ground: Ground, calls: Calls, actor: Actor, incarnation: int, client: WalletClient
    ) -> None:
        super().__init__(ground, calls, actor, incarnation)
        self._client = client

    async def report(self, *, fresh: bool = False) -> WalletReport:
        return await self._client.report(fresh=fresh)

    async def trips(self, bot: BotId) -> Sequence[RoundTrip]:
        return await self._client.trips(bot)

    async def admit(self, admit: Admit) -> None:
        await self._client.admit(admit)

    async def retire(self, retire: Retire) -> Retired:
        return await self._client.retire(retire)


class SimProcesses:
    """See the module.

    Args:
        ground: where processes run.
        process: the supervisor's own.
        nursery: where actors come from.
    """

    def __init__(self, ground: Ground, process: Process, nursery: Nursery) -> None:
        self._ground = ground
        self._process = process
        self._nursery = nursery
        self._calls = Calls(ground.network, process)

    async def start_services(self, fleet: FleetSpec) -> None:
        self._nursery.start_services(fleet)

    async def services(self) -> Mapping[str, Whereabouts]:
        return {}

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        await self._ground.remote(self._process, "risk-guard").ask("enlist", wallet, incarnation)

    async def trip(self, latch: Latch) -> None:
        await self._ground.remote(self._process, "kill-switch").ask("trip", latch)

    async def spawn_bot(self, launch: BotLaunch) -> BotProcess:
        name = f"bot:{launch.spec.name}"
        actor = await self._create(name, lambda: self._nursery.bear_bot(launch))
        return SimBot(self._ground, self._calls, actor, launch.incarnation)

    async def find_bot(self, bot: BotId) -> BotProcess | None:
        found = await self._find(f"bot:{bot}")
        return SimBot(self._ground, self._calls, *found) if found else None

    async def spawn_wallet(self, launch: WalletLaunch) -> WalletProcess:
        name = f"wallet:{launch.spec.name}"
        actor = await self._create(name, lambda: self._nursery.bear_wallet(launch))
        return self._wallet(launch.spec.name, actor, launch.incarnation)

    async def find_wallet(self, wallet: WalletId) -> WalletProcess | None:
        found = await self._find(f"wallet:{wallet}")
        return self._wallet(wallet, *found) if found else None

    def _wallet(self, wallet: WalletId, actor: Actor, incarnation: int) -> SimWallet:
        dial = self._ground.dial(self._process, f"wallet:{wallet}")
        client = WalletClient(dial, self._ground.clock(self._process))
        return SimWallet(self._ground, self._calls, actor, incarnation, client)

    async def _create(self, name: str, bear: Callable[[], Actor]) -> Actor:
        """Create under a name that a predecessor may still be giving up."""
        loop = self._ground.loop
        deadline = loop.time() + NAME_FREE_MAX_S
        while name in self._ground.living:
            if loop.time() > deadline:
                raise LinkError(f"the name {name} is still taken")
            await asyncio.sleep(0.05)
        return bear()

    async def _find(self, name: str) -> tuple[Actor, int] | None:
        """The living actor and its incarnation. One that does not say a word is ended: it would keep the name."""
        actor = self._ground.living.get(name)
        if actor is None:
            return None
        try:
            place: Whereabouts = await self._calls.ask(
                actor.process, actor, "whereabouts", timeout_s=FOUND_MAX_S
            )
        except LinkError:
            await SimProcess(self._ground, self._calls, actor, 0).kill()
            return None
        return actor, place.incarnation
