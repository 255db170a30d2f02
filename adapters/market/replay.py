"""Recorded bars as a market: CSV, Parquet, Feather and zipped bars, one file per symbol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import merge
from operator import attrgetter
from pathlib import Path

from adapters.errors import ConfigError
from adapters.market.csv_rows import csv_rows
from adapters.market.instruments import infer_instrument
from adapters.market.rows import Row, bars_of
from adapters.market.zip_rows import lean_interval, zip_rows
from adapters.model import Bar, Instrument, InstrumentKind, Symbol

TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
ARROW_MAGICS = (b"PAR1", b"ARROW1", b"FEA1")
ZIP_MAGIC = b"PK\x03\x04"


class BarReplay:
    """A ``MarketSource`` of closed bars, merged over symbols in the order of their closes.

    Everything is read and checked at once, before the first event. The stamps in files are open times; a bar comes
    out at its close. Tick and step of an instrument follow from the decimals seen (``infer_instrument``), and each is
    taken for a perpetual, so that it can be sold short; bars carry no funding.

    Args:
        files: symbol to file. The format is known by its first bytes, text by its suffix.

    Raises:
        ConfigError: an unreadable, unknown, empty or unsound file; the text names the file, the row and why.
    """

    def __init__(self, files: Mapping[Symbol, Path]) -> None:
        self._bars = {
            symbol: bars_of(_rows(path), symbol, path, lean_interval(path)) for symbol, path in files.items()
        }
        self._instruments = {symbol: _instrument(symbol, bars) for symbol, bars in self._bars.items()}

    def __len__(self) -> int:
        """How many bars there are in all."""
        return sum(map(len, self._bars.values()))

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        return self._instruments

    def events(self) -> Iterator[Bar]:
        return merge(*self._bars.values(), key=attrgetter("at"))


def _rows(path: Path) -> Iterator[Row]:
    try:
        with path.open("rb") as file:
            magic = file.read(8)
        if magic.startswith(ARROW_MAGICS):
            from adapters.market.arrow_rows import arrow_rows  # heavy: only who reads such a file pays for it

            yield from arrow_rows(path)
        elif magic.startswith(ZIP_MAGIC):
            yield from zip_rows(path)
        elif path.suffix.lower() in TEXT_SUFFIXES:
            with path.open(encoding="utf-8-sig", newline="") as text:
                yield from csv_rows(text, path)
        elif not magic:
            raise ConfigError(f"{path}: is empty")
        else:
            raise ConfigError(
                f"{path}: unknown format; needs bars as .csv, .parquet, .feather or .zip (its first bytes are "
                f"{magic!r})"
            )
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not text in UTF-8, whatever its name says") from error


def _instrument(symbol: Symbol, bars: list[Bar]) -> Instrument:
    prices = {price for bar in bars for price in (bar.open, bar.high, bar.low, bar.close)}
    return infer_instrument(symbol, InstrumentKind.PERP, prices, {bar.volume for bar in bars})
