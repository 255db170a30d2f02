"""The exchange and one account on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.hyperliquid.grounds import Ground, opened


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    """With BTC at 999 to 1001; see ``tests.adapters.hyperliquid.grounds.opened``."""
    async with opened(tmp_path) as ground:
        ground.show()
        yield ground
