"""The official Python SDK, unmodified, trades on the simulator: the calls of its own examples."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.error import ClientError
from hyperliquid.utils.types import Cloid

from adapters.model import Side
from adapters.simulators.hyperliquid.terms import Terms
from tests.adapters.simulators.hyperliquid.harness import CASH, KEY, World, served

GTC = {"limit": {"tif": "Gtc"}}
VAULT = "0x" + "ab" * 20
HEARD_WITHIN_S = 20.0


@dataclass(frozen=True)
class Sdk:
    """As the SDK's examples set it up."""

    address: str
    info: Any
    exchange: Any
    url: str

    def again(self, key: str = KEY, **options: Any) -> Any:
        """Another ``Exchange`` at the same venue."""
        return Exchange(Account.from_key(key), self.url, **options)


def statuses(answer: Any) -> Any:
    assert answer["status"] == "ok", answer
    return answer["response"]["data"]["statuses"]


async def run(story: Callable[[Sdk], None], world: World | None = None) -> World:
    """Let a blocking story run beside the venue."""
    world = world or World()
    world.venue.fund(Account.from_key(KEY).address, CASH)

    def told(url: str) -> None:
        account = Account.from_key(KEY)
        info, exchange = Info(url, skip_ws=True), Exchange(account, url)
        try:
            story(Sdk(account.address, info, exchange, url))
        finally:
            for part in (info, exchange, exchange.info):
                part.session.close()

    async with served(world) as url:
        await asyncio.to_thread(told, url)
    return world


async def test_an_order_rests_is_asked_for_and_is_cancelled() -> None:
    def story(sdk: Sdk) -> None:
        assert sdk.info.user_state(sdk.address)["marginSummary"]["accountValue"] == "100000.0"
        oid = statuses(sdk.exchange.order("ETH", True, 0.2, 1100, GTC))[0]["resting"]["oid"]
        told = sdk.info.query_order_by_oid(sdk.address, oid)
        assert (told["status"], told["order"]["status"]) == ("order", "open")
        assert [order["oid"] for order in sdk.info.open_orders(sdk.address)] == [oid]
        assert [order["oid"] for order in sdk.info.frontend_open_orders(sdk.address)] == [oid]
        assert statuses(sdk.exchange.cancel("ETH", oid)) == ["success"]
        assert sdk.info.historical_orders(sdk.address)[0]["status"] == "canceled"

    await run(story)


async def test_a_market_order_opens_and_another_closes() -> None:
    def story(sdk: Sdk) -> None:
        opened = statuses(sdk.exchange.market_open("ETH", False, 0.05, None, 0.01))[0]["filled"]
        assert opened["totalSz"] == "0.05"
        (position,) = sdk.info.user_state(sdk.address)["assetPositions"]
        assert position["position"]["szi"] == "-0.05"
        closed = statuses(sdk.exchange.market_close("ETH"))[0]["filled"]
        assert closed["totalSz"] == "0.05"
        assert sdk.info.user_state(sdk.address)["assetPositions"] == []
        assert [fill["dir"] for fill in sdk.info.user_fills(sdk.address)] == ["Close Short", "Open Short"]
        assert len(sdk.info.user_fills_by_time(sdk.address, 0)) == 2

    await run(story)


async def test_an_order_is_found_changed_and_cancelled_by_its_name() -> None:
    def story(sdk: Sdk) -> None:
        cloid = Cloid.from_str("0x00000000000000000000000000000001")
        placed = statuses(sdk.exchange.order("ETH", True, 0.2, 1100, GTC, cloid=cloid))
        assert sdk.info.query_order_by_cloid(sdk.address, cloid)["order"]["order"]["cloid"] == str(cloid)
        assert sdk.info.query_order_by_cloid(sdk.address, Cloid.from_int(2)) == {"status": "unknownOid"}
        oid = placed[0]["resting"]["oid"]
        changed = statuses(sdk.exchange.modify_order(oid, "ETH", True, 0.1, 1105, GTC, cloid=cloid))
        assert changed[0]["resting"]["oid"] > oid
        changed = statuses(sdk.exchange.modify_order(cloid, "ETH", True, 0.1, 1106, GTC, cloid=cloid))
        assert "resting" in changed[0]
        assert statuses(sdk.exchange.cancel_by_cloid("ETH", cloid)) == ["success"]

    await run(story)


