"""A host's clocks: wrong in rate, wrong in the time of day, and going on while its processes are frozen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from cluster.simulation.loop import SimLoop
from risk.leases import RHO

BEGIN = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)  # what every clock that is right shows first


class HostClock:
    """What every process of one host reads. Implements ``Clock``.

    Args:
        loop: the true time.
        boot_s: what the monotonic clock shows at first: machines were not switched on together.
    """

    def __init__(self, loop: SimLoop, boot_s: float) -> None:
        self._loop = loop
        self._rate = 1.0
        self._since = 0.0  # true time of the last change of rate
        self._elapsed_s = boot_s  # monotonic reading then
        self._boot_s = boot_s
        self._wall_s = 0.0  # by how much the time of day is wrong, beside the rate

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.monotonic() - self._boot_s + self._wall_s)

    def monotonic(self) -> float:
        return self._elapsed_s + (self._loop.time() - self._since) * self._rate

    async def sleep(self, seconds: float) -> None:
        # As asyncio's own sleep, without its detours: clocks are slept by more than for anything else.
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        slept = self._loop.create_future()
        timer = self._loop.call_later(seconds / self._rate, _end, slept)
        try:
            await slept
        except BaseException:
            timer.cancel()
            raise

    def drift(self, error: float) -> None:
        """Go wrong in rate from now on, by a fraction of at most ``RHO``."""
        assert abs(error) <= RHO, "the protocol assumes no worse clock"
        self._elapsed_s, self._since = self.monotonic(), self._loop.time()
        self._rate = 1.0 + error

    def jump(self, seconds: float) -> None:
        """Set the time of day wrong; the monotonic clock does not notice."""
        self._wall_s += seconds

    def correct(self) -> None:
        """Set the time of day right again, as a time server would."""
        self._wall_s = self._loop.time() - (self.monotonic() - self._boot_s)


def _end(slept: asyncio.Future[None]) -> None:
    if not slept.done():
        slept.set_result(None)
