"""Fifteen hundred fleets under faults: no promise is broken beyond the open findings, and every kind of fault bites.

``make soak`` runs eight times as many.
"""

from __future__ import annotations

import os

import pytest

from cluster.simulation.faults import Kind
from cluster.simulation.report import report
from cluster.simulation.run import run_seeds

SEEDS = range(100_000, 101_500)
OPEN = {100_658, 100_915, 100_979, 100_981}  # open findings, by seed: see docs/simulation.md


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_schedule_breaks_a_promise_anew_and_every_fault_bites() -> None:
    found = report(run_seeds(SEEDS, jobs=os.cpu_count() or 1), ())
    print(f"{found.schedules} schedules, {found.simulated_hours} simulated hours, faults: {found.faults}")
    news = [broken for broken in found.violations if broken.seed not in OPEN]
    assert not news, "\n".join(f"{new.invariant}: {new.detail}; again with: {new.replay}" for new in news)
    assert {kind.value for kind in Kind} <= found.faults.keys(), (
        "a fault that never bites is a defect of the test"
    )
    assert found.accepts > 10 * found.schedules
