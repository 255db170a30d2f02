"""Is this machine fit to run a fleet? Each finding says what was looked at, and what to do when it is bad."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

from cluster.home import Home

ACTOR_BYTES = 80 * 2**20
FSYNC_MAX_S = 0.02
SHM_MIN_BYTES = 300 * 2**20


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    subject: str
    ok: bool
    text: str


def examine(home: Home) -> list[Finding]:
    """Look at everything."""
    looks: list[Callable[[Home], Finding]] = [
        _python,
        _ray,
        _bytecode,
        _memory,
        _shared_memory,
        _disk,
        _clock,
        _files,
    ]
    return [look(home) for look in looks]


def _python(_: Home) -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "python", (3, 11) <= sys.version_info[:2] <= (3, 13), f"{found}; 3.11 to 3.13 are supported"
    )


def _ray(_: Home) -> Finding:
    found = version("ray")
    return Finding("ray", found.startswith("2.60."), f"{found}; 2.60 is what was measured")


def _bytecode(_: Home) -> Finding:
    spec = importlib.util.find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    compiled = Path(importlib.util.cache_from_source(spec.origin)).is_file()
    advice = "compiled" if compiled else "missing: actors start four times slower; run make setup"
    return Finding("bytecode", compiled, advice)


def _memory(_: Home) -> Finding:
    free = psutil.virtual_memory().available
    room = max(0, free - 2**30) // ACTOR_BYTES
    return Finding("memory", room >= 10, f"{free / 2**30:.1f} GiB available, room for about {room} actors")


def _shared_memory(_: Home) -> Finding:
    free = shutil.disk_usage("/dev/shm").free  # noqa: S108  # Ray's object store lives there
    return Finding("/dev/shm", free >= SHM_MIN_BYTES, f"{free / 2**20:.0f} MiB free, Ray takes up to 256")  # noqa: S108


def _disk(home: Home) -> Finding:
    home.make_folders()
    probe = home.run / "fsync-probe"
    took = []
    fd = os.open(probe, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        for _ in range(20):
            began = time.perf_counter()
            os.write(fd, b"x" * 200)
            os.fdatasync(fd)
            took.append(time.perf_counter() - began)
    finally:
        os.close(fd)
        probe.unlink()
    median = sorted(took)[len(took) // 2]
    text = f"an fsync takes {median * 1000:.2f} ms; every order waits for one with journal: fsync"
    return Finding("disk", median <= FSYNC_MAX_S, text)


def _clock(_: Home) -> Finding:
    source = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    name = source.read_text().strip() if source.is_file() else "unknown"
    return Finding("clock", True, f"clock source {name}; no order depends on synchronised clocks")


def _files(_: Home) -> Finding:
    import resource

    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Finding("open files", soft >= 1024, f"{soft} allowed; Ray wants about 20 for each actor of a node")
