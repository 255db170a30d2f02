"""The paper exchange from afar: a ``Venue`` for wallets and a ``MarketFeed`` for market data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from adapters.errors import ExchangeDown, LinkError, OutcomeUnknown, StaleCommand
from adapters.link import Caller, Dial
from adapters.model import (
    Account,
    ClientOrderId,
    Fill,
    Instrument,
    MarketEvent,
    Order,
    OrderReport,
    Position,
    Symbol,
)
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
    PaperRequest,
    Place,
    Positions,
    Quoted,
    Reported,
    Traded,
    Worth,
)
from adapters.venue import UserEvent

ANSWER_MAX_S = 5.0
VENUE = "paper"
_Reply = TypeVar("_Reply")


class PaperClient:
    """One account over a link. Implements ``Venue``.

    A broken link is ``ExchangeDown`` before a request was sent and ``OutcomeUnknown`` after, as it would be anywhere.
    """

    def __init__(self, dial: Dial, account: str, cash_usd: Decimal) -> None:
        self._dial = dial
        self._open = Open(account, cash_usd)
        self._caller: Caller | None = None
        self._dialling = asyncio.Lock()
        self._instruments: Mapping[Symbol, Instrument] = {}

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        await self._connected()
        return self._instruments

    async def place(self, order: Order) -> OrderReport:
        return (await self._ask(Place(order), Reported)).report

    async def cancel(self, order_id: ClientOrderId) -> OrderReport:
        return (await self._ask(Cancel(order_id), Reported)).report

    async def order(self, order_id: ClientOrderId) -> OrderReport:
        return (await self._ask(Ask(order_id), Reported)).report

    async def open_orders(self) -> Sequence[OrderReport]:
        return (await self._ask(AskOpen(), AllReported)).reports

    async def positions(self) -> Sequence[Position]:
        return (await self._ask(AskPositions(), Positions)).positions

    async def account(self) -> Account:
        return (await self._ask(AskAccount(), Worth)).account

    async def fills_since(self, sequence: int) -> Sequence[Fill]:
        return (await self._ask(AskFills(sequence), Fills)).fills

    async def events(self) -> AsyncIterator[UserEvent]:
        caller = await self._connected()
        async for news in caller.notices():
            if isinstance(news, Reported):
                yield news.report
            elif isinstance(news, Filled):
                yield news.fill

    async def aclose(self) -> None:
        if self._caller is not None:
            await self._caller.aclose()

    async def _connected(self) -> Caller:
        async with self._dialling:
            if self._caller is None or not self._caller.is_open:
                if self._caller is not None:
                    await self._caller.aclose()
                try:
                    caller = await self._dial()
                    listing: Listing = await caller.call(self._open, timeout_s=ANSWER_MAX_S)
                except LinkError as error:
                    raise ExchangeDown(str(error), venue=VENUE) from error
                self._caller, self._instruments = caller, listing.instruments
            return self._caller

    async def _ask(self, request: PaperRequest, kind: type[_Reply]) -> _Reply:
        caller = await self._connected()
        try:
            answer = await caller.call(request, timeout_s=ANSWER_MAX_S)
        except StaleCommand as error:
            raise ExchangeDown(str(error), venue=VENUE) from error
        except LinkError as error:
            raise OutcomeUnknown(str(error), venue=VENUE) from error
        assert isinstance(answer, kind)
        return answer


class PaperFeed:
    """The paper exchange's public market data. Implements ``MarketFeed``; the recent past comes first, as bars."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._caller: Caller | None = None

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        """The markets; also (re)connects."""
        await self.aclose()
        try:
            self._caller = await self._dial()
            listing: Listing = await self._caller.call(Follow(), timeout_s=ANSWER_MAX_S)
        except LinkError as error:
            raise ExchangeDown(str(error), venue=VENUE) from error
        return listing.instruments

    async def events(self) -> AsyncIterator[MarketEvent]:
        if self._caller is None:
            return
        async for news in self._caller.notices():
            match news:
                case Quoted(quote):
                    yield quote
                case Traded(trade):
                    yield trade
                case Closed(bar):
                    yield bar
                case Marked(context):
                    yield context

    async def aclose(self) -> None:
        if self._caller is not None:
            await self._caller.aclose()
            self._caller = None
