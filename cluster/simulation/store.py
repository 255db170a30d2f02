"""The store without its thread: the production SQL on a database in memory, one at a time in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import sqlite3
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from actors.store import Latches
from adapters.model import WalletId
from cluster.simulation.loop import SimLoop, VirtualExecutor
from cluster.store.database import Database, StoreUnavailable, own_errors
from cluster.store.opening import open_engine
from cluster.store.sql import SqlStore
from cluster.store.tables import HALT_GENERATION

T = TypeVar("T")
TAKES_S = 0.002  # a transaction, about


class ControlDisk:
    """The control host's database: it survives every process, and is out of reach for a while when a fault says so."""

    def __init__(self, loop: SimLoop, seed: str, bite: Callable[[str], None]) -> None:
        self.is_down = False
        self.loop = loop
        self.random = random.Random(seed)  # noqa: S311
        self.bite = bite
        self._engine, self._connection = _empty()
        self.grants = _Known(self._connection, self._read_grants)  # what is granted to each wallet, on disk
        self.latch_rows = _Known(self._connection, self._read_latch_rows)  # and the counter of the latches

    def store(self) -> SqlStore:
        """What one process opens."""
        return _Store(self, _Database(self._engine, _Turns(self)))

    def _read_latch_rows(self) -> list[Any]:
        counted = self._connection.execute("SELECT value FROM counters WHERE name = ?", (HALT_GENERATION,))
        return counted.fetchall() + self._connection.execute("SELECT * FROM latches").fetchall()

    def _read_grants(self) -> dict[WalletId, Decimal]:
        rows = self._connection.execute("SELECT wallet, granted_usd FROM grants").fetchall()
        return {WalletId(wallet): Decimal(granted) for wallet, granted in rows}


class _Known(Generic[T]):
    """What a query answers, asked again only when a row was written since."""

    def __init__(self, connection: sqlite3.Connection, ask: Callable[[], T]) -> None:
        self._connection = connection
        self._ask = ask
        self._asked_at = connection.total_changes
        self._answer = ask()

    def __call__(self) -> T:
        if self._asked_at != self._connection.total_changes:
            self._asked_at, self._answer = self._connection.total_changes, self._ask()
        return self._answer


class _Store(SqlStore):
    """The production store, which reads the latches again only when they changed: half of all that is ever read."""

    def __init__(self, disk: ControlDisk, database: _Database) -> None:
        super().__init__(database)
        self._disk = disk
        self._turns = database.turns
        self._rows: list[Any] = []
        self._latches: Latches | None = None

    async def load_latches(self) -> Latches:
        rows = await self._turns.begin(self._disk.latch_rows)
        if self._latches is None or rows != self._rows:
            self._rows, self._latches = rows, await super().load_latches()
        return self._latches


class _Database(Database):
    """The production one, on a connection that stays open: to open one for each transaction is half of its cost."""

    def __init__(self, engine: Engine, turns: _Turns) -> None:
        super().__init__(engine, turns)
        self.turns = turns
        self._connection = engine.connect()

    async def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with own_errors(engine), self._connection.begin():
                return work(self._connection)

        return await self.turns.begin(transaction)


class _Turns(VirtualExecutor):
    """One process's transactions, in the order in which they were asked for."""

    def __init__(self, disk: ControlDisk) -> None:
        self._disk = disk
        self._free_at = 0.0

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop, done = self._disk.loop, self._disk.loop.create_future()
        self._free_at = max(self._free_at, loop.time()) + self._disk.random.uniform(0.2, 2) * TAKES_S
        loop.call_at(self._free_at, self._run, done, work)
        return done

    def _run(self, done: asyncio.Future[T], work: Callable[[], T]) -> None:
        if done.cancelled():
            done = (
                self._disk.loop.create_future()
            )  # nobody waits for it any more, and it happens all the same
        try:
            if self._disk.is_down:
                self._disk.bite("store down")
                raise StoreUnavailable("store: disk I/O error")
            result = work()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(result)


def _empty() -> tuple[Engine, sqlite3.Connection]:
    """A store in which nothing was ever kept; one engine for all runs of a process, since engines are dear."""
    engine, connection = _engine()
    connection.deserialize(_template())
    return engine, connection


@functools.cache
def _engine() -> tuple[Engine, sqlite3.Connection]:
    # Transactions begin with their first write, as the driver does by itself: nobody could come between two reads.
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    engine = create_engine(
        "sqlite://",
        creator=lambda: connection,
        poolclass=StaticPool,
        pool_reset_on_return=None,  # each has been committed or rolled back by then
        hide_parameters=True,
    )
    return engine, connection


@functools.cache
def _template() -> bytes:
    """A new store as production makes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        open_engine(f"sqlite:///{path}").dispose()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # a log beside it would be left behind
            return connection.serialize()
