"""Rules about how much: of one order, of a position, of the wallet."""

from __future__ import annotations

from decimal import Decimal

from adapters.model import ZERO
from risk.bounds import above, below
from risk.context import ReviewContext
from risk.exposure import margin_usage_pct
from risk.intent import Intent, Purpose
from risk.measures import Measures
from risk.verdict import Refusal

ORDER_SHARE = Decimal("0.1")  # of the wallet's budget, for one order, where nobody says more
ORDER_SHARE_LEAST_USD = Decimal(1000)  # and never less than this: a tenth of a small account is no order


def leverage_cap(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Leverage is within ``major_coin_leverage`` or ``altcoin_leverage``, and the venue's own maximum."""
    instrument = measured.instrument
    own = ctx.params.major_coin_leverage if instrument.is_major else ctx.params.altcoin_leverage
    return above(intent.leverage or 1, min(own, instrument.max_leverage), "times leverage")


def max_positions(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The bot holds at most ``max_positions`` markets at once, entries on their way included."""
    if measured.held > 0:
        return None  # the market is one of those counted
    return above(ctx.positions_held + 1, ctx.params.max_positions, "markets held")


def order_notional(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """No order is worth more than the bot's ``max_order_size_usd`` and the wallet's ``order_notional_usd_max``.

    Where neither is set, a tenth of the wallet's ``gross_notional_usd_max``, or of its lease where it has none, is the
    limit, but never less than 1000 USD.
    """
    return above(measured.reserve_usd, _order_limit_usd(ctx), "USD in one order")


def order_size_max(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """No order is larger than ``order_size_max`` of its market."""
    limit = ctx.limits.order_size_max.get(intent.symbol)
    return None if limit is None else above(intent.size, limit, f"{intent.symbol} in one order")


def max_position_size_usd(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The worst case in the market is at most ``max_position_size_usd``."""
    if measured.added == 0:
        return None
    return above(measured.position_usd, ctx.params.max_position_size_usd, "USD in this market at worst")


def value_band(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The position is worth between two multiples of the equity, one pair for BTC and ETH and one for the rest.

    The lower bound is for opens alone: a quote is a part of a position.
    """
    if ctx.guards is None or measured.added == 0:
        return None
    guards, equity = ctx.guards, max(ctx.account.equity_usd, ZERO)
    low, high = (
        (guards.btceth_position_value_min_equity_multiple, guards.btceth_position_value_max_equity_multiple)
        if measured.instrument.is_major
        else (guards.alt_position_value_min_equity_multiple, guards.alt_position_value_max_equity_multiple)
    )
    value = measured.position_usd
    too_low = (
        below(value, low * equity, "USD of position, by equity") if intent.purpose is Purpose.OPEN else None
    )
    return too_low or above(value, high * equity, "USD of position, by equity")


def margin_usage(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """``(used margin + new margin) / equity`` is at most ``max_margin_usage_pct``."""
    exposure = measured.exposure_usd
    if ctx.guards is None or exposure == 0:
        return None
    if ctx.account.equity_usd <= 0:
        return Refusal(detail="the account has no equity", limit="> 0", value=str(ctx.account.equity_usd))
    usage_pct = margin_usage_pct(ctx.account, exposure / (intent.leverage or 1))
    return above(usage_pct, ctx.guards.max_margin_usage_pct, "% of equity used as margin")


def wallet_position(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet's worst case in one market, over all its bots, is at most ``position_notional_usd_max``."""
    limit, exposure = ctx.limits.position_notional_usd_max, measured.exposure_usd
    if limit is None or exposure == 0:
        return None
    return above(ctx.wallet_market_usd + exposure, limit, "USD of the wallet in this market at worst")


def wallet_gross_notional(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet's worst case over all markets is at most ``gross_notional_usd_max``."""
    exposure = measured.exposure_usd
    if ctx.limits.gross_notional_usd_max is None or exposure == 0:
        return None
    return above(
        ctx.wallet_gross_usd + exposure, ctx.limits.gross_notional_usd_max, "USD over the wallet at worst"
    )


def bot_budget(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """What the order adds to the bot's own worst case fits into the budget that the portfolio gives the bot."""
    if ctx.bot_room_usd is None:
        return None
    return above(measured.bot_exposure_usd, ctx.bot_room_usd, "USD from the bot's budget")


def lease(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """What the order adds fits into the budget that the fleet has lent to the wallet."""
    if not ctx.has_lease:  # what only offsets here and now may add, once a successor sends the same
        return Refusal(detail="the wallet holds no lease that is still valid", limit="a valid lease")
    if measured.exposure_usd == 0:
        return None
    return above(measured.exposure_usd, ctx.lease_room_usd, "USD from the lease")


def _order_limit_usd(ctx: ReviewContext) -> Decimal:
    bots, wallets = ctx.params.max_order_size_usd, ctx.limits.order_notional_usd_max
    if bots is not None:
        return bots if wallets is None else min(bots, wallets)
    if wallets is not None:
        return wallets
    budget = ctx.limits.gross_notional_usd_max or ctx.lease_budget_usd
    return max(budget * ORDER_SHARE, ORDER_SHARE_LEAST_USD)
