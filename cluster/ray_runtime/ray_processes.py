"""Processes as Ray actors: spawned, found by name, watched by a call that never ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from actors.bot import BotReport
from actors.ledger_events import Latch
from actors.messages import WALLET_LINK, Admit, Retire, Retired, WalletReport
from actors.processes import BotLaunch, BotProcess, WalletLaunch, WalletProcess, Whereabouts
from actors.store import FleetStore
from actors.wallet_client import WalletClient
from adapters.clock import SystemClock
from adapters.errors import LinkError, TradingError
from adapters.model import BotId, WalletId
from cluster.home import Home
from cluster.ray_runtime.bot_host import BotHost
from cluster.ray_runtime.calls import answer, find
from cluster.ray_runtime.decision_hosts import DecisionHost, DecisionMemberHost
from cluster.ray_runtime.guard_hosts import KillSwitchHost, RiskGuardHost
from cluster.ray_runtime.links import dial
from cluster.ray_runtime.market_hosts import ExchangeHost, MarketDataHost
from cluster.ray_runtime.naming import (
    CONTROL_GROUP,
    DECISION,
    EXCHANGE,
    KILL_SWITCH,
    MARKET_DATA,
    RECORDER,
    RISK_GUARD,
    bot_name,
    control_options,
    member_name,
    member_options,
    supervised_options,
    wallet_name,
)
from cluster.ray_runtime.packages import working_dir
from cluster.ray_runtime.recorder_host import RecorderHost
from cluster.ray_runtime.remote import Remote, RemoteHalts
from cluster.ray_runtime.wallet_host import WalletHost
from config.spec import FleetSpec
from risk.results import RoundTrip
from strategies.strategy import Irrecoverable

ANSWER_MAX_S = 2.0
START_MAX_S = 60.0
NAME_FREE_MAX_S = 10.0


def actor_class(host: type) -> Any:
    """A host as a Ray actor class."""
    return ray.remote(concurrency_groups=CONTROL_GROUP)(host)  # type: ignore[call-overload]  # stub lacks it


class RayProcess:
    """One supervised actor."""

    def __init__(self, name: str, handle: Any, incarnation: int) -> None:
        self._name = name
        self._handle = handle
        self.incarnation = incarnation

    async def ended(self) -> str:
        """Returns within milliseconds of the death; a process that only ended its work is killed then.

        Raises:
            Irrecoverable: its strategy gave up.
        """
        irrecoverable = False
        try:
            reason = str(await self._handle.ended.remote())
        except (RayError, TradingError) as error:
            irrecoverable = isinstance(getattr(error, "cause", error), Irrecoverable)
            reason = str(getattr(error, "cause", error)) if irrecoverable else _why(error)
        await self.kill()
        if irrecoverable:
            raise Irrecoverable(reason)
        return reason

    async def kill(self) -> None:
        """SIGKILL, and the name is free."""
        ray.kill(self._handle)


class RayBot(RayProcess):
    """A bot. Implements ``BotProcess``."""

    async def report(self, *, timeout_s: float) -> BotReport:
        beat: BotReport = await answer(self._handle.report.remote(), timeout_s=timeout_s, what=self._name)
        return beat

    async def stop(self) -> None:
        self._handle.stop.remote()


class RayWallet(RayProcess):
    """A wallet. Implements ``WalletProcess``; speaks over its link like everybody else."""

    def __init__(self, wallet: WalletId, handle: Any, incarnation: int) -> None:
        name = wallet_name(wallet)
        super().__init__(name, handle, incarnation)
        clock = SystemClock()
        self._client = WalletClient(dial(name, WALLET_LINK, clock), clock)

    async def report(self, *, fresh: bool = False) -> WalletReport:
        return await self._client.report(fresh=fresh)

    async def trips(self, bot: BotId) -> Sequence[RoundTrip]:
        return await self._client.trips(bot)

    async def admit(self, admit: Admit) -> None:
        await self._client.admit(admit)

    async def retire(self, retire: Retire) -> Retired:
        return await self._client.retire(retire)


class RayProcesses:
    """Implements ``Processes``."""

    def __init__(self, home: Home, store: FleetStore) -> None:
        self._home = str(home.path)
        self._store = store
        self._guard = Remote(RISK_GUARD)
        self._halts = RemoteHalts()
        self._services: dict[str, Remote] = {}

    async def start_services(self, fleet: FleetSpec) -> None:
        needs_paper = any(wallet.mode == "paper" for wallet in fleet.wallets)
        control = {
            **({EXCHANGE: ExchangeHost} if needs_paper else {}),
            MARKET_DATA: MarketDataHost,
            RECORDER: RecorderHost,
            KILL_SWITCH: KillSwitchHost,
            RISK_GUARD: RiskGuardHost,
            DECISION: DecisionHost,
        }
        members = [member_name(number) for number in range(fleet.decision_actors)]
        started = [
            actor_class(host).options(**control_options(name)).remote(name, self._home, fleet)
            for name, host in control.items()
        ]
        started += [
            actor_class(DecisionMemberHost).options(**member_options(name)).remote(name, self._home)
            for name in members
        ]
        self._services = {name: Remote(name) for name in (*control, *members)}
        await asyncio.gather(
            *(answer(actor.start.remote(), timeout_s=START_MAX_S, what="a service") for actor in started)
        )

    async def services(self) -> Mapping[str, Whereabouts]:
        async def ask(name: str, service: Remote) -> tuple[str, Whereabouts | None]:
            try:
                return name, await service.ask("whereabouts", timeout_s=ANSWER_MAX_S)
            except LinkError:
                return name, None

        answers = await asyncio.gather(*(ask(name, service) for name, service in self._services.items()))
        return {name: place for name, place in answers if place is not None}

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        await self._guard.ask("enlist", wallet, incarnation)

    async def trip(self, latch: Latch) -> None:
        await self._halts.trip(latch)

    async def spawn_bot(self, launch: BotLaunch) -> BotProcess:
        name = bot_name(launch.spec.name)
        environment = {}
        if launch.spec.package:
            package = await self._store.load_package(launch.spec.package)
            if package is None:
                raise LinkError(f"the store has no package {launch.spec.package[:12]} of {launch.spec.name}")
            environment = {"working_dir": await working_dir(launch.spec.package, package)}
        handle = await self._create(BotHost, name, environment, launch)
        return RayBot(name, handle, launch.incarnation)

    async def find_bot(self, bot: BotId) -> BotProcess | None:
        found = await self._find(bot_name(bot))
        return RayBot(bot_name(bot), *found) if found else None

    async def spawn_wallet(self, launch: WalletLaunch) -> WalletProcess:
        name = wallet_name(launch.spec.name)
        handle = await self._create(WalletHost, name, {}, launch)
        return RayWallet(launch.spec.name, handle, launch.incarnation)

    async def find_wallet(self, wallet: WalletId) -> WalletProcess | None:
        found = await self._find(wallet_name(wallet))
        return RayWallet(wallet, *found) if found else None

    async def _create(self, host: type, name: str, environment: dict[str, Any], launch: Any) -> Any:
        """Create under a name that a predecessor may still be giving up."""
        deadline = time.monotonic() + NAME_FREE_MAX_S
        while True:
            try:
                options = supervised_options(name)
                return (
                    actor_class(host)
                    .options(**options, runtime_env=environment)
                    .remote(name, self._home, launch)
                )
            except ValueError as error:  # Ray's word for a name that is taken
                if time.monotonic() > deadline:
                    raise LinkError(f"the name {name} is still taken") from error
                await asyncio.sleep(0.05)
            except RayError as error:
                raise LinkError(f"cannot create {name}: {error}") from error

    async def _find(self, name: str) -> tuple[Any, int] | None:
        """The living actor and its incarnation. One that does not say a word is ended: it would keep the name."""
        try:
            handle = find(name)
        except LinkError:
            return None
        try:
            place: Whereabouts = await answer(
                handle.whereabouts.remote(), timeout_s=5 * ANSWER_MAX_S, what=name
            )
        except LinkError:
            ray.kill(handle)
            return None
        return handle, place.incarnation


def _why(error: BaseException) -> str:
    text = str(getattr(error, "cause", error)).strip()
    first = text.splitlines()[0] if text else type(error).__name__
    return f"its process died ({first})"
