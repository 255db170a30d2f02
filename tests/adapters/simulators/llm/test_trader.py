"""The scripted trader reads a real prompt and answers what the rules allow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulators.llm.trader import answer_to
from risk.limits import ExecGuards, RiskParams
from strategies.advice import Inquiry
from strategies.decision import Action, Decision
from strategies.llm.answers import read_answer
from strategies.llm.prompt import prompt
from strategies.strategy import Budget, GateState, PerformanceGate
from tests.builders import BTC, NOW, SOL, a_position, a_quote, a_snapshot, a_view, an_account, an_instrument

PARAMS = RiskParams(
    major_coin_leverage=20,
    altcoin_leverage=10,
    min_confidence=88,
    min_risk_reward_ratio=3.0,
    max_position_size_usd=Decimal(100_000),
)
UP = {"ema_12": 1_010.0, "ema_26": 1_000.0, "atr_14": 5.0}
DOWN = {"ema_12": 990.0, "ema_26": 1_000.0, "atr_14": 5.0}


def decisions(params: RiskParams = PARAMS, guards: ExecGuards | None = None, **view: Any) -> list[Decision]:
    seen = a_view(**({"markets": {BTC: a_snapshot(indicators=UP)}} | view))
    inquiry = Inquiry(executor="llm", view=seen, rules={"risk_params": params, "exec_guards": guards})
    messages = [
        {"role": message.role.value, "content": message.content} for message in prompt(inquiry).messages
    ]
    return list(read_answer(answer_to(messages), set(seen.markets) | set(seen.positions)).decisions)


@pytest.mark.parametrize(("indicators", "action"), [(UP, Action.OPEN_LONG), (DOWN, Action.OPEN_SHORT)])
@pytest.mark.parametrize("ratio", [0.0, 3.0])
def test_it_opens_with_the_trend(indicators: dict[str, float], action: Action, ratio: float) -> None:
    params = replace(PARAMS, min_risk_reward_ratio=ratio)
    (decision,) = decisions(params, markets={BTC: a_snapshot(indicators=indicators)})
    assert decision.action is action
    assert decision.confidence >= 88
    assert decision.leverage == 20
    assert decision.stop_loss is not None
    assert decision.take_profit is not None
    entry = Decimal("1000.5") if action is Action.OPEN_LONG else Decimal("999.5")
    assert abs(decision.take_profit - entry) >= 3 * abs(entry - decision.stop_loss) > 0
    assert all(an_instrument().is_on_tick(price) for price in (decision.stop_loss, decision.take_profit))


@pytest.mark.parametrize(
    ("size", "indicators", "closes"),
    [("1", DOWN, True), ("1", UP, False), ("-1", UP, True), ("-1", DOWN, False)],
)
def test_it_closes_against_the_trend(size: str, indicators: dict[str, float], closes: bool) -> None:
    found = decisions(markets={BTC: a_snapshot(indicators=indicators)}, positions={BTC: a_position(size)})
    assert bool(found) is closes
    assert all(decision.action.closes for decision in found)


@pytest.mark.parametrize(
    "view",
    [
        {"gate": PerformanceGate(state=GateState.PAUSED)},
        {"budget": Budget(notional_usd=Decimal(5_000), positions=0, opens_this_cycle=0)},
        {"budget": Budget(notional_usd=Decimal(1), positions=3, opens_this_cycle=3)},
        {"recently_closed": {BTC: NOW}},
        {"instruments": {}},
        {"markets": {BTC: a_snapshot()}},
        {"absent": {"market BTC": "too old"}},
    ],
)
def test_it_opens_nothing_where_it_must_not(view: dict[str, Any]) -> None:
    assert decisions(**view) == []


def test_it_takes_the_strongest_trends_that_the_cycle_has_room_for() -> None:
    strong = a_snapshot(symbol=SOL, quote=a_quote(symbol=SOL), indicators=UP | {"ema_12": 1_020.0})
    view: dict[str, Any] = {
        "markets": {BTC: a_snapshot(indicators=UP), SOL: strong},
        "instruments": {BTC: an_instrument(), SOL: an_instrument(symbol=SOL, is_major=False)},
        "budget": Budget(notional_usd=Decimal(5_000), positions=3, opens_this_cycle=1),
    }
    (decision,) = decisions(**view)
    assert (decision.symbol, decision.leverage) == (SOL, 10)


@given(equity=st.integers(200, 10**7), notional=st.integers(0, 10**7), largest=st.integers(1, 10**7))
def test_its_sizes_keep_to_the_value_bands(equity: int, notional: int, largest: int) -> None:
    params = RiskParams(major_coin_leverage=20, max_position_size_usd=Decimal(largest))
    budget = Budget(notional_usd=Decimal(notional), positions=1, opens_this_cycle=1)
    account = an_account(equity_usd=Decimal(equity))
    for decision in decisions(params, ExecGuards(), budget=budget, account=account):
        assert decision.position_size_usd is not None
        assert 5 * equity <= decision.position_size_usd <= min(10 * equity, notional, largest)


def test_without_data_it_says_nothing() -> None:
    assert answer_to([{"role": "user", "content": "hello"}]) == '{"reasoning": "no data", "decisions": []}'
    assert (
        answer_to([{"role": "user", "content": "<data>{broken}</data>"}])
        == '{"reasoning": "no data", "decisions": []}'
    )
