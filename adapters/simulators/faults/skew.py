"""A venue whose clock is wrong: its times, shifted on their way to us."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

_MILLISECOND = timedelta(milliseconds=1)


def shifted(value: Any, by: timedelta) -> Any:
    """Plain data with every ``datetime`` in it shifted."""
    match value:
        case datetime():
            return value + by
        case dict():
            return {key: shifted(item, by) for key, item in value.items()}
        case list():
            return [shifted(item, by) for item in value]
        case _:
            return value


def shifted_json(body: bytes, by: timedelta, fields: Collection[str]) -> bytes:
    """JSON with the times in these fields shifted; what is no JSON stays as it is.

    Args:
        body: as the venue gave it.
        by: how far its clock is ahead.
        fields: the names under which it tells times: epoch milliseconds, as a number or in digits, or ISO 8601.
    """
    try:
        value = json.loads(body)
    except ValueError:
        return body
    moved = _in_fields(value, by, fields)
    return body if moved == value else json.dumps(moved, separators=(",", ":")).encode()


def shifted_date(header: str, by: timedelta) -> str:
    """An HTTP ``Date``, shifted."""
    return format_datetime((parsedate_to_datetime(header) + by).astimezone(UTC), usegmt=True)


def _in_fields(value: Any, by: timedelta, fields: Collection[str]) -> Any:
    match value:
        case dict():
            return {
                key: _time(item, by) if key in fields else _in_fields(item, by, fields)
                for key, item in value.items()
            }
        case list():
            return [_in_fields(item, by, fields) for item in value]
        case _:
            return value


def _time(value: Any, by: timedelta) -> Any:
    match value:
        case bool():
            return value
        case int():
            return value + by // _MILLISECOND
        case str() if value.isdigit():
            return str(int(value) + by // _MILLISECOND)
        case str():
            try:
                return (datetime.fromisoformat(value) + by).isoformat()
            except ValueError:
                return value
        case _:
            return value
