"""What every venue does with orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Insufficient, InvalidParam, NotFound, RiskRejected, VenueError
from adapters.model import ClientOrderId, OrderStatus, Side, Symbol, TimeInForce
from adapters.venue import Fence
from tests.actors.builders import dec
from tests.builders import BTC, NOW
from tests.contract.venues import VenueUnderTest

NOBODYS = ClientOrderId("f" * 32)
MINUTE = timedelta(minutes=1)


async def test_the_same_id_twice_is_one_order(under: VenueUnderTest) -> None:
    order = under.an_order(Side.BUY, "1", "990")
    first = await under.venue.place(order)
    second = await under.venue.place(order)
    assert (second.order, second.status, second.filled) == (first.order, OrderStatus.OPEN, dec(0))
    assert [report.order.id for report in await under.truth.open_orders()] == [order.id]


async def test_the_same_id_after_the_fill_is_the_same_order_and_no_second_fill(
    under: VenueUnderTest,
) -> None:
    order = under.an_order(Side.BUY, "1")
    for _ in range(2):
        report = await under.venue.place(order)
        assert (report.status, report.filled, report.average_price) == (OrderStatus.FILLED, dec(1), dec(1001))
    assert await under.held() == 1
    assert len(await under.truth.fills_since(0)) == 1


async def test_an_order_is_found_by_its_id_open_and_final(under: VenueUnderTest) -> None:
    placed = await under.buy("2", "990")
    assert (await under.venue.order(placed.order.id)).status is OrderStatus.OPEN
    under.show(985, 990, size=1)
    part = await under.venue.order(placed.order.id)
    assert (part.order, part.status, part.filled, part.remaining) == (
        placed.order,
        OrderStatus.OPEN,
        dec(1),
        dec(1),
    )
    under.show(984, 989)
    assert (await under.venue.order(placed.order.id)).status is OrderStatus.FILLED


async def test_an_order_that_never_came_is_not_found(under: VenueUnderTest) -> None:
    with pytest.raises(NotFound):
        await under.venue.order(NOBODYS)


async def test_a_cancel_ends_an_order_and_says_how_it_ended(under: VenueUnderTest) -> None:
    placed = await under.buy("2", "990")
    under.show(985, 990, size=1)
    report = await under.venue.cancel(placed.order.id)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, dec(1))
    assert not await under.venue.open_orders()
    assert (await under.venue.order(placed.order.id)).status is OrderStatus.CANCELLED


async def test_what_is_not_open_cannot_be_cancelled(under: VenueUnderTest) -> None:
    cancelled, filled = await under.buy("1", "990"), await under.buy("1")
    await under.venue.cancel(cancelled.order.id)
    for order_id in (NOBODYS, cancelled.order.id, filled.order.id):
        with pytest.raises(NotFound):
            await under.venue.cancel(order_id)
    assert await under.held() == 1


async def test_a_cancelled_id_does_not_come_back_to_life(under: VenueUnderTest) -> None:
    placed = await under.buy("1", "990")
    await under.venue.cancel(placed.order.id)
    assert (await under.venue.place(placed.order)).status is OrderStatus.CANCELLED
    assert not await under.truth.open_orders()


async def test_an_order_that_comes_after_its_expiry_never_rests_and_never_fills(
    under: VenueUnderTest,
) -> None:
    if under.venue.fence is not Fence.EXPIRY:
        pytest.skip("expiries mean nothing to this venue")
    for price in ("990", "1001", None):
        report = await under.buy("1", price, expires_at=under.clock.now() - timedelta(milliseconds=1))
        assert report.status is OrderStatus.EXPIRED
        assert (await under.venue.order(report.order.id)).status is OrderStatus.EXPIRED
    under.show(980, 981)
    assert not await under.truth.open_orders()
    assert await under.held() == 0


async def test_an_order_that_comes_before_its_expiry_is_taken(under: VenueUnderTest) -> None:
    report = await under.buy("1", "990", expires_at=under.clock.now() + MINUTE)
    assert report.status is OrderStatus.OPEN
    assert report.order.expires_at == NOW + timedelta(milliseconds=1) + MINUTE


async def test_an_immediate_order_leaves_nothing_behind(under: VenueUnderTest) -> None:
    report = await under.buy("15", "1001", tif=TimeInForce.IOC)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, dec(10))
    assert not await under.truth.open_orders()


async def test_a_reduce_only_order_never_flips_a_position(under: VenueUnderTest) -> None:
    await under.buy("1")
    await under.sell("3", reduce_only=True)
    assert await under.held() == 0
    await under.sell("1")
    resting = await under.buy("3", "990", reduce_only=True)
    under.show(980, 981)
    assert await under.held() == 0
    assert resting.order.id not in [report.order.id for report in await under.truth.open_orders()]


async def test_a_reduce_only_order_never_opens_a_position(under: VenueUnderTest) -> None:
    for price in (None, "1001"):
        with pytest.raises(VenueError):
            await under.buy("1", price, reduce_only=True)
    assert await under.held() == 0
    assert not await under.truth.open_orders()


@pytest.mark.parametrize(
    ("size", "price", "changes", "error"),
    [
        ("1", "990.55555", {}, InvalidParam),
        ("0.0005", "990", {}, InvalidParam),
        ("0.001", "990", {}, InvalidParam),
        ("1", "1001", {"tif": TimeInForce.POST_ONLY}, InvalidParam),
        ("1", "990", {"symbol": Symbol("NONE")}, InvalidParam),
        ("1", "990", {"leverage": 50}, RiskRejected),
        ("100000", "990", {}, Insufficient),
    ],
    ids=["tick", "step", "notional", "post-only", "symbol", "leverage", "funds"],
)
async def test_a_refusal_is_an_error_of_its_class_and_leaves_nothing(
    under: VenueUnderTest, size: str, price: str, changes: dict[str, Any], error: type[VenueError]
) -> None:
    with pytest.raises(error):
        await under.venue.place(under.an_order(Side.BUY, size, price, **changes))
    assert not await under.truth.open_orders()
    assert await under.held() == 0


async def test_the_markets_are_listed(under: VenueUnderTest) -> None:
    market = (await under.venue.instruments())[BTC]
    assert (market.is_on_tick(dec(990)), market.is_on_tick(dec("990.55555"))) == (True, False)
    assert (market.step, market.max_leverage) == (dec("0.001"), 20)
