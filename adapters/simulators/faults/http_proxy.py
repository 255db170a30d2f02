"""Faults on HTTP and on websockets: a reverse proxy on loopback, before any venue simulator that speaks them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    DummyCookieJar,
    TCPConnector,
    WSCloseCode,
    WSMessage,
    WSMsgType,
    web,
)

from adapters.clock import Clock
from adapters.simulators.faults.http_answers import (
    Answer,
    failed,
    passed_on,
    reset,
    unreachable,
)
from adapters.simulators.faults.malformed import malformed_json
from adapters.simulators.faults.nemesis import Nemesis, Passage
from adapters.simulators.faults.plan import BEFORE, MALFORMED, Fault, Kind, Message, Way
from adapters.simulators.faults.relay import Cut, Relay
from adapters.simulators.faults.skew import shifted_date, shifted_json
from adapters.simulators.faults.stale import LastAnswers

BODY_BYTES_MAX = 16 * 1024 * 1024
HANDSHAKE = "WS"  # the verb of a request that opens a websocket
_ENDED_BY_US_S = 0.1  # for handlers that wait on purpose when the proxy closes
_NEVER_SENT = frozenset({1005, 1006, 1015})  # close codes that only say that none came (RFC 6455, 7.4.1)
_OF_THE_HANDSHAKE = "sec-websocket-"
_Socket = web.WebSocketResponse | ClientWebSocketResponse


class HttpProxy:
    """Stands before one venue.

    Args:
        venue: its base address: "http://127.0.0.1:8001".
        nemesis: says what goes wrong, and keeps the truth.
        clock: for delays.
        time_fields: under which names the venue tells times in its JSON; they follow a skewed clock as ``Date`` does.
    """

    def __init__(
        self, venue: str, nemesis: Nemesis, clock: Clock, *, time_fields: Collection[str] = ()
    ) -> None:
        self._venue = venue.rstrip("/")
        self._nemesis = nemesis
        self._clock = clock
        self._time_fields = frozenset(time_fields)
        self._last: LastAnswers[Answer] = LastAnswers()
        self._late: set[asyncio.Task[web.StreamResponse]] = set()
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None

    async def start(self) -> str:
        """Listen on a free port of loopback, and answer the base address."""
        self._session = ClientSession(
            connector=TCPConnector(force_close=True),  # a kept one may have been closed: no plan of ours
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None),
        )
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=_ENDED_BY_US_S
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
        late = tuple(self._late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        opens_stream = request.headers.get("Upgrade", "").lower() == "websocket"
        message = Message(
            way=Way.REQUEST,
            verb=HANDSHAKE if opens_stream else request.method,
            path=request.path,
            body=await request.read(),
        )
        fault = self._nemesis.decide(message)
        if fault is not None and fault.kind in BEFORE:
            self._record(message, fault, delivered=0)
            return await failed(request, fault)
        if opens_stream:
            return await self._stream(request, message)
        question = (request.method, request.path_qs, message.body)
        if fault is not None and fault.kind is Kind.STALE and (old := self._last.to(question)):
            self._record(message, fault, delivered=0)
            return old.response()
        if fault is not None and fault.kind is Kind.REQUEST_DELAYED:
            return await self._deliver_late(request, message, fault)
        try:
            answer = await self._ask(request, message.body)
            if fault is not None and fault.kind is Kind.REQUEST_DUPLICATED:
                await self._ask(request, message.body)
                self._record(message, fault, delivered=2, answered=True)
                return answer.response()
        except ClientError as error:
            self._record(message, None, delivered=0 if isinstance(error, ClientConnectorError) else 1)
            return unreachable(error)
        except asyncio.CancelledError:
            self._record(message, None, delivered=1)  # the caller gave up; the venue may act all the same
            raise
        if fault is None or fault.kind is Kind.STALE:
            self._last.keep(question, answer)
            self._record(message, None, delivered=1, answered=True)
            return answer.response()
        self._record(message, fault, delivered=1)
        if fault.kind not in MALFORMED:
            return await failed(request, fault)
        headers = (
            {**answer.headers, "Content-Type": "text/html"} if fault.kind is Kind.HTML else answer.headers
        )
        return Answer(answer.status, headers, malformed_json(fault.kind, answer.body)).response()

    async def _deliver_late(self, request: web.Request, message: Message, fault: Fault) -> web.StreamResponse:
        late = asyncio.create_task(self._ask_late(request, message, fault))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        return await asyncio.shield(late)  # a caller who leaves does not take his request along

    async def _ask_late(self, request: web.Request, message: Message, fault: Fault) -> web.StreamResponse:
        delivered, answered = 0, False
        try:
            await self._nemesis.sit_out(fault, self._clock)
            answer = await self._ask(request, message.body)
            delivered, answered = 1, request.transport is not None
            return answer.response()
        except ClientError as error:
            return unreachable(error)
        finally:
            self._record(message, fault, delivered=delivered, answered=answered)

    async def _ask(self, request: web.Request, body: bytes) -> Answer:
        assert self._session is not None
        async with self._session.request(
            request.method,
            self._venue + request.raw_path,
            headers=passed_on(request.headers),
            data=body or None,
            allow_redirects=False,
        ) as response:
            answer = Answer(response.status, passed_on(response.headers), await response.read())
        skew = self._nemesis.skew
        if not skew:
            return answer
        headers = {
            name: shifted_date(value, skew) if name.lower() == "date" else value
            for name, value in answer.headers.items()
        }
        self._nemesis.skewed()
        return Answer(answer.status, headers, shifted_json(answer.body, skew, self._time_fields))

    async def _stream(self, request: web.Request, handshake: Message) -> web.StreamResponse:
        assert self._session is not None
        wanted = request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = tuple(name.strip() for name in wanted.split(",") if name.strip())
        headers = {
            name: value
            for name, value in passed_on(request.headers).items()
            if not name.lower().startswith(_OF_THE_HANDSHAKE)
        }
        try:
            venue = await self._session.ws_connect(
                self._venue + request.raw_path,
                headers=headers,
                protocols=protocols,
                max_msg_size=BODY_BYTES_MAX,
            )
        except ClientError as error:
            self._record(handshake, None, delivered=0)
            return unreachable(error)
        caller = web.WebSocketResponse(
            protocols=(venue.protocol,) if venue.protocol else (), max_msg_size=BODY_BYTES_MAX
        )
        await caller.prepare(request)
        self._record(handshake, None, delivered=1, answered=True)
        lanes = [
            asyncio.create_task(self._lane(Way.SAID, request.path, caller, venue)),
            asyncio.create_task(self._lane(Way.NEWS, request.path, venue, caller)),
        ]
        try:
            done, _ = await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
            for lane in done:
                end = lane.exception()
                if isinstance(end, Cut):
                    reset(request)
                elif end is not None:
                    raise end
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            await venue.close(code=_closing(caller.close_code))
            await caller.close(code=_closing(venue.close_code))
        return caller

    async def _lane(self, way: Way, path: str, source: _Socket, target: _Socket) -> None:
        def seen(item: WSMessage) -> Message:
            return Message(way=way, verb=item.type.name, path=path, body=_bytes(item))

        async def deliver(item: WSMessage) -> None:
            with contextlib.suppress(ConnectionError):  # the other lane hears of the end
                if item.type is WSMsgType.TEXT:
                    await target.send_str(self._told(item.data) if way is Way.NEWS else item.data)
                else:
                    await target.send_bytes(item.data)

        await Relay(self._nemesis, self._clock, message_of=seen, deliver=deliver).run(_messages(source))

    def _told(self, text: str) -> str:
        skew = self._nemesis.skew
        moved = shifted_json(text.encode(), skew, self._time_fields).decode() if skew else text
        if moved != text:
            self._nemesis.skewed()
        return moved

    def _record(
        self, message: Message, fault: Fault | None, *, delivered: int, answered: bool = False
    ) -> None:
        self._nemesis.record(Passage(message=message, fault=fault, delivered=delivered, answered=answered))


def _closing(code: int | None) -> int:
    return WSCloseCode.OK if code is None or code in _NEVER_SENT else code


def _bytes(item: WSMessage) -> bytes:
    return item.data.encode() if item.type is WSMsgType.TEXT else bytes(item.data)


async def _messages(source: _Socket) -> AsyncIterator[WSMessage]:
    async for item in source:
        if item.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            yield item
