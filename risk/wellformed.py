"""Whether an intent makes sense at all, before anyone asks whether it is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from adapters.model import ZERO, OrderType, TimeInForce
from risk.intent import Intent, Purpose
from risk.verdict import Refusal

LARGEST = Decimal(10) ** 15  # of any price or size; beyond it a number is a mistake, not a wish


def is_sane(value: Decimal) -> bool:
    """Whether it can be a price, a size or an amount: finite, above zero, and not absurd."""
    return value.is_finite() and ZERO < value <= LARGEST


def malformed(intent: Intent) -> Refusal | None:
    """Numbers are positive and finite, and the order's type fits its purpose. An open names stop and leverage."""
    for name, value in _numbers(intent):
        if value is not None and not is_sane(value):
            return Refusal(detail=f"{name} must be a number above 0", limit="> 0", value=str(value))
    if not 0 <= intent.confidence <= 100:
        return Refusal(detail="confidence is a percentage", limit="0 to 100", value=str(intent.confidence))
    if intent.leverage is not None and intent.leverage < 1:
        return Refusal(detail="leverage is at least 1", limit="1", value=str(intent.leverage))
    problem = _shape_problem(intent)
    return Refusal(detail=problem) if problem else None


def _numbers(intent: Intent) -> Iterable[tuple[str, Decimal | None]]:
    return (
        ("size", intent.size),
        ("price", intent.price),
        ("trigger", intent.trigger),
        ("stop_loss", intent.stop_loss),
        ("take_profit", intent.take_profit),
    )


def _shape_problem(intent: Intent) -> str:
    match intent.purpose:
        case Purpose.OPEN if intent.type is not OrderType.LIMIT or intent.price is None:
            return "an open needs a limit price, if only a protective one"
        case Purpose.OPEN if intent.stop_loss is None:
            return "an open names its stop"
        case Purpose.OPEN if intent.leverage is None:
            return "an open names its leverage"
        case Purpose.QUOTE if intent.type is not OrderType.LIMIT or intent.price is None:
            return "a quote needs a limit price"
        case Purpose.QUOTE if intent.tif is not TimeInForce.POST_ONLY:
            return "a quote is post-only"
        case Purpose.CLOSE if intent.type.is_trigger:
            return "a close waits for no trigger"
        case Purpose.CLOSE if (intent.type is OrderType.LIMIT) != (intent.price is not None):
            return "a close has a price exactly when it is a limit order"
        case Purpose.STOP if intent.type is not OrderType.STOP or intent.trigger is None:
            return "a stop needs a trigger price"
        case Purpose.TARGET if intent.type is not OrderType.TAKE_PROFIT or intent.trigger is None:
            return "a target needs a trigger price"
        case _:
            return ""
