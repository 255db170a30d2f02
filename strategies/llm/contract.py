"""The decision array that a language model answers with: its schema, and the check that nothing else passes.

The whole answer is accepted or none of it: what is half understood is not traded on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from adapters.errors import TradingError
from adapters.model import Symbol
from strategies.decision import Action, Decision
from strategies.llm.text import plain_text

LARGEST = Decimal(10) ** 15  # of any amount; beyond it a number is a mistake, not a wish
SMALLEST = Decimal(10) ** -12
DIGITS_MAX = 30
TEXT_MAX = 2_000  # characters of a reasoning
LEVERAGE_MAX = 1_000  # the venue's and the bot's own caps are the risk rules'
PROBLEMS_MAX = 8  # that are told

_OPENS = ("leverage", "position_size_usd", "stop_loss", "take_profit")  # required for opens
_AMOUNTS = ("position_size_usd", "entry_price", "stop_loss", "take_profit", "risk_usd")
_TEXTS = ("reasoning", "invalidation_condition")


class ContractBroken(TradingError):
    """The answer is JSON and not the decision array; the text says where."""


def _or_null(kind: str, description: str) -> dict[str, Any]:
    return {"type": [kind, "null"], "description": description}


_DECISION = {
    "symbol": {"type": "string", "description": "One of the candidates or positions."},
    "action": {"type": "string", "enum": [str(action) for action in Action]},
    "leverage": _or_null("integer", "Required for opens."),
    "position_size_usd": _or_null("number", "Notional in USD; required for opens; null closes all of it."),
    "entry_price": _or_null("number", "Limit price; null takes the market."),
    "stop_loss": _or_null("number", "Trigger price; required for opens."),
    "take_profit": _or_null("number", "Trigger price; required for opens."),
    "confidence": {"type": "integer", "description": "0 to 100."},
    "risk_usd": _or_null("number", "What the stop would lose."),
    "reasoning": _or_null("string", "Why."),
    "invalidation_condition": _or_null("string", "What would prove it wrong."),
}

SCHEMA: Mapping[str, Any] = MappingProxyType(
    {  # an object around the array, and every key required: structured output takes nothing else
        "type": "object",
        "properties": {
            "reasoning": {"type": "string", "description": "Your thinking, in brief."},
            "decisions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": _DECISION,
                    "required": list(_DECISION),
                    "additionalProperties": False,
                },
            },
        },
        "required": ["reasoning", "decisions"],
        "additionalProperties": False,
    }
)
SCHEMA_BYTES = len(msgspec.json.encode(dict(SCHEMA)))


def checked(items: Sequence[Any], symbols: Collection[Symbol]) -> tuple[Decision, ...]:
    """The decisions of an answer.

    Args:
        items: decoded JSON, its numbers ``int`` or ``Decimal``. Keys that are not the contract's are ignored.
        symbols: the markets that may be named.

    Raises:
        ContractBroken: with everything that is wrong, a line each.
    """
    problems: list[str] = []
    seen: set[str] = set()
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            problems.append(f"decisions[{place}]: is no object")
            continue
        problems += [f"decisions[{place}].{problem}" for problem in _problems(item, symbols)]
        symbol = item.get("symbol")
        if isinstance(symbol, str) and symbol in seen:
            problems.append(f"decisions[{place}].symbol: a second decision on it; decide once on each")
        seen.add(str(symbol))
    if problems:
        more = f"\n… and {len(problems) - PROBLEMS_MAX} more" if len(problems) > PROBLEMS_MAX else ""
        raise ContractBroken("\n".join(problems[:PROBLEMS_MAX]) + more)
    return tuple(_decision(item) for item in items)


def _problems(item: Mapping[str, Any], symbols: Collection[Symbol]) -> Iterator[str]:
    symbol, named = item.get("symbol"), item.get("action")
    if not isinstance(symbol, str) or symbol not in symbols:
        yield f"symbol: must be one of {', '.join(sorted(symbols))}"
    if not isinstance(named, str) or named not in set(Action):
        yield f"action: must be one of {', '.join(Action)}"
        return
    action = Action(named)
    for name in (*_OPENS, "confidence") if action.opens else ():
        if item.get(name) is None:
            yield f"{name}: is required for {action}"
    for name in _AMOUNTS:
        if item.get(name) is not None and (
            why := _no_amount(item[name], may_be_zero=name not in _used(action))
        ):
            yield f"{name}: {why}"
    for name, least, most in (("leverage", int(action.opens), LEVERAGE_MAX), ("confidence", 0, 100)):
        if item.get(name) is not None and (why := _no_whole_number(item[name], least, most)):
            yield f"{name}: {why}"
    for name in _TEXTS:
        if not isinstance(item.get(name), str | None):
            yield f"{name}: must be text"


def _used(action: Action) -> Collection[str]:
    """The amounts that mean something for an action; models fill the others with anything, zero above all."""
    if action.opens:
        return _AMOUNTS
    return ("position_size_usd",) if action.closes else ()


def _no_amount(value: Any, *, may_be_zero: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "must be a number, without quotes"
    number = Decimal(value)
    if not number.is_finite() or number < 0:
        return "must not be negative"
    if number == 0:
        return "" if may_be_zero else "must be above 0; null for none"
    if not SMALLEST <= number <= LARGEST or len(number.as_tuple().digits) > DIGITS_MAX:
        return "is no sensible number"
    return ""


def _no_whole_number(value: Any, least: int, most: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "must be a whole number, without quotes"
    number = Decimal(value)
    if not number.is_finite() or not least <= number <= most or number != number.to_integral_value():
        return f"must be a whole number from {least} to {most}"
    return ""


def _decision(item: Mapping[str, Any]) -> Decision:
    action = Action(item["action"])
    amounts = {name: Decimal(item[name]) for name in _used(action) if item.get(name) is not None}
    confidence = item.get("confidence")
    return Decision(
        symbol=Symbol(item["symbol"]),
        action=action,
        leverage=int(item["leverage"]) if action.opens else None,
        confidence=100 if confidence is None else int(confidence),
        reasoning=plain_text(item.get("reasoning") or "", TEXT_MAX),
        invalidation_condition=plain_text(item.get("invalidation_condition") or "", TEXT_MAX),
        **amounts,
    )
