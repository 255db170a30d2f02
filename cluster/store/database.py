"""Transactions on the store: off the event loop, one at a time, with our own errors."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from adapters.errors import ConfigError, Disposition, TradingError

T = TypeVar("T")
RowValues: TypeAlias = Mapping[str, Any]

WRITES = "flotilla_writes"  # execution option of the transactions that do not only read


class StoreDamaged(ConfigError):
    """The store holds what cannot be read; it is left as it is."""


class StoreUnavailable(TradingError):
    """The store cannot be read or written just now: locked for too long, disk full, server gone."""

    disposition = Disposition.RETRY


class Database:
    """The store's connection and the one thread that uses it.

    Calls take effect in the order in which they were made. One that is cancelled may still take effect.

    Args:
        engine: the store.
        executor: where transactions run, one at a time; a thread of its own if ``None``.
    """

    def __init__(self, engine: Engine, executor: Executor | None = None) -> None:
        self._reading = engine
        self._writing = engine.execution_options(**{WRITES: True})
        self._thread = executor or ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` answers, from one snapshot."""
        return await self._run(self._reading, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` as one transaction, alone; it is on disk when this returns, and undone when this raises."""
        return await self._run(self._writing, work)

    async def aclose(self) -> None:
        """Waits for the calls under way."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._reading.dispose)
        self._thread.shutdown()

    async def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with own_errors(engine), engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)


@contextmanager
def own_errors(engine: Engine) -> Iterator[None]:
    """Turns a driver's errors into ours, naming the store (never its password)."""
    try:
        yield
    except IntegrityError:
        raise
    except OperationalError as error:
        raise StoreUnavailable(f"store {_place(engine)}: {error.orig}") from error
    except (DatabaseError, msgspec.DecodeError) as error:
        detail = error.orig if isinstance(error, DatabaseError) else error
        raise damaged(_place(engine), f"is damaged ({detail})") from error


def _place(engine: Engine) -> str:
    return str(engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string())


def damaged(place: str, finding: str) -> StoreDamaged:
    """The error for a store that must not be touched."""
    return StoreDamaged(
        f"store {place} {finding}: stop the fleet and restore the store from a backup, or move what is left of it"
        " away to begin anew (bots, halts and leases are then forgotten)"
    )


def put(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    """Insert rows; where the key is there, the given columns replace what is in them."""
    if rows:
        connection.execute(_put(connection.dialect.name, table, tuple(rows[0])), rows)


def put_missing(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    """Insert the rows that break no key; the others are as good as kept."""
    if rows:
        connection.execute(_put_missing(connection.dialect.name, table), rows)


def count_up(connection: Connection, counters: Table, name: str) -> int:
    """The next number of a counter: 1, 2, 3, …"""
    counting = _count_up(connection.dialect.name, counters)
    return int(connection.execute(counting, {"name": name, "value": 1}).scalar_one())


# Building a statement costs more than running it, so each is built once for all who ask for the same.


@functools.cache
def _put(dialect: str, table: Table, columns: tuple[str, ...]) -> Executable:
    statement = _insert_into(dialect, table)
    keys = [column.name for column in table.primary_key]
    given = {name: statement.excluded[name] for name in columns if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=given)


@functools.cache
def _put_missing(dialect: str, table: Table) -> Executable:
    return _insert_into(dialect, table).on_conflict_do_nothing()


@functools.cache
def _count_up(dialect: str, counters: Table) -> Executable:
    following = _insert_into(dialect, counters).on_conflict_do_update(
        index_elements=[counters.c.name], set_={"value": counters.c.value + 1}
    )
    return following.returning(counters.c.value)


def _insert_into(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
