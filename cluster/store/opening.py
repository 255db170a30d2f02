"""Opening the store: found or made, checked, and brought to today's tables.

A new SQLite store is made under another name and takes its own name only when it is complete. So a file of that name
was complete once; an empty or strange one is damage, and is never filled with fresh tables.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError

from adapters.errors import ConfigError
from cluster.store.database import WRITES, damaged, own_errors
from cluster.store.tables import METADATA, RECORDS

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 10.0


def open_engine(url: str) -> Engine:
    """An engine on a store that is ready for use. Raises as ``open_store``."""
    place = _parse(url)
    if place.get_backend_name() == "sqlite":
        return _open_file(place)
    try:
        engine = create_engine(place, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise ConfigError(f"store {place.render_as_string()}: install the driver {error.name}") from error
    with _disposed_on_error(engine):
        _upgrade(engine)
    return engine


def _parse(url: str) -> URL:
    try:
        place = make_url(url)
        usable = place.get_backend_name() in ("sqlite", "postgresql") and not place.get_dialect().is_async
    except ArgumentError:
        usable = False
    if not usable:
        # The text is not repeated: it may hold a password that could not be told from the rest.
        raise ConfigError(
            "store: not a URL of the form sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"
        )
    return place


def _open_file(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigError("store: sqlite needs the path of a file, as in sqlite:///state/flotilla.db")
    path = Path(url.database).absolute()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder_locked(path.parent):
            if not path.exists():
                _make_file(url, path)
            engine = _sqlite_engine(url, path)
            with _disposed_on_error(engine):
                _check_made(engine, path)
                path.chmod(0o600)
                _upgrade(engine)
                _check_pages(engine)
            return engine
    except OSError as error:
        raise ConfigError(
            f"store {path} cannot be opened ({error}): it needs a local folder that this user can write to"
        ) from error


@contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    # Nobody may open and close the database file itself: that would drop the locks that SQLite holds on it for
    # another connection of this process (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} is not writable")
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _make_file(url: URL, path: Path) -> None:
    for remains in (f"{path}-wal", f"{path}-journal"):
        if Path(remains).exists():
            raise damaged(str(path), f"is gone, but {remains} is still there")
    fresh = path.with_name(f"{path.name}.new")
    for end in ("", "-wal", "-shm", "-journal"):
        Path(f"{fresh}{end}").unlink(missing_ok=True)  # its maker died
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL, 0o600))
    engine = _sqlite_engine(url, fresh)
    with _disposed_on_error(engine):
        _upgrade(engine)
    with own_errors(engine), closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode = WAL")  # stays with the file
    engine.dispose()
    os.rename(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def _sqlite_engine(url: URL, path: Path) -> Engine:
    engine = create_engine(
        url.set(database=str(path)),
        hide_parameters=True,
        pool_size=1,
        max_overflow=0,
        connect_args={"timeout": _BUSY_TIMEOUT_S},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that turned from reader to writer half way could be refused; these wait for their turn.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _check_made(engine: Engine, path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"store {path} is not a file")
    if path.stat().st_size == 0:  # before SQLite sees it, which would take an empty file for a new one
        raise damaged(str(path), "is an empty file")
    with own_errors(engine), engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            raise damaged(str(path), "is not a store of Flotilla")


def _check_pages(engine: Engine) -> None:
    # What the fleet's safety hangs on is small and read whole. The records are not: they may be gigabytes.
    with own_errors(engine), engine.connect() as connection:
        for table in METADATA.sorted_tables:
            if table not in RECORDS:
                found = connection.exec_driver_sql(f"PRAGMA quick_check('{table.name}')").scalar_one()
                if found != "ok":
                    raise damaged(str(engine.url.database), f"is damaged ({found})")


def _upgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with own_errors(engine), engine.execution_options(**{WRITES: True}).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError(
            f"store {engine.url.render_as_string()} was written by a newer version of Flotilla ({error})"
        ) from error


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise
