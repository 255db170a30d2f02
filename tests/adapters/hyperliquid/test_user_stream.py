"""The account by websocket: it saves questions while it is whole, and is not believed when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from adapters.clock import SystemClock
from adapters.errors import ExchangeDown, OutcomeUnknown
from adapters.hyperliquid import stream, user_stream, venue
from adapters.model import Fill, OrderReport, OrderStatus, OrderType, Side
from adapters.simulators.faults.plan import Kind, Way, Where, script
from adapters.venue import UserEvent
from tests.adapters.hyperliquid.grounds import Ground, a_venue
from tests.adapters.hyperliquid.test_venue import MINUTE, a_market_order, an_order
from tests.fakes import until

FILLS = Where(way=Way.NEWS, containing=b'"userFills"')


class Asked:
    """What is asked by HTTP from now on."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._before = len(self._all())

    def _all(self) -> list[bytes]:
        passages = self._ground.nemesis.passages
        return [
            passage.message.body for passage in passages if passage.message.path in ("/info", "/exchange")
        ]

    def since(self) -> list[bytes]:
        return self._all()[self._before :]


@asynccontextmanager
async def listening(ground: Ground) -> AsyncIterator[list[UserEvent]]:
    """Somebody takes the news in, as a wallet does."""
    heard: list[UserEvent] = []

    async def listen() -> None:
        async for event in ground.venue.events():
            heard.append(event)

    await ground.venue.fills_since(0)
    task = asyncio.create_task(listen())
    await until(lambda: ground.venue.is_listening)
    await ground.venue.open_orders()
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def statuses(heard: list[UserEvent]) -> list[OrderStatus]:
    return [event.status for event in heard if isinstance(event, OrderReport)]


def fills_of(heard: list[UserEvent]) -> list[Fill]:
    return [event for event in heard if isinstance(event, Fill)]


async def test_while_somebody_listens_orders_and_fills_cost_no_question(ground: Ground) -> None:
    async with listening(ground) as heard:
        await until(lambda: bool(ground.venue._questions.stream and ground.venue._questions.stream.mids))
        asked = Asked(ground)
        await ground.venue.place(an_order(1, expires_at=ground.wall.now() + MINUTE))
        await ground.venue.place(a_market_order(2, expires_at=ground.wall.now() + MINUTE))
        (fill,) = await ground.venue.fills_since(0)
        assert fill.order_id == a_market_order(2).id
        assert [report.order for report in await ground.venue.open_orders()] == [
            an_order(1, expires_at=ground.wall.now() + MINUTE)
        ]
        assert not await ground.venue.fills_since(fill.sequence)
        assert asked.since() == [], "orders went by websocket, and what became of them came by it"
        await until(lambda: OrderStatus.FILLED in statuses(heard))


async def test_news_is_reports_and_fills_in_their_order(ground: Ground) -> None:
    async with listening(ground) as heard:
        await ground.venue.place(an_order(1, size=Decimal(2)))
        ground.show("985", "990", size="1")
        report = await ground.venue.cancel(an_order(1).id)
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal(1))
        await until(lambda: OrderStatus.CANCELLED in statuses(heard))
        (fill,) = fills_of(heard)
        assert (fill.size, fill.price, fill.follows(0)) == (Decimal(1), Decimal(990), True)


