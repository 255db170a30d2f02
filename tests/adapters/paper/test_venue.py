"""The account as a ``Venue``."""

from decimal import Decimal

import pytest

from adapters.errors import NotFound
from adapters.model import Fill, OrderReport
from adapters.paper.venue import PaperVenue
from adapters.venue import Venue
from tests.adapters.paper.builders import BTC, Desk, a_quote, buy


@pytest.fixture
def desk() -> Desk:
    desk = Desk(cash=1000)
    desk.on(a_quote(99, 101))
    return desk


async def test_it_answers_every_verb_of_the_protocol(desk: Desk) -> None:
    venue: Venue = PaperVenue(desk.exchange, "ann")
    order, other = buy(1), buy(1, 90)
    placed = await venue.place(order)
    await venue.place(other)
    assert await venue.order(order.id) == placed
    assert [report.order for report in await venue.open_orders()] == [other]
    await venue.cancel(other.id)
    with pytest.raises(NotFound):
        await venue.cancel(other.id)
    assert [position.symbol for position in await venue.positions()] == [BTC]
    assert (await venue.account()).equity_usd < 1000
    assert [fill.sequence for fill in await venue.fills_since(0)] == [1]
    assert not await venue.fills_since(1)
    assert BTC in await venue.instruments()
    await venue.aclose()


async def test_events_begin_with_the_call_and_end_with_the_connection(desk: Desk) -> None:
    venue = PaperVenue(desk.exchange, "ann")
    events = venue.events()
    await venue.place(buy(1))
    await venue.aclose()
    assert [type(event) for event in [event async for event in events]] == [OrderReport, Fill, OrderReport]
    await venue.place(buy(1))


async def test_an_abandoned_stream_is_forgotten(desk: Desk) -> None:
    venue = PaperVenue(desk.exchange, "ann")
    events = venue.events()
    await venue.place(buy(1))
    async for event in events:
        assert isinstance(event, OrderReport)
        break
    await events.aclose()  # type: ignore[attr-defined]  # it is a generator
    await venue.place(buy(1))
    await venue.aclose()


async def test_fills_come_in_pages_of_500(desk: Desk) -> None:
    desk.exchange.open_account("rich", Decimal(10_000_000))
    venue = PaperVenue(desk.exchange, "rich")
    for second in range(510):
        desk.on(a_quote(99, 101, t=second))
        await venue.place(buy(1))
    first = await venue.fills_since(0)
    assert [fill.sequence for fill in first] == list(range(1, 501))
    assert [fill.sequence for fill in await venue.fills_since(500)] == list(range(501, 511))
