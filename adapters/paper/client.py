"""The paper exchange from afar: a ``Venue`` for wallets and a ``MarketFeed`` for market data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from adapters.errors import (
    ExchangeDown,
    LinkError,
    OutcomeUnknown,
    StaleCommand,
    TradingError,
    VenueError,
)
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
from adapters.venue import Fence, UserEvent

ANSWER_MAX_S = 5.0
VENUE = "paper"
_Reply = TypeVar("_Reply")


class PaperClient:
    """One account over a link. Implements ``Venue``.

    A broken link is ``ExchangeDown`` before a request was sent and ``OutcomeUnknown`` after, as it would be anywhere.
    An answer that makes no sense is no answer.

    Args:
        dial: opens a connection to the exchange's service.
        account: whose orders these are; opened if there is none of the name.
        cash_usd: what it is opened with.
        fence: the exchange's.
    """

    def __init__(self, dial: Dial, account: str, cash_usd: Decimal, *, fence: Fence = Fence.EXPIRY) -> None:
        self.fence = fence
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
                self._caller, self._instruments = await _introduced(self._dial, self._open)
            return self._caller

    async def _ask(self, request: PaperRequest, kind: type[_Reply]) -> _Reply:
        caller = await self._connected()
        try:
            answer = await caller.call(request, timeout_s=ANSWER_MAX_S)
        except VenueError:
            raise
        except StaleCommand as error:
            raise ExchangeDown(str(error), venue=VENUE) from error
        except TradingError as error:
            raise OutcomeUnknown(str(error), venue=VENUE) from error
        if not isinstance(answer, kind):
            raise OutcomeUnknown(_nonsense(request, answer), venue=VENUE)
        return answer


class PaperFeed:
    """The paper exchange's public market data. Implements ``MarketFeed``; the recent past comes first, as bars."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._caller: Caller | None = None

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        """The markets; also (re)connects."""
        await self.aclose()
        self._caller, instruments = await _introduced(self._dial, Follow())
        return instruments

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


async def _introduced(dial: Dial, greeting: Open | Follow) -> tuple[Caller, Mapping[Symbol, Instrument]]:
    """A new connection on which the greeting was answered, and the markets that the answer lists."""
    try:
        caller = await dial()
        try:
            listing = await caller.call(greeting, timeout_s=ANSWER_MAX_S)
            if not isinstance(listing, Listing):
                raise LinkError(_nonsense(greeting, listing))
        except BaseException:
            await caller.aclose()
            raise
    except VenueError:
        raise
    except TradingError as error:
        raise ExchangeDown(str(error), venue=VENUE) from error
    return caller, listing.instruments


def _nonsense(request: PaperRequest, answer: object) -> str:
    return f"{type(request).__name__} was answered with {type(answer).__name__}"
