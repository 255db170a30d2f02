"""The gate shuts by code, on results alone, opens again by time, and is the same after every restart."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.limits import ExecGuards, Features, RiskParams
from risk.performance_gate import RATIO_MAX, Breach, judged_sharpe, newest_breach, performance_gate
from risk.results import RoundTrip
from strategies.strategy import GateState, PerformanceGate
from tests.builders import NOW

GUARDS = ExecGuards(sharpe_window=4, sharpe_trades_min=3, sharpe_pause_threshold=-0.5)
MINUTE = timedelta(minutes=1)
PAUSE, SLOW = GUARDS.pause_duration_on_breach, GUARDS.slowdown_after_pause
TICK = timedelta(microseconds=1)


def trips(*results: int | str) -> tuple[RoundTrip, ...]:
    return tuple(
        RoundTrip(at=NOW + place * MINUTE, pnl_usd=Decimal(usd)) for place, usd in enumerate(results)
    )


def gate(
    breach: Breach | None, now: datetime, guards: ExecGuards | None = GUARDS, **changes: Any
) -> PerformanceGate:
    values: dict[str, Any] = {"params": RiskParams(), "features": Features(), "sharpe": None}
    return performance_gate(breach, guards=guards, now=now, **values | changes)


SHUT = Breach(at=NOW, sharpe=-1.0)


def test_too_few_trades_have_no_ratio_and_shut_nothing() -> None:
    assert judged_sharpe(trips(-9, -1), GUARDS) is None
    assert newest_breach(trips(-9, -1), GUARDS, 2) is None


def test_the_ratio_is_of_the_last_trades_of_the_window_only() -> None:
    assert judged_sharpe(trips(1000, -8, -8, 8, 8), GUARDS) == pytest.approx(0.0)


@pytest.mark.parametrize(("result", "ratio"), [(-3, -RATIO_MAX), (3, RATIO_MAX), (0, 0.0)])
def test_results_that_are_all_alike_count_as_the_limit_of_their_sign(result: int, ratio: float) -> None:
    assert judged_sharpe(trips(*[result] * 4), GUARDS) == ratio


def test_results_that_are_nearly_alike_count_the_same() -> None:
    assert judged_sharpe(trips("-3", "-3.0000001", "-3"), GUARDS) == -RATIO_MAX


@pytest.mark.parametrize(
    ("threshold", "shuts"),
    [(-0.4999, True), (-0.5, False), (-0.5001, False)],
)
def test_the_gate_shuts_below_the_threshold_and_not_at_it(threshold: float, shuts: bool) -> None:
    lost = trips(-1, 0, -1, 0)  # mean -0.5, sample deviation 0.577: -0.866
    ratio = judged_sharpe(lost, GUARDS)
    assert ratio is not None
    guards = replace(GUARDS, sharpe_pause_threshold=ratio - (-0.5 - threshold))
    assert (newest_breach(lost, guards, 1) is not None) is shuts


def test_the_newest_breach_is_the_one_that_counts() -> None:
    found = newest_breach(trips(-5, -6, -5, -6), GUARDS, 4)
    assert found is not None
    assert found.at == NOW + 3 * MINUTE


def test_only_the_news_is_looked_at_again() -> None:
    history = trips(-5, -6, -5, 900)  # the last one mended the ratio
    assert newest_breach(history, GUARDS, 1) is None
    found = newest_breach(history, GUARDS, 4)
    assert found is not None
    assert found.at == NOW + 2 * MINUTE


@pytest.mark.parametrize(
    ("after", "state", "until"),
    [
        (timedelta(0), GateState.PAUSED, NOW + PAUSE),
        (PAUSE - TICK, GateState.PAUSED, NOW + PAUSE),
        (PAUSE, GateState.SLOWED, NOW + PAUSE + SLOW),
        (PAUSE + SLOW - TICK, GateState.SLOWED, NOW + PAUSE + SLOW),
        (PAUSE + SLOW, GateState.OPEN, None),
    ],
)
def test_time_lifts_the_pause_and_then_the_slowdown(
    after: timedelta, state: GateState, until: datetime | None
) -> None:
    found = gate(SHUT, NOW + after)
    assert (found.state, found.until) == (state, until)
    assert found.min_confidence == (0 if state is GateState.OPEN else GUARDS.min_confidence_on_breach)
    assert found.interval_multiple == (2.0 if state is GateState.SLOWED else 1.0)


def test_the_confidence_that_a_bot_needs_anyway_is_never_lowered() -> None:
    assert gate(SHUT, NOW, params=RiskParams(min_confidence=95)).min_confidence == 95


def test_without_guards_it_is_open() -> None:
    assert gate(SHUT, NOW, None) == PerformanceGate()


@pytest.mark.parametrize(
    ("features", "enforced"),
    [(Features(), True), (Features(gating_thresholds=False), False), (Features(shadow_mode=True), False)],
)
def test_it_says_whether_it_is_enforced(features: Features, enforced: bool) -> None:
    found = gate(SHUT, NOW, features=features)
    assert (found.state, found.is_enforced) == (GateState.PAUSED, enforced)


@pytest.mark.parametrize(
    ("key", "value", "after", "what"),
    [
        ("pause_duration_on_breach", MINUTE, 2 * MINUTE, "state"),
        ("slowdown_after_pause", timedelta(0), PAUSE, "state"),
        ("slowdown_interval_multiple", 7.0, PAUSE, "interval_multiple"),
        ("min_confidence_on_breach", 60, PAUSE, "min_confidence"),
        ("sharpe_pause_threshold", -2.0, PAUSE, "threshold"),
    ],
)
def test_each_of_its_settings_has_its_effect(key: str, value: Any, after: timedelta, what: str) -> None:
    usual = gate(SHUT, NOW + after)
    assert getattr(gate(SHUT, NOW + after, replace(GUARDS, **{key: value})), what) != getattr(usual, what)


@pytest.mark.parametrize(("key", "value"), [("sharpe_window", 3), ("sharpe_trades_min", 5)])
def test_window_and_least_count_change_the_ratio(key: str, value: Any) -> None:
    results = trips(90, -1, -2, -1)
    assert judged_sharpe(results, replace(GUARDS, **{key: value})) != judged_sharpe(results, GUARDS)


@given(st.lists(st.integers(-50, 50), max_size=40), st.data())
def test_news_taken_piecewise_and_history_read_at_once_find_the_same_breach(
    results: list[int], data: st.DataObject
) -> None:
    """What a wallet judged trade by trade is what its successor finds in the books."""
    history = trips(*results)
    step_by_step: Breach | None = None
    done = 0
    while done < len(history):
        more = data.draw(st.integers(1, 5))
        seen = history[: done + more]
        step_by_step = newest_breach(seen, GUARDS, len(seen) - done) or step_by_step
        done = len(seen)
    assert newest_breach(history, GUARDS, len(history)) == step_by_step


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=40))
def test_the_ratio_is_bounded_however_few_results_there_are(results: list[int]) -> None:
    ratio = judged_sharpe(trips(*results), GUARDS)
    assert ratio is not None
    assert -RATIO_MAX <= ratio <= RATIO_MAX
