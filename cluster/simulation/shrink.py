"""From a run that failed to the fewest faults that still make it fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from cluster.simulation.parts import Parts
from cluster.simulation.run import run_seed
from cluster.simulation.world import HORIZON_S, Result

RUNS_MAX = 80
LINES = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest failure found."""

    result: Result
    only: frozenset[int]
    horizon_s: float
    runs: int  # that it took

    @property
    def command(self) -> str:
        """What runs it again."""
        numbers = ",".join(map(str, sorted(self.only))) or "0"
        horizon = "" if self.horizon_s == HORIZON_S else f" --horizon {self.horizon_s:g}"
        seed = self.result.seed
        return f"flotilla simulate-faults --seeds {seed}:{seed + 1} --only {numbers}{horizon}"


def shrink(failed: Result, parts: Parts | None = None, horizon_s: float = HORIZON_S) -> Shrunk:
    """The same violation with fewer faults (delta debugging), then with an earlier end."""
    assert failed.violation is not None, "there is nothing to shrink"
    invariant = failed.violation.invariant
    runs = 0

    def fails(only: frozenset[int], until_s: float) -> bool:
        nonlocal runs
        if runs >= RUNS_MAX:
            return False
        runs += 1
        found = run_seed(failed.seed, parts, only=only, horizon_s=until_s).violation
        return found is not None and found.invariant == invariant

    numbers = fewest([fault.number for fault in failed.plan], lambda some: fails(frozenset(some), horizon_s))
    only, earliest = frozenset(numbers), float(ceil(failed.violation.at_s))
    for until_s in (earliest / 2, earliest * 3 / 4, earliest):
        if until_s < horizon_s and fails(only, until_s):
            horizon_s = until_s
            break
    result = run_seed(failed.seed, parts, only=only, horizon_s=horizon_s, lines=LINES)
    return Shrunk(result=result, only=only, horizon_s=horizon_s, runs=runs)


def fewest(numbers: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """A list from which no part can be left out: Zeller's ``ddmin``, on complements only.

    Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002.
    """
    if fails([]):
        return []
    parts = 2
    while len(numbers) > 1:
        size = ceil(len(numbers) / parts)
        for begin in range(0, len(numbers), size):
            rest = numbers[:begin] + numbers[begin + size :]
            if fails(rest):
                numbers, parts = rest, max(2, parts - 1)
                break
        else:
            if parts >= len(numbers):
                break
            parts = min(len(numbers), parts * 2)
    return numbers
