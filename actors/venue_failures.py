"""A wallet's venue, with its failures counted where they happen: at every call, whoever makes it."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import TypeVar

from adapters.clock import Clock
from adapters.errors import Disposition, VenueError
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
from adapters.venue import Fence, UserEvent, Venue

KEPT = 1_000  # failures; a window that holds more is over any limit
FAILURES = (Disposition.RETRY, Disposition.RESOLVE, Disposition.FAIL_CYCLE)  # the others are answers
T = TypeVar("T")


class CountingVenue:
    """Implements ``Venue``. A refusal, or a word that the order is unknown, is an answer; no answer is a failure.

    The stream of events is not counted: it has no answer to fail, and what it misses is asked for.
    """

    def __init__(self, venue: Venue, clock: Clock) -> None:
        self.failed_at: deque[float] = deque(maxlen=KEPT)  # monotonic
        self._venue = venue
        self._clock = clock

    @property
    def fence(self) -> Fence:
        return self._venue.fence

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        return await self._counted(self._venue.instruments())

    async def place(self, order: Order) -> OrderReport:
        return await self._counted(self._venue.place(order))

    async def cancel(self, order_id: ClientOrderId) -> OrderReport:
        return await self._counted(self._venue.cancel(order_id))

    async def order(self, order_id: ClientOrderId) -> OrderReport:
        return await self._counted(self._venue.order(order_id))

    async def open_orders(self) -> Sequence[OrderReport]:
        return await self._counted(self._venue.open_orders())

    async def positions(self) -> Sequence[Position]:
        return await self._counted(self._venue.positions())

    async def account(self) -> Account:
        return await self._counted(self._venue.account())

    async def fills_since(self, sequence: int) -> Sequence[Fill]:
        return await self._counted(self._venue.fills_since(sequence))

    def events(self) -> AsyncIterator[UserEvent]:
        return self._venue.events()

    async def aclose(self) -> None:
        await self._venue.aclose()

    async def _counted(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except VenueError as error:
            if error.disposition in FAILURES:
                self.failed_at.append(self._clock.monotonic())
            raise
