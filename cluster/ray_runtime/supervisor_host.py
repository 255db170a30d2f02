"""The supervisor's host: the operator's way in. Only operators call it, so only they pay for what it imports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from actors.messages import CycleRecord
from actors.status import FleetStatus
from actors.store import EquityPoint, Event
from actors.supervisor import Supervisor
from adapters.errors import LinkError, TradingError
from adapters.model import BotId
from cluster.build import code_digest
from cluster.fleet_status import fleet_status
from cluster.metrics_server import serving_metrics
from cluster.ray_runtime.host import Host
from cluster.ray_runtime.ray_processes import RayProcesses
from cluster.store.sql import SqlStore, open_store
from config.identity import identity
from config.spec import BotSpec, ExitMode, FleetSpec
from risk.results import RoundTrip

EQUITY_S = 5.0
METRICS_S = 5.0  # between two looks at whether the port is still wanted
_log = logging.getLogger(__name__)


class SupervisorHost(Host):
    """The supervisor, and the operator's way in."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        url: str
        (url,) = self.arguments
        self.store: SqlStore = open_store(url)
        self.incarnation = await self.store.next_number("supervisor")
        self.processes = RayProcesses(self.home, self.store)
        self.supervisor = Supervisor(
            store=self.store,
            processes=self.processes,
            clock=self.clock,
            identify=partial(identity, code=code_digest()),
        )
        await self.supervisor.start()
        return self._run()

    async def deploy(self, fleet: FleetSpec, packages: Mapping[str, bytes]) -> None:
        """Make the fleet what the file says."""
        await self.started.wait()
        await self._keep(packages)
        await self.supervisor.deploy(fleet)

    async def add(self, bots: Sequence[BotSpec], packages: Mapping[str, bytes]) -> None:
        """Add bots, all or none."""
        await self.started.wait()
        await self._keep(packages)
        await self.supervisor.add(bots)

    async def set_wanted(self, names: Sequence[BotId], wanted: bool, mode: ExitMode | None) -> None:
        """Start or stop bots."""
        await self.started.wait()
        await self.supervisor.set_wanted(names, wanted, mode)

    async def remove(self, name: BotId) -> None:
        """Forget a bot that is down."""
        await self.started.wait()
        await self.supervisor.remove(name)

    async def reset(self, names: Sequence[BotId]) -> None:
        """Let bots in ERROR begin again."""
        await self.started.wait()
        await self.supervisor.reset(names)

    async def go_down(self) -> Sequence[BotId]:
        """Stop every bot; the answer names those whose stop is not complete."""
        await self.started.wait()
        return await self.supervisor.go_down()

    async def fleet(self) -> FleetSpec | None:
        """The fleet with its bots, for checks against it."""
        await self.started.wait()
        fleet = self.supervisor.fleet
        bots = tuple(keeper.spec for keeper in self.supervisor.bots.values())
        return fleet and replace(fleet, bots=bots)

    async def status(self) -> FleetStatus | None:
        """The fleet at this instant."""
        await self.started.wait()
        await asyncio.gather(*(keeper.refresh() for keeper in self.supervisor.wallets.values()))
        services = await self.processes.services()
        return fleet_status(self.supervisor, {**services, "supervisor": self.here}, self.clock)

    async def read_cycles(self, bot: BotId, cycle: int | None, limit: int) -> Sequence[CycleRecord]:
        """Cycle records, newest first."""
        await self.started.wait()
        return await self.store.cycles(bot, cycle=cycle, limit=limit)

    async def read_trips(self, bot: BotId) -> Sequence[RoundTrip]:
        """A bot's last round trips by its wallet's books, oldest first. Raises ``LinkError`` while that is down."""
        await self.started.wait()
        process = self.supervisor.wallets[self.supervisor.bots[bot].spec.wallet].process
        if process is None:
            raise LinkError(f"the wallet of {bot} is down")
        return await process.trips(bot)

    async def read_events(self, bot: str | None, limit: int) -> Sequence[Event]:
        """Lines of the fleet's life, newest first."""
        await self.started.wait()
        return await self.store.events(bot=bot, limit=limit)

    async def _keep(self, packages: Mapping[str, bytes]) -> None:
        for digest, package in packages.items():
            await self.store.save_package(digest, package)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.supervisor.run())
            group.create_task(self._equity())
            group.create_task(self._metrics())

    async def _as_reported(self) -> FleetStatus | None:
        return fleet_status(self.supervisor, {}, self.clock)

    async def _metrics(self) -> None:
        """Serve the numbers at the port that the fleet in force names, if it names one."""
        while True:
            fleet = self.supervisor.fleet
            port = fleet.metrics_port if fleet else None
            if port is not None:
                try:
                    async with serving_metrics(port, self._as_reported):
                        while (
                            self.supervisor.fleet is not None and self.supervisor.fleet.metrics_port == port
                        ):
                            await self.clock.sleep(METRICS_S)
                except OSError as error:
                    _log.warning("no metrics: %s", error)
            await self.clock.sleep(METRICS_S)

    async def _equity(self) -> None:
        while True:
            await self.clock.sleep(EQUITY_S)
            at = self.clock.now()
            points = [
                EquityPoint(at, name, keeper.report.equity_usd, keeper.report.exposure_usd)
                for name, keeper in self.supervisor.wallets.items()
                if keeper.report is not None and keeper.report.equity_usd is not None
            ]
            try:
                await self.store.add_equity(points)
            except TradingError as error:
                _log.warning("equity points: %s", error)
