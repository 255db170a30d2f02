"""One seed, or many of them over several processes."""

from __future__ import annotations

import gc
import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

from cluster.simulation.faults import a_plan
from cluster.simulation.parts import Parts
from cluster.simulation.world import HORIZON_S, MakePlan, Result, World

COLLECT_EVERY = 8  # runs
CHUNK = 4  # seeds that a process takes at once


def run_seed(
    seed: int,
    parts: Parts | None = None,
    *,
    only: frozenset[int] | None = None,
    horizon_s: float = HORIZON_S,
    lines: int = 0,
    make_plan: MakePlan = a_plan,
) -> Result:
    """Run one seed.

    Args:
        seed: of fleet, market, faults and order.
        parts: what the fleet is made of; production's classes if ``None``.
        only: numbers of the planned faults that happen; all if ``None``.
        horizon_s: when everything heals.
        lines: how many of the last lines of the trace to keep.
        make_plan: plans the faults.
    """
    with _quiet():
        return World(seed, parts, only=only, horizon_s=horizon_s, make_plan=make_plan).run(lines)


def run_seeds(
    seeds: Sequence[int],
    *,
    jobs: int,
    only: frozenset[int] | None = None,
    horizon_s: float = HORIZON_S,
    on_result: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Run many seeds; results come in the order of the seeds, whoever was faster."""
    work = partial(_run_one, only=only, horizon_s=horizon_s)
    results: list[Result] = []

    def take(found: Iterator[Result]) -> None:
        for result in found:
            results.append(result)
            on_result(result)

    if jobs == 1 or len(seeds) == 1:
        take(map(work, seeds))
        return results
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        take(pool.map(work, seeds, chunksize=CHUNK))
    return results


def _run_one(seed: int, only: frozenset[int] | None, horizon_s: float) -> Result:
    return run_seed(seed, only=only, horizon_s=horizon_s)


@contextmanager
def _quiet() -> Iterator[None]:
    """No log lines of what is broken on purpose, and no garbage collection in the middle: runs are short."""
    before, collects = logging.root.manager.disable, gc.isenabled()
    logging.disable(logging.CRITICAL)
    gc.disable()
    try:
        yield
    finally:
        logging.disable(before)
        if collects:
            gc.enable()
        _collect_now_and_then()


_runs = 0


def _collect_now_and_then() -> None:
    global _runs
    if not _runs:
        gc.freeze()  # what was imported is here to stay
    _runs += 1
    if _runs % COLLECT_EVERY == 0:
        gc.collect()
