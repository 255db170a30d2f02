from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.results import RoundTrip, sharpe, sharpe_interval, trades_per_hour
from tests.builders import NOW


def trips(*results: int, every: timedelta = timedelta(minutes=10)) -> list[RoundTrip]:
    return [RoundTrip(at=NOW + place * every, pnl_usd=Decimal(usd)) for place, usd in enumerate(results)]


def test_the_sharpe_ratio_is_mean_over_sample_deviation_per_trade() -> None:
    assert sharpe(map(Decimal, (8, -12, 28))) == pytest.approx(8 / 20)


@pytest.mark.parametrize("results", [(), (5,), (5, 5), (-3, -3, -3)])
def test_there_is_no_ratio_without_a_deviation(results: tuple[int, ...]) -> None:
    assert sharpe(map(Decimal, results)) is None


def test_the_interval_is_that_of_lo_and_narrows_with_the_count() -> None:
    low, high = sharpe_interval(0.5, 100)
    assert (high - low) / 2 == pytest.approx(1.96 * (1.125 / 100) ** 0.5)
    assert (low + high) / 2 == pytest.approx(0.5)


@given(st.floats(-5, 5), st.integers(2, 1000))
def test_the_interval_holds_the_ratio(ratio: float, count: int) -> None:
    low, high = sharpe_interval(ratio, count)
    assert low < ratio < high


def test_trades_an_hour_are_counted_between_the_first_and_the_last() -> None:
    assert trades_per_hour(trips(1, 2, 3, 4)) == pytest.approx(6)
    assert trades_per_hour(trips(1)) is None
    assert trades_per_hour(trips(1, 2, every=timedelta(0))) is None
