"""Orders that wait: the queue, and what it takes to be reached."""

from decimal import Decimal

from adapters.model import Liquidity, OrderStatus, Side
from tests.adapters.paper.builders import Desk, a_book, a_quote, a_trade, buy, fills_in, sell


def test_trades_at_the_price_consume_the_queue_first_and_then_fill_us_for_the_rest_only() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    order = buy(3, 99)
    desk.place(order)
    desk.on(a_trade(Side.SELL, 4, 99))
    assert desk.report(order).filled == 0
    desk.on(a_trade(Side.SELL, 2, 99))
    assert desk.report(order).filled == 1
    desk.on(a_trade(Side.SELL, 9, 99))
    assert desk.report(order).status is OrderStatus.FILLED
    assert {fill.liquidity for fill in fills_in(desk.heard)} == {Liquidity.MAKER}


def test_a_trade_on_the_other_side_of_the_book_does_not_touch_our_queue() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    order = buy(3, 99)
    desk.place(order)
    desk.on(a_trade(Side.BUY, 100, 99))
    assert desk.report(order).filled == 0


def test_the_queue_shrinks_to_the_size_that_is_shown() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    order = buy(3, 99)
    desk.place(order)
    desk.on(a_quote(99, 101, 1, t=1))
    desk.on(a_quote(99, 101, 8, t=2))
    desk.on(a_trade(Side.SELL, 2, 99))
    assert desk.report(order).filled == 1


def test_inside_the_spread_nobody_stands_before_us() -> None:
    desk = Desk()
    desk.on(a_quote(99, 102, 5))
    order = buy(3, 100)
    desk.place(order)
    desk.on(a_trade(Side.SELL, 2, 100))
    assert desk.report(order).filled == 2


def test_a_queue_that_nobody_has_seen_is_endless_until_its_price_is_shown() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    order = buy(3, 95)
    desk.place(order)
    desk.on(a_trade(Side.SELL, 1000, 95))
    assert desk.report(order).filled == 0
    desk.on(a_quote(95, 96, 2, t=1))
    desk.on(a_trade(Side.SELL, 3, 95))
    assert desk.report(order).filled == 1


def test_a_price_within_the_book_that_shows_no_size_has_no_queue() -> None:
    desk = Desk()
    desk.on(a_book([(99, 5), (97, 5)], [(101, 5)]))
    order = buy(1, 98)
    desk.place(order)
    desk.on(a_trade(Side.SELL, 1, 98))
    assert desk.report(order).filled == 1


def test_a_trade_beyond_the_price_fills_at_our_price_but_no_more_than_its_size() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    order = buy(3, 99)
    desk.place(order)
    desk.on(a_trade(Side.SELL, 2, 98))
    assert desk.fills() == [(Decimal(99), Decimal(2))]


def test_all_our_orders_share_one_trade() -> None:
    desk = Desk()
    desk.on(a_quote(99, 102, 5))
    first, second = buy(3, 100), buy(3, 100)
    desk.place(first)
    desk.place(second, "bob")
    desk.on(a_trade(Side.SELL, 4, 99))
    assert (desk.report(first).filled, desk.report(second, "bob").filled) == (Decimal(3), Decimal(1))


def test_orders_of_one_price_share_one_queue() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    first, second = buy(1, 99), buy(1, 99)
    desk.place(first)
    desk.place(second, "bob")
    desk.on(a_trade(Side.SELL, 7, 99))
    assert (desk.report(first).filled, desk.report(second, "bob").filled) == (Decimal(1), Decimal(1))


def test_an_opposite_quote_that_reaches_the_price_fills_no_more_than_it_shows() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    order = buy(3, 99)
    desk.place(order)
    desk.on(a_quote(97, 98, 2, t=1))
    assert desk.fills() == [(Decimal(99), Decimal(2))]


def test_depth_that_reached_one_order_is_gone_for_the_next() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    desk.place(buy(3, 99))
    other = buy(3, 98)
    desk.place(other, "bob")
    desk.on(a_quote(96, 97, 4, t=1))
    assert desk.report(other, "bob").filled == 1


def test_a_quote_that_only_touches_our_own_side_fills_nothing() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 5))
    order = sell(1, 101)
    desk.place(order)
    desk.on(a_quote(100, 101, 5, t=1))
    assert desk.report(order).filled == 0


def test_a_resting_order_whose_margin_was_lost_is_cancelled_instead_of_filled() -> None:
    desk = Desk(cash=110)
    desk.on(a_quote(99, 101))
    desk.place(buy(5, 101, leverage=10))
    order = buy(5, 96)
    desk.place(order)
    desk.on(a_quote(95, 96, t=1))
    report = desk.report(order)
    assert (report.status, report.filled, report.reason) == (
        OrderStatus.CANCELLED,
        Decimal(0),
        "insufficient margin",
    )
