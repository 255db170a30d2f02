"""The plan of one run's faults, made from its seed before it begins, each with a number by which it can be chosen."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapters.venue import Fence
from cluster.simulation.disk import CrashPoint
from cluster.simulation.ground import CONTROL, VENUE
from config.spec import FleetSpec, HaltLevel
from risk.leases import RHO

SETTLES_S = 1.8  # beside the lease's time: in most runs the fleet comes up in peace


class Kind(StrEnum):
    """What can go wrong."""

    CRASH = "crash"
    CRASH_SOON = "crash after steps"
    CRASH_IN_JOURNAL = "crash in journal"
    FREEZE = "freeze"
    PARTITION = "partition"
    ONE_WAY_PARTITION = "one-way partition"
    SKEW = "clock skew"
    DRIFT = "clock drift"
    DISK_FULL = "disk full"
    FSYNC_FAILS = "fsync fails"
    STORE_DOWN = "store down"
    POWER_LOSS = "power loss"
    RESTART_ALL = "restart of everything"
    FAILOVER = "failover"
    HALT = "halt"
    STOP_BOTS = "stop of bots"
    LOSE_REQUESTS = "lost requests"
    LOSE_ANSWERS = "lost answers"
    DOUBLE = "doubled messages"
    SLOW = "slow messages"
    RESET = "reset connections"


WEATHER = frozenset({Kind.LOSE_REQUESTS, Kind.LOSE_ANSWERS, Kind.DOUBLE, Kind.SLOW, Kind.RESET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    ``where`` is an actor or a host, for a partition the two hosts; the rest means what its kind makes of it.
    """

    number: int
    kind: Kind
    at_s: float
    lasts_s: float = 0.0
    where: tuple[str, ...] = ()
    amount: float = 0.0  # a rate, seconds of skew, a number of steps or of appends
    detail: str = ""  # a halt's level, a crash's point

    def __str__(self) -> str:
        where = f" {'→'.join(self.where)}" if self.where else ""
        amount = f" {self.amount:g}" if self.amount else ""
        lasts = f" for {self.lasts_s:.2f} s" if self.lasts_s else ""
        return f"{self.number}: {self.kind}{where} {self.detail}{amount} at {self.at_s:.2f} s{lasts}"


def a_plan(
    seed: int,
    fleet: FleetSpec,
    fence: Fence,
    horizon_s: float,
    classes: Mapping[Kind, tuple[float, float]] | None = None,
) -> tuple[Fault, ...]:
    """The faults of this seed, drawn from ``CLASSES`` unless others are given.

    Every class is on or off for the whole run, so that runs differ in what they mix.
    No wallet is moved away from its journal where the venue cannot fence it: that takes an operator and a new key.
    """
    draw = random.Random(f"faults/{seed}")  # noqa: S311
    ttl_s = fleet.limits.lease_ttl.total_seconds()
    begins_s = ttl_s + SETTLES_S if draw.random() < 0.8 else 0.5
    calm = draw.choice((1.0, 2.0, 4.0))  # by how much faults are farther apart in this run
    drafts = [
        draft
        for kind, (share, every_s) in (CLASSES if classes is None else classes).items()
        for draft in _drafts(kind, share, every_s * calm, fleet, (begins_s, horizon_s), draw)
    ]
    if fence is Fence.KEY:
        drafts = [draft for draft in drafts if draft.kind is not Kind.FAILOVER]
    drafts.sort(key=lambda draft: draft.at_s)
    return tuple(
        Fault(
            number=number,
            kind=draft.kind,
            at_s=draft.at_s,
            lasts_s=draft.lasts_s,
            where=draft.where,
            amount=draft.amount,
            detail=draft.detail,
        )
        for number, draft in enumerate(drafts, 1)
    )


# How likely a class is on, and the mean seconds between two of it; 0 for once and for the whole run.
CLASSES: Mapping[Kind, tuple[float, float]] = {
    Kind.LOSE_REQUESTS: (0.4, 0),
    Kind.LOSE_ANSWERS: (0.4, 0),
    Kind.DOUBLE: (0.35, 0),
    Kind.SLOW: (0.5, 0),
    Kind.RESET: (0.3, 0),
    Kind.DRIFT: (0.6, 0),
    Kind.SKEW: (0.3, 15),
    Kind.CRASH: (0.6, 8),
    Kind.CRASH_SOON: (0.5, 10),
    Kind.CRASH_IN_JOURNAL: (0.4, 12),
    Kind.FREEZE: (0.5, 10),
    Kind.PARTITION: (0.35, 12),
    Kind.ONE_WAY_PARTITION: (0.35, 12),
    Kind.DISK_FULL: (0.12, 20),
    Kind.FSYNC_FAILS: (0.12, 20),
    Kind.STORE_DOWN: (0.25, 15),
    Kind.POWER_LOSS: (0.2, 20),
    Kind.RESTART_ALL: (0.1, 30),
    Kind.FAILOVER: (0.25, 18),
    Kind.HALT: (0.5, 14),
    Kind.STOP_BOTS: (0.3, 12),
}


