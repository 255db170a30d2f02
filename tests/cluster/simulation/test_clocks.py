"""A host's clocks are wrong as clocks are: in rate a little, in the time of day by anything."""

import asyncio
from datetime import timedelta

import pytest

from cluster.simulation.clocks import BEGIN, HostClock
from cluster.simulation.loop import Process, SimLoop
from risk.leases import RHO


def test_the_monotonic_clock_drifts_and_does_not_notice_a_jump() -> None:
    loop = SimLoop(0)
    clock = HostClock(loop, boot_s=500)
    loop.run(10)
    clock.drift(RHO)
    loop.run(110)
    clock.jump(-3600)
    assert clock.monotonic() == pytest.approx(500 + 10 + 101)
    assert (clock.now() - BEGIN).total_seconds() == pytest.approx(111 - 3600)


def test_a_corrected_clock_shows_the_true_time_whatever_it_went_through() -> None:
    loop = SimLoop(0)
    clock = HostClock(loop, boot_s=7)
    clock.drift(-RHO)
    loop.run(50)
    clock.jump(30)
    clock.correct()
    assert abs(clock.now() - BEGIN - timedelta(seconds=50)) < timedelta(microseconds=5)


def test_who_sleeps_by_a_fast_clock_wakes_early() -> None:
    loop, woken = SimLoop(0), list[float]()
    clock = HostClock(loop, boot_s=0)
    clock.drift(RHO)

    async def sleeper() -> None:
        await clock.sleep(10)
        woken.append(loop.time())

    process = Process("p", "h")
    loop.call_soon(lambda: asyncio.ensure_future(sleeper(), loop=loop), context=process.context)
    loop.run(20)
    assert woken == [pytest.approx(10 / 1.01)]
    loop.bury()


def test_no_clock_is_worse_than_the_protocol_allows() -> None:
    with pytest.raises(AssertionError, match="no worse clock"):
        HostClock(SimLoop(0), 0).drift(2 * RHO)
