"""The hard rules, one small function each. A rule's name is what records, metrics and the manual call it.

Each gets an intent already rounded to tick and step, and answers ``None`` or why not. The first few see that there is
a market to measure the intent in; the rest get the measures. They guard what adds risk only: an intent that reduces
meets none of them, so closing is always allowed. Missing data refuses.

The rules of ``risk_params`` and ``exec_guards`` are the operator's own. Price collar, order size, gross exposure, open
orders and order rate follow the pre-trade controls of SEC rule 15c3-5(c) and of the FIA's "Best practices for automated
trading risk controls" (2024).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from adapters.model import ZERO
from risk.context import ReviewContext
from risk.intent import Intent, Purpose
from risk.measures import Measures
from risk.verdict import Refusal
from risk.wellformed import is_sane

Admission: TypeAlias = Callable[[Intent, ReviewContext], Refusal | None]
Rule: TypeAlias = Callable[[Intent, ReviewContext, Measures], Refusal | None]

_HUNDRED = Decimal(100)


def halted(intent: Intent, ctx: ReviewContext) -> Refusal | None:
    """A halt of any level ends the right to open."""
    if ctx.halt_rank is None:
        return None
    return Refusal(detail="a halt is in force", limit="no halt", value=str(ctx.halt_rank))


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


def stale_market_data(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Prices are no older than ``market_data_age_max``."""
    age_s, limit_s = measured.snapshot.age_s, ctx.limits.market_data_age_max.total_seconds()
    if age_s <= limit_s:  # NaN is not
        return None
    return Refusal(detail=f"prices are {age_s:.1f} s old", limit=f"{limit_s:g} s", value=f"{age_s:g} s")


