"""One feed, bars and indicators for each who watches, and an age that does not lie."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from actors.market_data import MarketData
from actors.messages import Snapshots, Watch
from actors.prices import Prices
from adapters.clock import VirtualClock
from adapters.market.indicators import IndicatorSet
from adapters.model import Bar, FundingDue, MarketContext, Quote, Snapshot, Symbol, Trade
from adapters.model import Side as Aggressor
from tests.builders import BTC, ETH

START = datetime.fromisoformat("2026-01-05T12:00:00+00:00")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def data(clock: VirtualClock) -> MarketData:
    return MarketData((BTC, ETH), clock)


def a_quote(price: float, seconds: float = 0.0, symbol: Symbol = BTC) -> Quote:
    mid = Decimal(str(price))
    half, size = Decimal("0.5"), Decimal(1)
    at = START + timedelta(seconds=seconds)
    return Quote(symbol=symbol, bid=mid - half, bid_size=size, ask=mid + half, ask_size=size, at=at)


def a_bar(close: float, minute: int, symbol: Symbol = BTC) -> Bar:
    price = Decimal(str(close))
    return Bar(
        symbol=symbol,
        open=price,
        high=price + 2,
        low=price - 2,
        close=price,
        volume=Decimal(10),
        interval=MINUTE,
        at=START + minute * MINUTE,
    )


def walk(count: int) -> list[float]:
    return [1000 + 10 * ((number * 7) % 11) - number for number in range(count)]


def seen(data: MarketData, watch: Watch) -> Snapshot:
    (snapshot,) = data.snapshots(watch).snapshots
    return snapshot


def test_before_its_first_news_a_market_shows_nothing(data: MarketData) -> None:
    assert data.snapshots(Watch((BTC, ETH), (), 60.0)) == Snapshots(60.0, ())
    data.take(a_quote(1000))
    assert [shown.symbol for shown in data.snapshots(Watch((BTC, ETH), (), 60.0)).snapshots] == [BTC]


def test_news_of_other_markets_is_passed_over(data: MarketData) -> None:
    data.take(a_quote(1000, symbol=Symbol("DOGE")))
    assert not data.changed
    data.take(a_quote(1000))
    assert data.changed == {BTC}


def test_the_age_of_a_market_grows_until_it_is_heard_again(data: MarketData, clock: VirtualClock) -> None:
    watch = Watch((BTC,), (), 60.0)
    data.take(a_quote(1000))
    clock.advance(3)
    data.take(a_quote(100, symbol=ETH))
    assert seen(data, watch).age_s == 3
    assert data.health() == {BTC: 3, ETH: 0}
    data.take(Trade(symbol=BTC, price=Decimal(1), size=Decimal(1), side=Aggressor.BUY, at=START))
    assert seen(data, watch).age_s == 0


def test_open_interest_and_funding_have_an_age_of_their_own(data: MarketData, clock: VirtualClock) -> None:
    watch = Watch((BTC,), (), 60.0)
    data.take(a_quote(1000))
    assert seen(data, watch).context_age_s is None
    data.take(
        MarketContext(
            symbol=BTC,
            mark_price=Decimal(1000),
            funding_rate=Decimal("0.0001"),
            open_interest=Decimal(5),
            at=START,
        )
    )
    clock.advance(90)
    data.take(a_quote(1001))
    assert seen(data, watch).age_s == 0
    assert seen(data, watch).context_age_s == pytest.approx(90)
    prices = Prices(clock)
    prices.take(data.snapshots(watch))
    clock.advance(10)
    kept = prices.snapshot(BTC)
    assert kept is not None
    assert kept.context_age_s == pytest.approx(100)


def test_the_mark_is_the_contexts_or_the_mid(data: MarketData) -> None:
    watch = Watch((BTC,), (), 60.0)
    data.take(a_quote(1000))
    assert seen(data, watch).mark_price == 1000
    data.take(
        MarketContext(
            symbol=BTC,
            mark_price=Decimal(1001),
            funding_rate=Decimal("0.0001"),
            open_interest=Decimal(5),
            at=START,
        )
    )
    data.take(FundingDue(symbol=BTC, rate=Decimal(1), mark_price=Decimal(7), at=START))
    shown = seen(data, watch)
    assert (shown.mark_price, shown.funding_rate, shown.open_interest) == (
        Decimal(1001),
        Decimal("0.0001"),
        Decimal(5),
    )


def test_each_watch_has_its_own_bars_and_indicators(clock: VirtualClock) -> None:
    data = MarketData((BTC,), clock, MINUTE)
    minutes, fives = Watch((BTC,), ("ema_3",), 60.0), Watch((BTC,), ("sma_2",), 300.0)
    for watch in (minutes, fives):
        data.watch(watch)
    closes = walk(20)
    for number, close in enumerate(closes):
        data.take(a_bar(close, number + 1))
    expected = IndicatorSet(["ema_3"])
    for number, close in enumerate(closes):
        expected.update(a_bar(close, number + 1))
    shown = seen(data, minutes)
    assert shown.indicators == expected.values
    assert shown.previous == expected.previous
    assert (shown.close, shown.bar_at) == (closes[-1], START + 20 * MINUTE)
    assert seen(data, fives).indicators == {"sma_2": (closes[14] + closes[19]) / 2}


def test_a_late_watch_is_warm_from_the_history(clock: VirtualClock) -> None:
    early, late = MarketData((BTC,), clock, MINUTE), MarketData((BTC,), clock, MINUTE)
    watch = Watch((BTC,), ("ema_12", "rsi_5", "atr_5"), 120.0)
    early.watch(watch)
    for number, close in enumerate(walk(60)):
        for data in (early, late):
            data.take(a_bar(close, number + 1))
    late.watch(watch)
    assert seen(late, watch) == seen(early, watch)
    assert set(seen(late, watch).indicators) == set(watch.indicators)


def test_watching_more_keeps_what_was_watched(clock: VirtualClock) -> None:
    data = MarketData((BTC,), clock, MINUTE)
    for number, close in enumerate(walk(10)):
        data.take(a_bar(close, number + 1))
    data.watch(Watch((BTC,), ("ema_3",), 60.0))
    data.watch(Watch((BTC,), ("sma_2",), 60.0))
    assert set(seen(data, Watch((BTC,), (), 60.0)).indicators) == {"ema_3", "sma_2"}


def test_quotes_and_trades_make_bars(data: MarketData) -> None:
    watch = Watch((BTC,), ("sma_2",), 2.0)
    data.watch(watch)
    for second in range(9):
        data.take(a_quote(1000 + second, second))
    shown = seen(data, watch)
    assert shown.close == 1007
    assert shown.indicators == {"sma_2": 1006.0}


@pytest.mark.parametrize("interval_s", [0.5, 1.5, 90.5])
def test_bars_that_cannot_be_made_leave_the_prices(data: MarketData, interval_s: float) -> None:
    watch = Watch((BTC, Symbol("DOGE")), ("ema_3",), interval_s)
    data.watch(watch)
    data.take(a_quote(1000))
    assert seen(data, watch).indicators == {}


def test_the_changes_over_one_and_four_hours(clock: VirtualClock) -> None:
    data = MarketData((BTC,), clock, MINUTE)
    watch = Watch((BTC,), (), 60.0)
    for minute in range(1, 60):
        data.take(a_bar(1000 + minute, minute))
    assert seen(data, watch).change_1h is None
    for minute in range(60, 301):
        data.take(a_bar(1000 + minute, minute))
    data.take(a_quote(1400, seconds=300 * 60))
    shown = seen(data, watch)
    assert shown.change_1h == pytest.approx(1400 / 1240 - 1)
    assert shown.change_4h == pytest.approx(1400 / 1060 - 1)


def test_only_changed_markets_are_told_when_asked_so(data: MarketData) -> None:
    for symbol in (BTC, ETH):
        data.take(a_quote(1000, symbol=symbol))
    told = data.snapshots(Watch((BTC, ETH), (), 60.0), {ETH}).snapshots
    assert [snapshot.symbol for snapshot in told] == [ETH]
