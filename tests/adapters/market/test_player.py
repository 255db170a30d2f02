from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.clock import VirtualClock
from adapters.market.player import play
from adapters.model import Side, Symbol, Trade

START = datetime(2024, 3, 1, tzinfo=UTC)


def trades_at(*seconds: float) -> list[Trade]:
    return [
        Trade(
            symbol=Symbol("BTC"),
            price=Decimal(1),
            size=Decimal(1),
            side=Side.BUY,
            at=START + timedelta(seconds=second),
        )
        for second in seconds
    ]


class CountingClock(VirtualClock):
    """Counts how often somebody slept; ``late_s`` is added to each sleep."""

    def __init__(self, late_s: float = 0.0) -> None:
        super().__init__(datetime(2030, 1, 1, tzinfo=UTC))
        self.sleeps: list[float] = []
        self.late_s = late_s

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        await super().sleep(seconds + self.late_s)


async def times_of(events: AsyncIterator[object], clock: VirtualClock) -> list[float]:
    return [clock.monotonic() async for _ in events]


async def test_events_come_at_their_time_divided_by_the_speed() -> None:
    clock = CountingClock()
    assert await times_of(play(trades_at(0, 1, 1, 4), clock, 2.0), clock) == [0, 0.5, 0.5, 2]


async def test_a_late_sleep_is_caught_up_and_never_adds_up() -> None:
    clock = CountingClock(late_s=0.3)
    times = await times_of(play(trades_at(*range(1000)), clock, 1.0), clock)
    assert max(time - number for number, time in enumerate(times)) < 0.301


async def test_a_slow_reader_is_not_made_to_wait_again() -> None:
    clock = CountingClock()
    seen = []
    async for event in play(trades_at(0, 1, 2, 10), clock, 1.0):
        seen.append(clock.monotonic())
        if event.at == START:
            clock.advance(5)
    assert seen == [0, 5, 5, 10]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50).map(sorted), st.floats(0.01, 1000))
async def test_no_event_is_early_or_later_than_a_microsecond(seconds: list[float], speed: float) -> None:
    clock = CountingClock()
    times = await times_of(play(trades_at(*seconds), clock, speed), clock)
    for time, second in zip(times, seconds, strict=True):
        assert time == pytest.approx((second - seconds[0]) / speed, abs=2e-6 + 2e-6 / speed)


async def test_without_a_speed_time_stands_still_but_others_get_their_turn() -> None:
    clock = CountingClock()
    times = await times_of(play(trades_at(*range(1000)), clock, None), clock)
    assert set(times) == {0}
    assert clock.sleeps == [0, 0, 0]


async def test_events_are_taken_one_by_one() -> None:
    taken = []

    def endless() -> Iterator[Trade]:
        while True:
            taken.append(1)
            yield from trades_at(len(taken))

    playing = play(endless(), CountingClock(), None)
    await anext(playing)
    assert len(taken) == 1


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
async def test_a_speed_must_be_positive(speed: float) -> None:
    events: Iterable[Trade] = trades_at(0)
    with pytest.raises(ValueError, match="speed"):
        await anext(play(events, CountingClock(), speed))
