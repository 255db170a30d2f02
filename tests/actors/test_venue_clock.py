"""The venue's clock by its own answers: never surer of it than the round trip allows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.venue_clock import VenueClock
from adapters.clock import VirtualClock
from risk.leases import CLOCK_ERROR, RHO
from tests.builders import NOW

HOUR = timedelta(hours=1)


def after(clock: VirtualClock, venue: VenueClock, *, round_trip_s: float, ahead: timedelta = HOUR) -> None:
    """One question; the venue, whose clock is ahead of ours, answers half-way."""
    asked_at = clock.monotonic()
    clock.advance(round_trip_s / 2)
    at = clock.now() + ahead
    clock.advance(round_trip_s / 2)
    venue.heard(at, asked_at=asked_at)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def venue(clock: VirtualClock) -> VenueClock:
    return VenueClock(clock)


def test_before_the_first_answer_nobody_knows(venue: VenueClock) -> None:
    assert (venue.now(), venue.at_least(), venue.at_most()) == (None, None, None)
    assert not venue.surely_past(NOW - HOUR)


def test_it_goes_on_by_our_monotonic_clock(clock: VirtualClock, venue: VenueClock) -> None:
    after(clock, venue, round_trip_s=0.1)
    clock.advance(10)
    assert venue.now() == clock.now() + HOUR


def test_an_answer_that_took_too_long_is_no_time_to_go_by_but_a_bound(
    clock: VirtualClock, venue: VenueClock
) -> None:
    after(clock, venue, round_trip_s=1.2)
    assert venue.now() is None
    assert venue.surely_past(NOW + HOUR + timedelta(seconds=0.5))
    assert not venue.surely_past(NOW + HOUR + timedelta(seconds=0.7))


def test_the_moment_itself_is_not_past(clock: VirtualClock, venue: VenueClock) -> None:
    venue.heard(NOW, asked_at=clock.monotonic())
    assert not venue.surely_past(NOW)
    clock.advance(0.001)
    assert venue.surely_past(NOW)


def test_a_slow_answer_does_not_take_a_sharp_one_away(clock: VirtualClock, venue: VenueClock) -> None:
    after(clock, venue, round_trip_s=0.0)
    after(clock, venue, round_trip_s=5.0)
    assert venue.now() == clock.now() + HOUR


def test_an_old_answer_is_not_gone_by(clock: VirtualClock, venue: VenueClock) -> None:
    after(clock, venue, round_trip_s=0.0)
    clock.advance(30)
    assert venue.now() is not None
    clock.advance(0.1)
    assert venue.now() is None


def test_answers_that_overtake_each_other_do_not_turn_time_back(
    clock: VirtualClock, venue: VenueClock
) -> None:
    venue.heard(NOW + HOUR, asked_at=clock.monotonic() + 0.1)
    venue.heard(NOW, asked_at=clock.monotonic())
    assert venue.now() is not None
    assert venue.surely_past(NOW + timedelta(minutes=59))


def test_a_venue_whose_clock_was_set_is_believed(clock: VirtualClock, venue: VenueClock) -> None:
    after(clock, venue, round_trip_s=0.0)
    clock.advance(1)
    after(clock, venue, round_trip_s=0.0, ahead=-HOUR)
    assert venue.now() == clock.now() - HOUR
    assert not venue.surely_past(clock.now())


@given(
    there_s=st.floats(0, 5),
    back_s=st.floats(0, 5),
    waited_s=st.floats(0, 600),
    rate=st.floats(1 - 2 * RHO, 1 + 2 * RHO),
)
def test_the_truth_lies_between_the_bounds(
    there_s: float, back_s: float, waited_s: float, rate: float
) -> None:
    """The venue's clock runs faster or slower than ours, by what two clocks may be off."""
    clock = VirtualClock(NOW)
    venue = VenueClock(clock)
    asked_at = clock.monotonic()
    told = NOW + HOUR + timedelta(seconds=there_s * rate)
    clock.advance(there_s + back_s)
    venue.heard(told, asked_at=asked_at)
    clock.advance(waited_s)
    truth = NOW + HOUR + timedelta(seconds=clock.monotonic() * rate)
    least, most, probably = venue.at_least(), venue.at_most(), venue.now()
    assert least is not None
    assert most is not None
    grain = timedelta(microseconds=5)
    assert least - grain <= truth <= most + grain
    if probably is not None:
        drift = timedelta(seconds=2 * RHO * (waited_s + there_s + back_s))
        assert abs(probably - truth) <= CLOCK_ERROR + drift + grain
