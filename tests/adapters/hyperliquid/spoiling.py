"""Answers that are spoilt, and the exchange in this process behind them: no sockets, no waiting."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType
from hypothesis import strategies as st

from adapters.clock import VirtualClock
from adapters.hyperliquid.budgets import IpBudget
from adapters.hyperliquid.client import PublicClient, TradingClient
from adapters.hyperliquid.network import Network
from adapters.hyperliquid.nonces import Nonces
from adapters.hyperliquid.rest import Rest
from adapters.hyperliquid.signing import Signer
from adapters.hyperliquid.stream import PING_S, Stream
from adapters.hyperliquid.venue import HyperliquidVenue
from adapters.hyperliquid.wire import Envelope, FillsNews, MidsNews, OrderUpdate, decoded
from adapters.model import MarketEvent, Quote
from adapters.simulators.hyperliquid import venue as simulated
from adapters.simulators.hyperliquid.conversation import Conversation
from adapters.simulators.hyperliquid.listing import Listing
from adapters.simulators.hyperliquid.terms import Terms
from tests.adapters.hyperliquid.grounds import CASH_USD, KEY, listed
from tests.builders import BTC, NOW

AnyClient = TypeVar("AnyClient", bound=PublicClient)
NETWORK = Network.named("http://127.0.0.1:1")


Recordings = Mapping[str, Sequence[bytes]]  # by what is asked
ACTION, NEWS = "action", " news"
SHAPES: Mapping[str, Any] = {"userFills": FillsNews, "orderUpdates": list[OrderUpdate], "allMids": MidsNews}
ITEMS_MAX = 12  # of a recorded list: the rest is more of the same


class Change(Enum):
    """What becomes of one value of an answer, where it is not another value."""

    GONE = auto()
    TWICE = auto()
    INSIDE = auto()  # a list of its own


@dataclass(frozen=True, slots=True)
class Spot:
    """One value of an answer, the how-manieth, and what is there instead."""

    number: int
    value: Any


@dataclass(frozen=True, slots=True)
class Tear:
    """Where the text itself breaks, as a share of its length, and what follows."""

    at: float
    then: bytes


Spoil = Spot | Tear
ODD = (
    None,
    True,
    False,
    -1,
    0,
    1,
    7,
    2**31,
    2**63,
    10**30,
    1e308,
    "",
    "x",
    "NaN",
    "Infinity",
    "-1",
    "0",
    "1e99",
    "1e-40",
    10**13,
    32_503_680_000_000,
)
ODDER = ([], {}, [[]], {"error": 7}, {"resting": {}}, "order", "unknownOid", "\ud7ff\x00", *Change)
values = (
    st.sampled_from(ODD)
    | st.sampled_from(ODDER)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
)
spots = st.builds(Spot, st.integers(0, 400), values)
tears = st.builds(Tear, st.floats(0, 1), st.sampled_from([b"", b"\x00", b"}", b"<html>", b"\xff\xfe"]))
spoils = st.lists(spots, min_size=1, max_size=2) | st.lists(spots | tears, min_size=1, max_size=3)


def spoilt(body: bytes, changes: Sequence[Spoil]) -> bytes:
    """The answer with all of the changes."""
    told = [json.loads(body)]
    for change in changes:
        if isinstance(change, Spot):
            _change(told, change)
    text = json.dumps(told[0] if told else None).encode()
    for change in changes:
        if isinstance(change, Tear):
            text = text[: int(len(text) * change.at)] + change.then
    return text


def _change(told: list[Any], spot: Spot) -> None:
    places = list(_places(told))
    if not places:
        return
    holder, key = places[spot.number % len(places)]
    if spot.value is Change.GONE:
        del holder[key]
    elif spot.value is Change.TWICE and isinstance(holder, list):
        holder.insert(key, holder[key])
    else:
        holder[key] = [holder[key]] if isinstance(spot.value, Change) else deepcopy(spot.value)


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    keys = holder if isinstance(holder, dict) else range(len(holder))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


def recordings(folder: Path) -> Recordings:
    """What the exchange has really answered."""
    found: dict[str, list[Any]] = defaultdict(list)
    for case in _read(folder / "ccxt_static_responses.json")["cases"]:
        is_action = case["endpoint"].startswith("exchange/")
        found[ACTION if is_action else case["endpoint"]].append(case["response"])
    for path in sorted((folder / "sdk_cassettes").glob("*.json")):
        last = _read(path)[-1]
        found[last["request"]["body"]["type"]].append(last["response"]["body"])
    found[ACTION] += [case["response"] for case in _read(folder / "exchange_responses.json")["cases"]]
    live = folder / "nautilus"
    found["meta"].append(_read(live / "http_meta_perp_sample.json"))
    found["spotMeta"].append(_read(live / "http_spot_meta_non_usdc_collateral.json"))
    found["clearinghouseState"].append(_read(live / "http_clearinghouse_state_negative_total_raw_usd.json"))
    found["userFills"].append(_read(live / "http_user_fills_dust_conversion.json"))
    found["l2Book"] += [_read(live / name) for name in ("http_l2_book_btc.json", "ws_book_data.json")]
    found["trades"].append(_read(live / "http_recent_trades_btc.json"))
    found["allMids"].append(_read(live / "ws_allmids.json")["data"]["mids"])
    found["frontendOpenOrders"] += found["openOrders"]
    found["userFillsByTime"] = found["userFills"]
    news = {
        "allMids": [{"mids": mids} for mids in found["allMids"]],
        "userFills": [{"fills": fills[:ITEMS_MAX]} for fills in found["userFills"]],
        "orderUpdates": found["historicalOrders"],
        "l2Book": found["l2Book"],
        "trades": found["trades"],
    }
    for channel, told in news.items():
        found[channel + NEWS] = [{"channel": channel, "data": data} for data in told]
    return {
        kind: [json.dumps(body[:ITEMS_MAX] if isinstance(body, list) else body).encode() for body in bodies]
        for kind, bodies in found.items()
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


@dataclass(slots=True)
class Harm:
    """Spoils one of the next answers, and counts."""

    recordings: Recordings = field(default_factory=dict)
    changes: Sequence[Spoil] = ()
    passes: int = 0  # answers that are still whole before it
    pick: int | None = None  # which of the recorded answers comes instead, if there are any
    bites: int = 0
    bitten: NearRest | NearSocket | None = None  # whose answer was spoilt last
    said: bytes = b""  # instead of it

    def arm(self, changes: Sequence[Spoil], passes: int, pick: int | None) -> None:
        """From here on."""
        self.changes, self.passes, self.pick = changes, passes, pick

    def heal(self) -> None:
        """Nothing is spoilt any more."""
        self.changes = ()

    def recorded(self, kind: str) -> bytes | None:
        """What comes instead of an answer of this kind: what somebody else was once answered."""
        known = self.recordings.get(kind)
        is_due = self.changes and not self.passes and self.pick is not None
        return known[(self.pick or 0) % len(known)] if known and is_due else None

    def touch(self, body: bytes, way: NearRest | NearSocket) -> bytes:
        """An answer on its way."""
        if not self.changes:
            return body
        if self.passes:
            self.passes -= 1
            return body
        changes, self.changes = self.changes, ()
        self.bites, self.bitten = self.bites + 1, way
        self.said = spoilt(body, changes)
        return self.said


def is_news(message: bytes) -> bool:
    """Whether a message of the account's websocket can be read at all."""
    try:
        told = decoded(message, Envelope)
        decoded(told.data, SHAPES.get(told.channel, Any))
    except (msgspec.MsgspecError, ValueError):
        return False
    return True


