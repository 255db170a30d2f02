"""Every text that the exchange is known to refuse with, as one of our errors."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import (
    Disposition,
    Insufficient,
    InvalidParam,
    MarketClosed,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RiskRejected,
    VenueError,
)
from adapters.hyperliquid.errors import Expired, KnownId, NonceSpent, is_unmatched, refusal
from adapters.hyperliquid.orders import answered
from adapters.model import ClientOrderId, Order, OrderReport, OrderStatus, OrderType, Side, TimeInForce
from tests.builders import BTC, NOW

TEXTS: dict[str, type[VenueError]] = {
    "Price must be divisible by tick size. asset=84": InvalidParam,
    "Order must have minimum value of $10. asset=0": InvalidParam,
    "Order must have minimum value of 10 USDC. asset=10107": InvalidParam,
    "Order has invalid price.": InvalidParam,
    "Order has invalid size.": InvalidParam,
    "Order has zero size.": InvalidParam,
    "Invalid TP/SL price. asset=3": InvalidParam,
    "Post only order would have immediately matched, bbo was 1.23@1.24. asset=1": InvalidParam,
    "Order price cannot be more than 80% away from the reference price": InvalidParam,
    "Price too far from oracle asset=4": InvalidParam,
    "User or API Wallet 0xb8a6f8b26223de27c31938d56e470a5b832703a5 does not exist.": InvalidParam,
    "Builder fee has not been approved.": InvalidParam,
    "Unable to recover signer.": InvalidParam,
    "Insufficient margin to place order. asset=84": Insufficient,
    "Insufficient spot balance asset=10000": Insufficient,
    "Cross position does not have sufficient margin available to decrease leverage.": Insufficient,
    "Reduce only order would increase position. asset=0": RiskRejected,
    "Invalid leverage value": RiskRejected,
    "Cannot switch leverage type with open position.": RiskRejected,
    "Order would cause position to exceed margin tier limit at current leverage": RiskRejected,
    "Order would increase open interest while open interest is capped": RiskRejected,
    "Order would increase open interest too quickly": RiskRejected,
    "Trading is halted.": MarketClosed,
    "Order was never placed, already canceled, or filled. asset=0": NotFound,
    "Cannot modify canceled or filled order": NotFound,
    "Too many cumulative requests sent (37986 > 10436) for cumulative volume traded $437.92.": RateLimited,
    "Invalid nonce: duplicate nonce 1764221206959": NonceSpent,
    "Invalid nonce: nonce too low 1 < 2": NonceSpent,
    "Action already expired": Expired,
    "Duplicate cloid. asset=0": KnownId,
    "something that nobody has ever seen": InvalidParam,
}
AN_ORDER = Order(id=ClientOrderId("1" * 32), symbol=BTC, side=Side.BUY, size=Decimal(2), price=Decimal(990))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_the_error_that_it_means(text: str) -> None:
    error = refusal(text)
    assert type(error) is TEXTS[text]
    assert (str(error), error.venue) == (text, "hyperliquid")


def test_a_limit_of_the_address_says_how_long_to_wait() -> None:
    assert refusal("Too many cumulative requests sent (2 > 1)").retry_after_s == 10


def test_every_text_of_the_shared_table_is_a_refusal_of_its_kind(shared_data: Path) -> None:
    table = json.loads((shared_data / "payloads/hyperliquid/error_table.json").read_text())
    for row in table["rows"]:
        error = refusal(row["match"])
        limited = row["ccxt_error"] == "RateLimitExceeded"
        assert error.disposition is (Disposition.WAIT if limited else Disposition.FAIL_ORDER)
        assert isinstance(error, Insufficient) == (row["ccxt_error"] == "InsufficientFunds")


def test_every_recorded_answer_to_an_order_is_understood(shared_data: Path) -> None:
    cases = json.loads((shared_data / "payloads/hyperliquid/exchange_responses.json").read_text())["cases"]
    said = {
        case["id"]: [
            answered(AN_ORDER, status, NOW)
            for status in case["response"]["response"].get("data", {}).get("statuses", [])
        ]
        for case in cases
        if case["response"]["status"] == "ok" and case["id"].startswith("order")
    }
    assert not [one for told in said.values() for one in told if isinstance(one, OutcomeUnknown)]
    (resting,), (filled,), (unmatched,) = (
        said["order-resting"],
        said["order-filled"],
        said["order-error-ioc"],
    )
    assert isinstance(resting, OrderReport)
    assert (resting.status, resting.venue_id) == (OrderStatus.OPEN, "77738308")
    assert isinstance(filled, OrderReport)
    assert (filled.filled, filled.average_price) == (Decimal("0.02"), Decimal("1891.4"))
    assert isinstance(unmatched, OrderReport)
    assert (unmatched.status, unmatched.filled) == (OrderStatus.CANCELLED, Decimal(0))
    mixed = said["order-batch-mixed"]
    assert [type(one) for one in mixed] == [OrderReport, InvalidParam, OrderReport]


@pytest.mark.parametrize(
    ("changes", "size", "status"),
    [
        ({"tif": TimeInForce.GTC}, "2.0", OrderStatus.FILLED),
        ({"tif": TimeInForce.GTC}, "0.5", OrderStatus.OPEN),
        ({"tif": TimeInForce.IOC}, "0.5", OrderStatus.CANCELLED),
        ({"type": OrderType.MARKET, "price": None}, "0.5", OrderStatus.CANCELLED),
    ],
)
def test_what_is_left_of_an_order_rests_or_is_gone(
    changes: dict[str, Any], size: str, status: OrderStatus
) -> None:
    order = Order(**{"id": AN_ORDER.id, "symbol": BTC, "side": Side.BUY, "size": Decimal(2), **changes})
    said = answered(order, {"filled": {"totalSz": size, "avgPx": "990.0", "oid": 7}}, NOW)
    assert isinstance(said, OrderReport)
    assert (said.status, said.filled, said.venue_id) == (status, Decimal(size), "7")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resting", "filled", "error", "oid", "totalSz", "avgPx", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(json_values)
def test_an_answer_that_makes_no_sense_leaves_the_outcome_open(status: Any) -> None:
    said = answered(AN_ORDER, status, NOW)
    if isinstance(said, OrderReport):
        assert 0 <= said.filled <= AN_ORDER.size
    else:
        assert isinstance(said, VenueError)


@pytest.mark.parametrize(
    ("size", "price"),
    [("NaN", "1"), ("3", "1"), ("-1", "1"), ("0", "1"), ("1", "0"), ("1", "Infinity"), ("x", "1")],
)
def test_a_fill_that_cannot_be_is_no_proof_of_anything(size: str, price: str) -> None:
    said = answered(AN_ORDER, {"filled": {"totalSz": size, "avgPx": price, "oid": 7}}, NOW)
    assert isinstance(said, OutcomeUnknown)


def test_an_order_that_found_nothing_is_told_from_one_that_was_refused() -> None:
    assert is_unmatched("Order could not immediately match against any resting orders. asset=0")
    assert is_unmatched("No liquidity available for market order. asset=0")
    assert not is_unmatched("Post only order would have immediately matched, bbo was 1@2")
