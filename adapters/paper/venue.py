"""An account of the paper exchange as a ``Venue``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from adapters.model import (
    Account,
    ClientOrderId,
    Fill,
    Instrument,
    Order,
    OrderReport,
    Position,
    Symbol,
)
from adapters.paper.exchange import PaperExchange
from adapters.venue import Fence, UserEvent


class PaperVenue:
    """One account, in the exchange's own process and event loop. Implements ``Venue``."""

    def __init__(self, exchange: PaperExchange, account: str) -> None:
        self._exchange = exchange
        self._account = account
        self._streams: dict[asyncio.Queue[UserEvent | None], Callable[[], None]] = {}

    @property
    def fence(self) -> Fence:
        return self._exchange.fence

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        return self._exchange.instruments

    async def place(self, order: Order) -> OrderReport:
        return self._exchange.place(self._account, order)

    async def cancel(self, order_id: ClientOrderId) -> OrderReport:
        return self._exchange.cancel(self._account, order_id)

    async def order(self, order_id: ClientOrderId) -> OrderReport:
        return self._exchange.order(self._account, order_id)

    async def open_orders(self) -> Sequence[OrderReport]:
        return self._exchange.open_orders(self._account)

    async def positions(self) -> Sequence[Position]:
        return self._exchange.positions(self._account)

    async def account(self) -> Account:
        return self._exchange.account_state(self._account)

    async def fills_since(self, sequence: int) -> Sequence[Fill]:
        return self._exchange.fills_since(self._account, sequence)

    def events(self) -> AsyncIterator[UserEvent]:
        """Reports and fills from this call on, not from the first ``anext``. Ends with ``aclose``."""
        queue: asyncio.Queue[UserEvent | None] = asyncio.Queue()
        self._streams[queue] = self._exchange.subscribe(self._account, queue.put_nowait)
        return self._read(queue)

    async def aclose(self) -> None:
        for queue in tuple(self._streams):
            self._end(queue)

    async def _read(self, queue: asyncio.Queue[UserEvent | None]) -> AsyncIterator[UserEvent]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._end(queue)

    def _end(self, queue: asyncio.Queue[UserEvent | None]) -> None:
        unsubscribe = self._streams.pop(queue, None)
        if unsubscribe is not None:
            unsubscribe()
            queue.put_nowait(None)
