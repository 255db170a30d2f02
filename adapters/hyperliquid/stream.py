"""One websocket connection: subscriptions, the fast way for actions, and a sign of life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType
from msgspec import Raw, Struct

from adapters.clock import Clock
from adapters.errors import ExchangeDown, InvalidParam, OutcomeUnknown, RateLimited, VenueError
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.wire import Envelope, decoded

OPEN_MAX_S = 5.0
ANSWER_MAX_S = 5.0
PING_S = 2.0
SILENT_MAX_S = 10.0  # without a word, not even an answer to a ping, the connection is one in name only
MESSAGE_BYTES_MAX = 32 * 1024 * 1024
WAITING_MAX = 20_000  # messages that nobody has taken yet; who falls further behind begins anew
_OWN = frozenset({"pong", "subscriptionResponse", "post"})


class _PostResponse(Struct):
    type: str
    payload: Raw = Raw(b"null")


class _Posted(Struct):
    id: int
    response: _PostResponse


class Stream:
    """An open connection. It ends when either side closes it, or when nothing is heard for ``SILENT_MAX_S``."""

    def __init__(self, socket: ClientWebSocketResponse, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self.heard_at = clock.monotonic()
        self._waiting: asyncio.Queue[Envelope | None] = asyncio.Queue()
        self._posts: dict[int, asyncio.Future[bytes]] = {}
        self._posted = 0
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._stay_alive())]

    @classmethod
    async def open(cls, session: ClientSession, url: str, clock: Clock) -> Stream:
        """Connect. Raises ``ExchangeDown``."""
        try:
            async with asyncio.timeout(OPEN_MAX_S):
                socket = await session.ws_connect(url, max_msg_size=MESSAGE_BYTES_MAX)
        except (ClientError, TimeoutError, OSError) as error:
            raise ExchangeDown(f"websocket: {type(error).__name__}", venue=VENUE) from error
        return cls(socket, clock)

    @property
    def is_open(self) -> bool:
        return not self._socket.closed

    async def subscribe(self, kind: str, **what: str) -> None:
        """Ask for news. Raises ``ExchangeDown``."""
        await self._send({"method": "subscribe", "subscription": {"type": kind, **what}})

    async def messages(self) -> AsyncIterator[Envelope]:
        """News, until the connection ends."""
        while (message := await self._waiting.get()) is not None:
            yield message

    async def act(self, body: dict[str, Any]) -> bytes:
        """Do what a POST to /exchange would. Raises as that does."""
        self._posted += 1
        number = self._posted
        answered = self._posts[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send({"method": "post", "id": number, "request": {"type": "action", "payload": body}})
            async with asyncio.timeout(ANSWER_MAX_S):
                answer: bytes = await answered
                return answer
        except TimeoutError as error:
            raise OutcomeUnknown("no answer on the websocket", venue=VENUE) from error
        finally:
            self._posts.pop(number, None)

    async def aclose(self) -> None:
        """Close; whoever waits for an answer hears that there will be none."""
        await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._end()

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket.closed:
            raise ExchangeDown("the websocket is closed", venue=VENUE)
        try:
            await self._socket.send_str(msgspec.json.encode(message).decode())
        except (ClientError, OSError) as error:  # part of it may have left
            raise OutcomeUnknown(f"websocket: {type(error).__name__}", venue=VENUE) from error

    async def _read(self) -> None:
        try:
            async for item in self._socket:
                if item.type is not WSMsgType.TEXT:
                    continue
                self.heard_at = self._clock.monotonic()
                if not self._take(item.data):
                    break
        finally:
            self._end()
            with contextlib.suppress(ClientError, OSError):
                await self._socket.close()

    def _take(self, text: str) -> bool:
        """One message. Says ``False`` where nothing sensible can follow."""
        try:
            message = decoded(text, Envelope)
            if message.channel == "post":
                self._settle(decoded(message.data, _Posted))
        except (msgspec.MsgspecError, ValueError):
            return not text.startswith("{")  # a greeting is no news; spoilt news may have been anything
        if message.channel not in _OWN:
            self._waiting.put_nowait(message)
        return self._waiting.qsize() < WAITING_MAX

    def _settle(self, posted: _Posted) -> None:
        answered = self._posts.get(posted.id)
        if answered is None or answered.done():
            return
        if posted.response.type == "error":
            answered.set_exception(
                _refused(bytes(posted.response.payload).decode(errors="replace").strip('"'))
            )
        else:
            answered.set_result(bytes(posted.response.payload))

    def _end(self) -> None:
        for answered in self._posts.values():
            if not answered.done():
                answered.set_exception(OutcomeUnknown("the websocket ended", venue=VENUE))
        self._waiting.put_nowait(None)

    async def _stay_alive(self) -> None:
        while self._clock.monotonic() - self.heard_at < SILENT_MAX_S:
            with contextlib.suppress(VenueError):
                await self._send({"method": "ping"})
            await self._clock.sleep(PING_S)
        await self._socket.close()


def _refused(text: str) -> VenueError:
    """What an HTTP request would have been answered with, whose status the text begins with."""
    status = text[:3]
    if status == "429":
        return RateLimited(text, venue=VENUE)
    if status.isdecimal() and status.startswith("4"):
        return InvalidParam(text, venue=VENUE)
    return OutcomeUnknown(text, venue=VENUE)
