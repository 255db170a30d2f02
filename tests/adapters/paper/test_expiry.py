"""An order that arrives too late is not taken, by the exchange's own clock and on every way there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.clock import VirtualClock
from adapters.model import OrderStatus
from adapters.paper.exchange import PaperExchange
from adapters.paper.service import PaperService, PaperSession
from adapters.paper.venue import PaperVenue
from adapters.paper.wire import AskAccount, Open, Place, Reported, Worth
from adapters.venue import Fence
from tests.adapters.paper.builders import BTC, PERP, START, Desk, a_quote, at, buy, dec, fills_in

EXPIRED = OrderStatus.EXPIRED


async def a_session(clock: VirtualClock, latency_s: float) -> tuple[PaperExchange, PaperSession]:
    exchange = PaperExchange({BTC: PERP}, clock=clock)
    exchange.on_market(a_quote(99, 101))
    session = PaperService(exchange, clock, timedelta(seconds=latency_s)).open_session(lambda news: None)
    await session.handle(Open("ann", dec(1000)))
    return exchange, session


@pytest.mark.parametrize(("after_s", "is_late"), [(0.0, False), (2.0, False), (2.001, True)])
def test_without_latency_it_is_judged_when_it_is_placed(after_s: float, is_late: bool) -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    order = buy(1, expires_at=at(2))
    desk.clock.advance(after_s)
    assert (desk.place(order).status is EXPIRED) is is_late
    assert desk.size() == (0 if is_late else 1)


@pytest.mark.parametrize(("expires_s", "is_late"), [(0.999, True), (1.0, False)])
def test_with_latency_it_is_judged_when_it_arrives_and_not_when_the_market_moves(
    expires_s: float, is_late: bool
) -> None:
    desk = Desk(latency=timedelta(seconds=1))
    desk.on(a_quote(99, 101))
    order = buy(1, expires_at=at(expires_s))
    desk.place(order)
    desk.on(a_quote(99, 101, t=60))
    assert (desk.report(order).status is EXPIRED) is is_late
    assert bool(fills_in(desk.heard)) is not is_late


@pytest.mark.parametrize(("latency_s", "is_late"), [(0.05, False), (2.5, True)])
async def test_over_the_service_it_is_judged_when_it_gets_there(latency_s: float, is_late: bool) -> None:
    clock = VirtualClock(START)
    exchange, session = await a_session(clock, latency_s)
    order = buy(1, expires_at=clock.now() + timedelta(seconds=2))
    reply = await session.handle(Place(order))
    assert isinstance(reply, Reported)
    assert (reply.report.status is EXPIRED) is is_late
    assert exchange.order("ann", order.id).status is reply.report.status


async def test_an_account_tells_the_exchanges_own_time() -> None:
    clock = VirtualClock(START)
    exchange, session = await a_session(clock, 0.5)
    exchange.on_market(a_quote(99, 101, t=3600))
    reply = await session.handle(AskAccount())
    assert isinstance(reply, Worth)
    assert reply.account.at == clock.now() == START + timedelta(seconds=1)


@pytest.mark.parametrize("latency", [timedelta(0), timedelta(seconds=1)])
def test_an_exchange_that_knows_no_expiries_takes_it_at_any_time(latency: timedelta) -> None:
    clock = VirtualClock(START)
    exchange = PaperExchange({BTC: PERP}, clock=clock, latency=latency, fence=Fence.KEY)
    exchange.open_account("ann", dec(1000))
    exchange.on_market(a_quote(99, 101))
    order = buy(1, expires_at=START - timedelta(days=1))
    exchange.place("ann", order)
    exchange.advance(at(2))
    assert exchange.order("ann", order.id).status is OrderStatus.FILLED
    assert exchange.place("ann", order).filled == 1, "its id is taken, for ever"
    assert PaperVenue(exchange, "ann").fence is Fence.KEY


def test_an_expired_orders_id_is_taken_too() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    order = buy(1, expires_at=at(-1))
    for _ in range(2):
        assert desk.place(order).status is EXPIRED
    assert desk.size() == 0
