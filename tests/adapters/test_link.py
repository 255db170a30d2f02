"""Real unix sockets: typed messages, deadlines, and an end that is always told."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters import link
from adapters.clock import VirtualClock
from adapters.errors import (
    ConfigError,
    LinkError,
    RateLimited,
    StaleCommand,
    TradingError,
)
from adapters.link import FRAME_BYTES_MAX, Peer, Protocols, Server
from tests.builders import NOW
from tests.fakes import until


class Say(msgspec.Struct, frozen=True, tag=True):
    """Give me this many bytes back."""

    text: str = ""
    bytes: int = 0


class Fail(msgspec.Struct, frozen=True, tag=True):
    """Raise."""

    how: str


class Wait(msgspec.Struct, frozen=True, tag=True):
    """Answer when you are let go."""


class Tell(msgspec.Struct, frozen=True, tag=True):
    """Notify me that often."""

    times: int
    bytes: int = 0


class Heard(msgspec.Struct, frozen=True, tag=True):
    """Answer and notice."""

    text: str


PROTOCOLS = Protocols.of(requests=Say | Fail | Wait | Tell, replies=Heard | None, notices=Heard)


class Echo:
    """A session that does as it is told."""

    def __init__(self, notify: link.Notify) -> None:
        self.notify = notify
        self.heard: list[Any] = []
        self.gate = asyncio.Event()
        self.is_closed = asyncio.Event()
        self.was_cancelled = False

    async def handle(self, request: Any) -> Any:
        self.heard.append(request)
        match request:
            case Say(text, size):
                return Heard(text + "x" * size)
            case Fail("rate"):
                raise RateLimited("slow down", venue="paper", retry_after_s=1.5)
            case Fail("config"):
                raise ConfigError("no such thing")
            case Fail():
                raise ZeroDivisionError("a bug, with a secret in its text")
            case Wait():
                try:
                    await self.gate.wait()
                except asyncio.CancelledError:
                    self.was_cancelled = True
                    raise
                return Heard("at last")
            case Tell(times, size):
                for number in range(times):
                    self.notify(Heard(f"{number}" + "x" * size))
                return None

    async def closed(self) -> None:
        self.is_closed.set()


class Line:
    """A server, its sessions, and whoever calls."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = VirtualClock(NOW)
        self.sessions: list[Echo] = []
        self.server = Server(path, PROTOCOLS, self.clock, self._open)
        self.peers: list[Peer] = []

    def _open(self, notify: link.Notify) -> Echo:
        self.sessions.append(Echo(notify))
        return self.sessions[-1]

    async def dial(self) -> Peer:
        self.peers.append(await Peer.dial(self.path, PROTOCOLS, self.clock))
        return self.peers[-1]

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.path)


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    line = Line(tmp_path / "sockets" / "x.sock")
    await line.server.start()
    yield line
    for peer in line.peers:
        await peer.aclose()
    await line.server.aclose()


async def quickly(work: Any) -> Any:
    return await asyncio.wait_for(work, 5)


async def test_a_request_is_answered(line: Line) -> None:
    peer = await line.dial()
    assert await peer.call(Say("hello"), timeout_s=5) == Heard("hello")
    assert await peer.call(Tell(0), timeout_s=5) is None


async def test_answers_find_their_questions_in_any_order(line: Line) -> None:
    peer = await line.dial()
    waiting = asyncio.create_task(peer.call(Wait(), timeout_s=5))
    others = [peer.call(Say(str(number)), timeout_s=5) for number in range(20)]
    assert await asyncio.gather(*others) == [Heard(str(number)) for number in range(20)]
    line.sessions[0].gate.set()
    assert await waiting == Heard("at last")


async def test_each_connection_has_a_session_of_its_own(line: Line) -> None:
    first, second = await line.dial(), await line.dial()
    await first.call(Say("a"), timeout_s=5)
    await second.call(Say("b"), timeout_s=5)
    assert [session.heard for session in line.sessions] == [[Say("a")], [Say("b")]]


async def test_our_errors_cross_whole(line: Line) -> None:
    peer = await line.dial()
    with pytest.raises(RateLimited, match="slow down") as limited:
        await peer.call(Fail("rate"), timeout_s=5)
    assert (limited.value.venue, limited.value.retry_after_s) == ("paper", 1.5)
    with pytest.raises(ConfigError, match="no such thing"):
        await peer.call(Fail("config"), timeout_s=5)
    assert peer.is_open


