"""What the rules measure: an intent against its market and what the bot and its wallet already have there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from adapters.model import Instrument, Side, Snapshot
from risk.context import ReviewContext
from risk.exposure import added, reserve_price, worst_case
from risk.intent import Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Everything that more than one rule asks for, counted once."""

    instrument: Instrument
    snapshot: Snapshot
    limit: Decimal  # the intent's limit price
    entry: Decimal  # where it is expected to fill: at its limit, or at the touch when that is better
    reserve_price: Decimal  # see ``risk.exposure.reserve_price``
    reserve_usd: Decimal  # what it is worth at that price
    held: Decimal  # the bot's worst case in the market before it, base
    added: Decimal  # by how much it raises that, base
    position_usd: (
        Decimal  # the worst case with it: what there was at the mark, and what is added at its entry
    )
    bot_exposure_usd: Decimal  # what it adds to the bot's own worst case, at its reserve price
    exposure_usd: Decimal  # what it adds to the wallet's at most: to that of its bots' sum, or of the account


def measure(intent: Intent, ctx: ReviewContext) -> Measures:
    """Measure an intent that is well formed, in a market that is known."""
    instrument, snapshot, limit = ctx.instrument, ctx.snapshot, intent.price
    assert instrument is not None, "unknown_symbol comes first"
    assert snapshot is not None, "no_market_data comes first"
    assert limit is not None, "malformed comes first"
    quote, mark = snapshot.quote, snapshot.mark_price
    entry = min(limit, quote.ask) if intent.side is Side.BUY else max(limit, quote.bid)
    reserve = reserve_price(intent.side, limit, mark)
    reserve_usd = intent.size * reserve
    held = worst_case(ctx.position, ctx.resting_buys, ctx.resting_sells)
    more = added(ctx.position, ctx.resting_buys, ctx.resting_sells, intent.side, intent.size)
    own = added(ctx.bot_position_usd, ctx.bot_buys_usd, ctx.bot_sells_usd, intent.side, reserve_usd)
    whole = added(
        ctx.wallet_position_usd, ctx.wallet_buys_usd, ctx.wallet_sells_usd, intent.side, reserve_usd
    )
    return Measures(
        instrument=instrument,
        snapshot=snapshot,
        limit=limit,
        entry=entry,
        reserve_price=reserve,
        reserve_usd=reserve_usd,
        held=held,
        added=more,
        position_usd=held * mark + more * entry,
        bot_exposure_usd=own,
        exposure_usd=max(own, whole),
    )
