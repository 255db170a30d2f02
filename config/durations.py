"""Durations as people write them: ``250ms``, ``15m``, ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}  # largest first; the order in which a duration names them

PATTERN = r"^" + "".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in UNITS) + r"$"
LONGEST = timedelta(days=3650)

_MICROSECOND = timedelta(microseconds=1)
_SHAPE = re.compile(PATTERN, re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """The duration that ``text`` names, to the microsecond.

    Args:
        text: numbers with units, the larger unit first: ``"1h30m"``, ``"2.5s"``.

    Raises:
        ValueError: no unit, an unknown one, finer than a microsecond, or longer than ten years.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        raise ValueError(f"{text} has no unit; write {text}s or {text}m")
    found = _SHAPE.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is not a duration; write 250ms, 15s, 15m, 1h30m or 1d")
    microseconds = sum(
        (Decimal(number) * (unit // _MICROSECOND))
        for number, unit in zip(found.groups(), UNITS.values(), strict=True)
        if number is not None
    )
    if microseconds != int(microseconds):
        raise ValueError(f"{text!r} is finer than a microsecond; write at most 1us")
    if microseconds > LONGEST // _MICROSECOND:
        raise ValueError(f"{text!r} is too long; write at most {LONGEST.days}d")
    return timedelta(microseconds=int(microseconds))


def format_duration(duration: timedelta) -> str:
    """The shortest text of whole units that ``parse_duration`` reads back; ``duration`` is not negative."""
    parts = []
    for name, unit in UNITS.items():
        count, duration = divmod(duration, unit)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts) or "0s"
