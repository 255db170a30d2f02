"""The store between processes: opened at once, counted at once, killed at any moment."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack, aclosing, closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import pytest

from actors.ledger_events import Latch
from actors.store import Event, Latches
from adapters.errors import Disposition
from cluster.store.database import StoreUnavailable
from cluster.store.opening import open_engine
from cluster.store.sql import SqlStore, open_store
from config.spec import HaltLevel
from tests.cluster.store.builders import NOON, a_cycle

_SPAWN = multiprocessing.get_context("spawn")


def _start(target: Callable[[str, Connection], None], url: str) -> tuple[BaseProcess, Connection]:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=target, args=(url, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _count_when_told(url: str, parent: Connection) -> None:
    async def count() -> list[int]:
        store = open_store(url)
        numbers = []
        for _ in range(30):
            numbers.append(await store.next_number("shared"))
            await store.set_latch(Latch(f"bot:{os.getpid()}", HaltLevel.CANCEL_ALL, 0))
            await store.clear_latch(f"bot:{os.getpid()}")
        await store.aclose()
        return numbers

    parent.send("ready")
    parent.recv()
    parent.send(asyncio.run(count()))


async def test_several_open_a_new_store_at_once_and_no_number_is_lost_or_given_twice(url: str) -> None:
    with ExitStack() as stack:
        started = [_start(_count_when_told, url) for _ in range(3)]
        pipes = [stack.enter_context(closing(pipe)) for _, pipe in started]
        assert [pipe.recv() for pipe in pipes] == ["ready"] * 3
        for pipe in pipes:
            pipe.send("go")
        taken = [pipe.recv() for pipe in pipes]
        for process, _ in started:
            process.join()
    assert sorted(number for numbers in taken for number in numbers) == list(range(1, 91))
    assert all(numbers == sorted(numbers) for numbers in taken)
    async with aclosing(open_store(url)) as store:
        assert await store.load_latches() == Latches(generation=180, latches=())


def _write_until_killed(url: str, parent: Connection) -> None:
    async def write() -> None:
        store = open_store(url)
        number = 0
        while True:
            number += 1
            level = list(HaltLevel)[number % 4]
            await store.add_cycles([a_cycle(number)])
            await store.add_events([Event(at=NOON, event="running", text=str(number))])
            await store.clear_latch("fleet")
            latches = await store.set_latch(Latch("fleet", level, 0, reason=str(number)))
            parent.send((number, latches.generation))

    asyncio.run(write())


async def _what_is_kept(store: SqlStore) -> tuple[int, int, int, int]:
    latches = await store.load_latches()
    cycles = await store.cycles(a_cycle().bot, limit=100_000)
    events = await store.events(limit=100_000)
    reason = int(latches.latches[0].reason) if latches.latches else 0
    return len(cycles), len(events), latches.generation, reason


@pytest.mark.parametrize("acknowledged", [1, 17, 60])
async def test_every_acknowledged_write_survives_a_kill(url: str, acknowledged: int) -> None:
    process, pipe = _start(_write_until_killed, url)
    with closing(pipe):
        for _ in range(acknowledged):
            number, generation = pipe.recv()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        try:
            while True:
                number, generation = pipe.recv()
        except (EOFError, ConnectionResetError):
            pass
    store = open_store(url)
    cycles, events, kept_generation, reason = await _what_is_kept(store)
    await store.aclose()
    assert number <= events <= cycles <= number + 1
    assert generation <= kept_generation <= generation + 2
    assert reason in (0, number, number + 1)
    assert reason or kept_generation == generation + 1  # cleared for the next, or set


async def test_a_store_that_is_locked_for_too_long_is_unavailable_for_now(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.store.opening._BUSY_TIMEOUT_S", 0.05)
    impatient = open_store(url)
    engine = open_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE counters SET value = 0")  # holds the one write lock
        with pytest.raises(StoreUnavailable, match="locked") as refused:
            await impatient.next_number("shared")
        assert await impatient.load_grants() == {}  # readers do not wait
    assert refused.value.disposition is Disposition.RETRY
    assert await impatient.next_number("shared") == 1
    engine.dispose()
    await impatient.aclose()


async def test_calls_take_effect_in_the_order_in_which_they_were_made(store: SqlStore) -> None:
    numbers = await asyncio.gather(*(store.next_number("shared") for _ in range(40)))
    assert numbers == list(range(1, 41))
