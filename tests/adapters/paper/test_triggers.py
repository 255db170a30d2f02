"""Stops, targets and reduce-only orders on a market of quotes."""

from decimal import Decimal

import pytest

from adapters.errors import RiskRejected
from adapters.model import MarketContext, OrderStatus, Side
from tests.adapters.paper.builders import BTC, Desk, a_quote, a_trade, at, buy, sell, stop, target


def a_context(mark: int, *, t: float = 0) -> MarketContext:
    return MarketContext(
        symbol=BTC,
        mark_price=Decimal(mark),
        funding_rate=Decimal(0),
        open_interest=Decimal(0),
        at=at(t),
    )


def a_long(size: int = 1) -> Desk:
    desk = Desk()
    desk.on(a_quote(99, 101))
    desk.place(buy(size))
    return desk


def test_a_stop_takes_the_market_once_the_mid_reaches_its_trigger() -> None:
    desk = a_long()
    order = stop(Side.SELL, 1, 95)
    desk.place(order)
    desk.on(a_quote(95, 97, t=1))
    assert desk.report(order).status is OrderStatus.OPEN
    desk.on(a_quote(94, 96, t=2))
    assert desk.fills()[1:] == [(Decimal(94), Decimal(1))]


def test_a_target_takes_the_market_once_the_mid_reaches_its_trigger() -> None:
    desk = a_long()
    desk.place(target(Side.SELL, 1, 105))
    desk.on(a_quote(104, 106, t=1))
    assert desk.fills()[1:] == [(Decimal(104), Decimal(1))]


def test_a_short_is_guarded_in_the_other_direction() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    desk.place(sell(1))
    guard, aim = stop(Side.BUY, 1, 105), target(Side.BUY, 1, 90)
    desk.place(guard)
    desk.place(aim)
    desk.on(a_quote(104, 106, t=1))
    assert (desk.report(guard).status, desk.report(aim).status) == (OrderStatus.FILLED, OrderStatus.CANCELLED)


def test_where_a_mark_is_known_it_alone_sets_triggers_off() -> None:
    desk = a_long()
    desk.on(a_context(100))
    order = stop(Side.SELL, 1, 95)
    desk.place(order)
    desk.on(a_quote(80, 81, t=1))
    desk.on(a_trade(Side.SELL, 1, 80, t=1))
    assert desk.report(order).status is OrderStatus.OPEN
    desk.on(a_context(95, t=2))
    assert desk.fills()[1:] == [(Decimal(80), Decimal(1))]


def test_without_a_mark_a_public_trade_sets_triggers_off() -> None:
    desk = a_long()
    order = stop(Side.SELL, 1, 95)
    desk.place(order)
    desk.on(a_trade(Side.SELL, 1, 94, t=1))
    assert desk.report(order).status is OrderStatus.FILLED


def test_a_stop_whose_trigger_has_passed_when_it_arrives_goes_off_at_once() -> None:
    desk = a_long()
    assert desk.place(stop(Side.SELL, 1, 150)).status is OrderStatus.FILLED


def test_a_triggered_stop_does_not_give_up_for_lack_of_depth() -> None:
    desk = a_long(3)
    order = stop(Side.SELL, 3, 95)
    desk.place(order)
    desk.on(a_quote(90, 91, 1, t=1))
    desk.on(a_quote(96, 97, 1, t=2))
    assert desk.report(order).filled == 2
    desk.on(a_quote(92, 93, 5, t=3))
    assert desk.fills()[1:] == [(Decimal(price), Decimal(1)) for price in (90, 96, 92)]


def test_a_reduce_only_order_needs_a_position_that_it_reduces() -> None:
    desk = a_long()
    with pytest.raises(RiskRejected, match="reduce-only"):
        desk.place(buy(1, 90, reduce_only=True))


def test_a_reduce_only_order_closes_the_position_and_never_turns_it() -> None:
    desk = a_long()
    report = desk.place(sell(5, 99, reduce_only=True))
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal(1))
    assert report.reason == "reduce-only: nothing left to reduce"
    assert desk.size() == 0


def test_reduce_only_orders_end_with_the_position() -> None:
    desk = a_long()
    orders = [sell(1, 110, reduce_only=True), stop(Side.SELL, 1, 90)]
    for order in orders:
        desk.place(order)
    desk.place(sell(1))
    assert {desk.report(order).status for order in orders} == {OrderStatus.CANCELLED}


def test_a_stop_that_may_open_does_so_when_it_is_affordable() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    desk.place(stop(Side.BUY, 2, 105, reduce_only=False))
    desk.on(a_quote(105, 106, t=1))
    assert desk.size() == 2


def test_a_triggered_order_that_opens_ends_when_its_margin_is_gone() -> None:
    desk = Desk(cash=500)
    desk.on(a_quote(99, 101))
    order = stop(Side.BUY, 4, 105, reduce_only=False)
    desk.place(order)
    desk.on(a_quote(105, 106, 1, t=1))
    desk.on(a_quote(150, 151, 1, t=2))
    report = desk.report(order)
    assert (report.status, report.filled, report.reason) == (
        OrderStatus.CANCELLED,
        Decimal(1),
        "insufficient margin",
    )
