"""Rules about the market: whether it is there, open, seen, and whether the order fits it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from adapters.model import MarketMode, OrderType, Side
from risk.bounds import above, below
from risk.context import ReviewContext
from risk.intent import Intent
from risk.measures import Measures
from risk.session import Phase
from risk.verdict import Refusal
from risk.wellformed import is_sane

CONTEXT_AGE_MAX = timedelta(minutes=5)  # of open interest and funding
_HUNDRED = Decimal(100)


def unknown_symbol(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """The venue lists the market."""
    if ctx.instrument is None:
        return Refusal(detail=f"the venue has no market {intent.symbol}", value=intent.symbol)
    return None


def not_on_roster_symbol(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """A bot trades only the markets its strategy declares."""
    if intent.symbol in ctx.symbols:
        return None
    roster = ", ".join(ctx.symbols)
    return Refusal(detail=f"{intent.symbol} is not the bot's to trade", limit=roster, value=intent.symbol)


def market_mode(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """The market takes new exposure, by its own metadata and by the venue's answer to the last open."""
    mode = ctx.instrument.mode if ctx.instrument else MarketMode.OPEN
    if mode is not MarketMode.OPEN:
        return Refusal(detail=f"the market is in {mode}", limit=MarketMode.OPEN, value=mode)
    if ctx.venue_refused_opens:
        return Refusal(detail="the venue refuses opens here", limit=MarketMode.OPEN, value="refused")
    return None


def market_session(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """The market's day takes the order now: none is left to wait for the next open unless that is allowed."""
    session = ctx.session
    if session is None:
        return None
    phase = session.phase(ctx.now)
    if not session.takes_orders(ctx.now):
        opens = session.opens_at.isoformat()
        return Refusal(detail=f"the market's session is {phase}", limit=opens, value=ctx.now.isoformat())
    if phase is Phase.EXTENDED and intent.type is not OrderType.LIMIT:
        return Refusal(detail="extended hours take limit orders only", limit="limit", value=intent.type)
    return None


def precision(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """Cut to step and moved to tick, size and prices are still there: a venue never has to refuse them for it."""
    size, price, trigger = intent.size, intent.price, intent.trigger
    if size > 0 and (price is None or price > 0) and (trigger is None or trigger > 0):
        return None
    name = "size" if size <= 0 else "price"
    return Refusal(detail=f"the {name} is smaller than the market's step", limit="> 0", value="0")


def no_market_data(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """Prices are known and make sense; without them nothing below can be judged."""
    if ctx.snapshot is None:
        return Refusal(detail=f"no prices of {intent.symbol} yet")
    quote = ctx.snapshot.quote
    if not all(map(is_sane, (quote.bid, quote.ask, ctx.snapshot.mark_price))):
        return Refusal(
            detail=f"the prices of {intent.symbol} make no sense", value=f"{quote.bid}/{quote.ask}"
        )
    return None


def incomplete_context(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """No part of what the bot decides on is late or too old."""
    for part in ("account", f"market {intent.symbol}"):
        if part in ctx.absent:
            return Refusal(detail=f"{part}: {ctx.absent[part]}")
    return None


def stale_market_data(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Prices are no older than ``market_data_age_max``."""
    age_s, limit_s = measured.snapshot.age_s, ctx.limits.market_data_age_max.total_seconds()
    if age_s <= limit_s:  # NaN is not
        return None
    return Refusal(detail=f"prices are {age_s:.1f} s old", limit=f"{limit_s:g} s", value=f"{age_s:g} s")


def liquidity_threshold_usd(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The market's open interest, known and no older than five minutes, is worth ``liquidity_threshold_usd``."""
    if ctx.guards is None:
        return None
    age_s, limit_s = measured.snapshot.context_age_s, CONTEXT_AGE_MAX.total_seconds()
    if age_s is not None and not age_s <= limit_s:  # NaN is not
        return Refusal(
            detail=f"the open interest is {age_s:.0f} s old", limit=f"{limit_s:g} s", value=f"{age_s:g} s"
        )
    depth = measured.snapshot.open_interest * measured.snapshot.mark_price
    return below(depth, ctx.guards.liquidity_threshold_usd, "USD of open interest")


def price_collar(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """A limit is at most ``price_collar_pct`` beyond the mid on the losing side; in BTC and ETH also no more than
    ``price_collar_major_pct``."""
    mid, limit_pct = measured.snapshot.quote.mid, ctx.limits.price_collar_pct
    if measured.instrument.is_major:
        limit_pct = min(limit_pct, ctx.limits.price_collar_major_pct)
    beyond_pct = (measured.limit - mid) * intent.side.sign / mid * _HUNDRED
    return above(beyond_pct, limit_pct, "% beyond the mid")


def min_notional(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """After rounding down, the order is still as large as the venue asks."""
    worth = intent.size * min(measured.limit, measured.entry)
    return below(worth, measured.instrument.min_notional_usd, "USD of notional, after rounding")


def self_match(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The order would not trade with one that another bot of this wallet has resting."""
    if intent.side is Side.BUY:
        theirs = ctx.others_ask
        crosses = theirs is not None and measured.limit >= theirs
    else:
        theirs = ctx.others_bid
        crosses = theirs is not None and measured.limit <= theirs
    if not crosses:
        return None
    return Refusal(
        detail="it would trade with another bot of this wallet", limit=str(theirs), value=str(measured.limit)
    )
