"""The venues that must keep the contract. A new one is one function, and one line in ``VENUES``.

A venue under test has a BTC market (tick 1, step 0.001, up to 20 times leverage) in which all fills come from the
quotes that a test shows, and one account with a million dollars, on a clock that moves when told to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adapters.clock import SystemClock, VirtualClock
from adapters.hyperliquid import rest
from adapters.link import Caller, Peer, Server
from adapters.model import ClientOrderId, Instrument, Order, OrderReport, OrderType, Quote, Side, Symbol
from adapters.paper import client
from adapters.paper.client import PaperClient
from adapters.paper.exchange import PaperExchange
from adapters.paper.service import PaperService
from adapters.paper.venue import PaperVenue
from adapters.paper.wire import PAPER_LINK
from adapters.simulators.faults.link_proxy import LinkProxy
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import Plan, Way, Where
from adapters.venue import Venue
from tests.adapters.hyperliquid import grounds
from tests.builders import BTC, NOW

CASH_USD = Decimal(1_000_000)
MARKET = Instrument(symbol=BTC, tick=Decimal(1), step=Decimal("0.001"), is_major=True, max_leverage=20)
ACCOUNT = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A fault proxy before a venue, and which of its requests are meant by a venue's verbs."""

    nemesis: Nemesis
    requests: Mapping[str, Where]  # by verb; "connect" is what comes before them all
    hurried: Callable[[], AbstractContextManager[None]]  # within it the venue's client soon gives up
    skew: Callable[[timedelta], None]  # from here on the venue's clock is so far ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueUnderTest:
    """One account, and the hands to move what is around it."""

    venue: Venue  # as a wallet has it
    truth: Venue  # the same account with nothing in between
    take_quote: Callable[[Quote], None]  # the market's next state
    clock: VirtualClock  # the venue's
    wire: Wire | None = None  # what is in between, where it can fail
    _ids: count[int] = field(default_factory=lambda: count(1))

    def show(self, bid: int, ask: int, size: int = 10) -> None:
        """A new quote, a millisecond later."""
        self.clock.advance(0.001)
        self.take_quote(
            Quote(
                symbol=BTC,
                bid=Decimal(bid),
                bid_size=Decimal(size),
                ask=Decimal(ask),
                ask_size=Decimal(size),
                at=self.clock.now(),
            )
        )

    def an_order(self, side: Side, size: str, price: str | None = None, **changes: Any) -> Order:
        """A limit order with a price, a market order without, with an id of its own."""
        base = Order(
            id=ClientOrderId(f"{next(self._ids):032x}"),
            symbol=BTC,
            side=side,
            size=Decimal(size),
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            price=None if price is None else Decimal(price),
        )
        return replace(base, **changes)

    async def buy(self, size: str, price: str | None = None, **changes: Any) -> OrderReport:
        """Place a buy."""
        return await self.venue.place(self.an_order(Side.BUY, size, price, **changes))

    async def sell(self, size: str, price: str | None = None, **changes: Any) -> OrderReport:
        """Place a sell."""
        return await self.venue.place(self.an_order(Side.SELL, size, price, **changes))

    async def held(self, symbol: Symbol = BTC) -> Decimal:
        """The account's true position."""
        sizes = {position.symbol: position.size for position in await self.truth.positions()}
        return sizes.get(symbol, Decimal(0))


Opening = Callable[[Path], AbstractAsyncContextManager[VenueUnderTest]]


@asynccontextmanager
async def paper_in_process(_: Path) -> AsyncIterator[VenueUnderTest]:
    """The exchange itself."""
    clock = VirtualClock(NOW)
    exchange = _paper_exchange(clock)
    venue = PaperVenue(exchange, ACCOUNT)
    yield VenueUnderTest(
        venue=venue, truth=PaperVenue(exchange, ACCOUNT), take_quote=exchange.on_market, clock=clock
    )
    await venue.aclose()


@asynccontextmanager
async def paper_over_a_link(folder: Path) -> AsyncIterator[VenueUnderTest]:
    """The exchange in another process, as far as it can tell."""
    clock = VirtualClock(NOW)
    exchange = _paper_exchange(clock)
    async with _serving(exchange, clock, folder / "venue.sock") as path:
        venue = _client(path, clock)
        yield VenueUnderTest(
            venue=venue, truth=PaperVenue(exchange, ACCOUNT), take_quote=exchange.on_market, clock=clock
        )
        await venue.aclose()


