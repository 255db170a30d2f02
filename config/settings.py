"""The settings in force: every key with its value, defaults filled in and secrets masked.

Rendered, they are a fleet file again that gives the same fleet (but for the masked secrets).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr

from config.document import Loader
from config.durations import format_duration
from config.fleet_file import BotsFile, FleetFile
from config.problems import MASK, looks_secret
from config.strategy_fields import CheckedStrategy


def effective_settings(file: FleetFile | BotsFile, strategies: Sequence[CheckedStrategy]) -> dict[str, Any]:
    """All keys as plain values: money is ``Decimal``, durations are text. Keys without a value are left out.

    Args:
        file: the checked file.
        strategies: of its bots, in their order.
    """
    settings: dict[str, Any] = _plain(file)
    for bot, strategy in zip(settings["bots"], strategies, strict=True):
        bot["strategy"] = {"kind": strategy.spec.kind, **_fields(strategy)}
    return settings


def render(settings: Mapping[str, Any]) -> str:
    """The settings as YAML for an operator."""
    return yaml.dump(dict(settings), Dumper=_Dumper, sort_keys=False, width=110, default_flow_style=None)


class Reference(str):
    """``${NAME}`` as it stands in the file, of a secret that nobody resolved."""


class _Dumper(yaml.SafeDumper):
    """Writes what our reader reads back: its rules say what needs quotes."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.Node:
    text = format(value, "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_str(value.replace("${", "$${"))


_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_representer(str, _text)
_Dumper.add_representer(Reference, lambda dumper, value: dumper.represent_str(str(value)))


def _plain(value: Any, name: str = "") -> Any:
    match value:
        case BaseModel():
            items = {key: _plain(getattr(value, key), key) for key in type(value).model_fields}
            return {key: inner for key, inner in items.items() if inner is not None}
        case SecretStr():
            return MASK
        case timedelta():
            return format_duration(value)
        case Enum():
            return value.value
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case str() if looks_secret(name):
            return Reference(value)
        case _ if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            items = {key: _plain(inner, key) for key, inner in fields.items()}
            return {key: inner for key, inner in items.items() if inner is not None}
        case None if name == "speed":
            return "max"
        case _:
            return value


def _fields(strategy: CheckedStrategy) -> dict[str, Any]:
    values = {name: _plain(getattr(strategy.strategy, name)) for name in strategy.spec.fields}
    return {name: value for name, value in values.items() if value is not None}
