"""An event loop without a machine: virtual time, a seeded order, and processes that can be killed and frozen.

Time goes on only when nothing is left to do at the present instant; what can run at one instant runs in an order drawn
from the seed. Every callback belongs to the process in whose context it was made. A killed process's callbacks are
never run again, so no ``finally`` of its coroutines has any effect; a frozen one's wait until it is thawed.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import heapq
import random
import sys
import warnings
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack, cast

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
TASKS_PRUNED_AT = 2_000


class Killed(BaseException):
    """Ends the step in which a process was killed. Nobody may catch it for good: the process is gone."""


class Process:
    """One operating system process of the simulated fleet.

    Args:
        name: the actor that it runs.
        host: the machine that it runs on.
        number: its pid: no two processes of a run share it.
    """

    __slots__ = ("alive", "burnt", "context", "endings", "frozen", "fuse", "held", "host", "name", "number")

    def __init__(self, name: str, host: str, number: int = 0) -> None:
        self.name = name
        self.host = host
        self.number = number
        self.alive = True
        self.frozen = False
        self.fuse = 0  # steps until ``burnt`` is called; 0 for never
        self.burnt: Callable[[], None] = _nothing
        self.held: list[Wake] = []  # what waits for its thaw
        self.endings: list[Callable[[], None]] = []  # called once, when it is killed
        self.context = contextvars.Context()
        self.context.run(PROCESS.set, self)

    def __repr__(self) -> str:
        return f"{self.name}#{self.number}"


PROCESS: contextvars.ContextVar[Process] = contextvars.ContextVar("PROCESS")


class Wake(asyncio.TimerHandle):
    """One callback that is to run."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "when_s")

    def __init__(
        self, when_s: float, callback: Callable[..., Any], args: Any, context: contextvars.Context | None
    ) -> None:
        self.when_s = when_s
        self.callback = callback
        self.args = args
        self.context = contextvars.copy_context() if context is None else context
        self.is_cancelled = False

    def __repr__(self) -> str:
        return f"<Wake {self.callback!r} at {self.when_s}>"

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self.when_s


class SimTask(asyncio.Task[T]):
    """A task that sets of tasks hold in an order that does not depend on addresses in memory."""

    def __init__(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        number: int,
        loop: SimLoop,
        name: object,
        context: contextvars.Context | None,
    ) -> None:
        self.number = number  # first, since asyncio puts the task into a set at once
        super().__init__(coro, loop=loop, name=str(name or ""), context=context)

    def __hash__(self) -> int:
        return self.number


