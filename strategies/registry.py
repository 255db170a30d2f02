"""From a kind and its fields to a strategy, and back. A user's own class is checked like a built-in one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, cast, get_type_hints

import msgspec

from adapters.errors import ConfigError
from strategies.advised import Advised
from strategies.hold import Hold
from strategies.momentum import Momentum
from strategies.own_code import own_class
from strategies.quoter import Quoter
from strategies.strategy import Strategy

BUILT_IN: Mapping[str, type[Strategy]] = MappingProxyType(
    {"hold": Hold, "momentum": Momentum, "quoter": Quoter, "advised": Advised}
)


def strategy_class(kind: str) -> type[Strategy]:
    """The class of a built-in name, or of ``module:Class``, whose module is imported.

    Raises:
        ConfigError: there is no such class, or it is none of a strategy; the text says which and why.
    """
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    if ":" not in kind:
        nearest = get_close_matches(kind, BUILT_IN, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(BUILT_IN)}"
        raise ConfigError(f"unknown strategy {kind!r}; {hint} Your own class has a colon: my_module:MyClass")
    found = own_class("strategy", kind)
    if not dataclasses.is_dataclass(found) or not found.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise ConfigError(
            f"strategy {kind!r}: {found.__name__} is not a frozen dataclass: @dataclass(frozen=True)"
        )
    if not callable(getattr(found, "decide", None)):
        raise ConfigError(f"strategy {kind!r}: {found.__name__} has no method decide(self, view)")
    return cast("type[Strategy]", found)


def build(kind: str, fields: Mapping[str, Any]) -> Strategy:
    """The strategy with its configuration, from plain JSON values.

    Durations are seconds as a number, or ISO 8601 text ("PT5M"); decimals are text or a number. A field named
    ``kind`` is never given: the class has it.

    Raises:
        ConfigError: the kind or any field is wrong. One line for each wrong field, "field: reason".
    """
    strategy = strategy_class(kind)
    known = {f.name: f for f in dataclasses.fields(strategy) if f.init and f.name != "kind"}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    wrong = [*_unknown(fields, known), *_missing(fields, known)]
    hints = _hints(strategy, kind)
    for name in known.keys() & fields.keys():
        try:
            values[name] = _finite(msgspec.convert(fields[name], hints[name], strict=False))
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            wrong.append(f"{name}: {error}")
    if wrong:
        raise ConfigError("\n".join(sorted(wrong)))
    try:
        return strategy(**values)
    except ConfigError:
        raise
    except Exception as error:  # a user's __post_init__ may raise anything
        text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ConfigError(text) from error


def to_fields(strategy: Strategy) -> dict[str, Any]:
    """What ``build`` makes the strategy from: plain JSON values, durations as ISO 8601, decimals as text."""
    names = [f.name for f in dataclasses.fields(strategy) if f.init and f.name != "kind"]  # type: ignore[arg-type]
    return {name: msgspec.to_builtins(getattr(strategy, name)) for name in names}


def _hints(strategy: type[Strategy], kind: str) -> Mapping[str, Any]:
    try:
        return get_type_hints(strategy, include_extras=True)
    except Exception as error:
        raise ConfigError(f"strategy {kind!r}: its field types cannot be read: {error}") from error


def _unknown(fields: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    for name in fields.keys() - known.keys():
        nearest = get_close_matches(name, known, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(known) or 'none'}"
        yield f"{name}: unknown field; {hint}"


def _missing(fields: Mapping[str, Any], known: Mapping[str, dataclasses.Field[Any]]) -> Iterator[str]:
    for name, field in known.items():
        optional = (
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        )
        if not optional and name not in fields:
            yield f"{name}: is required"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError("must be a finite number")
    return value
