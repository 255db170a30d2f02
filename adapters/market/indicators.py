"""Streaming indicators: constant work and memory per bar, plain floats, TA-Lib's definitions.

    ema_N            exponential moving average of closes, seeded with the mean of the first N
    sma_N            simple moving average of closes
    rsi_N            Wilder's relative strength index, 0 to 100
    atr_N            Wilder's average true range, in price units
    macd_F_S_N       ema_F - ema_S, both seeded at close S
    macd_signal_F_S_N   its exponential average over N values
    macd_hist_F_S_N     the line less the signal

Two deliberate differences from TA-Lib: a series that never moved has an RSI of 50, not 0, which would read as
oversold; and the MACD line is there as soon as it is defined, not only when its signal is.
"""

from __future__ import annotations

import difflib
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from adapters.errors import ConfigError
from adapters.model import Bar

PERIOD_MAX = 10_000
EXAMPLES = (
    "ema_12",
    "sma_20",
    "rsi_14",
    "atr_14",
    "macd_12_26_9",
    "macd_signal_12_26_9",
    "macd_hist_12_26_9",
)


class Indicator(Protocol):
    """A number that follows closed bars."""

    def update(self, high: float, low: float, close: float) -> float | None:
        """Take in the next bar; the new value, or None until there were enough bars."""
        ...


class _Mean:
    """The mean of the first ``count`` values, which seeds an average."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._left = count
        self._sum = 0.0

    def add(self, value: float) -> float | None:
        self._sum += value
        self._left -= 1
        return None if self._left else self._sum / self._count


class _Ema:
    def __init__(self, period: int) -> None:
        self._weight = 2.0 / (period + 1)
        self._seed = _Mean(period)
        self._value: float | None = None

    def add(self, value: float) -> float | None:
        if self._value is None:
            self._value = self._seed.add(value)
        else:
            self._value += (value - self._value) * self._weight
        return self._value


class _Wilder:
    """Wilder's smoothing: the newest of N values weighs 1 / N."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._seed = _Mean(period)
        self._value: float | None = None

    def add(self, value: float) -> float | None:
        if self._value is None:
            self._value = self._seed.add(value)
        else:
            self._value = (self._value * (self._period - 1) + value) / self._period
        return self._value


class Ema:
    """Exponential moving average of closes; the newest weighs 2 / (N + 1)."""

    def __init__(self, period: int) -> None:
        self._ema = _Ema(period)

    def update(self, high: float, low: float, close: float) -> float | None:
        return self._ema.add(close)


class Sma:
    """Simple moving average of closes."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._window: deque[float] = deque()
        self._sum = 0.0

    def update(self, high: float, low: float, close: float) -> float | None:
        self._window.append(close)
        self._sum += close
        if len(self._window) > self._period:
            self._sum -= self._window.popleft()
        return self._sum / self._period if len(self._window) == self._period else None


class Rsi:
    """Relative strength index. Source: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978."""

    def __init__(self, period: int) -> None:
        self._gain, self._loss = _Wilder(period), _Wilder(period)
        self._close: float | None = None

    def update(self, high: float, low: float, close: float) -> float | None:
        before, self._close = self._close, close
        if before is None:
            return None
        gain = self._gain.add(max(close - before, 0.0))
        loss = self._loss.add(max(before - close, 0.0))
        if gain is None or loss is None:
            return None
        return 100.0 * gain / (gain + loss) if gain + loss else 50.0


class Atr:
    """Average true range. Source: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978."""

    def __init__(self, period: int) -> None:
        self._range = _Wilder(period)
        self._close: float | None = None

    def update(self, high: float, low: float, close: float) -> float | None:
        before, self._close = self._close, close
        if before is None:
            return None
        return self._range.add(max(high, before) - min(low, before))


class Macd:
    """Moving average convergence and divergence: the fast less the slow exponential average of closes."""

    def __init__(self, fast: int, slow: int, signal: int) -> None:
        self._fast, self._slow, self._signal = _Ema(fast), _Ema(slow), _Ema(signal)
        self._skip = slow - fast  # closes that the fast average leaves out, so that both are seeded together

    def lines(self, close: float) -> tuple[float | None, float | None]:
        """Line and signal, each None until warm."""
        slow = self._slow.add(close)
        if self._skip:
            self._skip -= 1
            return None, None
        fast = self._fast.add(close)
        if fast is None or slow is None:
            return None, None
        line = fast - slow
        return line, self._signal.add(line)

    def update(self, high: float, low: float, close: float) -> float | None:
        return self.lines(close)[0]


class MacdSignal(Macd):
    """The exponential average of the MACD line."""

    def update(self, high: float, low: float, close: float) -> float | None:
        return self.lines(close)[1]


class MacdHist(Macd):
    """The MACD line less its signal."""

    def update(self, high: float, low: float, close: float) -> float | None:
        line, signal = self.lines(close)
        return None if line is None or signal is None else line - signal


KINDS: Mapping[str, tuple[Callable[..., Indicator], int, int]] = MappingProxyType(
    {  # kind: maker, how many periods, the smallest period
        "ema": (Ema, 1, 1),
        "sma": (Sma, 1, 1),
        "rsi": (Rsi, 1, 2),
        "atr": (Atr, 1, 1),
        "macd": (Macd, 3, 1),
        "macd_signal": (MacdSignal, 3, 1),
        "macd_hist": (MacdHist, 3, 1),
    }
)


def make(name: str) -> Indicator:
    """The indicator of that name, cold.

    Raises:
        ConfigError: unknown kind, wrong number of periods, or a period out of range; the text suggests a name.
    """
    digits = "".join(re.findall(r"(?:_[0-9]{1,6})*$", name))
    kind = name.removesuffix(digits)
    if kind not in KINDS:
        close = difflib.get_close_matches(kind.lower(), KINDS, n=1)
        hint = _suggestion(close[0], digits) if close else ", ".join(EXAMPLES)
        raise ConfigError(f"indicator {name!r} is unknown; try {hint}")
    maker, count, least = KINDS[kind]
    periods_given = [int(text) for text in digits.split("_")[1:]]
    if len(periods_given) != count:
        raise ConfigError(
            f"indicator {name!r} needs {count} period{'s' if count > 1 else ''}; try {_suggestion(kind, '')}"
        )
    if not all(least <= period <= PERIOD_MAX for period in periods_given):
        raise ConfigError(f"indicator {name!r}: each period must be from {least} to {PERIOD_MAX}")
    if count == 3 and periods_given[0] >= periods_given[1]:
        raise ConfigError(f"indicator {name!r}: the first period must be shorter than the second")
    return maker(*periods_given)


class IndicatorSet:
    """Several indicators fed with the same bars.

    Args:
        names: such as "ema_12"; a repeated name counts once.

    Raises:
        ConfigError: see ``make``.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._indicators = {name: make(name) for name in names}
        self.values: dict[str, float] = {}  # after the newest bar, by name; absent until warm
        self.previous: dict[str, float] = {}  # one bar earlier

    def update(self, bar: Bar) -> None:
        """Take in the next closed bar. Both mappings are new ones: those handed out before stay as they were."""
        high, low, close = float(bar.high), float(bar.low), float(bar.close)
        self.previous = self.values
        self.values = {
            name: value
            for name, indicator in self._indicators.items()
            if (value := indicator.update(high, low, close)) is not None
        }


def _suggestion(kind: str, digits: str) -> str:
    example = next(name for name in EXAMPLES if re.fullmatch(rf"{kind}(_[0-9]+)+", name))
    return f"{kind}{digits}" if digits.count("_") == KINDS[kind][1] else example