class Brisk(VirtualClock):
    """Short pauses are over at once; nobody is silent for so long that he has to be asked whether he lives."""

    async def sleep(self, seconds: float) -> None:
        if seconds >= PING_S:
            await asyncio.Event().wait()
        await super().sleep(seconds)


class NearRest(Rest):
    """Questions and actions reach the exchange at once."""

    closed = False

    def __init__(self, exchange: simulated.HyperliquidVenue, harm: Harm) -> None:
        super().__init__(NETWORK)
        self._near = exchange
        self._harm = harm

    async def info(self, question: dict[str, Any]) -> bytes:
        answer = self._harm.recorded(question["type"])
        return self._harm.touch(answer or msgspec.json.encode(self._near.ask(_sent(question))), self)

    async def exchange(self, body: dict[str, Any]) -> bytes:
        answer = self._harm.recorded(ACTION)
        return self._harm.touch(answer or msgspec.json.encode(self._near.act(_sent(body))), self)


class NearSocket:
    """A websocket to the exchange."""

    def __init__(self, exchange: simulated.HyperliquidVenue, harm: Harm) -> None:
        self.closed = False
        self._harm = harm
        self._conversation = Conversation(exchange, "")

    async def send_str(self, text: str) -> None:
        self._conversation.hear(text)

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._conversation.end()

    def __aiter__(self) -> NearSocket:
        return self

    async def __anext__(self) -> SimpleNamespace:
        message = await self._conversation.stream.outgoing.get()
        if message is None:
            raise StopAsyncIteration
        recorded = self._harm.recorded(json.loads(message)["channel"] + NEWS)
        text = self._harm.touch(recorded or message, self).decode(errors="replace")
        return SimpleNamespace(type=WSMsgType.TEXT, data=text)


