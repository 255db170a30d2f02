"""Whatever is sent, the venue answers or says that it cannot read it; it never breaks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.model import Side
from adapters.simulators.hyperliquid.conversation import Conversation
from adapters.simulators.hyperliquid.refusals import Unreadable
from tests.adapters.simulators.hyperliquid.harness import BTC, ETH, KEY, PURR, Trader, World, an_order

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["BTC", "ETH", "0x" + 40 * "a", "1h", "NaN", "-1", "1e9", "0.0", "99999999999999999999"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
USER = Account.from_key(KEY).address
TIMES = st.sampled_from([0, -1, 2**70, "0", 1.5, None])
RIGHT = {
    "user": st.just(USER),
    "coin": st.sampled_from(["ETH", "PURR/USDC"]),
    "oid": st.sampled_from([1001, "0x" + 32 * "a", -1]),
    "startTime": TIMES,
    "endTime": TIMES,
    "req": st.fixed_dictionaries({"coin": st.just("ETH"), "interval": st.just("1h"), "startTime": TIMES}),
    "dex": st.just(""),
    "interval": st.just("1h"),
}
FIELDS = st.fixed_dictionaries({}, optional={name: right | ANYTHING for name, right in RIGHT.items()})
SIGN = {
    "action": {"type": "noop"},
    "nonce": 1_700_000_000_000,
    "signature": {"r": "0x1", "s": "0x2", "v": 27},
    "vaultAddress": None,
    "expiresAfter": None,
}


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    trader = world.trader()
    world.print_trade("ETH", 3000, 1, Side.BUY)
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    trader.one(ETH, True, "1", "2000")
    world.pay_funding("ETH", 3000, "0.0001")
    return world


def kinds(world: World) -> list[str]:
    return [*world.venue._info._answers, "horoscope"]


@settings(max_examples=300, deadline=None)
@given(data=st.data(), fields=FIELDS)
def test_any_question_is_answered_or_unreadable(world: World, data: st.DataObject, fields: Any) -> None:
    question = {"type": data.draw(st.sampled_from(kinds(world))), **fields}
    try:
        answer = world.venue.ask(question)
    except Unreadable:
        return
    msgspec.json.encode(answer)


@settings(max_examples=300, deadline=None)
@given(part=st.sampled_from(sorted(SIGN)), what=ANYTHING, action=ANYTHING)
def test_any_request_is_answered_or_unreadable(world: World, part: str, what: Any, action: Any) -> None:
    body = {**SIGN, "action": action, part: what}
    try:
        assert world.venue.act(body)["status"] in ("ok", "err")
    except Unreadable:
        return


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40) | ANYTHING.map(lambda one: msgspec.json.encode(one).decode()))
def test_anything_can_be_said_on_a_websocket(world: World, text: str) -> None:
    conversation = Conversation(world.venue, "")
    conversation.hear(text)
    conversation.end()


AMOUNTS = st.decimals(0, 10**9, places=3).map(lambda one: f"{one.normalize():f}")
PRICES = st.sampled_from(["60000", "59999", "3000", "2999.5", "0.2", "0", "150.25", "61000"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            an_order,
            st.sampled_from([BTC, ETH, PURR, 77]),
            st.booleans(),
            AMOUNTS,
            PRICES,
            tif=st.sampled_from(["Gtc", "Ioc", "Alo"]),
            reduce_only=st.booleans(),
            trigger=st.none() | st.tuples(PRICES, st.sampled_from(["tp", "sl"])),
            is_market=st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["na", "normalTpsl", "positionTpsl"]),
    st.lists(st.tuples(st.sampled_from(["BTC", "ETH"]), st.integers(-5, 5)), max_size=5),
)
def test_whatever_is_ordered_no_money_appears(
    orders: Any, grouping: str, moves: list[tuple[str, int]]
) -> None:
    world = World()
    trader: Trader = world.trader()
    trader.order(*orders, grouping=grouping)
    for coin, percent in moves:
        price = {"BTC": 60_000, "ETH": 3000}[coin] * (100 + percent) // 100
        world.show(coin, price - 1, price + 1)
    assert world.venue.exchange.trial_balance().is_balanced
    state = trader.state()
    assert Decimal(state["marginSummary"]["accountValue"]) > 0
    told = {one["order"]["oid"] for one in world.ask("historicalOrders", user=trader.address)}
    ended = {entry["oid"] for entry in (*world.deeds("ended"), *world.deeds("refused")) if "oid" in entry}
    still_open = {order["oid"] for order in trader.open_orders()}
    waiting = {child["oid"] for order in trader.open_orders() for child in order["children"]}
    assert told == ended | still_open | waiting
    assert not ended & still_open
