"""The hard rules in their order, small functions all. A rule's name is what records, metrics and the manual call it.

Each gets an intent already rounded to tick and step, and answers ``None`` or why not. The first few see that there is
a market to measure the intent in; the rest get the measures. They guard what adds risk only: an intent that reduces
meets none of them, so closing is always allowed. Missing data refuses.

The rules of ``risk_params`` and ``exec_guards`` are the operator's own. The rest are the pre-trade controls of SEC rule
15c3-5(c) and of the FIA's "Best practices for automated trading risk controls" (2024); ``risk.controls`` says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from risk.context import ReviewContext
from risk.decision_rules import (
    cooldown_after_close,
    min_confidence,
    no_pyramiding,
    performance_pause,
    raised_confidence,
    risk_reward_ratio,
    stop_beyond_liquidation,
    stop_on_the_wrong_side,
)
from risk.flow_rules import (
    bot_order_rate,
    cancel_reserve,
    duplicate_order,
    max_new_positions_per_cycle,
    open_orders_max,
    open_orders_per_symbol_max,
    order_rate,
)
from risk.intent import Intent
from risk.limits import Features
from risk.market_rules import (
    incomplete_context,
    liquidity_threshold_usd,
    market_mode,
    market_session,
    min_notional,
    no_market_data,
    not_on_roster_symbol,
    precision,
    price_collar,
    self_match,
    stale_market_data,
    unknown_symbol,
)
from risk.measures import Measures
from risk.size_rules import (
    bot_budget,
    lease,
    leverage_cap,
    margin_usage,
    max_position_size_usd,
    max_positions,
    order_notional,
    order_size_max,
    value_band,
    wallet_gross_notional,
    wallet_position,
)
from risk.verdict import Refusal

Admission: TypeAlias = Callable[[Intent, ReviewContext], Refusal | None]
Rule: TypeAlias = Callable[[Intent, ReviewContext, Measures], Refusal | None]


def halted(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """A halt of any level ends the right to open."""
    if ctx.halt_rank is None:
        return None
    return Refusal(detail="a halt is in force", limit="no halt", value=str(ctx.halt_rank))


def opens_suspended(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """No post-trade control holds the wallet's opens back."""
    if ctx.no_opens is None:
        return None
    return Refusal(detail=ctx.no_opens.reason, limit=ctx.no_opens.control)


ADMISSIONS: tuple[Admission, ...] = (
    halted,
    incomplete_context,
    opens_suspended,
    unknown_symbol,
    not_on_roster_symbol,
    market_mode,
    market_session,
    precision,
    no_market_data,
)
LIMITS: tuple[Rule, ...] = (
    stale_market_data,
    performance_pause,
    raised_confidence,
    order_rate,
    bot_order_rate,
    cancel_reserve,
    open_orders_max,
    open_orders_per_symbol_max,
    duplicate_order,
    min_confidence,
    stop_on_the_wrong_side,
    stop_beyond_liquidation,
    risk_reward_ratio,
    leverage_cap,
    no_pyramiding,
    max_positions,
    max_new_positions_per_cycle,
    cooldown_after_close,
    liquidity_threshold_usd,
    price_collar,
    self_match,
    min_notional,
    order_notional,
    order_size_max,
    max_position_size_usd,
    value_band,
    margin_usage,
    wallet_position,
    wallet_gross_notional,
    bot_budget,
    lease,
)
RULES = (*ADMISSIONS, *LIMITS)  # all, in their order

GATING: frozenset[Rule] = frozenset({performance_pause, raised_confidence})
ADVISORY: frozenset[Rule] = GATING | {  # what a bot in shadow mode is told of; all else holds for it, too
    min_confidence,
    risk_reward_ratio,
    no_pyramiding,
    max_positions,
    max_new_positions_per_cycle,
    cooldown_after_close,
    liquidity_threshold_usd,
    value_band,
    margin_usage,
}


def is_enforced(rule: Rule, features: Features) -> bool:
    """Whether an intent that breaks the rule is refused, rather than sent with a note."""
    if features.shadow_mode:
        return rule not in ADVISORY
    return features.gating_thresholds or rule not in GATING
