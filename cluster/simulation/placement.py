"""Which host an actor begins on, and who brings the control actors back: the simulated cluster's own part."""

from __future__ import annotations

import random
from collections.abc import Callable

from actors.processes import BotLaunch, WalletLaunch
from adapters.venue import Fence
from cluster.simulation import wiring
from cluster.simulation.faults import hosts
from cluster.simulation.ground import CONTROL, Actor, Ground
from cluster.simulation.loop import Process
from cluster.simulation.parts import Parts
from cluster.simulation.processes import SimProcesses
from config.spec import FleetSpec

RESTART_S = (0.3, 2.0)  # from a control actor's death to its next life


class Placement:
    """Implements ``Nursery``."""

    def __init__(self, ground: Ground, parts: Parts, fleet: FleetSpec, fence: Fence) -> None:
        self._fence = fence
        self._ground = ground
        self._parts = parts
        self._fleet = fleet
        self._draw = random.Random(f"{ground.seed}/placement")  # noqa: S311
        self._wallets = {wiring.wallet_name(wallet.name): f"host-{wallet.name}" for wallet in fleet.wallets}
        self._strays = {
            bot.name for bot in fleet.bots if self._draw.random() < 0.3
        }  # not beside their wallet
        self._services: dict[str, Callable[[Process], Actor]] = {}
        ground.on_death.append(self._restart)

    def begin(self) -> None:
        """Let the supervisor live; it brings the rest."""
        self._serve(wiring.SUPERVISOR, self._supervisor)

    def start_services(self, fleet: FleetSpec) -> None:
        ground, parts = self._ground, self._parts
        self._serve(wiring.MARKET_DATA, lambda process: wiring.MarketDataActor(ground, parts, process))
        self._serve(wiring.KILL_SWITCH, lambda process: wiring.KillSwitchActor(ground, parts, process))
        self._serve(wiring.RISK_GUARD, lambda process: wiring.RiskGuardActor(ground, parts, process, fleet))

    def bear_bot(self, launch: BotLaunch) -> Actor:
        host = self._wallets[wiring.wallet_name(launch.spec.wallet)]
        if launch.spec.name in self._strays:
            host = CONTROL
        return self._ground.spawn(
            wiring.bot_name(launch.spec.name),
            host,
            lambda process: wiring.BotActor(self._ground, self._parts, process, launch),
        )

    def bear_wallet(self, launch: WalletLaunch) -> Actor:
        name = wiring.wallet_name(launch.spec.name)
        return self._ground.spawn(
            name,
            self._wallets[name],
            lambda process: wiring.WalletActor(self._ground, self._parts, process, launch, self._fence),
        )

    def move(self, wallet: str) -> None:
        """From now on the wallet begins on another host, which may never have seen it."""
        others = [host for host in hosts(self._fleet)[2:] if host != self._wallets[wallet]]
        self._wallets[wallet] = self._draw.choice(others)

    def booted(self, host: str) -> None:
        """A host is up again."""
        if host == CONTROL:
            for name in self._services:
                self._revive(name)

    def _supervisor(self, process: Process) -> Actor:
        def processes(process: Process) -> SimProcesses:
            return SimProcesses(self._ground, process, self)

        return wiring.SupervisorActor(self._ground, self._parts, process, processes)

    def _serve(self, name: str, make: Callable[[Process], Actor]) -> None:
        if name not in self._services:
            self._services[name] = make
            self._revive(name)

    def _restart(self, actor: Actor) -> None:
        if actor.process.name in self._services:
            self._ground.after(self._draw.uniform(*RESTART_S), self._revive, actor.process.name)

    def _revive(self, name: str) -> None:
        if name not in self._ground.living and self._ground.hosts[CONTROL].is_up:
            self._ground.spawn(name, CONTROL, self._services[name])