async def test_a_bug_is_answered_at_once_by_its_name_only(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await line.dial()
    with pytest.raises(TradingError, match=r"^internal: ZeroDivisionError$"):
        await peer.call(Fail("badly"), timeout_s=5)
    assert await peer.call(Say("still here"), timeout_s=5) == Heard("still here")
    assert "a fault of ours" in caplog.text


async def test_a_request_that_is_read_after_its_deadline_is_not_executed(line: Line) -> None:
    peer = await line.dial()
    await peer.call(Say("first"), timeout_s=5)
    late = asyncio.create_task(peer.call(Say("late"), timeout_s=0.5))
    await asyncio.sleep(0)
    line.clock.advance(1)
    with pytest.raises(StaleCommand):
        await late
    assert line.sessions[0].heard == [Say("first")]


async def test_no_answer_in_time_is_a_link_error_and_the_connection_lives(line: Line) -> None:
    peer = await line.dial()
    with pytest.raises(LinkError, match=r"no answer to Wait within 0\.02 s"):
        await peer.call(Wait(), timeout_s=0.02)
    line.sessions[0].gate.set()
    assert await peer.call(Say("next"), timeout_s=5) == Heard("next")


async def test_a_request_too_large_for_a_frame_is_refused_before_it_is_sent(line: Line) -> None:
    peer = await line.dial()
    with pytest.raises(LinkError, match="over the limit"):
        await peer.call(Say("x" * FRAME_BYTES_MAX), timeout_s=5)
    assert await peer.call(Say("small"), timeout_s=5) == Heard("small")
    assert line.sessions[0].heard == [Say("small")]


async def test_an_answer_too_large_for_a_frame_is_an_error_and_not_silence(line: Line) -> None:
    peer = await line.dial()
    with pytest.raises(LinkError, match="over the limit"):
        await quickly(peer.call(Say(bytes=FRAME_BYTES_MAX), timeout_s=5))
    assert await peer.call(Say("small"), timeout_s=5) == Heard("small")


async def test_a_frame_just_within_the_limit_passes(line: Line) -> None:
    peer = await line.dial()
    size = FRAME_BYTES_MAX - 1000
    assert await peer.call(Say(bytes=size), timeout_s=5) == Heard("x" * size)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", 5) + b"\xc1\xc1\xc1\xc1\xc1",
        struct.pack(">I", FRAME_BYTES_MAX + 1),
        struct.pack(">I", 0),
        struct.pack(">I", 3) + b"\x93\x01",
        b"\x00",
    ],
)
async def test_garbage_ends_its_own_connection_only(line: Line, garbage: bytes) -> None:
    peer = await line.dial()
    reader, writer = await line.raw()
    writer.write(garbage)
    writer.write_eof()
    assert await quickly(reader.read()) == b""
    writer.close()
    assert await peer.call(Say("fine"), timeout_s=5) == Heard("fine")


async def test_a_request_that_is_no_message_of_ours_is_answered_and_not_executed(line: Line) -> None:
    peer = await line.dial()
    with pytest.raises(LinkError, match="malformed request"):
        await peer.call(Heard("not a request"), timeout_s=5)
    assert await peer.call(Say("fine"), timeout_s=5) == Heard("fine")


async def test_a_broken_connection_is_told_to_everybody_who_waits(line: Line) -> None:
    peer = await line.dial()
    waiting = [asyncio.create_task(peer.call(Wait(), timeout_s=5)) for _ in range(3)]
    await until(lambda: bool(line.sessions) and len(line.sessions[0].heard) == 3)
    await line.server.aclose()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, LinkError)
        assert "broke" in str(result)
    assert not peer.is_open
    with pytest.raises(LinkError, match="gone"):
        await peer.call(Say(), timeout_s=5)


async def test_when_the_caller_goes_its_session_is_told_and_its_work_ends(line: Line) -> None:
    peer = await line.dial()
    waiting = asyncio.create_task(peer.call(Wait(), timeout_s=5))
    await until(lambda: bool(line.sessions) and bool(line.sessions[0].heard))
    await peer.aclose()
    await quickly(line.sessions[0].is_closed.wait())
    with pytest.raises(LinkError):
        await waiting
    await until(lambda: line.sessions[0].was_cancelled)


async def test_notices_come_in_order_and_end_with_the_connection(line: Line) -> None:
    peer = await line.dial()
    await peer.call(Tell(3), timeout_s=5)
    await line.server.aclose()
    for _ in range(2):
        texts = [notice.text async for notice in peer.notices()]
        assert texts in (["0", "1", "2"], []), "who listens again hears the end again"


async def test_only_its_user_may_open_the_socket(line: Line) -> None:
    assert stat.S_IMODE(line.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(line.path.parent.stat().st_mode) == 0o700


async def test_a_socket_left_by_a_dead_predecessor_is_replaced(line: Line, tmp_path: Path) -> None:
    stale = tmp_path / "sockets" / "stale.sock"
    stale.write_bytes(b"")
    successor = Line(stale)
    await successor.server.start()
    peer = await successor.dial()
    assert await peer.call(Say("hi"), timeout_s=5) == Heard("hi")
    await peer.aclose()
    await successor.server.aclose()
    assert not stale.exists()


async def test_where_nobody_listens_dialling_fails(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=r"nobody answers at none\.sock"):
        await Peer.dial(tmp_path / "none.sock", PROTOCOLS, VirtualClock(NOW))


async def test_who_does_not_read_is_cut_off_and_the_others_are_not(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "UNREAD_BYTES_MAX", 1024 * 1024)
    peer = await line.dial()
    await peer.call(Say("first"), timeout_s=5)
    reader, writer = await line.raw()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's
    frame = link.Request(1, 10.0, msgspec.Raw(msgspec.msgpack.encode(Tell(40, 100_000))))
    link.write_frame(writer, frame)
    await until(lambda: len(line.sessions) == 2)
    await quickly(line.sessions[1].is_closed.wait())
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    assert await peer.call(Say("fine"), timeout_s=5) == Heard("fine")
    del reader


async def test_who_does_not_read_does_not_hold_up_the_end(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CLOSE_MAX_S", 0.01)
    _, writer = await line.raw()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's
    body = msgspec.Raw(msgspec.msgpack.encode(Say(bytes=4_000_000)))
    link.write_frame(writer, link.Request(1, 10.0, body))
    await until(lambda: bool(line.sessions) and bool(line.sessions[0].heard))
    await quickly(line.server.aclose())
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_answers_that_nobody_reads_do_not_pile_up_either(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "UNREAD_BYTES_MAX", 1024 * 1024)
    peer = await line.dial()
    await peer.call(Say("first"), timeout_s=5)
    _, writer = await line.raw()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's
    for number in range(40):
        body = msgspec.Raw(msgspec.msgpack.encode(Say(bytes=100_000)))
        link.write_frame(writer, link.Request(number, 10.0, body))
    await until(lambda: len(line.sessions) == 2)
    await quickly(line.sessions[1].is_closed.wait())
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
