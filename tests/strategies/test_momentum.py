from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import Side
from strategies.decision import Action, Decision
from strategies.momentum import Momentum
from tests.builders import (
    BAR_AT,
    BTC,
    a_position,
    a_quote,
    a_resting_order,
    a_snapshot,
    a_view,
    an_instrument,
)
from tests.strategies.markets import a_trend, indicators

MOMENTUM = Momentum(symbol=BTC)
LONG: dict[str, Any] = {"positions": {BTC: a_position("1")}}
SHORT: dict[str, Any] = {"positions": {BTC: a_position("-1")}}


@pytest.mark.parametrize(
    ("now", "before", "changes", "actions"),
    [
        (1, -1, {}, [Action.OPEN_LONG]),
        (1, 0, {}, [Action.OPEN_LONG]),
        (-1, 1, {}, [Action.OPEN_SHORT]),
        (-1, 0, {}, [Action.OPEN_SHORT]),
        (1, 1, {}, []),
        (-1, -1, {}, []),
        (0, -1, {}, []),
        (1, -1, {"rsi": 69.9}, [Action.OPEN_LONG]),
        (1, -1, {"rsi": 70.0}, []),
        (-1, 1, {"rsi": 30.1}, [Action.OPEN_SHORT]),
        (-1, 1, {"rsi": 30.0}, []),
        (1, -1, {"rsi": float("nan")}, []),
        (1, -1, {"atr": 0.0}, []),
        (1, -1, {"atr": float("nan")}, []),
        (1, -1, {"atr": 1e6}, []),
        (1, -1, LONG, []),
        (1, 1, LONG, []),
        (0, 1, LONG, []),
        (-1, -1, LONG, [Action.CLOSE_LONG]),
        (-1, 1, LONG, [Action.CLOSE_LONG, Action.OPEN_SHORT]),
        (1, 1, SHORT, [Action.CLOSE_SHORT]),
        (1, -1, SHORT, [Action.CLOSE_SHORT, Action.OPEN_LONG]),
        (-1, 1, SHORT, []),
        (1, -1, {"recently_closed": {BTC: BAR_AT}}, []),
        (1, -1, {"recently_closed": {BTC: BAR_AT - timedelta(seconds=1)}}, [Action.OPEN_LONG]),
        (1, -1, {"orders": (a_resting_order(Side.BUY, "990", "1"),)}, []),
        (1, -1, {"orders": (a_resting_order(Side.SELL, "990", "1", reduce_only=True),)}, [Action.OPEN_LONG]),
        (1, -1, {"markets": {}}, []),
        (1, -1, {"instruments": {}}, []),
        (1, -1, {"markets": {BTC: a_snapshot()}}, []),
        (1, -1, {"markets": {BTC: a_snapshot(indicators=indicators())}}, []),
    ],
)
def test_what_momentum_does(
    now: float, before: float, changes: dict[str, Any], actions: list[Action]
) -> None:
    decisions = MOMENTUM.decide(a_trend(now, before, **changes))
    assert [d.action for d in decisions if isinstance(d, Decision)] == actions


def test_without_shorts_a_cross_down_only_closes() -> None:
    long_only = replace(MOMENTUM, allow_short=False)
    assert long_only.decide(a_trend(-1, 1)) == ()
    (decision,) = long_only.decide(a_trend(-1, 1, **LONG))
    assert isinstance(decision, Decision)
    assert decision.action is Action.CLOSE_LONG


def test_a_cross_is_acted_on_once_however_many_cycles_see_it() -> None:
    first, later = a_trend(1, -1), a_trend(1, -1, cycle=8)
    assert MOMENTUM.decide(first), "the first cycle on the bar"
    assert MOMENTUM.decide(later), "the first was missed, the next one on the same bar sees the same cross"
    assert MOMENTUM.decide(replace(later, positions={BTC: a_position("1")})) == ()
    stopped_out = replace(later, recently_closed={BTC: later.now})
    assert MOMENTUM.decide(stopped_out) == ()


def test_stop_and_target_are_multiples_of_the_range_from_the_touch() -> None:
    (decision,) = MOMENTUM.decide(a_trend(1, -1, atr=5.0))
    assert isinstance(decision, Decision)
    assert (decision.stop_loss, decision.take_profit) == (Decimal("990.5"), Decimal("1020.5"))
    assert (decision.position_size_usd, decision.leverage) == (Decimal(500), 1)
    assert decision.risk_usd == Decimal(500) * 10 / Decimal("1000.5")


@given(
    st.sampled_from([(1.0, -1.0), (-1.0, 1.0)]),
    st.floats(0, 1000),
    st.sampled_from([Decimal("0.01"), Decimal("0.5"), Decimal(25)]),
    st.decimals("0.1", 10, places=2),
    st.decimals("0.1", 10, places=2),
)
def test_an_open_always_has_stop_and_target_on_their_sides_and_on_tick(
    cross: tuple[float, float], atr: float, tick: Decimal, stop_atr: Decimal, target_atr: Decimal
) -> None:
    instrument = an_instrument(tick=tick)
    view = a_trend(*cross, atr=atr, instruments={BTC: instrument})
    strategy = Momentum(symbol=BTC, stop_atr=stop_atr, target_atr=target_atr)
    decisions = strategy.decide(view)
    assert decisions == strategy.decide(view)
    for decision in decisions:
        assert isinstance(decision, Decision)
        assert decision.stop_loss is not None
        assert decision.take_profit is not None
        assert instrument.is_on_tick(decision.stop_loss)
        assert instrument.is_on_tick(decision.take_profit)
        quote = a_quote()
        if decision.action is Action.OPEN_LONG:
            entry = quote.ask
            assert 0 < decision.stop_loss < entry < decision.take_profit
        else:
            entry = quote.bid
            assert 0 < decision.take_profit < entry < decision.stop_loss
        assert abs(decision.take_profit - entry) * stop_atr >= abs(entry - decision.stop_loss) * target_atr


def test_it_declares_the_indicators_that_it_reads() -> None:
    assert MOMENTUM.indicators == ("ema_12", "ema_26", "rsi_14", "atr_14")
    assert replace(MOMENTUM, fast=5, slow=9, rsi=7, atr=3).indicators == ("ema_5", "ema_9", "rsi_7", "atr_3")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fast": 26}, "fast"),
        ({"fast": 0}, "fast"),
        ({"rsi_max": 50.0}, "rsi_max"),
        ({"stop_atr": Decimal(0)}, "stop_atr"),
        ({"leverage": 0}, "leverage"),
        ({"symbol": ""}, "symbol"),
        ({"bar_interval": timedelta(0)}, "bar_interval"),
    ],
)
def test_a_senseless_configuration_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: "):
        replace(MOMENTUM, **changes)


def test_a_view_without_markets_is_no_error() -> None:
    assert MOMENTUM.decide(a_view(markets={}, instruments={})) == ()