def performance_pause(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """A bot whose Sharpe ratio fell below ``sharpe_pause_threshold`` pauses for ``pause_duration_on_breach``.

    A pause that has run out lets the bot trade although its ratio is still low: only new trades can raise it.
    """
    if ctx.guards is None:
        return None
    if ctx.paused_until is not None:
        if ctx.now >= ctx.paused_until:
            return None
        until = ctx.paused_until.isoformat()
        return Refusal(detail="paused after poor performance", limit=until, value=ctx.now.isoformat())
    sharpe, threshold = ctx.performance.sharpe, ctx.guards.sharpe_pause_threshold
    if sharpe is None or sharpe >= threshold:
        return None
    return Refusal(detail="the Sharpe ratio is too low", limit=f"{threshold:g}", value=f"{sharpe:g}")


def order_rate(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet sends at most ``orders_per_second_max``."""
    limit = ctx.limits.orders_per_second_max
    return _above(ctx.orders_in_last_second + 1, limit, "orders within a second")


def open_orders_max(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet keeps at most ``open_orders_max`` resting."""
    return _above(ctx.open_orders + 1, ctx.limits.open_orders_max, "open orders of the wallet")


def min_confidence(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """An open is at least as confident as ``min_confidence``."""
    if intent.purpose is not Purpose.OPEN or intent.confidence >= ctx.params.min_confidence:
        return None
    limit = str(ctx.params.min_confidence)
    return Refusal(detail="the decision is not confident enough", limit=limit, value=str(intent.confidence))


def stop_on_the_wrong_side(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """A long's stop lies below its entry and its target above; a short's the other way round."""
    if intent.purpose is not Purpose.OPEN or intent.stop_loss is None:
        return None
    entry, sign = measured.entry, intent.side.sign
    if (entry - intent.stop_loss) * sign <= 0:
        return _wrong_side("stop", intent.stop_loss, entry, below=sign > 0)
    if intent.take_profit is not None and (intent.take_profit - entry) * sign <= 0:
        return _wrong_side("target", intent.take_profit, entry, below=sign < 0)
    return None


def risk_reward_ratio(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The target is ``min_risk_reward_ratio`` times as far from the entry as the stop; 0 asks for no target."""
    wanted = Decimal(str(ctx.params.min_risk_reward_ratio))
    if intent.purpose is not Purpose.OPEN or intent.stop_loss is None or wanted <= 0:
        return None
    if intent.take_profit is None:
        return Refusal(detail="the decision names no target", limit=f"{wanted}")
    entry = measured.entry
    reward, risk = abs(intent.take_profit - entry), abs(entry - intent.stop_loss)
    if reward >= wanted * risk:
        return None
    return Refusal(detail="too little reward for the risk", limit=f"{wanted}", value=f"{reward / risk:.3f}")


def leverage_cap(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Leverage is within ``major_coin_leverage`` or ``altcoin_leverage``, and the venue's own maximum."""
    instrument = measured.instrument
    own = ctx.params.major_coin_leverage if instrument.is_major else ctx.params.altcoin_leverage
    return _above(intent.leverage or 1, min(own, instrument.max_leverage), "times leverage")


def no_pyramiding(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Never an open against the bot's own position; with guards, never one on top of anything it has here."""
    if intent.purpose is not Purpose.OPEN:
        return None
    if ctx.position * intent.side.sign < 0:
        return Refusal(detail="the position is the other way: close it first", value=str(ctx.position))
    if ctx.guards is None or measured.held == 0:
        return None
    return Refusal(
        detail="the bot already has a position or an entry here", limit="0", value=str(measured.held)
    )


def max_positions(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The bot holds at most ``max_positions`` markets at once, entries on their way included."""
    if measured.held > 0:
        return None  # the market is one of those counted
    return _above(ctx.positions_held + 1, ctx.params.max_positions, "markets held")


def cooldown_after_close(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """A market that the bot closed rests for ``cooldown_after_close``. Quotes are exempt: they close all day."""
    closed_at = ctx.recently_closed.get(intent.symbol)
    if ctx.guards is None or intent.purpose is not Purpose.OPEN or closed_at is None:
        return None
    rest, rested = ctx.guards.cooldown_after_close, ctx.now - closed_at
    if rested >= rest:
        return None
    return Refusal(detail=f"{intent.symbol} was closed {rested} ago", limit=str(rest), value=str(rested))


def liquidity_threshold_usd(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The market's open interest is worth at least ``liquidity_threshold_usd``."""
    if ctx.guards is None:
        return None
    depth = measured.snapshot.open_interest * measured.snapshot.mark_price
    return _below(depth, ctx.guards.liquidity_threshold_usd, "USD of open interest")


def price_collar(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """A limit is at most ``price_collar_pct`` beyond the mid on the losing side."""
    mid = measured.snapshot.quote.mid
    beyond_pct = (measured.limit - mid) * intent.side.sign / mid * _HUNDRED
    return _above(beyond_pct, ctx.limits.price_collar_pct, "% beyond the mid")


def min_notional(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """After rounding down, the order is still as large as the venue asks."""
    worth = intent.size * min(measured.limit, measured.entry)
    return _below(worth, measured.instrument.min_notional_usd, "USD of notional, after rounding")


def order_notional(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """No single order is worth more than ``order_notional_usd_max``."""
    if ctx.limits.order_notional_usd_max is None:
        return None
    return _above(measured.reserve_usd, ctx.limits.order_notional_usd_max, "USD in one order")


def max_position_size_usd(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The worst case in the market is at most ``max_position_size_usd``."""
    if measured.added == 0:
        return None
    return _above(measured.position_usd, ctx.params.max_position_size_usd, "USD in this market at worst")


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
        _below(value, low * equity, "USD of position, by equity") if intent.purpose is Purpose.OPEN else None
    )
    return too_low or _above(value, high * equity, "USD of position, by equity")


def margin_usage(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """``(used margin + new margin) / equity`` is at most ``max_margin_usage_pct``."""
    exposure = measured.exposure_usd
    if ctx.guards is None or exposure == 0:
        return None
    if ctx.account.equity_usd <= 0:
        return Refusal(detail="the account has no equity", limit="> 0", value=str(ctx.account.equity_usd))
    margin = ctx.account.margin_used_usd + exposure / (intent.leverage or 1)
    usage_pct = margin / ctx.account.equity_usd * _HUNDRED
    return _above(usage_pct, ctx.guards.max_margin_usage_pct, "% of equity used as margin")


def wallet_gross_notional(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """The wallet's worst case over all markets is at most ``gross_notional_usd_max``."""
    exposure = measured.exposure_usd
    if ctx.limits.gross_notional_usd_max is None or exposure == 0:
        return None
    return _above(
        ctx.wallet_gross_usd + exposure, ctx.limits.gross_notional_usd_max, "USD over the wallet at worst"
    )


def lease(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """What the order adds fits into the budget that the fleet has lent to the wallet."""
    if measured.exposure_usd == 0:
        return None
    return _above(measured.exposure_usd, ctx.lease_room_usd, "USD from the lease")


ADMISSIONS: tuple[Admission, ...] = (halted, unknown_symbol, not_on_roster_symbol, no_market_data)
LIMITS: tuple[Rule, ...] = (
    stale_market_data,
    performance_pause,
    order_rate,
    open_orders_max,
    min_confidence,
    stop_on_the_wrong_side,
    risk_reward_ratio,
    leverage_cap,
    no_pyramiding,
    max_positions,
    cooldown_after_close,
    liquidity_threshold_usd,
    price_collar,
    min_notional,
    order_notional,
    max_position_size_usd,
    value_band,
    margin_usage,
    wallet_gross_notional,
    lease,
)
RULES = (*ADMISSIONS, *LIMITS)  # all, in their order


def _wrong_side(what: str, price: Decimal, entry: Decimal, *, below: bool) -> Refusal:
    sign = "<" if below else ">"
    return Refusal(detail=f"the {what} is on the wrong side", limit=f"{sign} {entry}", value=str(price))


def _above(value: Decimal | int, limit: Decimal | int, unit: str) -> Refusal | None:
    if value <= limit:
        return None
    shown = f"{value:.2f}" if isinstance(value, Decimal) else str(value)
    return Refusal(detail=f"{shown} {unit}, at most {limit}", limit=str(limit), value=str(value))


def _below(value: Decimal, limit: Decimal, unit: str) -> Refusal | None:
    if value >= limit:
        return None
    return Refusal(detail=f"{value:.2f} {unit}, at least {limit}", limit=str(limit), value=str(value))
