"""The trading session of a market that closes. Where these come from is the venue's to know; here is what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    """Where in its day a market is."""

    CLOSED = "closed"
    EXTENDED = "extended"  # before the open or after the close: thin, and limit orders only
    REGULAR = "regular"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One trading day: the one that runs, or the next one. A half day or a change of the clocks is in its times."""

    opens_at: datetime
    closes_at: datetime
    extended_from: datetime | None = None  # None where the market has no extended hours
    extended_until: datetime | None = None
    trade_extended: bool = False  # whether orders may be sent in extended hours
    may_queue: bool = False  # whether an order may wait at the venue for the next open

    def phase(self, now: datetime) -> Phase:
        """Where the day is at this instant; the close itself is closed."""
        if self.opens_at <= now < self.closes_at:
            return Phase.REGULAR
        early = self.extended_from is not None and self.extended_from <= now < self.opens_at
        late = self.extended_until is not None and self.closes_at <= now < self.extended_until
        return Phase.EXTENDED if early or late else Phase.CLOSED

    def takes_orders(self, now: datetime) -> bool:
        """Whether an order that is sent now trades now, or may wait for the open."""
        match self.phase(now):
            case Phase.REGULAR:
                return True
            case Phase.EXTENDED:
                return self.trade_extended
            case Phase.CLOSED:
                return self.may_queue
