"""The one way from a wallet to its venue: written ahead, sent once, and never guessed about."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from decimal import Decimal

from actors.crossing import Crossing
from actors.journal import Journal
from actors.ledger import Ledger, LedgerOrder
from actors.ledger_events import Crossed, Intended, Learned, LedgerEvent, Protection, Traded
from actors.order_state import EVENT_OF_STATUS, OrderEvent, OrderState
from adapters.clock import Clock
from adapters.errors import Disposition, NotFound, VenueError
from adapters.model import BotId, ClientOrderId, Fill, Order, OrderReport, OrderStatus, Symbol
from adapters.venue import Venue
from risk.intent import Purpose

RETRIES_MAX = 3
BACKOFF_S = 0.2  # doubled on every try, with jitter


class OrderDesk:
    """Applies every fact to journal and ledger, in this order, and tells ``on_change`` whose it was."""

    def __init__(
        self, venue: Venue, journal: Journal, ledger: Ledger, clock: Clock, on_change: Callable[[BotId], None]
    ) -> None:
        self.ledger = ledger
        self._venue = venue
        self._journal = journal
        self._clock = clock
        self._on_change = on_change
        self._jitter = random.Random(0)  # noqa: S311  # spreads retries, guards nothing
        self._in_the_air: set[ClientOrderId] = set()  # a venue that has not got them yet proves nothing
        self.sent = 0
        self.failures = 0  # venue errors in a row

    def write(self, *events: LedgerEvent) -> None:
        """Journal, then apply."""
        self._journal.append(*events)
        for event in events:
            self.ledger.apply(event)
        if self._journal.is_long:
            self.ledger.forget()
            self._journal.compact([self.ledger.summary()])

    def intend(
        self,
        order: Order,
        *,
        bot: BotId,
        purpose: Purpose,
        exposure_usd: Decimal = Decimal(0),
        protection: Protection | None = None,
    ) -> LedgerOrder:
        """Write the order ahead: from here on its exposure is reserved, whatever happens."""
        self.write(
            Intended(
                order=order,
                bot=bot,
                purpose=purpose,
                exposure_usd=exposure_usd,
                protection=protection or Protection(),
                at=self._clock.now(),
            )
        )
        return self.ledger.orders[order.id]

    async def send(
        self, intended: LedgerOrder, *, may_repeat: Callable[[], bool] = lambda: True
    ) -> VenueError | None:
        """Send what was written ahead and learn what came of it.

        Args:
            intended: the order.
            may_repeat: asked before each try but the first, since halts and leases do not wait for a venue.

        Returns:
            ``None`` when the venue has it, else the venue's refusal, or the error after which nobody knows.
        """
        order = intended.order
        self._in_the_air.add(order.id)
        try:
            report = await self._insist(lambda: self._venue.place(order), may_repeat)
        except VenueError as error:
            if error.disposition is Disposition.RESOLVE or error.disposition is Disposition.RETRY:
                self._learn(order.id, OrderEvent.LOSE, f"{type(error).__name__}: {error}")
            else:  # whoever asked is answered; waking him too would make him try again at once
                proof = f"{type(error).__name__}: {error}"
                self.write(Learned(order.id, OrderEvent.REJECT, proof, self._clock.now()))
            return error
        except asyncio.CancelledError:
            self._learn(order.id, OrderEvent.LOSE, "cancelled while sending")
            raise
        finally:
            self._in_the_air.discard(order.id)
        try:
            await self.take_report(report)
        except (VenueError, asyncio.CancelledError) as error:
            self._learn(order.id, OrderEvent.LOSE, f"its fills could not be read: {type(error).__name__}")
            if isinstance(error, asyncio.CancelledError):
                raise
        return None

    def cross(self, symbol: Symbol, crossing: Crossing, price: Decimal) -> None:
        """Move a holding from one bot's book to another's, at the mark."""
        giver, taker = crossing.giver, crossing.taker
        self.write(Crossed(symbol, giver, taker, crossing.size, price, self._clock.now()))
        self._on_change(giver)
        self._on_change(taker)

    async def cancel(self, order_id: ClientOrderId) -> VenueError | None:
        """Cancel; an order that is already gone is a success, looked up for how it ended."""
        try:
            await self.take_report(await self._insist(lambda: self._venue.cancel(order_id)))
        except NotFound:
            return await self.resolve(order_id)
        except VenueError as error:
            return error
        return None

    async def resolve(self, order_id: ClientOrderId) -> VenueError | None:
        """Ask the venue what became of an order. "Never heard of it" is proof that it never arrived.

        An order that is being sent at this moment is left alone: its answer is on the way.
        """
        if order_id in self._in_the_air:
            return None
        try:
            await self.take_report(await self._venue.order(order_id))
        except NotFound as error:
            self._learn(order_id, OrderEvent.REJECT, f"the venue has no such order: {error}")
        except VenueError as error:
            return error
        return None

    async def catch_up(self) -> None:
        """Take in every fill that the stream may have missed. Raises what the venue raises."""
        while fills := await self._venue.fills_since(self.ledger.fill_sequence):
            for fill in fills:
                self.take_fill(fill)

    async def take_report(self, report: OrderReport) -> None:
        """An order's state by the venue's word.

        Fills that the report counts and the ledger lacks are fetched first: a final state frees the order's
        reservation, and exposure must never be missing from both sides at once.
        """
        order = self.ledger.orders.get(report.order.id)
        if order is None:
            return
        if report.filled > order.filled:
            await self.catch_up()
        if order.state.is_final or (order.state is OrderState.OPEN and report.status is OrderStatus.OPEN):
            return
        self._learn(
            report.order.id, EVENT_OF_STATUS[report.status], report.reason or f"venue: {report.status}"
        )

    def take_fill(self, fill: Fill) -> bool:
        """One execution. Says ``False`` when one before it is missing, which ``catch_up`` then brings."""
        if fill.sequence > self.ledger.fill_sequence + 1:
            return False
        if fill.sequence == self.ledger.fill_sequence + 1:
            self.write(Traded(fill))
            self._on_change(self.ledger.owner_of(fill.order_id))
        return True

    def _learn(self, order_id: ClientOrderId, event: OrderEvent, proof: str) -> None:
        self.write(Learned(id=order_id, event=event, proof=proof, at=self._clock.now()))
        self._on_change(self.ledger.owner_of(order_id))

    async def _insist(
        self,
        ask: Callable[[], Coroutine[None, None, OrderReport]],
        may_repeat: Callable[[], bool] = lambda: True,
    ) -> OrderReport:
        for attempt in range(RETRIES_MAX + 1):
            self.sent += 1
            try:
                report = await ask()
            except VenueError as error:
                self.failures += 1
                if attempt == RETRIES_MAX or error.disposition not in (Disposition.RETRY, Disposition.WAIT):
                    raise
                backoff_s = BACKOFF_S * 2**attempt * (0.5 + self._jitter.random())
                await self._clock.sleep(error.retry_after_s or backoff_s)
                if not may_repeat():
                    raise
            else:
                self.failures = 0
                return report
        raise AssertionError("the last attempt either returns or raises")
