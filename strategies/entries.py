"""What the bot has already done in a market: its resting entries, and what it closed since the newest bar."""

from __future__ import annotations

from adapters.model import OrderReport, Snapshot, Symbol
from strategies.strategy import View


def resting_entries(view: View, symbol: Symbol) -> tuple[OrderReport, ...]:
    """Open orders of ``symbol`` that are neither reduce-only nor a trigger: entries and quotes."""
    return tuple(
        report
        for report in view.orders
        if report.order.symbol == symbol
        and not report.status.is_final
        and not report.order.reduce_only
        and not report.order.type.is_trigger
    )


def acted_since_bar(view: View, market: Snapshot) -> bool:
    """Whether an entry rests, or a position was closed since the newest closed bar.

    A signal read from that bar has then been acted on: a position that was stopped out is not opened again.
    """
    closed_at = view.recently_closed.get(market.symbol)
    closed = closed_at is not None and market.bar_at is not None and closed_at >= market.bar_at
    return closed or bool(resting_entries(view, market.symbol))
