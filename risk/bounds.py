"""Comparisons that answer with the refusal itself."""

from __future__ import annotations

from decimal import Decimal

from risk.verdict import Refusal


def above(value: Decimal | int, limit: Decimal | int, unit: str) -> Refusal | None:
    """``None`` up to the limit."""
    if value <= limit:
        return None
    shown = f"{value:.2f}" if isinstance(value, Decimal) else str(value)
    return Refusal(detail=f"{shown} {unit}, at most {limit}", limit=str(limit), value=str(value))


def below(value: Decimal, limit: Decimal, unit: str) -> Refusal | None:
    """``None`` from the limit on."""
    if value >= limit:
        return None
    return Refusal(detail=f"{value:.2f} {unit}, at least {limit}", limit=str(limit), value=str(value))
