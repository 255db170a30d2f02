"""The wallet's loops: each goes on through its own troubles, and none starves another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors import wallet_service
from actors.market_data import MarketData
from actors.market_service import PUBLISH_S, MarketDataService
from actors.messages import MARKET_LINK, Admit
from actors.wallet_service import ACCOUNT_S, RECOUNT_S, REDIAL_S, SILENT_S, WalletService
from adapters.errors import ExchangeDown, Fenced, LinkError, Temporary
from adapters.link import Caller, Peer, Server
from adapters.model import MarketEvent, OrderType, Quote
from config.spec import HaltLevel
from tests.actors.builders import ANN, INSTRUMENTS, Floor, a_bot_spec, a_quote_intent, an_open, dec
from tests.builders import BTC, ETH, NOW
from tests.fakes import Fault, HandClock, settle


class Feed:
    """A market feed that says what a test says."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[MarketEvent | None] = asyncio.Queue()
        self.error: ExchangeDown | None = None

    async def instruments(self) -> Any:
        if self.error is not None:
            raise self.error
        return INSTRUMENTS

    async def events(self) -> AsyncIterator[MarketEvent]:
        while (event := await self.queue.get()) is not None:
            yield event

    async def aclose(self) -> None: ...


class Works:
    """A wallet's service on a clock by hand; market data on a real socket."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock(NOW)
        self.floor = Floor(clock=self.clock)
        self.feed = Feed()
        self.market = MarketDataService(MarketData((BTC, ETH), self.clock), self.feed, self.clock)
        self.path = folder / "market.sock"
        self.server = Server(self.path, MARKET_LINK, self.clock, self.market.open_session)
        self.service = WalletService(
            self.floor.wallet,
            venue=self.floor.venue,
            guard=self.floor.lender,
            dial_market=self.dial,
            renew_every_s=2.0,
            clock=self.clock,
        )
        self.running: list[asyncio.Task[None]] = []

    async def dial(self) -> Caller:
        return await Peer.dial(self.path, MARKET_LINK, self.clock)

    async def begin(self) -> None:
        self.floor.show(999, 1001)
        await self.server.start()
        self.running = [asyncio.create_task(self.service.run()), asyncio.create_task(self.market.run())]
        await settle()

    async def end(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        await self.server.aclose()

    async def seat(self) -> None:
        self.floor.wallet.admit(Admit(a_bot_spec(), 1))
        self.floor.hello()

    async def wait(self, seconds: float, step: float = 0.1) -> None:
        for _ in range(round(seconds / step)):
            await self.clock.advance(step)
            await asyncio.sleep(0.001)  # for what comes over the socket


@pytest.fixture
async def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Works]:
    monkeypatch.setattr(wallet_service, "EVERYONE_S", 0.01)
    works = Works(tmp_path)
    yield works
    await works.end()


async def test_it_reconciles_until_the_venue_answers_and_serves_then(works: Works) -> None:
    works.floor.venue.script("open_orders", *[Fault(Temporary("503"))] * 3)
    await works.begin()
    assert not works.floor.wallet.ready
    await works.wait(2 * REDIAL_S)
    assert not works.floor.wallet.ready
    await works.wait(3 * REDIAL_S)
    assert works.floor.wallet.ready


async def test_a_fill_from_the_stream_is_protected_at_once(works: Works) -> None:
    await works.begin()
    await works.seat()
    await works.wait(0.2)
    await works.floor.submit(an_open(price=dec(990), tif="gtc"))
    assert works.floor.held() == 0
    works.floor.show(980, 981)
    await works.clock.advance(0.1)
    assert works.floor.held() == 1
    assert works.floor.resting(OrderType.STOP)


async def test_leases_are_renewed_on_time_and_through_a_silent_guard(works: Works) -> None:
    await works.begin()
    await works.wait(9)
    assert 4 <= len(works.floor.lender.asked) <= 6

    async def away(renewal: Any) -> Any:
        raise LinkError("no guard")

    renew, works.floor.lender.renew = works.floor.lender.renew, away  # type: ignore[method-assign]
    await works.wait(5)
    works.floor.lender.renew = renew  # type: ignore[method-assign]
    await works.wait(3)
    assert works.floor.wallet.report().lease is not None
    assert not works.running[0].done()


async def test_it_ends_when_a_successor_has_its_place(works: Works) -> None:
    await works.begin()

    async def fenced(renewal: Any) -> Any:
        raise Fenced("incarnation 2 has taken its place")

    works.floor.lender.renew = fenced  # type: ignore[method-assign]
    await works.wait(3)
    with pytest.raises(ExceptionGroup) as raised:
        await works.running[0]
    assert raised.group_contains(Fenced)


async def test_account_and_books_are_read_again_and_again_through_faults(works: Works) -> None:
    await works.begin()
    works.floor.venue.fail("account", Temporary("503"))
    works.floor.venue.fail("positions", Temporary("503"))
    await works.wait(RECOUNT_S + ACCOUNT_S)
    asked = len(works.floor.venue.asked("positions"))
    assert asked >= 1
    works.floor.venue.fail("account", None)
    works.floor.venue.fail("positions", None)
    await works.wait(RECOUNT_S + ACCOUNT_S)
    assert len(works.floor.venue.asked("positions")) > asked
    assert works.floor.wallet.report().equity_usd == 1_000_000
    assert not works.running[0].done()


async def test_after_a_broken_stream_nothing_is_missed(works: Works) -> None:
    await works.begin()
    await works.seat()
    await works.floor.submit(a_quote_intent(1))
    await works.floor.venue.aclose()
    works.floor.show(980, 981)
    await works.wait(2 * REDIAL_S)
    assert works.floor.held() == 1


async def test_busy_bots_do_not_keep_it_from_looking_after_the_silent(works: Works) -> None:
    await works.begin()
    await works.seat()
    await works.floor.submit(a_quote_intent(1))
    for _ in range(200):
        works.floor.wallet.woken.set()
        await works.clock.advance(0.1)
    assert works.floor.resting() == []


async def test_a_close_that_finds_no_depth_is_not_sent_in_a_busy_loop(works: Works) -> None:
    await works.begin()
    await works.seat()
    await works.wait(0.3)
    await works.floor.submit(an_open())
    works.floor.show(999, 1001, size=0)
    works.floor.venue.calls.clear()
    await works.floor.halt(HaltLevel.FLATTEN)
    await works.wait(2)
    closes = [o for o in works.floor.venue.asked("place") if o.type is OrderType.MARKET]
    assert 2 <= len(closes) <= 50
    works.floor.show(999, 1001)
    await works.wait(1)
    assert works.floor.at_venue() == 0


async def test_prices_come_over_the_socket_for_what_the_bots_watch(works: Works) -> None:
    await works.begin()
    await works.seat()
    await works.wait(3 * REDIAL_S)
    mid = dec(1234)
    works.feed.queue.put_nowait(
        Quote(symbol=BTC, bid=mid - 1, ask=mid + 1, bid_size=dec(1), ask_size=dec(1), at=NOW)
    )
    await works.wait(5 * PUBLISH_S)
    assert works.floor.look().markets[BTC].mark_price == 1234
    assert works.floor.held(ANN) == 0


async def test_it_dials_market_data_again_when_that_comes_back(works: Works) -> None:
    await works.begin()
    await works.seat()
    await works.wait(3 * REDIAL_S)
    await works.server.aclose()
    await works.wait(3 * REDIAL_S)
    await works.server.start()
    await works.wait(5 * REDIAL_S)
    works.feed.queue.put_nowait(
        Quote(symbol=BTC, bid=dec(49), ask=dec(51), bid_size=dec(1), ask_size=dec(1), at=NOW)
    )
    await works.wait(5 * PUBLISH_S)
    assert works.floor.look().markets[BTC].mark_price == 50


async def test_a_connection_that_says_nothing_any_more_is_dialled_anew(works: Works) -> None:
    """Open in name only: the other end has forgotten us, and nothing here can tell."""
    await works.begin()
    await works.seat()
    await works.wait(3 * REDIAL_S)
    works.market.sessions.clear()
    await works.wait(SILENT_S + 5 * REDIAL_S)
    works.feed.queue.put_nowait(
        Quote(symbol=BTC, bid=dec(49), ask=dec(51), bid_size=dec(1), ask_size=dec(1), at=NOW)
    )
    await works.wait(5 * PUBLISH_S)
    assert works.floor.look().markets[BTC].mark_price == 50


async def test_a_feed_that_ends_is_followed_by_the_next(works: Works) -> None:
    works.feed.error = ExchangeDown("not yet")
    await works.begin()
    await works.wait(2 * REDIAL_S)
    works.feed.error = None
    works.feed.queue.put_nowait(None)
    await works.wait(4 * REDIAL_S)
    works.feed.queue.put_nowait(
        Quote(symbol=BTC, bid=dec(49), ask=dec(51), bid_size=dec(1), ask_size=dec(1), at=NOW)
    )
    await works.wait(0.2)
    assert works.market.data.health()[BTC] < 1
    assert works.market.instruments == INSTRUMENTS


async def test_a_fault_that_no_retry_mends_ends_the_whole(works: Works) -> None:
    await works.begin()
    works.floor.venue.fail("account", ZeroDivisionError("a bug"))
    with pytest.raises(ExceptionGroup):
        await asyncio.gather(works.wait(3 * ACCOUNT_S), works.running[0])
