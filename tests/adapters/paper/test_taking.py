"""Orders that take: what the market shows is what there is."""

from decimal import Decimal

import pytest

from adapters.errors import InvalidParam
from adapters.model import Liquidity, OrderStatus, Side, TimeInForce
from adapters.venue import UserEvent
from tests.adapters.paper.builders import Desk, a_book, a_quote, a_trade, buy, fills_in, sell


def test_a_market_order_walks_the_visible_depth_and_the_rest_is_cancelled() -> None:
    desk = Desk()
    desk.on(a_book([(99, 5)], [(101, 1), (102, 2)]))
    report = desk.place(buy(4))
    assert desk.fills() == [(Decimal(101), Decimal(1)), (Decimal(102), Decimal(2))]
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal(3))
    assert report.reason == "no more depth within its limit"


def test_a_marketable_limit_takes_up_to_its_price_and_rests_with_the_rest() -> None:
    desk = Desk()
    desk.on(a_book([(99, 5)], [(101, 1), (102, 2)]))
    report = desk.place(buy(4, 101))
    assert desk.fills() == [(Decimal(101), Decimal(1))]
    assert (report.status, report.remaining) == (OrderStatus.OPEN, Decimal(3))


def test_an_ioc_order_never_rests() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 1))
    report = desk.place(buy(4, 101, tif=TimeInForce.IOC))
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal(1))
    assert not desk.exchange.open_orders("ann")


def test_a_post_only_order_that_would_take_is_refused() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    with pytest.raises(InvalidParam, match="would take"):
        desk.place(buy(1, 101, tif=TimeInForce.POST_ONLY))
    assert desk.place(buy(1, 100, tif=TimeInForce.POST_ONLY)).status is OrderStatus.OPEN


def test_depth_that_was_taken_is_not_offered_again_until_fresh_data_arrives() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, 1))
    desk.place(buy(1))
    assert desk.place(buy(1), "bob").filled == 0
    desk.on(a_quote(99, 101, 1, t=1))
    assert desk.place(buy(1), "bob").filled == 1


def test_a_newer_quote_refreshes_its_own_levels_only() -> None:
    desk = Desk()
    desk.on(a_book([(99, 5)], [(101, 1), (102, 1)]))
    desk.place(buy(2))
    desk.on(a_quote(99, 101, 1, t=1))
    assert desk.place(buy(2), "bob").filled == 1


def test_a_newer_quote_replaces_the_top_of_a_fresh_book() -> None:
    desk = Desk()
    desk.on(a_book([(99, 5)], [(101, 1), (102, 1), (103, 1)]))
    desk.on(a_quote(100, 102, 4, t=1))
    desk.place(buy(6))
    assert desk.fills() == [(Decimal(102), Decimal(4)), (Decimal(103), Decimal(1))]


def test_a_book_much_older_than_the_quote_no_longer_counts() -> None:
    desk = Desk()
    desk.on(a_book([(99, 5)], [(101, 1), (102, 9)]))
    desk.on(a_quote(99, 101, 1, t=6))
    assert desk.place(buy(3)).filled == 1


def test_fills_are_whole_steps() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101, "1.2345"))
    assert desk.place(buy(3)).filled == Decimal("1.234")


def test_two_accounts_trade_with_each_other_and_the_maker_is_told_first() -> None:
    desk = Desk()
    desk.on(a_quote(90, 110))
    desk.place(buy(1, 100))
    desk.heard.clear()
    desk.place(sell(1, 100), "bob")
    [fill] = fills_in(desk.heard)
    assert (fill.price, fill.liquidity, fill.fee) == (Decimal(100), Liquidity.MAKER, Decimal("0.01"))
    assert (desk.size("ann"), desk.size("bob")) == (Decimal(1), Decimal(-1))


def test_our_own_orders_at_one_price_are_filled_in_the_order_of_their_arrival() -> None:
    desk = Desk()
    desk.exchange.open_account("cid", Decimal(10_000))
    desk.on(a_quote(90, 110))
    first, second = sell(1, 100), sell(1, 100)
    desk.place(first)
    desk.place(second, "bob")
    desk.place(buy("1.5", 105), "cid")
    assert (desk.report(first).filled, desk.report(second, "bob").filled) == (Decimal(1), Decimal("0.5"))


def test_a_better_price_comes_before_an_earlier_order() -> None:
    desk = Desk()
    desk.exchange.open_account("cid", Decimal(10_000))
    desk.on(a_quote(90, 110))
    early, better = sell(1, 101), sell(1, 100)
    desk.place(early)
    desk.place(better, "bob")
    desk.place(buy(1, 105), "cid")
    assert (desk.report(early).filled, desk.report(better, "bob").filled) == (Decimal(0), Decimal(1))


def test_at_one_price_the_markets_own_size_goes_before_ours() -> None:
    desk = Desk()
    desk.on(a_quote(90, 100, 1))
    maker = sell(1, 100)
    desk.place(maker)
    desk.place(buy("1.5"), "bob")
    assert desk.report(maker).filled == Decimal("0.5")


def test_an_account_never_trades_with_itself_its_resting_order_ends() -> None:
    desk = Desk()
    desk.on(a_quote(90, 110))
    resting = sell(1, 100)
    desk.place(resting)
    taker = desk.place(buy(1, 100))
    assert (desk.report(resting).status, desk.report(resting).reason) == (OrderStatus.CANCELLED, "self-trade")
    assert (taker.status, taker.filled) == (OrderStatus.OPEN, Decimal(0))


def test_each_fill_is_told_before_the_report_that_counts_it() -> None:
    desk = Desk()
    desk.on(a_book([(99, 5)], [(101, 1), (102, 1)]))
    order = buy(2)
    desk.place(order)
    told = [getattr(event, "filled", "fill") for event in desk.heard]
    assert told == [Decimal(0), "fill", Decimal(1), "fill", Decimal(2)]


def test_a_subscriber_may_place_an_order_and_its_news_come_after_those_under_way() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    first, second = buy(1), buy(1, 90)

    def reply(_: UserEvent) -> None:
        desk.place(second)

    heard: list[UserEvent] = []
    desk.exchange.subscribe("ann", reply)
    desk.exchange.subscribe("ann", heard.append)
    desk.place(first)
    ids = [getattr(event, "order_id", None) or event.order.id for event in heard]  # type: ignore[union-attr]
    assert heard == desk.heard
    assert ids == [first.id] * 3 + [second.id]


def test_public_trades_alone_give_a_price_but_no_depth() -> None:
    desk = Desk()
    desk.on(a_trade(Side.BUY, 1, 100))
    assert desk.exchange.last_prices() == {"BTC": Decimal(100)}
    assert desk.place(buy(1)).filled == 0
