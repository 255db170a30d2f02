"""The port to one exchange account, and the port to a market's public data.

Every venue implements the same verbs and passes the same contract tests; the paper venue is one of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

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

UserEvent = OrderReport | Fill


class Fence(StrEnum):
    """How a venue lets us prove that an order which got no answer will never trade."""

    EXPIRY = "expiry"  # it refuses an order that arrives after its ``expires_at``, by its own clock
    KEY = "key"  # it takes an id once, for ever; ``expires_at`` means nothing to it


class Venue(Protocol):
    """One exchange account. Translates, holds no policy, raises only ``VenueError``."""

    @property
    def fence(self) -> Fence: ...

    async def instruments(self) -> Mapping[Symbol, Instrument]: ...

    async def place(self, order: Order) -> OrderReport:
        """Place the order, or answer with the existing one if its id is known.

        A refusal is an error (``InvalidParam``, ``Insufficient``, ``RiskRejected``), never a report.
        """
        ...

    async def cancel(self, order_id: ClientOrderId) -> OrderReport:
        """Cancel and answer with the final report. Raises ``NotFound`` when the order is not open."""
        ...

    async def order(self, order_id: ClientOrderId) -> OrderReport:
        """The order by our id, open or final.

        Raises ``NotFound`` when the venue has not accepted it, as of a moment after the question was asked: where a
        venue's answers lag behind what it accepts, its adapter waits that long before it says so.
        """
        ...

    async def open_orders(self) -> Sequence[OrderReport]: ...

    async def positions(self) -> Sequence[Position]:
        """Non-zero positions."""
        ...

    async def account(self) -> Account:
        """What the account is worth. Its ``at`` is the venue's own clock at the moment of the answer."""
        ...

    async def fills_since(self, sequence: int) -> Sequence[Fill]:
        """Fills numbered above ``sequence``, oldest first, possibly only the next page of them.

        They hold every execution that a report counts which was answered before this was asked. Numbers only rise;
        where they have gaps, ``Fill.previous`` says which fill came before, so that a stream shows what it misses.
        """
        ...

    def events(self) -> AsyncIterator[UserEvent]:
        """Order reports and fills as they happen. Ends when the connection does; gaps are the caller's."""
        ...

    async def aclose(self) -> None: ...


class MarketFeed(Protocol):
    """Public market data, live."""

    async def instruments(self) -> Mapping[Symbol, Instrument]: ...

    def events(self) -> AsyncIterator[MarketEvent]:
        """News as it happens. Ends when the connection does."""
        ...

    async def aclose(self) -> None: ...


class MarketSource(Protocol):
    """A market that can be played: synthetic or recorded. Iterating twice gives the same events."""

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]: ...

    def events(self) -> Iterator[MarketEvent]:
        """Events in the order of their ``at``; one pass from the beginning."""
        ...
