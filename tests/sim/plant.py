"""What a planted bug is, and how it is looked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import ClassVar

import pytest

from adapters.venue import Fence
from cluster.simulation.faults import Fault, Kind, a_plan
from cluster.simulation.fleet import a_fence, a_fleet
from cluster.simulation.judge import Violation
from cluster.simulation.run import run_seed
from cluster.simulation.world import HORIZON_S, Result
from config.spec import FleetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What is known of a seed before it runs."""

    fleet: FleetSpec
    fence: Fence
    plan: tuple[Fault, ...]

    def has(self, kind: Kind, *where: str) -> bool:
        """Whether a fault of this kind is planned, at one of these places if any are named."""
        return any(
            fault.kind is kind and (not where or fault.where[0].startswith(where)) for fault in self.plan
        )


class Plant(ABC):
    """A fleet with one bug. The docstring of each says whose rule or which promise it breaks.

    Seeds are tried from 0 on, without those in which the bug cannot matter: one that only shows when two wallets
    share the limit needs two wallets. ``faults`` are the classes of faults among which its runs draw, how likely each
    is and how many seconds there are between two of it; ``None`` is the mix that production is tested with.
    """

    bound: ClassVar[int] = 12  # seeds
    caught_by: ClassVar[frozenset[str]]  # invariants
    faults: ClassVar[Mapping[Kind, tuple[float, float]] | None] = None

    def stage(self, patch: pytest.MonkeyPatch, seed: int) -> None:  # noqa: B027  # most have no script
        """Let the run go by a script, beside the planned faults: with the bug and without it."""

    @abstractmethod
    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Put the bug in."""

    def plan(self, seed: int, fleet: FleetSpec, fence: Fence, horizon_s: float) -> tuple[Fault, ...]:
        """The faults of a seed: drawn, unless a script has its own."""
        return a_plan(seed, fleet, fence, horizon_s, self.faults)

    def can_matter(self, draw: Draw) -> bool:
        """Whether the seed holds what the bug needs to show."""
        return True

    def seeds(self) -> Iterator[int]:
        """Those in which it can matter, in their order."""
        return (seed for seed in count() if self.can_matter(self._drawn(seed)))

    def run(self, seed: int) -> Result:
        """Run one seed with the bug."""
        with pytest.MonkeyPatch.context() as patch:
            self.stage(patch, seed)
            self.plant(patch)
            return run_seed(seed, make_plan=self.plan)

    def run_sound(self, seed: int) -> Result:
        """Run it without the bug: the same faults, and what production does with them."""
        with pytest.MonkeyPatch.context() as patch:
            self.stage(patch, seed)
            return run_seed(seed, make_plan=self.plan)

    def _drawn(self, seed: int) -> Draw:
        fleet, fence = a_fleet(seed), a_fence(seed)
        return Draw(fleet=fleet, fence=fence, plan=self.plan(seed, fleet, fence, HORIZON_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The first seed that showed a bug."""

    seed: int
    tries: int
    violation: Violation


def look_for(plant: Plant) -> Found | None:
    """Run seed after seed until one shows the bug; ``None`` when none within the bound does."""
    for tries, seed in enumerate(islice(plant.seeds(), plant.bound), 1):
        violation = plant.run(seed).violation
        if violation is not None:
            return Found(seed=seed, tries=tries, violation=violation)
    return None
