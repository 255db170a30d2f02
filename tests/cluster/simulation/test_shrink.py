"""Shrinking finds what is needed and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from cluster.simulation.parts import Parts
from cluster.simulation.run import run_seed
from cluster.simulation.shrink import fewest, shrink
from tests.cluster.simulation.planted import FORGETFUL_SEED, ForgetfulParts


@given(st.sets(st.integers(1, 30), max_size=4), st.integers(30, 40))
def test_what_is_left_is_what_is_needed(needed: set[int], count: int) -> None:
    found = fewest(list(range(1, count + 1)), lambda some: needed <= set(some))
    assert set(found) == needed


def test_a_failing_seed_is_told_with_the_command_that_fails_again() -> None:
    failed = run_seed(FORGETFUL_SEED, ForgetfulParts())
    assert failed.violation is not None
    shrunk = shrink(failed, ForgetfulParts())
    assert shrunk.result.violation is not None
    assert shrunk.result.violation.invariant == failed.violation.invariant
    assert len(shrunk.only) <= len(failed.plan)
    assert shrunk.command.startswith(
        f"flotilla simulate-faults --seeds {FORGETFUL_SEED}:{FORGETFUL_SEED + 1} --only "
    )
    assert any("VIOLATION" in line for line in shrunk.result.lines)
    again = run_seed(FORGETFUL_SEED, ForgetfulParts(), only=shrunk.only, horizon_s=shrunk.horizon_s)
    assert again.violation == shrunk.result.violation


def test_production_passes_where_the_planted_bug_fails() -> None:
    assert run_seed(FORGETFUL_SEED, Parts()).violation is None
