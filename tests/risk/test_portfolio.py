"""Budgets of bots: what they go by, and what holds whatever the bots do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import ZERO, BotId
from risk.leases import BotUse
from risk.portfolio import bot_budgets, performance_factor, shares
from risk.portfolio_params import PortfolioParams, PortfolioPolicy
from strategies.strategy import Performance

LIMIT = Decimal(10_000)
OPEN = PortfolioParams(
    policy=PortfolioPolicy.EQUAL,
    gross_equity_multiple_max=Decimal(100),
    bot_share_max_pct=Decimal(100),
    bot_share_min_pct=ZERO,
    raise_step_pct=Decimal(100),
)
Budgets = Mapping[BotId, Decimal]


def a_bot(name: str, **changes: Any) -> BotUse:
    return BotUse(bot=BotId(name), **changes)


def results(sharpe: float | None = None, trades: int = 20, win_rate: float | None = 0.5) -> Performance:
    return Performance(trades=trades, sharpe=sharpe, win_rate=win_rate if trades else None)


def budgets(
    *bots: BotUse,
    previous: Mapping[str, int] | None = None,
    limit: Decimal = LIMIT,
    equity: int | None = 10_000,
    **changes: Any,
) -> dict[str, Decimal]:
    found = bot_budgets(
        bots,
        {BotId(name): Decimal(usd) for name, usd in (previous or {}).items()},
        params=replace(OPEN, **changes),
        limit_usd=limit,
        equity_usd=None if equity is None else Decimal(equity),
    )
    return {str(bot): usd for bot, usd in found.items()}


def usd(**amounts: str | int) -> dict[str, Decimal]:
    return {bot: Decimal(amount) for bot, amount in amounts.items()}


# what a share goes by


def test_equal_asks_nothing_of_a_bot() -> None:
    found = budgets(a_bot("a", weight=Decimal(3), volatility_pct=9.0), a_bot("b"))
    assert found == usd(a=5000, b=5000)


def test_weights_are_parts_of_the_whole() -> None:
    found = budgets(a_bot("a", weight=Decimal(3)), a_bot("b"), policy=PortfolioPolicy.WEIGHTS)
    assert found == usd(a=7500, b=2500)


def test_twice_the_volatility_is_half_the_budget() -> None:
    calm, wild = a_bot("calm", volatility_pct=2.0), a_bot("wild", volatility_pct=4.0)
    found = budgets(calm, wild, policy=PortfolioPolicy.INVERSE_VOLATILITY)
    assert found == usd(calm="6666.66", wild="3333.33")


@pytest.mark.parametrize("unknown", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_an_unknown_volatility_counts_as_the_highest(unknown: float | None) -> None:
    bots = (a_bot("new", volatility_pct=unknown), a_bot("calm", volatility_pct=1.0))
    wild = a_bot("wild", volatility_pct=2.0)
    found = budgets(*bots, wild, policy=PortfolioPolicy.INVERSE_VOLATILITY)
    assert found == usd(new=2500, calm=5000, wild=2500)


def test_where_no_volatility_is_known_weights_decide() -> None:
    found = budgets(a_bot("a", weight=Decimal(3)), a_bot("b"), policy=PortfolioPolicy.INVERSE_VOLATILITY)
    assert found == usd(a=7500, b=2500)


def test_a_winner_gets_more_and_a_loser_less() -> None:
    bots = (
        a_bot("loser", performance=results(-0.4)),
        a_bot("new"),
        a_bot("winner", performance=results(0.4)),
    )
    found = budgets(*bots, policy=PortfolioPolicy.PERFORMANCE, limit=Decimal(3000))
    assert found == usd(loser=800, new=1000, winner=1200)


@pytest.mark.parametrize(
    ("performance", "factor"),
    [
        (results(trades=0), "1"),
        (results(0.4, trades=20), "1.2"),  # half of it counts
        (results(0.4, trades=180), "1.36"),  # nine tenths
        (results(-0.4, trades=20), "0.8"),
        (results(-9.0, trades=1000), "0.5"),
        (results(9.0, trades=1000), "1.5"),
        (results(None, trades=5, win_rate=0.0), "0.8"),  # five equal losses
        (results(None, trades=5, win_rate=1.0), "1.2"),
        (results(float("nan")), "0.5"),
        (results(float("inf")), "0.5"),
    ],
)
def test_the_factor_of_results(performance: Performance, factor: str) -> None:
    assert performance_factor(performance, Decimal("0.5"), Decimal("1.5")) == Decimal(factor)


@pytest.mark.parametrize(
    ("key", "bound", "sharpe", "a"),
    [("performance_factor_min", "0.25", -9.0, 2000), ("performance_factor_max", "4", 9.0, 8000)],
)
def test_the_factors_bounds_are_the_operators(key: str, bound: str, sharpe: float, a: int) -> None:
    one = a_bot("a", performance=results(sharpe, trades=2000))
    changes: dict[str, Any] = {key: Decimal(bound)}
    found = budgets(one, a_bot("b"), policy=PortfolioPolicy.PERFORMANCE, **changes)
    assert found == usd(a=a, b=10_000 - a)


def test_a_volatility_target_takes_away_and_gives_to_nobody() -> None:
    bots = (a_bot("calm", volatility_pct=2.0), a_bot("wild", volatility_pct=8.0))
    assert budgets(*bots, volatility_target_pct=Decimal(4)) == usd(calm=5000, wild=2500)


def test_a_target_of_volatility_without_any_known_leaves_the_smallest_share() -> None:
    found = budgets(a_bot("a"), volatility_target_pct=Decimal(4), bot_share_min_pct=Decimal(3))
    assert found == usd(a=300)


# bounds


def test_what_one_bot_may_not_have_goes_to_the_others() -> None:
    bots = (a_bot("a", weight=Decimal(8)), a_bot("b"), a_bot("c"))
    found = budgets(*bots, policy=PortfolioPolicy.WEIGHTS, bot_share_max_pct=Decimal(40))
    assert found == usd(a=4000, b=3000, c=3000)


def test_what_nobody_may_have_stays_unused() -> None:
    assert budgets(a_bot("a"), a_bot("b"), bot_share_max_pct=Decimal(30)) == usd(a=3000, b=3000)


def test_the_smallest_share_comes_first() -> None:
    bots = (a_bot("a", weight=Decimal(999)), a_bot("b"))
    found = budgets(*bots, policy=PortfolioPolicy.WEIGHTS, bot_share_min_pct=Decimal(10))
    assert found == usd(a=8992, b=1008)


def test_more_bots_than_smallest_shares_get_an_even_one() -> None:
    found = budgets(*(a_bot(f"b{n}") for n in range(4)), bot_share_min_pct=Decimal(50))
    assert set(found.values()) == {Decimal(2500)}


@pytest.mark.parametrize("out", [{"weight": ZERO}, {"enabled": False}])
def test_a_bot_that_is_out_has_nothing_and_leaves_it_to_the_others(out: dict[str, Any]) -> None:
    found = budgets(a_bot("a"), a_bot("out", **out), bot_share_min_pct=Decimal(10))
    assert found == usd(a=10_000, out=0)


def test_a_fleet_of_none_and_a_fleet_of_nobodies_are_shared_out_too() -> None:
    assert budgets() == {}
    assert budgets(a_bot("a", weight=ZERO)) == usd(a=0)


# equity


def test_all_together_get_a_multiple_of_the_equity_and_never_more_than_the_limit() -> None:
    assert budgets(a_bot("a"), equity=1000, gross_equity_multiple_max=Decimal("1.5")) == usd(a=1500)
    assert budgets(a_bot("a"), equity=1000, gross_equity_multiple_max=Decimal(50)) == usd(a=10_000)
    assert budgets(a_bot("a"), equity=-5) == usd(a=0)


def test_nothing_rises_while_the_equity_is_unknown() -> None:
    bots = (a_bot("a"), a_bot("b"), a_bot("new"))
    assert budgets(*bots, previous={"a": 100, "b": 9000}, equity=None) == usd(a=100, b="3333.33", new=0)


# from one sharing out to the next


def test_a_budget_rises_in_steps_and_falls_at_once() -> None:
    bots = (a_bot("a"), a_bot("b"))
    found = budgets(*bots, previous={"a": 1000, "b": 9000}, raise_step_pct=Decimal(10))
    assert found == usd(a=2000, b=5000)
    found = budgets(*bots, previous={"a": 4500, "b": 5000}, raise_step_pct=Decimal(10))
    assert found == usd(a=5000, b=5000)


def test_a_new_bot_begins_at_its_target() -> None:
    found = budgets(a_bot("a"), a_bot("new"), previous={"a": 10_000}, raise_step_pct=Decimal(1))
    assert found == usd(a=5000, new=5000)


def test_a_bot_that_was_out_comes_back_at_its_target() -> None:
    found = budgets(a_bot("a"), a_bot("back"), previous={"a": 10_000, "back": 0}, raise_step_pct=Decimal(10))
    assert found == usd(a=5000, back=5000)


def test_others_rise_only_into_what_a_bot_above_its_budget_leaves() -> None:
    bots = (a_bot("a", used_usd=Decimal(9000)), a_bot("b"), a_bot("c"))
    found = budgets(*bots, previous={"a": 9000, "b": 0, "c": 0})
    assert found == usd(a="3333.33", b=500, c=500)
    assert budgets(*bots, previous={"a": 9000, "b": 500, "c": 500}) == found


def test_a_bot_may_rise_into_what_it_already_uses() -> None:
    bots = (a_bot("a", used_usd=Decimal(12_000)), a_bot("b"))
    assert budgets(*bots, previous={"a": 0, "b": 0}) == usd(a=5000, b=0)


# properties

PERCENT = st.decimals(0, 100, places=1)
SOME_PERCENT = st.decimals("0.1", 100, places=1)
MONEY = st.decimals(0, 50_000, places=2)
RATIO = st.none() | st.floats(-5, 5)
VOLATILITY = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.01, 50)


@st.composite
def parameters(draw: st.DrawFn) -> PortfolioParams:
    least, most = sorted((draw(PERCENT), draw(SOME_PERCENT)))
    return PortfolioParams(
        policy=draw(st.sampled_from(PortfolioPolicy)),
        gross_equity_multiple_max=draw(st.decimals("0.1", 10, places=1)),
        bot_share_max_pct=most,
        bot_share_min_pct=least,
        raise_step_pct=draw(SOME_PERCENT),
        performance_factor_min=draw(st.decimals("0.1", 1, places=1)),
        performance_factor_max=draw(st.decimals(1, 5, places=1)),
        volatility_target_pct=draw(st.none() | SOME_PERCENT),
    )


@st.composite
def fleets(draw: st.DrawFn) -> tuple[BotUse, ...]:
    return tuple(
        BotUse(
            bot=BotId(f"bot{number}"),
            weight=draw(st.decimals(0, 10, places=1)),
            enabled=draw(st.booleans() | st.just(True)),
            used_usd=draw(MONEY),
            performance=results(draw(RATIO), draw(st.integers(0, 500)), draw(st.floats(0, 1))),
            volatility_pct=draw(VOLATILITY),
        )
        for number in range(draw(st.integers(0, 7)))
    )


@st.composite
def befores(draw: st.DrawFn, bots: tuple[BotUse, ...]) -> Budgets:
    """Budgets in force: any amounts, for any of the bots."""
    return {use.bot: draw(MONEY) for use in bots if draw(st.booleans())}


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[BotUse, ...], Budgets, PortfolioParams, Decimal, Decimal | None]:
    bots = draw(fleets())
    equity = draw(st.none() | st.decimals(-1000, 50_000, places=2))
    return bots, draw(befores(bots)), draw(parameters()), draw(st.decimals(1, 50_000, places=3)), equity


Case = tuple[tuple[BotUse, ...], Budgets, PortfolioParams, Decimal, Decimal | None]


def shared_out(case: Case) -> Budgets:
    bots, previous, params, limit, equity = case
    return bot_budgets(bots, previous, params=params, limit_usd=limit, equity_usd=equity)


@given(cases())
def test_whole_cents_that_never_add_up_to_more_than_the_limit(case: Case) -> None:
    bots, _, params, limit, equity = case
    found = shared_out(case)
    assert found.keys() == {use.bot for use in bots}
    assert all(amount >= 0 and amount == amount.quantize(Decimal("0.01")) for amount in found.values())
    assert sum(found.values()) <= limit
    if equity is not None:
        assert sum(found.values()) <= max(ZERO, equity * params.gross_equity_multiple_max)


@given(cases())
def test_shares_stay_in_their_bounds_and_those_who_are_out_have_none(case: Case) -> None:
    bots, _, params, _, _ = case
    found = shares(bots, params)
    taking_part = [use for use in bots if use.enabled and use.weight > 0]
    assert sum(found.values()) <= 1 + Decimal("1e-20")
    for use in bots:
        if use not in taking_part:
            assert found[use.bot] == 0
            continue
        least = min(params.bot_share_min_pct / 100, Decimal(1) / len(taking_part))
        assert least - Decimal("1e-20") <= found[use.bot] <= params.bot_share_max_pct / 100


@given(cases())
def test_those_who_are_out_get_nothing_and_nobody_gets_more_than_the_largest_share(case: Case) -> None:
    bots, _, params, limit, _ = case
    found = shared_out(case)
    for use in bots:
        assert found[use.bot] <= limit * params.bot_share_max_pct / 100
        assert found[use.bot] == 0 or (use.enabled and use.weight > 0)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_bots_means_nothing(case: Case, chance: Any) -> None:
    bots = list(case[0])
    chance.shuffle(bots)
    found = shared_out((tuple(bots), *case[1:]))
    assert list(found.items()) == list(shared_out(case).items())


@given(cases(), st.decimals(0, 20_000, places=2))
def test_more_equity_gives_no_bot_less(case: Case, more: Decimal) -> None:
    bots, previous, params, limit, equity = case
    if equity is None:
        return
    richer = shared_out((bots, previous, params, limit, equity + more))
    cent = Decimal("0.01")  # of rounding
    assert all(richer[bot] >= amount - cent for bot, amount in shared_out(case).items())


@given(cases())
def test_no_budget_rises_by_more_than_a_step_and_none_without_equity(case: Case) -> None:
    bots, previous, params, limit, equity = case
    found = shared_out(case)
    step = ZERO if equity is None else limit * params.raise_step_pct / 100
    for use in bots:
        if previous.get(use.bot) or equity is None:
            assert found[use.bot] <= previous.get(use.bot, ZERO) + step


@given(cases())
def test_what_is_used_above_a_budget_is_lent_to_nobody_else(case: Case) -> None:
    bots, previous, _, limit, _ = case
    found = shared_out(case)
    worst = sum((max(found[use.bot], use.used_usd) for use in bots), ZERO)
    kept = sum((max(min(found[use.bot], previous.get(use.bot, ZERO)), use.used_usd) for use in bots), ZERO)
    assert worst <= max(limit, kept)


@given(cases())
def test_left_alone_it_comes_to_rest_at_the_targets(case: Case) -> None:
    bots, previous, params, limit, equity = case
    idle = tuple(replace(use, used_usd=ZERO) for use in bots)
    rounds = int(Decimal(100) / params.raise_step_pct) + 2
    for _ in range(min(rounds, 1002)):
        previous = shared_out((idle, previous, params, limit, equity))
    assert shared_out((idle, previous, params, limit, equity)) == previous
    if equity is not None:
        assert previous == shared_out((idle, {}, params, limit, equity))