async def test_an_entry_is_placed_with_its_target_and_stop() -> None:
    def story(sdk: Sdk) -> None:
        stop = {"trigger": {"triggerPx": 2600, "isMarket": True, "tpsl": "sl"}}
        target = {"trigger": {"triggerPx": 3500, "isMarket": True, "tpsl": "tp"}}
        common = {"coin": "ETH", "sz": 0.02}
        answer = sdk.exchange.bulk_orders(
            [
                {**common, "is_buy": True, "limit_px": 3500, "order_type": GTC, "reduce_only": False},
                {**common, "is_buy": False, "limit_px": 3500, "order_type": target, "reduce_only": True},
                {**common, "is_buy": False, "limit_px": 2500, "order_type": stop, "reduce_only": True},
            ],
            grouping="normalTpsl",
        )
        entry, *exits = statuses(answer)
        assert "filled" in entry
        assert exits == ["waitingForTrigger", "waitingForTrigger"]
        alone = statuses(sdk.exchange.order("ETH", False, 0.02, 2500, stop, reduce_only=True))
        assert statuses(sdk.exchange.cancel("ETH", alone[0]["resting"]["oid"])) == ["success"]

    await run(story)


async def test_leverage_is_set_and_shown() -> None:
    def story(sdk: Sdk) -> None:
        assert sdk.exchange.update_leverage(21, "ETH")["status"] == "ok"
        assert sdk.exchange.update_leverage(21, "ETH", False)["status"] == "ok"
        assert sdk.exchange.update_isolated_margin(1, "ETH")["status"] == "err"
        sdk.exchange.market_open("ETH", True, 0.05)
        (position,) = sdk.info.user_state(sdk.address)["assetPositions"]
        assert (position["position"]["leverage"]["type"], position["position"]["leverage"]["value"]) == (
            "isolated",
            21,
        )
        assert sdk.exchange.update_isolated_margin(1, "ETH")["status"] == "ok"

    await run(story)


async def test_the_switch_is_refused_to_a_small_trader_and_works_for_a_big_one() -> None:
    def small(sdk: Sdk) -> None:
        assert "enough volume" in sdk.exchange.schedule_cancel(None)["response"]

    def big(sdk: Sdk) -> None:
        sdk.exchange.order("ETH", True, 0.2, 1100, GTC)
        assert sdk.exchange.schedule_cancel(world.now_ms + 10_000)["status"] == "ok"
        world.clock.advance(11)
        assert sdk.info.open_orders(sdk.address) == []

    await run(small)
    world = World(Terms(schedule_cancel_volume_usd=Decimal(0)))
    await run(big, world)


async def test_an_agent_is_approved_and_trades_for_its_user() -> None:
    def story(sdk: Sdk) -> None:
        answer, key = sdk.exchange.approve_agent("bot")
        assert answer["status"] == "ok"
        agent = sdk.again(key, account_address=sdk.address)
        oid = statuses(agent.order("ETH", True, 0.2, 1000, GTC))[0]["resting"]["oid"]
        assert sdk.info.query_order_by_oid(sdk.address, oid)["order"]["status"] == "open"
        assert statuses(agent.cancel("ETH", oid)) == ["success"]
        unnamed, _ = sdk.exchange.approve_agent()
        assert unnamed["status"] == "ok"
        assert len(sdk.info.extra_agents(sdk.address)) == 1
        agent.session.close()
        agent.info.session.close()

    await run(story)


async def test_a_leader_trades_for_the_vault() -> None:
    world = World()
    world.venue.open_vault(VAULT, Account.from_key(KEY).address, CASH)

    def story(sdk: Sdk) -> None:
        for_vault = sdk.again(vault_address=VAULT)
        oid = statuses(for_vault.order("ETH", True, 0.2, 1100, GTC))[0]["resting"]["oid"]
        assert sdk.info.query_order_by_oid(VAULT, oid)["status"] == "order"
        assert sdk.info.open_orders(sdk.address) == []
        assert sdk.info.user_role(VAULT) == {"role": "vault"}
        for_vault.session.close()
        for_vault.info.session.close()

    await run(story, world)


async def test_money_moves_between_accounts_and_spot_is_traded() -> None:
    def story(sdk: Sdk) -> None:
        assert sdk.exchange.usd_class_transfer(1000, False)["status"] == "ok"
        bought = statuses(sdk.exchange.market_open("PURR/USDC", True, 500, None, 0.05))
        assert bought[0]["filled"]["totalSz"] == "500.0"
        coins = {one["coin"] for one in sdk.info.spot_user_state(sdk.address)["balances"]}
        assert coins == {"USDC", "PURR"}
        assert sdk.exchange.usd_transfer(10, "0x" + "cd" * 20)["status"] == "ok"
        assert sdk.exchange.set_referrer("CODE")["status"] == "ok"
        assert sdk.exchange.approve_builder_fee("0x" + "cd" * 20, "0.001%")["status"] == "ok"

    await run(story)


