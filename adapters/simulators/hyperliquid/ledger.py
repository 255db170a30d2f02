"""The venue's own account of what happened, for whoever judges what others say of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from adapters.simulators.hyperliquid.wire import Json

KEPT = 200_000


class Deed(StrEnum):
    """What kind of thing happened."""

    ACCEPTED = "accepted"  # an order, with its number
    REFUSED = "refused"  # an order, or a whole action
    ENDED = "ended"  # an order, with its last status
    FILLED = "filled"  # a part of an order traded
    CANCEL = "cancel"  # somebody asked for it, and was answered
    FUNDED = "funded"  # funding was paid or received
    MOVED = "moved"  # money, between accounts
    SET = "set"  # leverage, an agent, a scheduled cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    number: int  # from 1, without gaps
    time: int  # milliseconds, by the venue's clock
    deed: Deed
    user: str
    data: Json


class Ledger:
    """What happened, in order; the newest ``KEPT`` of it.

    Args:
        tell: hears of each entry as it is made.
    """

    def __init__(self, tell: Callable[[Entry], None] | None = None) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._numbers = count(1)
        self._tell = tell

    def write(self, time: int, deed: Deed, user: str, data: Json) -> None:
        """Note one thing."""
        entry = Entry(number=next(self._numbers), time=time, deed=deed, user=user, data=data)
        self._entries.append(entry)
        if self._tell is not None:
            self._tell(entry)

    def after(self, number: int = 0) -> list[Entry]:
        """What is numbered above, oldest first."""
        return [entry for entry in self._entries if entry.number > number]
