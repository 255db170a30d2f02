"""A bot's performance as a picture, PNG or one HTML page. The drawing library is imported by whoever draws."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from actors.analytics import PerformanceAnalysis
from adapters.errors import ConfigError
from risk.results import RoundTrip

PLOTS = (".png", ".html")
REJECTIONS_SHOWN = 12


def plot(file: Path, found: PerformanceAnalysis, trips: Sequence[RoundTrip]) -> None:
    """Draw the PnL over time, each round trip, and what was rejected.

    Args:
        file: ends in one of ``PLOTS``.
        found: what is told in numbers.
        trips: oldest first.

    Raises:
        ConfigError: the drawing library is not installed, or the file cannot be written.
    """
    picture = _png(found, trips)
    try:
        if file.suffix == ".png":
            file.write_bytes(picture)
        else:
            file.write_text(_page(found, picture), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error


def _png(found: PerformanceAnalysis, trips: Sequence[RoundTrip]) -> bytes:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("plots need matplotlib: pip install 'flotilla[plots]'") from error
    figure = Figure(figsize=(9, 9), layout="constrained")
    curve, bars, rejected = figure.subplots(3, 1)
    times: list[Any] = [trip.at for trip in trips]
    results = [float(trip.pnl_usd) for trip in trips]
    curve.step(times, list(accumulate(results)), where="post")
    curve.set_title(f"{found.bot}: PnL of the last {found.trades} round trips, USD after fees")
    bars.bar(range(len(results)), results, color=["tab:green" if r > 0 else "tab:red" for r in results])
    bars.axhline(0, color="gray", linewidth=0.8)
    bars.set_title("each round trip, USD")
    worst = sorted(found.rejections.items(), key=lambda item: item[1])[-REJECTIONS_SHOWN:]
    rejected.barh([name for name, _ in worst], [count for _, count in worst])
    rejected.set_title(f"rejected of {found.wishes} wishes, by class")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)  # draws without a screen
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _page(found: PerformanceAnalysis, picture: bytes) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(str(getattr(found, name)))}</td></tr>"
        for name in found.__struct_fields__
    )
    image = base64.b64encode(picture).decode()
    title = html.escape(f"performance of {found.bot}")
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        f"<body><h1>{title}</h1><img alt='PnL, round trips, rejections' src='data:image/png;base64,{image}'>"
        f"<table>{rows}</table></body></html>\n"
    )
