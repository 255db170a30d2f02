"""All parts in one run, on the terminal and in docs/benchmarks.md. Nothing about speed is asserted."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import ray

from cluster.driver import Fleet, connected
from cluster.home import Home
from cluster.ray_runtime import boot
from tests.bench import bars, fleet_size, halts, leases, links, llm, order_path, orders, recovery
from tests.bench.bare_actor import BareActor
from tests.bench.result import Section, as_markdown, put_between_markers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def run(folder: Path, home: Home) -> None:
    """Measure, print, and keep the result. The folder and the home are empty, and the caller's to remove."""
    began, load_before = time.monotonic(), os.getloadavg()[0]
    parts = []
    for section in _sections(folder, home):
        parts.append(as_markdown(section))
        print(parts[-1], flush=True)
    facts = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, Ray {ray.__version__}; load average {load_before:.1f} before "
        f"it and {os.getloadavg()[0]:.1f} at its end, its own processes included; it took "
        f"{time.monotonic() - began:.0f} s."
    )
    put_between_markers(PAGE, "\n".join([facts, "", *parts]))
    print(facts)


def _sections(folder: Path, home: Home) -> Iterator[Section]:
    yield bars.measured(folder)
    yield halts.measured(folder)
    yield order_path.measured(folder)
    with _on_ray(home) as running:
        bare_actor = ray.remote(BareActor).options(num_cpus=0).remote()
        yield orders.measured(folder, bare_actor)
        yield links.measured(folder, bare_actor)
        yield leases.measured(folder, bare_actor)
        yield llm.measured(home)
        yield fleet_size.measured(home, running, folder, bare_actor)
    with _on_ray(home) as running:
        yield recovery.measured(home, running, folder)


@contextmanager
def _on_ray(home: Home) -> Iterator[Fleet]:
    """A Ray of its own, without a fleet."""
    boot.start(home, os.environ, control_node=False)
    try:
        with connected(home) as running:
            yield running
    finally:
        boot.stop(home)
