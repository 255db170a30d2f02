"""From a model's text to its decisions: strictly first, then the first complete JSON array in it, repaired if need be.

What is cut off is never repaired: a number may have lost its last digits. Numbers go from their text to ``Decimal``;
no float stands between.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from adapters.errors import TradingError
from adapters.model import Symbol
from strategies.decision import Decision
from strategies.llm.contract import ContractBroken, checked
from strategies.llm.json_text import decoded, repaired, spans
from strategies.llm.text import plain_text

LENGTH_MAX = 100_000  # characters; a longer answer is none
REASONING_MAX = 16_000  # of the model's thinking that is kept

_QUOTES = str.maketrans({**dict.fromkeys("“”„‟″＂«»", '"'), **dict.fromkeys("‘’‚‛′＇", "'")}) | str.maketrans(
    "［］｛｝：，", "[]{}:,"
)
_KEYS = [field.name for field in fields(Decision) if field.name != "reasoning"]  # which words may well repeat


class AnswerUnusable(TradingError):
    """Nothing in the answer is a decision array. What the model thought is kept.

    Attributes:
        reasoning: the model's words.
    """

    def __init__(self, message: str, *, reasoning: str = "") -> None:
        super().__init__(message)
        self.reasoning = reasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model wants, and why."""

    decisions: tuple[Decision, ...]
    reasoning: str = ""


def read_answer(text: str, symbols: Collection[Symbol]) -> Answer:
    """The decisions in a model's answer.

    Args:
        text: the answer, with whatever stands around the array.
        symbols: the markets that it may name.

    Raises:
        AnswerUnusable: there is no decision array, or it breaks the contract.
    """
    try:
        if len(text) > LENGTH_MAX:
            raise AnswerUnusable(f"it has {len(text)} characters, more than {LENGTH_MAX}")
        for begin, end, value in _candidates(text):
            items, thoughts = _unpacked(value)
            if items is not None:
                around = thoughts or f"{text[:begin].strip()}\n{text[end:].strip()}".strip("`\n ")
                return Answer(decisions=checked(items, symbols), reasoning=plain_text(around, REASONING_MAX))
        raise AnswerUnusable("it holds no complete JSON array of decisions")
    except (AnswerUnusable, ContractBroken) as error:
        raise AnswerUnusable(str(error), reasoning=plain_text(text, REASONING_MAX)) from None


def _candidates(text: str) -> Iterator[tuple[int, int, Any]]:
    """Values that may hold the decisions and where they stand, likeliest first: all of the text, then parts of it."""
    whole = decoded(text)
    if whole is not None:
        yield 0, len(text), whole
        return
    straight = text.translate(_QUOTES)  # one character for one, so that every place stays
    for variant in (text, straight):
        for begin, end in spans(variant):
            if _holds_decisions(value := decoded(variant[begin:end])):
                yield begin, end, value
    for begin, end in spans(straight):
        if _holds_decisions(value := _repaired_once(straight[begin:end])):
            yield begin, end, value
    for begin, end in spans(text):
        if "".join(text[begin:end].split()) == "[]":
            yield begin, end, []


def _unpacked(value: Any) -> tuple[Sequence[Any] | None, str]:
    """The items of the array, which may be alone, in an object under ``decisions``, or one decision by itself."""
    match value:
        case list():
            return value, ""
        case {"decisions": list() as items}:
            thoughts = value.get("reasoning")
            return items, thoughts if isinstance(thoughts, str) else ""
        case {"symbol": _, "action": _}:
            return [value], ""
        case _:
            return None, ""


def _holds_decisions(value: Any) -> bool:
    """Whether a part of the answer is the array: a single decision may be one of several that were cut off."""
    match value:
        case list() as items if items:
            return all(isinstance(item, dict) and "action" in item for item in items)
        case {"decisions": list()}:
            return True
        case _:
            return False


def _repaired_once(text: str) -> Any:
    """What a repair of the text says; it must not have had to choose between two values of one key."""
    value = repaired(text)
    items, _ = _unpacked(value)
    for key in _KEYS if items else ():
        kept = sum(isinstance(item, dict) and key in item for item in items or ())
        if len(re.findall(rf"\b{key}\b[\"']?\s*:", text)) > kept:
            raise ContractBroken(f"{key} stands twice in one object")
    return value
