"""Hurts processes as planned, and takes the time until each is well again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.chaos.probes import Probes
from tests.chaos.schedule import Draw, Hurt, Planned

POLL_S = 0.1
TRIES = 8  # other victims that are drawn when the first does not answer
RECOVERY_MAX_S = 60.0


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault that bit, and what came of it."""

    hurt: Hurt
    kind: str  # of the actor
    actor: str
    pid: int
    began: datetime
    for_s: float  # how long it was stopped
    ended: datetime | None = None  # when it was well again
    recovery_s: float | None = None  # from the signal, or from SIGCONT; ``None``: it never was


@dataclass(slots=True)
class Injector:
    """One per run. ``release`` must be called at its end, whatever happens."""

    probes: Probes
    draw: Draw
    faults: list[Fault] = field(default_factory=list)
    missed: int = 0  # instants at which nobody was there to be hurt
    _stopped: dict[int, int] = field(default_factory=dict)  # descriptors of stopped processes, by pid

    async def run(self, instants: list[float], began: float) -> None:
        """Every planned fault at its instant; returns when the last one has been recovered from."""
        async with asyncio.TaskGroup() as group:
            for at_s in instants:
                await asyncio.sleep(max(0.0, began + at_s - time.monotonic()))
                group.create_task(self._hurt_somebody(at_s, group))

    def release(self) -> None:
        """Let every stopped process go on."""
        for pid in list(self._stopped):
            self._go_on(pid)

    async def _hurt_somebody(self, at_s: float, group: asyncio.TaskGroup) -> None:
        for _ in range(TRIES):
            planned = self.draw.fault(at_s)
            pid = await self.probes.pid(planned.actor)
            if pid is None or pid in self._stopped:
                continue
            with contextlib.suppress(ProcessLookupError):
                group.create_task(self._follow(self._strike(planned, pid)))
                return
        self.missed += 1

    def _strike(self, planned: Planned, pid: int) -> Fault:
        """Send the signal to the very process that answered. Raises ``ProcessLookupError``."""
        descriptor = os.pidfd_open(pid)
        try:
            kills = planned.hurt is Hurt.KILL
            signal.pidfd_send_signal(descriptor, signal.SIGKILL if kills else signal.SIGSTOP)
        except BaseException:
            os.close(descriptor)
            raise
        if kills:
            os.close(descriptor)
        else:
            self._stopped[pid] = descriptor
        fault = Fault(
            hurt=planned.hurt,
            kind=planned.kind,
            actor=planned.actor,
            pid=pid,
            began=datetime.now(UTC),
            for_s=planned.for_s,
        )
        self.faults.append(fault)
        return fault

    async def _follow(self, fault: Fault) -> None:
        if fault.hurt is not Hurt.KILL:
            await asyncio.sleep(fault.for_s)
            self._go_on(fault.pid)
        since = time.monotonic()
        while time.monotonic() < since + RECOVERY_MAX_S:
            pid = await self.probes.healthy_pid(fault.actor)
            if pid is not None and (fault.hurt is not Hurt.KILL or pid != fault.pid):
                fault.recovery_s = time.monotonic() - since
                break
            await asyncio.sleep(POLL_S)
        fault.ended = datetime.now(UTC)

    def _go_on(self, pid: int) -> None:
        descriptor = self._stopped.pop(pid, None)
        if descriptor is not None:
            with contextlib.suppress(ProcessLookupError):  # it was replaced meanwhile
                signal.pidfd_send_signal(descriptor, signal.SIGCONT)
            os.close(descriptor)
