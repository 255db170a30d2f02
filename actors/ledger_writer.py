"""The one way into a ledger: the journal first, then memory; and what is done when the disk will not take it.

A disk that fails ends what rests on it: nothing is opened, no lease is taken, no halt counts as noted. What the venue
has done has happened all the same, so it is taken in, and closing and cancelling go on: a successor would find it at
the venue. The journal is written anew, whole, as soon as the disk takes it.
"""

from __future__ import annotations

import logging

from actors.journal import Journal, JournalFailed
from actors.ledger import Ledger
from actors.ledger_events import Intended, Latched, LeaseTaken, LedgerEvent, Seated
from adapters.clock import Clock

MEND_S = 1.0  # between two attempts to write the journal anew
_log = logging.getLogger(__name__)


class LedgerWriter:
    """Writes to one journal and one ledger."""

    def __init__(self, journal: Journal, ledger: Ledger, clock: Clock) -> None:
        self.is_failing = False
        self._journal = journal
        self._ledger = ledger
        self._clock = clock
        self._tried_at = 0.0  # monotonic

    def write(self, *events: LedgerEvent) -> None:
        """Journal, then apply.

        Raises:
            JournalFailed: the disk does not take what must be on it first. Nothing was applied.
        """
        if not self._journaled(events) and any(map(_must_be_on_disk, events)):
            raise JournalFailed("the journal cannot be written: closing and cancelling only")
        for event in events:
            self._ledger.apply(event)
        if self._journal.is_long and not self.is_failing:
            self._write_anew()

    def mend(self) -> None:
        """Try again, if it is time to."""
        now = self._clock.monotonic()
        if self.is_failing and now - self._tried_at >= MEND_S:
            self._tried_at = now
            self._write_anew()

    def _journaled(self, events: tuple[LedgerEvent, ...]) -> bool:
        self.mend()
        if self.is_failing:
            return False
        try:
            self._journal.append(*events)
        except OSError as error:
            self._fail(error)
            return False
        return True

    def _write_anew(self) -> None:
        self._ledger.forget()
        try:
            self._journal.compact([self._ledger.summary()])
        except OSError as error:
            self._fail(error)
        else:
            self.is_failing = False

    def _fail(self, error: OSError) -> None:
        if not self.is_failing:
            _log.critical("the journal cannot be written: %s", error)
        self.is_failing = True


def _must_be_on_disk(event: LedgerEvent) -> bool:
    """Whether a successor that does not know of it could do harm."""
    match event:
        case Intended(purpose=purpose):
            return not purpose.reduces
        case LeaseTaken() | Latched() | Seated():
            return True
        case _:
            return False
