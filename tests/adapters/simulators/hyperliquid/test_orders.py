"""Orders, cancels and changes, and the venue's words when it refuses them."""

import pytest

from adapters.model import Side
from adapters.simulators.hyperliquid.terms import Terms
from tests.adapters.simulators.hyperliquid.harness import (
    ANOTHER_KEY,
    BTC,
    ETH,
    PURR,
    SOL,
    World,
    a_cloid,
    an_order,
)


def test_a_far_limit_order_rests_and_can_be_cancelled_once() -> None:
    trader = World().trader()
    oid = trader.one(ETH, True, "0.2", "1100")["resting"]["oid"]
    assert [order["oid"] for order in trader.open_orders()] == [oid]
    assert trader.cancel(ETH, oid) == "success"
    assert trader.status(oid) == "canceled"
    assert trader.open_orders() == []
    assert trader.cancel(ETH, oid) == {
        "error": "Order was never placed, already canceled, or filled. asset=1"
    }


def test_a_crossing_order_is_filled_at_what_is_shown() -> None:
    world = World()
    trader = world.trader()
    told = trader.one(BTC, True, "0.5", "61000", tif="Ioc", cloid=a_cloid(1))["filled"]
    assert (told["totalSz"], told["avgPx"], told["cloid"]) == ("0.5", "60001.0", a_cloid(1))
    (fill,) = world.ask("userFills", user=trader.address)
    assert (fill["oid"], fill["dir"], fill["startPosition"]) == (told["oid"], "Open Long", "0.0")
    assert fill["crossed"] is True
    assert fill["cloid"] == a_cloid(1)
    assert fill["fee"] == "13.500225"  # 0.045% of 30,000.5
    assert trader.status(told["oid"]) == "filled"


def test_a_resting_order_is_filled_as_a_maker_when_the_market_comes() -> None:
    world = World()
    trader = world.trader()
    oid = trader.one(ETH, True, "1", "2990")["resting"]["oid"]
    world.show("ETH", 2980, 2985)
    assert trader.status(oid) == "filled"
    (fill,) = world.ask("userFills", user=trader.address)
    assert (fill["px"], fill["crossed"]) == ("2990.0", False)


def test_two_users_trade_with_each_other() -> None:
    world = World()
    buyer, seller = world.trader(), world.trader(ANOTHER_KEY)
    bid = buyer.one(ETH, True, "1", "3000")["resting"]["oid"]
    assert seller.one(ETH, False, "1", "3000", tif="Ioc")["filled"]["avgPx"] == "3000.0"
    assert buyer.status(bid) == "filled"
    assert buyer.held("ETH") == -seller.held("ETH") == 1


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (an_order(ETH, True, "0.2", "1100.123"), "Price must be divisible by tick size. asset=1"),
        (an_order(ETH, True, "0.2", "2999.15"), "Price must be divisible by tick size. asset=1"),
        (an_order(ETH, True, "0.00001", "3000"), "Order has invalid size. asset=1"),
        (an_order(ETH, True, "0", "3000"), "Order has zero size. asset=1"),
        (an_order(ETH, True, "1", "0"), "Order has invalid price. asset=1"),
        (an_order(ETH, True, "0.003", "3000"), "Order must have minimum value of $10. asset=1"),
        (an_order(PURR, True, "10", "0.2"), "Order must have minimum value of 10 USDC. asset=10000"),
        (an_order(BTC, True, "100", "60000"), "Insufficient margin to place order. asset=0"),
        (an_order(PURR, False, "1000", "0.3"), "Insufficient spot balance asset=10000"),
        (
            an_order(SOL, False, "1", "150", reduce_only=True),
            "Reduce only order would increase position. asset=2",
        ),
        (
            an_order(ETH, True, "1", "3005", tif="Alo"),
            "Post only order would have immediately matched, bbo was 2999@3001. asset=1",
        ),
        (
            an_order(ETH, True, "1", "2990", tif="Ioc"),
            "Order could not immediately match against any resting orders. asset=1",
        ),
        (
            an_order(ETH, True, "1", "100"),
            "Order price cannot be more than 80% away from the reference price",
        ),
        (an_order(ETH, False, "1", "2900", trigger=("3100", "sl")), "Invalid TP/SL price. asset=1"),
        (
            an_order(ETH, False, "1", "2900", trigger=("2900", "sl"), reduce_only=True),
            "Reduce only order would increase position. asset=1",
        ),
    ],
)
def test_each_refusal_has_the_venues_own_words(order: dict[str, object], text: str) -> None:
    world = World()
    trader = world.trader()
    assert trader.order(order) == [{"error": text}]
    assert trader.open_orders() == []
    (refused,) = world.deeds("refused")[:1] or world.deeds("ended")
    assert refused.get("reason", text) == text


