"""A cycle's record, from what it saw, wanted and got. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from actors.answers import told
from actors.kpis import reason_of
from actors.messages import ActionLine, AdviceLine, CycleRecord, Outcome, OutcomeKind
from actors.recorded import digest, packed_view
from config.spec import BotSpec, HaltLevel
from risk.first_line import House
from risk.intent import Intent
from risk.limits import WalletLimits
from risk.plan import Plan
from strategies.advice import Advice
from strategies.decision import AnyDecision
from strategies.strategy import Rebuff, View


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleEnd:
    """A cycle that is over."""

    view: View
    decisions: Sequence[AnyDecision]
    wishes: Plan
    outcomes: Sequence[Outcome]
    error: str  # why advice or batch failed; empty where they did not
    advice: Advice | None  # None where no executor was asked
    halt: HaltLevel | None
    limits: WalletLimits
    decide_ms: float
    submit_ms: float


def cycle_record(end: CycleEnd, *, epoch: int) -> CycleRecord:
    """All that is kept of it. A venue that was down has failed the cycle."""
    view, wishes, outcomes = end.view, end.wishes, end.outcomes
    intents = {intent.id: intent for intent in wishes.intents}
    rules = {refusal.intent_id: refusal.rule for refusal in wishes.refusals}
    down = next((outcome for outcome in outcomes if outcome.fails_cycle), None)
    error = end.error or (f"{down.error_class}: {down.error_detail}" if down else "")
    return CycleRecord(
        bot=view.bot,
        epoch=epoch,
        cycle=view.cycle,
        timestamp=view.now,
        view_digest=digest(view),
        decisions=tuple(msgspec.to_builtins(decision) for decision in end.decisions),
        refusals=(
            *map(told, wishes.refusals),
            *(outcome.refusal for outcome in outcomes if outcome.refusal),
            *(advised for outcome in outcomes for advised in outcome.advised),
        ),
        actions=(
            *(_stopped(intent, rules[intent.id]) for intent in wishes.stopped),
            *(_action(intents[outcome.id], outcome) for outcome in outcomes),
        ),
        success=not error,
        error_message=error,
        decide_ms=round(end.decide_ms, 3),
        submit_ms=round(end.submit_ms, 3),
        advice=_advice_line(end.advice) if end.advice else None,
        intents=wishes.intents,
        view=packed_view(view),
        contexts={outcome.id: outcome.context for outcome in outcomes if outcome.context},
        halt=end.halt,
        limits=end.limits,
    )


def rebuffs_of(wishes: Plan, outcomes: Sequence[Outcome]) -> tuple[Rebuff, ...]:
    """What became no order, and why, for the bot's next view."""
    return (
        *(
            Rebuff(symbol=refusal.symbol, reason=refusal.rule, detail=refusal.detail)
            for refusal in wishes.refusals
        ),
        *(
            Rebuff(
                symbol=outcome.symbol,
                reason=reason,
                detail=outcome.refusal.detail if outcome.refusal else outcome.error_detail,
            )
            for outcome in outcomes
            if (reason := reason_of(outcome))
        ),
    )


def house_of(spec: BotSpec, limits: WalletLimits, halt: HaltLevel | None) -> House:
    """The limits that a bot plans under."""
    return House(
        params=spec.risk_params,
        guards=spec.exec_guards,
        features=spec.features,
        limits=limits,
        symbols=spec.symbols,
        halt_rank=None if halt is None else halt.rank,
    )


def _stopped(intent: Intent, rule: str) -> ActionLine:
    return ActionLine(
        symbol=intent.symbol,
        action=f"{intent.purpose} {intent.side}",
        qty=intent.size,
        price=intent.price,
        cloid=intent.id,
        result=f"{OutcomeKind.REFUSED}: {rule}",
    )


def _action(intent: Intent, outcome: Outcome) -> ActionLine:
    result = str(outcome.kind)
    if outcome.refusal is not None:
        result = f"{outcome.kind}: {outcome.refusal.rule}"
    return ActionLine(
        symbol=intent.symbol,
        action=f"{intent.purpose} {intent.side}",
        qty=outcome.filled or intent.size,
        price=outcome.average_price or intent.price,
        cloid=intent.id,
        result=result,
        error_class=outcome.error_class,
        error_detail=outcome.error_detail,
        order_id=outcome.venue_id,
    )


def _advice_line(advice: Advice) -> AdviceLine:
    return AdviceLine(**{name: getattr(advice, name) for name in AdviceLine.__struct_fields__})
