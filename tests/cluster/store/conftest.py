"""A store on a fresh file, and the values that the tests put into it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.store.sql import SqlStore, open_store


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "flotilla.db"


@pytest.fixture
def url(store_file: Path) -> str:
    return f"sqlite:///{store_file}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    store = open_store(url)
    yield store
    await store.aclose()
