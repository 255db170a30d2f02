"""Raw websocket captures as a market: lines of ``<local receive time in ns> <json>``, plain or gzipped."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from heapq import merge
from io import BufferedIOBase
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Protocol

import msgspec

from adapters.errors import ConfigError
from adapters.market.binance_capture import BinanceDecoder
from adapters.market.hyperliquid_capture import HyperliquidDecoder
from adapters.market.instruments import infer_instrument
from adapters.market.wire import Message, at_ns
from adapters.model import Book, Instrument, InstrumentKind, MarketEvent, Quote, Symbol, Trade

GZIP_MAGIC = b"\x1f\x8b"
PROBE_EVENTS = 2000  # enough to see every decimal that a market uses


class Decoder(Protocol):
    """One venue's messages, of one market, as events. A message of another market is a ``ConfigError``."""

    kind: InstrumentKind  # as far as the messages so far tell

    def events(self, message: Message, text: bytes, received_at: datetime) -> Iterator[MarketEvent]: ...


class CaptureReplay:
    """A ``MarketSource`` of recorded websocket messages: Binance spot and futures, Hyperliquid.

    An event's ``at`` is the exchange's time where the message carries one, else the recorder's, whose clock may
    differ; where that would go back in time, the time of the event before it holds. Tick and step of an instrument
    follow from the decimals of the first events.

    Args:
        files: symbol to capture, each of one market.

    Raises:
        ConfigError: a file that cannot be read or holds no known message; while playing, a damaged line or one of
            another market. The text names file and line.
    """

    def __init__(self, files: Mapping[Symbol, Path]) -> None:
        self._files = dict(files)
        self._instruments = {symbol: _instrument(symbol, path) for symbol, path in files.items()}

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        return self._instruments

    def events(self) -> Iterator[MarketEvent]:
        return merge(
            *(_events(path, _decoder(symbol, path)) for symbol, path in self._files.items()),
            key=attrgetter("at"),
        )


def is_capture(path: Path) -> bool:
    """Whether the file begins as a capture does: a receive time, a blank, an object."""
    try:
        with _opened(path) as file:
            received, _, text = file.readline(200).partition(b" ")
    except (OSError, EOFError, zlib.error):
        return False
    return received.isdigit() and text.lstrip().startswith(b"{")


def _events(path: Path, decoder: Decoder) -> Iterator[MarketEvent]:
    newest: datetime | None = None
    for number, received_at, text in _lines(path):
        try:
            message = msgspec.json.decode(text, type=Message)
            for event in decoder.events(message, text, received_at):
                if newest is not None and event.at < newest:
                    yield replace(event, at=newest)
                else:
                    newest = event.at
                    yield event
        except (msgspec.MsgspecError, ConfigError) as error:
            raise ConfigError(f"{path}, line {number}: {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, datetime, bytes]]:
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, start=1):
                received_ns, _, text = line.partition(b" ")
                if not received_ns.isdigit():
                    raise ConfigError(f"{path}, line {number}: must be a time in ns, a blank, and JSON")
                yield number, at_ns(int(received_ns)), text
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error


def _opened(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        is_gzip = file.read(2) == GZIP_MAGIC
    return gzip.open(path, "rb") if is_gzip else path.open("rb")


def _decoder(symbol: Symbol, path: Path) -> Decoder:
    for number, _, text in _lines(path):
        try:
            message = msgspec.json.decode(text, type=Message)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path}, line {number}: {error}") from error
        if message.stream or message.last_update_id is not None:
            return BinanceDecoder(symbol)
        if message.channel:
            return HyperliquidDecoder(symbol)
    raise ConfigError(f"{path}: holds no message of Binance or Hyperliquid")


def _instrument(symbol: Symbol, path: Path) -> Instrument:
    prices: set[Decimal] = set()
    sizes: set[Decimal] = set()
    decoder = _decoder(symbol, path)
    for event in islice(_events(path, decoder), PROBE_EVENTS):
        match event:
            case Quote():
                prices |= {event.bid, event.ask}
                sizes |= {event.bid_size, event.ask_size}
            case Trade():
                prices.add(event.price)
                sizes.add(event.size)
            case Book():
                prices |= {level.price for level in (*event.bids, *event.asks)}
                sizes |= {level.size for level in (*event.bids, *event.asks)}
    if not prices:
        raise ConfigError(f"{path}: holds no depth, quote or trade that is known")
    return infer_instrument(symbol, decoder.kind, prices, sizes)