@dataclass(slots=True)
class NearGround:
    """One account, the exchange in this process, and the harm between them."""

    folder: Path
    harm: Harm = field(default_factory=Harm)
    clock: Brisk = field(default_factory=lambda: Brisk(NOW))
    exchange: simulated.HyperliquidVenue = field(init=False)
    signer: Signer = field(default_factory=lambda: Signer(KEY, is_mainnet=False))
    nonces: Nonces = field(init=False)
    socket: NearSocket | None = None  # the newest
    venue: HyperliquidVenue = field(init=False)

    def __post_init__(self) -> None:
        self.exchange = simulated.HyperliquidVenue(Listing(listed()), self.clock, Terms())
        self.exchange.fund(self.signer.address, CASH_USD)
        self.nonces = Nonces(self.folder / "nonce", self.clock)
        client = TradingClient(NETWORK, self.signer, self.nonces, self.budget(), self.clock)
        self.venue = HyperliquidVenue(self.near(client), self.signer.address, self.clock)
        self.show()

    def budget(self) -> IpBudget:
        """Which is never used up."""
        return IpBudget(self.folder / "ip", self.clock, weight_max=100_000_000)

    def near(self, client: AnyClient) -> AnyClient:
        """The client, with nothing but harm between it and the exchange."""

        async def open_stream() -> Stream:
            self.socket = NearSocket(self.exchange, self.harm)
            return Stream(cast("ClientWebSocketResponse", self.socket), self.clock)

        client.rest = NearRest(self.exchange, self.harm)
        client.open_stream = open_stream  # type: ignore[method-assign]
        return client

    def move(self, event: MarketEvent) -> None:
        """Market news at the exchange."""
        self.exchange.on_market(event)

    def show(self, bid: str = "999", ask: str = "1001") -> None:
        """A new quote, a millisecond later."""
        self.clock.advance(0.001)
        size = Decimal(10)
        self.move(
            Quote(
                symbol=BTC,
                bid=Decimal(bid),
                bid_size=size,
                ask=Decimal(ask),
                ask_size=size,
                at=self.clock.now(),
            )
        )

    async def aclose(self) -> None:
        """Everything is let go of."""
        await self.venue.aclose()
        self.nonces.close()


def _sent(body: dict[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return sent
