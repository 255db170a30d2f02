"""The recorder: cycle records and equity points into the store, in batches, each once."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from actors.messages import CycleRecord
from actors.store import EquityPoint, Event, RecordStore

_log = logging.getLogger(__name__)


class Recorder:
    """Takes batches; the store skips what it has, so a sender may repeat a batch whose answer was lost."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self.taken = 0

    async def cycles(self, records: Sequence[CycleRecord]) -> None:
        """Keep cycle records."""
        await self._store.add_cycles(records)
        self.taken += len(records)

    async def events(self, events: Sequence[Event]) -> None:
        """Keep lines of the fleet's life."""
        await self._store.add_events(events)

    async def equity(self, points: Sequence[EquityPoint]) -> None:
        """Keep what the wallets were worth."""
        await self._store.add_equity(points)