async def test_an_action_that_came_too_late_is_refused() -> None:
    world = World()

    def story(sdk: Sdk) -> None:
        sdk.exchange.set_expires_after(world.now_ms - 1000)
        assert sdk.exchange.order("ETH", True, 0.2, 1100, GTC)["response"] == "Action already expired"
        sdk.exchange.set_expires_after(world.now_ms + 60_000)
        assert "resting" in statuses(sdk.exchange.order("ETH", True, 0.2, 1100, GTC))[0]

    await run(story, world)


async def test_markets_are_told() -> None:
    world = World()
    world.print_trade("ETH", 3000, "1.5", Side.BUY)
    world.mark("ETH", 3000)
    world.pay_funding("ETH", 3000, "0.0000125")

    def story(sdk: Sdk) -> None:
        assert set(sdk.info.all_mids()) == {"BTC", "ETH", "SOL", "PURR/USDC"}
        assert sdk.info.l2_snapshot("ETH")["levels"][0][0]["px"] == "2999.0"
        (candle,) = sdk.info.candles_snapshot("ETH", "1h", 0, world.now_ms)
        assert (candle["c"], candle["v"]) == ("3000.0", "1.5")
        assert sdk.info.meta_and_asset_ctxs()[1][1]["markPx"] == "3000.0"
        assert sdk.info.funding_history("ETH", 0)[0]["coin"] == "ETH"
        assert sdk.info.user_rate_limit(sdk.address)["nRequestsUsed"] == 0
        assert sdk.info.perp_dexs() == [None]

    await run(story, world)


async def test_too_many_questions_are_answered_as_the_sdk_expects() -> None:
    def story(sdk: Sdk) -> None:
        def ask_on() -> None:
            for _ in range(200):
                sdk.info.l2_snapshot("ETH")

        with pytest.raises(ClientError) as refused:
            ask_on()
        assert refused.value.status_code == 429

    await run(story, World(Terms(weight_per_minute=200)))


@contextmanager
def listening(url: str) -> Iterator[tuple[Any, queue.Queue[Any]]]:
    info, heard = Info(url), queue.Queue[Any]()
    try:
        yield info, heard
    finally:
        info.disconnect_websocket()
        info.ws_manager.join()
        info.session.close()


async def test_all_subscriptions_of_the_sdks_example_are_heard() -> None:
    world = World()
    world.print_trade("ETH", 3000, "1.5", Side.BUY)
    world.print_trade("PURR/USDC", "0.2", 10, Side.BUY)

    def story(sdk: Sdk) -> None:
        user = sdk.address
        subscriptions = [
            {"type": "allMids"},
            {"type": "l2Book", "coin": "ETH"},
            {"type": "trades", "coin": "PURR/USDC"},
            {"type": "userEvents", "user": user},
            {"type": "userFills", "user": user},
            {"type": "candle", "coin": "ETH", "interval": "1m"},
            {"type": "orderUpdates", "user": user},
            {"type": "userFundings", "user": user},
            {"type": "userNonFundingLedgerUpdates", "user": user},
            {"type": "webData2", "user": user},
            {"type": "bbo", "coin": "ETH"},
            {"type": "activeAssetCtx", "coin": "BTC"},
            {"type": "activeAssetCtx", "coin": "PURR/USDC"},
            {"type": "activeAssetData", "user": user, "coin": "BTC"},
        ]
        missing = {
            "allMids",
            "l2Book",
            "trades",
            "user",
            "userFills",
            "candle",
            "orderUpdates",
            "userFundings",
            "userNonFundingLedgerUpdates",
            "webData2",
            "bbo",
            "activeAssetCtx",
            "activeSpotAssetCtx",
            "activeAssetData",
        }
        with listening(sdk.url) as (info, heard):
            for subscription in subscriptions:
                info.subscribe(subscription, heard.put)
            silent = {"user", "orderUpdates"}  # until something happens
            while missing != silent:
                missing.discard(heard.get(timeout=HEARD_WITHIN_S)["channel"])
            sdk.exchange.market_open("ETH", True, 0.05)
            news: list[Any] = []
            while missing or not news:
                message = heard.get(timeout=HEARD_WITHIN_S)
                missing.discard(message["channel"])
                if message["channel"] == "orderUpdates":
                    news += message["data"]
            assert news[0]["status"] == "open"

    await run(story, world)
