"""The bot's own line of defence: the same rules, over the same names, before anything is submitted."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import Side, Symbol
from risk.context import ReviewContext
from risk.first_line import FirstLine, House
from risk.limits import ExecGuards, Features, RiskParams, WalletLimits
from risk.plan import Plan, plan
from risk.review import Approved, Refused, review
from strategies.decision import Action, AnyDecision, Decision, Quotes
from strategies.strategy import Budget, GateState, PerformanceGate, View
from tests.builders import (
    BTC,
    ETH,
    NOW,
    SOL,
    a_context,
    a_position,
    a_resting_order,
    a_snapshot,
    a_view,
    an_account,
    an_instrument,
    an_intent,
)
from tests.risk.wishes import a_long

GUARDS = ExecGuards(
    max_new_positions_per_cycle=9,
    cooldown_after_close=timedelta(0),
    btceth_position_value_min_equity_multiple=Decimal(0),
)
PAUSED = PerformanceGate(state=GateState.PAUSED, until=NOW)
SLOWED = PerformanceGate(state=GateState.SLOWED, until=NOW, min_confidence=90)


def planned(view: View, *decisions: AnyDecision, **house: Any) -> Plan:
    limits = House(**{"guards": GUARDS} | house)
    return plan(view, decisions, epoch=4, house=limits, line=FirstLine(view, limits))


def three_markets(**changes: Any) -> View:
    symbols = (BTC, ETH, SOL)
    return a_view(
        markets={symbol: a_snapshot(symbol=symbol) for symbol in symbols},
        instruments={symbol: an_instrument(symbol=symbol) for symbol in symbols},
        **changes,
    )


@pytest.mark.parametrize(
    ("rule", "view", "decision", "house"),
    [
        ("halted", {}, {}, {"halt_rank": 0}),
        ("not_on_roster_symbol", {}, {}, {"symbols": (ETH,)}),
        ("stale_market_data", {"markets": {BTC: a_snapshot(age_s=2.1)}}, {}, {}),
        ("performance_pause", {"gate": PAUSED}, {}, {}),
        ("raised_confidence", {"gate": SLOWED}, {}, {}),
        ("min_confidence", {}, {}, {"params": RiskParams(min_confidence=81)}),
        ("stop_on_the_wrong_side", {}, {"stop_loss": Decimal(1050)}, {}),
        ("risk_reward_ratio", {}, {}, {"params": RiskParams(min_risk_reward_ratio=3)}),
        ("leverage_cap", {}, {"leverage": 6}, {}),
        ("no_pyramiding", {"positions": {BTC: a_position("0.1")}}, {}, {}),
        (
            "max_positions",
            {"positions": {ETH: a_position("1", ETH)}},
            {},
            {"params": RiskParams(max_positions=1)},
        ),
        ("cooldown_after_close", {"recently_closed": {BTC: NOW}}, {}, {"guards": ExecGuards()}),
        ("liquidity_threshold_usd", {"markets": {BTC: a_snapshot(open_interest=Decimal(1))}}, {}, {}),
        ("max_position_size_usd", {}, {"position_size_usd": Decimal(1002)}, {}),
        ("value_band", {}, {}, {"guards": ExecGuards()}),
        ("margin_usage", {"account": an_account(margin_used_usd=Decimal(9000))}, {}, {}),
        ("incomplete_context", {"absent": {"account": "read 31 s ago"}}, {}, {}),
        ("incomplete_context", {"absent": {"market BTC": "prices are 3 s old"}, "markets": {}}, {}, {}),
        ("lease", {"budget": Budget(notional_usd=Decimal(499), positions=3, opens_this_cycle=3)}, {}, {}),
        ("order_notional", {}, {}, {"limits": WalletLimits(order_notional_usd_max=Decimal(400))}),
    ],
)
def test_what_breaks_a_rule_is_never_submitted(
    rule: str, view: dict[str, Any], decision: dict[str, Any], house: dict[str, Any]
) -> None:
    assert planned(a_view(), a_long()).intents
    found = planned(a_view(**view), a_long(**decision), **house)
    assert found.intents == ()
    (refusal,) = found.refusals
    assert refusal.rule == rule
    assert [intent.id for intent in found.stopped] in ([], [refusal.intent_id])


def test_what_passed_counts_for_what_comes_after_it_in_the_cycle() -> None:
    longs = [a_long(symbol=symbol) for symbol in (BTC, ETH, SOL)]
    room = Budget(notional_usd=Decimal(1200), positions=3, opens_this_cycle=3)
    found = planned(three_markets(budget=room), *longs)
    assert [intent.symbol for intent in found.intents] == [BTC, ETH]
    assert [refusal.rule for refusal in found.refusals] == ["lease"]
    tight = an_account(margin_used_usd=Decimal(8400))
    found = planned(three_markets(account=tight), *longs)
    assert [refusal.rule for refusal in found.refusals] == ["margin_usage"]
    found = planned(three_markets(), *longs, params=RiskParams(max_positions=2))
    assert [refusal.rule for refusal in found.refusals] == ["max_positions"]


def test_a_refused_open_leaves_its_place_in_the_cycle_to_the_next() -> None:
    one = replace(GUARDS, max_new_positions_per_cycle=1)
    found = planned(three_markets(), a_long(leverage=9), a_long(symbol=ETH), a_long(symbol=SOL), guards=one)
    assert [intent.symbol for intent in found.intents] == [ETH]
    assert [refusal.rule for refusal in found.refusals] == ["leverage_cap", "max_new_positions_per_cycle"]


def test_a_close_is_taken_as_filled_by_the_open_after_it() -> None:
    view = a_view(positions={BTC: a_position("-0.5")})
    turn = (Decision(symbol=BTC, action=Action.CLOSE_SHORT), a_long())
    assert [intent.side for intent in planned(view, *turn).intents] == [Side.BUY, Side.BUY]
    cooling = replace(GUARDS, cooldown_after_close=timedelta(minutes=15))
    assert [refusal.rule for refusal in planned(view, *turn, guards=cooling).refusals] == [
        "cooldown_after_close"
    ]


def test_entries_that_are_to_be_cancelled_do_not_count() -> None:
    resting = a_resting_order(Side.BUY, "990", "0.9")
    view = a_view(orders=(resting,))
    wanted = Quotes(symbol=BTC, bids=(), asks=())
    assert planned(view, wanted).cancels == (resting.order.id,)
    line = FirstLine(view, House(guards=GUARDS))
    assert isinstance(line.review(an_intent(), (resting.order.id,)), Approved)
    verdict = FirstLine(view, House(guards=GUARDS)).review(an_intent(), ())
    assert isinstance(verdict, Refused)
    assert verdict.rule == "no_pyramiding"


def test_scaling_in_adds_up_to_the_limits_of_the_whole_and_scaling_out_takes_a_part() -> None:
    view = a_view(positions={BTC: a_position("0.4")})
    more = a_long(position_size_usd=Decimal(300))
    assert [refusal.rule for refusal in planned(view, more).refusals] == ["no_pyramiding"]
    scaling = replace(GUARDS, scale_in=True)
    assert len(planned(view, more, guards=scaling).intents) == 1
    too_much = a_long(position_size_usd=Decimal(700))
    assert [refusal.rule for refusal in planned(view, too_much, guards=scaling).refusals] == [
        "max_position_size_usd"
    ]
    (part,) = planned(
        view, Decision(symbol=BTC, action=Action.CLOSE_LONG, position_size_usd=Decimal(100))
    ).intents
    assert Decimal("0.09") < part.size < Decimal("0.11")


def test_without_multi_decision_the_first_valid_one_is_the_last() -> None:
    single = Features(multi_decision=False)
    wishes = (a_long(leverage=9), a_long(symbol=ETH), a_long(symbol=SOL))
    assert len(planned(three_markets(), *wishes).intents) == 2
    found = planned(three_markets(), *wishes, features=single)
    assert [intent.symbol for intent in found.intents] == [ETH]
    assert [refusal.rule for refusal in found.refusals] == ["leverage_cap", "multi_decision"]
    held = three_markets(positions={SOL: a_position("1", SOL)})
    found = planned(held, *wishes, Decision(symbol=SOL, action=Action.CLOSE_LONG), features=single)
    assert [(intent.symbol, intent.side) for intent in found.intents] == [(SOL, Side.SELL)]


def test_in_shadow_mode_the_rules_about_decisions_only_advise() -> None:
    shadow = Features(shadow_mode=True)
    params = RiskParams(min_confidence=90)
    assert planned(a_view(), a_long(), params=params).intents == ()
    assert len(planned(a_view(), a_long(), params=params, features=shadow).intents) == 1
    assert planned(a_view(), a_long(leverage=9), features=shadow).intents == ()
    found = planned(
        three_markets(),
        a_long(),
        a_long(symbol=ETH),
        guards=replace(GUARDS, max_new_positions_per_cycle=1),
        features=shadow,
    )
    assert len(found.intents) == 2
    assert [(one.rule, one.is_enforced) for one in found.refusals] == [("max_new_positions_per_cycle", False)]


SYMBOLS = (BTC, ETH)


@given(
    position=st.decimals("-0.8", "0.8", places=3),
    size=st.decimals("0.01", "1.2", places=3),
    side=st.sampled_from(Side),
    margin=st.decimals(0, 9900, places=0),
    room=st.decimals(0, 2000, places=0),
    confidence=st.integers(0, 100),
    scale_in=st.booleans(),
)
def test_the_first_line_refuses_nothing_that_the_wallet_would_let_pass(
    position: Decimal,
    size: Decimal,
    side: Side,
    margin: Decimal,
    room: Decimal,
    confidence: int,
    scale_in: bool,
) -> None:
    """With one bot in the wallet, both lines see the same; so they must say the same."""
    guards, params = replace(GUARDS, scale_in=scale_in), RiskParams(min_confidence=50)
    away = 50 * side.sign
    intent = an_intent(
        side=side,
        size=size,
        confidence=confidence,
        stop_loss=Decimal(1000 - away),
        take_profit=Decimal(1000 + 2 * away),
    )
    account = an_account(margin_used_usd=margin)
    view = a_view(
        positions={BTC: a_position(str(position))} if position else {},
        account=account,
        budget=Budget(notional_usd=room, positions=3, opens_this_cycle=3),
    )
    held_usd = position * 1000
    ctx: ReviewContext = a_context(
        guards=guards,
        params=params,
        account=account,
        position=position,
        positions_held=int(bool(position)),
        wallet_position_usd=held_usd,
        wallet_market_usd=abs(held_usd),
        wallet_gross_usd=abs(held_usd),
        bot_position_usd=held_usd,
        lease_room_usd=room,
    )
    first = FirstLine(view, House(params=params, guards=guards, symbols=(BTC,))).review(intent, ())
    second = review(intent, ctx)
    if isinstance(second, Approved):
        assert first == second
    else:
        assert isinstance(first, Refused)
        assert first.rule == second.rule


def test_the_roster_may_hold_more_than_the_view() -> None:
    blind = a_view(markets={}, absent={"market BTC": "old"})
    found = planned(blind, a_long(), symbols=(Symbol("BTC"), ETH))
    assert [refusal.rule for refusal in found.refusals] == ["incomplete_context"]
