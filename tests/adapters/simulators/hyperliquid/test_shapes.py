"""Answers have the keys, and under them the types, of answers recorded from the live venue."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.model import Side
from tests.adapters.simulators.hyperliquid.harness import ETH, Trader, World, a_cloid, an_order

NEWER_VENUES_LACK = {"maxTradeSzs"}  # recorded in 2023
ONLY_SOMETIMES = {"cloid", "builderFee", "liquidation", "liquidationMarkPx", "twapId", "reduceOnly"}
UNNEEDED = {"onlyIsolated", "isDelisted"}  # null or left out where they do not hold


@pytest.fixture
def trader() -> Trader:
    """Something of everything has happened to him."""
    world = World()
    world.mark("ETH", 3000)
    world.print_trade("ETH", 3000, "1.5", Side.BUY)
    trader = world.trader()
    trader.one(ETH, True, "10", "3100", tif="Ioc")
    world.pay_funding("ETH", 3000, "0.0000125")
    trader.one(ETH, True, "0.1", "1100", cloid=a_cloid(1))
    trader.one(ETH, False, "1", "2500", trigger=("2600", "sl"), reduce_only=True)
    trader.one(ETH, True, "1", "2000", tif="Ioc")
    return trader


@pytest.fixture
def world(trader: Trader) -> World:
    return trader.world


def cassette(shared_data: Path, name: str) -> Any:
    """The answer to the last request of a recording."""
    path = shared_data / f"payloads/hyperliquid/sdk_cassettes/test_{name}.json"
    return json.loads(path.read_text())[-1]["response"]["body"]


def documented(shared_data: Path, file: str, case: str) -> Any:
    cases = json.loads((shared_data / f"payloads/hyperliquid/{file}.json").read_text())["cases"]
    return next(one for one in cases if one["id"] == case)


def assert_like(ours: Any, recorded: Any, where: str = "") -> None:
    """Every recorded key is there, holding the same type; numbers that are written as texts are so in both."""
    match recorded:
        case dict():
            assert isinstance(ours, dict), where
            gone = recorded.keys() - ours.keys() - NEWER_VENUES_LACK - ONLY_SOMETIMES - UNNEEDED
            assert not gone, f"{where}: {gone} missing"
            for key in recorded.keys() & ours.keys():
                assert_like(ours[key], recorded[key], f"{where}.{key}")
        case list():
            assert isinstance(ours, list), where
            if ours and recorded:
                assert_like(ours[0], recorded[0], f"{where}[]")
        case str():
            if ours is not None:
                assert isinstance(ours, str), f"{where}: {ours!r}"
                assert is_number(ours) == is_number(recorded), f"{where}: {ours!r} for {recorded!r}"
        case None:
            pass
        case _:
            assert type(ours) is type(recorded), f"{where}: {ours!r} for {recorded!r}"


def is_number(text: str) -> bool:
    try:
        Decimal(text)
    except ArithmeticError:
        return False
    assert "." in text or not text.lstrip("-").isdigit() or text == "0", f"{text} has no decimals"
    return True


def test_an_account(world: World, trader: Trader, shared_data: Path) -> None:
    assert_like(trader.state(), cassette(shared_data, "get_user_state"))
    newer = documented(shared_data, "ccxt_doc_payloads", "hyperliquid-rest-fetch_positions-3639-0")["payload"]
    state = trader.state()
    assert newer.keys() - {"time"} == state.keys() - {"time"}
    (position,) = state["assetPositions"]
    assert position["position"].keys() == newer["assetPositions"][0]["position"].keys()


def test_open_orders(world: World, trader: Trader, shared_data: Path) -> None:
    ours = world.ask("openOrders", user=trader.address)
    assert_like(ours, cassette(shared_data, "get_open_orders"))
    recorded = documented(shared_data, "ccxt_static_responses", "openOrders-basic")["response"][0]
    assert ours[0].keys() - {"cloid"} == recorded.keys()


def test_open_orders_as_the_frontend_sees_them(trader: Trader, shared_data: Path) -> None:
    recorded = documented(shared_data, "ccxt_static_responses", "frontendOpenOrders-trigger")["response"][0]
    stop = next(order for order in trader.open_orders() if order["isTrigger"])
    assert stop.keys() == recorded.keys()
    assert stop["triggerCondition"].startswith("Price below ")
    assert (stop["tif"], stop["cloid"]) == (recorded["tif"], recorded["cloid"])


def test_past_orders(world: World, trader: Trader, shared_data: Path) -> None:
    ours = world.ask("historicalOrders", user=trader.address)
    recorded = cassette(shared_data, "historical_orders")
    assert_like(ours, recorded)
    assert ours[0].keys() == recorded[0].keys()
    assert ours[0]["order"].keys() == recorded[0]["order"].keys()
    assert ours[0]["status"] == "iocCancelRejected" == recorded[0]["status"]


def test_the_status_of_an_order(world: World, trader: Trader, shared_data: Path) -> None:
    recorded = documented(shared_data, "ccxt_static_responses", "orderStatus-alo-open")["response"]
    ours = world.ask("orderStatus", user=trader.address, oid=a_cloid(1))
    assert_like(ours, recorded)
    assert world.ask("orderStatus", user=trader.address, oid=12) == {"status": "unknownOid"}


def test_fills(world: World, trader: Trader, shared_data: Path) -> None:
    ours = world.ask("userFills", user=trader.address)
    assert_like(ours, cassette(shared_data, "get_user_fills"))
    newer = json.loads(
        (shared_data / "payloads/hyperliquid/nautilus/http_user_fills_dust_conversion.json").read_text()
    )
    assert ours[0].keys() == newer[0].keys()


def test_funding(world: World, trader: Trader, shared_data: Path) -> None:
    ours = world.ask("userFunding", user=trader.address, startTime=0)
    recorded = cassette(shared_data, "user_funding_history_without_end_time")
    assert ours[0]["delta"].keys() == recorded[0]["delta"].keys()
    assert {key: type(value) for key, value in ours[0].items()} == {
        key: type(value) for key, value in recorded[0].items()
    }
    assert_like(
        world.ask("fundingHistory", coin="ETH", startTime=0),
        cassette(shared_data, "get_funding_history[None]"),
    )


def test_deposits(world: World, trader: Trader, shared_data: Path) -> None:
    ours = world.ask("userNonFundingLedgerUpdates", user=trader.address, startTime=0)
    assert_like(ours, cassette(shared_data, "user_non_funding_ledger_updates_without_end_time"))


def test_users(world: World, trader: Trader, shared_data: Path) -> None:
    assert_like(world.ask("userRateLimit", user=trader.address), cassette(shared_data, "user_rate_limit"))
    assert_like(world.ask("userRole", user=trader.address), cassette(shared_data, "user_role"))
    fees = documented(shared_data, "ccxt_static_responses", "userFees")["response"]
    assert_like(world.ask("userFees", user=trader.address), fees)


def test_markets(world: World, shared_data: Path) -> None:
    mids, recorded_mids = world.ask("allMids"), cassette(shared_data, "get_all_mids")
    assert all(is_number(mid) for mid in (*mids.values(), *recorded_mids.values()))
    assert_like(world.ask("meta"), cassette(shared_data, "get_info"))
    assert_like(world.ask("l2Book", coin="ETH"), cassette(shared_data, "get_l2_snapshot"))
    candles = world.ask(
        "candleSnapshot", req={"coin": "ETH", "interval": "1h", "startTime": 0, "endTime": 2**50}
    )
    recorded = cassette(shared_data, "get_candles_snapshot")
    assert_like(candles, recorded)
    assert candles[0]["T"] - candles[0]["t"] == recorded[0]["T"] - recorded[0]["t"]


def test_what_moves_in_a_market(world: World, shared_data: Path) -> None:
    path = shared_data / "payloads/hyperliquid/nautilus/ws_all_dexs_asset_ctxs.json"
    recorded = json.loads(path.read_text())["data"]["ctxs"][0][1][0]
    _, contexts = world.ask("metaAndAssetCtxs")
    ours = contexts[ETH]
    assert ours.keys() == recorded.keys()
    assert_like(ours, recorded)


@pytest.mark.parametrize(
    ("case", "orders"),
    [
        ("order-resting", [an_order(ETH, True, "1", "2000")]),
        ("order-filled", [an_order(ETH, True, "1", "3100", tif="Ioc")]),
        ("order-error-alo", [an_order(ETH, True, "1", "3100", tif="Alo")]),
    ],
)
def test_answers_to_orders(case: str, orders: list[Any], trader: Trader, shared_data: Path) -> None:
    recorded = documented(shared_data, "exchange_responses", case)["response"]
    ours = trader.do({"type": "order", "orders": orders, "grouping": "na"})
    (status,), (expected,) = ours["response"]["data"]["statuses"], recorded["response"]["data"]["statuses"]
    assert ours["response"]["type"] == recorded["response"]["type"]
    assert_like(status, expected)


def test_the_venues_texts_are_those_of_its_error_table(trader: Trader, shared_data: Path) -> None:
    path = shared_data / "payloads/hyperliquid/exchange_responses.json"
    texts = [
        status["error"].split(" asset=")[0]
        for case in json.loads(path.read_text())["cases"]
        if isinstance(case["response"].get("response"), dict)
        for status in case["response"]["response"].get("data", {}).get("statuses", [])
        if isinstance(status, dict) and "error" in status
    ]
    said = [
        trader.one(ETH, True, "0.002", "3000")["error"],
        trader.one(ETH, True, "1", "2999.55")["error"],
        trader.one(ETH, True, "1000", "3000")["error"],
        trader.one(ETH, True, "1", "2000", tif="Ioc")["error"],
        trader.one(ETH, True, "1", "0")["error"],
        trader.cancel(ETH, 12)["error"],
        trader.one(ETH, True, "1", "3100", tif="Alo")["error"].partition(" bbo")[0],
    ]
    unsaid = [text for text in texts if not any(one.startswith(text.partition(" bbo")[0]) for one in said)]
    assert unsaid == []
