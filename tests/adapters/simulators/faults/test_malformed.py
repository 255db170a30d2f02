"""Answers that are none."""

from __future__ import annotations

import json

import pytest

from adapters.simulators.faults.malformed import malformed_json, wrong_types
from adapters.simulators.faults.plan import Kind

ANSWER = b'{"status":"ok","sizes":["1.5",2],"filled":null,"is_open":true}'


def test_wrong_types_keep_the_shape_and_nothing_else() -> None:
    assert wrong_types(json.loads(ANSWER)) == {
        "status": 2,
        "sizes": [3, "?"],
        "filled": "?",
        "is_open": "?",
    }


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.HTML, Kind.EMPTY])
def test_what_is_cut_empty_or_a_page_is_no_json(kind: Kind) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(malformed_json(kind, ANSWER))


def test_what_is_no_json_has_no_types_to_be_wrong() -> None:
    assert malformed_json(Kind.WRONG_TYPES, b"pong") == b'""'
    assert json.loads(malformed_json(Kind.WRONG_TYPES, ANSWER))["status"] == 2
