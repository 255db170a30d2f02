"""The one way from a wallet to its venue: written ahead, sent once, and never guessed about."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from actors.crossing import Crossing
from actors.journal import Journal
from actors.ledger import EXTERNAL, Ledger, LedgerOrder
from actors.ledger_events import Crossed, Intended, Learned, LedgerEvent, Protection, Traded
from actors.ledger_writer import LedgerWriter
from actors.order_state import EVENT_OF_STATUS, OrderEvent, OrderState
from actors.resolution import Dead, Resend, Told, looked_up, sent_again
from actors.venue_clock import VenueClock
from adapters.clock import Clock
from adapters.errors import Disposition, NotFound, VenueError
from adapters.model import BotId, ClientOrderId, Fill, Order, OrderReport, OrderStatus, Symbol
from adapters.venue import Venue
from risk.intent import Purpose
from risk.leases import TAU

ATTEMPTS_MAX = 3
BACKOFF_S = 0.2  # after the first attempt, doubled after each further one, with jitter
WAIT_MAX_S = 3.0  # a venue that asks for more patience is asked again by a later pass


class OrderDesk:
    """Applies every fact to journal and ledger, in this order, and tells ``on_change`` whose it was."""

    def __init__(
        self, venue: Venue, journal: Journal, ledger: Ledger, clock: Clock, on_change: Callable[[BotId], None]
    ) -> None:
        self.ledger = ledger
        self.venue_clock = VenueClock(clock)
        self._venue = venue
        self.writer = LedgerWriter(journal, ledger, clock)
        self._clock = clock
        self._on_change = on_change
        self._jitter = random.Random(0)  # noqa: S311  # spreads retries, guards nothing
        self._in_the_air: set[ClientOrderId] = set()  # a venue that has not got them yet proves nothing
        self.foreign: dict[ClientOrderId, OrderReport] = {}  # resting at the venue, and nobody's of ours
        self.foreign_trades: set[ClientOrderId] = set()  # orders that no bot asked for, and that traded
        self.fills: Counter[BotId] = Counter()  # taken in by this process
        self.sent = 0
        self.failures = 0  # venue errors in a row

    def write(self, *events: LedgerEvent) -> None:
        """Journal, then apply. Raises ``JournalFailed``; see there what goes on without a disk."""
        self.writer.write(*events)

    def take(self, *events: LedgerEvent) -> None:
        """Journal and apply, and tell whose it was."""
        self.write(*events)
        for event in events:
            if isinstance(event, Traded):
                self._note(event.fill)
            elif isinstance(event, Learned):
                self._on_change(self.ledger.owner_of(event.id))

    def intend(
        self,
        order: Order,
        *,
        bot: BotId,
        purpose: Purpose,
        reserve_price: Decimal = Decimal(0),
        protection: Protection | None = None,
    ) -> LedgerOrder:
        """Write the order ahead: from here on its exposure is reserved, whatever happens.

        It gets the expiry that only the venue can judge: however long we sleep between here and the send, it is not
        taken after that. What can add exposure needs the venue's time to be known, which its review has seen to.
        """
        expiry = self._expiry(purpose)
        assert purpose.reduces or expiry is not None, "opens wait until the venue's time is known"
        self.write(
            Intended(
                order=replace(order, expires_at=expiry),
                bot=bot,
                purpose=purpose,
                reserve_price=reserve_price,
                protection=protection or Protection(),
                at=self._clock.now(),
            )
        )
        return self.ledger.orders[order.id]

    async def send(
        self,
        intended: LedgerOrder,
        *,
        may_repeat: Callable[[], bool] = lambda: True,
        attempts: int = ATTEMPTS_MAX,
    ) -> VenueError | None:
        """Send what was written ahead and learn what came of it.

        Args:
            intended: the order.
            may_repeat: asked before each try but the first, since halts and leases do not wait for a venue.
            attempts: how many tries there are at most.

        Returns:
            ``None`` when the venue has it, else the venue's refusal, or the error after which nobody knows.
        """
        order = intended.order
        self._in_the_air.add(order.id)
        is_unclear = False  # one of the tries may have had an effect: no later refusal proves anything

        async def place() -> OrderReport:
            nonlocal is_unclear
            try:
                return await self._venue.place(order)
            except VenueError as error:  # a refusal and a rate limit say that this try had none
                is_unclear |= error.disposition in (Disposition.RESOLVE, Disposition.RETRY)
                raise

        try:
            report = await self._insist(place, lambda: may_repeat() and not self._is_late(order), attempts)
        except VenueError as error:
            if is_unclear:
                self._learn(order.id, OrderEvent.LOSE, f"{type(error).__name__}: {error}")
            else:  # whoever asked is answered; waking him too would make him try again at once
                proof = f"{type(error).__name__}: {error}"
                self.write(Learned(order.id, OrderEvent.REJECT, proof, self._clock.now()))
            return error
        except (Exception, asyncio.CancelledError) as error:
            self._learn(order.id, OrderEvent.LOSE, f"{type(error).__name__} while sending")
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

    def is_in_the_air(self, order_id: ClientOrderId) -> bool:
        """Whether it is being sent at this moment, so that its answer is on the way."""
        return order_id in self._in_the_air

    async def withdraw(self, order_id: ClientOrderId) -> bool:
        """Cancel an order that the ledger does not have, or has as ended. Says whether that is done now."""
        try:
            await self._venue.cancel(order_id)
        except VenueError:  # gone, or to be found again by the next look
            return False
        return True

    async def resolve(self, order_id: ClientOrderId) -> VenueError | None:
        """Ask the venue what became of an order, and conclude what can be: see ``actors.resolution``.

        Returns:
            The error that came instead of an answer.
        """
        order = self.ledger.orders.get(order_id)
        if order is None or order.state.is_final or self.is_in_the_air(order_id):
            return None
        venue_time = self.venue_clock.at_least()
        said: OrderReport | VenueError
        try:
            said = await self._venue.order(order_id)
        except VenueError as error:
            said = error
        found = looked_up(
            order.order,
            said,
            venue_time=venue_time,
            fence=self._venue.fence,
            is_acknowledged=order.state is OrderState.OPEN,
        )
        try:
            if isinstance(found, Told):
                await self.take_report(found.report)
            elif isinstance(found, Dead):
                self._learn(order_id, OrderEvent.REJECT, found.proof)
            elif isinstance(found, Resend) and not order.state.is_final:
                await self._send_again(order)  # nobody has settled it while we asked
        except VenueError as error:
            return error
        return said if isinstance(said, VenueError) and not isinstance(said, NotFound) else None

    async def _send_again(self, order: LedgerOrder) -> None:
        """The same identity once more, and away with it if it could add exposure: nobody waits for it by now."""
        self.sent += 1
        said: OrderReport | VenueError
        try:
            said = await self._venue.place(order.order)
        except VenueError as error:
            said = error
        found = sent_again(order.order, said, venue_time=self.venue_clock.at_least())
        if isinstance(found, Told):
            await self.take_report(found.report)
            if order.is_live and not order.purpose.reduces:
                with contextlib.suppress(NotFound):
                    await self.take_report(await self._venue.cancel(order.order.id))
        elif isinstance(found, Dead):
            self._learn(order.order.id, OrderEvent.REJECT, found.proof)

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
        order.venue_id = report.venue_id or order.venue_id
        if report.filled > order.filled:
            await self.catch_up()
            if report.filled > order.filled:
                return  # the next report will find them
        if order.state.is_final or (order.state is OrderState.OPEN and report.status is OrderStatus.OPEN):
            return
        self._learn(
            report.order.id, EVENT_OF_STATUS[report.status], report.reason or f"venue: {report.status}"
        )

    def take_fill(self, fill: Fill) -> bool:
        """One execution. Says ``False`` when one before it is missing, which ``catch_up`` then brings."""
        if not fill.follows(self.ledger.fill_sequence):
            return False
        if fill.sequence > self.ledger.fill_sequence:
            self.write(Traded(fill))
            self._note(fill)
        return True

    def _note(self, fill: Fill) -> None:
        owner = self.ledger.owner_of(fill.order_id)
        self.fills[owner] += 1
        if owner == EXTERNAL:
            self.foreign_trades.add(fill.order_id)
        self._on_change(owner)

    def _learn(self, order_id: ClientOrderId, event: OrderEvent, proof: str) -> None:
        self.write(Learned(id=order_id, event=event, proof=proof, at=self._clock.now()))
        self._on_change(self.ledger.owner_of(order_id))

    def _expiry(self, purpose: Purpose) -> datetime | None:
        """Until when the venue may take the order.

        What only reduces goes out also when the venue's time is not known well: then by the latest time that it can
        be there, so that it is not refused for our ignorance; and without an expiry before its first answer.
        """
        now = self.venue_clock.now()
        if now is None and purpose.reduces:
            now = self.venue_clock.at_most()
        return None if now is None else now + TAU

    def _is_late(self, order: Order) -> bool:
        return order.expires_at is not None and self.venue_clock.surely_past(order.expires_at)

    async def _insist(
        self,
        ask: Callable[[], Coroutine[None, None, OrderReport]],
        may_repeat: Callable[[], bool] = lambda: True,
        attempts: int = ATTEMPTS_MAX,
    ) -> OrderReport:
        for attempt in range(attempts):
            self.sent += 1
            try:
                report = await ask()
            except VenueError as error:
                self.failures += 1
                if attempt == attempts - 1 or error.disposition not in (Disposition.RETRY, Disposition.WAIT):
                    raise
                backoff_s = BACKOFF_S * 2**attempt * (0.5 + self._jitter.random())
                pause_s = error.retry_after_s or backoff_s
                if pause_s > WAIT_MAX_S:
                    raise  # a later pass asks again; nothing else shall wait for this
                await self._clock.sleep(pause_s)
                if not may_repeat():
                    raise
            else:
                self.failures = 0
                return report
        raise AssertionError("the last attempt either returns or raises")
