"""Each number of a bot's own rules, just under it, at it, and just over it; and no clamped order that breaks one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import Side
from risk.context import ReviewContext
from risk.intent import Intent
from risk.limits import ExecGuards, RiskParams, WalletLimits
from risk.review import Approved, Refused, review
from tests.builders import BTC, NOW, a_context, a_snapshot, an_account, an_instrument, an_intent

FREE = ExecGuards(
    liquidity_threshold_usd=Decimal(0),
    max_margin_usage_pct=Decimal(100),
    btceth_position_value_min_equity_multiple=Decimal(0),
    btceth_position_value_max_equity_multiple=Decimal(1000),
    alt_position_value_min_equity_multiple=Decimal(0),
    alt_position_value_max_equity_multiple=Decimal(1000),
)
ROOMY = RiskParams(max_position_size_usd=Decimal(10**6), max_order_size_usd=Decimal(10**6))
Case = tuple[Intent, ReviewContext]


def context(guards: ExecGuards = FREE, **changes: Any) -> ReviewContext:
    return a_context(**{"guards": guards, "params": ROOMY} | changes)


def with_confidence(value: int) -> Case:
    return an_intent(confidence=value), context(params=replace(ROOMY, min_confidence=70))


def with_target(price: str) -> Case:  # the entry is 1000, the stop 950
    return an_intent(take_profit=Decimal(price)), context(params=replace(ROOMY, min_risk_reward_ratio=3.0))


def with_leverage(value: int, *, is_major: bool, largest: int) -> Case:
    params = replace(ROOMY, major_coin_leverage=20, altcoin_leverage=10)
    return an_intent(leverage=value), context(
        params=params, instrument=an_instrument(is_major=is_major, max_leverage=largest)
    )


def with_equity(size: str, equity: int, *, is_major: bool) -> Case:
    bands = replace(
        FREE,
        btceth_position_value_min_equity_multiple=Decimal(5),
        btceth_position_value_max_equity_multiple=Decimal(10),
        alt_position_value_min_equity_multiple=Decimal("0.8"),
        alt_position_value_max_equity_multiple=Decimal("1.5"),
        max_margin_usage_pct=Decimal(1000),
    )
    limits = WalletLimits(price_collar_pct=Decimal(50))
    return an_intent(size=Decimal(size), stop_loss=Decimal(999), leverage=1), context(
        bands,
        account=an_account(equity_usd=Decimal(equity)),
        instrument=an_instrument(is_major=is_major, maintenance_margin=Decimal("0.0001")),
        limits=limits,
    )


def with_margin(used: str) -> Case:  # 500 USD at twice leverage are 250 more, of 10000
    return an_intent(), context(
        replace(FREE, max_margin_usage_pct=Decimal(90)), account=an_account(margin_used_usd=Decimal(used))
    )


def with_open_interest(base: str) -> Case:
    return an_intent(), context(
        replace(FREE, liquidity_threshold_usd=Decimal(15_000_000)),
        snapshot=a_snapshot(open_interest=Decimal(base)),
    )


def rested(for_: timedelta) -> Case:
    return an_intent(), context(
        replace(FREE, cooldown_after_close=timedelta(minutes=15)), recently_closed={BTC: NOW - for_}
    )


def opened(before: int) -> Case:
    return an_intent(), context(replace(FREE, max_new_positions_per_cycle=3), opens_in_cycle=before)


def holding(markets: int) -> Case:
    return an_intent(), context(params=replace(ROOMY, max_positions=3), positions_held=markets)


TICK = timedelta(microseconds=1)
QUARTER = timedelta(minutes=15)
# rule, and the cases on the two allowed places and on the one that is not: (inside, at, beyond)
EDGES: list[tuple[str, Callable[..., Case], list[tuple[Any, ...]], dict[str, Any]]] = [
    ("min_confidence", with_confidence, [(71,), (70,), (69,)], {}),
    ("risk_reward_ratio", with_target, [("1150.5",), ("1150",), ("1149.5",)], {}),
    ("leverage_cap", with_leverage, [(19,), (20,), (21,)], {"is_major": True, "largest": 50}),
    ("leverage_cap", with_leverage, [(9,), (10,), (11,)], {"is_major": False, "largest": 50}),
    ("leverage_cap", with_leverage, [(4,), (5,), (6,)], {"is_major": True, "largest": 5}),
    ("value_band", with_equity, [("0.501", 100), ("0.500", 100), ("0.499", 100)], {"is_major": True}),
    ("value_band", with_equity, [("0.999", 100), ("1.000", 100), ("1.001", 100)], {"is_major": True}),
    ("value_band", with_equity, [("0.081", 100), ("0.080", 100), ("0.079", 100)], {"is_major": False}),
    ("value_band", with_equity, [("0.149", 100), ("0.150", 100), ("0.151", 100)], {"is_major": False}),
    ("margin_usage", with_margin, [("8749.99",), ("8750",), ("8750.01",)], {}),
    ("liquidity_threshold_usd", with_open_interest, [("15000.001",), ("15000",), ("14999.999",)], {}),
    ("cooldown_after_close", rested, [(QUARTER + TICK,), (QUARTER,), (QUARTER - TICK,)], {}),
    ("max_new_positions_per_cycle", opened, [(1,), (2,), (3,)], {}),
    ("max_positions", holding, [(1,), (2,), (3,)], {}),
]


@pytest.mark.parametrize(
    ("rule", "case", "places", "fixed"),
    EDGES,
    ids=[f"{rule}-{number}" for number, (rule, *_) in enumerate(EDGES)],
)
def test_a_rule_holds_at_its_number_and_not_one_step_beyond(
    rule: str, case: Callable[..., Case], places: list[tuple[Any, ...]], fixed: dict[str, Any]
) -> None:
    inside, at, beyond = (review(*case(*place, **fixed)) for place in places)
    assert isinstance(inside, Approved), inside
    assert isinstance(at, Approved), at
    assert isinstance(beyond, Refused)
    assert beyond.rule == rule


@given(
    side=st.sampled_from(Side),
    price=st.decimals("900", "1100", places=4),
    size=st.decimals("0.0001", 5, places=6),
    tick=st.sampled_from([Decimal("0.5"), Decimal("0.01"), Decimal("2.5")]),
    step=st.sampled_from([Decimal("0.001"), Decimal("0.01"), Decimal("0.1")]),
    is_major=st.booleans(),
    leverage=st.integers(1, 25),
    largest=st.integers(1, 25),
    confidence=st.integers(0, 100),
    equity=st.decimals(50, 3000, places=2),
    used=st.decimals(0, 2000, places=2),
    interest=st.decimals(0, 1000, places=3),
)
def test_no_order_that_was_clamped_and_approved_breaks_a_rule(
    side: Side,
    price: Decimal,
    size: Decimal,
    tick: Decimal,
    step: Decimal,
    is_major: bool,
    leverage: int,
    largest: int,
    confidence: int,
    equity: Decimal,
    used: Decimal,
    interest: Decimal,
) -> None:
    """The rules are written out here a second time, on the order that would be sent."""
    guards = ExecGuards(liquidity_threshold_usd=Decimal(500_000), max_margin_usage_pct=Decimal(90))
    params = RiskParams(
        major_coin_leverage=20,
        altcoin_leverage=10,
        min_confidence=70,
        min_risk_reward_ratio=3.0,
        max_position_size_usd=Decimal(1500),
    )
    stop, target = price * (1 - side.sign * Decimal("0.02")), price * (1 + side.sign * Decimal("0.4"))
    intent = an_intent(
        side=side,
        price=price,
        size=size,
        leverage=leverage,
        confidence=confidence,
        stop_loss=stop,
        take_profit=target,
    )
    instrument = an_instrument(tick=tick, step=step, is_major=is_major, max_leverage=largest)
    ctx = a_context(
        guards=guards,
        params=params,
        instrument=instrument,
        account=an_account(equity_usd=equity, margin_used_usd=used),
        snapshot=a_snapshot(open_interest=interest),
    )
    verdict = review(intent, ctx)
    if isinstance(verdict, Refused):
        return
    order = verdict.order
    assert order.price is not None
    assert order.leverage is not None
    assert instrument.is_on_tick(order.price)
    assert instrument.is_on_step(order.size)
    assert order.leverage <= min(largest, 20 if is_major else 10)
    assert confidence >= 70
    entry = min(order.price, Decimal("1000.5")) if side is Side.BUY else max(order.price, Decimal("999.5"))
    value = order.size * entry
    low, high = (5, 10) if is_major else (Decimal("0.8"), Decimal("1.5"))
    assert low * equity <= value <= min(high * equity, Decimal(1500))
    assert (used + order.size * entry / order.leverage) / equity <= Decimal("0.9")
    assert interest * 1000 >= 500_000
    assert abs(target - entry) >= 3 * abs(entry - stop)