@asynccontextmanager
async def paper_behind_faults(folder: Path) -> AsyncIterator[VenueUnderTest]:
    """The exchange behind a wire that can fail."""
    clock = VirtualClock(NOW)
    exchange = _paper_exchange(clock)
    nemesis = Nemesis(Plan(), Random(0))
    async with _serving(exchange, clock, folder / "venue.sock") as path:
        proxy = LinkProxy(folder / "proxy.sock", path, nemesis, SystemClock())
        await proxy.start()
        venue = _client(folder / "proxy.sock", clock)
        yield VenueUnderTest(
            venue=venue,
            truth=PaperVenue(exchange, ACCOUNT),
            take_quote=exchange.on_market,
            clock=clock,
            wire=Wire(
                nemesis=nemesis,
                requests=_PAPER_REQUESTS,
                hurried=hurried_paper,
                skew=lambda ahead: nemesis.strike(Plan(skew=ahead)),
            ),
        )
        await venue.aclose()
        await proxy.aclose()


@asynccontextmanager
async def hyperliquid_behind_faults(folder: Path) -> AsyncIterator[VenueUnderTest]:
    """The simulated exchange behind a wire that can fail."""
    async with grounds.opened(folder, instruments={BTC: MARKET}) as ground:
        nonces, truth = grounds.a_venue(ground.url, ground.signer, ground.clock, folder / "truth")
        yield VenueUnderTest(
            venue=ground.venue,
            truth=truth,
            take_quote=ground.exchange.on_market,
            clock=ground.wall,
            wire=Wire(
                nemesis=ground.nemesis,
                requests=_HYPERLIQUID_REQUESTS,
                hurried=hurried_hyperliquid,
                skew=ground.set_ahead,
            ),
        )
        await truth.aclose()
        nonces.close()


VENUES: Mapping[str, Opening] = {
    "paper in process": paper_in_process,
    "paper over a link": paper_over_a_link,
    "paper behind faults": paper_behind_faults,
    "hyperliquid behind faults": hyperliquid_behind_faults,
}
BEHIND_FAULTS = ("paper behind faults", "hyperliquid behind faults")

_PAPER_REQUESTS = {
    verb: Where(way=Way.REQUEST, verb=name)
    for verb, name in {
        "connect": "Open",
        "place": "Place",
        "cancel": "Cancel",
        "order": "Ask",
        "open_orders": "AskOpen",
        "positions": "AskPositions",
        "account": "AskAccount",
        "fills_since": "AskFills",
    }.items()
}


_HYPERLIQUID_REQUESTS = {
    verb: Where(way=Way.REQUEST, path=path, containing=f'"{kind}"'.encode())
    for verb, (path, kind) in {
        "connect": ("/info", "meta"),
        "place": ("/exchange", "order"),
        "cancel": ("/exchange", "cancelByCloid"),
        "order": ("/info", "orderStatus"),
        "open_orders": ("/info", "frontendOpenOrders"),
        "positions": ("/info", "clearinghouseState"),
        "account": ("/info", "clearinghouseState"),
        "fills_since": ("/info", "userFillsByTime"),
    }.items()
}


@contextmanager
def hurried_hyperliquid() -> Iterator[None]:
    """A client that waits a fifth of a second for an answer, where none will come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rest, "ANSWER_MAX_S", 0.2)
        yield


@contextmanager
def hurried_paper() -> Iterator[None]:
    """A paper client that waits a tenth of a second for an answer, where none will come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "ANSWER_MAX_S", 0.1)
        yield


def _paper_exchange(clock: VirtualClock) -> PaperExchange:
    exchange = PaperExchange({BTC: MARKET}, clock=clock)
    exchange.open_account(ACCOUNT, CASH_USD)
    return exchange


@asynccontextmanager
async def _serving(exchange: PaperExchange, clock: VirtualClock, path: Path) -> AsyncIterator[Path]:
    service = PaperService(exchange, clock, timedelta(0))
    server = Server(path, PAPER_LINK, clock, service.open_session)
    await server.start()
    yield path
    await server.aclose()


def _client(path: Path, clock: VirtualClock) -> PaperClient:
    async def dial() -> Caller:
        return await Peer.dial(path, PAPER_LINK, clock)

    return PaperClient(dial, ACCOUNT, CASH_USD)
