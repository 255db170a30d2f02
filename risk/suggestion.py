"""What would have passed, told to whoever asked for too much."""

from __future__ import annotations

from decimal import Decimal

from adapters.model import InstrumentKind
from risk.context import ReviewContext
from risk.intent import Intent


def affordable_size(intent: Intent, ctx: ReviewContext) -> str:
    """A sentence with the largest size that the account's free margin pays for; empty where none is known.

    The venue's own haircuts and fees are not in it. Where that margin would have paid for what the venue refused, half
    of it is the next to try.
    """
    instrument, account = ctx.instrument, ctx.account
    if instrument is None or intent.price is None or intent.price <= 0:
        return ""
    free_usd = (
        account.equity_usd - account.margin_used_usd
        if instrument.kind is InstrumentKind.PERP
        else account.cash_usd
    )
    leverage = intent.leverage if intent.leverage and instrument.kind is InstrumentKind.PERP else 1
    affordable = max(free_usd, Decimal(0)) * leverage / intent.price
    size = instrument.round_size(affordable if affordable < intent.size else intent.size / 2)
    if size * intent.price < instrument.min_notional_usd:
        return "no size would fit"
    return f"a size of {size:f} would fit"
