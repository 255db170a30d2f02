from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import Account, InstrumentKind
from risk.suggestion import affordable_size
from tests.builders import NOW, a_context, an_account, an_instrument, an_intent


def suggested(free_usd: str, *, kind: InstrumentKind = InstrumentKind.PERP, leverage: int = 2) -> str:
    account = Account(
        equity_usd=Decimal(1000), cash_usd=Decimal(300), margin_used_usd=1000 - Decimal(free_usd), at=NOW
    )
    return affordable_size(
        an_intent(leverage=leverage, size=Decimal(2)),
        a_context(account=account, instrument=an_instrument(kind=kind)),
    )


@pytest.mark.parametrize(
    ("free_usd", "text"),
    [
        ("250", "a size of 0.5 would fit"),
        ("249.99", "a size of 0.499 would fit"),
        ("4.99", "no size would fit"),
        ("-10", "no size would fit"),
    ],
)
def test_the_largest_size_that_the_free_margin_pays_for_is_named(free_usd: str, text: str) -> None:
    assert suggested(free_usd) == text


def test_where_the_books_see_room_enough_half_is_the_next_to_try() -> None:
    assert suggested("1000") == "a size of 1 would fit"


def test_spot_is_paid_in_cash() -> None:
    assert suggested("1000", kind=InstrumentKind.SPOT) == "a size of 0.3 would fit"


def test_without_a_price_nothing_is_suggested() -> None:
    assert affordable_size(an_intent(price=None), a_context()) == ""
    assert affordable_size(an_intent(), a_context(instrument=None)) == ""


@given(st.decimals(0, 5000, places=2), st.integers(1, 20), st.decimals("0.5", 5000, places=1))
def test_what_is_suggested_is_affordable(free_usd: Decimal, leverage: int, price: Decimal) -> None:
    text = affordable_size(
        an_intent(price=price, leverage=leverage, size=Decimal(10**6)),
        a_context(account=an_account(margin_used_usd=10_000 - free_usd)),
    )
    if text.startswith("a size of "):
        assert Decimal(text.split()[3]) * price / leverage <= free_usd
