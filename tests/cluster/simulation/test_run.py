"""A run is a function of its seed: in this process, in another one, and whatever the order of sets."""

import os
import subprocess
import sys
from pathlib import Path

from cluster.simulation.run import run_seed, run_seeds

ROOT = Path(__file__).resolve().parents[3]
SEEDS = (3, 11, 14)
SCRIPT = "from cluster.simulation.run import run_seed; print(*(run_seed(s).digest for s in {seeds}))"


def digests_elsewhere(hash_seed: str) -> list[str]:
    """The digests of the seeds in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-W", "error", "-c", SCRIPT.format(seeds=SEEDS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_same_seed_gives_the_same_digest_also_in_another_process_with_other_hashes() -> None:
    here = [run_seed(seed).digest for seed in SEEDS]
    assert len(set(here)) == len(SEEDS)
    assert here == [run_seed(seed).digest for seed in SEEDS]
    assert here == digests_elsewhere("1")
    assert here == digests_elsewhere("31337")


def test_results_come_in_the_order_of_the_seeds_from_any_number_of_processes() -> None:
    told: list[int] = []
    apart = run_seeds(SEEDS, jobs=2, on_result=lambda result: told.append(result.seed))
    together = run_seeds(SEEDS, jobs=1)
    assert [result.digest for result in apart] == [result.digest for result in together]
    assert told == list(SEEDS)


def test_without_faults_nothing_bites_and_the_fleet_trades() -> None:
    calm = run_seed(14, only=frozenset())
    assert calm.violation is None
    assert calm.faults == {}
    assert calm.accepts > 10


def test_only_the_chosen_faults_happen() -> None:
    everything = run_seed(14)
    chosen = everything.plan[0]
    assert run_seed(14, only=frozenset({chosen.number})).plan == (chosen,)
