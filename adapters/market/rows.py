"""From the rows of any bar file to checked bars.

Each format's reader yields ``Row``s: the row's number in its file, when the bar opened, and the five numbers still as
text, so that prices become ``Decimal`` without passing through a float. The checks are here, once for all formats.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from adapters.errors import ConfigError
from adapters.market.bars import EPOCH
from adapters.model import Bar, Symbol

Row: TypeAlias = tuple[
    int, datetime, str, str, str, str, str
]  # number, opened, open, high, low, close, volume

TIME_NAMES = (
    "timestamp",
    "datetime",
    "date",
    "time",
    "open_time",
    "open time",
    "",
    "unnamed: 0",
    "__index_level_0__",
)
NUMBER_NAMES = ("open", "high", "low", "close", "volume")
INFINITY = Decimal("Infinity")


def find_columns(names: Sequence[str], path: Path) -> tuple[int, ...]:
    """Where the bar's open time, open, high, low, close and volume stand, whatever the case of their names.

    Raises:
        ConfigError: one is missing.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(name.strip().lower(), place)
    time = next((places[name] for name in TIME_NAMES if name in places), None)
    missing = ["timestamp"] if time is None else []
    missing += [name for name in NUMBER_NAMES if name not in places]
    if time is None or missing:
        found = ", ".join(name or "(no name)" for name in names)
        raise ConfigError(
            f"{path}: no column {', '.join(missing)}; needs timestamp (or date, time), open, high, low, close, "
            f"volume, but has {found}"
        )
    return (time, *(places[name] for name in NUMBER_NAMES))


def time_reader(sample: str) -> Callable[[str], datetime]:
    """How to read a column of times that begins with ``sample``; without a zone they are UTC.

    Epoch seconds, milli-, micro- or nanoseconds are told apart by their size (ten-digit numbers are seconds), other
    text is ISO 8601; eight digits are a date. The reader raises ``ValueError`` for text that does not fit.
    """
    text = sample.strip()
    if re.fullmatch(r"(19|20|21)\d{6}", text) or not re.fullmatch(r"\d+(\.\d*)?", text):
        return _iso_time
    seconds = float(text)
    power = next((power for power in (0, 3, 6) if seconds < 10 ** (11 + power)), 9)
    return lambda text: EPOCH + timedelta(microseconds=int(Decimal(text).scaleb(6 - power)))


def bars_of(rows: Iterable[Row], symbol: Symbol, path: Path, interval: timedelta | None = None) -> list[Bar]:
    """Checked bars. Stamps in files are open times, so a bar's ``at`` is its stamp plus the interval.

    Args:
        rows: in the order of the file.
        symbol: of the bars.
        path: of the file, for what is said about it.
        interval: of the bars; None takes the most common gap between stamps.

    Raises:
        ConfigError: fewer than two rows, a number that is none, not finite or not positive, high below low, open or
            close outside them, times that do not increase, or bars that overlap; the text names file and row.
    """
    numbers: list[int] = []
    opened: list[datetime] = []
    prices: list[tuple[Decimal, Decimal, Decimal, Decimal, Decimal]] = []
    for number, time, *cells in rows:
        try:
            first, high, low, last, volume = map(Decimal, cells)
            is_sound = 0 < low <= first <= high < INFINITY and low <= last <= high and 0 <= volume < INFINITY
        except InvalidOperation:  # not a number, or NaN, which has no order
            is_sound = False
        if not is_sound:
            raise ConfigError(f"{path}, row {number}: {_what_is_wrong(cells)}")
        numbers.append(number)
        opened.append(time)
        prices.append((first, high, low, last, volume))
    interval = _checked_interval(numbers, opened, path, interval)
    return [
        Bar(
            symbol=symbol,
            open=first,
            high=high,
            low=low,
            close=last,
            volume=volume,
            interval=interval,
            at=time + interval,
        )
        for time, (first, high, low, last, volume) in zip(opened, prices, strict=True)
    ]


def _checked_interval(
    numbers: Sequence[int], opened: Sequence[datetime], path: Path, stated: timedelta | None
) -> timedelta:
    if len(opened) < 2:
        raise ConfigError(f"{path}: {len(opened)} rows; needs at least two bars to know their interval")
    gaps = [after - before for before, after in pairwise(opened)]
    interval = stated or Counter(gaps).most_common(1)[0][0]
    for number, time, gap in zip(numbers[1:], opened[1:], gaps, strict=True):
        if gap <= timedelta(0):
            raise ConfigError(
                f"{path}, row {number}: {time} is not after the row before; times must increase"
            )
        if gap < interval:
            raise ConfigError(
                f"{path}, row {number}: {time} is {gap} after the row before, but the bars are {interval} long"
            )
    return interval


def _what_is_wrong(cells: Sequence[str]) -> str:
    named = list(zip(NUMBER_NAMES, cells, strict=True))
    for name, text in named:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return f"{name} is {text!r}; must be a number"
        if not number.is_finite():
            return f"{name} is {text}; must be a finite number"
        if number < 0 or (number == 0 and name != "volume"):
            return f"{name} is {text}; must be {'zero or more' if name == 'volume' else 'above zero'}"
    numbers = {name: Decimal(text) for name, text in named}
    if numbers["high"] < numbers["low"]:
        return f"high {numbers['high']} is below low {numbers['low']}"
    name = next(name for name in ("open", "close") if not numbers["low"] <= numbers[name] <= numbers["high"])
    return f"{name} {numbers[name]} is not between low {numbers['low']} and high {numbers['high']}"


def _iso_time(text: str) -> datetime:
    time = datetime.fromisoformat(text.strip())
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
