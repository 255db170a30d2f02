"""Column types that give back exactly what was put in, on every database: all are text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Dialect, String, Text, TypeDecorator

T = TypeVar("T")


class UtcTime(TypeDecorator[datetime]):
    """An aware time as ISO 8601 text in UTC, always with six digits of fraction: its order is the order of time."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone: {value}")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else msgspec.convert(value, datetime)


class AsText(TypeDecorator[T]):
    """A ``Decimal`` with all its digits, or the value of a ``StrEnum``. Not for sorting."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[T]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: T | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> T | None:
        return None if value is None else msgspec.convert(value, self.kind)


class AsJson(TypeDecorator[T]):
    """A whole value, for what is never searched by its parts. Fields added later read as their defaults."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: T | None, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> T | None:
        if value is None:
            return None
        decoded: T = msgspec.json.decode(value, type=self.kind)
        return decoded