def test_a_refused_order_can_be_asked_for_by_its_name() -> None:
    trader = World().trader()
    trader.one(ETH, True, "1", "2990", tif="Ioc", cloid=a_cloid(7))
    assert trader.status(a_cloid(7)) == "iocCancelRejected"
    trader.one(BTC, True, "100", "60000", cloid=a_cloid(8))
    assert trader.status(a_cloid(8)) == "perpMarginRejected"


def test_five_significant_figures_or_a_whole_number_are_a_price() -> None:
    trader = World().trader()
    for price in ("1234.5", "59123", "2999.1", "100001"):
        asset = BTC if float(price) > 5000 else ETH
        assert "resting" in trader.one(asset, float(price) < 60_000, "0.02", price), price


def test_one_bad_order_of_a_batch_does_not_spoil_the_others() -> None:
    trader = World().trader()
    good, bad, also_good = trader.order(
        an_order(ETH, True, "1", "2000"),
        an_order(ETH, True, "1", "2000.123"),
        an_order(SOL, True, "1", "100"),
    )
    assert "resting" in good
    assert "error" in bad
    assert "resting" in also_good


def test_a_partial_close_may_not_be_small_but_a_whole_one_may() -> None:
    world = World()
    trader = world.trader()
    trader.one(SOL, True, "0.1", "160", tif="Ioc")
    world.show("SOL", "50", "50.1")
    assert "minimum value" in trader.one(SOL, False, "0.05", "45", tif="Ioc", reduce_only=True)["error"]
    assert "filled" in trader.one(SOL, False, "0.1", "45", tif="Ioc", reduce_only=True)


def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    trader = World().trader()
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    assert trader.one(ETH, False, "5", "2900", tif="Ioc", reduce_only=True)["filled"]["totalSz"] == "1.0"
    assert trader.held("ETH") == 0


def test_an_order_is_cancelled_by_its_name() -> None:
    trader = World().trader()
    trader.one(ETH, True, "1", "2000", cloid=a_cloid(3))
    action = {"type": "cancelByCloid", "cancels": [{"asset": ETH, "cloid": a_cloid(3)}]}
    assert trader.do(action)["response"] == {"type": "cancel", "data": {"statuses": ["success"]}}
    assert trader.status(a_cloid(3)) == "canceled"


def test_an_order_is_not_in_another_market() -> None:
    trader = World().trader()
    oid = trader.one(ETH, True, "1", "2000")["resting"]["oid"]
    assert "error" in trader.cancel(BTC, oid)
    assert trader.status(oid) == "open"


@pytest.mark.parametrize(
    ("first_is_buy", "second", "told"),
    [
        (True, "1", [("Open Long", "0.0", "0.0"), ("Close Long", "2.0", "98.0")]),
        (True, "3", [("Open Long", "0.0", "0.0"), ("Long > Short", "2.0", "196.0")]),
        (False, "1", [("Open Short", "0.0", "0.0"), ("Close Short", "-2.0", "-102.0")]),
    ],
)
def test_a_fill_tells_what_it_closed_and_what_that_gained(
    first_is_buy: bool, second: str, told: list[tuple[str, str, str]]
) -> None:
    world = World()
    trader = world.trader()
    trader.one(ETH, first_is_buy, "2", "3100" if first_is_buy else "2900", tif="Ioc")
    world.show("ETH", 3099, 3101)
    trader.one(ETH, not first_is_buy, second, "2900" if first_is_buy else "3200", tif="Ioc")
    fills = reversed(world.ask("userFills", user=trader.address))
    assert [(fill["dir"], fill["startPosition"], fill["closedPnl"]) for fill in fills] == told


def test_nobody_cancels_anothers_order() -> None:
    world = World()
    oid = world.trader().one(ETH, True, "1", "2000")["resting"]["oid"]
    assert "error" in world.trader(ANOTHER_KEY).cancel(ETH, oid)


def test_two_hundred_cancels_are_the_most_in_one_action() -> None:
    trader = World().trader()
    answer = trader.do({"type": "cancel", "cancels": [{"a": ETH, "o": n} for n in range(201)]})
    assert answer["status"] == "err"


def test_a_name_that_is_used_again_names_the_newer_order() -> None:
    trader = World().trader()
    old = trader.one(ETH, True, "1", "2000", cloid=a_cloid(5))["resting"]["oid"]
    new = trader.one(ETH, True, "1", "2001", cloid=a_cloid(5))["resting"]["oid"]
    told = trader.world.ask("orderStatus", user=trader.address, oid=a_cloid(5))
    assert told["order"]["order"]["oid"] == new != old
    assert len(trader.open_orders()) == 2


def test_where_names_count_once_the_second_order_is_refused() -> None:
    trader = World(Terms(cloid_once=True)).trader()
    old = trader.one(ETH, True, "1", "2000", cloid=a_cloid(5))["resting"]["oid"]
    assert "Duplicate cloid" in trader.one(ETH, True, "1", "2001", cloid=a_cloid(5))["error"]
    assert (
        trader.world.ask("orderStatus", user=trader.address, oid=a_cloid(5))["order"]["order"]["oid"] == old
    )


