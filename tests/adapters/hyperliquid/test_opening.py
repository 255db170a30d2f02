"""From a key and a folder to an account that trades."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.errors import ConfigError
from adapters.hyperliquid.opening import open_feed, open_venue
from adapters.model import OrderStatus
from tests.adapters.hyperliquid.grounds import CASH_USD, KEY, Ground
from tests.adapters.hyperliquid.test_venue import an_order
from tests.builders import BTC

AGENT_KEY = "0x" + "5e" * 32
VAULT = "0x" + "7A" * 20


async def test_the_accounts_own_key_trades_for_it(ground: Ground, tmp_path: Path) -> None:
    venue = open_venue(ground.url, KEY, tmp_path / "own", ground.clock)
    assert (await venue.account()).equity_usd == CASH_USD
    assert (await venue.place(an_order())).status is OrderStatus.OPEN
    await venue.aclose()


async def test_a_vaults_leader_trades_for_the_vault(ground: Ground, tmp_path: Path) -> None:
    ground.exchange.open_vault(VAULT, ground.signer.address, CASH_USD / 2)
    venue = open_venue(ground.url, KEY, tmp_path / "own", ground.clock, vault=VAULT)
    assert (await venue.account()).equity_usd == CASH_USD / 2
    assert (await venue.place(an_order())).status is OrderStatus.OPEN
    assert [report.order.id for report in await venue.open_orders()] == [an_order().id]
    assert not await ground.venue.open_orders()
    await venue.aclose()


async def test_an_api_wallet_trades_for_the_account_that_approved_it(ground: Ground, tmp_path: Path) -> None:
    await ground.approve(AGENT_KEY)
    venue = open_venue(
        ground.url,
        AGENT_KEY,
        tmp_path / "agent",
        ground.clock,
        account=ground.signer.address.upper().replace("X", "x"),
    )
    assert (await venue.account()).equity_usd == CASH_USD
    assert (await venue.place(an_order())).status is OrderStatus.OPEN
    assert [report.order.id for report in await ground.venue.open_orders()] == [an_order().id]
    await venue.aclose()


async def test_two_wallets_of_one_key_do_not_run_side_by_side(ground: Ground, tmp_path: Path) -> None:
    first = open_venue(ground.url, KEY, tmp_path / "own", ground.clock)
    with pytest.raises(ConfigError, match="another process"):
        open_venue(ground.url, KEY, tmp_path / "own", ground.clock)
    await first.aclose()


async def test_wallets_and_feed_count_their_requests_together(ground: Ground, tmp_path: Path) -> None:
    venue = open_venue(ground.url, KEY, tmp_path / "own", ground.clock)
    feed = open_feed(ground.url, [BTC], tmp_path / "own", ground.clock)
    await venue.instruments()
    assert list(await feed.instruments()) == [BTC]
    assert len(list((tmp_path / "own").glob("*.weight"))) == 1
    await venue.aclose()
    await feed.aclose()
