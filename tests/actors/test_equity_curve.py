from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import fmean, stdev

import pytest

from actors.equity_curve import EquityCurve

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_curve(*readings: tuple[timedelta, int]) -> EquityCurve:
    curve = EquityCurve(MIDNIGHT, Decimal(1000))
    for after, equity in readings:
        curve.add(MIDNIGHT + after, Decimal(equity))
    return curve


def test_drawdown_is_the_largest_fall_from_a_peak_before_it() -> None:
    curve = a_curve((HOUR, 1200), (2 * HOUR, 900), (3 * HOUR, 1500), (4 * HOUR, 1200))
    assert curve.drawdown_pct == pytest.approx(25)


def test_a_curve_that_only_rises_has_no_drawdown() -> None:
    assert a_curve((HOUR, 1100), (2 * HOUR, 1200)).drawdown_pct == 0


def test_a_long_run_is_judged_from_midnight_to_midnight() -> None:
    days = [1010, 1005, 1030, 1020, 1050, 1060]
    at_noon = [(timedelta(days=n, hours=12), 500) for n in range(6)]
    at_midnight = [(timedelta(days=n + 1), equity) for n, equity in enumerate(days)]
    returns = [after / before - 1 for before, after in zip([1000, *days], days, strict=False)]
    expected = fmean(returns) / stdev(returns) * 365**0.5
    assert a_curve(*sorted(at_noon + at_midnight)).sharpe == pytest.approx(expected)


def test_a_short_run_is_judged_from_bar_to_bar() -> None:
    equity = [1001, 999, 1003]
    returns = [1001 / 1000 - 1, 999 / 1001 - 1, 1003 / 999 - 1]
    expected = fmean(returns) / stdev(returns) * (365 * 24) ** 0.5
    curve = a_curve(*((n * HOUR, value) for n, value in enumerate(equity, start=1)))
    assert curve.sharpe == pytest.approx(expected)


def test_readings_closer_than_a_minute_are_not_all_sampled() -> None:
    dense = [(timedelta(seconds=s), 1000 + s % 7 * 100 * (s % 60 != 0) + s // 60) for s in range(1, 301)]
    sparse = [(timedelta(minutes=m), 1000 + m + m * 60 % 7 * 0) for m in range(1, 6)]
    assert a_curve(*dense).sharpe == a_curve(*sparse).sharpe


@pytest.mark.parametrize("readings", [(), (1100,), (1000, 1000, 1000), (100, -1, 50)])
def test_where_it_is_not_defined_there_is_no_sharpe_ratio(readings: tuple[int, ...]) -> None:
    assert a_curve(*((n * HOUR, value) for n, value in enumerate(readings, start=1))).sharpe is None
