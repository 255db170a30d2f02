from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.analytics import analyze_performance
from actors.messages import ActionLine, AdviceLine, CycleRecord, Refusal
from adapters.model import ClientOrderId
from risk.results import RoundTrip
from tests.actors.builders import ANN
from tests.builders import BTC, NOW

MINUTE = timedelta(minutes=1)


def trips(*results: int) -> list[RoundTrip]:
    return [
        RoundTrip(at=NOW + place * 30 * MINUTE, pnl_usd=Decimal(usd)) for place, usd in enumerate(results)
    ]


def an_action(result: str = "placed", *, action: str = "open buy", error_class: str = "") -> ActionLine:
    return ActionLine(
        symbol=BTC,
        action=action,
        qty=Decimal(1),
        price=None,
        cloid=ClientOrderId("c"),
        result=result,
        error_class=error_class,
    )


def a_record(
    cycle: int, *actions: ActionLine, refusals: tuple[Refusal, ...] = (), **changes: Any
) -> CycleRecord:
    return CycleRecord(
        bot=ANN,
        epoch=1,
        cycle=cycle,
        timestamp=NOW + cycle * 10 * MINUTE,
        view_digest="",
        decisions=(),
        refusals=refusals,
        actions=actions,
        **{"success": True} | changes,
    )


def test_results_are_of_the_last_round_trips() -> None:
    found = analyze_performance(ANN, trips(-1000, 8, -12, 28), [], 3)
    assert (found.trades, found.pnl_usd) == (3, Decimal(24))
    assert found.win_rate == pytest.approx(2 / 3)
    assert found.sharpe == pytest.approx(0.4)
    assert found.sharpe_low is not None
    assert found.sharpe_high is not None
    assert found.sharpe_low < 0.4 < found.sharpe_high
    assert found.trades_per_hour == pytest.approx(2)


def test_rejections_are_counted_by_rule_and_by_class_of_error() -> None:
    lease = Refusal(BTC, "lease")
    records = [
        a_record(1, an_action(), an_action("refused: lease"), refusals=(lease,), submit_ms=20.0),
        a_record(2, an_action("rejected", error_class="InvalidParam"), submit_ms=99.0),
        a_record(3, refusals=(Refusal(BTC, "malformed"), Refusal(BTC, "value_band", is_enforced=False))),
        a_record(4, an_action(action="close sell"), submit_ms=40.0, success=False),
    ]
    found = analyze_performance(ANN, (), records, 100)
    assert found.wishes == 5
    assert found.rejections == {"InvalidParam": 1, "lease": 1, "malformed": 1}
    assert found.rejection_rate == pytest.approx(0.6)
    assert found.advised == {"value_band": 1}
    assert (found.order_ms_p50, found.order_ms_p95) == (20.0, 40.0)
    assert (found.cycles, found.failed_cycles) == (4, 1)
    assert found.opens_per_hour == pytest.approx(4)  # two opens went out in half an hour


def test_only_the_newest_cycles_count_whatever_order_they_come_in() -> None:
    records = [a_record(cycle, an_action()) for cycle in (3, 1, 2)]
    found = analyze_performance(ANN, (), records, 2)
    assert (found.began_at, found.ended_at) == (NOW + 20 * MINUTE, NOW + 30 * MINUTE)
    assert found.wishes == 2


def test_what_models_cost_is_summed() -> None:
    records = [a_record(n, advice=AdviceLine(cost_usd=Decimal("0.02"))) for n in range(3)]
    assert analyze_performance(ANN, (), records, 9).advice_usd == Decimal("0.06")


def test_nothing_gives_nothing() -> None:
    found = analyze_performance(ANN, (), (), 9)
    assert (found.trades, found.win_rate, found.sharpe, found.rejection_rate) == (0, None, None, None)
    assert (found.began_at, found.opens_per_hour, found.order_ms_p50) == (None, None, None)
