"""Finding, making and refusing a store."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import aclosing, closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from actors.ledger_events import Latch
from adapters.errors import ConfigError
from cluster.store.database import StoreDamaged
from cluster.store.opening import open_engine
from cluster.store.sql import open_store
from cluster.store.tables import METADATA
from config.spec import HaltLevel
from tests.cluster.store.builders import a_bot

A_LATCH = Latch(scope="fleet", level=HaltLevel.FLATTEN, generation=0, reason="drill")


def _make(url: str) -> None:
    async def fill() -> None:
        async with aclosing(open_store(url)) as store:
            await store.set_latch(A_LATCH)
            await store.save_package("ab" * 32, b"code" * 10_000)
            await store.add_bots([a_bot(f"bot-{number}") for number in range(100)])

    asyncio.run(fill())


def test_the_migrations_lead_to_the_tables_of_today(url: str) -> None:
    engine = open_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_a_store_is_durable_and_for_its_owner_only(store_file: Path, url: str) -> None:
    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 10_000
        connection.exec_driver_sql("SELECT * FROM bots")
        modes = {file.name: oct(file.stat().st_mode)[-3:] for file in store_file.parent.iterdir()}
    engine.dispose()
    assert modes == {"flotilla.db": "600", "flotilla.db-wal": "600", "flotilla.db-shm": "600"}
    assert oct(store_file.parent.stat().st_mode)[-3:] == "700"


def test_a_store_whose_mode_was_opened_is_closed_to_others_again(store_file: Path, url: str) -> None:
    _make(url)
    store_file.chmod(0o644)
    open_engine(url).dispose()
    assert oct(store_file.stat().st_mode)[-3:] == "600"


def test_what_a_dead_maker_left_is_in_nobodys_way(store_file: Path, url: str) -> None:
    store_file.parent.mkdir()
    for end in ("", "-wal", "-journal"):
        store_file.with_name(f"flotilla.db.new{end}").write_bytes(b"half")
    open_engine(url).dispose()
    assert [file.name for file in store_file.parent.iterdir()] == ["flotilla.db"]


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _overwritten(file: Path) -> None:
    file.write_bytes(b"\0" * file.stat().st_size)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _scribbled(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-8192] + b"\xa5" * 8192)  # two pages of bots: the head is whole


def _against_its_own_rules(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("INSERT INTO fleet VALUES (2, '{}')")


def _of_another_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")


@pytest.mark.parametrize(
    "damage", [_emptied, _overwritten, _cut, _scribbled, _against_its_own_rules, _of_another_program]
)
def test_a_damaged_store_is_refused_and_left_as_it_is(
    store_file: Path, url: str, damage: Callable[[Path], None]
) -> None:
    _make(url)
    damage(store_file)
    before = store_file.read_bytes()
    with pytest.raises(StoreDamaged) as refused:
        open_store(url)
    assert str(store_file) in str(refused.value)
    assert "restore" in str(refused.value)
    assert store_file.read_bytes() == before


def test_an_emptied_store_keeps_its_log(store_file: Path, url: str) -> None:
    _make(url)
    store_file.write_bytes(b"")
    log = store_file.with_name("flotilla.db-wal")
    log.write_bytes(b"the last changes")
    with pytest.raises(StoreDamaged, match="is an empty file"):
        open_store(url)
    assert log.read_bytes() == b"the last changes"


def test_a_lost_store_is_not_replaced_while_its_log_is_there(store_file: Path, url: str) -> None:
    _make(url)
    log = store_file.with_name("flotilla.db-wal")
    log.write_bytes(b"the last changes")
    store_file.unlink()
    with pytest.raises(StoreDamaged, match="is gone"):
        open_store(url)
    assert [file.name for file in store_file.parent.iterdir()] == [log.name]


def test_a_value_that_cannot_be_read_is_damage_and_not_a_default(store_file: Path, url: str) -> None:
    _make(url)
    with closing(sqlite3.connect(store_file)) as connection, connection:
        connection.execute("UPDATE latches SET level = 'asleep'")

    async def load() -> None:
        async with aclosing(open_store(url)) as store:
            await store.load_latches()

    with pytest.raises(StoreDamaged, match="asleep"):
        asyncio.run(load())


def test_a_store_of_a_newer_version_is_refused(store_file: Path, url: str) -> None:
    _make(url)
    with closing(sqlite3.connect(store_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer version"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "state/flotilla.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "sqlite+aiosqlite:////tmp/x.db",
        "mysql://root:hunter2@db/flotilla",
        "postgres ql://fleet:hunter2@db/flotilla",
        "postgresql+nothing://fleet:hunter2@db/flotilla",
    ],
)
def test_a_url_that_cannot_hold_a_store_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^store: ") as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=f"{tmp_path}/file/flotilla.db cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/file/flotilla.db")
    with pytest.raises(ConfigError, match=r"/proc/self/flotilla.db cannot be opened"):
        open_store("sqlite:////proc/self/flotilla.db")


def test_a_folder_in_the_stores_place_keeps_its_mode(tmp_path: Path) -> None:
    mode = tmp_path.stat().st_mode
    with pytest.raises(ConfigError, match="is not a file"):
        open_store(f"sqlite:///{tmp_path}")
    assert tmp_path.stat().st_mode == mode
