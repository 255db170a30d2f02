"""The simulator can fail: every planted bug is found within a bounded number of seeds, by an invariant that fits."""

from __future__ import annotations

import pytest

from cluster.simulation.run import run_seed
from tests.sim.plant import Plant, look_for
from tests.sim.plants import PLANTS
from tests.sim.plants.scripted import ClockStopsInPause, DeadlineFromReceipt, ReclaimsTooEarly

SOUND_SEEDS = range(12)


@pytest.mark.parametrize("kind", PLANTS, ids=lambda kind: kind.__name__)
def test_a_planted_bug_is_found_within_its_bound_and_its_seed_is_clean_without_it(kind: type[Plant]) -> None:
    plant = kind()
    found = look_for(plant)
    assert found is not None, f"none of {kind.bound} seeds shows it: {kind.__doc__}"
    assert found.violation.invariant in kind.caught_by, str(found.violation)
    assert plant.run_sound(found.seed).violation is None, "the seed fails without the bug, too"


def test_there_are_enough_of_them() -> None:
    assert len(PLANTS) >= 25
    assert all(kind.__doc__ for kind in PLANTS)


@pytest.mark.parametrize("seed", SOUND_SEEDS)
def test_the_first_seeds_without_a_bug_are_clean(seed: int) -> None:
    assert run_seed(seed).violation is None


@pytest.mark.parametrize(
    ("kind", "seed"), [(ReclaimsTooEarly, 9), (DeadlineFromReceipt, 9), (ClockStopsInPause, 33)]
)
def test_a_wallet_that_lives_on_beside_its_successor_adds_nothing(kind: type[Plant], seed: int) -> None:
    """Without a valid lease it may not even offset what it holds: its successor does that too."""
    assert kind().run_sound(seed).violation is None
