"""The paper exchange at work: plays its market, serves its customers over a link."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from adapters.clock import Clock
from adapters.errors import InvalidParam, VenueError
from adapters.link import Notify
from adapters.market.bars import BarBuilder
from adapters.market.player import play
from adapters.model import (
    Bar,
    Book,
    Fill,
    FundingDue,
    MarketContext,
    MarketEvent,
    Quote,
    Symbol,
    Trade,
)
from adapters.paper.exchange import PaperExchange
from adapters.paper.wire import (
    AllReported,
    Ask,
    AskAccount,
    AskFills,
    AskOpen,
    AskPositions,
    Cancel,
    Closed,
    Filled,
    Fills,
    Follow,
    Listing,
    Marked,
    Open,
    PaperNews,
    PaperReply,
    PaperRequest,
    Place,
    Positions,
    Quoted,
    Reported,
    Traded,
    Worth,
)
from adapters.venue import MarketFeed, MarketSource, UserEvent

FINE = timedelta(seconds=1)
HISTORY = timedelta(minutes=30)
REDIAL_S = 1.0
_log = logging.getLogger(__name__)


class PaperService:
    """One exchange, one market source, any number of customers.

    Args:
        exchange: without a latency of its own: ``latency`` is spent on the way here, so that an answer is the truth.
        clock: for pauses.
        latency: from a customer's sending to the exchange having it.
        fine: length of the bars in which the recent past is told.
    """

    def __init__(
        self, exchange: PaperExchange, clock: Clock, latency: timedelta, fine: timedelta = FINE
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.latency_s = latency.total_seconds()
        self.history: deque[Bar] = deque()
        self.context: dict[Symbol, MarketContext] = {}
        self.quotes: dict[Symbol, Quote] = {}
        self.followers: set[Notify] = set()
        self._bars = {symbol: BarBuilder(symbol, fine) for symbol in exchange.instruments}

    def open_session(self, notify: Notify) -> PaperSession:
        """For the link's server."""
        return PaperSession(self, notify)

    def remember(self, events: Iterable[MarketEvent]) -> None:
        """Take in a past in which nobody could trade."""
        for event in events:
            self._chronicle(event)

    async def run(self, events: Iterable[MarketEvent], speed: float | None) -> None:
        """Play the market until it ends."""
        async for event in play(events, self.clock, speed):
            self._take(event)

    async def follow(self, feed: MarketFeed) -> None:
        """Trade at a venue's live prices, for ever; a connection that ends is dialled anew."""
        while True:
            try:
                await feed.instruments()
                async for event in feed.events():
                    self._take(event)
            except VenueError as error:
                _log.warning("market feed: %s", error)
            await self.clock.sleep(REDIAL_S)

    def _take(self, event: MarketEvent) -> None:
        self.exchange.on_market(event)
        self._chronicle(event)
        news = _news(event)
        if news is not None:
            for follower in tuple(self.followers):
                follower(news)

    def _chronicle(self, event: MarketEvent) -> None:
        match event:
            case Quote():
                self.quotes[event.symbol] = event
                self._keep(self._bars[event.symbol].add(event))
            case Trade():
                self._keep(self._bars[event.symbol].add(event))
            case Bar():
                self._keep([event])
            case MarketContext():
                self.context[event.symbol] = event
            case Book() | FundingDue():
                pass
            case _:
                assert_never(event)

    def _keep(self, bars: list[Bar]) -> None:
        for bar in bars:
            self.history.append(bar)
            span = max(HISTORY, bar.interval * 500)
            while bar.at - self.history[0].at > span:
                self.history.popleft()


class PaperSession:
    """One customer's connection."""

    def __init__(self, service: PaperService, notify: Notify) -> None:
        self._service = service
        self._notify = notify
        self._account: str | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def handle(self, request: Any) -> PaperReply:
        message: PaperRequest = request
        exchange = self._service.exchange
        if self._service.latency_s:
            await self._service.clock.sleep(self._service.latency_s)
        match message:
            case Open(account, cash_usd):
                exchange.open_account(account, cash_usd)
                self._account = account
                self._leave()
                self._unsubscribe = exchange.subscribe(account, self._tell)
                return Listing(exchange.instruments)
            case Follow():
                for bar in self._service.history:
                    self._notify(Closed(bar))
                for context in self._service.context.values():
                    self._notify(Marked(context))
                for quote in self._service.quotes.values():
                    self._notify(Quoted(quote))
                self._service.followers.add(self._notify)
                return Listing(exchange.instruments)
            case Place(order):
                return Reported(exchange.place(self._customer(), order))
            case Cancel(id_):
                return Reported(exchange.cancel(self._customer(), id_))
            case Ask(id_):
                return Reported(exchange.order(self._customer(), id_))
            case AskOpen():
                return AllReported(tuple(exchange.open_orders(self._customer())))
            case AskPositions():
                return Positions(tuple(exchange.positions(self._customer())))
            case AskAccount():
                return Worth(exchange.account_state(self._customer()))
            case AskFills(sequence):
                return Fills(tuple(exchange.fills_since(self._customer(), sequence)))
            case _:
                assert_never(message)

    async def closed(self) -> None:
        self._service.followers.discard(self._notify)
        self._leave()

    def _customer(self) -> str:
        if self._account is None:
            raise InvalidParam("open an account first", venue="paper")
        return self._account

    def _tell(self, event: UserEvent) -> None:
        self._notify(Filled(event) if isinstance(event, Fill) else Reported(event))

    def _leave(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None


def endless(source: MarketSource, *, loop: bool) -> Iterator[MarketEvent]:
    """The source's events; with ``loop`` from the beginning again at the end, time going on."""
    shift = timedelta(0)
    while True:
        first: datetime | None = None
        last: datetime | None = None
        for event in source.events():
            first = first or event.at
            last = event.at
            yield replace(event, at=event.at + shift) if shift else event
        if not loop or first is None or last is None:
            return
        shift += last - first + FINE


def _news(event: MarketEvent) -> PaperNews | None:
    match event:
        case Quote():
            return Quoted(event)
        case Trade():
            return Traded(event)
        case Bar():
            return Closed(event)
        case MarketContext():
            return Marked(event)
        case Book() | FundingDue():
            return None
        case _:
            assert_never(event)
