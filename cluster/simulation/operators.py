"""The operator: deploys the fleet, halts and stops in between, and at the end asks for what was promised."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from actors.kill_switch import HaltProgress
from actors.ledger_events import Latch
from adapters.errors import TradingError
from adapters.model import BotId
from cluster.simulation.ground import CONTROL, Ground
from cluster.simulation.judge import Judge
from cluster.simulation.loop import Process
from cluster.simulation.wiring import KILL_SWITCH, SUPERVISOR
from config.spec import BotSpec, ExitMode, FleetSpec, HaltLevel

LOOK_S = 0.25
PATROL_S = 2.0


class Operator:
    """A person at the control host, who tries again until it works."""

    def __init__(self, ground: Ground, judge: Judge) -> None:
        self.process = Process("operator", CONTROL)
        self._ground = ground
        self._judge = judge
        self._halts: set[str] = set()
        self._stopped: set[str] = set()
        self._is_closing = False
        self._supervisor = ground.remote(self.process, SUPERVISOR)
        self._switch = ground.remote(self.process, KILL_SWITCH)

    # ── while faults happen ──────────────────────────────────────────────────────────────────────────────────────

    async def deploy(self, fleet: FleetSpec) -> None:
        """Bring the fleet up."""
        await self._insist(self._supervisor, "deploy", fleet)

    def halt_for(self, scope: str, level: str, seconds: float) -> bool:
        """Halt a scope for a while; not one that is halted already."""
        if scope in self._halts or self._is_closing:
            return False
        self._halts.add(scope)
        self._ground.begin(self.process, self._halt_for(scope, HaltLevel(level), seconds))
        return True

    def stop_for(self, bot: str, seconds: float) -> bool:
        """Stop a bot for a while."""
        if bot in self._stopped or self._is_closing:
            return False
        self._stopped.add(bot)
        self._ground.begin(self.process, self._stop_for(BotId(bot), seconds))
        return True

    async def _halt_for(self, scope: str, level: HaltLevel, seconds: float) -> None:
        await self.trip(scope, level)
        lifting = self._ground.loop.time() + seconds
        while self._ground.loop.time() < lifting and not self._is_closing:
            if await self.is_complete():
                self._judge.halted.add(scope)
                self._ground.trace.bite("halt complete")
                await asyncio.sleep(max(0.0, lifting - self._ground.loop.time()))
                break
            await asyncio.sleep(LOOK_S)
        if not self._is_closing:
            await self.lift(scope)
        self._halts.discard(scope)

    async def _stop_for(self, bot: BotId, seconds: float) -> None:
        await self._insist(self._supervisor, "set_wanted", [bot], False, None)
        await asyncio.sleep(seconds)
        if not self._is_closing:
            await self._insist(self._supervisor, "set_wanted", [bot], True, None)
        self._stopped.discard(bot)

    # ── what both phases use ─────────────────────────────────────────────────────────────────────────────────────

    async def trip(self, scope: str, level: HaltLevel) -> None:
        """Latch."""
        await self._insist(self._switch, "trip", Latch(scope, level, 0, "the operator wants it"))

    async def lift(self, scope: str) -> None:
        """Take a latch off; from the moment of asking, nothing is promised any more."""
        self._judge.halted.discard(scope)
        await self._insist(self._switch, "lift", scope, "the operator wants it")

    async def is_complete(self) -> bool:
        """Whether every wallet says that the halts hold."""
        progress = await self._progress()
        return progress is not None and progress.complete

    async def patrol(self) -> None:
        """Take off halts that the fleet set by itself: somebody has looked, and lets it trade again."""
        while not self._is_closing:
            await asyncio.sleep(PATROL_S)
            progress = await self._progress()
            for latch in progress.latches if progress is not None and not self._is_closing else ():
                if latch.scope not in self._halts:
                    await self.lift(latch.scope)

    async def lift_all(self) -> None:
        """Take every latch off, and start no halt any more."""
        self._is_closing = True
        while not await self.lift_some():  # noqa: ASYNC110  # nobody tells the operator
            await asyncio.sleep(LOOK_S)

    async def lift_some(self) -> bool:
        """Take off the latches that there are, the wallets' own too; says whether there were none."""
        progress = await self._progress()
        for latch in progress.latches if progress is not None else ():
            await self.lift(latch.scope)
        return progress is not None and not progress.latches

    async def stop(self, bots: Sequence[BotId], mode: ExitMode) -> None:
        """Stop bots."""
        await self._insist(self._supervisor, "set_wanted", bots, False, mode)

    async def reset(self, bots: Sequence[BotId]) -> None:
        """Forgive bots their deaths; who was halted meanwhile is let go first."""
        while not await self._try(self._supervisor, "reset", bots):
            await self.lift_some()

    async def add(self, bots: Sequence[BotSpec]) -> None:
        """Add bots."""
        await self._insist(self._supervisor, "add", bots)

    async def alive(self) -> Sequence[BotId] | None:
        """Bots whose stop is not complete; ``None`` when nobody answers."""
        try:
            bots: Sequence[BotId] = await self._supervisor.ask("alive")
        except TradingError:
            return None
        return bots

    async def _progress(self) -> HaltProgress | None:
        try:
            progress: HaltProgress = await self._switch.ask("progress")
        except TradingError:
            return None
        return progress

    async def _insist(self, remote: Any, method: str, *arguments: Any) -> None:
        while not await self._try(remote, method, *arguments):
            pass

    async def _try(self, remote: Any, method: str, *arguments: Any) -> bool:
        """Ask once; says whether it worked, after a moment where it did not."""
        try:
            await remote.ask(method, *arguments)
        except TradingError as error:
            self._ground.trace.add(self._ground.loop.time(), "operator", "RETRY", shown=f"{method}: {error}")
            await asyncio.sleep(LOOK_S)
            return False
        return True
