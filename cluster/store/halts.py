"""What the kill switch keeps: the halts in force."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select

from actors.ledger_events import Latch
from actors.store import Latches
from cluster.store.database import Database, count_up, put
from cluster.store.tables import COUNTERS, HALT_GENERATION, LATCHES


class SqlHalts:
    """``HaltStore`` but for its wallets and events.

    Every change takes the next generation in its own transaction; a call that changes nothing takes none.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_latches(self) -> Latches:
        return await self._database.read(_in_force)

    async def set_latch(self, latch: Latch) -> Latches:
        """Latch or deepen; the latch gets the new generation, whatever its own. See ``HaltStore``."""

        def deepen(store: Connection) -> Latches:
            now = _in_force(store)
            if any(old.scope == latch.scope and old.level.rank >= latch.level.rank for old in now.latches):
                return now
            generation = count_up(store, COUNTERS, HALT_GENERATION)
            put(store, LATCHES, [{**msgspec.structs.asdict(latch), "generation": generation}])
            return _in_force(store)

        return await self._database.write(deepen)

    async def clear_latch(self, scope: str) -> Latches:
        def clear(store: Connection) -> Latches:
            if store.execute(delete(LATCHES).where(LATCHES.c.scope == scope)).rowcount:
                count_up(store, COUNTERS, HALT_GENERATION)
            return _in_force(store)

        return await self._database.write(clear)


def _in_force(store: Connection) -> Latches:
    # The lock makes changes wait for each other on databases where writers run side by side.
    generation = select(COUNTERS.c.value).where(COUNTERS.c.name == HALT_GENERATION).with_for_update()
    latest = store.execute(generation).scalar_one()
    rows = store.execute(select(LATCHES).order_by(LATCHES.c.scope))
    return Latches(generation=latest, latches=tuple(Latch(**row._asdict()) for row in rows))
