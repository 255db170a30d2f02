"""What the kill switch keeps: the halts in force."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select, update

from actors.ledger_events import Latch
from actors.store import Latches
from cluster.store.database import Database, count_up, put
from cluster.store.tables import COUNTERS, HALT_GENERATION, LATCHES

# The lock makes changes wait for each other on databases where writers run side by side.
_GENERATION = select(COUNTERS.c.value).where(COUNTERS.c.name == HALT_GENERATION).with_for_update()
_LATCHES = select(LATCHES).order_by(LATCHES.c.scope)


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
        return await self.overtake(0, latch)

    async def overtake(self, generation: int, latch: Latch) -> Latches:
        def deepen(store: Connection) -> Latches:
            now = _in_force(store)
            is_there = any(
                old.scope == latch.scope and old.level.rank >= latch.level.rank for old in now.latches
            )
            if is_there and now.generation > generation:
                return now
            if now.generation < generation:
                counter = update(COUNTERS).where(COUNTERS.c.name == HALT_GENERATION)
                store.execute(counter.values(value=generation))
            newest = count_up(store, COUNTERS, HALT_GENERATION)
            if not is_there:
                put(store, LATCHES, [{**msgspec.structs.asdict(latch), "generation": newest}])
            return _in_force(store)

        return await self._database.write(deepen)

    async def clear_latch(self, scope: str, generation: int | None = None) -> Latches:
        def clear(store: Connection) -> Latches:
            latch = LATCHES.c.scope == scope
            if generation is not None:
                latch &= LATCHES.c.generation == generation
            if store.execute(delete(LATCHES).where(latch)).rowcount:
                count_up(store, COUNTERS, HALT_GENERATION)
            return _in_force(store)

        return await self._database.write(clear)


def _in_force(store: Connection) -> Latches:
    latest = store.execute(_GENERATION).scalar_one()
    rows = store.execute(_LATCHES)
    return Latches(generation=latest, latches=tuple(Latch(**row._asdict()) for row in rows))
