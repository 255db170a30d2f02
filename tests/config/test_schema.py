from __future__ import annotations

import json

import jsonschema
import pytest

from config.document import parse
from config.schema import SCHEMA_FILE, schema_text
from config.variables import protect, reveal
from tests.config.test_reading import SHIPPED

VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))


def test_the_committed_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "write it again: python -m config.schema"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_schema_accepts_the_shipped_fleets(path: object) -> None:
    text = json.dumps(parse(protect(getattr(path, "read_text")())).value)  # noqa: B009
    VALIDATOR.validate(json.loads(reveal(text)))


@pytest.mark.parametrize(
    "changes",
    [
        {"nope": 1},
        {"risk": {"lease_ttl": 5}},
        {"market": {"source": "replay"}},
        {"bots": [{"name": "a", "wallet": "alpha", "strategy": {"kind": "momentum"}}]},
        {"bots": [{"name": "a", "wallet": "alpha", "strategy": {"kind": "hold", "nope": 1}}]},
        {"bots": [{"name": "a", "wallet": "alpha", "strategy": "momentun"}]},
        {"wallets": {}},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(changes: dict[str, object]) -> None:
    assert not VALIDATOR.is_valid({"fleet": "a", "wallets": {"alpha": {}}} | changes)
