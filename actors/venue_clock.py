"""What time it is at the venue, by its own answers: the clock that judges every order's expiry.

Nobody's clocks are synchronised. Whoever asks notes when he asked; the answer's time then lies between the question and
now, so that half the round trip bounds the error, and the monotonic clock carries it on from there.

Source: Cristian, "Probabilistic clock synchronization" (1989).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.clock import Clock
from risk.leases import CLOCK_ERROR, RHO

ROUND_TRIP_MAX_S = 2 * CLOCK_ERROR.total_seconds()  # an answer that took longer says too little
AGE_MAX_S = 30.0  # after which the estimate has gone wrong by up to 0.3 s more, and is no longer used


@dataclass(frozen=True, slots=True)
class _Reading:
    at: datetime  # the venue's own time
    asked_at: float  # monotonic
    heard_at: float  # monotonic


class VenueClock:
    """The venue's clock: where it probably stands, and where it stands at least and at most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: _Reading | None = None
        self._sharp: _Reading | None = None  # the newest that took no longer than ``ROUND_TRIP_MAX_S``

    def heard(self, at: datetime, *, asked_at: float) -> None:
        """Take in an answer.

        Args:
            at: what the venue's clock showed when it answered.
            asked_at: our monotonic clock when the question was sent.
        """
        reading = _Reading(at, asked_at, self._clock.monotonic())
        if self._newest is None or asked_at >= self._newest.asked_at:
            self._newest = reading
            if reading.heard_at - asked_at <= ROUND_TRIP_MAX_S:
                self._sharp = reading

    def now(self) -> datetime | None:
        """The venue's time, give or take ``CLOCK_ERROR`` and the drift since; ``None`` when nobody can say."""
        if self._sharp is None:
            return None
        middle = (self._sharp.asked_at + self._sharp.heard_at) / 2
        age_s = self._clock.monotonic() - middle
        return self._sharp.at + timedelta(seconds=age_s) if age_s <= AGE_MAX_S else None

    def at_least(self) -> datetime | None:
        """A time that the venue's clock has reached for certain; ``None`` before its first answer."""
        if self._newest is None:
            return None
        since_s = self._clock.monotonic() - self._newest.heard_at
        return self._newest.at + timedelta(seconds=since_s * (1 - 2 * RHO))

    def at_most(self) -> datetime | None:
        """A time that the venue's clock has not passed for certain; ``None`` before its first answer."""
        if self._newest is None:
            return None
        since_s = self._clock.monotonic() - self._newest.asked_at
        return self._newest.at + timedelta(seconds=since_s * (1 + 2 * RHO))

    def surely_past(self, moment: datetime) -> bool:
        """Whether the venue's clock is beyond the moment, whatever the error of our estimate."""
        reached = self.at_least()
        return reached is not None and reached > moment
