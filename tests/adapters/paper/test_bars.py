"""A market of bars: the open, stops, targets, limits, the close, and never the future."""

from datetime import timedelta
from decimal import Decimal

from adapters.model import MarketContext, OrderStatus, Side
from tests.adapters.paper.builders import BTC, Desk, a_bar, a_quote, at, buy, sell, stop, target

FLAT = a_bar(20_000, 20_000, 20_000, 20_000, minute=0)  # half a spread of 1 bp is 2


def test_without_latency_an_order_meets_the_close_and_half_a_spread_at_once() -> None:
    desk = Desk()
    desk.on(a_bar(19_000, 21_000, 18_000, 20_000))
    desk.place(buy(1))
    assert desk.fills() == [(Decimal(20_002), Decimal(1))]


def test_half_a_spread_is_at_least_one_tick() -> None:
    desk = Desk()
    desk.on(a_bar("99.5", "99.5", "99.5", "99.5"))
    desk.place(sell(1))
    assert desk.fills() == [(Decimal(98), Decimal(1))]


def test_a_tenth_of_the_bars_volume_is_the_depth() -> None:
    desk = Desk()
    desk.on(a_bar(20_000, 20_000, 20_000, 20_000, 30))
    assert desk.place(buy(5)).filled == 3


def test_an_order_in_flight_meets_the_next_open() -> None:
    desk = Desk(latency=timedelta(milliseconds=200))
    desk.on(FLAT)
    order = buy(1)
    desk.place(order)
    desk.on(a_bar(20_500, 21_000, 20_400, 20_900))
    assert desk.fills() == [(Decimal(20_503), Decimal(1))]


def test_a_limit_that_the_range_only_touches_is_not_filled() -> None:
    desk = Desk()
    desk.on(FLAT)
    order = buy(1, 19_900)
    desk.place(order)
    desk.on(a_bar(20_000, 20_000, 19_900, 20_000))
    assert desk.report(order).filled == 0


def test_a_limit_that_the_range_trades_through_fills_at_its_price() -> None:
    desk = Desk()
    desk.on(FLAT)
    order = buy(1, 19_900)
    desk.place(order)
    desk.on(a_bar(19_800, 20_000, 19_700, 20_000))
    assert desk.fills() == [(Decimal(19_900), Decimal(1))]


def test_limits_share_a_tenth_of_the_bars_volume_by_price_and_time() -> None:
    desk = Desk()
    desk.on(FLAT)
    first, second = buy(2, 19_900), buy(2, 19_950)
    desk.place(first)
    desk.place(second)
    desk.on(a_bar(20_000, 20_000, 19_000, 20_000, 30))
    assert (desk.report(first).filled, desk.report(second).filled) == (Decimal(1), Decimal(2))


def test_a_stop_fills_half_a_spread_beyond_its_trigger() -> None:
    desk = Desk()
    desk.on(FLAT)
    desk.place(buy(1))
    order = stop(Side.SELL, 1, 19_500)
    desk.place(order)
    desk.on(a_bar(20_000, 20_000, 19_000, 20_000))
    assert desk.fills()[1:] == [(Decimal(19_498), Decimal(1))]


def test_a_stop_behind_a_gap_fills_at_the_open() -> None:
    desk = Desk()
    desk.on(FLAT)
    desk.place(buy(1))
    desk.place(stop(Side.SELL, 1, 19_500))
    desk.on(a_bar(19_000, 20_000, 18_000, 20_000))
    assert desk.fills()[1:] == [(Decimal(18_998), Decimal(1))]


def test_where_one_bar_reaches_both_the_stop_comes_before_the_target() -> None:
    desk = Desk()
    desk.on(FLAT)
    desk.place(buy(1))
    aim, guard = target(Side.SELL, 1, 20_500), stop(Side.SELL, 1, 19_500)
    desk.place(aim)
    desk.place(guard)
    desk.on(a_bar(20_000, 21_000, 19_000, 20_800))
    assert desk.report(guard).status is OrderStatus.FILLED
    assert desk.report(aim).status is OrderStatus.CANCELLED
    assert desk.size() == 0


def test_a_target_needs_a_trade_beyond_it_and_fills_at_it() -> None:
    desk = Desk()
    desk.on(FLAT)
    desk.place(buy(1))
    desk.place(target(Side.SELL, 1, 20_500))
    desk.on(a_bar(20_000, 20_500, 20_000, 20_400))
    assert desk.size() == 1
    desk.on(a_bar(20_600, 20_700, 20_400, 20_400, minute=2))
    assert desk.fills()[1:] == [(Decimal(20_500), Decimal(1))]


def test_a_stop_larger_than_the_bars_share_goes_on_at_the_close() -> None:
    desk = Desk()
    desk.on(FLAT)
    desk.place(buy(3))
    order = stop(Side.SELL, 3, 19_500)
    desk.place(order)
    desk.on(a_bar(20_000, 20_000, 19_000, 19_200, 20))
    assert desk.fills()[1:] == [(Decimal(19_498), Decimal(2)), (Decimal(19_198), Decimal(1))]


def test_an_account_that_the_bars_low_breaks_is_liquidated_there_though_the_close_is_fine() -> None:
    desk = Desk(cash=2_000)
    desk.on(FLAT)
    order = buy(1, leverage=20)
    desk.place(order)
    desk.on(a_bar(20_000, 20_000, 18_000, 20_000))
    assert desk.fills()[1:] == [(Decimal(17_998), Decimal(1))]
    assert desk.size() == 0


def test_bars_count_no_longer_once_quotes_were_seen() -> None:
    desk = Desk()
    desk.on(a_quote(19_999, 20_001))
    order = buy(1, 19_000)
    desk.place(order)
    desk.on(a_bar(20_000, 30_000, 10_000, 20_000))
    assert desk.report(order).filled == 0
    assert desk.exchange.last_prices() == {"BTC": Decimal(20_000)}


def test_no_fill_knows_the_rest_of_its_bar() -> None:
    """Bars that share a prefix give the same fills over it, whatever comes after."""
    runs = []
    for close in (15_000, 25_000):
        desk = Desk(latency=timedelta(seconds=1))
        desk.on(FLAT)
        desk.place(buy(1))
        desk.on(a_bar(20_100, 26_000, 14_000, close))
        runs.append(desk.fills())
    assert runs[0] == runs[1] == [(Decimal(20_103), Decimal(1))]


def test_a_bar_is_a_newer_mark_than_the_context_before_it() -> None:
    desk = Desk()
    desk.on(FLAT)
    desk.place(buy(1))
    desk.on(
        MarketContext(
            symbol=BTC,
            mark_price=Decimal(19_000),
            funding_rate=Decimal(0),
            open_interest=Decimal(0),
            at=at(30),
        )
    )
    assert desk.exchange.positions("ann")[0].mark_price == 19_000
    desk.on(a_bar(20_000, 20_100, 20_000, 20_100))
    assert desk.exchange.positions("ann")[0].mark_price == 20_100
