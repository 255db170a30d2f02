"""Links over the simulated network keep what links promise, and break as links break."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from adapters.errors import Conflict, LinkError, StaleCommand, TradingError
from adapters.link import Notify, Protocols
from cluster.simulation.ground import CONTROL, VENUE, Ground
from cluster.simulation.links import Connection, Listener, dial
from cluster.simulation.loop import Process
from cluster.simulation.network import Weather


class Say(msgspec.Struct, frozen=True, tag=True):
    text: str


class Said(msgspec.Struct, frozen=True, tag=True):
    text: str


PROTOCOLS = Protocols.of(requests=Say, replies=Said, notices=Said)


class Echo:
    """Answers what it hears, after a while if asked to."""

    def __init__(self, notify: Notify) -> None:
        self.notify = notify
        self.heard: list[str] = []
        self.is_closed = False

    async def handle(self, request: Say) -> Said:
        self.heard.append(request.text)
        if request.text == "fail":
            raise Conflict("not now")
        if request.text == "wait":
            await asyncio.sleep(3)
        if request.text == "tell":
            for number in range(20):
                self.notify(Said(str(number)))
        return Said(request.text)

    async def closed(self) -> None:
        self.is_closed = True


class Stage:
    """A client and a server, on one host or on two."""

    def __init__(self, *, together: bool = False) -> None:
        self.ground = Ground.make(1, [CONTROL, VENUE], 5.0)
        self.server = Process("server", CONTROL if together else VENUE)
        self.client = Process("client", CONTROL)
        self.echoes: list[Echo] = []
        clock = self.ground.clock(self.server)
        self.listener = Listener(self.server, PROTOCOLS, clock, self._open)
        self.outcome: list[Any] = []

    def _open(self, notify: Notify) -> Echo:
        self.echoes.append(Echo(notify))
        return self.echoes[-1]

    async def connect(self) -> Connection:
        found = await dial(self.ground.network, lambda: self.listener, self.ground.clock(self.client))()
        assert isinstance(found, Connection)
        return found

    def run(self, play: Callable[[Connection], Awaitable[Any]], until_s: float = 60.0) -> list[Any]:
        """What the client's play returned or raised, as far as it came."""

        async def act() -> None:
            try:
                self.outcome.append(await play(await self.connect()))
            except TradingError as error:
                self.outcome.append(error)

        self.ground.begin(self.client, act())
        self.ground.loop.run(until_s)
        self.ground.loop.bury()
        return self.outcome


async def echo(connection: Connection) -> str:
    return str((await connection.call(Say("hello"), timeout_s=5)).text)


def test_a_request_is_answered_with_what_the_session_says() -> None:
    assert Stage().run(echo) == ["hello"]
    assert Stage(together=True).run(echo) == ["hello"]


def test_an_error_of_ours_arrives_as_itself() -> None:
    (error,) = Stage().run(lambda connection: connection.call(Say("fail"), timeout_s=5))
    assert isinstance(error, Conflict)


def test_an_answer_that_comes_too_late_is_a_link_error_and_between_hosts_the_end_of_the_connection() -> None:
    for together in (False, True):
        stage = Stage(together=together)

        async def play(connection: Connection) -> tuple[str, bool]:
            try:
                await connection.call(Say("wait"), timeout_s=1)
            except LinkError as error:
                return str(error), connection.is_open
            raise AssertionError

        assert stage.run(play) == [("no answer to Say within 1 s", together)]
        assert stage.echoes[0].heard == ["wait"], "it was executed all the same"


def test_a_request_that_arrives_after_its_deadline_is_refused_by_the_receivers_clock() -> None:
    stage = Stage()
    stage.ground.hosts[VENUE].clock.jump(10)
    (error,) = stage.run(lambda connection: connection.call(Say("late"), timeout_s=5))
    assert isinstance(error, StaleCommand)
    assert not stage.echoes
    assert stage.ground.trace.bitten == {"stale command": 1}


def test_on_one_host_the_time_of_day_means_nothing() -> None:
    stage = Stage(together=True)
    stage.ground.hosts[CONTROL].clock.jump(10)
    assert stage.run(echo) == ["hello"]


def test_a_lost_answer_leaves_the_caller_without_knowing_and_the_work_done() -> None:
    stage = Stage()

    async def play(connection: Connection) -> Any:
        stage.ground.network.weather = Weather(answer_loss=1.0)
        return await connection.call(Say("hello"), timeout_s=2)

    (error,) = stage.run(play)
    assert isinstance(error, LinkError)
    assert stage.echoes[0].heard == ["hello"]


def test_a_doubled_request_is_executed_twice_and_answered_once() -> None:
    stage = Stage()

    async def play(connection: Connection) -> str:
        stage.ground.network.weather = Weather(duplication=1.0)
        return await echo(connection)

    assert stage.run(play) == ["hello"]
    assert stage.echoes[0].heard == ["hello", "hello"]


def test_nothing_arrives_through_a_partition_and_everything_after_it() -> None:
    stage = Stage()

    async def play(connection: Connection) -> list[str]:
        stage.ground.network.cut(CONTROL, VENUE, "a cable")
        heard = []
        try:
            await connection.call(Say("lost"), timeout_s=1)
        except LinkError:
            heard.append("nothing")
        stage.ground.network.mend(CONTROL, VENUE, "a cable")
        return [*heard, await echo(await stage.connect())]

    assert stage.run(play) == [["nothing", "hello"]]
    assert stage.ground.trace.bitten == {"a cable": 1}


def test_the_death_of_the_server_breaks_what_waits_for_it() -> None:
    stage = Stage()
    stage.ground.at(1.0, stage.ground.end, stage.server)
    (error,) = stage.run(lambda connection: connection.call(Say("wait"), timeout_s=30))
    assert str(error) == "the connection broke before the answer"


def test_the_death_of_the_client_closes_its_session() -> None:
    stage = Stage()
    stage.ground.at(1.0, stage.ground.end, stage.client)
    assert stage.run(lambda connection: connection.call(Say("wait"), timeout_s=30)) == []
    assert stage.echoes[0].is_closed


def test_notices_stay_in_order_and_a_lost_one_ends_the_connection() -> None:
    async def listen(notices: AsyncIterator[Said]) -> list[int]:
        return [int(notice.text) async for notice in notices]

    async def play(connection: Connection) -> list[int]:
        listening = asyncio.ensure_future(listen(connection.notices()))
        await connection.call(Say("tell"), timeout_s=5)
        await asyncio.sleep(20)
        await connection.aclose()
        return await listening

    assert Stage().run(play) == [list(range(20))]
    broken = Stage()

    async def play_in_bad_weather(connection: Connection) -> list[int]:
        broken.ground.network.weather = Weather(answer_loss=0.2)
        listening = asyncio.ensure_future(listen(connection.notices()))
        with contextlib.suppress(LinkError):
            await connection.call(Say("tell"), timeout_s=30)
        return await listening

    (told,) = broken.run(play_in_bad_weather)
    assert told == list(range(len(told)))
    assert len(told) < 20
