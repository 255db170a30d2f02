"""Bars in CSV, as text: comma, semicolon or tab; with a header, or without one in the usual order."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from adapters.errors import ConfigError
from adapters.market.rows import Row, find_columns, time_reader

DELIMITERS = ",;\t"


def csv_rows(lines: Iterable[str], path: Path) -> Iterator[Row]:
    """The rows; the number of a row is that of its line, the header's being 1.

    Without a header the columns are time, open, high, low, close, volume, and more that are ignored: the order of
    the exchanges' own downloads.

    Raises:
        ConfigError: no text, a column is missing, a row is short, or a time cannot be read.
    """
    lines = iter(lines)
    first_line = next(lines, "")
    delimiter = max(DELIMITERS, key=first_line.count)
    header = next(csv.reader([first_line], delimiter=delimiter), [])
    if not "".join(header).strip():
        raise ConfigError(f"{path}: is empty; needs a header and at least two bars")
    cells = csv.reader(lines, delimiter=delimiter)
    if _is_number(header[0]) and len(header) >= 6 and _is_number(header[1]):
        places: tuple[int, ...] = tuple(range(6))
        yield from _rows([(1, header)], places, path)
    else:
        places = find_columns(header, path)
    yield from _rows(((cells.line_num + 1, row) for row in cells if row), places, path)


def _rows(numbered: Iterable[tuple[int, list[str]]], places: tuple[int, ...], path: Path) -> Iterator[Row]:
    time_at, open_at, high_at, low_at, close_at, volume_at = places
    read_time = None
    for number, row in numbered:
        try:
            time = row[time_at]
            read_time = read_time or time_reader(time)
            yield (
                number,
                read_time(time),
                row[open_at],
                row[high_at],
                row[low_at],
                row[close_at],
                row[volume_at],
            )
        except IndexError:
            raise ConfigError(
                f"{path}, row {number}: has {len(row)} columns; needs at least {max(places) + 1}"
            ) from None
        except (ValueError, OverflowError, InvalidOperation):
            raise ConfigError(
                f"{path}, row {number}: time {time!r} cannot be read; must be epoch s, ms, us or ns, or ISO 8601, "
                "and the same all through the file"
            ) from None


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
