"""JSON as models write it: strict, in the middle of something else, or nearly so. Numbers stay as they were written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from json_repair import repair_json

from strategies.llm.contract import ContractBroken

DEPTH_MAX = 8
NUMBER_MAX = 40  # characters
TRIES_MAX = 50  # of places where an array may begin
REPAIR_MAX = 32_000  # of an array that is repaired

_OPENING = re.compile(r"[\[{]")
_TELLING = re.compile(r"[\[\]{}\"']|\\.", re.DOTALL)  # brackets, quotes, and whatever is escaped
_TOKEN = re.compile(
    r"""
    "(?:[^"\\]|\\.)*"  |  '(?:[^'\\]|\\.)*'  # a text, whatever is in it
    | (:\s*) (-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?) (?=\s*(?:,(?!\d)|[\]}]|/[/*]|$))
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_MARK, _END = "\ue000", "\ue001"  # around a number while its surroundings are repaired
_MARKED = re.compile(f"{_MARK}([^{_END}]*){_END}")


def decoded(text: str) -> Any:
    """Strict JSON whose numbers are exact; ``None`` for anything else.

    Raises:
        ContractBroken: it is JSON that no honest answer is.
    """
    if _depth(text) > DEPTH_MAX:
        return None
    try:
        return json.loads(
            text, parse_float=_number, parse_int=_number, parse_constant=_refuse, object_pairs_hook=_object
        )
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> Decimal:
    if len(text) > NUMBER_MAX:
        raise ContractBroken("a number in it is absurdly long")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ContractBroken("a number in it is absurdly large") from None


def _refuse(name: str) -> Any:
    raise ContractBroken(f"{name} in it is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ContractBroken("a key stands twice in one object")
    return found


def _depth(text: str) -> int:
    """How deep brackets go, those in strings included: an upper bound is all that is needed."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth = max(0, depth - 1)
    return deepest


def spans(text: str) -> Iterator[tuple[int, int]]:
    """From each outermost bracket to the one that closes it; what is never closed is cut off, and no answer."""
    begin = 0
    for _ in range(TRIES_MAX):
        found = _OPENING.search(text, begin)
        if found is None:
            return
        end = _closing(text, found.start())
        if end is not None:
            yield found.start(), end
        begin = found.end() if end is None else end


def _closing(text: str, begin: int) -> int | None:
    depth, quote = 0, ""
    for found in _TELLING.finditer(text, begin):
        character = found[0]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                return None
        elif character in "]}":
            depth -= 1
            if depth == 0:
                return found.end()
    return None


def repaired(text: str) -> Any:
    """What a repair of the text says, its numbers as they were written; ``None`` when it is beyond repair."""
    if len(text) > REPAIR_MAX:
        return None
    try:
        value = _without_marks(repair_json(_with_marks(text), return_objects=True, skip_json_loads=True))
    except (ValueError, RecursionError, IndexError, TypeError, KeyError):
        return None
    return value


def _with_marks(text: str) -> str:
    """Every number after a colon as a marked string, so that the repair makes no float of it.

    A number with anything else beside it, such as a second half or a unit, is left to be refused.
    """
    plain = text.replace(_MARK, "").replace(_END, "")
    return _TOKEN.sub(
        lambda found: found[0] if found[2] is None else f'{found[1]}"{_MARK}{found[2]}{_END}"', plain
    )


def _without_marks(value: Any) -> Any:
    match value:
        case dict():
            return {_unmarked(key): _without_marks(inner) for key, inner in value.items()}
        case list():
            return [_without_marks(inner) for inner in value]
        case str():
            number = _MARKED.fullmatch(value)
            return _number(number[1]) if number else _unmarked(value)
        case bool() | None:
            return value
        case _:
            raise ValueError("a number that the repair read by itself")


def _unmarked(text: str) -> str:
    return _MARKED.sub(r"\1", text)
