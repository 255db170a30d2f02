"""What a venue, or something in front of it, sends instead of an answer."""

from __future__ import annotations

import json
from typing import Any

from adapters.simulators.faults.plan import Kind

HTML_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Please try again later.</body></html>"


def wrong_types(value: Any) -> Any:
    """The same shape with another type in every leaf: texts become numbers, all else becomes a text."""
    match value:
        case dict():
            return {key: wrong_types(item) for key, item in value.items()}
        case list():
            return [wrong_types(item) for item in value]
        case str():
            return len(value)
        case _:
            return "?"


def malformed_json(kind: Kind, body: bytes) -> bytes:
    """A JSON answer, spoilt. One that is no JSON has no types to be wrong, and becomes an empty text.

    Args:
        kind: one of ``MALFORMED``.
        body: the answer as the venue gave it.
    """
    match kind:
        case Kind.TRUNCATED:
            return body[: len(body) // 2]
        case Kind.HTML:
            return HTML_PAGE
        case Kind.WRONG_TYPES:
            try:
                return json.dumps(wrong_types(json.loads(body))).encode()
            except ValueError:
                return b'""'
        case _:
            return b""
