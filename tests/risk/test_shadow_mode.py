"""Which rules only advise in shadow mode, and which hold whatever is switched."""

from dataclasses import replace
from decimal import Decimal

import pytest

from risk.limits import ExecGuards, Features, RiskParams
from risk.review import Approved, Refused, review
from risk.rules import ADVISORY, GATING, LIMITS, RULES, is_enforced
from strategies.strategy import GateState, PerformanceGate
from tests.builders import a_context, an_intent
from tests.risk.test_review import BOUNDARIES

SHADOW = Features(shadow_mode=True)
UNGATED = Features(gating_thresholds=False)
NAMES = {rule.__name__ for rule in ADVISORY}


@pytest.mark.parametrize("rule", [rule.__name__ for rule in RULES])
def test_in_shadow_mode_an_advisory_rule_is_told_and_any_other_refuses(rule: str) -> None:
    for _, (intent, context) in BOUNDARIES[rule]:
        verdict = review(an_intent(**intent), a_context(**context | {"features": SHADOW}))
        if rule in NAMES:
            assert isinstance(verdict, Approved), verdict
            told = [advised for advised in verdict.advised if advised.rule == rule]
            assert told
            assert told[0].detail
            assert not told[0].is_enforced
        else:
            assert isinstance(verdict, Refused)
            assert (verdict.rule, verdict.is_enforced) == (rule, True)


def test_the_safety_of_wallet_and_fleet_is_not_among_them() -> None:
    hard = {rule.__name__ for rule in RULES} - NAMES
    assert {"halted", "opens_suspended", "lease", "bot_budget", "precision", "leverage_cap"} <= hard
    assert {"order_notional", "max_position_size_usd", "wallet_gross_notional", "price_collar"} <= hard
    assert {"stop_on_the_wrong_side", "stop_beyond_liquidation", "stale_market_data"} <= hard


def test_without_gating_thresholds_only_the_gate_advises() -> None:
    assert {rule for rule in LIMITS if not is_enforced(rule, UNGATED)} == GATING
    paused = a_context(gate=PerformanceGate(state=GateState.PAUSED))
    assert isinstance(review(an_intent(), paused), Refused)
    verdict = review(an_intent(), replace(paused, features=UNGATED))
    assert isinstance(verdict, Approved)
    assert [advised.rule for advised in verdict.advised] == ["performance_pause"]


def test_several_rules_are_all_told() -> None:
    ctx = a_context(
        features=SHADOW,
        guards=ExecGuards(max_margin_usage_pct=Decimal(1)),
        params=RiskParams(min_confidence=99),
    )
    verdict = review(an_intent(confidence=1), ctx)
    assert isinstance(verdict, Approved)
    assert [advised.rule for advised in verdict.advised] == ["min_confidence", "value_band", "margin_usage"]
