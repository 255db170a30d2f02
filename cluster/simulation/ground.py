"""What the actors of a simulated fleet stand on: hosts, the list of who lives where, and ways to reach them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.clock import Clock
from adapters.errors import LinkError
from adapters.link import Dial, Protocols, SessionFactory
from cluster.simulation import links
from cluster.simulation.calls import Calls, Remote
from cluster.simulation.chronicle import Trace
from cluster.simulation.clocks import HostClock
from cluster.simulation.disk import Disk
from cluster.simulation.loop import Process, SimLoop
from cluster.simulation.network import Network
from cluster.simulation.store import ControlDisk

CONTROL, VENUE = "control", "venue"
SIGNAL_S = 0.005  # until a signal has arrived
LOOK_S = 0.25  # between two looks of the cluster at what it cannot reach


@dataclass(slots=True)
class Host:
    """One machine."""

    name: str
    clock: HostClock
    disk: Disk
    is_up: bool = True


class Actor(Protocol):
    """What runs in a process."""

    process: Process
    listener: links.Listener | None

    async def start(self) -> None:
        """Begin, and work from then on."""
        ...


@dataclass(slots=True)
class Ground:
    """One run's machines and processes."""

    seed: int
    loop: SimLoop
    network: Network
    trace: Trace
    control_disk: ControlDisk
    hosts: dict[str, Host] = field(default_factory=dict)
    living: dict[str, Actor] = field(default_factory=dict)  # by name, as the cluster knows them
    processes: list[Process] = field(default_factory=list)  # all that ever were, of those that may still run
    on_death: list[Callable[[Actor], None]] = field(default_factory=list)
    _watched: dict[Process, list[tuple[Process, asyncio.Future[str]]]] = field(default_factory=dict)
    _pids: int = 0

    @classmethod
    def make(cls, seed: int, hosts: Iterable[str], ttl_s: float) -> Ground:
        """Machines without processes."""
        loop, trace = SimLoop(seed), Trace()
        ground = cls(
            seed,
            loop,
            Network(loop, seed, ttl_s, trace),
            trace,
            ControlDisk(loop, f"{seed}/store", trace.bite),
        )
        draw = random.Random(f"{seed}/hosts")  # noqa: S311
        for name in hosts:
            disk = Disk(loop, random.Random(f"{seed}/disk/{name}"), trace.bite)  # noqa: S311
            ground.hosts[name] = Host(name, HostClock(loop, draw.uniform(0, 1e5)), disk)
        return ground

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────

    def spawn(self, name: str, host: str, make: Callable[[Process], Actor]) -> Actor:
        """Start an actor in a process of its own, under a name that is free. Raises ``LinkError`` without a host."""
        if not self.hosts[host].is_up:
            raise LinkError(f"{host} is down: {name} cannot be started there")
        self._pids += 1
        process = Process(name, host, self._pids)
        actor = process.context.run(make, process)
        self.living[name] = actor
        self.processes = [other for other in self.processes if other.alive]
        self.processes.append(process)
        process.endings.append(lambda: self._died(actor))
        self.trace.add(self.loop.time(), str(process), "BORN", shown=host)
        self.begin(process, actor.start())
        return actor

    def begin(self, process: Process, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the process."""
        self.loop.call_soon(self._begin, work, context=process.context)

    def end(self, process: Process) -> None:
        """SIGKILL, from outside."""
        self.loop.kill(process)

    def forget(self, actor: Actor) -> None:
        """The cluster takes it for dead, whatever it is: its name is free."""
        if self.living.get(actor.process.name) is actor:
            del self.living[actor.process.name]
            for watcher, gone in self._watched.pop(actor.process, []):
                self._tell_of_death(actor.process, watcher, gone)

    def watch(self, actor: Actor, watcher: Process) -> asyncio.Future[str]:
        """Done soon after the cluster knows of the actor's death, and the watcher can know it; why it is dead."""
        gone: asyncio.Future[str] = self.loop.create_future()
        if self.living.get(actor.process.name) is actor:
            self._watched.setdefault(actor.process, []).append((watcher, gone))
        else:
            self._tell_of_death(actor.process, watcher, gone)
        return gone

    def take_down(self, name: str, killer: Process) -> bool:
        """SIGKILL by the cluster: the name is free at once, the signal takes its way. Says whether there was one."""
        actor = self.living.get(name)
        if actor is not None:
            self.take_down_process(actor, killer)
        return actor is not None

    def take_down_process(self, actor: Actor, killer: Process) -> None:
        """The same of one process, whoever bears the name by now."""
        self.forget(actor)
        if actor.process.alive:
            self._signal(actor.process, killer)

    def at(self, when_s: float, act: Callable[..., None], *arguments: Any) -> None:
        """Let the world itself do something, outside of all processes."""
        self.loop.call_at(when_s, act, *arguments, context=Context())

    def after(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        """See ``at``."""
        self.at(self.loop.time() + seconds, act, *arguments)

    def _tell_of_death(self, process: Process, watcher: Process, gone: asyncio.Future[str]) -> None:
        if self.network.is_cut(process, watcher) and not process.alive:
            self.after(LOOK_S, self._tell_of_death, process, watcher, gone)
            return
        why = "its node is lost" if process.alive else "its process died"
        self.loop.call_later(links.BREAK_S, _settle, gone, why, context=watcher.context)

    def _signal(self, process: Process, killer: Process) -> None:
        """It reaches frozen processes too; where there is no way, the cluster tries again."""
        if self.network.is_cut(killer, process):
            self.after(LOOK_S, self._signal, process, killer)
        else:
            self.after(SIGNAL_S, self.end, process)

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.create_task(work)

    def _died(self, actor: Actor) -> None:
        self.trace.add(self.loop.time(), str(actor.process), "DIED")
        self.forget(actor)
        for tell in self.on_death:
            tell(actor)

    # ── ways ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def clock(self, process: Process) -> Clock:
        """What the process reads."""
        return self.hosts[process.host].clock

    def listen(
        self, process: Process, protocols: Protocols, open_session: SessionFactory, *, is_ordered: bool = True
    ) -> links.Listener:
        """The process's serving end."""
        return links.Listener(process, protocols, self.clock(process), open_session, is_ordered=is_ordered)

    def find(self, name: str) -> Actor:
        """The named actor. Raises ``LinkError`` when there is none."""
        actor = self.living.get(name)
        if actor is None:
            raise LinkError(f"there is no actor {name}")
        return actor

    def dial(self, process: Process, name: str) -> Dial:
        """How the process reaches a named actor's link."""

        def find() -> links.Listener:
            listener = self.find(name).listener
            if listener is None:
                raise LinkError(f"{name} does not serve yet")
            return listener

        return links.dial(self.network, find, self.clock(process))

    def remote(self, process: Process, name: str, timeout_s: float = 5.0) -> Remote:
        """How the process calls a named actor."""

        def find() -> tuple[Process, Actor]:
            actor = self.find(name)
            return actor.process, actor

        return Remote(Calls(self.network, process), find, timeout_s)


def _settle(future: asyncio.Future[str], result: str) -> None:
    if not future.done():
        future.set_result(result)
