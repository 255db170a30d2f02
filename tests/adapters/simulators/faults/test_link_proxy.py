"""A server of ours behind the proxy, on real unix sockets."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from adapters.clock import SystemClock, VirtualClock
from adapters.errors import LinkError, RateLimited, Temporary, TradingError
from adapters.link import Notify, Peer, Protocols, Server
from adapters.simulators.faults.link_proxy import LinkProxy
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import (
    AFTER,
    MALFORMED,
    Fault,
    Kind,
    Plan,
    Step,
    Way,
    Where,
    script,
)
from tests.adapters.paper.builders import START
from tests.fakes import until

PATIENCE_S = 0.2  # of a caller who hears nothing
ASKS = Where(way=Way.REQUEST, verb="Do")


class Do(msgspec.Struct, frozen=True, tag=True):
    """Count this."""

    what: str
    until: datetime | None = None


class Say(msgspec.Struct, frozen=True, tag=True):
    """Notify me of each of these letters."""

    letters: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """How often anything was done, and when."""

    times: int
    at: datetime
    until: datetime | None


class News(msgspec.Struct, frozen=True, tag=True):
    """A letter."""

    letter: str
    at: datetime


PROTOCOLS = Protocols.of(requests=Do | Say, replies=Done, notices=News)


class Counting:
    """Counts what it is told to do, over all its sessions."""

    def __init__(self) -> None:
        self.done: list[Do] = []
        self.sessions: list[Notify] = []
        self.closed_count = 0

    def open_session(self, notify: Notify) -> CountingSession:
        self.sessions.append(notify)
        return CountingSession(self, notify)


class CountingSession:
    """One connection to it."""

    def __init__(self, counting: Counting, notify: Notify) -> None:
        self._counting = counting
        self._notify = notify

    async def handle(self, request: Any) -> Done:
        if isinstance(request, Say):
            for letter in request.letters:
                self._notify(News(letter, START))
            return Done(0, START, None)
        self._counting.done.append(request)
        if request.what == "fail":
            raise TradingError("as asked")
        return Done(len(self._counting.done), START, request.until)

    async def closed(self) -> None:
        self._counting.closed_count += 1


class Line:
    """The server, the proxy and whoever calls."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "proxy.sock"
        self.clock = VirtualClock(START)
        self.venue = Counting()
        self.nemesis = Nemesis(Plan(), Random(0))
        self.server = Server(folder / "venue.sock", PROTOCOLS, self.clock, self.venue.open_session)
        self.proxy = LinkProxy(self.path, folder / "venue.sock", self.nemesis, SystemClock())
        self.peers: list[Peer] = []

    async def dial(self) -> Peer:
        self.peers.append(await Peer.dial(self.path, PROTOCOLS, self.clock))
        return self.peers[-1]

    async def do(self, what: str = "it", peer: Peer | None = None, until: datetime | None = None) -> Done:
        peer = peer or await self.dial()
        answer: Done = await peer.call(Do(what, until), timeout_s=PATIENCE_S)
        return answer

    async def letters(self, peer: Peer, count: int) -> str:
        """The next ``count`` letters of the news."""
        heard = ""
        async with asyncio.timeout(5):
            async for news in peer.notices():
                heard += news.letter
                if len(heard) == count:
                    break
        return heard


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    line = Line(tmp_path)
    await line.server.start()
    await line.proxy.start()
    yield line
    for peer in line.peers:
        await peer.aclose()
    await line.proxy.aclose()
    await line.server.aclose()


async def test_without_a_plan_it_is_not_there(line: Line) -> None:
    peer = await line.dial()
    assert await line.do(peer=peer) == Done(1, START, None)
    await peer.call(Say("abc"), timeout_s=PATIENCE_S)
    assert await line.letters(peer, 3) == "abc"
    with pytest.raises(TradingError, match="as asked"):
        await line.do("fail", peer)
    assert not line.nemesis.bites
    told = [(passage.message.verb, passage.delivered, passage.answered) for passage in line.nemesis.passages]
    assert sorted(told) == [
        ("Do", 1, True),
        ("Do", 1, True),
        *[("News", 1, False)] * 3,
        ("Say", 1, True),
    ]


