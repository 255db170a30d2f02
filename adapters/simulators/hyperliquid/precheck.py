"""What is wrong with an order by itself, before anybody looks at an account."""

from __future__ import annotations

from decimal import Decimal

from adapters.simulators.hyperliquid import refusals
from adapters.simulators.hyperliquid.listing import Asset
from adapters.simulators.hyperliquid.refusals import OrderRefusal
from adapters.simulators.hyperliquid.requests import OrderRequest

DISTANCE_MAX = Decimal("0.8")  # of the reference price


def check(
    asset: Asset, request: OrderRequest, reference: Decimal | None, *, may_be_empty: bool = False
) -> OrderRefusal | None:
    """Why it is refused, None when it is not.

    Args:
        asset: the market.
        request: the order.
        reference: the market's price; None when it has shown none.
        may_be_empty: whether a size of zero means the whole position.
    """
    number = asset.number
    prices = [request.price]
    if request.t.trigger is not None:
        prices.append(Decimal(request.t.trigger.triggerPx))
    if not request.size and not may_be_empty:
        return refusals.zero_size(number)
    if not asset.is_size(request.size):
        return refusals.bad_size(number)
    if not all(prices):
        return refusals.bad_price(number)
    if not all(map(asset.is_price, prices)):
        return refusals.bad_tick(number)
    if reference is not None and any(abs(price / reference - 1) > DISTANCE_MAX for price in prices):
        return refusals.too_far()
    return None
