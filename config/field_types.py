"""The kinds of value that a fleet file holds: names, durations, money, counts. Each says itself what would be right."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, WithJsonSchema

from adapters.model import Symbol
from config.durations import PATTERN, format_duration, parse_duration

NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,31}$"
FLEET_NAME = r"^[a-z][a-z0-9_-]{0,31}$"
SYMBOL = r"^[A-Za-z0-9][A-Za-z0-9/:._@-]{0,31}$"

_NOT_NAMES = {"on", "off", "yes", "no", "y", "n", "true", "false", "null", "none"}


def _name(text: str) -> str:
    if text.lower() in _NOT_NAMES:
        raise ValueError(f"{text!r} is a truth value to some YAML readers; choose another name")
    if not re.fullmatch(NAME, text, re.ASCII):
        raise ValueError("is no name; write a letter, then at most 31 letters, digits, _ or -")
    return text


def _fleet_name(text: str) -> str:
    _name(text)
    if not re.fullmatch(FLEET_NAME, text, re.ASCII):
        raise ValueError(f"has capitals; write {text.lower()!r}")
    return text


def _symbol(text: str) -> Symbol:
    if not re.fullmatch(SYMBOL, text, re.ASCII):
        raise ValueError("is no symbol; write the venue's own name of the market, such as BTC or ETH/USD")
    return Symbol(text)


def _duration(value: Any) -> Any:
    if isinstance(value, bool):
        return _not_a_boolean(value)
    if isinstance(value, str | int | float):
        return parse_duration(str(value))
    if isinstance(value, timedelta):
        return value
    raise ValueError("is not a duration; write 250ms, 15s, 15m, 1h30m or 1d")


def _not_a_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is a truth value; write a number")
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError(f"is {format_duration(value)}; write a duration above zero")
    return value


def _step(value: timedelta) -> timedelta:
    if not timedelta(milliseconds=1) <= value <= timedelta(minutes=1):
        raise ValueError(f"is {format_duration(value)}; write 1ms to 1m")
    return value


def _lease(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= timedelta(minutes=1):
        raise ValueError(f"is {format_duration(value)}; write 1s to 1m")
    return value


def _is_there(value: Any) -> Any:
    if value in (None, ""):
        raise ValueError("is empty; write ${NAME} and set NAME in the environment or in an env_file")
    return value


def _network(value: str) -> str:
    if value not in ("mainnet", "testnet") and not re.fullmatch(r"https?://[^\s/]+", value):
        raise ValueError("is no network; write mainnet, testnet, or a base URL such as http://127.0.0.1:3001")
    return value


def _speed(value: Any) -> Any:
    if value in ("max", None):
        return None
    try:
        speed = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        speed = 0.0
    if not 0 < speed <= 1_000_000:
        raise ValueError("is not a speed; write a number above zero such as 1.0, or max")
    return speed


def _distinct(symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    if not symbols:
        raise ValueError("is empty; write at least one symbol")
    if twice := {symbol for symbol in symbols if symbols.count(symbol) > 1}:
        raise ValueError(f"{', '.join(sorted(twice))} is here twice; write each symbol once")
    return symbols


_DURATION_SCHEMA = {"type": "string", "pattern": PATTERN, "examples": ["250ms", "15s", "1h30m"]}
_SPEED_SCHEMA = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": "max"}]}
_NAME_SCHEMA = {"type": "string", "pattern": NAME}

Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema(_DURATION_SCHEMA),
]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
StepDuration = Annotated[Duration, AfterValidator(_step)]
LeaseDuration = Annotated[Duration, AfterValidator(_lease)]

Number = BeforeValidator(_not_a_boolean)
Money = Annotated[Decimal, Number, Field(gt=0)]  # USD
Percent = Annotated[Decimal, Number, Field(gt=0, le=100)]
Multiple = Annotated[Decimal, Number, Field(ge=0)]  # of equity
Price = Annotated[Decimal, Number, Field(ge=0)]  # USD for so many
Leverage = Annotated[int, Number, Field(ge=1, le=100)]
Count = Annotated[int, Number, Field(ge=1, le=100_000)]

Name = Annotated[str, AfterValidator(_name), WithJsonSchema(_NAME_SCHEMA)]
FleetName = Annotated[
    str, AfterValidator(_fleet_name), WithJsonSchema({"type": "string", "pattern": FLEET_NAME})
]
SymbolName = Annotated[str, AfterValidator(_symbol), WithJsonSchema({"type": "string", "pattern": SYMBOL})]
Symbols = Annotated[tuple[SymbolName, ...], AfterValidator(_distinct)]
Secret = Annotated[SecretStr | None, BeforeValidator(_is_there)]
Network = Annotated[str, AfterValidator(_network)]
Speed = Annotated[float | None, BeforeValidator(_speed), WithJsonSchema(_SPEED_SCHEMA)]
