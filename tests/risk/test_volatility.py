"""The day's deviation of a market, learned from prices at whatever distances they come."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.volatility import DAY_S, KNOWN_AFTER_S, Volatility
from tests.builders import NOW


def walked(pct_a_day: float, *, step_s: float, steps: int, seed: int = 1) -> Volatility:
    """A random walk of a known deviation."""
    chance, price = random.Random(seed), 1000.0
    found = Volatility().after(Decimal(1000), NOW)
    for step in range(1, steps + 1):
        price *= exp(chance.gauss(0, pct_a_day / 100 * sqrt(step_s / DAY_S)))
        found = found.after(Decimal(str(price)), NOW + timedelta(seconds=step * step_s))
    return found


@pytest.mark.parametrize("step_s", [1.0, 5.0, 60.0])
@pytest.mark.parametrize("pct", [1.0, 4.0])
def test_it_finds_the_deviation_of_a_random_walk(pct: float, step_s: float) -> None:
    found = walked(pct, step_s=step_s, steps=4000).pct_a_day
    assert found == pytest.approx(pct, rel=0.25)


def test_it_is_unknown_until_a_minute_of_the_market_was_seen() -> None:
    seen = Volatility().after(Decimal(1000), NOW)
    for second in range(1, int(KNOWN_AFTER_S)):
        seen = seen.after(Decimal(1000 + second % 2), NOW + timedelta(seconds=second))
    assert seen.pct_a_day is None
    for second in range(int(KNOWN_AFTER_S), int(KNOWN_AFTER_S) + 3):
        seen = seen.after(Decimal(1000), NOW + timedelta(seconds=second))
    assert seen.pct_a_day is not None


def test_the_newest_hour_counts_most() -> None:
    calm = walked(1.0, step_s=10, steps=2000)
    wild = calm
    for step in range(1, 721):
        price = Decimal(1000 if step % 2 else 1010)
        wild = wild.after(price, NOW + timedelta(seconds=20_000 + 10 * step))
    assert 80 < (wild.pct_a_day or 0) < 93  # 1 % every ten seconds is 93 % a day


def test_a_flickering_quote_is_no_movement() -> None:
    still = Volatility().after(Decimal(1000), NOW)
    for tick in range(1, 10):
        assert still.after(Decimal(1000 + tick), NOW + timedelta(milliseconds=100 * tick)) is still


def test_a_recording_that_begins_again_is_no_movement() -> None:
    at_the_end = walked(1.0, step_s=10, steps=100)
    again = at_the_end.after(Decimal(5000), NOW)
    assert again.pct_a_day == at_the_end.pct_a_day
    moved = again.after(Decimal(5000), NOW + timedelta(seconds=10))
    assert (moved.pct_a_day or 0) < (at_the_end.pct_a_day or 0)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_is_none_is_not_taken(price: str) -> None:
    assert Volatility().after(Decimal(price), NOW) == Volatility()
    seen = Volatility().after(Decimal(1000), NOW)
    assert seen.after(Decimal(price), NOW + timedelta(seconds=5)) is seen


@given(st.lists(st.tuples(st.decimals("0.01", "1e9", places=2), st.floats(-1e5, 1e5)), max_size=30))
def test_whatever_prices_come_it_is_a_number_or_unknown(news: list[tuple[Decimal, float]]) -> None:
    seen = Volatility()
    for price, seconds in news:
        seen = seen.after(price, NOW + timedelta(seconds=seconds))
    found = seen.pct_a_day
    assert found is None or 0 <= found < 1e6
