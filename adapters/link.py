"""Typed messages between two processes: requests with a deadline, replies, and notices.

A frame is a four-byte big-endian length and a MessagePack body. Whoever serves opens a ``Session`` for each caller;
whoever calls holds a ``Peer``. Deadlines are monotonic clock readings of one machine, which both ends of a unix socket
share: a request that is read after its deadline is refused, never executed late.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from adapters.clock import Clock
from adapters.errors import LinkError, StaleCommand, TradingError
from adapters.unix_listener import UnixListener
from adapters.wire_errors import ErrorBody, as_error, error_body

FRAME_BYTES_MAX = 8 * 1024 * 1024
UNREAD_BYTES_MAX = 32 * 1024 * 1024
CLOSE_MAX_S = 1.0
_LENGTH = struct.Struct(">I")
_log = logging.getLogger(__name__)


class Session(Protocol):
    """The serving end's side of one connection."""

    async def handle(self, request: Any) -> Any:
        """Answer one request. A ``TradingError`` travels back as itself."""
        ...

    async def closed(self) -> None:
        """The other end has gone."""
        ...


class Caller(Protocol):
    """The calling end of a link, whatever carries it."""

    async def call(self, request: Any, *, timeout_s: float) -> Any:
        """Send a request and wait for its answer.

        Raises:
            LinkError: the connection is gone, or no answer came in time. The request may have been executed.
            TradingError: what the other end raised.
        """
        ...

    def notices(self) -> AsyncIterator[Any]:
        """News from the other end, until the connection ends."""
        ...

    @property
    def is_open(self) -> bool: ...

    async def aclose(self) -> None: ...


class Request(msgspec.Struct, frozen=True, tag="q", array_like=True):
    """Number, monotonic deadline in seconds, body."""

    number: int
    deadline: float
    body: msgspec.Raw


class Reply(msgspec.Struct, frozen=True, tag="r", array_like=True):
    """The answer to a request; exactly one of body and error is meant."""

    number: int
    body: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: ErrorBody | None = None


class Notice(msgspec.Struct, frozen=True, tag="n", array_like=True):
    """News that nobody asked for."""

    body: msgspec.Raw


Dial = Callable[[], Awaitable[Caller]]
_Frame = Request | Reply | Notice
_encoder = msgspec.msgpack.Encoder()
_frames = msgspec.msgpack.Decoder(_Frame)


@dataclass(frozen=True, slots=True)
class Protocols:
    """The message types of one link, as unions of tagged structs."""

    requests: msgspec.msgpack.Decoder[Any]
    replies: msgspec.msgpack.Decoder[Any]
    notices: msgspec.msgpack.Decoder[Any]

    @classmethod
    def of(cls, *, requests: Any, replies: Any, notices: Any) -> Protocols:
        return cls(*(msgspec.msgpack.Decoder(kind) for kind in (requests, replies, notices)))


