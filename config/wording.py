"""Pydantic's errors in an operator's words. The value is shown only where it cannot be a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.problems import MASK, KeyPath, looks_secret, shown_key

_WHOLE = "{shown} is no whole number; write one such as 3"
_NUMBER = "{shown} is no number; write one such as 2.5"
_BOOLEAN = "{shown} is neither true nor false; write one of the two"
_MAPPING = "is {form}; write a mapping of keys"
_LIST = "is {form}; write a list, such as [A, B]"

WORDS: Mapping[str, str] = {
    "missing": "is missing; add it",
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "finite_number": _NUMBER,
    "bool_parsing": _BOOLEAN,
    "bool_type": _BOOLEAN,
    "string_type": "is {form}; write text, in quotes where it looks like something else",
    "string_too_short": "is empty; write its text",
    "string_too_long": "is too long; write at most {max_length} characters",
    "too_short": "is empty; write at least one",
    "greater_than": "{shown} is too small; write a number above {gt}",
    "greater_than_equal": "{shown} is too small; write {ge} or more",
    "less_than": "{shown} is too large; write a number below {lt}",
    "less_than_equal": "{shown} is too large; write {le} or less",
    "literal_error": "{shown} is not available; write {expected}",
    "enum": "{shown} is not available; write {expected}",
    "union_tag_invalid": "{shown} is not available; write {expected_tags}",
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "value_error": "{error}",
}


def findings(error: ValidationError, value: Any, known: type[BaseModel]) -> Iterator[tuple[KeyPath, str]]:
    """Each wrong key once, with what is wrong and what would be right.

    Args:
        error: of validating ``value``.
        value: as it may be shown: without the values of variables.
        known: the model that was asked.
    """
    told = set()
    for detail in error.errors(include_url=False, include_input=False):
        path = _path(detail, value)
        if path in told:
            continue
        told.add(path)
        if detail["type"] == "extra_forbidden":
            here, anywhere = known_keys(known, detail["loc"][:-1]), known_keys(known, path[:-1])
            yield path, _unknown(str(path[-1]), here, anywhere)
        else:
            yield path, _words(detail, path, value)


def known_keys(model: type[BaseModel], location: tuple[str | int, ...]) -> Sequence[str]:
    """The keys that may stand at a location of pydantic's: names, indexes and union tags."""
    models = [model]
    for part in location:
        fields = [fields[part] for fields in map(_fields, models) if part in fields]
        if fields:
            models = [inner for field in fields for inner in _models(field.annotation)]
        elif tagged := [candidate for candidate in models if part in _tags(candidate)]:
            models = tagged
    return [str(key) for candidate in models for key in _fields(candidate)]


def form(value: Any) -> str:
    """What kind of thing a value is, never the value."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _words(detail: ErrorDetails, path: KeyPath, value: Any) -> str:
    template = WORDS.get(detail["type"])
    if template is None:
        return f"{detail['msg']}; see docs/fleet-file.md"
    there = _at(value, path)
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    hidden = any(isinstance(part, str) and looks_secret(part) for part in path)
    shown = MASK if hidden else repr(there)[:60] if isinstance(there, str | int | float) else form(there)
    if isinstance(there, bool):
        shown = str(there).lower()
    return template.format(shown=shown, form=form(there), **detail.get("ctx", {}))


def _unknown(key: str, known: Sequence[str], anywhere: Sequence[str]) -> str:
    if ":" in key:
        return f"{shown_key(key)} is no key; write a space after the colon"
    if key in anywhere:
        return "does not belong to this source; remove it"
    nearest = get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    if nearest:
        return f"is no key here; did you mean {nearest[0]}?"
    return f"is no key here; there are: {', '.join(sorted(known)) or 'none'}"


def _path(detail: ErrorDetails, value: Any) -> KeyPath:
    """Pydantic's location without union tags and key marks."""
    path: KeyPath = ()
    location = [part for part in detail["loc"] if part != "[key]"]
    for place, part in enumerate(location):
        there = _at(value, path)
        is_missing = detail["type"] == "missing" and place == len(location) - 1
        in_mapping = isinstance(there, dict) and (part in there or is_missing)
        if in_mapping or (isinstance(there, list) and isinstance(part, int)):
            path = (*path, part)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path = (*path, str(detail["ctx"]["discriminator"]).strip("'"))
    return path


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _fields(model: type[BaseModel]) -> Mapping[str | int, FieldInfo]:
    """A model's fields by the keys of the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _tags(model: type[BaseModel]) -> Sequence[Any]:
    return get_args(model.model_fields["source"].annotation) if "source" in model.model_fields else ()
