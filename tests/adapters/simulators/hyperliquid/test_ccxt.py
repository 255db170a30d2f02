"""ccxt's Hyperliquid, unmodified, trades on the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import ccxt
import pytest
from eth_account import Account

from adapters.model import Side
from tests.adapters.simulators.hyperliquid.harness import CASH, KEY, World, served

ETH = "ETH/USDC:USDC"


async def run(story: Callable[[Any], None], world: World | None = None) -> None:
    """Let a blocking story run beside the venue."""
    world = world or World()
    address = Account.from_key(KEY).address
    world.venue.fund(address, CASH)

    def told(url: str) -> None:
        client = ccxt.hyperliquid({"walletAddress": address, "privateKey": KEY, "enableRateLimit": False})
        client.set_sandbox_mode(True)  # it signs for the testnet then
        client.urls["api"] = {"public": url, "private": url}
        try:
            story(client)
        finally:
            client.session.close()

    async with served(world) as url:
        await asyncio.to_thread(told, url)


async def test_markets_and_prices_are_read() -> None:
    world = World()
    world.mark("ETH", 3000)
    world.print_trade("ETH", 3000, "1.5", Side.BUY)

    def story(client: Any) -> None:
        markets = {market["symbol"]: market for market in client.fetch_markets()}
        assert {ETH, "BTC/USDC:USDC", "PURR/USDC"} <= markets.keys()
        assert markets[ETH]["precision"] == {"amount": 0.0001, "price": 0.1}
        assert markets[ETH]["limits"]["leverage"]["max"] == 25
        assert client.fetch_order_book(ETH)["bids"][0][0] == 2999.0
        assert client.fetch_ticker(ETH)["last"] == 3000.0
        assert client.fetch_ohlcv(ETH, "1h")[0][4] == 3000.0
        assert client.fetch_funding_rates([ETH])[ETH]["fundingRate"] == 0.0000125

    await run(story, world)


async def test_limit_orders_are_placed_read_changed_and_cancelled() -> None:
    def story(client: Any) -> None:
        assert client.fetch_balance()["USDC"]["total"] == 100_000
        placed = client.create_order(ETH, "limit", "buy", 0.2, 1100, {"clientOrderId": "0x" + 32 * "a"})
        (order,) = client.fetch_open_orders(ETH)
        assert (order["id"], order["price"], order["amount"]) == (placed["id"], 1100, 0.2)
        assert order["clientOrderId"] == "0x" + 32 * "a"
        assert client.fetch_order(placed["id"], ETH)["status"] == "open"
        changed = client.edit_order(placed["id"], ETH, "limit", "buy", 0.3, 1150)
        assert client.fetch_order(placed["id"], ETH)["status"] == "canceled"
        client.cancel_order(changed["id"], ETH)
        assert client.fetch_open_orders(ETH) == []
        with pytest.raises(ccxt.OrderNotFound):
            client.cancel_order(changed["id"], ETH)

    await run(story)


async def test_a_market_order_makes_a_position_and_another_ends_it() -> None:
    def story(client: Any) -> None:
        opened = client.create_order(ETH, "market", "buy", 0.5, 3000)
        assert (opened["filled"], opened["average"]) == (0.5, 3001)
        (position,) = client.fetch_positions([ETH])
        assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.5, 3001)
        client.create_order(ETH, "market", "sell", 0.5, 3000, {"reduceOnly": True})
        assert client.fetch_positions([ETH]) == []
        buy, sell = client.fetch_my_trades(ETH)
        assert (buy["side"], sell["side"], buy["fee"]["currency"]) == ("buy", "sell", "USDC")

    await run(story)


async def test_stops_and_targets_are_placed_alone_and_with_an_entry() -> None:
    def story(client: Any) -> None:
        client.create_order(
            ETH,
            "market",
            "buy",
            0.5,
            3000,
            {
                "stopLoss": {"triggerPrice": 2800, "type": "market", "price": 2800},
                "takeProfit": {"triggerPrice": 3300, "type": "market", "price": 3300},
            },
        )
        client.create_order(ETH, "limit", "sell", 0.1, 2850, {"stopLossPrice": 2860, "reduceOnly": True})
        triggers = sorted(order["triggerPrice"] for order in client.fetch_open_orders(ETH))
        assert triggers == [2800, 2860, 3300]

    await run(story)


async def test_leverage_and_margin_mode_are_set() -> None:
    def story(client: Any) -> None:
        assert client.set_leverage(10, ETH)["status"] == "ok"
        assert client.set_margin_mode("isolated", ETH, {"leverage": 5})["status"] == "ok"

    await run(story)


async def test_refusals_become_ccxts_own_errors() -> None:
    def story(client: Any) -> None:
        with pytest.raises(ccxt.InsufficientFunds):
            client.create_order(ETH, "limit", "buy", 5000, 2999)
        with pytest.raises(ccxt.InvalidOrder, match="minimum value"):
            client.create_order(ETH, "limit", "buy", 0.001, 2999)
        with pytest.raises(ccxt.InvalidOrder, match="immediately matched"):
            client.create_order(ETH, "limit", "buy", 1, 3005, {"postOnly": True})
        with pytest.raises(ccxt.ExchangeError, match="enough volume"):
            client.cancel_all_orders_after(10_000)

    await run(story)


async def test_a_wrong_key_is_told_that_nobody_has_it() -> None:
    def story(client: Any) -> None:
        client.privateKey = "0x" + "44" * 32  # pragma: allowlist secret
        with pytest.raises(ccxt.InvalidOrder, match="does not exist"):
            client.create_order(ETH, "limit", "buy", 1, 2000)

    await run(story)
