from decimal import Decimal
from itertools import product
from operator import mul

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.model import Side
from risk.exposure import added, reserve_price, worst_case

SIGNED = st.decimals(-1000, 1000, places=3)
POSITIVE = st.decimals(0, 1000, places=3)


@pytest.mark.parametrize(
    ("position", "buys", "sells", "worst"),
    [
        ("0", "0", "0", "0"),
        ("5", "0", "0", "5"),
        ("5", "3", "0", "8"),
        ("5", "0", "3", "5"),
        ("5", "0", "12", "12"),
        ("-5", "12", "0", "12"),
        ("-5", "1", "3", "8"),
        ("0", "4", "3", "4"),
    ],
)
def test_the_worst_case_of_a_market(position: str, buys: str, sells: str, worst: str) -> None:
    assert worst_case(Decimal(position), Decimal(buys), Decimal(sells)) == Decimal(worst)


@given(SIGNED, st.lists(st.tuples(st.sampled_from(Side), POSITIVE), max_size=5))
def test_no_subset_of_fills_is_worse_than_the_worst_case(
    position: Decimal, orders: list[tuple[Side, Decimal]]
) -> None:
    buys = sum((size for side, size in orders if side is Side.BUY), Decimal(0))
    sells = sum((size for side, size in orders if side is Side.SELL), Decimal(0))
    signed = [side.sign * size for side, size in orders]
    subsets = product((0, 1), repeat=len(orders))
    reached = [abs(position + sum(map(mul, signed, subset), Decimal(0))) for subset in subsets]
    assert max(reached) <= worst_case(position, buys, sells)


@given(SIGNED, POSITIVE, POSITIVE, st.sampled_from(Side), POSITIVE)
def test_an_order_adds_between_nothing_and_all_of_itself(
    position: Decimal, buys: Decimal, sells: Decimal, side: Side, size: Decimal
) -> None:
    assert 0 <= added(position, buys, sells, side, size) <= size


@example(Decimal(-1), Decimal(15), Decimal(90), Decimal(100))  # a short that turns into a long
@given(SIGNED, POSITIVE, st.decimals("0.01", 1000, places=2), st.decimals("0.01", 1000, places=2))
def test_valued_at_reserve_prices_a_fill_is_never_worth_more_than_was_reserved(
    position: Decimal, size: Decimal, limit: Decimal, mark: Decimal
) -> None:
    """When a buy fills at its limit the market is there; a position passed through zero is then worth the limit."""
    reserved = worst_case(position * mark, size * reserve_price(Side.BUY, limit, mark), Decimal(0))
    if limit <= mark:  # the market came down to the limit
        assert abs(position + size) * limit <= reserved


@pytest.mark.parametrize(
    ("side", "limit", "counted"),
    [
        (Side.BUY, "900", "1000"),  # filled there, it is worth its mark
        (Side.BUY, "1100", "1100"),
        (Side.SELL, "900", "1020"),  # it may fill at the bid of then
        (Side.SELL, "1100", "1100"),
    ],
)
def test_an_order_counts_at_the_worst_price_at_which_it_may_be_valued(
    side: Side, limit: str, counted: str
) -> None:
    assert reserve_price(side, Decimal(limit), Decimal(1000)) == Decimal(counted)
