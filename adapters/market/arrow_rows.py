"""Bars in Parquet and Feather. The one module that imports pyarrow, and is imported only when such a file is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import InvalidOperation
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather
import pyarrow.parquet

from adapters.errors import ConfigError
from adapters.market.rows import Row, find_columns, time_reader

PARQUET_MAGIC = b"PAR1"


def arrow_rows(path: Path) -> Iterator[Row]:
    """The rows, numbered from 1.

    Raises:
        ConfigError: the file is damaged, a column is missing, or a time cannot be read.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == PARQUET_MAGIC
        table = pa.parquet.read_table(path) if is_parquet else pa.feather.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{path}: is damaged or no Parquet or Feather file ({error})") from error
    time_at, *number_at = find_columns(table.column_names, path)
    texts = [_texts(table.column(place)) for place in number_at]
    times = _times(table.column(time_at), path)
    for number, (time, *cells) in enumerate(zip(times, *texts, strict=True), start=1):
        first, high, low, last, volume = cells
        yield number, time, first, high, low, last, volume


def _texts(column: pa.ChunkedArray) -> list[str]:
    """Each value as text, a null as none.

    A double keeps 15 significant decimal digits of any number; what it shows beyond them (0.10441057000000001) is
    noise of the arithmetic that made the file.
    """
    if pa.types.is_float64(column.type):
        return ["" if value is None else f"{value:.15g}" for value in column.to_pylist()]
    return [text or "" for text in pc.cast(column, pa.string()).to_pylist()]


def _times(column: pa.ChunkedArray, path: Path) -> list[datetime]:
    if column.null_count:
        raise ConfigError(f"{path}, row {column.is_null().to_pylist().index(True) + 1}: has no time")
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        micros = pc.cast(column, pa.timestamp("us"), safe=False)  # in UTC whatever zone it is shown in
        return [time.replace(tzinfo=UTC) for time in micros.to_pylist()]
    texts = _texts(column)
    if not texts:
        return []
    read_time = time_reader(texts[0])
    times: list[datetime] = []
    for number, text in enumerate(texts, start=1):
        try:
            times.append(read_time(text))
        except (ValueError, OverflowError, InvalidOperation):
            raise ConfigError(f"{path}, row {number}: time {text!r} cannot be read") from None
    return times
