"""Booking: exact, or not at all."""

from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.paper.ledger import Holding, House, Ledger, trial_balance
from tests.adapters.paper.builders import BTC

amounts = st.decimals("-1e12", "1e12", places=12)
prices = st.decimals("0.00000001", "1e9", places=8)


@given(trades=st.lists(st.tuples(amounts, prices), max_size=30))
def test_any_two_sides_of_any_trades_cancel_out(trades: list[tuple[Decimal, Decimal]]) -> None:
    house, owner = House(), Ledger()
    for size, price in trades:
        owner.trade(BTC, size, price)
        house.market.trade(BTC, -size, price)
        owner.pay(size * price, to=house.fees)
    assert trial_balance(house, {"owner": owner}).is_balanced


def test_a_sum_that_does_not_fit_is_an_error_and_not_a_rounding() -> None:
    ledger = Ledger(cash=Decimal("1e90"))
    with pytest.raises(Inexact):
        ledger.pay(Decimal("1e-20"), to=Ledger())


def test_a_missing_cent_is_seen() -> None:
    house = House(deposits=Decimal("1.00"))
    assert not trial_balance(house, {"owner": Ledger(cash=Decimal("0.99"))}).is_balanced


def test_a_missing_coin_is_seen() -> None:
    owner = Ledger()
    owner.trade(BTC, Decimal(1), Decimal(0))
    assert not trial_balance(House(), {"owner": owner}).is_balanced


def test_the_entry_price_is_the_average_cost_and_closing_leaves_it() -> None:
    holding = Holding()
    holding.add(Decimal(1), Decimal(100))
    holding.add(Decimal(3), Decimal(120))
    holding.add(Decimal(-2), Decimal(500))
    assert holding.entry_price == 115
    holding.add(Decimal(-2), Decimal(500))
    assert (holding.size, holding.entry_price) == (Decimal(0), Decimal(0))
