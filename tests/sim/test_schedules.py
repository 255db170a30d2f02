"""Fifteen hundred fleets under faults: no promise is broken, and every kind of fault bites.

``make soak`` runs eight times as many.
"""

from __future__ import annotations

import os

import pytest

from cluster.simulation.faults import Kind
from cluster.simulation.report import report
from cluster.simulation.run import run_seeds

SEEDS = range(100_000, 101_500)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_schedule_breaks_a_promise_and_every_fault_bites() -> None:
    found = report(run_seeds(SEEDS, jobs=os.cpu_count() or 1), ())
    print(f"{found.schedules} schedules, {found.simulated_hours} simulated hours, faults: {found.faults}")
    assert not found.violations, "\n".join(
        f"{broken.invariant}: {broken.detail}; again with: {broken.replay}" for broken in found.violations
    )
    assert {kind.value for kind in Kind} <= found.faults.keys(), (
        "a fault that never bites is a defect of the test"
    )
    assert found.accepts > 10 * found.schedules
