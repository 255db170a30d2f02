"""Views with indicators, for the strategies."""

from __future__ import annotations

from typing import Any

from strategies.strategy import View
from tests.builders import BTC, a_snapshot, a_view


def indicators(*, gap: float = 1.0, rsi: float = 55.0, atr: float = 5.0) -> dict[str, float]:
    """EMA 12 ``gap`` above EMA 26."""
    return {"ema_12": 1000.0 + gap, "ema_26": 1000.0, "rsi_14": rsi, "atr_14": atr}


def a_trend(now: float, before: float, *, rsi: float = 55.0, atr: float = 5.0, **changes: Any) -> View:
    """The EMA gap on the newest closed bar and on the one before; ``changes`` are the view's."""
    market = a_snapshot(indicators=indicators(gap=now, rsi=rsi, atr=atr), previous=indicators(gap=before))
    return a_view(**{"markets": {BTC: market}, **changes})
