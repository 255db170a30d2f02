"""Plays a market at a chosen speed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from adapters.clock import Clock
from adapters.model import MarketEvent

BREATH = 256  # events between two turns of the event loop when there is nothing to wait for


async def play(
    events: Iterable[MarketEvent], clock: Clock, speed: float | None
) -> AsyncIterator[MarketEvent]:
    """The events, each no sooner than its time.

    Every due time is counted from the first event, so that lateness is caught up and never adds up.

    Args:
        events: in the order of their ``at``.
        clock: whose monotonic seconds count.
        speed: market seconds per second of the clock; None plays as fast as possible.

    Raises:
        ValueError: the speed is not positive.
    """
    if speed is not None and not speed > 0:
        raise ValueError(f"speed {speed} is not positive")
    began_s = clock.monotonic()
    began_at = None
    for number, event in enumerate(events):
        began_at = began_at or event.at
        wait_s = 0.0
        if speed is not None:
            due_s = began_s + (event.at - began_at).total_seconds() / speed
            wait_s = due_s - clock.monotonic()
        if wait_s > 0:
            await clock.sleep(wait_s)
        elif number % BREATH == BREATH - 1:
            await clock.sleep(0)
        yield event