async def test_only_its_user_may_open_the_socket(line: Line) -> None:
    assert stat.S_IMODE(line.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("kind", "error", "keeps_open"),
    [
        (Kind.REQUEST_LOST, LinkError, True),
        (Kind.ANSWER_LOST, LinkError, True),
        (Kind.RESET_BEFORE, LinkError, False),
        (Kind.RESET_AFTER, LinkError, False),
        (Kind.ERROR_BEFORE, Temporary, True),
        (Kind.ERROR_AFTER, Temporary, True),
        (Kind.RATE_LIMITED, RateLimited, True),
        (Kind.RATE_LIMITED_WITH_WAIT, RateLimited, True),
        *((kind, LinkError, False) for kind in sorted(MALFORMED)),
    ],
)
async def test_a_request_meets_its_fault_and_the_truth_is_kept(
    line: Line, kind: Kind, error: type[TradingError], keeps_open: bool
) -> None:
    peer = await line.dial()
    line.nemesis.strike(script(Fault(kind=kind, seconds=1.5), where=ASKS, first=2))
    await line.do("first", peer)
    with pytest.raises(error) as raised:
        await line.do("second", peer)
    assert type(raised.value) is error
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after_s == (1.5 if kind is Kind.RATE_LIMITED_WITH_WAIT else None)
    delivered = kind in AFTER
    assert [request.what for request in line.venue.done] == ["first", "second"][: 1 + delivered]
    assert (await line.do("third", peer if keeps_open else None)).times == 2 + delivered
    assert peer.is_open == keeps_open
    assert line.nemesis.bites == {kind: 1}
    told = [
        (passage.delivered, passage.answered, passage.fault is not None) for passage in line.nemesis.passages
    ]
    assert told == [(1, True, False), (delivered, False, True), (1, True, False)]


async def test_a_delayed_request_is_delivered_when_its_caller_has_given_up(line: Line) -> None:
    peer = await line.dial()
    line.nemesis.strike(script(Kind.REQUEST_DELAYED, where=ASKS))
    with pytest.raises(LinkError):
        await line.do("late", peer)
    assert (await line.do("early", peer)).times == 1, "the next one overtakes it"
    line.nemesis.heal()
    await until(lambda: [request.what for request in line.venue.done] == ["early", "late"])
    await until(lambda: line.nemesis.bites == {Kind.REQUEST_DELAYED: 1})


async def test_a_delayed_request_goes_down_with_its_connection(line: Line) -> None:
    peer = await line.dial()
    line.nemesis.strike(script(Kind.REQUEST_DELAYED, where=ASKS))
    with pytest.raises(LinkError):
        await line.do("late", peer)
    await peer.aclose()
    await until(lambda: bool(line.nemesis.passages))
    line.nemesis.heal()
    assert [passage.delivered for passage in line.nemesis.passages] == [0]
    assert (await line.do("next")).times == 1


async def test_a_duplicated_request_is_delivered_twice_and_answered_once(line: Line) -> None:
    peer = await line.dial()
    line.nemesis.strike(script(Kind.REQUEST_DUPLICATED, where=ASKS))
    assert (await line.do(peer=peer)).times == 1
    assert (await line.do(peer=peer)).times == 3
    told = [(passage.delivered, passage.answered) for passage in line.nemesis.passages]
    assert told == [(2, True), (1, True)]
    assert line.nemesis.bites == {Kind.REQUEST_DUPLICATED: 1}


async def test_a_reset_takes_along_what_else_was_under_way_and_no_more(line: Line) -> None:
    peer, other = await line.dial(), await line.dial()
    await line.do(peer=other)
    line.nemesis.strike(script(Kind.RESET_BEFORE, where=ASKS, first=3))
    answers = await asyncio.gather(*(line.do(str(n), peer) for n in range(4)), return_exceptions=True)
    assert any(isinstance(answer, LinkError) for answer in answers)
    assert await line.do(peer=other)
    unanswered = [passage for passage in line.nemesis.passages if not passage.answered]
    delivered = sum(passage.delivered for passage in line.nemesis.passages)
    assert delivered == len(line.venue.done)
    assert [passage.fault.kind for passage in unanswered if passage.fault] == [Kind.RESET_BEFORE]


