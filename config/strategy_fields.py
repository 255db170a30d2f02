"""A strategy's fields, checked like any other section of the file: the dataclass is the schema."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PydanticUserError,
    ValidationError,
    create_model,
)
from pydantic.errors import PydanticSchemaGenerationError

from adapters.errors import ConfigError
from adapters.llm.settings import Model
from adapters.model import Symbol
from config.field_types import Duration, Number
from config.model_section import ModelSection, with_references
from config.problems import KeyPath, looks_secret
from config.spec import StrategySpec
from config.wording import findings
from strategies.registry import build, strategy_class, to_fields
from strategies.strategy import Strategy, model_of, needs


class FieldProblems(Exception):
    """What is wrong with a strategy; paths are relative to the bot's ``strategy``."""

    def __init__(self, problems: Sequence[tuple[KeyPath, str]]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckedStrategy:
    """A strategy that could be built."""

    spec: StrategySpec
    strategy: Strategy
    keys: Mapping[str, str] = dataclasses.field(repr=False)  # of its model, by the name of their variable

    @property
    def model(self) -> Model | None:
        """The language model that it asks, if it does."""
        return model_of(self.strategy)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return needs(self.strategy).symbols


def check_strategy(kind: str, values: Mapping[str, Any], written: Any, folder: Path) -> CheckedStrategy:
    """The strategy of a bot, built once so that its own checks have run.

    Args:
        kind: a built-in name or ``module:Class``, which must be importable.
        values: the fields from the file.
        written: the same as they may be shown.
        folder: of the file.

    Raises:
        FieldProblems: the kind or its fields are wrong.
    """
    try:
        found = strategy_class(kind)
        model = fields_model(found)
    except ConfigError as error:
        raise FieldProblems([(("kind",), str(error))]) from None
    names = {field.alias or "" for field in model.model_fields.values()}
    problems: list[tuple[KeyPath, str]] = [
        ((name,), "looks like a secret; a bot holds none: let the strategy do without, or rename the field")
        for name in values
        if looks_secret(name) and name in names
    ]
    try:
        values, keys = _with_references(found, values, written, folder)
        checked = model.model_validate(values)
    except ValidationError as error:
        raise FieldProblems([*problems, *findings(error, written, model)]) from None
    if problems:
        raise FieldProblems(problems)
    given = {model.model_fields[name].alias: getattr(checked, name) for name in checked.model_fields_set}
    return _built(kind, found, given, keys)


def fields_model(strategy: type[Strategy]) -> type[BaseModel]:
    """The pydantic model of a strategy's fields; each field's alias is its name in the file.

    Raises:
        ConfigError: a field's type is one that no file can hold.
    """
    try:
        hints = get_type_hints(strategy, include_extras=True)
        fields: dict[str, Any] = {
            f"field_{place}": (_from_file(hints[field.name]), _field(field))
            for place, field in enumerate(_configurable(strategy))
        }
        return create_model(strategy.__name__, __config__=_CONFIG, **fields)
    except (PydanticSchemaGenerationError, PydanticUserError, NameError, TypeError) as error:
        raise ConfigError(
            f"{strategy.__name__} has a field that no file can hold ({type(error).__name__}); "
            "use text, numbers, Decimal, timedelta, lists and mappings"
        ) from None


_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, title=None)


def _built(
    kind: str, found: type[Strategy], given: Mapping[Any, Any], keys: Mapping[str, str]
) -> CheckedStrategy:
    try:
        strategy = found(**given)
    except Exception as error:  # a user's __post_init__ may raise anything
        raise FieldProblems([_located(str(error) or type(error).__name__, found)]) from None
    try:
        fields = msgspec.json.decode(msgspec.json.encode(to_fields(strategy)))
        again = to_fields(build(kind, fields))
    except (ConfigError, TypeError, ValueError) as error:
        raise FieldProblems(
            [_located(f"cannot be stored ({error}); use plainer field types", found)]
        ) from None
    if msgspec.json.decode(msgspec.json.encode(again)) != fields:
        raise FieldProblems(
            [((), "changes when it is stored and read back; its __post_init__ must not alter fields")]
        )
    return CheckedStrategy(spec=StrategySpec(kind=kind, fields=fields), strategy=strategy, keys=keys)


def _with_references(
    found: type[Strategy], values: Mapping[str, Any], written: Any, folder: Path
) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The fields with each model's secret as a reference, and the secrets apart."""
    hints = get_type_hints(found)
    resolved = dict(values)
    keys: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict) and Model in (hints.get(name), *get_args(hints.get(name))):
            try:
                resolved[name], secrets = with_references(value, written.get(name), folder)
            except ValueError as error:
                key, _, reason = str(error).partition(": ")
                raise FieldProblems([((name, key), reason)]) from None
            keys |= secrets
    return resolved, keys


def _located(text: str, strategy: type[Strategy]) -> tuple[KeyPath, str]:
    """A message of the form "field: reason" belongs to that field."""
    name, colon, reason = text.partition(": ")
    is_field = bool(colon) and name in {field.name for field in _configurable(strategy)}
    return ((name,), reason) if is_field else ((), text)


def _configurable(strategy: type[Strategy]) -> Iterator[dataclasses.Field[Any]]:
    fields = dataclasses.fields(strategy)  # type: ignore[arg-type]
    return (field for field in fields if field.init and field.name != "kind")


def _field(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return Field(field.default, alias=field.name)
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory, alias=field.name)
    return Field(alias=field.name)


def _from_file(hint: Any) -> Any:
    """The type as a file writes it: durations with units, no truth values for numbers."""
    if hint is timedelta:
        return Duration
    if hint is Model:
        return Annotated[ModelSection, AfterValidator(ModelSection.model)]
    if hint in (int, float, Decimal):
        return Annotated[hint, Number]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (None, Literal) or any(isinstance(part, list) for part in inner):
        return hint
    changed = tuple(_from_file(part) for part in inner)
    if origin in (Union, UnionType):
        return Union[changed]  # noqa: UP007 - the members are known only now
    return Annotated[(changed[0], *inner[1:])] if origin is Annotated else origin[changed]