async def test_a_fill_that_the_stream_lost_comes_with_the_next_audit(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = 0
    async with listening(ground):
        ground.nemesis.strike(script(Kind.DROPPED, where=FILLS))
        await ground.venue.place(a_market_order(1))
        ground.nemesis.heal()
        ground.show()
        await ground.venue.place(a_market_order(2, side=Side.SELL))
        taken = []
        monkeypatch.setattr(venue, "AUDIT_S", 0.0)
        while page := await ground.venue.fills_since(cursor):
            assert all(fill.sequence > cursor for fill in page)
            taken += [fill.order_id for fill in page]
            cursor = page[-1].sequence
    assert sorted(taken) == [a_market_order(1).id, a_market_order(2).id]


async def test_what_a_report_counts_is_in_the_fills_though_the_stream_does_not_tell(ground: Ground) -> None:
    async with listening(ground):
        ground.nemesis.strike(script(Kind.DROPPED, where=FILLS))
        await ground.venue.place(a_market_order(1))
        (fill,) = await ground.venue.fills_since(0)
        assert fill.order_id == a_market_order(1).id


async def test_an_order_of_somebody_else_is_asked_for_because_the_stream_does_not_tell_all_of_it(
    ground: Ground,
) -> None:
    stop = an_order(7, side=Side.SELL, type=OrderType.STOP, price=None, trigger=Decimal(900))
    nonces, other = a_venue(ground.url, ground.signer, ground.clock, ground.folder / "other")
    async with listening(ground) as heard:
        await other.place(stop)
        await until(lambda: OrderStatus.OPEN in statuses(heard))
        (report,) = await ground.venue.open_orders()
        assert (report.order.type, report.order.trigger) == (OrderType.STOP, Decimal(900))
    await other.aclose()
    nonces.close()


async def test_a_stream_that_has_fallen_silent_is_not_asked(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(ground):
        monkeypatch.setattr(user_stream, "FRESH_S", 0.0)
        await SystemClock().sleep(0.01)
        asked = Asked(ground)
        await ground.venue.open_orders()
        await ground.venue.fills_since(0)
        assert [b"frontendOpenOrders" in body or b"userFills" in body for body in asked.since()] == [True] * 2


async def test_a_connection_in_name_only_is_given_up(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PING_S", 0.05)
    monkeypatch.setattr(stream, "SILENT_MAX_S", 0.3)
    async with listening(ground):
        await SystemClock().sleep(0.4)
        assert ground.venue.is_listening, "pings are answered"
        ground.nemesis.strike(script(*[Kind.STALLED] * 3, where=Where(way=Way.NEWS)))
        await until(lambda: not ground.venue.is_listening)
        await until(lambda: ground.venue._questions.stream is None)
        assert (await ground.venue.place(an_order(1))).status is OrderStatus.OPEN, "over HTTP"


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.DROPPED])
async def test_an_order_whose_answer_the_stream_lost_is_of_unknown_outcome_and_sent_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr(stream, "ANSWER_MAX_S", 0.2)
    order = an_order(1, expires_at=ground.wall.now() + MINUTE)
    async with listening(ground):
        ground.nemesis.strike(script(kind, where=Where(way=Way.NEWS, containing=b'"post"')))
        with pytest.raises(OutcomeUnknown):
            await ground.venue.place(order)
        ground.nemesis.heal()
        assert (await ground.venue.place(order)).status is OrderStatus.OPEN
        assert len(await ground.venue.open_orders()) == 1


async def test_where_no_websocket_can_be_opened_the_stream_ends_with_an_error(ground: Ground) -> None:
    await ground.venue.instruments()
    ground.nemesis.strike(script(Kind.ERROR_BEFORE, where=Where(verb="WS")))
    with pytest.raises(ExchangeDown):
        await anext(aiter(ground.venue.events()))
    assert not ground.venue.is_listening


@pytest.mark.parametrize(
    "ask",
    [
        lambda ground: ground.venue.place(an_order(1)),
        lambda ground: ground.venue.account(),
        lambda ground: ground.venue.open_orders(),
    ],
)
async def test_a_closed_venue_opens_again(ground: Ground, ask: Callable[[Ground], Awaitable[object]]) -> None:
    async with listening(ground):
        await ground.venue.aclose()
        assert not ground.venue.is_listening
        await ask(ground)


async def test_an_order_that_opens_while_it_is_asked_what_rests_is_not_forgotten(ground: Ground) -> None:
    async with listening(ground):
        before = ground.venue._questions.resting
        late = an_order(2, expires_at=ground.wall.now() + MINUTE)

        async def asked_and_then_late() -> object:
            answer = await before()
            await ground.venue.place(late)
            await until(lambda: late.id in heard_open(ground))
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ground.venue._questions, "resting", asked_and_then_late)
            patch.setattr(venue, "AUDIT_S", -1.0)
            await ground.venue.open_orders()
        assert [report.order.id for report in await ground.venue.open_orders()] == [late.id]


def heard_open(ground: Ground) -> set[str]:
    followed = ground.venue._questions.stream
    assert followed is not None
    return {report.order.id for report in followed.resting() or ()}
