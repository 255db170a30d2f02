"""A tiny venue that speaks HTTP and websockets, behind the proxy, on real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession, ClientTimeout, WSMsgType, web

from adapters.clock import SystemClock
from adapters.simulators.faults.http_proxy import HttpProxy
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import Fault, Kind, Plan, Step, Way, Where, script
from tests.fakes import until

TOLD_AT = 1_700_000_000_000
PATIENCE = ClientTimeout(total=0.2)  # of a caller who hears nothing
POSTS, READS = Where(verb="POST"), Where(verb="GET")


class TinyVenue:
    """Takes orders, tells its price, and talks on a stream."""

    def __init__(self) -> None:
        self.orders: list[Any] = []
        self.headers: list[Any] = []
        self.price = 100
        self.is_slow = False
        self.heard: list[str] = []
        self.streams: list[web.WebSocketResponse] = []
        app = web.Application()
        app.router.add_post("/exchange", self._order)
        app.router.add_get("/info", self._info)
        app.router.add_get("/ws", self._stream)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start(self) -> str:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def _order(self, request: web.Request) -> web.Response:
        self.orders.append(await request.json())
        if self.is_slow:
            await asyncio.Event().wait()
        self.headers.append(request.headers)
        return web.json_response({"status": "ok", "number": len(self.orders), "time": TOLD_AT})

    async def _info(self, request: web.Request) -> web.Response:
        return web.json_response({"price": self.price, "of": request.query.get("symbol")})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        stream = web.WebSocketResponse(protocols=("v1",))
        await stream.prepare(request)
        self.streams.append(stream)
        async for item in stream:
            self.heard.append(item.data)
            if item.data == "bye":
                await stream.close(code=4001)
        return stream


class Line:
    """The venue, the proxy and a caller."""

    def __init__(self) -> None:
        self.venue = TinyVenue()
        self.nemesis = Nemesis(Plan(), Random(0))

    async def start(self) -> None:
        venue = await self.venue.start()
        self.proxy = HttpProxy(venue, self.nemesis, SystemClock(), time_fields=("time",))
        self.address = await self.proxy.start()
        self.caller = ClientSession(timeout=PATIENCE)

    async def aclose(self) -> None:
        await self.caller.close()
        await self.proxy.aclose()
        await self.venue.runner.cleanup()

    async def order(self, number: int = 1) -> tuple[int, bytes]:
        async with self.caller.post(self.address + "/exchange", json={"id": number}) as response:
            return response.status, await response.read()

    async def price(self, symbol: str = "BTC") -> Any:
        async with self.caller.get(self.address + "/info", params={"symbol": symbol}) as response:
            return await response.json()

    async def stream(self, **options: Any) -> aiohttp.ClientWebSocketResponse:
        before = len(self.venue.streams)
        stream: aiohttp.ClientWebSocketResponse = await self.caller.ws_connect(
            self.address.replace("http", "ws") + "/ws", timeout=aiohttp.ClientWSTimeout(ws_close=1), **options
        )
        await until(lambda: len(self.venue.streams) > before)
        return stream


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    await line.start()
    yield line
    await line.aclose()


async def test_without_a_plan_it_is_not_there(line: Line) -> None:
    headers = {"X-Api-Key": "k"}
    async with line.caller.post(line.address + "/exchange", json={"id": 1}, headers=headers) as response:
        assert (response.status, (await response.json())["number"]) == (200, 1)
        assert response.content_type == "application/json"
    assert line.venue.orders == [{"id": 1}]
    assert line.venue.headers[0]["X-Api-Key"] == "k"
    assert await line.price("ETH") == {"price": 100, "of": "ETH"}
    async with line.caller.get(line.address + "/nowhere") as response:
        assert response.status == 404
    assert not line.nemesis.bites
    assert [passage.answered for passage in line.nemesis.passages] == [True] * 3


@pytest.mark.parametrize(
    ("kind", "delivered"), [(Kind.REQUEST_LOST, 0), (Kind.ANSWER_LOST, 1)], ids=["request", "answer"]
)
async def test_what_is_lost_leaves_the_caller_waiting(line: Line, kind: Kind, delivered: int) -> None:
    line.nemesis.strike(script(kind, where=POSTS))
    with pytest.raises(TimeoutError):
        await line.order(1)
    assert len(line.venue.orders) == delivered
    assert (await line.order(2))[0] == 200
    first, second = line.nemesis.passages
    assert (first.delivered, first.answered) == (delivered, False)
    assert (second.delivered, second.answered) == (1, True)
    assert line.nemesis.bites == {kind: 1}


async def test_a_delayed_request_is_delivered_when_its_caller_has_given_up(line: Line) -> None:
    line.nemesis.strike(script(Kind.REQUEST_DELAYED, where=POSTS))
    with pytest.raises(TimeoutError):
        await line.order(1)
    assert (await line.order(2))[0] == 200
    line.nemesis.heal()
    await until(lambda: [order["id"] for order in line.venue.orders] == [2, 1])
    await until(lambda: line.nemesis.bites == {Kind.REQUEST_DELAYED: 1})


async def test_a_caller_who_gives_up_by_himself_leaves_a_trace(line: Line) -> None:
    line.venue.is_slow = True
    with pytest.raises(TimeoutError):
        await line.order()
    await until(lambda: bool(line.nemesis.passages))
    (passage,) = line.nemesis.passages
    assert (passage.delivered, passage.answered, passage.fault) == (1, False, None)
    assert len(line.venue.orders) == 1


async def test_a_short_delay_is_waited_for(line: Line) -> None:
    line.nemesis.strike(script(Fault(kind=Kind.REQUEST_DELAYED, seconds=0.01), where=POSTS))
    assert (await line.order())[0] == 200
    assert [(passage.delivered, passage.answered) for passage in line.nemesis.passages] == [(1, True)]


async def test_a_duplicated_request_is_delivered_twice_and_answered_once(line: Line) -> None:
    line.nemesis.strike(script(Kind.REQUEST_DUPLICATED, where=POSTS))
    _, body = await line.order(1)
    assert json.loads(body)["number"] == 1
    assert len(line.venue.orders) == 2


@pytest.mark.parametrize(("kind", "delivered"), [(Kind.RESET_BEFORE, 0), (Kind.RESET_AFTER, 1)])
async def test_a_reset_is_a_reset(line: Line, kind: Kind, delivered: int) -> None:
    line.nemesis.strike(script(kind, where=POSTS))
    with pytest.raises(aiohttp.ClientOSError) as reset:
        await line.order()
    assert isinstance(reset.value, ConnectionResetError) or reset.value.errno == 104
    assert len(line.venue.orders) == delivered
    assert (await line.order())[0] == 200


@pytest.mark.parametrize(("kind", "delivered"), [(Kind.ERROR_BEFORE, 0), (Kind.ERROR_AFTER, 1)])
async def test_a_5xx_says_nothing_of_whether_it_was_taken(line: Line, kind: Kind, delivered: int) -> None:
    line.nemesis.strike(script(Fault(kind=kind, status=504), where=POSTS))
    status, _ = await line.order()
    assert (status, len(line.venue.orders)) == (504, delivered)


async def test_a_rate_limit_comes_with_and_without_its_wait(line: Line) -> None:
    line.nemesis.strike(
        script(Kind.RATE_LIMITED, Fault(kind=Kind.RATE_LIMITED_WITH_WAIT, seconds=2.5), where=POSTS)
    )
    waits = []
    for _ in range(2):
        async with line.caller.post(line.address + "/exchange", json={}) as response:
            assert response.status == 429
            waits.append(response.headers.get("Retry-After"))
    assert waits == [None, "3"]
    assert line.venue.orders == []


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.HTML, Kind.WRONG_TYPES, Kind.EMPTY])
async def test_a_malformed_answer_comes_after_the_order_was_taken(line: Line, kind: Kind) -> None:
    line.nemesis.strike(script(kind, where=POSTS))
    status, body = await line.order()
    assert (status, len(line.venue.orders)) == (200, 1)
    try:
        assert json.loads(body) == {"status": 2, "number": "?", "time": "?"}
        assert kind is Kind.WRONG_TYPES
    except ValueError:
        assert kind is not Kind.WRONG_TYPES
    assert json.loads((await line.order())[1])["number"] == 2


async def test_a_stale_book_stands_still_until_healed(line: Line) -> None:
    await line.price()
    stale = Step(fault=Fault(kind=Kind.STALE), where=READS, times=None)
    line.nemesis.strike(Plan(steps=(stale,)))
    line.venue.price = 200
    assert (await line.price())["price"] == 100
    assert (await line.price("ETH"))["price"] == 200, "nobody has asked this before"
    assert (await line.price())["price"] == 100
    assert line.nemesis.bites == {Kind.STALE: 2}
    line.nemesis.heal()
    assert (await line.price())["price"] == 200


async def test_a_skewed_venue_tells_wrong_times_everywhere(line: Line) -> None:
    line.nemesis.strike(Plan(skew=timedelta(hours=-1)))
    async with line.caller.post(line.address + "/exchange", json={}) as response:
        date = parsedate_to_datetime(response.headers["Date"])
        assert (await response.json())["time"] == TOLD_AT - 3_600_000
    assert timedelta(minutes=59) < SystemClock().now() - date < timedelta(minutes=61)
    stream = await line.stream()
    await line.venue.streams[0].send_str(json.dumps({"time": TOLD_AT}))
    assert (await stream.receive_json())["time"] == TOLD_AT - 3_600_000
    assert line.nemesis.bites == {Kind.SKEWED: 2}
    await stream.close()


async def test_a_venue_that_is_gone_is_a_bad_gateway_and_no_fault_of_the_plan(line: Line) -> None:
    await line.venue.runner.cleanup()
    line.nemesis.strike(script(Kind.ANSWER_LOST, where=POSTS))
    assert (await line.order())[0] == 502
    assert not line.nemesis.bites
    assert line.nemesis.passages[-1].delivered == 0


async def test_a_stream_passes_both_ways_until_one_end_leaves(line: Line) -> None:
    stream = await line.stream(protocols=("v0", "v1"))
    assert stream.protocol == "v1"
    await stream.send_str("hello")
    await until(lambda: line.venue.heard == ["hello"])
    await line.venue.streams[0].send_bytes(b"\x01")
    assert await stream.receive_bytes() == b"\x01"
    await stream.send_str("bye")
    closed = await stream.receive()
    assert (closed.type, stream.close_code) == (WSMsgType.CLOSE, 4001)
    other = await line.stream()
    await other.close(code=4002)
    await until(lambda: line.venue.streams[1].close_code == 4002)


async def test_messages_of_a_stream_are_dropped_doubled_and_swapped_both_ways(line: Line) -> None:
    stream = await line.stream()
    faults = (Kind.DROPPED, Kind.DUPLICATED, Kind.REORDERED)
    line.nemesis.strike(script(*faults, where=Where(way=Way.SAID)))
    for text in "abcd":
        await stream.send_str(text)
    await until(lambda: len(line.venue.heard) == 4)
    assert line.venue.heard == ["b", "b", "d", "c"]
    line.nemesis.strike(script(*faults, where=Where(way=Way.NEWS)))
    for text in "abcd":
        await line.venue.streams[0].send_str(text)
    assert [await stream.receive_str() for _ in range(4)] == ["b", "b", "d", "c"]
    assert line.nemesis.bites == dict.fromkeys(faults, 2)
    await stream.close()


async def test_a_stalled_stream_looks_alive_and_goes_on_when_healed(line: Line) -> None:
    stream = await line.stream()
    line.nemesis.strike(script(Kind.STALLED, where=Where(way=Way.NEWS)))
    for text in "ab":
        await line.venue.streams[0].send_str(text)
    with pytest.raises(TimeoutError):
        await stream.receive(timeout=0.05)
    assert not stream.closed
    line.nemesis.heal()
    assert [await stream.receive_str() for _ in range(2)] == ["a", "b"]
    await stream.close()


async def test_a_cut_stream_ends_without_a_word(line: Line) -> None:
    stream = await line.stream()
    line.nemesis.strike(script(Kind.CUT, where=Where(way=Way.NEWS)))
    await line.venue.streams[0].send_str("a")
    assert (await stream.receive()).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert stream.close_code in (None, 1006)
    await until(lambda: line.venue.streams[0].closed)


async def test_a_stream_may_be_refused(line: Line) -> None:
    twice = (
        Kind.RESET_BEFORE,
    ) * 2  # since the caller's library repeats by itself what it takes for idempotent
    line.nemesis.strike(script(Kind.ERROR_BEFORE, Kind.RATE_LIMITED, *twice))
    for status in (503, 429):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await line.stream()
        assert refused.value.status == status
    with pytest.raises(aiohttp.ClientOSError):
        await line.stream()
    await (await line.stream()).close()


async def test_the_proxy_closes_at_once_though_callers_wait(line: Line) -> None:
    line.nemesis.strike(script(Kind.ANSWER_LOST, where=POSTS))
    waiting = asyncio.create_task(
        line.caller.post(line.address + "/exchange", json={}, timeout=ClientTimeout(total=30))
    )
    await until(lambda: bool(line.venue.orders))
    stream = await line.stream()
    async with asyncio.timeout(3):
        await line.proxy.aclose()
    with pytest.raises(aiohttp.ClientError):
        await waiting
    await stream.close()
