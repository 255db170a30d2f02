"""Stops and targets: alone, with their entry, for a whole position."""

from typing import Any

from tests.adapters.simulators.hyperliquid.harness import ETH, Trader, World, an_order


def an_entry_with_exits(trader: Trader, *, price: str = "3100", size: str = "1") -> Any:
    return trader.order(
        an_order(ETH, True, size, price),
        an_order(ETH, False, size, "3300", trigger=("3300", "tp"), reduce_only=True),
        an_order(ETH, False, size, "2800", trigger=("2800", "sl"), reduce_only=True),
        grouping="normalTpsl",
    )


def statuses(world: World, trader: Trader) -> dict[int, str]:
    history = world.ask("historicalOrders", user=trader.address)
    return {one["order"]["oid"]: one["status"] for one in history}


def test_a_stop_sells_when_the_mark_falls_to_it() -> None:
    world = World()
    trader = world.trader()
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    oid = trader.one(ETH, False, "1", "2600", trigger=("2900", "sl"), reduce_only=True)["resting"]["oid"]
    (order,) = trader.open_orders()
    assert (order["orderType"], order["triggerCondition"]) == ("Stop Market", "Price below 2900")
    assert (order["isTrigger"], order["triggerPx"], order["tif"]) == (True, "2900.0", None)
    world.show("ETH", 2901, 2903)
    assert trader.status(oid) == "open"
    world.show("ETH", 2895, 2897)
    assert trader.status(oid) == "filled"
    assert trader.held("ETH") == 0


def test_a_stop_with_a_limit_becomes_a_limit_order() -> None:
    world = World()
    trader = world.trader()
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    stop = an_order(ETH, False, "1", "2899", trigger=("2900", "sl"), reduce_only=True, is_market=False)
    oid = trader.order(stop)[0]["resting"]["oid"]
    world.show("ETH", 2880, 2890)
    assert trader.status(oid) == "triggered"
    assert [order["oid"] for order in trader.open_orders()] == [oid]
    world.show("ETH", 2899, 2905)
    assert trader.status(oid) == "filled"


def test_a_waiting_limit_stop_can_be_cancelled() -> None:
    trader = World().trader()
    oid = trader.one(ETH, True, "1", "3200", trigger=("3200", "sl"), is_market=False)["resting"]["oid"]
    assert trader.cancel(ETH, oid) == "success"
    trader.world.show("ETH", 3250, 3251)
    assert trader.status(oid) == "canceled"


def test_exits_come_to_life_with_their_entrys_fill_and_one_ends_the_other() -> None:
    world = World()
    trader = world.trader()
    entry, target, stop = an_entry_with_exits(trader)
    assert entry["filled"]["totalSz"] == "1.0"
    assert (target, stop) == ("waitingForTrigger", "waitingForTrigger")
    assert {order["orderType"] for order in trader.open_orders()} == {"Take Profit Market", "Stop Market"}
    world.show("ETH", 3310, 3311)
    assert trader.held("ETH") == 0
    assert trader.open_orders() == []
    assert sorted(statuses(world, trader).values()) == ["filled", "filled", "siblingFilledCanceled"]


def test_exits_of_a_resting_entry_wait_and_are_shown_with_it() -> None:
    world = World()
    trader = world.trader()
    entry, target, stop = an_entry_with_exits(trader, price="2900")
    assert (target, stop) == ("waitingForFill", "waitingForFill")
    (shown,) = trader.open_orders()
    assert shown["oid"] == entry["resting"]["oid"]
    assert len(shown["children"]) == 2
    world.show("ETH", 2790, 2795)  # through the entry and, at once, through the stop
    assert trader.held("ETH") == 0
    assert trader.open_orders() == []


def test_exits_end_with_an_entry_that_is_cancelled() -> None:
    world = World()
    trader = world.trader()
    entry, *_ = an_entry_with_exits(trader, price="2900")
    trader.cancel(ETH, entry["resting"]["oid"])
    assert set(statuses(world, trader).values()) == {"canceled"}


def test_one_refusal_answers_for_an_entry_and_its_exits() -> None:
    trader = World().trader()
    assert an_entry_with_exits(trader, size="10000") == [
        {"error": "Insufficient margin to place order. asset=1"}
    ]
    assert trader.open_orders() == []


def test_the_exits_of_a_position_close_whatever_it_has_become() -> None:
    world = World()
    trader = world.trader()
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    placed = trader.order(
        an_order(ETH, False, "0", "3300", trigger=("3300", "tp"), reduce_only=True),
        an_order(ETH, False, "0", "2800", trigger=("2800", "sl"), reduce_only=True),
        grouping="positionTpsl",
    )
    assert placed == ["waitingForTrigger", "waitingForTrigger"]
    assert all(order["isPositionTpsl"] for order in trader.open_orders())
    trader.one(ETH, True, "2.5", "3100", tif="Ioc")
    world.show("ETH", 2790, 2791)
    assert trader.held("ETH") == 0
    assert trader.open_orders() == []
    ended = {
        one["order"]["orderType"]: one["status"] for one in world.ask("historicalOrders", user=trader.address)
    }
    assert ended["Stop Market"] == "filled"
    assert ended["Take Profit Market"] in ("siblingFilledCanceled", "reduceOnlyCanceled")


def test_exits_of_a_position_that_is_closed_by_hand_end_too() -> None:
    world = World()
    trader = world.trader()
    an_entry_with_exits(trader)
    trader.one(ETH, False, "1", "2900", tif="Ioc", reduce_only=True)
    assert trader.open_orders() == []
    assert "reduceOnlyCanceled" in statuses(world, trader).values()
