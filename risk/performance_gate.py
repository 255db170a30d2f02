"""The performance gate: a bot that trades badly pauses, then goes on slowly, then as before.

It is a function of the bot's closed round trips and the time, so it is the same after every restart. A *breach* is a
round trip after which the Sharpe ratio of the last ``sharpe_window`` is below ``sharpe_pause_threshold``. From the
newest breach on the gate is paused for ``pause_duration_on_breach``, then slowed for ``slowdown_after_pause``. Time
lifts both, whatever the ratio is by then, since only new trades can raise it; only a new breach shuts the gate again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from risk.limits import ExecGuards, Features, RiskParams
from risk.results import RoundTrip, sharpe
from strategies.strategy import GateState, PerformanceGate

RATIO_MAX = 10.0  # of either sign: a row of results alike is very good or very bad, not infinitely so


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """The gate shut here."""

    at: datetime
    sharpe: float


def judged_sharpe(trips: Sequence[RoundTrip], guards: ExecGuards) -> float | None:
    """The Sharpe ratio of the last ``sharpe_window`` round trips, per trip, within ±``RATIO_MAX``.

    ``None`` below ``sharpe_trades_min`` trips: a few results say nothing. Results that are all alike have no deviation;
    they count as ``RATIO_MAX`` of their sign.
    """
    window = trips[-guards.sharpe_window :]
    if len(window) < guards.sharpe_trades_min:
        return None
    results = [trip.pnl_usd for trip in window]
    ratio = sharpe(results)
    if ratio is None:
        mean = fmean(map(float, results))
        ratio = RATIO_MAX if mean > 0 else -RATIO_MAX if mean < 0 else 0.0
    return max(-RATIO_MAX, min(RATIO_MAX, ratio))


def newest_breach(trips: Sequence[RoundTrip], guards: ExecGuards, among: int) -> Breach | None:
    """The last of the newest ``among`` round trips that shut the gate."""
    for end in range(len(trips), max(0, len(trips) - among), -1):
        ratio = judged_sharpe(trips[max(0, end - guards.sharpe_window) : end], guards)
        if ratio is not None and ratio < guards.sharpe_pause_threshold:
            return Breach(at=trips[end - 1].at, sharpe=ratio)
    return None


def performance_gate(
    breach: Breach | None,
    *,
    sharpe: float | None,
    guards: ExecGuards | None,
    params: RiskParams,
    features: Features,
    now: datetime,
) -> PerformanceGate:
    """The gate at this instant.

    Args:
        breach: the newest.
        sharpe: ``judged_sharpe`` of all round trips.
        guards: the bot's; without them its gate is always open.
        params: for ``min_confidence``.
        features: whether the gate is enforced.
        now: by the same clock as the round trips.
    """
    if guards is None:
        return PerformanceGate(min_confidence=params.min_confidence)
    state, until, multiple, confidence = GateState.OPEN, None, 1.0, params.min_confidence
    if breach is not None:
        paused_until = breach.at + guards.pause_duration_on_breach
        slowed_until = paused_until + guards.slowdown_after_pause
        if now < paused_until:
            state, until = GateState.PAUSED, paused_until
        elif now < slowed_until:
            state, until, multiple = GateState.SLOWED, slowed_until, guards.slowdown_interval_multiple
        if state is not GateState.OPEN:
            confidence = max(confidence, guards.min_confidence_on_breach)
    return PerformanceGate(
        state=state,
        sharpe=sharpe,
        threshold=guards.sharpe_pause_threshold,
        until=until,
        min_confidence=confidence,
        interval_multiple=multiple,
        is_enforced=features.gating_thresholds and not features.shadow_mode,
    )