async def test_a_stale_answer_is_the_last_one_and_asks_nobody(line: Line) -> None:
    peer = await line.dial()
    line.nemesis.strike(Plan(steps=(Step(fault=Fault(kind=Kind.STALE), times=None, where=ASKS),)))
    assert (await line.do("a", peer)).times == 1, "nobody has asked before"
    assert (await line.do("a", peer)).times == 1
    assert (await line.do("b", peer)).times == 2
    assert len(line.venue.done) == 2
    line.nemesis.heal()
    assert (await line.do("a", peer)).times == 3
    assert line.nemesis.bites == {Kind.STALE: 1}


@pytest.mark.parametrize(
    ("kind", "heard"),
    [
        (Kind.DROPPED, "acd"),
        (Kind.STALE, "acd"),
        (Kind.DUPLICATED, "abbcd"),
        (Kind.REORDERED, "acbd"),
        (Kind.DELAYED, "abcd"),
    ],
)
async def test_news_meet_their_fault_and_answers_do_not(line: Line, kind: Kind, heard: str) -> None:
    peer = await line.dial()
    line.nemesis.strike(script(Fault(kind=kind, seconds=0.01), where=Where(way=Way.NEWS), first=2))
    await peer.call(Say("abcd"), timeout_s=PATIENCE_S)
    assert await line.letters(peer, len(heard)) == heard
    assert line.nemesis.bites == {kind: 1}


async def test_a_stalled_stream_lets_answers_pass_and_goes_on_when_healed(line: Line) -> None:
    peer = await line.dial()
    line.nemesis.strike(script(Kind.STALLED, where=Where(way=Way.NEWS)))
    await peer.call(Say("ab"), timeout_s=PATIENCE_S)
    assert (await line.do(peer=peer)).times == 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(peer.notices()), 0.02)
    line.nemesis.heal()
    assert await line.letters(peer, 2) == "ab"


async def test_a_cut_stream_ends_the_connection(line: Line) -> None:
    peer = await line.dial()
    line.nemesis.strike(script(Kind.CUT, where=Where(way=Way.NEWS), first=2))
    await peer.call(Say("abc"), timeout_s=PATIENCE_S)
    assert [news.letter async for news in peer.notices()] == ["a"]
    assert not peer.is_open


async def test_a_skewed_venue_lives_in_its_own_time(line: Line) -> None:
    peer = await line.dial()
    ahead = timedelta(hours=1)
    line.nemesis.strike(Plan(skew=ahead))
    done = await line.do(peer=peer, until=START + ahead)
    assert done == Done(1, START + ahead, START + ahead)
    assert line.venue.done[0].until == START, "what is an hour away for us is now for the venue"
    await peer.call(Say("a"), timeout_s=PATIENCE_S)
    assert (await anext(peer.notices())).at == START + ahead
    assert line.nemesis.bites == {Kind.SKEWED: 4}, "the request, two answers and the news"


async def test_when_nobody_serves_the_caller_finds_his_connection_gone(line: Line) -> None:
    await line.server.aclose()
    with pytest.raises(LinkError):
        await line.do()


async def test_when_the_caller_goes_the_venue_is_told(line: Line) -> None:
    peer = await line.dial()
    await line.do(peer=peer)
    await peer.aclose()
    await until(lambda: line.venue.closed_count == 1)


async def test_garbage_from_a_caller_ends_his_connection_only(line: Line) -> None:
    peer = await line.dial()
    await line.do(peer=peer)
    reader, writer = await asyncio.open_unix_connection(line.path)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await writer.wait_closed()
    assert (await line.do(peer=peer)).times == 2
