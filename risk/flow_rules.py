"""Rules about how many orders there are: at once, in a while, and alike."""

from __future__ import annotations

from risk.bounds import above
from risk.context import ReviewContext
from risk.intent import Intent, Purpose
from risk.measures import Measures
from risk.verdict import Refusal

BOT_RATE_WINDOW_S = (
    4  # over which a bot's orders are averaged: a book of quotes is placed at once, then rests
)
CANCELS_KEPT = 2  # messages that are kept for every open order, to cancel it and to try once more


def order_rate(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet sends at most ``orders_per_second_max``."""
    limit = ctx.limits.orders_per_second_max
    return above(ctx.orders_in_last_second + 1, limit, "orders within a second")


def bot_order_rate(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The bot sends at most ``max_orders_per_second``, averaged over four seconds."""
    limit = ctx.params.max_orders_per_second * BOT_RATE_WINDOW_S
    return above(ctx.bot_orders_lately + 1, limit, f"orders of the bot within {BOT_RATE_WINDOW_S} s")


def cancel_reserve(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """With this order open too, the venue still takes two messages for each open order: enough to cancel them all."""
    left = ctx.venue_messages_left
    kept = CANCELS_KEPT * (ctx.open_orders + 1)
    if left is None or left >= kept:
        return None
    return Refusal(
        detail=f"the venue takes {left} more messages, {kept} are kept to cancel with",
        limit=str(kept),
        value=str(left),
    )


def open_orders_max(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet keeps at most ``open_orders_max`` resting."""
    return above(ctx.open_orders + 1, ctx.limits.open_orders_max, "open orders of the wallet")


def open_orders_per_symbol_max(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet keeps at most ``open_orders_per_symbol_max`` resting in one market."""
    limit = ctx.limits.open_orders_per_symbol_max
    return above(ctx.open_orders_in_symbol + 1, limit, "open orders of the wallet in this market")


def max_new_positions_per_cycle(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """One cycle opens at most ``max_new_positions_per_cycle``, whatever the bot's own plan says."""
    if ctx.guards is None or intent.purpose is not Purpose.OPEN:
        return None
    return above(ctx.opens_in_cycle + 1, ctx.guards.max_new_positions_per_cycle, "opens in one cycle")


def duplicate_order(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Of orders alike in market, side, size and price, ``max_same_orders`` pass within ``same_orders_window``.

    A quote that has traded is not counted: a market maker who is hit puts the same quote back. One that was cancelled
    or refused is, and so is every directional entry, traded or not: that is what an order that is sent again and again
    looks like.
    """
    price, side, size, symbol = intent.price, intent.side, intent.size, intent.symbol
    same = 0
    for sent in ctx.sent_lately:
        order = sent.order
        if (
            order.price == price  # what mostly differs comes first
            and order.side is side
            and order.size == size
            and order.symbol == symbol
            and not (sent.purpose is Purpose.QUOTE and sent.filled)
        ):
            same += 1
    return above(same + 1, ctx.params.max_same_orders, "orders alike within a short while")
