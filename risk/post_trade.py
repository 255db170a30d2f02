"""Controls that look at what has happened, and say what shall happen now. Pure: whoever asks brings the numbers.

Each answers ``None`` up to its limit, else a verdict. That a verdict is carried out, once or again, is its reader's.
They follow the post-trade controls of the FIA's "Best practices for automated trading risk controls" (2024) and SEC
rule 15c3-5(c)(1); ``risk.controls`` numbers them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from adapters.model import BotId, ClientOrderId, Symbol, WalletId

REJECTS_LEAST = 10  # orders in the window before their share of rejections means anything
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOpens:
    """Nothing that adds exposure is sent, for as long as the control says so."""

    control: str
    reason: str
    symbol: Symbol | None = None  # None is every market of the wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A halt that only an operator lifts."""

    control: str
    reason: str
    scope: str  # as latches have it: "fleet", "wallet:NAME", "bot:NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """Somebody is told, and books, positions and use are read from the venue now."""

    control: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEntries:
    """The bot's resting entries are cancelled; its stops stay."""

    control: str
    reason: str
    bot: BotId


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePosition:
    """The bot's position is closed, and somebody is told."""

    control: str
    reason: str
    bot: BotId
    symbol: Symbol


def reconcile_differences(
    differing: Mapping[Symbol, tuple[Decimal, Decimal]], suspected: Collection[Symbol]
) -> tuple[NoOpens, ...]:
    """T1. Markets whose books and venue differ at two looks in a row: one look may fall between a trade and its news.

    Args:
        differing: markets that differ now: the sum of the bots' books and the account's position, base.
        suspected: markets that differed at the look before.
    """
    return tuple(
        NoOpens(
            control=reconcile_differences.__name__,
            reason=f"{symbol}: our books say {ours}, the venue says {theirs}",
            symbol=symbol,
        )
        for symbol, (ours, theirs) in sorted(differing.items())
        if symbol in suspected
    )


def daily_loss(equity_usd: Decimal, day_start_usd: Decimal, pct_max: Decimal) -> Halt | None:
    """T2. The fleet has lost ``daily_loss_pct_max`` since its UTC day began."""
    floor = day_start_usd * (1 - pct_max / _HUNDRED)
    if equity_usd > floor:
        return None
    return _fleet_halt(daily_loss.__name__, f"daily loss: {_at_or_below(equity_usd, floor)}")


def drawdown(equity_usd: Decimal, peak_usd: Decimal, pct_max: Decimal | None) -> Halt | None:
    """T2. The fleet has lost ``drawdown_from_peak_pct_max`` of the highest equity that it ever had."""
    if pct_max is None:
        return None
    floor = peak_usd * (1 - pct_max / _HUNDRED)
    if equity_usd > floor:
        return None
    return _fleet_halt(drawdown.__name__, f"drawdown: {_at_or_below(equity_usd, floor)}")


def unknown_orders(count: int, oldest_s: float, count_max: int, age_max: timedelta) -> NoOpens | None:
    """T3. More than ``unknown_orders_max`` orders of unknown outcome, or one older than ``unknown_order_age_max``."""
    if count > count_max:
        reason = f"{count} orders of unknown outcome, at most {count_max}"
    elif count and oldest_s > age_max.total_seconds():
        reason = f"an order of unknown outcome for {oldest_s:.0f} s"
    else:
        return None
    return NoOpens(control=unknown_orders.__name__, reason=reason)


def reject_rate(bot: BotId, sent: int, rejected: int, pct_max: Decimal) -> Halt | None:
    """T4. Of ten or more orders of the bot within its window, the venue rejected more than ``max_reject_rate_pct``."""
    if sent < REJECTS_LEAST or rejected * _HUNDRED <= pct_max * sent:
        return None
    reason = f"the venue rejected {rejected} of its last {sent} orders, at most {pct_max} %"
    return Halt(control=reject_rate.__name__, reason=reason, scope=f"bot:{bot}")


def lost_market_data(ages_s: Iterable[tuple[Symbol, float | None]], after: timedelta) -> NoOpens | None:
    """T5. A market that the wallet is in has shown no price for ``market_data_lost_after``: what it has is unknown.

    Args:
        ages_s: of each such market, the age of its newest price; ``None`` when there was none yet.
        after: the limit.
    """
    limit_s = after.total_seconds()
    for symbol, age_s in ages_s:
        if age_s is None or not age_s <= limit_s:  # NaN is not
            reason = f"no prices of {symbol}" + ("" if age_s is None else f" for {age_s:.1f} s")
            return NoOpens(control=lost_market_data.__name__, reason=reason)
    return None


def external_activity(order_ids: Iterable[ClientOrderId]) -> Recount | None:
    """T6. Orders or fills on the account that no bot asked for. They are left alone, but counted."""
    found = sorted(order_ids)
    if not found:
        return None
    return Recount(
        control=external_activity.__name__, reason=f"not ours: {', '.join(found[:5])}, {len(found)} in all"
    )


def orphan_sweep(bot: BotId, silent_for_s: float, after: timedelta) -> CancelEntries | None:
    """T7. The bot has been silent for more than ``orphan_cancel_after``: nobody looks after its entries."""
    if silent_for_s <= after.total_seconds():
        return None
    reason = f"silent for {silent_for_s:.1f} s"
    return CancelEntries(control=orphan_sweep.__name__, reason=reason, bot=bot)


def unprotected_position(
    bot: BotId, symbol: Symbol, bare_for_s: float, after: timedelta
) -> ClosePosition | None:
    """T8. A position that shall have a stop has been without one for more than ``unprotected_max``."""
    if bare_for_s <= after.total_seconds():
        return None
    reason = f"{symbol} has had no stop for {bare_for_s:.1f} s"
    return ClosePosition(control=unprotected_position.__name__, reason=reason, bot=bot, symbol=symbol)


def repeated_execution(bot: BotId, fills: int, most: int) -> Halt | None:
    """P10. More than ``max_fills_per_decision`` fills of the bot since it last looked at its market and decided."""
    if fills <= most:
        return None
    reason = f"{fills} fills without a decision, at most {most}"
    return Halt(control=repeated_execution.__name__, reason=reason, scope=f"bot:{bot}")


def api_failures_in_window(
    wallet: WalletId, failed_at: Iterable[float], now: float, window: timedelta, most: int
) -> Halt | None:
    """More than ``max_api_failures_in_window`` calls to the venue failed within ``api_failure_window``.

    Args:
        wallet: whose calls they were.
        failed_at: when each failed, by a monotonic clock; seconds.
        now: by the same clock.
        window: how far back counts.
        most: the limit.
    """
    window_s = window.total_seconds()
    failures = sum(now - at < window_s for at in failed_at)
    if failures <= most:
        return None
    reason = f"{failures} calls to the venue failed within {window_s:g} s, at most {most}"
    return Halt(control=api_failures_in_window.__name__, reason=reason, scope=f"wallet:{wallet}")


def _fleet_halt(control: str, reason: str) -> Halt:
    return Halt(control=control, reason=reason, scope="fleet")


def _at_or_below(equity_usd: Decimal, floor: Decimal) -> str:
    return f"equity {equity_usd:.2f} is at or below {floor:.2f} USD"