def test_a_changed_order_is_a_new_one_in_the_olds_place() -> None:
    trader = World().trader()
    old = trader.one(ETH, True, "1", "2000", cloid=a_cloid(5))["resting"]["oid"]
    modifies = [{"oid": old, "order": an_order(ETH, True, "0.5", "2005", cloid=a_cloid(5))}]
    answer = trader.do({"type": "batchModify", "modifies": modifies})
    new = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
    assert (trader.status(old), trader.status(new)) == ("canceled", "open")
    (order,) = trader.open_orders()
    assert (order["oid"], order["sz"], order["limitPx"]) == (new, "0.5", "2005.0")
    gone = trader.do({"type": "batchModify", "modifies": modifies})["response"]["data"]["statuses"]
    assert gone == [{"error": "Cannot modify canceled or filled order"}]


def test_a_change_of_one_order_is_answered_whole() -> None:
    trader = World().trader()
    oid = trader.one(ETH, True, "1", "2000")["resting"]["oid"]
    changed = an_order(ETH, True, "1", "2010")
    assert trader.do({"type": "modify", "oid": oid, "order": changed}) == {
        "status": "ok",
        "response": {"type": "default"},
    }
    assert trader.do({"type": "modify", "oid": oid, "order": changed}) == {
        "status": "err",
        "response": "Cannot modify canceled or filled order",
    }


def test_a_change_that_the_account_cannot_back_loses_the_old_order() -> None:
    trader = World().trader()
    oid = trader.one(ETH, True, "1", "2000")["resting"]["oid"]
    answer = trader.do({"type": "modify", "oid": oid, "order": an_order(ETH, True, "5000", "2000")})
    assert answer["response"] == (
        "Error placing new order during modify: Insufficient margin to place order. asset=1"
    )
    assert trader.open_orders() == []


def test_ones_own_resting_order_gives_way_in_a_self_trade() -> None:
    trader = World().trader()
    bid = trader.one(ETH, True, "1", "3000")["resting"]["oid"]
    trader.one(ETH, False, "1", "2990", tif="Ioc")
    assert trader.status(bid) == "selfTradeCanceled"


def test_a_public_trade_fills_the_queue_first() -> None:
    world = World()
    trader = world.trader()
    oid = trader.one(ETH, True, "1", "2999")["resting"]["oid"]
    world.print_trade("ETH", 2999, 1000, Side.SELL)
    assert trader.status(oid) == "open"
    world.print_trade("ETH", 2999, 1, Side.SELL)
    assert trader.status(oid) == "filled"


def test_spot_is_bought_with_the_spot_accounts_money() -> None:
    world = World()
    trader = world.trader()
    assert "Insufficient spot balance" in trader.one(PURR, True, "1000", "0.3", tif="Ioc")["error"]
    types = [
        {"name": "hyperliquidChain", "type": "string"},
        {"name": "amount", "type": "string"},
        {"name": "toPerp", "type": "bool"},
        {"name": "nonce", "type": "uint64"},
    ]
    action = {"type": "usdClassTransfer", "amount": "1000", "toPerp": False}
    assert trader.sign_and_do("UsdClassTransfer", types, action)["status"] == "ok"
    assert trader.one(PURR, True, "1000", "0.3", tif="Ioc")["filled"]["avgPx"] == "0.201"
    usdc, purr = world.ask("spotClearinghouseState", user=trader.address)["balances"]
    assert (purr["coin"], purr["total"], purr["entryNtl"]) == ("PURR", "1000.0", "201.0")
    assert usdc["total"] == "798.90955"
    assert trader.state()["marginSummary"]["accountValue"] == "99000.0"
    too_much = trader.sign_and_do("UsdClassTransfer", types, {**action, "amount": "99000.1"})
    assert too_much == {"status": "err", "response": "Insufficient balance for withdrawal."}
    for nonsense in ("NaN", "-5", "0", "many", "Infinity"):
        told = trader.sign_and_do("UsdClassTransfer", types, {**action, "amount": nonsense})
        assert told == {"status": "err", "response": "Invalid transfer amount"}


def test_the_ledger_tells_all_of_it_in_order() -> None:
    world = World()
    trader = world.trader()
    oid = trader.one(ETH, True, "1", "3100", tif="Ioc")["filled"]["oid"]
    entries = world.venue.ledger.after()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert [(entry.deed, entry.user) for entry in entries] == [
        (deed, trader.address) for deed in ("moved", "accepted", "filled", "ended")
    ]
    assert {entry.data.get("oid") for entry in entries[1:]} == {oid}
    assert world.venue.ledger.after(3) == entries[3:]
