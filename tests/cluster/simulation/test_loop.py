"""The loop: virtual time, an order from the seed, and processes that die and freeze in the middle of anything."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from cluster.simulation.loop import Killed, Process, SimLoop


def begun(loop: SimLoop, process: Process, work: Coroutine[Any, Any, Any]) -> None:
    loop.call_soon(lambda: loop.create_task(work), context=process.context)


def order_of(seed: int) -> list[int]:
    """In which order twenty tasks of one process wake that sleep for the same time."""
    loop, seen = SimLoop(seed), list[int]()

    async def sleeper(number: int) -> None:
        await asyncio.sleep(1)
        seen.append(number)

    process = Process("p", "h")
    for number in range(20):
        begun(loop, process, sleeper(number))
    loop.run(10)
    loop.bury()
    return seen


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    assert order_of(1) == order_of(1)
    assert order_of(1) != order_of(2)
    assert sorted(order_of(3)) == list(range(20))


def test_time_passes_only_when_nothing_is_left_to_do_and_ends_where_it_was_told_to() -> None:
    loop, seen = SimLoop(0), list[float]()

    async def work() -> None:
        seen.append(loop.time())
        await asyncio.sleep(2.5)
        seen.append(loop.time())

    begun(loop, Process("p", "h"), work())
    loop.run(100)
    assert (seen, loop.time()) == ([0.0, 2.5], 100)
    loop.bury()


def test_a_killed_process_runs_no_finally_and_no_except() -> None:
    loop, seen = SimLoop(0), list[str]()

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except BaseException:
            seen.append("except")
            raise
        finally:
            seen.append("finally")

    process = Process("p", "h")
    begun(loop, process, work())
    loop.run(1)
    loop.kill(process)
    loop.run(100)
    assert seen == []
    loop.bury()


def test_a_process_that_ends_itself_does_not_go_on_after_that_step() -> None:
    loop, seen = SimLoop(0), list[str]()
    process = Process("p", "h")

    async def work() -> None:
        try:
            loop.exit(process)
        except Killed:
            await asyncio.sleep(1)
            seen.append("went on")

    begun(loop, process, work())
    loop.run(10)
    assert seen == []
    assert not process.alive
    loop.bury()


@pytest.mark.parametrize("fuse", [1, 2, 3, 5])
def test_a_fuse_kills_after_so_many_steps_of_its_process_and_no_others(fuse: int) -> None:
    loop, steps = SimLoop(0), {"burning": 0, "other": 0}

    async def work(name: str) -> None:
        while True:
            steps[name] += 1
            await asyncio.sleep(1)

    burning, other = Process("burning", "h"), Process("other", "h")
    begun(loop, burning, work("burning"))
    begun(loop, other, work("other"))
    loop.run(0.5)
    burning.burnt = lambda: loop.kill(burning)
    burning.fuse = 2 * fuse  # a wake of the sleeper, and the step of its task
    loop.run(20)
    assert (steps["burning"], steps["other"]) == (1 + fuse, 21)
    loop.bury()


def test_a_frozen_process_does_nothing_until_it_is_thawed_and_then_all_of_it() -> None:
    loop, seen = SimLoop(0), list[float]()

    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(loop.time())

    process = Process("p", "h")
    begun(loop, process, work())
    loop.run(1.5)
    process.frozen = True
    loop.run(6)
    assert seen == [1.0]
    assert loop.thaw(process) == 1
    loop.run(6.5)
    assert seen == [1.0, 6.0]
    loop.run(7.5)
    assert seen == [1.0, 6.0, 7.0]
    loop.bury()


def test_who_is_told_of_a_death_is_told_once() -> None:
    loop, told = SimLoop(0), list[str]()
    process = Process("p", "h")
    process.endings.append(lambda: told.append("dead"))
    loop.kill(process)
    loop.kill(process)
    assert told == ["dead"]
    loop.bury()


def test_burying_is_silent_whatever_the_coroutines_still_try(recwarn: pytest.WarningsRecorder) -> None:
    loop = SimLoop(0)

    async def stubborn() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.gather(asyncio.create_task(asyncio.sleep(1)), return_exceptions=True)

    begun(loop, Process("p", "h"), stubborn())
    loop.run(1)
    loop.bury()
    assert not recwarn.list
