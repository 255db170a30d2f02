"""Bugs around orders: what is written, sent, and concluded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors import intake, recovery
from actors.exposures import Exposures, Sides
from actors.intake import Intake
from actors.journal import LogJournal
from actors.ledger import Ledger, LedgerOrder
from actors.ledger_events import Crossed, Intended, Learned, LedgerEvent, Traded
from actors.messages import Outcome
from actors.order_desk import ATTEMPTS_MAX, OrderDesk
from actors.order_state import OrderEvent, OrderState
from actors.protection import Guarding, Holding, ProtectionSteps, protect
from actors.protector import Protector
from actors.seat import Seat
from actors.surroundings import Surroundings, surroundings
from actors.upkeep import Upkeep
from adapters.errors import NotFound, VenueError
from adapters.model import ZERO, BotId, ClientOrderId, Fill, OrderReport, Symbol
from adapters.paper.client import PaperClient
from adapters.venue import Fence
from cluster.simulation.faults import Kind
from risk.intent import Intent, Purpose, client_order_id
from tests.sim.plant import Draw, Plant
from tests.sim.weights import CRASHES, LATE, LOSSES, MOVES, PEACE, SLOW


class CountsPositionsOnly(Plant):
    """R1: orders that rest or are unknown use nothing of the lease."""

    caught_by = frozenset({"R1", "I1", "I8"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        sides = Exposures._sides

        def positions_only(
            self: Exposures, symbol: Symbol, held: Decimal, cost_usd: Decimal, _: object
        ) -> Sides:
            return sides(self, symbol, held, cost_usd, ())

        patch.setattr(Exposures, "_sides", positions_only)


class JournalsAfterSending(Plant):
    """R2: what is about to be sent is written down together with what came of it."""

    caught_by = frozenset({"I5"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        append = LogJournal.append
        held: dict[LogJournal, list[LedgerEvent]] = {}

        def late(self: LogJournal, *events: LedgerEvent) -> None:
            waiting = held.setdefault(self, [])
            if any(isinstance(event, Intended) for event in events):
                waiting.extend(events)
            else:
                append(self, *waiting, *events)
                waiting.clear()

        patch.setattr(LogJournal, "append", late)


class TakesUnknownForRejected(Plant):
    """R4: an order without a clear answer is as good as refused."""

    faults = LATE
    bound = 20
    caught_by = frozenset({"R1", "I1", "I3", "I4", "I6", "I7", "I8"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        learn = OrderDesk._learn

        def hopeful(self: OrderDesk, order_id: ClientOrderId, event: OrderEvent, proof: str) -> None:
            learn(self, order_id, OrderEvent.REJECT if event is OrderEvent.LOSE else event, proof)

        patch.setattr(OrderDesk, "_learn", hopeful)


class ResendsUnderANewName(Plant):
    """R5: what got no clear answer is sent once more as another order."""

    faults = LATE
    caught_by = frozenset({"I1", "I2", "I5", "I8", "bot limit"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        send = OrderDesk.send

        async def again(
            self: OrderDesk,
            intended: LedgerOrder,
            *,
            may_repeat: Callable[[], bool] = lambda: True,
            attempts: int = ATTEMPTS_MAX,
        ) -> VenueError | None:
            error = await send(self, intended, may_repeat=may_repeat, attempts=attempts)
            if intended.state is not OrderState.UNKNOWN or intended.purpose.reduces:
                return error
            name = ClientOrderId(intended.order.id[:-1] + "f")
            other = self.intend(
                replace(intended.order, id=name),
                bot=intended.bot,
                purpose=intended.purpose,
                reserve_price=intended.reserve_price,
                protection=intended.protection,
            )
            return await send(self, other, may_repeat=may_repeat)

        patch.setattr(OrderDesk, "send", again)


class AdoptsNothing(Plant):
    """G1: what rests at the venue and is not in the journal is left alone."""

    faults = MOVES
    caught_by = frozenset({"I3", "I4", "I6", "I8", "G4", "R1"})

    def can_matter(self, draw: Draw) -> bool:
        return draw.has(Kind.FAILOVER)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(recovery, "_adoption", lambda ledger, truth, report: [])


class TakesAReadErrorForFlat(Plant):
    """G1: when the venue cannot be read, it has no orders."""

    faults = LOSSES
    bound = 20
    caught_by = frozenset({"I3", "I4", "I6", "I7", "I8", "R1"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        order, open_orders = PaperClient.order, PaperClient.open_orders
        blind: dict[PaperClient, bool] = {}

        async def unless_blind(self: PaperClient, order_id: ClientOrderId) -> OrderReport:
            if blind.get(self):
                raise NotFound(order_id)
            return await order(self, order_id)

        async def nothing(self: PaperClient) -> Sequence[OrderReport]:
            blind[self] = False
            try:
                return await open_orders(self)
            except VenueError:
                blind[self] = True
                return ()

        patch.setattr(PaperClient, "order", unless_blind)
        patch.setattr(PaperClient, "open_orders", nothing)


class FreesWhatItCancels(Plant):
    """G1: an order counts as gone when its cancel is sent, not when the venue says so."""

    faults = LATE
    bound = 20
    caught_by = frozenset({"R1", "I1", "I3", "I4", "I6", "I7", "I8"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        cancel = OrderDesk.cancel

        async def sure(self: OrderDesk, order_id: ClientOrderId) -> VenueError | None:
            self._learn(order_id, OrderEvent.CANCEL, "we have cancelled it")
            return await cancel(self, order_id)

        patch.setattr(OrderDesk, "cancel", sure)


class PlacesWhatItKnows(Plant):
    """G1: a wish that comes a second time is placed a second time; the venue's own look at names is gone, too."""

    faults = LATE
    caught_by = frozenset({"I1", "I2", "I4", "I8", "I15", "I9", "bot limit"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        place = Intake.place

        async def anew(self: Intake, seat: Seat, intent: Intent) -> Outcome:
            self._ledger.orders.pop(intent.id, None)
            return await place(self, seat, intent)

        patch.setattr(Intake, "place", anew)


class BooksFillsTwice(Plant):
    """G1: a fill that is told twice is booked twice."""

    caught_by = frozenset({"I4", "I9", "I8", "G4"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        trade = Ledger._trade

        def booked(self: Ledger, fill: Fill) -> None:
            self.fill_sequence = min(self.fill_sequence, fill.sequence - 1)
            trade(self, fill)

        def taken(self: OrderDesk, fill: Fill) -> bool:
            self.write(Traded(fill))
            self._note(fill)
            return True

        patch.setattr(Ledger, "_trade", booked)
        patch.setattr(OrderDesk, "take_fill", taken)


class SkipsMissingFills(Plant):
    """G1: a fill that comes after a gap is booked, and what was in the gap is never asked for."""

    faults = SLOW
    caught_by = frozenset({"G4", "I3", "I4", "I8", "I15", "R1"})

    def can_matter(self, draw: Draw) -> bool:
        return draw.fence is Fence.EXPIRY

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def taken(self: OrderDesk, fill: Fill) -> bool:
            if fill.sequence > self.ledger.fill_sequence:
                self.write(Traded(fill))
                self._note(fill)
            return True

        patch.setattr(OrderDesk, "take_fill", taken)


class EndsOrdersBeforeTheirFills(Plant):
    """G1: a final state frees the reservation before its fills are booked."""

    faults = SLOW
    bound = 20
    caught_by = frozenset({"R1", "I1", "I4", "I8", "G4"})

    def can_matter(self, draw: Draw) -> bool:
        return draw.fence is Fence.EXPIRY

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        async def trusting(self: OrderDesk, report: OrderReport) -> None:
            order = self.ledger.orders.get(report.order.id)
            if order is not None and not order.state.is_final and report.status.is_final:
                self.write(Learned(order.order.id, OrderEvent.CANCEL, "over", self._clock.now()))
            elif order is not None and order.state is not OrderState.OPEN and not order.state.is_final:
                self._learn(order.order.id, OrderEvent.ACCEPT, "open")

        patch.setattr(OrderDesk, "take_report", trusting)


class StopsForTheWish(Plant):
    """G4: a stop is as large as what was asked for, not as what is held."""

    faults = PEACE
    caught_by = frozenset({"G4"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        place = Protector._place

        async def wished(self: Protector, bot: BotId, guarding: Guarding) -> None:
            opened = [
                order.order.size
                for order in self._ledger.orders.values()
                if order.bot == bot and order.purpose is Purpose.OPEN
            ]
            await place(self, bot, replace(guarding, size=opened[-1] if opened else guarding.size))

        patch.setattr(Protector, "_place", wished)


class KeepsTheOldStop(Plant):
    """G4: a stop that was replaced stays beside the new one."""

    faults = PEACE
    caught_by = frozenset({"G4"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def keeping(holding: Holding) -> ProtectionSteps:
            steps = protect(holding)
            return replace(steps, cancel=()) if holding.book.size else steps

        patch.setattr("actors.protector.protect", keeping)


class CrossesOneSide(Plant):
    """G1: a holding that goes from one bot's book to another's leaves the one and never comes to the other."""

    faults = PEACE
    caught_by = frozenset({"I4"})

    def can_matter(self, draw: Draw) -> bool:
        return len(draw.fleet.bots) > 2 and all(bot.shared_symbol for bot in draw.fleet.bots)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        cross = Ledger._cross

        def half(self: Ledger, crossed: Crossed) -> None:
            key = crossed.taker, crossed.symbol
            book = self.books.get(key)
            before = replace(book) if book is not None else None
            cross(self, crossed)
            if before is not None:
                self.books[key] = before
            else:
                del self.books[key]

        patch.setattr(Ledger, "_cross", half)


class LimitsThePositionOnly(Plant):
    """P2: a bot's own limit is held against what it has, not against what it may come to have."""

    faults = LATE
    caught_by = frozenset({"bot limit"})

    def can_matter(self, draw: Draw) -> bool:
        return any(
            bot.risk_params.max_position_size_usd == 200 and not bot.shared_symbol for bot in draw.fleet.bots
        )

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def alone(*about: Any) -> Surroundings:
            return replace(surroundings(*about), buys=ZERO, sells=ZERO)

        patch.setattr(intake, "surroundings", alone)


class CancelsTheStopFirst(Plant):
    """G4: a stop that is to move is taken away before the new one rests."""

    faults = PEACE
    caught_by = frozenset({"G4"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        place = Protector._place

        async def bare(self: Protector, bot: BotId, guarding: Guarding) -> None:
            for order in self._ledger.live(bot, guarding.symbol):
                if order.purpose is guarding.purpose and order.state is OrderState.OPEN:
                    await self._desk.cancel(order.order.id)
            await place(self, bot, guarding)

        patch.setattr(Protector, "_place", bare)


class NumbersFromTheBeginning(Plant):
    """R5: a wallet that was started again gives its own orders names that it gave before."""

    faults = CRASHES
    caught_by = frozenset({"I2", "I4", "G4", "G5", "I3", "I15", "I9"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def anew(self: Upkeep, bot: BotId) -> ClientOrderId:
            return client_order_id(bot, 1, next(self._numbers), 0x8000)

        patch.setattr(Upkeep, "_new_id", anew)


PLANTS: tuple[type[Plant], ...] = (
    CountsPositionsOnly,
    JournalsAfterSending,
    TakesUnknownForRejected,
    ResendsUnderANewName,
    AdoptsNothing,
    TakesAReadErrorForFlat,
    FreesWhatItCancels,
    PlacesWhatItKnows,
    BooksFillsTwice,
    SkipsMissingFills,
    EndsOrdersBeforeTheirFills,
    StopsForTheWish,
    KeepsTheOldStop,
    CancelsTheStopFirst,
    CrossesOneSide,
    LimitsThePositionOnly,
    NumbersFromTheBeginning,
)
