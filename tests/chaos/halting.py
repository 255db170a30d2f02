"""Halts and resumes through the command line while everything around them dies, as an operator would insist on them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cluster.exit_codes import ExitCode
from tests.chaos.schedule import PlannedHalt
from tests.chaos.verdict import HaltSpan, Span
from tests.ray.fleet import Fleet

PATIENCE_S = 90.0  # for a command that is repeated until it is done
COMMAND_MAX_S = 60.0


@dataclass(slots=True)
class Operator:
    """Calls ``flotilla`` as a process of its own, for each command."""

    fleet: Fleet
    halts: list[HaltSpan] = field(default_factory=list)
    completed_s: list[float] = field(default_factory=list)  # from the command to its complete report
    refused: list[str] = field(default_factory=list)  # commands that were never done

    async def run(self, planned: Iterable[PlannedHalt], began: float) -> None:
        """Every planned halt, one after another, each lifted again."""
        for halt in planned:
            await asyncio.sleep(max(0.0, began + halt.at_s - time.monotonic()))
            asked = time.monotonic()
            command = ("halt", halt.scope, "--level", halt.level, "--reason", "chaos", "--wait-s", "30")
            is_complete = await self.insist(*command)
            complete, took_s = datetime.now(UTC), time.monotonic() - asked
            if is_complete:
                self.completed_s.append(took_s)
                await asyncio.sleep(halt.hold_s)
            lifting = datetime.now(UTC)
            if is_complete:
                self.halts.append(
                    HaltSpan(scope=halt.scope, level=halt.level, span=Span(start=complete, end=lifting))
                )
            await self.lift(halt.scope)

    async def lift(self, scope: str) -> None:
        """Resume a scope; one that is not halted is as good."""
        await self.insist("resume", scope, "--yes", fine=(ExitCode.OK, ExitCode.NOT_FOUND))

    async def insist(self, *command: str, fine: tuple[int, ...] = (ExitCode.OK,)) -> bool:
        """Repeat a command until it is done, or too late."""
        deadline, said = time.monotonic() + PATIENCE_S, ""
        while time.monotonic() < deadline:
            code, said = await self.call(*command)
            if code in fine:
                return True
        self.refused.append(f"{' '.join(command)}: {said}")
        return False

    async def call(self, *command: str) -> tuple[int, str]:
        """One command: its exit code, and what it said on its error output."""
        process = await asyncio.create_subprocess_exec(
            *self.fleet.command(*command),
            env=self.fleet.environ,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # the terminal's Ctrl-C is ours
        )
        try:
            async with asyncio.timeout(COMMAND_MAX_S):
                _, said = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return ExitCode.FAILED, f"no answer within {COMMAND_MAX_S:g} s"
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        return process.returncode or 0, said.decode().strip()[-300:]