@dataclass(slots=True)
class Peer:
    """The calling end of a unix socket. It never reconnects by itself."""

    protocols: Protocols
    clock: Clock
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _waiting: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _notices: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    _number: int = 0
    _pump: asyncio.Task[None] | None = None
    _gone: bool = False

    @classmethod
    async def dial(cls, path: Path, protocols: Protocols, clock: Clock) -> Peer:
        """Connect to a unix socket. Raises ``LinkError`` when nobody listens there."""
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=FRAME_BYTES_MAX)
        except OSError as error:
            raise LinkError(f"nobody answers at {path.name}: {error.strerror}") from error
        peer = cls(protocols, clock, reader, writer)
        peer._pump = asyncio.create_task(peer._read())
        return peer

    async def call(self, request: Any, *, timeout_s: float) -> Any:
        if self._gone:
            raise LinkError("the connection is gone")
        self._number += 1
        number = self._number
        frame = Request(number, self.clock.monotonic() + timeout_s, msgspec.Raw(_encoder.encode(request)))
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            write_frame(self.writer, frame)
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            raise LinkError(f"no answer to {type(request).__name__} within {timeout_s:g} s") from error
        finally:
            self._waiting.pop(number, None)

    async def notices(self) -> AsyncIterator[Any]:
        while True:
            notice = await self._notices.get()
            if notice is None:
                self._notices.put_nowait(None)  # whoever listens again hears the end too
                return
            yield notice

    @property
    def is_open(self) -> bool:
        return not self._gone

    async def aclose(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await close_writer(self.writer)

    async def _read(self) -> None:
        try:
            while True:
                match _frames.decode(await read_frame(self.reader)):
                    case Reply(number, body, error):
                        waiting = self._waiting.get(number)
                        if waiting is not None and not waiting.done():
                            if error is None:
                                waiting.set_result(self.protocols.replies.decode(body))
                            else:
                                waiting.set_exception(as_error(error))
                    case Notice(body):
                        self._notices.put_nowait(self.protocols.notices.decode(body))
                    case Request():
                        raise LinkError("the serving end does not ask")
        except (OSError, EOFError, msgspec.MsgspecError, LinkError):
            pass
        finally:
            self._gone = True
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(LinkError("the connection broke before the answer"))
            self._notices.put_nowait(None)


Notify = Callable[[Any], None]
SessionFactory = Callable[[Notify], Session]


class Server:
    """Serves sessions on a unix socket that only this user may open."""

    def __init__(self, path: Path, protocols: Protocols, clock: Clock, open_session: SessionFactory) -> None:
        self._listener = UnixListener(path, self._serve, limit=FRAME_BYTES_MAX)
        self._protocols = protocols
        self._clock = clock
        self._open_session = open_session

    async def start(self) -> None:
        """Listen. A socket left by a dead predecessor is replaced."""
        await self._listener.start()

    async def aclose(self) -> None:
        await self._listener.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = self._open_session(lambda body: _notify(writer, body))
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                frame = _frames.decode(await read_frame(reader))
                if not isinstance(frame, Request):
                    break
                answering = asyncio.create_task(self._answer(session, frame, writer))
                running.add(answering)
                answering.add_done_callback(running.discard)
        except (OSError, EOFError, msgspec.MsgspecError, LinkError):
            pass
        except asyncio.CancelledError:
            pass  # the server closes; a cancelled connection would be logged as an error of asyncio's own
        finally:
            for answering in running:
                answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await session.closed()
            await close_writer(writer)

    async def _answer(self, session: Session, request: Request, writer: asyncio.StreamWriter) -> None:
        try:
            if self._clock.monotonic() > request.deadline:
                raise StaleCommand("it arrived after its deadline and was not executed")
            body = self._protocols.requests.decode(request.body)
            reply = Reply(request.number, msgspec.Raw(_encoder.encode(await session.handle(body))))
        except TradingError as error:
            reply = Reply(request.number, error=error_body(error))
        except msgspec.MsgspecError as error:
            reply = Reply(request.number, error=error_body(LinkError(f"malformed request: {error}")))
        except Exception as error:
            _log.exception("a request failed by a fault of ours")
            reply = Reply(request.number, error=error_body(TradingError(f"internal: {type(error).__name__}")))
        try:
            _write_unless_deaf(writer, reply)
        except LinkError as error:
            write_frame(writer, Reply(request.number, error=error_body(error)))


def write_frame(writer: asyncio.StreamWriter, frame: _Frame) -> None:
    """Queue one frame. Raises ``LinkError`` when it is larger than a frame may be."""
    body = _encoder.encode(frame)
    if len(body) > FRAME_BYTES_MAX:
        raise LinkError(f"a frame of {len(body)} bytes is over the limit of {FRAME_BYTES_MAX}")
    writer.write(_LENGTH.pack(len(body)) + body)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The body of the next frame. Raises ``EOFError`` at the end and ``LinkError`` on an absurd length."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > FRAME_BYTES_MAX:
        raise LinkError(f"a frame of {length} bytes is over the limit of {FRAME_BYTES_MAX}")
    return await reader.readexactly(length)


async def close_writer(writer: asyncio.StreamWriter) -> None:
    """Close and wait, whatever state the connection is in; who does not read the rest in time does not get it."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_MAX_S):
            await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.CancelledError):
        writer.transport.abort()


def _notify(writer: asyncio.StreamWriter, body: Any) -> None:
    _write_unless_deaf(writer, Notice(msgspec.Raw(_encoder.encode(body))))


def _write_unless_deaf(writer: asyncio.StreamWriter, frame: _Frame) -> None:
    if writer.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
        writer.transport.abort()  # who does not read for so long dials again and is told the present
    elif not writer.is_closing():
        write_frame(writer, frame)
