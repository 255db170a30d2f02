"""The host of the recorder.

Whoever calls an actor imports its host's module, for Ray makes a handle from the class: so the database library, a
quarter of a bot's memory, is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from actors.messages import CycleRecord
from actors.recorder import Recorder
from actors.store import EquityPoint
from cluster.ray_runtime.host import Host, for_ever
from config.spec import FleetSpec


class RecorderHost(Host):
    """The recorder."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        from cluster.store.sql import open_store

        fleet: FleetSpec
        (fleet,) = self.arguments
        store = open_store(fleet.store)
        self.incarnation = await store.next_number("recorder")
        self.recorder = Recorder(store)
        return for_ever()

    async def cycles(self, records: Sequence[CycleRecord]) -> None:
        """Keep cycle records."""
        await self.started.wait()
        await self.recorder.cycles(records)

    async def equity(self, points: Sequence[EquityPoint]) -> None:
        """Keep what the wallets were worth."""
        await self.started.wait()
        await self.recorder.equity(points)
