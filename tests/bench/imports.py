"""What a bot's process imports beyond a bare Ray actor's, and how long that takes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Collection

_HOST = "cluster.ray_runtime.bot_host"
_SELF_AND_NAME = re.compile(r"^import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)$", re.MULTILINE)
_SHOWN = 6
_MARK = "here Ray itself ends"
_RAY = f"import sys, ray, ray._private.worker, ray.dag; print('{_MARK}', file=sys.stderr)"
_GROWTH = f"""{_RAY}
import psutil
before = psutil.Process().memory_full_info().uss
import {_HOST}
print((psutil.Process().memory_full_info().uss - before) / 1e6)
"""


def imported_by_a_bot(bare: Collection[str]) -> str:
    """A sentence about it; ``bare`` are the modules that a bare actor has anyway."""
    timed = _python("-X", "importtime", "-c", f"{_RAY}; import {_HOST}").stderr.partition(_MARK)[2]
    own = [(int(us), name) for us, name in _SELF_AND_NAME.findall(timed) if name not in bare]
    largest = ", ".join(f"`{name}` {us / 1e3:.1f}" for us, name in sorted(own, reverse=True)[:_SHOWN])
    growth_mb = float(_python("-c", _GROWTH).stdout)
    return (
        f"A bot imports {len(own)} modules that a bare actor does not: {growth_mb:.1f} MB, "
        f"{sum(us for us, _ in own) / 1e3:.0f} ms under a profiler; most of it (ms): {largest}."
    )


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
