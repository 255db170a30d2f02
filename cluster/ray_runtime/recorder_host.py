"""The host of the recorder."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from actors.messages import CycleRecord
from actors.recorder import Recorder
from actors.store import EquityPoint
from cluster.ray_runtime.host import Host, for_ever
from cluster.store.sql import open_store
from config.spec import FleetSpec


class RecorderHost(Host):
    """The recorder."""

    async def begin(self) -> Coroutine[Any, Any, None]:

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
