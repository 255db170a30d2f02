"""Links to actors: a unix socket where both ends share a machine, Ray calls with the same messages where not."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import ray

from adapters.clock import Clock
from adapters.errors import LinkError, StaleCommand, TradingError
from adapters.link import Caller, Dial, Peer, Protocols, Server, Session, SessionFactory
from adapters.wire_errors import ErrorBody, as_error, error_body
from cluster.ray_runtime.calls import answer, find

POLL_S = 0.5  # how long one question for notices waits for an answer
FORGET_S = 60.0  # a session over Ray that asked nothing for so long is closed
_encode = msgspec.msgpack.Encoder().encode


class Place(msgspec.Struct, frozen=True):
    """Where an actor can be called."""

    node: str
    socket: str
    pid: int


class Switchboard:
    """The serving end of an actor: its socket, and its sessions over Ray calls."""

    def __init__(self, path: Path, protocols: Protocols, clock: Clock, open_session: SessionFactory) -> None:
        self._server = Server(path, protocols, clock, open_session)
        self._path = path
        self._protocols = protocols
        self._open_session = open_session
        self._sessions: dict[str, tuple[Session, asyncio.Queue[bytes]]] = {}
        self._asked_at: dict[str, float] = {}

    async def start(self) -> None:
        """Listen on the socket."""
        await self._server.start()

    async def call(self, session_id: str, body: bytes, deadline: float) -> tuple[bytes, bytes | None]:
        """One request over Ray: (answer, error). The deadline is wall time: the machines are not the same."""
        session, _ = await self._session(session_id)
        try:
            if time.time() > deadline:
                raise StaleCommand("it arrived after its deadline and was not executed")
            return _encode(await session.handle(self._protocols.requests.decode(body))), None
        except TradingError as error:
            return b"", _encode(error_body(error))

    async def notices(self, session_id: str) -> list[bytes]:
        """What the session was told since it last asked; waits a little when there is nothing."""
        _, queue = await self._session(session_id)
        told: list[bytes] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                told.append(await queue.get())
        while not queue.empty():
            told.append(queue.get_nowait())
        return told

    async def _session(self, session_id: str) -> tuple[Session, asyncio.Queue[bytes]]:
        now = time.monotonic()
        for old in [known for known, at in self._asked_at.items() if now - at > FORGET_S]:
            del self._asked_at[old]
            await self._sessions.pop(old)[0].closed()
        self._asked_at[session_id] = now
        if session_id not in self._sessions:
            queue: asyncio.Queue[bytes] = asyncio.Queue()
            session = self._open_session(lambda body: queue.put_nowait(_encode(body)))
            self._sessions[session_id] = (session, queue)
        return self._sessions[session_id]


class RayCaller:
    """The calling end over Ray calls. Implements ``Caller``."""

    def __init__(self, name: str, handle: Any, protocols: Protocols) -> None:
        self._name = name
        self._handle = handle
        self._protocols = protocols
        self._session = uuid.uuid4().hex
        self._open = True

    @property
    def is_open(self) -> bool:
        return self._open

    async def call(self, request: Any, *, timeout_s: float) -> Any:
        reference = self._handle.link_call.remote(self._session, _encode(request), time.time() + timeout_s)
        try:
            body, error = await answer(reference, timeout_s=timeout_s, what=self._name)
        except LinkError:
            self._open = False
            raise
        if error is not None:
            raise as_error(msgspec.msgpack.decode(error, type=ErrorBody))
        return self._protocols.replies.decode(body)

    async def notices(self) -> AsyncIterator[Any]:
        while self._open:
            try:
                told = await answer(
                    self._handle.link_notices.remote(self._session), timeout_s=10 * POLL_S, what=self._name
                )
            except LinkError:
                self._open = False
                return
            for body in told:
                yield self._protocols.notices.decode(body)

    async def aclose(self) -> None:
        self._open = False


def dial(name: str, protocols: Protocols, clock: Clock, *, timeout_s: float = 5.0) -> Dial:
    """How to reach a named actor, wherever it is at the time of the call."""
    here = ray.get_runtime_context().get_node_id()

    async def connect() -> Caller:
        handle = find(name)
        place: Place = await answer(handle.where.remote(), timeout_s=timeout_s, what=name)
        if place.node == here and place.socket:
            return await Peer.dial(Path(place.socket), protocols, clock)
        return RayCaller(name, handle, protocols)

    return connect
