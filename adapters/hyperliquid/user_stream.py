"""The account as its websocket tells it: resting orders and fills, followed without a gap while it is open.

It answers only while it is fresh; otherwise the exchange is asked. The account's worth and its positions are always
asked for: that is cheap, and the answer carries the exchange's clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

import msgspec

from adapters.clock import Clock
from adapters.errors import VenueError
from adapters.hyperliquid.fills import FillBook
from adapters.hyperliquid.markets import Markets
from adapters.hyperliquid.orders import id_of, order_of, report_of, status_of
from adapters.hyperliquid.sent import SentOrders
from adapters.hyperliquid.stream import Stream
from adapters.hyperliquid.wire import (
    Envelope,
    FillsNews,
    MidsNews,
    OrderLine,
    OrderUpdate,
    check_not_ahead,
    decoded,
)
from adapters.model import Fill, Order, OrderReport, OrderStatus
from adapters.venue import UserEvent

FRESH_S = 5.0  # without a word for so long, what was heard is old
FILLS_WAIT_S = 0.5  # for fills of which a report has told already
EVENTS_MAX = 20_000
_log = logging.getLogger(__name__)


class UserStream:
    """One connection's view. Its owner opens the connection, tells it what rests, and asks it while ``is_fresh``.

    Args:
        stream: open.
        user: the account's address.
        markets: for names.
        sent: what this process has placed.
        fills: the account's fills; they outlive the connection.
        note: told of every report that counts what traded, by the exchange's number.
        clock: for ages.
    """

    def __init__(
        self,
        stream: Stream,
        user: str,
        markets: Markets,
        sent: SentOrders,
        fills: FillBook,
        note: Callable[[int, OrderReport], None],
        clock: Clock,
    ) -> None:
        self.stream = stream
        self._user = user
        self._markets = markets
        self._sent = sent
        self._fills = fills
        self._note = note
        self._clock = clock
        self._events: asyncio.Queue[UserEvent | None] = asyncio.Queue()
        self._resting: dict[int, OrderReport] | None = None  # by the exchange's number
        self._opened: dict[int, OrderReport | None] = {}  # since that was asked; None: not told whole
        self._ended: set[int] = set()
        self._ended_before: set[int] = set()  # before it was asked the last time
        self._has_fills = False
        self._changed = asyncio.Event()
        self._mids: dict[str, Decimal] = {}
        self._mids_at: float | None = None
        self._pumping = asyncio.create_task(self._pump())

    async def subscribe(self) -> None:
        """Ask for all that is followed. Raises ``VenueError``."""
        for kind in ("userFills", "orderUpdates"):
            await self.stream.subscribe(kind, user=self._user)
        await self.stream.subscribe("allMids")

    async def events(self) -> Sequence[UserEvent] | None:
        """The next news, as many as there are; ``None`` when the connection has ended."""
        news = [await self._events.get()]
        while news[-1] is not None and not self._events.empty():
            news.append(self._events.get_nowait())
        told = [event for event in news if event is not None]
        if news[-1] is None and told:
            self._events.put_nowait(None)
        return told or None

    async def aclose(self) -> None:
        """Stop listening."""
        await self.stream.aclose()
        await asyncio.gather(self._pumping, return_exceptions=True)

    @property
    def is_fresh(self) -> bool:
        """Whether the connection is open and was heard of lately."""
        return self.stream.is_open and self._clock.monotonic() - self.stream.heard_at <= FRESH_S

    @property
    def mids(self) -> dict[str, Decimal] | None:
        """Mid prices by the exchange's names; ``None`` when they are old."""
        is_known = self._mids_at is not None and self._clock.monotonic() - self._mids_at <= FRESH_S
        return self._mids if is_known else None

    def rests(self, reports: Iterable[tuple[int, OrderReport]]) -> None:
        """Take in what rested a moment ago, by the exchange's number; what was heard meanwhile is newer."""
        resting = {oid: report for oid, report in reports if not self._has_ended(oid)}
        is_whole = True
        for oid, report in self._opened.items():
            if oid not in resting and not self._has_ended(oid):
                is_whole &= report is not None
                if report is not None:
                    resting[oid] = report
        self._resting = resting if is_whole else None
        self._opened.clear()
        self._ended_before, self._ended = self._ended, set()

    def resting(self) -> Sequence[OrderReport] | None:
        """What rests; ``None`` when that is not known here."""
        return tuple(self._resting.values()) if self.is_fresh and self._resting is not None else None

    async def fills_after(self, sequence: int, reported: dict[int, Decimal]) -> list[Fill] | None:
        """All fills above the number, once they hold what was reported; ``None`` when that is not known here.

        Args:
            sequence: of the last one that is known.
            reported: what reports have counted as traded, by the exchange's number of the order.
        """
        deadline = self._clock.monotonic() + FILLS_WAIT_S
        while any(self._fills.traded(oid)[0] < size for oid, size in reported.items()):
            self._changed.clear()
            try:
                async with asyncio.timeout(max(deadline - self._clock.monotonic(), 0)):
                    await self._changed.wait()
            except TimeoutError:
                return None
        is_known = self.is_fresh and self._has_fills and self._fills.covers(sequence)
        return self._fills.after(sequence) if is_known else None

    async def _pump(self) -> None:
        try:
            async for message in self.stream.messages():
                try:
                    for event in self._take(message):
                        self._events.put_nowait(event)
                except (msgspec.MsgspecError, ValueError) as error:
                    _log.warning("%s makes no sense: %s", message.channel, error)
                    break  # whatever it was, it is missing now
                if self._events.qsize() > EVENTS_MAX:
                    break
        finally:
            await self.stream.aclose()
            self._events.put_nowait(None)

    def _take(self, message: Envelope) -> Iterator[UserEvent]:
        match message.channel:
            case "userFills":
                yield from self._take_fills(decoded(message.data, FillsNews))
            case "orderUpdates":
                for update in decoded(message.data, list[OrderUpdate]):
                    yield from self._take_order(update)
            case "allMids":
                self._mids = decoded(message.data, MidsNews).mids
                self._mids_at = self._clock.monotonic()

    def _take_fills(self, news: FillsNews) -> Sequence[Fill]:
        check_not_ahead((line.time for line in news.fills), self._clock.now())
        self._has_fills |= news.is_snapshot
        fills = self._fills.heard(news.fills, self._markets)
        self._changed.set()
        return fills

    def _take_order(self, update: OrderUpdate) -> Iterator[OrderReport]:
        line, oid = update.order, update.order.oid
        known = self._resting.get(oid) if self._resting is not None else None
        order = self.order_of(line) if known is None else known.order
        try:
            is_resting = order.reduce_only and status_of(update.status) is OrderStatus.OPEN
            report = report_of(update, order, self._fills.traded(oid), is_all=is_resting)
        except VenueError as error:
            _log.warning("%s", error)
            self._resting = None  # asked for with the next question
            return
        is_whole = known is not None or self._sent.get(order.id) is not None
        if report.status is not OrderStatus.OPEN:
            self._ended.add(oid)
            if self._resting is not None:
                self._resting.pop(oid, None)
        elif not self._has_ended(oid):
            self._opened[oid] = report if is_whole else None
            if self._resting is not None and is_whole:
                self._resting[oid] = report
            else:  # somebody else's, and this channel does not tell all of it
                self._resting = None
        if not order.reduce_only:  # it may have been cut down instead
            self._note(oid, report)
        yield report

    def _has_ended(self, oid: int) -> bool:
        return oid in self._ended or oid in self._ended_before

    def order_of(self, line: OrderLine) -> Order:
        """What was asked for, by ourselves if we did."""
        sent = self._sent.get(id_of(line.cloid, line.oid))
        return sent.order if sent else order_of(line, self._markets.symbol_of(line.coin))
