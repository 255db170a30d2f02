"""The way of an order to the book takes time, and nothing overtakes."""

from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.errors import InvalidParam
from adapters.model import OrderStatus
from tests.adapters.paper.builders import Desk, a_quote, at, buy, sell


def a_slow_desk() -> Desk:
    desk = Desk(latency=timedelta(seconds=1))
    desk.on(a_quote(99, 101))
    return desk


def test_an_order_in_flight_is_open_and_unfilled() -> None:
    desk = a_slow_desk()
    order = buy(1)
    report = desk.place(order)
    assert (report.status, report.filled) == (OrderStatus.OPEN, Decimal(0))
    assert desk.exchange.open_orders("ann") == [report] == [desk.place(order)]


def test_an_order_meets_the_market_that_is_shown_when_it_arrives() -> None:
    desk = a_slow_desk()
    order = buy(1)
    desk.place(order)
    desk.on(a_quote(109, 111, t=0.5))
    desk.on(a_quote(119, 121, t=1.5))
    assert desk.fills() == [(Decimal(111), Decimal(1))]
    assert desk.report(order).at == at(1)


def test_advance_lets_orders_arrive_without_market_data() -> None:
    desk = a_slow_desk()
    desk.place(buy(1))
    desk.exchange.advance(at(0.9))
    assert not desk.fills()
    desk.exchange.advance(at(1))
    assert desk.fills() == [(Decimal(101), Decimal(1))]


def test_a_cancel_arrives_after_its_order_and_may_come_too_late() -> None:
    desk = a_slow_desk()
    resting, taking = buy(1, 90), buy(1)
    for order in (resting, taking):
        desk.place(order)
        assert desk.exchange.cancel("ann", order.id).status is OrderStatus.OPEN
    desk.exchange.advance(at(1))
    assert (desk.report(resting).status, desk.report(taking).status) == (
        OrderStatus.CANCELLED,
        OrderStatus.FILLED,
    )


def test_what_the_book_refuses_on_arrival_is_reported_as_rejected() -> None:
    desk = a_slow_desk()
    order = sell(1, 150, reduce_only=True)
    desk.place(order)
    desk.exchange.advance(at(1))
    report = desk.report(order)
    assert (report.status, report.reason) == (
        OrderStatus.REJECTED,
        "a reduce-only order needs a position that it reduces",
    )


def test_what_is_malformed_is_refused_when_it_is_sent() -> None:
    with pytest.raises(InvalidParam):
        a_slow_desk().place(buy(1, "90.5"))


def test_the_exit_sent_after_the_entry_finds_the_position() -> None:
    desk = a_slow_desk()
    desk.place(buy(1))
    desk.place(sell(1, reduce_only=True))
    desk.exchange.advance(at(1))
    assert len(desk.fills()) == 2
    assert desk.size() == 0


def test_an_order_expires_on_its_way() -> None:
    desk = a_slow_desk()
    order = buy(1, expires_at=at(0.5))
    desk.place(order)
    desk.exchange.advance(at(1))
    assert desk.report(order).status is OrderStatus.EXPIRED
