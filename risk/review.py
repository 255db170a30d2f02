"""From an intent to an order that may be sent, or to the rule that forbids it.

Rounding never raises exposure: sizes are cut down, prices move to the nearest tick that is no worse for us. Whoever
reviews an approved order again gets the same order.
"""

from __future__ import annotations

from dataclasses import replace

from adapters.model import ZERO, Instrument, Order, Side
from risk.balance import parent_balance
from risk.context import ReviewContext
from risk.intent import Intent
from risk.market_rules import precision
from risk.measures import measure
from risk.rules import ADMISSIONS, LIMITS, RULES, is_enforced
from risk.verdict import Approved, Refusal, Refused, refused
from risk.wellformed import malformed

__all__ = ["RULES", "Approved", "Refused", "ReviewContext", "review"]


def review(intent: Intent, ctx: ReviewContext) -> Approved | Refused:
    """Approve the rounded intent, or name the first rule that it breaks and that is enforced for the bot.

    An intent that reduces (close, stop, target) meets no rule but ``malformed``; it is cut to the position, and
    refused as ``nothing_to_close`` where there is none on that side.
    """
    problem = malformed(intent)
    if problem:
        return refused(intent.id, intent.symbol, malformed.__name__, problem)
    if intent.purpose.reduces:
        return _reduce(intent, ctx)
    rounded = _rounded(intent, ctx.instrument)
    for admission in ADMISSIONS:
        refusal = admission(rounded, ctx)
        if refusal:
            return refused(intent.id, intent.symbol, admission.__name__, refusal)
    measured = measure(rounded, ctx)
    advised: list[Refused] = []
    for limit in LIMITS:
        refusal = limit(rounded, ctx, measured)
        if refusal:
            enforced = is_enforced(limit, ctx.features)
            verdict = refused(intent.id, intent.symbol, limit.__name__, refusal, is_enforced=enforced)
            if enforced:
                return verdict
            advised.append(verdict)
    refusal = parent_balance(intent.size, (), rounded.size)
    if refusal:
        return refused(intent.id, intent.symbol, parent_balance.__name__, refusal)
    return Approved(
        order=_order(rounded),
        exposure_usd=measured.exposure_usd,
        reserve_price=measured.reserve_price,
        advised=tuple(advised),
    )


def _reduce(intent: Intent, ctx: ReviewContext) -> Approved | Refused:
    held = ctx.position if intent.side is Side.SELL else -ctx.position
    cut = replace(intent, size=min(intent.size, max(held, ZERO)))
    # An instrument that is not known stops no close: the venue then judges the numbers.
    rounded = _rounded(cut, ctx.instrument)
    if rounded.size <= 0:
        refusal = Refusal(detail=f"nothing to close by a {intent.side}", limit="0", value=str(ctx.position))
        return refused(intent.id, intent.symbol, "nothing_to_close", refusal)
    problem = precision(rounded, ctx)
    if problem:
        return refused(intent.id, intent.symbol, precision.__name__, problem)
    return Approved(order=_order(rounded), exposure_usd=ZERO, reserve_price=ZERO)


def _rounded(intent: Intent, instrument: Instrument | None) -> Intent:
    if instrument is None:
        return intent
    size = instrument.round_size(intent.size)
    price = None if intent.price is None else instrument.round_price(intent.price, intent.side)
    trigger = None if intent.trigger is None else instrument.round_price(intent.trigger, intent.side)
    if (size, price, trigger) == (intent.size, intent.price, intent.trigger):
        return intent
    return replace(intent, size=size, price=price, trigger=trigger)


def _order(intent: Intent) -> Order:
    return Order(
        id=intent.id,
        symbol=intent.symbol,
        side=intent.side,
        size=intent.size,
        type=intent.type,
        price=intent.price,
        trigger=intent.trigger,
        tif=intent.tif,
        reduce_only=intent.purpose.reduces,
        leverage=intent.leverage,
    )
