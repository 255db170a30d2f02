"""Rules about the decision behind an order: its confidence, its stop and target, and when it comes."""

from __future__ import annotations

from decimal import Decimal

from adapters.model import ZERO, InstrumentKind
from risk.context import ReviewContext
from risk.intent import Intent, Purpose
from risk.liquidation import liquidation_price
from risk.measures import Measures
from risk.verdict import Refusal
from strategies.strategy import GateState


def performance_pause(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """A bot whose Sharpe ratio fell below ``sharpe_pause_threshold`` pauses for ``pause_duration_on_breach``."""
    if ctx.gate.state is not GateState.PAUSED:
        return None
    until = ctx.gate.until.isoformat() if ctx.gate.until else ""
    return Refusal(detail="paused after poor performance", limit=until, value=ctx.now.isoformat())


def raised_confidence(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Until the performance gate is open again, an open is at least as confident as ``min_confidence_on_breach``."""
    if (
        intent.purpose is not Purpose.OPEN
        or ctx.gate.state is GateState.OPEN
        or intent.confidence >= ctx.gate.min_confidence
    ):
        return None
    limit, value = str(ctx.gate.min_confidence), str(intent.confidence)
    return Refusal(
        detail="after poor performance the decision is not confident enough", limit=limit, value=value
    )


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


def stop_beyond_liquidation(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """An open's stop is met before the price at which the venue would close the position by itself."""
    if (
        intent.purpose is not Purpose.OPEN
        or intent.stop_loss is None
        or measured.instrument.kind is not InstrumentKind.PERP
    ):
        return None
    sign = intent.side.sign
    position_usd = ctx.wallet_position_usd + sign * intent.size * measured.entry
    here_usd = ctx.wallet_market_usd
    limit = liquidation_price(
        position_usd,
        measured.entry,
        equity_usd=ctx.account.equity_usd,
        others_usd=max(ctx.wallet_gross_usd - here_usd, ZERO),
        maintenance_margin=measured.instrument.maintenance_margin,
    )
    if limit is None or position_usd * sign <= 0 or (intent.stop_loss - limit) * sign > 0:
        return None
    return Refusal(
        detail=f"liquidation comes first, near {limit:.6g}", limit=f"{limit:.6g}", value=str(intent.stop_loss)
    )


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


def no_pyramiding(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """Never an open against the bot's own position; with guards, never one on top of anything it has here.

    With ``scale_in``, one may add to it: every rule about size then looks at the whole.
    """
    if intent.purpose is not Purpose.OPEN:
        return None
    if ctx.position * intent.side.sign < 0:
        return Refusal(detail="the position is the other way: close it first", value=str(ctx.position))
    if ctx.guards is None or ctx.guards.scale_in or measured.held == 0:
        return None
    return Refusal(
        detail="the bot already has a position or an entry here", limit="0", value=str(measured.held)
    )


def cooldown_after_close(intent: Intent, ctx: ReviewContext, measured: Measures) -> Refusal | None:
    """A market that the bot closed rests for ``cooldown_after_close``. Quotes are exempt: they close all day."""
    closed_at = ctx.recently_closed.get(intent.symbol)
    if ctx.guards is None or intent.purpose is not Purpose.OPEN or closed_at is None:
        return None
    rest, rested = ctx.guards.cooldown_after_close, ctx.now - closed_at
    if rested >= rest:
        return None
    return Refusal(detail=f"{intent.symbol} was closed {rested} ago", limit=str(rest), value=str(rested))


def _wrong_side(what: str, price: Decimal, entry: Decimal, *, below: bool) -> Refusal:
    sign = "<" if below else ">"
    return Refusal(detail=f"the {what} is on the wrong side", limit=f"{sign} {entry}", value=str(price))
