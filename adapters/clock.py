"""Time as something that is handed in: nobody reads a clock by himself."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for stamps, monotonic time for intervals."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back and go on while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clocks. ``CLOCK_BOOTTIME`` counts a suspend, which ``CLOCK_MONOTONIC`` does not."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock:
    """A clock that moves when told to. ``sleep`` advances it."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._now = start
        self._elapsed_s = 0.0  # asked for far more often than it changes

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)

    def set(self, now: datetime) -> None:
        """Move to ``now``; raises ``ValueError`` when that is in the past."""
        if now < self._now:
            raise ValueError(f"{now} is before {self._now}")
        self._now = now
        self._elapsed_s = (now - self._start).total_seconds()

    def advance(self, seconds: float) -> None:
        self.set(self._now + timedelta(seconds=seconds))
