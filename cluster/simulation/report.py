"""What many runs add up to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import msgspec

from cluster.simulation.shrink import Shrunk
from cluster.simulation.world import Result


class Failure(msgspec.Struct, frozen=True):
    """One seed that broke a promise."""

    seed: int
    invariant: str
    detail: str
    at_s: float
    faults: tuple[str, ...]  # the fewest found
    replay: str  # the command that runs it again
    trace: tuple[str, ...]  # the last lines before it


class Report(msgspec.Struct, frozen=True):
    """The JSON document of ``flotilla simulate-faults``."""

    seeds: str  # the first and the last
    schedules: int
    violations: tuple[Failure, ...]
    faults: dict[str, int]  # by kind, how often one made a difference
    accepts: int  # orders that the venue accepted
    steps: int
    digest: str  # equal for equal runs
    simulated_hours: float


def report(results: Sequence[Result], shrunk: Sequence[Shrunk]) -> Report:
    """The sum of all runs; failures as they were shrunk, or as they came where they were not."""
    smallest = {found.result.seed: found for found in shrunk}
    faults: Counter[str] = Counter()
    digest = hashlib.blake2b(digest_size=16)
    for result in results:
        faults.update(result.faults)
        digest.update(f"{result.seed}:{result.digest}\n".encode())
    return Report(
        seeds=f"{results[0].seed} to {results[-1].seed}",
        schedules=len(results),
        violations=tuple(
            _failure(result, smallest.get(result.seed)) for result in results if result.violation is not None
        ),
        faults=dict(sorted(faults.items())),
        accepts=sum(result.accepts for result in results),
        steps=sum(result.steps for result in results),
        digest=digest.hexdigest(),
        simulated_hours=round(sum(result.simulated_s for result in results) / 3600, 4),
    )


def _failure(result: Result, shrunk: Shrunk | None) -> Failure:
    shown = shrunk.result if shrunk is not None and shrunk.result.violation is not None else result
    violation = shown.violation
    assert violation is not None
    return Failure(
        seed=result.seed,
        invariant=violation.invariant,
        detail=violation.detail,
        at_s=round(violation.at_s, 4),
        faults=tuple(map(str, shown.plan)),
        replay=shrunk.command
        if shrunk is not None
        else f"flotilla simulate-faults --seeds {result.seed}:{result.seed + 1}",
        trace=tuple(shown.lines),
    )
