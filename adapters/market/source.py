"""Opens recorded markets, whatever their format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from adapters.errors import ConfigError
from adapters.market.captures import CaptureReplay, is_capture
from adapters.market.replay import BarReplay
from adapters.model import Symbol
from adapters.venue import MarketSource


def open_source(files: Mapping[Symbol, Path]) -> MarketSource:
    """The market that the files hold: websocket captures, or bars in any format of ``BarReplay``.

    Raises:
        ConfigError: no file, captures and bars together, or a file that neither can read.
    """
    if not files:
        raise ConfigError("a replay needs at least one file")
    captures = [symbol for symbol, path in files.items() if is_capture(path)]
    if not captures:
        return BarReplay(files)
    if len(captures) < len(files):
        bars = ", ".join(symbol for symbol in files if symbol not in captures)
        raise ConfigError(
            f"a replay is of captures or of bars, not both: {', '.join(captures)} and {bars} do not go together"
        )
    return CaptureReplay(files)
