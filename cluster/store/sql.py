"""The store on SQL."""

from __future__ import annotations

from cluster.store.database import Database
from cluster.store.fleet import SqlFleet
from cluster.store.guard import SqlGuard
from cluster.store.halts import SqlHalts
from cluster.store.opening import open_engine
from cluster.store.records import SqlRecords


class SqlStore(SqlFleet, SqlHalts, SqlGuard, SqlRecords):
    """All that the control actors keep: meets every protocol of ``actors.store``.

    Each actor opens its own; they share the database, not the object.
    """

    async def aclose(self) -> None:
        """Waits for the calls under way and gives the connection back."""
        await self._database.aclose()


def open_store(url: str) -> SqlStore:
    """Opens the store, made or brought up to date where needed. Blocks for a moment; safe for many at once.

    Args:
        url: an SQLAlchemy URL, ``sqlite:////absolute/path`` or ``postgresql+psycopg://…``.

    Raises:
        ConfigError: the URL or its place cannot be used, or a newer version of Flotilla wrote the store.
        StoreDamaged: it is there but cannot be read; nothing was changed.
        StoreUnavailable: try again.
    """
    return SqlStore(Database(open_engine(url)))
