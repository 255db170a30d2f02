"""How much may be asked: by everybody on this machine together, and by one address.

What only reduces comes last to the end of a budget: reads stop first, then orders that can add exposure.

Source: Hyperliquid API documentation, "Rate limits and user limits": an IP address has 1200 of weight in a minute; an
address has 10,000 actions and one more for every USDC it ever traded, cancels as many again (100,000 at most), and
beyond that one in ten seconds.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

from adapters.clock import Clock

WEIGHT_MAX = 1200  # in WINDOW_S
WINDOW_S = 61  # a minute, and a second for what is cut off
SLOTS = 64
BEYOND_EVERY_S = 10.0
CANCELS_MORE_MAX = 100_000
_SLOT = struct.Struct("<II")  # second, weight
_SIZE = SLOTS * _SLOT.size


class Urgency(IntEnum):
    """What a request is for; the value is what it leaves of the budget to those above it."""

    REDUCE = 0
    ADD = 100
    READ = 200


class IpBudget:
    """The weight of the last minute, second by second, in a small file that all processes of the machine share.

    Args:
        path: the file, the same for everybody behind the IP address; made if it is missing.
        clock: its monotonic clock must be the machine's own, so that all mean the same seconds.
        weight_max: in a minute.
    """

    def __init__(self, path: Path, clock: Clock, weight_max: int = WEIGHT_MAX) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._weight_max = weight_max
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, weight: int, urgency: Urgency) -> float:
        """Take the weight if it is there now.

        Returns:
            0, or after how many seconds there is enough if nobody else takes any; then nothing was taken.
        """
        with self._slots() as slots:
            now = int(self._clock.monotonic())
            recent = sorted(
                (second, used) for second, used in slots.values() if now - WINDOW_S < second <= now
            )
            excess = sum(used for _, used in recent) + weight - (self._weight_max - urgency)
            if excess <= 0:
                self._add(slots, now, weight)
                return 0.0
        for second, used in recent:
            excess -= used
            if excess <= 0:
                return float(second + WINDOW_S - now)
        return float(WINDOW_S)

    def charge(self, weight: int) -> None:
        """Count what has been used already."""
        if weight:
            with self._slots() as slots:
                self._add(slots, int(self._clock.monotonic()), weight)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _add(self, slots: dict[int, tuple[int, int]], now: int, weight: int) -> None:
        number = now % SLOTS
        second, used = slots.get(number, (now, 0))
        total = weight + (used if second == now else 0)
        os.pwrite(self._file, _SLOT.pack(now, total), number * _SLOT.size)

    @contextmanager
    def _slots(self) -> Iterator[dict[int, tuple[int, int]]]:
        fcntl.flock(self._file, fcntl.LOCK_EX)  # held for microseconds
        try:
            data = os.pread(self._file, _SIZE, 0)
            whole = len(data) - len(data) % _SLOT.size
            yield dict(enumerate(_SLOT.iter_unpack(data[:whole])))
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


class AddressBudget:
    """The actions that one address has left. Until the exchange has said how many, it alone limits them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used = 0
        self._cap: int | None = None
        self._beyond_at = -BEYOND_EVERY_S  # when the last action beyond the limit was taken

    def told(self, used: int, cap: int) -> None:
        """The exchange's own count: actions used, and allowed, cancels aside."""
        self._used, self._cap = used, cap

    def take(self, count: int, urgency: Urgency, *, is_cancel: bool) -> float:
        """Take so many actions if they are left. Returns 0, or after how many seconds one may try again."""
        if self._cap is not None:
            cap = min(self._cap + CANCELS_MORE_MAX, self._cap * 2) if is_cancel else self._cap
            if self._used + count > cap - urgency:
                wait_s = self._beyond_at + BEYOND_EVERY_S - self._clock.monotonic()
                if wait_s > 0:
                    return wait_s
                self._beyond_at = self._clock.monotonic()
        self._used += count
        return 0.0
