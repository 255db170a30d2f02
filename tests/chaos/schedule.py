"""Which process is hurt when, and how: a function of the seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

WEIGHTS = {"bot": 4, "wallet": 4}  # of the kinds of actor; 2 for the others
HALT_EVERY_S = 60.0
LEVELS = ("pause_entries", "reduce_only", "cancel_all", "flatten")


class Hurt(StrEnum):
    """What is done to a process."""

    KILL = "kill"  # SIGKILL
    STOP = "stop"  # SIGSTOP for 1 to 20 seconds, then SIGCONT
    PAUSE = "pause"  # the same for up to a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One fault that is to come."""

    at_s: float  # since the beginning
    hurt: Hurt
    kind: str  # of the actor
    actor: str
    for_s: float = 0.0  # of a stop or pause


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHalt:
    """One halt that is to come, and its lift."""

    at_s: float
    scope: str
    level: str
    hold_s: float  # from its completion to its lift


class Draw:
    """Every choice of one run, in one order, from one seed."""

    def __init__(self, seed: int, actors: Mapping[str, Sequence[str]]) -> None:
        self._random = Random(seed)
        self._actors = actors

    def instants(self, count: int, within_s: float) -> list[float]:
        """When faults begin: anywhere, so that some come in bursts."""
        return sorted(self._random.uniform(0, within_s) for _ in range(count))

    def fault(self, at_s: float) -> Planned:
        """One fault at the given instant."""
        kinds = list(self._actors)
        kind = self._random.choices(kinds, [WEIGHTS.get(kind, 2) for kind in kinds])[0]
        hurt = self._random.choices(list(Hurt), [5, 3, 3])[0]
        low, high = {Hurt.KILL: (0.0, 0.0), Hurt.STOP: (1.0, 20.0), Hurt.PAUSE: (0.05, 1.0)}[hurt]
        return Planned(
            at_s=at_s,
            hurt=hurt,
            kind=kind,
            actor=self._random.choice(self._actors[kind]),
            for_s=round(self._random.uniform(low, high), 3),
        )

    def halts(self, within_s: float) -> Iterator[PlannedHalt]:
        """Halts, each with time to be lifted before the next one; the first is the furthest one, on all."""
        at_s = self._random.uniform(0.1, 0.3) * min(within_s, HALT_EVERY_S)
        scope, level = "fleet", "flatten"
        while at_s < within_s * 0.8:
            yield PlannedHalt(at_s=at_s, scope=scope, level=level, hold_s=self._random.uniform(1, 5))
            scopes = ["fleet", *self._actors["wallet"], *self._actors["bot"]]
            scope = self._random.choices(scopes, [3, *(1 for _ in scopes[1:])])[0]
            level = self._random.choice(LEVELS)
            at_s += HALT_EVERY_S * self._random.uniform(0.7, 1.3)
