"""The websocket, message by message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from hyperliquid.utils.signing import sign_l1_action

from adapters.model import Side
from adapters.simulators.hyperliquid import streams
from adapters.simulators.hyperliquid.conversation import Conversation
from tests.adapters.simulators.hyperliquid.harness import ETH, World, a_cloid, an_order, served


class Ear:
    """A conversation without a network."""

    def __init__(self, world: World) -> None:
        self.conversation = Conversation(world.venue, "127.0.0.1")

    def say(self, **message: Any) -> list[Any]:
        """What is heard until then."""
        self.conversation.hear(msgspec.json.encode(message).decode())
        return self.heard()

    def subscribe(self, kind: str, **fields: str) -> list[Any]:
        return self.say(method="subscribe", subscription={"type": kind, **fields})

    def heard(self) -> list[Any]:
        outgoing, messages = self.conversation.stream.outgoing, []
        while not outgoing.empty():
            message = outgoing.get_nowait()
            messages.append(None if message is None else msgspec.json.decode(message))
        return messages


def test_a_ping_is_answered() -> None:
    assert Ear(World()).say(method="ping") == [{"channel": "pong"}]


def test_a_subscription_is_confirmed_then_told_how_things_stand_then_what_happens() -> None:
    world = World()
    ear = Ear(world)
    confirmed, book = ear.subscribe("bbo", coin="ETH")
    assert confirmed == {
        "channel": "subscriptionResponse",
        "data": {"method": "subscribe", "subscription": {"type": "bbo", "coin": "ETH"}},
    }
    assert book["data"]["bbo"][0]["px"] == "2999.0"
    world.show("ETH", 3010, 3011)
    (news,) = ear.heard()
    assert (news["channel"], news["data"]["bbo"][1]["px"]) == ("bbo", "3011.0")
    ear.say(method="unsubscribe", subscription={"type": "bbo", "coin": "ETH"})
    world.show("ETH", 3020, 3021)
    assert ear.heard() == []


def test_what_cannot_be_is_complained_about() -> None:
    ear = Ear(World())
    for messages in (
        ear.subscribe("bbo", coin="NOPE"),
        ear.subscribe("horoscope"),
        ear.subscribe("candle", coin="ETH", interval="7m"),
        ear.say(method="unsubscribe", subscription={"type": "bbo", "coin": "ETH"}),
        ear.say(method="dance"),
        ear.say(method="post", id="one"),
    ):
        assert [message["channel"] for message in messages] == ["error"]
    ear.conversation.hear("{nonsense")
    assert ear.heard()[0]["channel"] == "error"
    ear.subscribe("allMids")
    assert ear.subscribe("allMids")[0]["data"].startswith("Already subscribed")


def test_a_user_hears_of_his_orders_and_fills_and_nobody_elses() -> None:
    world = World()
    trader, ear = world.trader(), Ear(world)
    ear.subscribe("orderUpdates", user=trader.account.address)
    _, snapshot = ear.subscribe("userFills", user=trader.address)
    assert snapshot["data"] == {"isSnapshot": True, "user": trader.address, "fills": []}
    other = Ear(world)
    other.subscribe("orderUpdates", user="0x" + 40 * "9")
    oid = trader.one(ETH, True, "1", "2990", cloid=a_cloid(4))["resting"]["oid"]
    world.show("ETH", 2980, 2985)
    opened, filled, done = ear.heard()
    assert opened["data"][0]["order"]["cloid"] == a_cloid(4)
    assert (filled["channel"], filled["data"]["fills"][0]["oid"]) == ("userFills", oid)
    assert "isSnapshot" not in filled["data"]
    assert (done["data"][0]["status"], done["data"][0]["order"]["sz"]) == ("filled", "0.0")
    assert other.heard() == []


def test_a_candle_is_told_with_each_trade() -> None:
    world = World()
    ear = Ear(world)
    ear.subscribe("candle", coin="ETH", interval="5m")
    world.print_trade("ETH", 3000, 1, Side.BUY)
    world.print_trade("ETH", 3005, 2, Side.BUY)
    first, second = (message["data"] for message in ear.heard())
    assert (first["c"], second["h"], second["v"], second["n"]) == ("3000.0", "3005.0", "3.0", 2)


def test_funding_is_told_to_who_pays_it() -> None:
    world = World()
    trader, ear = world.trader(), Ear(world)
    trader.one(ETH, True, "1", "3100", tif="Ioc")
    ear.subscribe("userFundings", user=trader.address)
    world.pay_funding("ETH", 3000, "0.0001")
    (news,) = ear.heard()
    assert news["data"]["fundings"][0]["usdc"] == "-0.3"


def test_questions_and_actions_can_be_posted() -> None:
    world = World()
    trader, ear = world.trader(), Ear(world)
    (told,) = ear.say(method="post", id=3, request={"type": "info", "payload": {"type": "allMids"}})
    assert (told["data"]["id"], told["data"]["response"]["payload"]["type"]) == (3, "allMids")
    action = {"type": "order", "orders": [an_order(ETH, True, "1", "2000")], "grouping": "na"}
    nonce = trader.nonce()
    signature = sign_l1_action(trader.account, action, None, nonce, None, False)
    payload = {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None}
    (told,) = ear.say(method="post", id=4, request={"type": "action", "payload": payload})
    answer = told["data"]["response"]
    assert (answer["type"], answer["payload"]["status"]) == ("action", "ok")
    (told,) = ear.say(method="post", id=5, request={"type": "info", "payload": {"type": "nothing"}})
    assert told["data"]["response"]["type"] == "error"


def test_whoever_does_not_listen_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BACKLOG_MAX", 3)
    world = World()
    ear = Ear(world)
    ear.subscribe("bbo", coin="ETH")
    for price in range(3000, 3010):
        world.show("ETH", price, price + 1)
    assert ear.heard()[-1] is None


@asynccontextmanager
async def dialled(url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
        yield socket


async def test_the_network_carries_it_and_the_end_is_clean() -> None:
    world = World()
    async with served(world) as url, dialled(url) as socket:
        await socket.send_json({"method": "subscribe", "subscription": {"type": "l2Book", "coin": "ETH"}})
        assert (await socket.receive_json())["channel"] == "subscriptionResponse"
        assert (await socket.receive_json())["channel"] == "l2Book"
        assert world.venue.streams.has("l2Book", "ETH")
        await socket.close()
    assert not world.venue.streams.has("l2Book", "ETH")


async def test_what_cannot_be_read_is_answered_with_422_and_the_ledger_is_told() -> None:
    world = World()
    world.trader()
    async with served(world) as url, aiohttp.ClientSession() as session:
        for path, body in (("/info", b"{"), ("/info", b'{"type":"horoscope"}'), ("/exchange", b"{}")):
            async with session.post(url + path, data=body) as response:
                assert response.status == 422
        async with session.get(f"{url}/simulator/ledger") as response:
            assert [entry["deed"] for entry in await response.json()] == ["moved"]
        async with session.get(f"{url}/simulator/ledger?after=1") as response:
            assert await response.json() == []
        async with session.get(f"{url}/simulator/ledger?after=x") as response:
            assert response.status == 400
