"""Zipped bars: a CSV with a header inside a zip, or Lean's zips, which have none.

Lean's folders tell what its numbers mean. ``.../crypto/...``: times in UTC, real prices. ``.../equity/usa/...``: times
in New York, prices times 10,000. Second and minute files are one day each, ``YYYYMMDD_trade.zip``, with milliseconds
since local midnight; hour and daily files carry ``YYYYMMDD HH:MM``.
Source: the data format pages of QuantConnect Lean, "Cryptocurrency" and "Equity".
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.errors import ConfigError
from adapters.market.csv_rows import csv_rows
from adapters.market.rows import Row

NEW_YORK = ZoneInfo("America/New_York")
COLUMNS = 6  # time, open, high, low, close, volume
RESOLUTIONS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "daily": timedelta(days=1),
}


def lean_interval(path: Path) -> timedelta | None:
    """The length of the bars, where one of Lean's folders tells it: sparse bars cannot."""
    if path.suffix.lower() != ".zip":
        return None
    return next((RESOLUTIONS[folder] for folder in path.resolve().parts[:-1] if folder in RESOLUTIONS), None)


def zip_rows(path: Path) -> Iterator[Row]:
    """The rows of the one file inside.

    Raises:
        ConfigError: not a zip, not exactly one file inside, not text, or not bars as above.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise ConfigError(f"{path}: holds {len(names)} files; needs one CSV of one market's bars")
            lines = archive.read(names[0]).decode("utf-8-sig").splitlines()
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ConfigError(f"{path}: is not a readable zip ({error})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {names[0]} inside is not text") from error
    if re.match(r"\d+( \d\d:\d\d)?,", lines[0] if lines else ""):
        yield from _lean_rows(lines, path)
    else:
        yield from csv_rows((line + "\n" for line in lines), path)


def _lean_rows(lines: list[str], path: Path) -> Iterator[Row]:
    zone, scale = _market(path)
    read_time = _time_reader(lines[0], path)
    for number, row in enumerate(csv.reader(io.StringIO("\n".join(lines))), start=1):
        if len(row) != COLUMNS:
            raise ConfigError(
                f"{path}, row {number}: has {len(row)} columns; trade bars have {COLUMNS} (quote bars and ticks "
                "cannot be replayed)"
            )
        time, first, high, low, last, volume = row
        try:
            opened = read_time(time).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            raise ConfigError(
                f"{path}, row {number}: time {time!r} is neither milliseconds since midnight nor YYYYMMDD HH:MM"
            ) from None
        if scale and not all(price.isdigit() for price in (first, high, low, last)):
            raise ConfigError(f"{path}, row {number}: prices must be whole numbers of 1/10000 USD")
        yield number, opened, first + scale, high + scale, low + scale, last + scale, volume


def _market(path: Path) -> tuple[tzinfo, str]:
    folders = path.resolve().parts[:-1]
    if "crypto" in folders:
        return UTC, ""
    if "equity" in folders and "usa" in folders:
        return NEW_YORK, "E-4"
    raise ConfigError(
        f"{path}: bars without a header, outside Lean's folders; keep .../crypto/... (UTC, real prices) or "
        ".../equity/usa/... (New York, prices times 10000) in its path, or add a header"
    )


def _time_reader(first_line: str, path: Path) -> Callable[[str], datetime]:
    if " " in first_line.partition(",")[0]:
        return lambda text: datetime.strptime(text, "%Y%m%d %H:%M")  # noqa: DTZ007 - the zone comes from the folder
    match = re.fullmatch(r"(\d{8})_trade\.zip", path.name)
    if match is None:
        raise ConfigError(
            f"{path}: the times are since midnight, so its name must be YYYYMMDD_trade.zip; "
            "quotes and open interest cannot be replayed as bars"
        )
    day = datetime.fromisoformat(match[1])
    return lambda text: day + timedelta(milliseconds=int(text))
