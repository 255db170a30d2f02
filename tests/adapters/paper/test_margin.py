"""Fees, funding, leverage, margin and liquidation, in numbers that can be checked by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.errors import Insufficient
from adapters.model import FundingDue, OrderStatus, Side, Symbol
from tests.adapters.paper.builders import (
    BTC,
    COIN,
    PERP,
    Desk,
    a_quote,
    at,
    buy,
    sell,
    stop,
)


def due(rate: str, *, mark: int = 100, hours: int = 1, symbol: Symbol = BTC) -> FundingDue:
    return FundingDue(symbol=symbol, rate=Decimal(rate), mark_price=Decimal(mark), at=at(3600 * hours))


def test_equity_is_cash_plus_the_position_at_its_mark() -> None:
    desk = Desk(cash=1000)
    desk.on(a_quote(99, 101))
    desk.place(buy(2))
    desk.on(a_quote(109, 111, t=1))
    state = desk.exchange.account_state("ann")
    assert state.cash_usd == Decimal(1000) - Decimal("0.101")  # two at 101, taker fee 5 bp
    assert state.equity_usd == state.cash_usd + 2 * (110 - 101)
    assert state.margin_used_usd == 220
    [position] = desk.exchange.positions("ann")
    assert (position.size, position.entry_price) == (Decimal(2), Decimal(101))
    assert position.unrealized_usd == 18


def test_a_realised_loss_leaves_the_cash_and_the_entry_price_stays() -> None:
    desk = Desk(cash=1000, perp=replace(PERP, taker_fee=Decimal(0)))
    desk.on(a_quote(99, 101))
    desk.place(buy(3))
    desk.place(sell(1))
    assert desk.exchange.account_state("ann").cash_usd == 998
    assert desk.exchange.positions("ann")[0].entry_price == 101


def test_a_turned_position_starts_at_its_own_price() -> None:
    desk = Desk(perp=replace(PERP, taker_fee=Decimal(0)))
    desk.on(a_quote(99, 101))
    desk.place(buy(1))
    desk.place(sell(3))
    [position] = desk.exchange.positions("ann")
    assert (position.size, position.entry_price) == (Decimal(-2), Decimal(99))


def test_a_negative_maker_fee_is_paid_to_the_maker() -> None:
    desk = Desk(cash=1000, perp=replace(PERP, maker_fee=Decimal("-0.0001")))
    desk.on(a_quote(98, 101))
    desk.place(buy(1, 99))
    desk.on(a_quote(97, 98, t=1))
    assert desk.exchange.account_state("ann").cash_usd == Decimal("1000.0099")


def test_longs_pay_a_positive_funding_rate_and_shorts_receive_it() -> None:
    desk = Desk(cash=1000, perp=replace(PERP, taker_fee=Decimal(0)))
    desk.on(a_quote(99, 101))
    desk.place(buy(2))
    desk.place(sell(1), "bob")
    desk.on(due("0.01"))
    assert desk.exchange.account_state("ann").cash_usd == 998
    assert desk.exchange.account_state("bob").cash_usd == 1001
    balance = desk.exchange.trial_balance()
    assert balance.cash["funding"] == 0
    assert balance.is_balanced


def test_funding_that_is_told_twice_is_paid_once() -> None:
    desk = Desk(cash=1000, perp=replace(PERP, taker_fee=Decimal(0)))
    desk.on(a_quote(99, 101))
    desk.place(buy(2))
    desk.on(due("0.01"))
    desk.on(due("0.01"))
    assert desk.exchange.account_state("ann").cash_usd == 998


def test_the_leverage_asked_for_decides_the_margin() -> None:
    desk = Desk(cash=200)
    desk.on(a_quote(99, 101))
    with pytest.raises(Insufficient):
        desk.place(buy(10, 90))
    desk.place(buy(10, 90, leverage=10))
    assert desk.exchange.account_state("ann").margin_used_usd == 100
    with pytest.raises(Insufficient):
        desk.place(buy(1, 90, leverage=5))
    assert desk.exchange.account_state("ann").margin_used_usd == 100


def test_margin_counts_the_largest_position_that_the_orders_could_lead_to() -> None:
    desk = Desk(cash=1000)
    desk.on(a_quote(99, 101))
    desk.place(buy(2, 90))
    desk.place(sell(5, 110))
    assert desk.exchange.account_state("ann").margin_used_usd == 500


def test_reducing_is_allowed_however_little_is_left() -> None:
    desk = Desk(cash=110)
    desk.on(a_quote(99, 101))
    desk.place(buy(10, leverage=20))
    desk.on(a_quote(93, 95, t=1))
    with pytest.raises(Insufficient):
        desk.place(buy(1))
    assert desk.place(sell(5)).filled == 5


def test_below_maintenance_the_account_is_liquidated() -> None:
    desk = Desk(cash=110, perp=replace(PERP, taker_fee=Decimal(0)))
    desk.on(a_quote(99, 101))
    desk.place(buy(10, leverage=20))
    orders = [buy("0.2", 80), stop(Side.SELL, 10, 50)]
    for order in orders:
        desk.place(order)
    desk.on(a_quote(92, 93, t=1))  # equity 110 - 10 · 8.5 = 25, maintenance 23.125
    assert desk.size() == 10
    desk.on(a_quote(91, 93, t=2))  # equity 20, maintenance 23
    assert desk.size() == 0
    assert [desk.report(order).reason for order in orders] == ["liquidated", "liquidated"]
    last = desk.heard[-1]
    assert (getattr(last, "reason", ""), getattr(last, "status", "")) == ("liquidated", OrderStatus.FILLED)


def test_a_liquidation_that_finds_too_little_depth_goes_on_with_fresh_data() -> None:
    desk = Desk(cash=110)
    desk.on(a_quote(99, 101))
    desk.place(buy(10, leverage=20))
    desk.on(a_quote(90, 91, 4, t=1))
    assert desk.size() == 6
    desk.on(a_quote(90, 91, 9, t=2))
    assert desk.size() == 0


def test_funding_that_an_account_cannot_bear_liquidates_it_at_once() -> None:
    desk = Desk(cash=110)
    desk.on(a_quote(99, 101))
    desk.place(buy(10, leverage=20))
    desk.on(due("0.09"))
    assert desk.size() == 0


def test_reduce_only_orders_tie_up_nothing() -> None:
    desk = Desk(cash=1000)
    desk.on(a_quote(99, 101))
    desk.place(buy(1))
    desk.place(sell(5, 120, reduce_only=True))
    assert desk.exchange.account_state("ann").margin_used_usd == 100


@pytest.mark.parametrize("side", list(Side))
def test_at_its_liquidation_price_a_position_is_just_not_liquidated(side: Side) -> None:
    desk = Desk(cash=200, perp=replace(PERP, taker_fee=Decimal(0)))
    desk.on(a_quote(100, 100))
    desk.place(buy(10, leverage=10) if side is Side.BUY else sell(10, leverage=10))
    [position] = desk.exchange.positions("ann")
    price = position.liquidation_price
    assert price is not None
    beyond = Decimal("0.0001") * side.sign
    desk.on(a_quote(price + beyond, price + beyond, t=1))
    assert desk.size() != 0
    desk.on(a_quote(price - beyond, price - beyond, t=2))
    assert desk.size() == 0


def test_spot_is_paid_in_full_and_cannot_be_sold_short() -> None:
    desk = Desk(cash=1000)
    desk.on(a_quote(10, "10.01", 1000, symbol=COIN))
    with pytest.raises(Insufficient):
        desk.place(sell(1, symbol=COIN))
    with pytest.raises(Insufficient):
        desk.place(buy("99.9", symbol=COIN))  # 999.999 and its fee
    desk.place(buy("99.8", symbol=COIN))
    state = desk.exchange.account_state("ann")
    assert Decimal(0) <= state.cash_usd < 2
    assert state.margin_used_usd == 0
    desk.place(sell("60", 11, symbol=COIN))
    with pytest.raises(Insufficient):
        desk.place(sell("40", 11, symbol=COIN))


def test_resting_spot_buys_set_their_cash_aside() -> None:
    desk = Desk(cash=1000)
    desk.on(a_quote(10, "10.01", 1000, symbol=COIN))
    desk.place(buy(60, 9, symbol=COIN))
    with pytest.raises(Insufficient):
        desk.place(buy(60, 9, symbol=COIN))


def test_an_account_that_exists_keeps_its_money() -> None:
    desk = Desk(cash=1000)
    assert desk.exchange.open_account("ann", Decimal(5)).cash_usd == 1000
    assert desk.exchange.trial_balance().deposits == 2000
