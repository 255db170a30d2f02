"""Margin, leverage, funding, liquidation, and the switch that cancels all."""

from decimal import Decimal

import pytest

from adapters.simulators.hyperliquid.terms import Terms
from tests.adapters.simulators.hyperliquid.harness import BTC, ETH, World, an_order


def test_a_position_is_told_with_its_margin_and_what_it_gained() -> None:
    world = World()
    trader = world.trader()
    trader.one(ETH, True, "10", "3100", tif="Ioc")
    world.show("ETH", 3050, 3052)
    state = trader.state()
    (position,) = (one["position"] for one in state["assetPositions"])
    assert (position["szi"], position["entryPx"]) == ("10.0", "3001.0")
    assert (position["positionValue"], position["unrealizedPnl"]) == ("30510.0", "500.0")
    assert position["marginUsed"] == "1525.5"  # at 20 times
    assert position["returnOnEquity"] == "0.3332222592"
    assert state["marginSummary"]["totalNtlPos"] == "30510.0"
    assert Decimal(state["withdrawable"]) == Decimal(state["marginSummary"]["accountValue"]) - Decimal(
        "1525.5"
    )


def test_leverage_can_be_changed_within_the_assets_limit() -> None:
    world = World()
    trader = world.trader()
    update = {"type": "updateLeverage", "asset": ETH, "isCross": True, "leverage": 5}
    assert trader.do(update)["status"] == "ok"
    trader.one(ETH, True, "10", "3100", tif="Ioc")
    assert trader.state()["assetPositions"][0]["position"]["leverage"] == {"type": "cross", "value": 5}
    assert trader.do({**update, "leverage": 26})["response"] == "Invalid leverage value"
    assert trader.do({**update, "leverage": 0})["response"] == "Invalid leverage value"
    assert trader.do({**update, "isCross": False})["response"] == (
        "Cannot switch leverage type with open position."
    )
    trader.one(ETH, True, "100", "3100", tif="Ioc")
    assert "Insufficient margin" in trader.do({**update, "leverage": 1})["response"]


def test_an_isolated_position_takes_more_margin_and_a_cross_one_does_not() -> None:
    trader = World().trader()
    more = {"type": "updateIsolatedMargin", "asset": ETH, "isBuy": True, "ntli": 1_000_000}
    assert trader.do(more)["response"] == "Position does not use isolated margin."
    trader.do({"type": "updateLeverage", "asset": ETH, "isCross": False, "leverage": 10})
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    before = Decimal(trader.state()["assetPositions"][0]["position"]["marginUsed"])
    assert trader.do(more)["status"] == "ok"
    position = trader.state()["assetPositions"][0]["position"]
    assert Decimal(position["marginUsed"]) == before + 1
    assert position["leverage"]["type"] == "isolated"


def test_funding_is_paid_at_the_mark_and_told() -> None:
    world = World()
    trader = world.trader()
    trader.one(ETH, True, "10", "3100", tif="Ioc")
    before = Decimal(trader.state()["marginSummary"]["accountValue"])
    world.pay_funding("ETH", 3000, "0.0001")
    assert Decimal(trader.state()["marginSummary"]["accountValue"]) == before - 3
    (told,) = world.ask("userFunding", user=trader.address, startTime=0)
    assert (told["delta"]["usdc"], told["delta"]["szi"]) == ("-3.0", "10.0")
    position = trader.state()["assetPositions"][0]["position"]
    assert position["cumFunding"] == {"allTime": "3.0", "sinceOpen": "3.0", "sinceChange": "3.0"}
    assert world.ask("fundingHistory", coin="ETH", startTime=0)[0]["fundingRate"] == "0.0001"


def test_an_account_that_breaks_is_liquidated_and_its_orders_are_cancelled() -> None:
    world = World()
    trader = world.trader(cash=Decimal(10_000))
    trader.one(ETH, True, "60", "3100", tif="Ioc")
    resting = trader.one(BTC, True, "0.001", "50000")["resting"]["oid"]
    world.show("ETH", 2860, 2862)
    assert trader.held("ETH") == 0
    assert trader.status(resting) == "liquidatedCanceled"
    newest = world.ask("userFills", user=trader.address)[0]
    assert newest["liquidation"]["liquidatedUser"] == trader.address


