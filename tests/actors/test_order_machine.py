"""An order's life under news in any order, told twice or never: quantities win, and only proof ends it.

A venue of the simplest kind accepts, fills and ends orders; what it says reaches the ledger late, again and in any
order, and now and then the ledger is reconciled with the whole truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.ledger import Ledger, replayed
from actors.ledger_events import Crossed, Intended, Learned, LedgerEvent, Protection, Seated, Traded
from actors.order_state import EVENT_OF_STATUS, OrderEvent, OrderState, after
from actors.recovery import Truth, lost_in_a_crash, reconciliation
from adapters.errors import NotFound, VenueError
from adapters.model import ZERO, BotId, ClientOrderId, Fill, Liquidity, Order, OrderReport, OrderStatus, Side
from adapters.venue import Fence
from risk.intent import Purpose
from tests.actors.builders import ANN, BEN, a_fill, an_order
from tests.actors.test_ledger import state_of
from tests.builders import BTC, NOW

EXPIRY = NOW + timedelta(seconds=2)
PAST = EXPIRY + timedelta(seconds=1)
OPEN = OrderStatus.OPEN
SIZES = st.integers(1, 6)
BOTS = st.sampled_from((ANN, BEN))


@dataclass(slots=True)
class AtVenue:
    """An order as the venue has it; ``None`` while it is on its way."""

    order: Order
    status: OrderStatus | None = None
    filled: Decimal = ZERO

    def report(self) -> OrderReport:
        assert self.status is not None
        return OrderReport(order=self.order, status=self.status, filled=self.filled, at=NOW)


class OrderMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.known: dict[ClientOrderId, AtVenue] = {}
        self.strays: dict[ClientOrderId, AtVenue] = {}  # ours, and in no journal
        self.reports: list[OrderReport] = []
        self.fills: list[Fill] = []
        self.freed: set[ClientOrderId] = set()
        self.most_filled: dict[ClientOrderId, Decimal] = {}
        self.is_expired = False  # what is on its way now arrives no more
        self.ledger.apply(Seated(ANN, 1))
        self.ledger.apply(Seated(BEN, 1))

    # ── what happens at the venue ────────────────────────────────────────────────────────────────────────────────

    @rule(bot=BOTS, size=SIZES, side=st.sampled_from(Side), purpose=st.sampled_from(Purpose))
    def intend(self, bot: BotId, size: int, side: Side, purpose: Purpose) -> None:
        order = self.an_order(size, side, bot)
        self.known[order.id] = AtVenue(order)
        self.ledger.apply(Intended(order, bot, purpose, Decimal(1000), Protection(), NOW))

    @rule(bot=BOTS, size=SIZES, side=st.sampled_from(Side))
    def forget_to_write(self, bot: BotId, size: int, side: Side) -> None:
        order = self.an_order(size, side, bot)
        self.strays[order.id] = AtVenue(order, OPEN)

    @precondition(lambda self: self.on_their_way())
    @rule(data=st.data(), refuses=st.booleans())
    def arrive(self, data: st.DataObject, refuses: bool) -> None:
        found = data.draw(st.sampled_from(self.on_their_way()))
        found.status = OrderStatus.REJECTED if refuses else OrderStatus.EXPIRED if self.is_expired else OPEN
        self.reports.append(found.report())

    @precondition(lambda self: self.open())
    @rule(data=st.data(), part=st.integers(1, 3), price=st.integers(900, 1100))
    def fill(self, data: st.DataObject, part: int, price: int) -> None:
        found = data.draw(st.sampled_from(self.open()))
        size = min(found.order.size - found.filled, Decimal(part))
        found.filled += size
        self.fills.append(
            Fill(
                id=f"f{len(self.fills) + 1}",
                sequence=len(self.fills) + 1,
                order_id=found.order.id,
                symbol=BTC,
                side=found.order.side,
                price=Decimal(price),
                size=size,
                fee=Decimal("0.1"),
                liquidity=Liquidity.TAKER,
                at=NOW,
            )
        )
        if found.filled == found.order.size:
            found.status = OrderStatus.FILLED
        self.reports.append(found.report())

    @precondition(lambda self: self.open())
    @rule(data=st.data(), status=st.sampled_from((OrderStatus.CANCELLED, OrderStatus.REJECTED)))
    def end(self, data: st.DataObject, status: OrderStatus) -> None:
        found = data.draw(st.sampled_from(self.open()))
        found.status = status
        self.reports.append(found.report())

    # ── what of it is heard ──────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def hear_a_report(self, data: st.DataObject) -> None:
        """Any one, however old: what ends an order is believed once its fills are known."""
        report = data.draw(st.sampled_from(self.reports))
        order = self.ledger.orders.get(report.order.id)
        if order is not None and report.filled <= order.filled:
            self.apply(Learned(report.order.id, EVENT_OF_STATUS[report.status], "stream", NOW))

    @precondition(lambda self: self.fills)
    @rule(data=st.data())
    def hear_a_fill(self, data: st.DataObject) -> None:
        """The next one, or any that was told before."""
        last = min(len(self.fills), self.ledger.fill_sequence + 1)
        self.apply(Traded(self.fills[data.draw(st.integers(0, last - 1))]))

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        sent = [order for order in self.ledger.live() if order.state is OrderState.INTENDED]
        if sent:
            order = data.draw(st.sampled_from(sent))
            self.apply(Learned(order.order.id, OrderEvent.LOSE, "timeout", NOW))

    @rule()
    def crash(self) -> None:
        """Everything that is not in the journal is gone; the summary stands for it."""
        encoded = msgspec.msgpack.encode(self.ledger.summary())
        self.ledger = Ledger()
        self.apply(msgspec.msgpack.decode(encoded, type=LedgerEvent))
        self.apply(*lost_in_a_crash(self.ledger, NOW))

    @precondition(lambda self: self.ledger.book(ANN, BTC).size)
    @rule()
    def settle(self) -> None:
        size = self.ledger.book(ANN, BTC).size
        self.apply(Crossed(BTC, ANN, BEN, size, Decimal(1000), NOW))

    @rule()
    def wait_for_the_expiry(self) -> None:
        self.is_expired = True

    @rule()
    def reconcile(self) -> None:
        truth = self.truth()
        self.apply(*reconciliation(self.ledger, truth))
        once, orders = state_of(self.ledger), list(self.ledger.orders)
        for _ in range(4):
            assert reconciliation(self.ledger, truth) == []
        again = self.truth()
        self.apply(*reconciliation(self.ledger, again))
        assert (state_of(self.ledger), list(self.ledger.orders)) == (once, orders)
        for order_id, found in self.strays.items():
            assert (order_id in self.ledger.orders) or found.status is not OPEN, (
                "the venue's are in the books"
            )
        for order_id, found in self.known.items():
            ours = self.ledger.orders[order_id]
            assert ours.filled == found.filled
            assert ours.state.is_final == (found.status.is_final if found.status else self.is_expired), (
                "nothing is left open that can be known"
            )

    @precondition(lambda self: all(i in self.ledger.orders or not o.filled for i, o in self.strays.items()))
    @rule(data=st.data())
    def reconcile_with_fills_that_lag(self, data: st.DataObject) -> None:
        """Not as a venue should, but nothing may be lost by it."""
        truth = self.truth()
        told = data.draw(st.integers(0, len(truth.fills)))
        self.apply(*reconciliation(self.ledger, replace(truth, fills=truth.fills[:told])))

    # ── what always holds ────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def quantities_are_those_of_the_fills(self) -> None:
        told = self.fills[: self.ledger.fill_sequence]
        for order_id, order in self.ledger.orders.items():
            filled = sum((fill.size for fill in told if fill.order_id == order_id), ZERO)
            assert order.filled == filled, order_id
            assert order.filled >= self.most_filled.get(order_id, ZERO), "it never shrinks"
            self.most_filled[order_id] = order.filled
        net = sum((fill.size * fill.side.sign for fill in told), ZERO)
        books = sum((book.size for book in self.ledger.books.values()), ZERO)
        assert self.ledger.net(BTC) == net == books

    @invariant()
    def the_account_has_paid_what_the_venue_says(self) -> None:
        size = cost = ZERO
        for fill in self.fills[: self.ledger.fill_sequence]:
            signed = fill.size * fill.side.sign
            if size * signed < 0 and abs(signed) >= abs(size):
                size, cost = size + signed, (size + signed) * fill.price
            elif size * signed < 0:
                size, cost = size + signed, cost * (size + signed) / size
            else:
                size, cost = size + signed, cost + signed * fill.price
        assert abs(self.ledger.net_cost_usd(BTC) - abs(cost)) < Decimal("1e-6")

    @invariant()
    def only_proof_ends_an_order(self) -> None:
        for order_id, order in self.ledger.orders.items():
            found = self.known.get(order_id) or self.strays[order_id]
            if order.state.is_final:
                assert found.status.is_final if found.status else self.is_expired
                assert order.filled == found.filled, "no exposure is missing from both sides"

    @invariant()
    def a_reservation_is_freed_once(self) -> None:
        live = {order.order.id for order in self.ledger.live()}
        freed = self.ledger.orders.keys() - live
        assert self.freed <= freed, "what is freed stays freed"
        self.freed = set(freed)

    # ── hands ────────────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, *events: LedgerEvent) -> None:
        for event in events:
            self.ledger.apply(event)

    def an_order(self, size: int, side: Side, bot: BotId) -> Order:
        self.is_expired = False  # it has an expiry of its own; so has everything that is sent from now on
        for found in self.on_their_way():
            found.status = OrderStatus.EXPIRED
        leg = len(self.known) + len(self.strays)
        return replace(an_order(leg, str(size), side, bot), expires_at=EXPIRY)

    def on_their_way(self) -> list[AtVenue]:
        return [found for found in self.known.values() if found.status is None]

    def open(self) -> list[AtVenue]:
        return [found for found in (*self.known.values(), *self.strays.values()) if found.status is OPEN]

    def truth(self) -> Truth:
        resting = {found.order.id: found.report() for found in self.open()}
        looked_up: dict[ClientOrderId, OrderReport | VenueError] = {}
        for order in self.ledger.live():
            found = (self.known | self.strays)[order.order.id]
            if found.order.id not in resting:
                looked_up[found.order.id] = found.report() if found.status else NotFound("no such order")
        return Truth(
            resting=tuple(resting.values()),
            looked_up=looked_up,
            fills=tuple(self.fills[self.ledger.fill_sequence :]),
            venue_time=PAST if self.is_expired else NOW,
            fence=Fence.EXPIRY,
            at=NOW,
        )


OrderMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestOrderMachine = OrderMachine.TestCase


def test_a_report_ends_an_order_only_with_all_its_fills() -> None:
    order = an_order(1, "3")
    ledger = replayed([Intended(order, ANN, Purpose.OPEN, Decimal(1000), Protection(), NOW)])
    ended = OrderReport(order=order, status=OrderStatus.CANCELLED, filled=Decimal(2), at=NOW)
    truth = Truth(resting=(), looked_up={order.id: ended}, venue_time=PAST, fence=Fence.EXPIRY, at=NOW)
    assert reconciliation(ledger, truth) == []
    fill = a_fill(1, order.id, "2")
    told = reconciliation(ledger, replace(truth, fills=(fill.fill,)))
    assert told == [fill, Learned(order.id, OrderEvent.CANCEL, "venue: cancelled", NOW)]


def test_a_final_state_is_left_by_a_fill_only() -> None:
    for state in OrderState:
        for event in OrderEvent:
            if state.is_final:
                expected = OrderState.FILLED if event is OrderEvent.FILL else state
                assert after(state, event) is expected
