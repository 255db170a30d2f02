import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import ConfigError
from adapters.market.indicators import IndicatorSet, make
from adapters.market.replay import BarReplay
from adapters.model import Bar, Symbol

NAMES = (
    "ema_1",
    "ema_12",
    "ema_200",
    "sma_1",
    "sma_20",
    "rsi_2",
    "rsi_14",
    "atr_1",
    "atr_14",
    "macd_12_26_9",
    "macd_signal_12_26_9",
    "macd_hist_12_26_9",
    "macd_5_35_5",
)
MACD_OUTPUTS = {"macd": 0, "macd_signal": 1, "macd_hist": 2}


def bars_from(candles: Sequence[tuple[float, float, float]]) -> list[Bar]:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return [
        Bar(
            symbol=Symbol("X"),
            open=Decimal(repr(close)),
            high=Decimal(repr(high)),
            low=Decimal(repr(low)),
            close=Decimal(repr(close)),
            volume=Decimal(1),
            interval=timedelta(minutes=1),
            at=start + timedelta(minutes=number),
        )
        for number, (high, low, close) in enumerate(candles)
    ]


def reference(name: str, bars: Sequence[Bar]) -> list[float]:
    high, low, close = (
        np.array([float(price) for price in column])
        for column in zip(*((bar.high, bar.low, bar.close) for bar in bars), strict=True)
    )
    kind, *periods = name.rsplit("_", 3 if name.startswith("macd") else 1)
    numbers = [int(period) for period in periods]
    match kind:
        case "ema":
            values = talib.EMA(close, numbers[0]) if numbers[0] > 1 else close
        case "sma":
            values = talib.SMA(close, numbers[0]) if numbers[0] > 1 else close
        case "rsi":
            values = talib.RSI(close, numbers[0])
        case "atr":
            values = talib.ATR(high, low, close, numbers[0])
        case _:
            values = talib.MACD(close, *numbers)[MACD_OUTPUTS[kind]]
    return [float(value) for value in values]


def assert_as_talib(names: Sequence[str], bars: Sequence[Bar]) -> None:
    indicators = IndicatorSet(names)
    ours: dict[str, list[float | None]] = {name: [] for name in names}
    for bar in bars:
        indicators.update(bar)
        for name in names:
            ours[name].append(indicators.values.get(name))
    for name in names:
        is_difference = name.startswith("macd")  # as exact as the averages it is made of
        for number, (value, theirs) in enumerate(zip(ours[name], reference(name, bars), strict=True)):
            if math.isnan(theirs):  # TA-Lib shows the MACD line only when its signal is there too
                assert value is None or name.rsplit("_", 3)[0] == "macd", (name, number)
            else:
                slack = float(bars[number].close) * 1e-12 if is_difference else 0.0
                assert value is not None
                assert math.isclose(value, theirs, rel_tol=1e-9, abs_tol=slack), (name, number)


@pytest.mark.parametrize("file", ["nautilus/btc-perp-20211231-20220201_1m.csv", "backtesting_py/GOOG.csv"])
def test_every_indicator_is_talibs_to_nine_digits_on_real_bars(shared_data: Path, file: str) -> None:
    bars = list(BarReplay({Symbol("X"): shared_data / "market" / file}).events())
    assert_as_talib(NAMES, bars)


cents = st.integers(100, 10_000_000)


@st.composite
def candles(draw: st.DrawFn) -> list[tuple[float, float, float]]:
    made = []
    for low, up, within in draw(
        st.lists(st.tuples(cents, st.integers(1, 10_000), st.floats(0, 1)), min_size=1, max_size=80)
    ):
        made.append(((low + up) / 100, low / 100, (low + round(up * within)) / 100))
    return made


@given(candles())
def test_every_indicator_is_talibs_on_any_series(made: list[tuple[float, float, float]]) -> None:
    closes = [close for _, _, close in made]
    moved = len(set(closes[:3])) > 1  # TA-Lib calls a series that never moved oversold
    names = [
        name
        for name in ("ema_5", "sma_7", "rsi_5", "atr_4", "macd_3_8_4", "macd_signal_3_8_4", "macd_hist_3_8_4")
        if moved or not name.startswith("rsi")
    ]
    assert_as_talib(names, bars_from(made))


def test_a_series_that_never_moved_is_neither_overbought_nor_oversold() -> None:
    rsi = make("rsi_14")
    assert [rsi.update(5, 5, 5) for _ in range(20)] == [None] * 14 + [50.0] * 6


@given(candles(), st.integers(2, 20))
def test_rsi_stays_within_its_bounds(made: list[tuple[float, float, float]], period: int) -> None:
    rsi = make(f"rsi_{period}")
    values = [rsi.update(*candle) for candle in made]
    assert values[:period] == [None] * min(period, len(values))
    assert all(value is not None and 0 <= value <= 100 for value in values[period:])


def test_values_are_absent_until_warm_and_previous_is_one_bar_earlier() -> None:
    indicators = IndicatorSet(["sma_2", "ema_1"])
    first, second, third = bars_from([(1, 1, 1), (3, 3, 3), (5, 5, 5)])
    assert (indicators.values, indicators.previous) == ({}, {})
    indicators.update(first)
    assert (indicators.values, indicators.previous) == ({"ema_1": 1.0}, {})
    indicators.update(second)
    shown = indicators.values
    assert shown == {"sma_2": 2.0, "ema_1": 3.0}
    indicators.update(third)
    assert (indicators.values, indicators.previous) == ({"sma_2": 4.0, "ema_1": 5.0}, shown)
    assert shown == {"sma_2": 2.0, "ema_1": 3.0}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("emma_12", "try ema_12"),
        ("EMA_12", "try ema_12"),
        ("rsi", "try rsi_14"),
        ("rsi_14_2", "needs 1 period"),
        ("macd_12_26", "needs 3 periods; try macd_12_26_9"),
        ("macd_histo_12_26_9", "try macd_hist_12_26_9"),
        ("vwap_20", "try ema_12, sma_20"),
        ("", "try ema_12"),
        ("ema_0", "from 1 to 10000"),
        ("rsi_1", "from 2 to 10000"),
        ("ema_99999", "from 1 to 10000"),
        ("ema_-3", "try ema_12"),
        ("macd_26_12_9", "shorter than the second"),
    ],
)
def test_a_wrong_name_is_refused_with_a_right_one(name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint) as refusal:
        make(name)
    assert repr(name) in str(refusal.value)
