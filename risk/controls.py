"""Which functions are which of the controls that a regulator or an auditor asks for by number.

P1 to P15 are judged before an order is sent, T1 to T8 after. docs/risk-rules.md has the same table with words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from risk import post_trade
from risk.balance import parent_balance
from risk.build import build_identity
from risk.decision_rules import cooldown_after_close
from risk.flow_rules import (
    bot_order_rate,
    cancel_reserve,
    duplicate_order,
    max_new_positions_per_cycle,
    open_orders_max,
    open_orders_per_symbol_max,
    order_rate,
)
from risk.market_rules import (
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
from risk.rules import halted
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

CONTROLS: Mapping[str, tuple[Callable[..., Any], ...]] = MappingProxyType(
    {
        "P1": (halted,),
        "P2": (wallet_gross_notional, bot_budget, lease),
        "P3": (unknown_symbol, not_on_roster_symbol, market_mode, precision, min_notional),
        "P4": (order_notional, order_size_max),
        "P5": (no_market_data, stale_market_data, price_collar),
        "P6": (max_position_size_usd, wallet_position),
        "P7": (
            margin_usage,
            leverage_cap,
            value_band,
            liquidity_threshold_usd,
            cooldown_after_close,
            max_positions,
            max_new_positions_per_cycle,
        ),
        "P8": (bot_order_rate, order_rate, cancel_reserve),
        "P9": (duplicate_order,),
        "P10": (post_trade.repeated_execution,),
        "P11": (parent_balance,),
        "P12": (open_orders_max, open_orders_per_symbol_max),
        "P13": (self_match,),
        "P14": (market_session,),
        "P15": (build_identity,),
        "T1": (post_trade.reconcile_differences,),
        "T2": (post_trade.daily_loss, post_trade.drawdown),
        "T3": (post_trade.unknown_orders,),
        "T4": (post_trade.reject_rate,),
        "T5": (post_trade.lost_market_data,),
        "T6": (post_trade.external_activity,),
        "T7": (post_trade.orphan_sweep,),
        "T8": (post_trade.unprotected_position,),
    }
)
