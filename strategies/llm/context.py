"""A bot's view as the plain data that a model is shown. Every text in it is cut and cleaned here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from typing import Any

from adapters.model import Instrument, Order, OrderType, Position, Snapshot, Symbol
from strategies.advice import Inquiry
from strategies.decision import Decision
from strategies.llm.text import one_line
from strategies.strategy import View

TEXT_MAX = 200  # characters of any one text
LINES_MAX = 20  # of any one list
RULES_TOLD = (
    "major_coin_leverage",
    "altcoin_leverage",
    "min_confidence",
    "min_risk_reward_ratio",
    "max_positions",
    "max_position_size_usd",
    "max_order_size_usd",
    "max_new_positions_per_cycle",
    "cooldown_after_close",
    "liquidity_threshold_usd",
    "max_margin_usage_pct",
    "btceth_position_value_min_equity_multiple",
    "btceth_position_value_max_equity_multiple",
    "alt_position_value_min_equity_multiple",
    "alt_position_value_max_equity_multiple",
    "sharpe_pause_threshold",
    "pause_duration_on_breach",
)

_PLAIN_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9/:._@-]{0,31}", re.ASCII)


def tradable(view: View) -> frozenset[Symbol]:
    """The markets that a model may be told of and may name: those whose name is a name and no message."""
    return frozenset(filter(_PLAIN_SYMBOL.fullmatch, (*view.markets, *view.positions)))


def context(inquiry: Inquiry) -> dict[str, Any]:
    """All that a model may know, in the units that the names say. Numbers stay ``Decimal`` where they were."""
    view = inquiry.view
    symbols = sorted(tradable(view))
    equity = view.account.equity_usd
    used_pct = 100 * view.account.margin_used_usd / equity if equity > 0 else None
    return {
        "now": _time(view.now),
        "bot": one_line(view.bot, TEXT_MAX),
        "cycle": view.cycle,
        "account": {
            "equity_usd": view.account.equity_usd,
            "cash_usd": view.account.cash_usd,
            "margin_used_usd": view.account.margin_used_usd,
            "margin_usage_pct": None if used_pct is None else _places(used_pct, 2),
        },
        "budget": _fields(view.budget),
        "candidates": [symbol for symbol in symbols if symbol in view.markets],
        "positions": [
            _position(view, view.positions[symbol])
            for symbol in symbols
            if symbol in view.positions and view.positions[symbol].size
        ],
        "orders": [
            _order(report.order, report.remaining)
            for report in view.orders[:LINES_MAX]
            if report.order.symbol in symbols and not report.order.type.is_trigger
        ],
        "markets": {symbol: _market(view.markets[symbol]) for symbol in symbols if symbol in view.markets},
        "assets": {
            symbol: _asset(view.instruments[symbol]) for symbol in symbols if symbol in view.instruments
        },
        "recently_closed": {
            symbol: {"closed_at": _time(at), "minutes_ago": round((view.now - at).total_seconds() / 60, 1)}
            for symbol, at in sorted(view.recently_closed.items())
            if symbol in symbols
        },
        "performance": _fields(view.performance),
        "gate": _fields(view.gate),
        "rules": dict(_rules(inquiry.rules)),
        "refusals": [
            {
                "symbol": rebuff.symbol,
                "rule": one_line(rebuff.reason, TEXT_MAX),
                "detail": one_line(rebuff.detail, TEXT_MAX),
            }
            for rebuff in view.rebuffs[:LINES_MAX]
            if rebuff.symbol in symbols
        ],
        "absent": {
            one_line(part, TEXT_MAX): one_line(why, TEXT_MAX)
            for part, why in list(view.absent.items())[:LINES_MAX]
        },
        "earlier": [
            _earlier(decision)
            for decision in inquiry.earlier[:LINES_MAX]
            if isinstance(decision, Decision) and decision.symbol in symbols
        ],
    }


def _position(view: View, position: Position) -> dict[str, Any]:
    triggers = {
        report.order.type: report.order.trigger
        for report in view.orders
        if report.order.symbol == position.symbol and report.order.type.is_trigger
    }
    return {
        "symbol": position.symbol,
        "side": "long" if position.size > 0 else "short",
        "size": abs(position.size),
        "entry_price": position.entry_price,
        "mark_price": position.mark_price,
        "notional_usd": _places(position.notional_usd, 2),
        "unrealized_usd": _places(position.unrealized_usd, 2),
        "leverage": position.leverage,
        "liquidation_price": position.liquidation_price,
        "stop_loss": triggers.get(OrderType.STOP),
        "take_profit": triggers.get(OrderType.TAKE_PROFIT),
    }


def _order(order: Order, remaining: Decimal) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "side": order.side,
        "size": remaining,
        "price": order.price,
        "reduce_only": order.reduce_only,
    }


def _market(snapshot: Snapshot) -> dict[str, Any]:
    quote = snapshot.quote
    return {
        "bid": quote.bid,
        "ask": quote.ask,
        "mark_price": snapshot.mark_price,
        "age_s": round(snapshot.age_s, 1),
        "open_interest_usd": _places(snapshot.open_interest * snapshot.mark_price, 0),
        "funding_rate": snapshot.funding_rate,
        "change_1h_pct": _percent(snapshot.change_1h),
        "change_4h_pct": _percent(snapshot.change_4h),
        "indicators": {name: _significant(value) for name, value in sorted(snapshot.indicators.items())},
        "previous": {name: _significant(value) for name, value in sorted(snapshot.previous.items())},
    }


def _asset(instrument: Instrument) -> dict[str, Any]:
    return {
        "price_tick": instrument.tick,
        "size_step": instrument.step,
        "max_leverage": instrument.max_leverage,
        "min_notional_usd": instrument.min_notional_usd,
        "is_major": instrument.is_major,
        "mode": instrument.mode,
    }


def _earlier(decision: Decision) -> dict[str, Any]:
    return {
        "symbol": decision.symbol,
        "action": decision.action,
        "confidence": decision.confidence,
        "reasoning": one_line(decision.reasoning, TEXT_MAX),
        "invalidation_condition": one_line(decision.invalidation_condition, TEXT_MAX),
    }


def _rules(parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The limits under the names of the fleet file; those that are not in force are left out."""
    found = {
        name: getattr(part, name)
        for part in parts.values()
        for name in RULES_TOLD
        if getattr(part, name, None) is not None
    }
    return {name: str(value) if isinstance(value, timedelta) else value for name, value in found.items()}


def _fields(value: Any) -> dict[str, Any]:
    plain = {field.name: getattr(value, field.name) for field in fields(value)}
    return {
        name: _time(inner)
        if hasattr(inner, "isoformat")
        else _significant(inner)
        if isinstance(inner, float)
        else inner
        for name, inner in plain.items()
    }


def _time(at: Any) -> str:
    return str(at.isoformat(timespec="seconds"))


def _places(value: Decimal, places: int) -> Decimal:
    return round(value, places)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 3)


def _significant(value: float) -> float:
    return float(f"{value:.6g}")
