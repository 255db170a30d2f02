"""Which processes are ours, by the kernel's own account, and ending exactly those.

A pid alone names nobody: it is given out again. So a process is known by its pid, the clock tick at which it
began, and the boot of the machine in which it did; and a signal goes to a descriptor of the process that was looked
at, not to a number. Linux only: /proc/[pid]/stat is described in proc(5).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.errors import TradingError

_PROC = Path("/proc")
_POLL_S = 0.02
_KILL_TIMEOUT_S = 5.0  # the kernel ends a killed process at once, unless a device holds it


class Unkillable(TradingError):
    """Processes survived SIGKILL: the kernel holds them in a device."""


@dataclass(frozen=True, slots=True)
class Leader:
    """A process that we started as the leader of a session, as it is written down."""

    pid: int
    started: int  # clock ticks since the machine booted
    boot: str  # the kernel's id of that boot

    @classmethod
    def of(cls, pid: int) -> Leader:
        """The running process ``pid``.

        Raises:
            ProcessLookupError: there is none.
        """
        process = _read(pid)
        if process is None:
            raise ProcessLookupError(pid)
        return cls(pid=pid, started=process.started, boot=_boot())

    def lives(self) -> bool:
        """Whether this very process still runs."""
        process = _read(self.pid)
        return process is not None and process.started == self.started and _boot() == self.boot


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    session: int
    started: int


def family(leaders: Iterable[Leader]) -> frozenset[int]:
    """The pids of all living processes that these leaders began: their sessions, and every descendant."""
    return frozenset(process.pid for process in _family(leaders, _running()))


def end(leaders: Iterable[Leader], grace_s: float) -> None:
    """Ends the leaders and all that they began, and returns when nothing of it is left.

    The leaders are asked (SIGTERM) and have ``grace_s`` seconds to end their own in order; what is left then is killed.

    Raises:
        Unkillable: something survived SIGKILL for five seconds.
    """
    leaders = tuple(leaders)
    known = _family(leaders, _running())
    pids = {leader.pid for leader in leaders}
    for process in known:
        if process.pid in pids:
            _send(process, signal.SIGTERM)
    asked = time.monotonic()
    while known and any(leader.lives() for leader in leaders) and time.monotonic() < asked + grace_s:
        time.sleep(_POLL_S)
        known = _left(known, leaders)
    killing = time.monotonic()
    while known := _left(known, leaders):
        if time.monotonic() > killing + _KILL_TIMEOUT_S:
            raise Unkillable(f"processes {sorted(process.pid for process in known)} survived SIGKILL")
        for process in known:
            _send(process, signal.SIGKILL)
        time.sleep(_POLL_S)


def _left(known: frozenset[_Process], leaders: Iterable[Leader]) -> frozenset[_Process]:
    """Who of the known still lives, and whom they began meanwhile; an orphan stays known."""
    running = _running()
    alive = {process for process in known if _is_same(process, running.get(process.pid))}
    return _descendants(alive | _family(leaders, running), running)


def _family(leaders: Iterable[Leader], running: Mapping[int, _Process]) -> frozenset[_Process]:
    sessions = {leader.pid for leader in leaders if _owns_session(leader, running)}
    return _descendants({p for p in running.values() if p.session in sessions}, running)


def _owns_session(leader: Leader, running: Mapping[int, _Process]) -> bool:
    """Whether sessions with this leader's pid are its own.

    While a member of a session lives, the kernel gives its number to nobody else: so a dead leader's session is
    still its own, unless somebody else bears that pid by now.
    """
    if leader.boot != _boot():
        return False
    bearer = running.get(leader.pid)
    return bearer is None or bearer.started == leader.started


def _descendants(roots: Iterable[_Process], running: Mapping[int, _Process]) -> frozenset[_Process]:
    children: dict[int, list[_Process]] = {}
    for process in running.values():
        children.setdefault(process.parent, []).append(process)
    found: set[_Process] = set()
    fringe = list(roots)
    while fringe:
        process = fringe.pop()
        if process not in found and process.pid != os.getpid():
            found.add(process)
            fringe += children.get(process.pid, [])
    return frozenset(found)


def _send(process: _Process, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if _is_same(process, _read(process.pid)):
                signal.pidfd_send_signal(descriptor, signum)
        finally:
            os.close(descriptor)


def _is_same(process: _Process, other: _Process | None) -> bool:
    return other is not None and other.started == process.started


def _running() -> dict[int, _Process]:
    found = (_read(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return {process.pid: process for process in found if process is not None}


def _read(pid: int) -> _Process | None:
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent, _group, session, *rest = text[
        text.rindex(b")") + 2 :
    ].split()  # the name may hold anything
    if state in b"ZX":
        return None  # it has ended; only its parent has not looked yet
    return _Process(pid=pid, parent=int(parent), session=int(session), started=int(rest[15]))


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
