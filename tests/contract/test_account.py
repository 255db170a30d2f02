"""What every venue tells of an account: orders, positions, fills, money, and news of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import pytest

from adapters.model import Fill, Liquidity, OrderReport, OrderStatus, OrderType, Side
from adapters.venue import UserEvent
from tests.actors.builders import dec
from tests.contract.venues import CASH_USD, VenueUnderTest
from tests.fakes import until


async def all_fills(under: VenueUnderTest, since: int = 0) -> Sequence[Fill]:
    """Page after page."""
    fills: list[Fill] = []
    while page := await under.venue.fills_since(fills[-1].sequence if fills else since):
        fills += page
    return fills


async def test_open_orders_are_those_that_rest_and_no_others(under: VenueUnderTest) -> None:
    resting = await under.buy("1", "990")
    stop = await under.sell("1", type=OrderType.STOP, trigger=Decimal(900))
    gone = await under.buy("1", "980")
    await under.venue.cancel(gone.order.id)
    await under.buy("1")
    reports = {report.order.id: report for report in await under.venue.open_orders()}
    assert reports.keys() == {resting.order.id, stop.order.id}
    assert reports[stop.order.id].order == stop.order


async def test_a_position_is_signed_averaged_and_gone_when_flat(under: VenueUnderTest) -> None:
    assert not await under.venue.positions()
    await under.buy("1")
    under.show(1099, 1101)
    await under.buy("1")
    (long,) = await under.venue.positions()
    assert (long.size, long.entry_price, long.mark_price) == (dec(2), dec(1051), dec(1100))
    await under.sell("5")
    (short,) = await under.venue.positions()
    assert (short.size, short.entry_price) == (dec(-3), dec(1099))
    await under.buy("3")
    assert not await under.venue.positions()


async def test_an_account_is_worth_its_cash_and_what_its_positions_have_made(under: VenueUnderTest) -> None:
    assert (await under.venue.account()).equity_usd == CASH_USD
    await under.buy("2")
    under.show(1199, 1201)
    account, fees = await under.venue.account(), sum(fill.fee for fill in await all_fills(under))
    assert account.equity_usd == CASH_USD + 2 * (1200 - 1001) - fees
    assert account.margin_used_usd > 0
    assert account.at == under.clock.now()


def is_chain(fills: Sequence[Fill]) -> bool:
    """Whether the numbers rise from the beginning, and each fill says that nothing is between it and the last."""
    before = [0, *(fill.sequence for fill in fills)]
    return all(last < fill.sequence and fill.follows(last) for last, fill in zip(before, fills, strict=False))


async def test_fills_are_numbered_upwards_each_knows_the_one_before_and_they_are_paged(
    under: VenueUnderTest,
) -> None:
    for number in range(12):
        await (under.buy if number % 2 else under.sell)("0.1")
    resting = await under.buy("1", "990")
    under.show(985, 990, size=1)
    fills = await all_fills(under)
    assert len({fill.id for fill in fills}) == len(fills) == 13
    assert is_chain(fills)
    assert (fills[-1].order_id, fills[-1].price, fills[-1].liquidity) == (
        resting.order.id,
        dec(990),
        Liquidity.MAKER,
    )
    assert sum(fill.size * fill.side.sign for fill in fills) == await under.held()
    for taken in (1, 7, 13):
        assert [fill.id for fill in await all_fills(under, fills[taken - 1].sequence)] == [
            fill.id for fill in fills[taken:]
        ]


async def test_more_fills_than_a_page_are_all_there(under: VenueUnderTest) -> None:
    for number in range(510):
        under.show(999, 1001)
        await under.truth.place(under.an_order(Side.BUY if number % 2 else Side.SELL, "0.1"))
    fills = await all_fills(under)
    assert len({fill.id for fill in fills}) == len(fills) == 510
    assert is_chain(fills)


async def test_news_of_orders_and_fills_come_in_their_order(under: VenueUnderTest) -> None:
    heard: list[UserEvent] = []
    events = under.venue.events()
    listening = asyncio.create_task(listen(events, heard))
    await under.venue.account()  # whoever listens is connected by now
    order = (await under.buy("2", "990")).order
    under.show(985, 990, size=1)
    await under.venue.cancel(order.id)
    await until(lambda: any(map(is_cancelled, heard)))
    reports = [event for event in heard if isinstance(event, OrderReport)]
    assert (reports[0].status, reports[0].filled) == (OrderStatus.OPEN, dec(0))
    assert (reports[-1].status, reports[-1].filled) == (OrderStatus.CANCELLED, dec(1))
    assert [event for event in heard if isinstance(event, Fill)] == list(await all_fills(under))
    await under.venue.aclose()
    async with asyncio.timeout(5):
        await listening


async def listen(events: AsyncIterator[UserEvent], heard: list[UserEvent]) -> None:
    async for event in events:
        heard.append(event)


def is_cancelled(event: UserEvent) -> bool:
    return isinstance(event, OrderReport) and event.status is OrderStatus.CANCELLED


@pytest.mark.parametrize("times", [1, 2])
async def test_it_can_be_closed(under: VenueUnderTest, times: int) -> None:
    await under.venue.account()
    for _ in range(times):
        await under.venue.aclose()
