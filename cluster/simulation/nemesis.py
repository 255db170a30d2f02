"""Lets the planned faults happen, each at its time, and heals everything at the end of the safety phase."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cluster.simulation.disk import CrashPoint
from cluster.simulation.faults import WEATHER, Fault, Kind
from cluster.simulation.ground import CONTROL, VENUE, Ground
from cluster.simulation.loop import Process
from cluster.simulation.network import Weather
from cluster.simulation.operators import Operator
from cluster.simulation.placement import Placement

BOOT_S = 1.0  # of a host
_BITES_LATER = WEATHER | {  # counted when they make a difference, not when they begin
    Kind.CRASH_SOON,
    Kind.CRASH_IN_JOURNAL,
    Kind.FREEZE,
    Kind.PARTITION,
    Kind.ONE_WAY_PARTITION,
    Kind.DISK_FULL,
    Kind.FSYNC_FAILS,
    Kind.STORE_DOWN,
}


class Nemesis:
    """See the module.

    Args:
        ground: what it breaks.
        placement: where wallets and bots begin.
        operator: whose commands are faults too, in a way.
    """

    def __init__(self, ground: Ground, placement: Placement, operator: Operator) -> None:
        self._ground = ground
        self._placement = placement
        self._operator = operator
        self._is_over = False
        self._acts: dict[Kind, Callable[[Fault], bool]] = {
            Kind.CRASH: self._crash,
            Kind.CRASH_SOON: self._crash_soon,
            Kind.CRASH_IN_JOURNAL: self._crash_in_journal,
            Kind.FREEZE: self._freeze,
            Kind.PARTITION: self._partition,
            Kind.ONE_WAY_PARTITION: self._partition,
            Kind.SKEW: self._skew,
            Kind.DRIFT: self._drift,
            Kind.DISK_FULL: self._break_disk,
            Kind.FSYNC_FAILS: self._break_disk,
            Kind.STORE_DOWN: self._store_down,
            Kind.POWER_LOSS: self._power_loss,
            Kind.RESTART_ALL: self._restart_all,
            Kind.FAILOVER: self._failover,
            Kind.HALT: self._halt,
            Kind.STOP_BOTS: self._stop_bot,
            Kind.LOSE_REQUESTS: self._worsen,
            Kind.LOSE_ANSWERS: self._worsen,
            Kind.DOUBLE: self._worsen,
            Kind.SLOW: self._worsen,
            Kind.RESET: self._worsen,
        }

    def plan(self, faults: Iterable[Fault], heals_at: float) -> None:
        """Let these happen until then."""
        self._ground.network.heals_at = heals_at
        for fault in faults:
            self._ground.at(fault.at_s, self._happen, fault)
        self._ground.at(heals_at, self._heal)

    def _happen(self, fault: Fault) -> None:
        bit = self._acts[fault.kind](fault)
        self._ground.trace.add(self._ground.loop.time(), "nemesis", "FAULT" if bit else "MISS", shown=fault)
        if bit and fault.kind not in _BITES_LATER:
            self._ground.trace.bite(str(fault.kind))

    def _heal(self) -> None:
        ground, self._is_over = self._ground, True
        ground.trace.add(ground.loop.time(), "nemesis", "HEAL")
        ground.network.weather = Weather()
        ground.network.mend_all()
        ground.control_disk.is_down = False
        for process in ground.processes:
            process.fuse = 0
            if process.frozen:
                self._thaw(process)
        for host in ground.hosts.values():
            host.clock.correct()
            host.disk.is_full = host.disk.sync_fails = False
            host.disk.crash_points.clear()
            if not host.is_up:
                self._boot(host.name)

    def _process(self, fault: Fault) -> Process | None:
        actor = self._ground.living.get(fault.where[0])
        return actor.process if actor is not None else None

    def _later(self, fault: Fault, undo: Callable[[], None]) -> None:
        """Undo it when its time is over, unless all has healed by then."""

        def end() -> None:
            if not self._is_over:
                undo()

        self._ground.after(fault.lasts_s, end)

    # ── deaths ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _crash(self, fault: Fault) -> bool:
        process = self._process(fault)
        if process is not None:
            self._ground.end(process)
        return process is not None

    def _crash_soon(self, fault: Fault) -> bool:
        process = self._process(fault)
        if process is None or process.fuse:
            return False

        def burnt() -> None:
            self._ground.trace.bite(str(fault.kind))
            self._ground.end(process)

        process.burnt, process.fuse = burnt, int(fault.amount)
        return True

    def _crash_in_journal(self, fault: Fault) -> bool:
        process = self._process(fault)
        if process is None:
            return False
        name = f"{process.name.removeprefix('wallet:')}.journal"
        disk = self._ground.hosts[process.host].disk
        disk.crash_points[name] = (CrashPoint(fault.detail), int(fault.amount))
        return True

    def _power_loss(self, fault: Fault) -> bool:
        (name,) = fault.where
        host = self._ground.hosts[name]
        if not host.is_up:
            return False
        host.is_up = False
        for process in tuple(self._ground.processes):
            if process.host == name and process is not self._operator.process:
                self._ground.end(process)
        host.disk.lose_power()
        self._later(fault, lambda: self._boot(name))
        return True

    def _restart_all(self, fault: Fault) -> bool:
        for host in self._ground.hosts.values():
            if host.name != VENUE and host.is_up:
                host.is_up = False
                for process in tuple(self._ground.processes):
                    if process.host == host.name and process is not self._operator.process:
                        self._ground.end(process)
                host.disk.lose_power()
                self._ground.after(BOOT_S, self._boot, host.name)
        return True

    def _boot(self, name: str) -> None:
        if not self._ground.hosts[name].is_up:
            self._ground.hosts[name].is_up = True
            self._ground.trace.add(self._ground.loop.time(), name, "BOOTED")
            self._placement.booted(name)

    def _failover(self, fault: Fault) -> bool:
        name = fault.where[0]
        actor = self._ground.living.get(name)
        if actor is None:
            return False
        old = actor.process.host
        self._placement.move(name)
        if fault.detail == "dead":
            self._ground.end(actor.process)
            return True
        network = self._ground.network
        network.cut(old, CONTROL, str(fault.kind))
        network.cut(CONTROL, old, str(fault.kind))
        self._ground.forget(actor)

        def mend() -> None:
            network.mend(old, CONTROL, str(fault.kind))
            network.mend(CONTROL, old, str(fault.kind))

        self._later(fault, mend)
        return True

    # ── pauses, ways, clocks, disks ──────────────────────────────────────────────────────────────────────────────

    def _freeze(self, fault: Fault) -> bool:
        process = self._process(fault)
        if process is None or process.frozen:
            return False
        process.frozen = True
        self._later(fault, lambda: self._thaw(process))
        return True

    def _thaw(self, process: Process) -> None:
        if process.alive and process.frozen and self._ground.loop.thaw(process):
            self._ground.trace.bite(str(Kind.FREEZE))

    def _partition(self, fault: Fault) -> bool:
        one, other = fault.where
        ways = [(one, other)]
        if fault.kind is Kind.PARTITION:
            ways.append((other, one))
        network = self._ground.network
        for way in ways:
            network.cut(*way, str(fault.kind))

        def mend() -> None:
            for way in ways:
                network.mend(*way, str(fault.kind))

        self._later(fault, mend)
        return True

    def _skew(self, fault: Fault) -> bool:
        clock = self._ground.hosts[fault.where[0]].clock
        clock.jump(fault.amount)
        self._later(fault, lambda: clock.jump(-fault.amount))
        return True

    def _drift(self, fault: Fault) -> bool:
        self._ground.hosts[fault.where[0]].clock.drift(fault.amount)
        return True

    def _break_disk(self, fault: Fault) -> bool:
        disk = self._ground.hosts[fault.where[0]].disk

        def be(broken: bool) -> None:
            if fault.kind is Kind.DISK_FULL:
                disk.is_full = broken
            else:
                disk.sync_fails = broken

        be(True)
        self._later(fault, lambda: be(False))
        return True

    def _store_down(self, fault: Fault) -> bool:
        disk = self._ground.control_disk
        disk.is_down = True

        def mend() -> None:
            disk.is_down = False

        self._later(fault, mend)
        return True

    # ── the operator, and the weather ────────────────────────────────────────────────────────────────────────────

    def _halt(self, fault: Fault) -> bool:
        return self._operator.halt_for(fault.where[0], fault.detail, fault.lasts_s)

    def _stop_bot(self, fault: Fault) -> bool:
        return self._operator.stop_for(fault.where[0], fault.lasts_s)

    def _worsen(self, fault: Fault) -> bool:
        weather = self._ground.network.weather
        match fault.kind:
            case Kind.LOSE_REQUESTS:
                weather.request_loss = fault.amount
            case Kind.LOSE_ANSWERS:
                weather.answer_loss = fault.amount
            case Kind.DOUBLE:
                weather.duplication = fault.amount
            case Kind.SLOW:
                weather.slowness = fault.amount
            case _:
                weather.reset = fault.amount
        return True
