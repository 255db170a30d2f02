"""One direction of a stream: what goes in, what comes out, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import ON_STREAMS, Fault, Kind, Message, Odds, Plan, Way, script
from adapters.simulators.faults.relay import HELD_MAX_S, Cut, Relay
from tests.builders import NOW
from tests.fakes import HandClock, settle


class Wire:
    """A relay between a queue and a list."""

    def __init__(self, plan: Plan, seed: int = 0) -> None:
        self.nemesis = Nemesis(plan, Random(seed))
        self.clock = HandClock(NOW)
        self.came: list[str] = []
        self.queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.relay: Relay[str] = Relay(self.nemesis, self.clock, message_of=self._seen, deliver=self._deliver)

    async def send(self, texts: str) -> asyncio.Task[None]:
        """One message a letter; the stream goes on."""
        for text in texts:
            self.queue.put_nowait(text)
        task = asyncio.create_task(self.relay.run(self._texts()))
        await settle()
        return task

    async def all_of(self, texts: str) -> str:
        """One message a letter, and the end; what came of them."""
        task = await self.send(texts)
        self.queue.put_nowait(None)
        await task
        return "".join(self.came)

    async def _texts(self) -> AsyncIterator[str]:
        while (text := await self.queue.get()) is not None:
            yield text

    @staticmethod
    def _seen(text: str) -> Message:
        return Message(way=Way.NEWS, verb="TEXT", body=text.encode())

    async def _deliver(self, text: str) -> None:
        await asyncio.sleep(0)
        self.came.append(text)


@pytest.mark.parametrize(
    ("kind", "came"),
    [
        (Kind.DROPPED, "acd"),
        (Kind.STALE, "acd"),
        (Kind.DUPLICATED, "abbcd"),
        (Kind.REORDERED, "acbd"),
    ],
)
async def test_a_message_meets_its_fault_and_the_others_pass(kind: Kind, came: str) -> None:
    wire = Wire(script(kind, first=2))
    assert await wire.all_of("abcd") == came
    assert wire.nemesis.bites == {kind: 1}
    told = {passage.message.body: passage.delivered for passage in wire.nemesis.passages}
    assert told == {text.encode(): came.count(text) for text in "abcd"}


async def test_a_message_that_nobody_overtakes_in_time_goes_its_way_and_was_not_bitten() -> None:
    wire = Wire(script(Kind.REORDERED))
    task = await wire.send("a")
    assert wire.came == []
    await wire.clock.advance(HELD_MAX_S)
    assert wire.came == ["a"]
    assert not wire.nemesis.bites
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_last_message_is_not_held_for_ever() -> None:
    assert await Wire(script(Kind.REORDERED, first=2)).all_of("ab") == "ab"


async def test_a_delay_holds_up_what_follows() -> None:
    wire = Wire(script(Fault(kind=Kind.DELAYED, seconds=2), first=2))
    task = await wire.send("abc")
    assert wire.came == ["a"]
    await wire.clock.advance(1.9)
    assert wire.came == ["a"]
    await wire.clock.advance(0.2)
    assert wire.came == ["a", "b", "c"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_stall_lasts_until_healed() -> None:
    wire = Wire(script(Kind.STALLED, first=2))
    task = await wire.send("abc")
    await wire.clock.advance(1e6)
    assert wire.came == ["a"]
    wire.nemesis.heal()
    await settle()
    assert wire.came == ["a", "b", "c"]
    assert wire.nemesis.bites == {Kind.STALLED: 1}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cut_ends_it() -> None:
    wire = Wire(script(Kind.CUT, first=2))
    with pytest.raises(Cut):
        await (await wire.send("abc"))
    assert wire.came == ["a"]


@given(st.integers(0, 10_000))
def test_without_losses_every_message_comes_however_they_are_swapped_and_doubled(seed: int) -> None:
    kinds = sorted(ON_STREAMS - {Kind.DROPPED, Kind.STALE, Kind.STALLED, Kind.CUT, Kind.DELAYED})
    plan = Plan(odds=tuple(Odds(fault=Fault(kind=kind), rate=0.3) for kind in kinds))
    wire = Wire(plan, seed)
    texts = "abcdefghijklmnop"
    came = asyncio.run(wire.all_of(texts))
    assert set(came) == set(texts)
    assert len(came) - len(texts) == wire.nemesis.bites.get(Kind.DUPLICATED, 0)
    first_seen = "".join(dict.fromkeys(came))
    assert (first_seen != texts) == bool(wire.nemesis.bites.get(Kind.REORDERED))
