"""Links of ``adapters.link`` over the simulated network: the same messages, encoded and decoded, the same deadlines.

Between processes of one host a link is a unix socket: in order, without loss, deadlines by the machine's monotonic
clock. Between hosts it is a row of calls: each on its own way, deadlines by the time of day, gone after the first
silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from adapters.clock import Clock
from adapters.errors import LinkError, StaleCommand, TradingError
from adapters.link import Dial, Protocols, Session, SessionFactory
from adapters.wire_errors import ErrorBody, as_error, error_body
from cluster.simulation.chronicle import without_pid
from cluster.simulation.loop import Process, current
from cluster.simulation.network import Leg, Network

POLL_MAX_S = 5.0  # after this long a call for notices that got no answer ends the connection
BREAK_S = 0.05  # until the other end hears of a death
_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger(__name__)


class Listener:
    """The serving end of a process's link.

    Args:
        process: who serves.
        protocols: the messages.
        clock: by which deadlines are judged.
        open_session: for each connection.
        is_ordered: whether notices stay in order; a venue's stream may lose its order on the way.
    """

    def __init__(
        self,
        process: Process,
        protocols: Protocols,
        clock: Clock,
        open_session: SessionFactory,
        *,
        is_ordered: bool = True,
    ) -> None:
        self.process = process
        self.protocols = protocols
        self.clock = clock
        self.open_session = open_session
        self.is_ordered = is_ordered


class Connection:
    """One connection, both ends of it. Implements ``Caller`` for the end that calls."""

    def __init__(self, network: Network, client: Process, listener: Listener, clock: Clock) -> None:
        server = listener.process
        self._network = network
        self._loop = network.loop
        self._client = client
        self._listener = listener
        self._clock = clock
        self._is_local = client.host == server.host
        self._asking = network.route(client, server)
        self._answering = network.route(server, client)
        self._telling = network.route(server, client, is_ordered=listener.is_ordered)
        self._session: Session | None = None
        self._waiting: dict[asyncio.Future[Any], None] = {}  # in the order of asking
        self._notices: asyncio.Queue[Any] = asyncio.Queue()
        self._is_open = True
        self._is_stalled = False
        server.endings.append(self._server_died)
        client.endings.append(self._client_died)

    # ── the calling end ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_open(self) -> bool:
        return self._is_open

    async def call(self, request: Any, *, timeout_s: float) -> Any:
        if not self._is_open:
            raise LinkError("the connection is gone")
        body, name = _encode(request), type(request).__name__
        deadline = self._time(self._clock) + timeout_s
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting[answer] = None
        self._network.carry(
            self._asking,
            name,
            body,
            lambda: self._serve(body, name, deadline, answer),
            leg=Leg.ASKING,
            shown=request,
        )
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            if not self._is_local:
                self._end()
            raise LinkError(f"no answer to {name} within {timeout_s:g} s") from error
        finally:
            self._waiting.pop(answer, None)

    async def notices(self) -> AsyncIterator[Any]:
        while True:
            notice = await self._notices.get()
            if notice is None:
                self._notices.put_nowait(None)
                return
            yield notice

    async def aclose(self) -> None:
        self._end()
        self._network.carry(self._asking, "Bye", b"", self._close_session, leg=Leg.SURE)

    def reset(self) -> bool:
        """Break it, as a router in between may; says whether there was anything to break."""
        if not self._is_open or not self._client.alive:
            return False
        self._loop.call_soon(self._end, context=self._client.context)
        self._loop.call_soon(self._close_session, context=self._listener.process.context)
        return True

    def _end(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        for answer in tuple(self._waiting):
            if not answer.done():
                answer.set_exception(LinkError("the connection broke before the answer"))
        self._notices.put_nowait(None)

    # ── the serving end ──────────────────────────────────────────────────────────────────────────────────────────

    def _serve(self, body: bytes, name: str, deadline: float, answer: asyncio.Future[Any]) -> None:
        self._loop.create_task(self._answer(body, name, deadline, answer))

    async def _answer(self, body: bytes, name: str, deadline: float, answer: asyncio.Future[Any]) -> None:
        reply: bytes = b""
        what, shown, traced = "", None, b""
        error: ErrorBody | None = None
        try:
            if self._time(self._listener.clock) > deadline:
                self._network.trace.bite("stale command")
                raise StaleCommand("it arrived after its deadline and was not executed")
            if self._session is None:
                self._session = self._listener.open_session(self._tell)
            shown = await self._session.handle(self._listener.protocols.requests.decode(body))
            reply, what = _encode(shown), f"{name}→{type(shown).__name__}"
            traced = without_pid(shown, reply)
        except TradingError as raised:
            error = error_body(raised)
        except msgspec.MsgspecError as raised:
            error = error_body(LinkError(f"malformed request: {raised}"))
        except Exception as raised:
            _log.exception("a request failed by a fault of ours")
            error = error_body(TradingError(f"internal: {type(raised).__name__}: {raised}"))
        if error is not None:
            what, shown, traced = f"{name}→{error.kind}", error.message, error.message.encode()
        weather = self._network.weather
        if not self._is_local and weather.reset and self._answering.random() < weather.reset:
            self._network.trace.bite("reset connections")
            self.reset()
            return
        self._network.carry(
            self._answering,
            what,
            traced,
            lambda: self._answered(reply, error, answer),
            leg=Leg.ANSWERING,
            shown=shown,
        )

    def _answered(self, reply: bytes, error: ErrorBody | None, answer: asyncio.Future[Any]) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(self._listener.protocols.replies.decode(reply))
        else:
            answer.set_exception(as_error(error))

    def _tell(self, notice: Any) -> None:
        if not self._is_open or self._is_stalled:
            return
        body = _encode(notice)
        self._network.carry(
            self._telling,
            type(notice).__name__,
            body,
            lambda: self._told(body),
            leg=Leg.ANSWERING,
            lost=self._stall,
            shown=notice,
        )

    def _told(self, body: bytes) -> None:
        if self._is_open and not self._is_stalled:
            self._notices.put_nowait(self._listener.protocols.notices.decode(body))

    def _stall(self) -> None:
        """A lost notice is an unanswered call for notices: nothing comes, and after a while the end is clear."""
        if not self._is_stalled:
            self._is_stalled = True
            self._loop.call_later(POLL_MAX_S, self._end, context=self._client.context)

    def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._loop.create_task(session.closed())

    # ── deaths ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _server_died(self) -> None:
        if (
            self._is_open
            and self._client.alive
            and not self._network.is_cut(self._listener.process, self._client)
        ):
            self._loop.call_later(BREAK_S, self._end, context=self._client.context)

    def _client_died(self) -> None:
        if self._listener.process.alive and not self._network.is_cut(self._client, self._listener.process):
            self._loop.call_later(BREAK_S, self._close_session, context=self._listener.process.context)

    def _time(self, clock: Clock) -> float:
        return clock.monotonic() if self._is_local else clock.now().timestamp()


def dial(network: Network, find: Callable[[], Listener], clock: Clock, *, timeout_s: float = 5.0) -> Dial:
    """How the running process reaches a listener, wherever it is at the time of the call.

    Args:
        network: between the two.
        find: the listener as the cluster knows it now; raises ``LinkError`` when there is none.
        clock: of the caller's host.
        timeout_s: for the connection.
    """

    async def connect() -> Connection:
        listener, client = find(), current()
        there, back = network.route(client, listener.process), network.route(listener.process, client)
        met: asyncio.Future[None] = network.loop.create_future()

        def welcome() -> None:
            network.carry(back, "Here", b"", greet, leg=Leg.SURE)

        def greet() -> None:
            if not met.done():
                met.set_result(None)

        network.carry(there, "Where", b"", welcome, leg=Leg.ASKING)
        try:
            async with asyncio.timeout(timeout_s):
                await met
        except TimeoutError as error:
            raise LinkError(f"{listener.process.name}: no answer within {timeout_s:g} s") from error
        return Connection(network, client, listener, clock)

    return connect
