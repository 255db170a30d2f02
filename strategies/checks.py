"""What a strategy's ``__post_init__`` asks of its numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any


def require_positive(strategy: object, *names: str) -> None:
    """Raise ``ValueError`` that names the first field that is not above zero."""
    for name in names:
        value = getattr(strategy, name)
        if not value > _zero_of(value):
            raise ValueError(f"{name}: must be above 0, is {value}")


def require_not_negative(strategy: object, *names: str) -> None:
    """Raise ``ValueError`` that names the first field that is below zero."""
    for name in names:
        value = getattr(strategy, name)
        if not value >= _zero_of(value):
            raise ValueError(f"{name}: must not be negative, is {value}")


def _zero_of(value: Any) -> Any:
    return timedelta(0) if isinstance(value, timedelta) else 0
