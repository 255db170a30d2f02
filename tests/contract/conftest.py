"""One opened venue for each test of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.venues import BEHIND_FAULTS, VENUES, VenueUnderTest


@pytest.fixture(params=VENUES)
async def under(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VenueUnderTest]:
    """Every venue, with BTC at 999 to 1001."""
    async with VENUES[request.param](tmp_path) as venue:
        venue.show(999, 1001)
        yield venue


@pytest.fixture(params=BEHIND_FAULTS)
async def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VenueUnderTest]:
    """Every venue that has a fault proxy before it, with BTC at 999 to 1001, connected."""
    async with VENUES[request.param](tmp_path) as venue:
        venue.show(999, 1001)
        await venue.venue.instruments()
        yield venue
