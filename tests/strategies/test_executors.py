from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.decision import Action, Decision
from strategies.executors import EXECUTORS, QuantExecutor, executor_class, score
from strategies.strategy import Budget, View
from tests.builders import (
    BAR_AT,
    BTC,
    ETH,
    SOL,
    a_position,
    a_quote,
    a_snapshot,
    a_view,
    an_account,
    an_instrument,
)
from tests.strategies.markets import indicators

UP = a_snapshot(indicators=indicators(gap=5.0, rsi=60.0), change_1h=0.01, change_4h=0.02)
DOWN = a_snapshot(indicators=indicators(gap=-5.0, rsi=40.0), change_1h=-0.01, change_4h=-0.02)


async def advice(view: View) -> list[Decision]:
    return list(QuantExecutor().advise(view))


@pytest.mark.parametrize(
    ("market", "vote"),
    [
        (UP, 0.8),
        (DOWN, -0.8),
        (replace(UP, funding_rate=Decimal("0.0005")), 0.7),
        (replace(UP, change_1h=None, change_4h=None), 0.5),
        (replace(UP, indicators=indicators(gap=5.0, rsi=76.0)), 0.0),
        (replace(DOWN, indicators=indicators(gap=-5.0, rsi=24.0)), 0.0),
        (replace(UP, indicators=indicators(gap=-0.1, rsi=60.0)), 0.0),
        (replace(UP, indicators=indicators(gap=5.0, atr=0.0)), 0.0),
        (replace(UP, indicators={}), 0.0),
    ],
)
def test_the_vote_on_a_market(market: Any, vote: float) -> None:
    assert score(market) == pytest.approx(vote)


@given(
    st.floats(-1e6, 1e6),
    st.floats(0, 100),
    st.floats(0, 1e6),
    st.none() | st.floats(-1, 1),
    st.none() | st.floats(-1, 1),
    st.decimals(-1, 1, places=6),
)
def test_a_vote_stays_between_minus_one_and_one_and_never_opposes_the_trend(
    gap: float, rsi: float, atr: float, change_1h: float | None, change_4h: float | None, funding: Decimal
) -> None:
    values = indicators(gap=gap, rsi=rsi, atr=atr)
    vote = score(
        a_snapshot(indicators=values, change_1h=change_1h, change_4h=change_4h, funding_rate=funding)
    )
    assert -1 <= vote <= 1
    assert vote * gap >= 0


async def test_it_opens_with_size_stop_target_and_confidence() -> None:
    view = a_view(markets={BTC: UP})
    (decision,) = await advice(view)
    assert decision == (await advice(view))[0]
    assert (decision.symbol, decision.action, decision.confidence) == (BTC, Action.OPEN_LONG, 80)
    assert decision.position_size_usd == Decimal(500)  # a twentieth of 10 000 USD
    assert (decision.stop_loss, decision.take_profit) == (Decimal("990.5"), Decimal("1030.5"))


async def test_a_short_has_its_stop_above_and_its_target_below() -> None:
    (decision,) = await advice(a_view(markets={BTC: DOWN}))
    assert decision.action is Action.OPEN_SHORT
    assert decision.stop_loss is not None
    assert decision.take_profit is not None
    bid = a_quote().bid
    assert decision.take_profit < bid < decision.stop_loss
    assert (bid - decision.take_profit) >= 3 * (decision.stop_loss - bid)


@pytest.mark.parametrize(
    ("held", "market", "actions"),
    [
        ("1", DOWN, [Action.CLOSE_LONG]),
        ("-1", UP, [Action.CLOSE_SHORT]),
        ("1", UP, []),
        ("-1", DOWN, []),
        ("1", replace(DOWN, indicators={}), []),
    ],
)
async def test_it_closes_when_the_trend_turns_and_never_adds(
    held: str, market: Any, actions: list[Action]
) -> None:
    decisions = await advice(a_view(markets={BTC: market}, positions={BTC: a_position(held)}))
    assert [decision.action for decision in decisions] == actions


async def test_the_best_scores_get_the_room_that_the_budget_has() -> None:
    markets = {
        BTC: replace(UP, change_1h=None),
        ETH: replace(UP, symbol=ETH),
        SOL: replace(UP, symbol=SOL, indicators=indicators(gap=0.1, rsi=51.0)),
    }
    instruments = {symbol: an_instrument(symbol=symbol) for symbol in markets}
    budget = Budget(notional_usd=Decimal(600), positions=2, opens_this_cycle=1)
    view = a_view(markets=markets, instruments=instruments, budget=budget)
    (best,) = await advice(view)
    assert (best.symbol, best.position_size_usd) == (ETH, Decimal(300))
    both = await advice(replace(view, budget=replace(budget, opens_this_cycle=2)))
    assert [decision.symbol for decision in both] == [ETH, BTC]


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": Budget()},
        {"budget": Budget(notional_usd=Decimal(5), positions=1, opens_this_cycle=1)},
        {"account": an_account(equity_usd=Decimal(-5))},
        {"instruments": {}},
        {"markets": {}},
        {"recently_closed": {BTC: BAR_AT}},
    ],
)
async def test_without_room_or_data_it_opens_nothing(changes: dict[str, Any]) -> None:
    assert await advice(a_view(**{"markets": {BTC: UP}, **changes})) == []


def test_executors_are_made_by_name() -> None:
    assert all(executor_class(name) is EXECUTORS[name] for name in EXECUTORS)
