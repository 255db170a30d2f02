"""What a bot has come to lately, from its round trips and its cycle records. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from actors.kpis import HOUR_S, quantile
from actors.messages import CycleRecord, OutcomeKind
from adapters.model import ZERO, BotId
from risk.intent import Purpose
from risk.results import RoundTrip, sharpe, sharpe_interval, trades_per_hour


class PerformanceAnalysis(msgspec.Struct, frozen=True):
    """The last round trips and the last recorded cycles of one bot."""

    bot: BotId
    trades: int  # round trips looked at
    win_rate: float | None  # fraction of them that made money after fees
    pnl_usd: Decimal  # of them, after fees
    sharpe: float | None  # mean over sample deviation, per trade
    sharpe_low: float | None  # its 95 % interval
    sharpe_high: float | None
    trades_per_hour: float | None
    cycles: int  # recorded cycles looked at
    began_at: datetime | None  # the first of them
    ended_at: datetime | None
    failed_cycles: int
    wishes: int  # intents, and decisions that became none
    rejection_rate: float | None  # fraction of them that became no order
    rejections: Mapping[str, int]  # by our rule's name, or by the class of the venue's error
    advised: Mapping[str, int]  # rules that spoke and were not enforced
    opens_per_hour: float | None
    order_ms_p50: float | None  # from the decision to the venue's answer
    order_ms_p95: float | None
    advice_usd: Decimal  # what language models cost


def analyze_performance(
    bot: BotId, trips: Sequence[RoundTrip], records: Sequence[CycleRecord], last_n: int
) -> PerformanceAnalysis:
    """The newest ``last_n`` round trips and recorded cycles.

    Args:
        bot: whose they are.
        trips: oldest first.
        records: in any order.
        last_n: how many of each.
    """
    trips = trips[-last_n:]
    records = sorted(records, key=lambda record: (record.epoch, record.cycle))[-last_n:]
    ratio = sharpe(trip.pnl_usd for trip in trips)
    low, high = (None, None) if ratio is None else sharpe_interval(ratio, len(trips))
    rejections = Counter(
        refusal.rule for record in records for refusal in record.refusals if refusal.is_enforced
    )
    in_actions = sum(_is_refused(action.result) for record in records for action in record.actions)
    decisions_refused = max(0, rejections.total() - in_actions)
    rejections.update(
        action.error_class for record in records for action in record.actions if action.error_class
    )
    wishes = sum(len(record.actions) for record in records) + decisions_refused
    timed = sorted(
        record.submit_ms
        for record in records
        if any(action.result == OutcomeKind.PLACED for action in record.actions)
    )
    return PerformanceAnalysis(
        bot=bot,
        trades=len(trips),
        win_rate=sum(trip.pnl_usd > 0 for trip in trips) / len(trips) if trips else None,
        pnl_usd=sum((trip.pnl_usd for trip in trips), ZERO),
        sharpe=ratio,
        sharpe_low=low,
        sharpe_high=high,
        trades_per_hour=trades_per_hour(trips),
        cycles=len(records),
        began_at=records[0].timestamp if records else None,
        ended_at=records[-1].timestamp if records else None,
        failed_cycles=sum(not record.success for record in records),
        wishes=wishes,
        rejection_rate=rejections.total() / wishes if wishes else None,
        rejections=dict(sorted(rejections.items())),
        advised=dict(Counter(r.rule for record in records for r in record.refusals if not r.is_enforced)),
        opens_per_hour=_opens_per_hour(records),
        order_ms_p50=quantile(timed, 0.50),
        order_ms_p95=quantile(timed, 0.95),
        advice_usd=sum((record.advice.cost_usd for record in records if record.advice), ZERO),
    )


def _opens_per_hour(records: Sequence[CycleRecord]) -> float | None:
    if len(records) < 2:
        return None
    seconds = (records[-1].timestamp - records[0].timestamp).total_seconds()
    opens = sum(
        action.action.startswith(f"{Purpose.OPEN} ") and not _is_refused(action.result)
        for record in records
        for action in record.actions
    )
    return opens * HOUR_S / seconds if seconds > 0 else None


def _is_refused(result: str) -> bool:
    return result.startswith(OutcomeKind.REFUSED)