def test_the_switch_needs_a_million_traded() -> None:
    world = World()
    trader = world.trader()
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    action = {"type": "scheduleCancel", "time": world.now_ms + 10_000}
    assert trader.do(action)["response"] == (
        "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $3001."
    )


@pytest.fixture
def free() -> World:
    return World(Terms(schedule_cancel_volume_usd=Decimal(0)))


def test_the_switch_cancels_everything_when_its_time_has_come(free: World) -> None:
    trader = free.trader()
    oid = trader.one(ETH, True, "1", "2000")["resting"]["oid"]
    assert trader.do({"type": "scheduleCancel", "time": free.now_ms + 4999})["status"] == "err"
    assert trader.do({"type": "scheduleCancel", "time": free.now_ms + 6000})["status"] == "ok"
    free.clock.advance(5.9)
    assert trader.status(oid) == "open"
    free.clock.advance(0.2)
    assert trader.status(oid) == "scheduledCancel"


def test_the_switch_can_be_put_off_and_taken_back(free: World) -> None:
    trader = free.trader()
    oid = trader.one(ETH, True, "1", "2000")["resting"]["oid"]
    trader.do({"type": "scheduleCancel", "time": free.now_ms + 6000})
    trader.do({"type": "scheduleCancel", "time": free.now_ms + 60_000})
    free.clock.advance(10)
    trader.do({"type": "scheduleCancel"})
    free.clock.advance(100)
    assert trader.status(oid) == "open"


def test_the_switch_goes_off_ten_times_a_day(free: World) -> None:
    trader = free.trader()
    for _ in range(10):
        assert trader.do({"type": "scheduleCancel", "time": free.now_ms + 5000})["status"] == "ok"
        free.clock.advance(6)
        trader.open_orders()
    told = trader.do({"type": "scheduleCancel", "time": free.now_ms + 5000})
    is_next_day = free.clock.now().hour == 0 and free.clock.now().minute < 2
    assert told["status"] == "err" or is_next_day


def test_a_sub_account_trades_with_what_it_is_given() -> None:
    world = World(Terms(sub_account_volume_usd=Decimal(0)))
    trader = world.trader()
    sub = trader.do({"type": "createSubAccount", "name": "two"})["response"]["data"]
    give = {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 5_000_000_000}
    assert trader.do(give)["status"] == "ok"
    (told,) = world.ask("subAccounts", user=trader.address)
    assert told["clearinghouseState"]["marginSummary"]["accountValue"] == "5000.0"
    (status,) = trader.order(an_order(ETH, True, "1", "3100", tif="Ioc"), vault=sub)
    assert "filled" in status
    assert trader.held("ETH") == 0


def test_a_sub_account_needs_volume_and_an_owner() -> None:
    trader = World().trader()
    assert "Required: $100000" in trader.do({"type": "createSubAccount", "name": "two"})["response"]
    give = {"type": "subAccountTransfer", "subAccountUser": "0x" + "cd" * 20, "isDeposit": True, "usd": 5}
    assert trader.do(give)["response"].startswith("Invalid sub-account transfer")


def test_requests_beyond_what_was_traded_for_are_refused_but_for_one_in_ten_seconds() -> None:
    world = World(Terms(requests_at_first=3))
    trader = world.trader()
    for _ in range(3):
        trader.one(ETH, True, "1", "2000")
    assert trader.do({"type": "noop"})["status"] == "ok"  # the one in ten seconds
    told = trader.do({"type": "noop"})["response"]
    assert told.startswith("Too many cumulative requests sent (5 > 3) for cumulative volume traded $0.")
    oids = [order["oid"] for order in trader.open_orders()]
    assert trader.cancel(ETH, oids[0]) == "success"  # cancels may go on for longer
    world.clock.advance(10)
    assert trader.do({"type": "noop"})["status"] == "ok"
    assert world.ask("userRateLimit", user=trader.address)["nRequestsCap"] == 3