class VirtualExecutor(Executor):
    """Where blocking work is done in virtual time."""

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have it done in a while, for the running process."""
        raise AssertionError("whoever keeps the disk has its own")


class SimLoop(asyncio.BaseEventLoop):
    """See the module.

    Args:
        seed: of the order of what can run at one instant.
    """

    def __init__(self, seed: int) -> None:
        self.steps = 0
        self._now = 0.0
        self._random = random.Random(seed).random  # noqa: S311
        self._ready: list[Wake] = []
        self._timers: list[tuple[float, int, Wake]] = []
        self._numbers = 0
        self._tasks: list[SimTask[Any]] = []
        self._prune_at = TASKS_PRUNED_AT
        self._stopped = False
        self._closed = False

    def __del__(self) -> None:
        """There is no machine's resource to give back, so nothing to warn of."""

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, until_s: float) -> None:
        """Run until the virtual time, or until somebody calls ``stop``. Time simply passes where nothing is due."""
        before = asyncio._get_running_loop()
        hooks = sys.get_asyncgen_hooks()
        asyncio._set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=None, finalizer=_forget)
        try:
            self._run(until_s)
        finally:
            sys.set_asyncgen_hooks(*hooks)
            asyncio._set_running_loop(before)

    def _run(self, until_s: float) -> None:
        ready, timers, draw = self._ready, self._timers, self._random
        while not self._stopped:
            if not ready:
                while timers and timers[0][2].is_cancelled:
                    heapq.heappop(timers)
                if not timers or timers[0][0] > until_s:
                    self._now = until_s
                    return
                self._now = max(self._now, timers[0][0])
                while timers and timers[0][0] <= self._now:
                    ready.append(heapq.heappop(timers)[2])
            if len(ready) > 1:
                chosen = int(draw() * len(ready))
                ready[chosen], ready[-1] = ready[-1], ready[chosen]
            wake = ready.pop()
            if wake.is_cancelled:
                continue
            process = wake.context.get(PROCESS)
            if process is None:
                wake.context.run(wake.callback, *wake.args)
                continue
            if not process.alive:
                continue
            if process.frozen:
                process.held.append(wake)
                continue
            self.steps += 1
            try:  # noqa: SIM105  # far cheaper than a context manager, and this runs at every step
                wake.context.run(wake.callback, *wake.args)
            except Killed:
                pass
            if process.fuse:
                process.fuse -= 1
                if not process.fuse:
                    process.burnt()

    def stop(self) -> None:
        """End ``run`` after the step under way."""
        self._stopped = True

    def kill(self, process: Process) -> None:
        """SIGKILL: nothing of the process ever runs again."""
        if not process.alive:
            return
        process.alive = False
        process.held.clear()
        for ending in tuple(process.endings):
            ending()

    def exit(self, process: Process) -> None:
        """End the process from within one of its own steps; raises ``Killed`` to end the step too."""
        self.kill(process)
        raise Killed

    def thaw(self, process: Process) -> int:
        """SIGCONT: what waited runs now. Answers how much that was."""
        held, process.held, process.frozen = process.held, [], False
        self._ready.extend(held)
        return len(held)

    def bury(self) -> None:
        """Give up every coroutine without a sound; what they still try has no effect."""
        self._closed = True
        self._ready.clear()
        self._timers.clear()
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                while self._tasks:
                    _close(self._tasks.pop())
        finally:
            asyncio._set_running_loop(before)

    # ── what asyncio asks of a loop ──────────────────────────────────────────────────────────────────────────────

    def time(self) -> float:
        return self._now

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> Wake:
        wake = Wake(self._now, callback, args, context)
        if not self._closed:
            self._ready.append(wake)
        return wake

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> Wake:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> Wake:
        wake = Wake(when, callback, args, context)
        if not self._closed:
            self._numbers += 1
            heapq.heappush(self._timers, (when, self._numbers, wake))
        return wake

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
    ) -> SimTask[T]:
        self._numbers += 1
        task = SimTask(coro, self._numbers, self, name, context)
        self._tasks.append(task)
        if len(self._tasks) > self._prune_at:
            self._tasks = [task for task in self._tasks if not task.done()]
            self._prune_at = len(self._tasks) + TASKS_PRUNED_AT
        return task

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        assert isinstance(executor, VirtualExecutor), "there are no threads here"
        return executor.begin(lambda: func(*args))

    get_debug = bool  # asked by every future and task: a type answers "no" sooner than a method of ours could

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Whatever nobody looked at is nobody's concern: the judge looks at the venue."""


def current() -> Process:
    """The process whose step is under way."""
    return PROCESS.get()


@contextlib.contextmanager
def as_process(process: Process) -> Iterator[None]:
    """Act as the process, from outside of the loop."""
    token = PROCESS.set(process)
    try:
        yield
    finally:
        PROCESS.reset(token)


def _nothing() -> None:
    """A fuse that nobody lit."""


def _forget(_: Any) -> None:
    """An asynchronous generator that was left in the middle does nothing more."""


def _close(task: SimTask[Any]) -> None:
    if task.done():
        return
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch for this
    coroutine = cast("Coroutine[Any, Any, Any]", task.get_coro())
    for _ in range(20):  # each ``finally`` that waits takes another
        with contextlib.suppress(BaseException):
            coroutine.close()
            return