def _drafts(
    kind: Kind,
    share: float,
    every_s: float,
    fleet: FleetSpec,
    phase_s: tuple[float, float],
    draw: random.Random,
) -> Iterator[Fault]:
    begins_s, horizon_s = phase_s
    is_on, own = draw.random() < share, random.Random(draw.randrange(2**62))  # noqa: S311
    if not is_on:
        return
    if not every_s:
        for where in _whole_run(kind, fleet):
            yield _draft(kind, begins_s, where, fleet, horizon_s, own)
        return
    at_s = begins_s + own.expovariate(1 / every_s)
    while at_s < horizon_s - 1:
        yield _draft(kind, at_s, (), fleet, horizon_s, own)
        at_s += own.expovariate(1 / every_s)


def _whole_run(kind: Kind, fleet: FleetSpec) -> Sequence[tuple[str, ...]]:
    return [(host,) for host in hosts(fleet)] if kind is Kind.DRIFT else [()]


def hosts(fleet: FleetSpec) -> list[str]:
    """The control host, the venue's, one for each wallet and one that is empty."""
    return [CONTROL, VENUE, *(f"host-{wallet.name}" for wallet in fleet.wallets), "spare"]


def _draft(
    kind: Kind, at_s: float, where: tuple[str, ...], fleet: FleetSpec, horizon_s: float, draw: random.Random
) -> Fault:
    wallets = [f"wallet:{wallet.name}" for wallet in fleet.wallets]
    bots = [f"bot:{bot.name}" for bot in fleet.bots]
    services = ["risk-guard", "kill-switch", "market-data", "supervisor"]
    anybody = draw.choice((*wallets, *wallets, draw.choice(wallets), draw.choice(bots), *services))
    amount, lasts_s, detail = 0.0, 0.0, ""
    match kind:
        case Kind.CRASH:
            where = (anybody,)
        case Kind.CRASH_SOON:
            where, amount = (anybody,), float(draw.randint(1, 60))
        case Kind.CRASH_IN_JOURNAL:
            where, amount = (draw.choice(wallets),), float(draw.randint(1, 12))
            detail = str(draw.choice(tuple(CrashPoint)))
        case Kind.FREEZE:
            where, lasts_s = (anybody,), draw.choice((draw.uniform(0.1, 20), draw.uniform(0.5, 6)))
        case Kind.PARTITION | Kind.ONE_WAY_PARTITION:
            one, other = draw.choice(_ways(fleet))
            where = (one, other) if draw.random() < 0.5 else (other, one)
            lasts_s = draw.choice((draw.uniform(0.5, 4), draw.expovariate(1 / 8)))
        case Kind.SKEW:
            where = (draw.choice(hosts(fleet)),)
            amount = draw.choice((-1, 1)) * draw.choice((0.2, 0.5, 1.0, 2.0, 4.0, 30.0))
            lasts_s = draw.uniform(2, 20)
        case Kind.DRIFT:
            amount = draw.choice((-RHO, RHO, draw.uniform(-RHO, RHO)))
        case Kind.DISK_FULL | Kind.FSYNC_FAILS:
            where, lasts_s = (draw.choice(hosts(fleet)[2:]),), draw.uniform(0.2, 3)
        case Kind.STORE_DOWN:
            lasts_s = draw.uniform(0.3, 8)
        case Kind.POWER_LOSS:
            where, lasts_s = (draw.choice((CONTROL, *hosts(fleet)[2:])),), draw.uniform(0.5, 6)
        case Kind.FAILOVER:
            where, detail = (draw.choice(wallets),), draw.choice(("dead", "zombie"))
            lasts_s = draw.uniform(3, 15)
        case Kind.HALT:
            scope = draw.choice(("fleet", "fleet", draw.choice(wallets), draw.choice(bots)))
            where, detail, lasts_s = (scope,), str(draw.choice(tuple(HaltLevel))), draw.uniform(1, 15)
        case Kind.STOP_BOTS:
            where, lasts_s = (draw.choice(fleet.bots).name,), draw.uniform(1, 8)
        case Kind.LOSE_REQUESTS | Kind.LOSE_ANSWERS:
            amount = draw.choice((0.01, 0.05, 0.2))
        case Kind.DOUBLE:
            amount = draw.choice((0.05, 0.3))
        case Kind.SLOW:
            amount = draw.choice((0.01, 0.05, 0.2))
        case Kind.RESET:
            amount = draw.choice((0.005, 0.03))
        case Kind.RESTART_ALL:
            pass
    return Fault(
        number=0,
        kind=kind,
        at_s=at_s,
        lasts_s=min(lasts_s, horizon_s - at_s),
        where=where,
        amount=amount,
        detail=detail,
    )


def _ways(fleet: FleetSpec) -> list[tuple[str, str]]:
    """Pairs of hosts that have something to say to each other."""
    inner = [host for host in hosts(fleet) if host.startswith("host-")]
    return [(CONTROL, VENUE), *((host, other) for host in inner for other in (CONTROL, VENUE))]
