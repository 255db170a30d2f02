"""What the rules measure: an intent against its market and what the bot already has there."""

from __future__ import annotations

from decimal import Decimal

from adapters.model import Instrument, Side, Snapshot
from risk.context import ReviewContext
from risk.exposure import added, reserve_price, worst_case
from risk.intent import Intent


def market_of(ctx: ReviewContext) -> tuple[Instrument, Snapshot]:
    """The instrument and the prices, which the first rules have made sure of."""
    assert ctx.instrument is not None, "unknown_symbol comes first"
    assert ctx.snapshot is not None, "no_market_data comes first"
    return ctx.instrument, ctx.snapshot


def limit_price(intent: Intent) -> Decimal:
    """The limit price, which every order that adds exposure has."""
    assert intent.price is not None, "malformed comes first"
    return intent.price


def entry_price(intent: Intent, ctx: ReviewContext) -> Decimal:
    """Where the order is expected to fill: at its limit, or at the touch when that is better."""
    _, snapshot = market_of(ctx)
    limit = limit_price(intent)
    return min(limit, snapshot.quote.ask) if intent.side is Side.BUY else max(limit, snapshot.quote.bid)


def added_size(intent: Intent, ctx: ReviewContext) -> Decimal:
    """By how much the order raises the bot's worst case in the market, base."""
    return added(ctx.position, ctx.resting_buys, ctx.resting_sells, intent.side, intent.size)


def position_usd(intent: Intent, ctx: ReviewContext) -> Decimal:
    """The worst case with this order: what there was at the mark, and what is added at its entry price."""
    _, snapshot = market_of(ctx)
    before = worst_case(ctx.position, ctx.resting_buys, ctx.resting_sells)
    return before * snapshot.mark_price + added_size(intent, ctx) * entry_price(intent, ctx)


def exposure_usd(intent: Intent, ctx: ReviewContext) -> Decimal:
    """What the order adds to the wallet's worst case in the market, at its reserve price."""
    _, snapshot = market_of(ctx)
    amount = intent.size * reserve_price(limit_price(intent), snapshot.mark_price)
    return added(ctx.wallet_position_usd, ctx.wallet_buys_usd, ctx.wallet_sells_usd, intent.side, amount)
