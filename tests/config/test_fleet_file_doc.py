"""docs/fleet-file.md has a row for every key, as the models say it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from config.durations import format_duration
from config.section import Section
from strategies.registry import BUILT_IN
from tests.config.test_reading import PLACES

DOC = Path(__file__).resolve().parents[2] / "docs" / "fleet-file.md"


def default_text(value: Any) -> str:
    match value:
        case Section():
            return "see below"
        case timedelta():
            return format_duration(value)
        case Enum():
            return str(value.value)
        case tuple():
            return f"[{', '.join(map(str, value))}]"
        case bool():
            return str(value).lower()
        case None | "":
            return "none"
        case _ if value is PydanticUndefined or value is dataclasses.MISSING:
            return "required"
        case _:
            return str(value)


def section_rows(section: type[Section]) -> list[str]:
    return [
        f"| `{key}` | {default_text(field.default)} | {field.description} |"
        for key, field in section.model_fields.items()
    ]


def strategy_rows(kind: str) -> list[str]:
    fields = dataclasses.fields(BUILT_IN[kind])  # type: ignore[arg-type]
    return [f"| `{field.name}` | {default_text(field.default)} |" for field in fields if field.name != "kind"]


@pytest.mark.parametrize("section", PLACES, ids=lambda section: section.__name__)
def test_every_key_is_explained_in_one_table(section: type[Section]) -> None:
    assert "\n".join(section_rows(section)) in DOC.read_text()


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_field_of_a_built_in_strategy_is_listed(kind: str) -> None:
    assert "\n".join(strategy_rows(kind)) in DOC.read_text()
