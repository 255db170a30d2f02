from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.document import Document, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("true", True),
        ("~", None),
        ("1e3", 1000.0),
        ("2026-01-01", "2026-01-01"),
        (".inf", ".inf"),
        ("=", "="),
        ("'5'", "5"),
    ],
)
def test_scalars_are_read_by_the_rules_of_yaml_1_2(text: str, value: Any) -> None:
    read = parse(f"key: {text}").value["key"]
    assert read == value
    assert type(read) is type(value)


def test_lines_are_those_of_the_keys() -> None:
    document = parse("a: 1\nb:\n  c:\n    - x\n    - {d: 2}\n")
    assert [document.line(path) for path in [("a",), ("b", "c"), ("b", "c", 1, "d"), ("b", "new"), ()]] == [
        1,
        3,
        5,
        2,
        0,
    ]


def test_merged_keys_give_way_to_those_of_the_mapping() -> None:
    document = parse("base: &b {x: 1, y: 2}\nnew:\n  <<: *b\n  y: 3\n")
    assert document.value["new"] == {"x": 1, "y": 3}
    assert document.line(("new", "y")) == 4


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_json_is_read_as_it_is(value: Any) -> None:
    text = yaml.safe_dump({"key": value}, allow_unicode=False, default_style='"')
    document = parse(text)
    if not document.flaws:  # explicit tags of numbers are plain YAML, those of others are refused
        assert document.value == {"key": value}


@given(st.text(max_size=200))
def test_no_text_makes_the_parser_raise(text: str) -> None:
    assert isinstance(parse(text), Document)
