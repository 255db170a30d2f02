"""The dead man's switch: all of a user's orders are cancelled at a time that he keeps putting off."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from adapters.simulators.hyperliquid.refusals import Refused
from adapters.simulators.hyperliquid.wire import millis, moment, plain

AHEAD_MIN = timedelta(seconds=5)
TRIGGERS_A_DAY = 10


class DeadMansSwitch:
    """Each user's time.

    Source: Hyperliquid documentation, "Exchange endpoint", schedule cancel; the volume is the live venue's refusal.

    Args:
        volume_usd: to be traded before it can be used.
    """

    def __init__(self, volume_usd: Decimal) -> None:
        self._volume_usd = volume_usd
        self._due: dict[str, datetime] = {}
        self._gone_off: dict[tuple[str, date], int] = {}

    def set(self, user: str, time_ms: int | None, traded_usd: Decimal, now: datetime) -> None:
        """Put it off to a time, or with None for ever.

        Raises:
            Refused: too little was traded, the time is too near, or it went off too often today.
        """
        if traded_usd < self._volume_usd:
            raise Refused(
                "Cannot set scheduled cancel time until enough volume traded. "
                f"Required: ${plain(self._volume_usd)}. Traded: ${plain(round(traded_usd, 5))}."
            )
        if time_ms is None:
            self._due.pop(user, None)
            return
        if time_ms < millis(now + AHEAD_MIN):
            raise Refused("Scheduled cancel time too early, must be at least 5 seconds from now.")
        if self._gone_off.get((user, now.date()), 0) >= TRIGGERS_A_DAY:
            raise Refused(f"Cannot schedule cancel: {TRIGGERS_A_DAY} triggers were used today.")
        self._due[user] = moment(time_ms)

    def go_off(self, now: datetime) -> list[str]:
        """The users whose time has come; each counts as one of the day's triggers."""
        due = [user for user, at in self._due.items() if at <= now]
        for user in due:
            key = (user, self._due.pop(user).date())
            self._gone_off[key] = self._gone_off.get(key, 0) + 1
        return due
