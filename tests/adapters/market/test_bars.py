from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.feather
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.market.bars import BarBuilder
from adapters.market.replay import BarReplay
from adapters.model import ZERO, Bar, Quote, Side, Symbol, Trade

XRP = Symbol("XRP/ETH")
SECOND, MINUTE, FIVE_MINUTES = timedelta(seconds=1), timedelta(minutes=1), timedelta(minutes=5)
START = datetime(2024, 3, 1, tzinfo=UTC)


def a_trade(second: float, price: int | str, size: int = 1) -> Trade:
    return Trade(
        symbol=XRP,
        price=Decimal(price),
        size=Decimal(size),
        side=Side.BUY,
        at=START + timedelta(seconds=second),
    )


def built(news: Iterable[Quote | Trade | Bar], interval: timedelta, until: datetime) -> list[Bar]:
    builder = BarBuilder(XRP, interval)
    bars = [bar for item in news for bar in builder.add(item)]
    return bars + builder.until(until)


def recorded(path: Path) -> list[Bar]:
    return list(BarReplay({XRP: path}).events())


def numbers(bar: Bar) -> tuple[int, ...]:
    """Open, high, low, close and volume, of a bar of whole numbers."""
    cells = (bar.open, bar.high, bar.low, bar.close, bar.volume)
    assert all(cell == int(cell) for cell in cells)
    return tuple(map(int, cells))


def with_news(bars: Iterable[Bar]) -> list[Bar]:
    return [bar for bar in bars if bar.volume]


def test_trades_make_the_exchanges_own_minutes_exactly(shared_data: Path) -> None:
    folder = shared_data / "market/freqtrade"
    table = pyarrow.feather.read_table(folder / "XRP_ETH-trades.feather")
    trades = [
        Trade(
            symbol=XRP,
            price=Decimal(repr(row["price"])),
            size=Decimal(repr(row["amount"])),
            side=Side(row["side"]),
            at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=row["timestamp"]),
        )
        for row in table.to_pylist()
    ]
    oracle = recorded(folder / "XRP_ETH-1m.feather")
    assert len(oracle) == 2469
    assert with_news(built(trades, MINUTE, oracle[-1].at)) == oracle


def test_minutes_make_the_exchanges_own_five_minutes_exactly(shared_data: Path) -> None:
    folder = shared_data / "market/freqtrade"
    oracle = recorded(folder / "XRP_ETH-5m.feather")
    assert len(oracle) == 706
    minutes = recorded(folder / "XRP_ETH-1m.feather")
    assert with_news(built(minutes, FIVE_MINUTES, oracle[-1].at)) == oracle


@pytest.mark.parametrize(("ticker", "minutes"), [("ibm", 440), ("spy", 821)])
def test_seconds_make_the_minutes_of_a_stock_exactly(shared_data: Path, ticker: str, minutes: int) -> None:
    folder = shared_data / "market/lean/equity/usa"
    seconds = recorded(folder / "second" / ticker / "20131007_trade.zip")
    oracle = recorded(folder / "minute" / ticker / "20131007_trade.zip")
    ours = {bar.at: bar for bar in built(seconds, MINUTE, oracle[-1].at)}
    assert len(oracle) == minutes
    for bar in oracle:
        mine = ours[bar.at]
        assert (mine.open, mine.high, mine.low, mine.close) == (bar.open, bar.high, bar.low, bar.close)


def test_a_bar_is_given_when_its_end_is_reached_and_not_before() -> None:
    builder = BarBuilder(XRP, MINUTE)
    assert builder.add(a_trade(59.9, 5)) == []
    assert builder.until(START + timedelta(seconds=59.999)) == []
    [bar] = builder.add(a_trade(60, 7))
    assert (bar.at, bar.close) == (START + MINUTE, Decimal(5))


def test_buckets_without_news_repeat_the_close() -> None:
    bars = built([a_trade(0, 5, 3), a_trade(1, 6), a_trade(185, 9)], MINUTE, START + 4 * MINUTE)
    assert [numbers(bar) for bar in bars] == [
        (5, 6, 5, 6, 4),
        (6, 6, 6, 6, 0),
        (6, 6, 6, 6, 0),
        (9, 9, 9, 9, 1),
    ]


def test_a_quote_counts_with_its_mid_and_without_volume() -> None:
    quote = Quote(
        symbol=XRP, bid=Decimal(3), bid_size=Decimal(1), ask=Decimal(4), ask_size=Decimal(1), at=START
    )
    [bar] = built([quote], MINUTE, START + MINUTE)
    assert (bar.open, bar.close, bar.volume) == (Decimal("3.5"), Decimal("3.5"), ZERO)


def test_late_news_does_not_change_the_next_bar() -> None:
    bars = built([a_trade(61, 5), a_trade(59, 1_000), a_trade(62, 6)], MINUTE, START + 2 * MINUTE)
    assert [numbers(bar) for bar in bars] == [(5, 6, 5, 6, 2)]


def test_a_smaller_bar_that_ends_the_bucket_closes_it_at_once() -> None:
    builder = BarBuilder(XRP, FIVE_MINUTES)
    minute = Bar(
        symbol=XRP,
        open=Decimal(1),
        high=Decimal(3),
        low=Decimal(1),
        close=Decimal(2),
        volume=Decimal(4),
        interval=MINUTE,
        at=START + 5 * MINUTE,
    )
    [bar] = builder.add(minute)
    assert (numbers(bar), bar.at) == ((1, 3, 1, 2, 4), START + 5 * MINUTE)


def test_bars_that_do_not_divide_the_interval_are_refused() -> None:
    bar = built([a_trade(0, 5)], timedelta(minutes=2), START + timedelta(minutes=2))[0]
    with pytest.raises(ValueError, match="do not fit"):
        BarBuilder(XRP, FIVE_MINUTES).add(bar)
    with pytest.raises(ValueError, match="not positive"):
        BarBuilder(XRP, timedelta(0))


@given(
    st.lists(st.tuples(st.floats(0, 2000), st.integers(1, 99), st.integers(1, 9)), min_size=1, max_size=60),
    st.sampled_from([1, 7, 60, 300]),
)
def test_bars_tile_time_and_keep_every_trade(sample: list[tuple[float, int, int]], seconds: int) -> None:
    trades = [a_trade(*row) for row in sorted(sample)]
    interval = timedelta(seconds=seconds)
    bars = built(trades, interval, trades[-1].at + interval)
    assert sum(bar.volume for bar in bars) == sum(trade.size for trade in trades)
    assert [bar.at - bars[0].at for bar in bars] == [number * interval for number in range(len(bars))]
    for bar in bars:
        inside = [trade.price for trade in trades if bar.at - interval <= trade.at < bar.at]
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert (bar.at - datetime.fromtimestamp(0, UTC)) % interval == timedelta(0)
        if inside:
            assert (bar.open, bar.high, bar.low, bar.close) == (
                inside[0],
                max(inside),
                min(inside),
                inside[-1],
            )
        else:
            assert (bar.open, bar.high, bar.low, bar.volume) == (bar.close, bar.close, bar.close, ZERO)
