"""The way to the venue under every kind of fault: nothing is sent under two names, nothing is assumed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

import pytest

from actors.journal import JournalFailed, MemoryJournal
from actors.ledger import Ledger, LedgerOrder
from actors.ledger_events import Intended, LedgerEvent
from actors.order_desk import ATTEMPTS_MAX, BACKOFF_S, OrderDesk
from actors.order_state import OrderState
from adapters.clock import VirtualClock
from adapters.errors import (
    ExchangeDown,
    Insufficient,
    InvalidParam,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RiskRejected,
    Temporary,
    VenueError,
)
from adapters.model import Fill, Order, OrderReport, OrderStatus, OrderType, Quote, Side, TimeInForce
from adapters.paper.exchange import PaperExchange
from adapters.paper.venue import PaperVenue
from adapters.venue import Fence
from risk.intent import Purpose
from risk.leases import TAU
from tests.actors.builders import ANN, INSTRUMENTS, dec, intended_id, soon
from tests.builders import BTC, NOW
from tests.fakes import Fault, FaultyVenue, Hold


class LoudJournal(MemoryJournal):
    """Notes what was written, and refuses to when told."""

    def __init__(self) -> None:
        self.events: list[LedgerEvent] = []
        self.is_full = False

    def append(self, *events: LedgerEvent) -> None:
        if self.is_full:
            raise OSError(28, "no space left on device")
        self.events.extend(events)


class Desk:
    """A desk at a paper exchange where BTC is 999/1001, ten each."""

    def __init__(self, latency: timedelta = timedelta(0), fence: Fence = Fence.EXPIRY) -> None:
        self.clock = VirtualClock(NOW)
        self.exchange = PaperExchange(INSTRUMENTS, clock=self.clock, latency=latency, fence=fence)
        self.exchange.open_account("main", Decimal(1_000_000))
        self.heard: list[OrderReport | Fill] = []
        self.exchange.subscribe("main", self.heard.append)
        self.venue = FaultyVenue(PaperVenue(self.exchange, "main"))
        self.journal = LoudJournal()
        self.ledger = Ledger()
        self.told: list[str] = []
        self.desk = OrderDesk(self.venue, self.journal, self.ledger, self.clock, self.told.append)
        self.show(999, 1001)

    def tell_time(self) -> None:
        """The venue says what time it is."""
        self.desk.venue_clock.heard(self.clock.now(), asked_at=self.clock.monotonic())

    def show(self, bid: int, ask: int, size: int = 10) -> None:
        self.clock.advance(0.001)
        depth = Decimal(size)
        self.exchange.on_market(
            Quote(
                symbol=BTC,
                bid=Decimal(bid),
                ask=Decimal(ask),
                bid_size=depth,
                ask_size=depth,
                at=self.clock.now(),
            )
        )
        self.tell_time()

    def intend(
        self,
        leg: int = 1,
        price: int | None = 1001,
        size: str = "1",
        tif: TimeInForce = TimeInForce.GTC,
        purpose: Purpose = Purpose.OPEN,
        side: Side = Side.BUY,
    ) -> LedgerOrder:
        order = Order(
            id=intended_id(leg),
            symbol=BTC,
            side=side,
            size=dec(size),
            type=OrderType.LIMIT if price else OrderType.MARKET,
            price=Decimal(price) if price else None,
            tif=tif,
        )
        return self.desk.intend(order, bot=ANN, purpose=purpose, reserve_price=dec(1000))

    async def send(self, leg: int = 1, price: int | None = 1001, size: str = "1") -> LedgerOrder:
        intended = self.intend(leg, price, size)
        await self.desk.send(intended)
        return intended

    @property
    def size(self) -> Decimal:
        positions = self.exchange.positions("main")
        return positions[0].size if positions else Decimal(0)


@pytest.fixture
def floor() -> Desk:
    return Desk()


def state_of(order: LedgerOrder) -> OrderState:
    return order.state


def ids(orders: Iterable[Order]) -> set[str]:
    return {order.id for order in orders}


async def test_an_order_is_in_the_journal_before_it_is_at_the_venue(floor: Desk) -> None:
    floor.intend()
    assert [type(event) for event in floor.journal.events] == [Intended]
    assert not floor.venue.calls
    floor.journal.is_full = True
    with pytest.raises(JournalFailed):
        floor.intend(leg=2)
    assert intended_id(2) not in floor.ledger.orders


@pytest.mark.parametrize("failures", range(ATTEMPTS_MAX))
async def test_a_passing_fault_is_tried_again_under_the_same_id(floor: Desk, failures: int) -> None:
    floor.venue.script("place", *[Fault(Temporary("503"), takes_effect=True)] * failures)
    order = await floor.send()
    assert state_of(order) is OrderState.FILLED
    assert len(floor.venue.asked("place")) == failures + 1
    assert ids(floor.venue.asked("place")) == {intended_id(1)}
    assert floor.size == 1


async def test_backoff_doubles_within_its_jitter(floor: Desk) -> None:
    floor.venue.fail("place", Temporary("503"))
    began = floor.clock.monotonic()
    await floor.send()
    waited = floor.clock.monotonic() - began
    least = BACKOFF_S * sum(2**attempt for attempt in range(ATTEMPTS_MAX - 1)) / 2
    assert least <= waited <= 3 * least


async def test_a_fault_that_does_not_pass_leaves_the_outcome_unknown(floor: Desk) -> None:
    floor.venue.fail("place", Temporary("503"))
    order = await floor.send()
    assert state_of(order) is OrderState.UNKNOWN
    assert len(floor.venue.asked("place")) == ATTEMPTS_MAX
    assert floor.ledger.worst_case(BTC) == 1


async def test_a_rate_limit_is_waited_out_as_the_venue_says(floor: Desk) -> None:
    floor.venue.script("place", Fault(RateLimited("slow down", retry_after_s=1.5)))
    began = floor.clock.monotonic()
    order = await floor.send()
    assert floor.clock.monotonic() - began == pytest.approx(1.5)
    assert state_of(order) is OrderState.FILLED


async def test_nothing_is_repeated_that_would_arrive_after_its_expiry(floor: Desk) -> None:
    floor.venue.script("place", Fault(RateLimited("slow down", retry_after_s=2.5)))
    order = await floor.send()
    assert floor.clock.now() > NOW + TAU, "it was waited for"
    assert state_of(order) is OrderState.REJECTED, "a rate limit says that it was not taken"
    assert len(floor.venue.asked("place")) == 1


async def test_what_is_repeated_keeps_its_identity_and_its_expiry(floor: Desk) -> None:
    floor.venue.script("place", *[Fault(Temporary("503"))] * (ATTEMPTS_MAX - 1))
    await floor.send()
    first, *others = floor.venue.asked("place")
    assert first.expires_at == floor.ledger.orders[first.id].order.expires_at is not None
    assert others == [first] * (ATTEMPTS_MAX - 1)


async def test_a_refusal_after_an_unclear_try_proves_nothing(floor: Desk) -> None:
    floor.venue.script("place", Fault(Temporary("502"), takes_effect=True), Fault(Insufficient("margin")))
    order = await floor.send(price=990)
    assert state_of(order) is OrderState.UNKNOWN
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.OPEN


async def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(floor: Desk) -> None:
    floor.venue.script("place", Fault(KeyError("status"), takes_effect=True))
    order = floor.intend(price=990)
    with pytest.raises(KeyError):
        await floor.desk.send(order)
    assert state_of(order) is OrderState.UNKNOWN


async def test_every_order_carries_the_expiry_that_its_journal_has(floor: Desk) -> None:
    order = floor.intend()
    (written,) = floor.journal.events
    assert isinstance(written, Intended)
    assert written.order.expires_at == order.order.expires_at == floor.clock.now() + TAU


async def test_an_order_that_sleeps_before_it_is_sent_is_not_taken(floor: Desk) -> None:
    order = floor.intend()
    floor.clock.advance(20)
    floor.show(999, 1001)
    assert await floor.desk.send(order) is None
    assert state_of(order) is OrderState.EXPIRED
    assert floor.size == 0


async def test_without_the_venues_time_only_what_reduces_goes_out(floor: Desk) -> None:
    floor.clock.advance(31)
    with pytest.raises(AssertionError, match="venue's time"):
        floor.intend()
    close = floor.intend(2, purpose=Purpose.CLOSE, side=Side.SELL)
    assert close.order.expires_at is not None
    assert close.order.expires_at >= floor.clock.now() + TAU, "later than exact, so that it is not refused"


async def test_nothing_is_repeated_that_may_not_be_any_more(floor: Desk) -> None:
    floor.venue.fail("place", RateLimited("slow down", retry_after_s=1.5))
    order = floor.intend()
    error = await floor.desk.send(order, may_repeat=lambda: False)
    assert isinstance(error, RateLimited)
    assert state_of(order) is OrderState.REJECTED
    assert len(floor.venue.asked("place")) == 1


@pytest.mark.parametrize(
    "error",
    [InvalidParam("tick"), RiskRejected("leverage"), Insufficient("margin"), ExchangeDown("maintenance")],
)
async def test_a_refusal_ends_the_order_and_frees_its_exposure(floor: Desk, error: VenueError) -> None:
    floor.venue.script("place", Fault(error))
    order = floor.intend()
    assert await floor.desk.send(order) is error
    assert state_of(order) is OrderState.REJECTED
    assert str(error) in order.proof
    assert floor.ledger.worst_case(BTC) == 0
    assert not floor.told, "whoever asked is answered, and not woken too"


@pytest.mark.parametrize("error", [OutcomeUnknown("timeout"), VenueError("what was that?")])
async def test_an_unknown_outcome_keeps_its_reservation_and_is_not_sent_again(
    floor: Desk, error: VenueError
) -> None:
    floor.venue.script("place", *[Fault(error)] * ATTEMPTS_MAX)
    order = await floor.send()
    assert state_of(order) is OrderState.UNKNOWN
    assert floor.ledger.worst_case(BTC) == 1
    if isinstance(error, OutcomeUnknown):
        assert len(floor.venue.asked("place")) == 1


async def test_an_unknown_order_that_the_venue_has_is_adopted(floor: Desk) -> None:
    floor.venue.script("place", Fault(OutcomeUnknown("timeout"), takes_effect=True))
    order = await floor.send(price=990)
    assert state_of(order) is OrderState.UNKNOWN
    assert await floor.desk.resolve(order.order.id) is None
    assert state_of(order) is OrderState.OPEN


async def test_an_unknown_order_that_has_filled_brings_its_fills(floor: Desk) -> None:
    floor.venue.script("place", Fault(OutcomeUnknown("timeout"), takes_effect=True))
    order = await floor.send()
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.FILLED
    assert floor.ledger.net(BTC) == floor.size == 1


async def test_an_unknown_order_is_dead_when_the_venue_has_none_after_its_expiry(floor: Desk) -> None:
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    order = await floor.send()
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.UNKNOWN, "it may still arrive"
    assert floor.ledger.worst_case(BTC) == 1
    floor.clock.advance(1.9)
    floor.tell_time()
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.UNKNOWN
    floor.clock.advance(0.2)
    floor.tell_time()
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.REJECTED
    assert "no such order" in order.proof


async def test_an_order_that_arrives_after_the_question_is_found_by_the_next(floor: Desk) -> None:
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    order = await floor.send(price=990)
    await floor.desk.resolve(order.order.id)
    floor.clock.advance(1)
    floor.exchange.place("main", order.order)  # it was on its way all the time
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.OPEN


async def test_where_expiry_means_nothing_the_same_order_is_sent_again_and_withdrawn() -> None:
    floor = Desk(fence=Fence.KEY)
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    order = await floor.send(price=990)
    floor.clock.advance(60)
    floor.tell_time()
    await floor.desk.resolve(order.order.id)
    first, again = floor.venue.asked("place")
    assert again == first
    assert state_of(order) is OrderState.CANCELLED
    floor.exchange.place("main", order.order)  # the first one, after all
    assert not floor.exchange.open_orders("main"), "the venue has its id, and takes it no more"


async def test_an_order_on_its_way_is_not_sent_a_second_time_beside_itself() -> None:
    floor = Desk(fence=Fence.KEY)
    hold = Hold()
    floor.venue.script("place", hold)
    order = floor.intend(price=990)
    sending = await soon(floor.desk.send(order))
    await floor.desk.resolve(order.order.id)
    assert len(floor.venue.asked("place")) == 1
    hold.gate.set()
    await sending
    assert state_of(order) is OrderState.OPEN


async def test_what_is_over_is_asked_about_no_more() -> None:
    floor = Desk(fence=Fence.KEY)
    order = await floor.send(price=990)
    await floor.desk.cancel(order.order.id)
    floor.venue.fail("order", NotFound("forgotten since"))
    before = len(floor.venue.calls)
    assert await floor.desk.resolve(order.order.id) is None
    assert len(floor.venue.calls) == before


async def test_what_was_settled_while_the_venue_was_asked_is_not_sent_again() -> None:
    floor = Desk(fence=Fence.KEY)
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    order = await floor.send(price=990)
    question = Hold()
    floor.venue.script("order", question)
    asking = await soon(floor.desk.resolve(order.order.id))
    await floor.desk.resolve(order.order.id)  # sends it again, and withdraws it
    assert state_of(order) is OrderState.CANCELLED
    sent = len(floor.venue.asked("place"))
    floor.venue.fail("order", NotFound("it was not there when you asked"))
    question.gate.set()
    await asking
    assert len(floor.venue.asked("place")) == sent


async def test_a_close_that_is_sent_again_is_let_go() -> None:
    floor = Desk(fence=Fence.KEY)
    await floor.send()
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    order = floor.intend(2, price=None, side=Side.SELL, purpose=Purpose.CLOSE)
    await floor.desk.send(order)
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.FILLED
    assert floor.size == 0


@pytest.mark.parametrize("error", [Temporary("503"), OutcomeUnknown("timeout"), ExchangeDown("maintenance")])
async def test_a_question_that_fails_proves_nothing(floor: Desk, error: VenueError) -> None:
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    floor.venue.fail("order", error)
    order = await floor.send()
    assert await floor.desk.resolve(order.order.id) is error
    assert state_of(order) is OrderState.UNKNOWN


async def test_an_order_on_its_way_is_not_taken_for_one_that_never_arrived(floor: Desk) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    order = floor.intend(price=990)
    sending = await soon(floor.desk.send(order))
    assert await floor.desk.resolve(order.order.id) is None
    assert await floor.desk.cancel(order.order.id) is None
    assert state_of(order) is OrderState.INTENDED
    hold.gate.set()
    await sending
    assert state_of(order) is OrderState.OPEN


async def test_a_send_that_is_cancelled_half_way_is_unknown(floor: Desk) -> None:
    floor.venue.script("place", Hold())
    order = floor.intend()
    sending = await soon(floor.desk.send(order))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert state_of(order) is OrderState.UNKNOWN
    floor.clock.advance(2.1)
    floor.tell_time()
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.REJECTED


async def test_fills_that_cannot_be_read_leave_the_order_unknown_and_reserved(floor: Desk) -> None:
    floor.venue.fail("fills_since", Temporary("503"))
    order = floor.intend()
    assert await floor.desk.send(order) is None
    assert state_of(order) is OrderState.UNKNOWN
    assert floor.ledger.worst_case(BTC) == 1
    floor.venue.fail("fills_since", None)
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.FILLED


async def test_a_send_that_is_cancelled_while_its_fills_are_read_is_unknown(floor: Desk) -> None:
    floor.venue.script("fills_since", Hold())
    order = floor.intend()
    sending = await soon(floor.desk.send(order))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert state_of(order) is OrderState.UNKNOWN, "else no pass would look it up"
    await floor.desk.resolve(order.order.id)
    assert state_of(order) is OrderState.FILLED


async def test_a_report_whose_fills_are_not_told_yet_ends_nothing(floor: Desk) -> None:
    order = floor.intend(size="15", tif=TimeInForce.IOC)
    floor.exchange.place("main", order.order)
    final = floor.exchange.order("main", order.order.id)
    floor.venue.answer("fills_since", [])
    await floor.desk.take_report(final)
    assert floor.ledger.worst_case(BTC) == 15
    assert order.is_live


async def test_a_cancel_ends_an_order(floor: Desk) -> None:
    order = await floor.send(price=990)
    assert await floor.desk.cancel(order.order.id) is None
    assert state_of(order) is OrderState.CANCELLED


async def test_a_cancel_of_an_order_that_is_gone_looks_up_how_it_ended(floor: Desk) -> None:
    order = await floor.send(price=1000)
    floor.show(997, 998)
    assert await floor.desk.cancel(order.order.id) is None
    assert state_of(order) is OrderState.FILLED
    assert floor.ledger.net(BTC) == 1


async def test_a_cancel_that_fails_changes_nothing(floor: Desk) -> None:
    order = await floor.send(price=990)
    floor.venue.fail("cancel", ExchangeDown("maintenance"))
    assert isinstance(await floor.desk.cancel(order.order.id), ExchangeDown)
    assert state_of(order) is OrderState.OPEN


async def test_a_fill_may_overtake_its_acknowledgement(floor: Desk) -> None:
    hold = Hold()
    order = floor.intend(size="2")
    floor.exchange.place("main", order.order)
    floor.venue.script("place", hold)
    sending = await soon(floor.desk.send(order))
    for event in floor.heard:
        if isinstance(event, Fill):
            assert floor.desk.take_fill(event)
    assert state_of(order) is OrderState.FILLED
    hold.gate.set()
    assert await sending is None
    assert state_of(order) is OrderState.FILLED
    assert floor.ledger.net(BTC) == floor.size == 2


async def test_the_final_report_of_an_ioc_never_shows_less_exposure_than_there_is(floor: Desk) -> None:
    order = floor.intend(size="15", tif=TimeInForce.IOC)
    floor.exchange.place("main", order.order)
    final = floor.exchange.order("main", order.order.id)
    assert (final.status, final.filled) == (OrderStatus.CANCELLED, dec(10))
    seen = []
    hold = Hold()
    floor.venue.script("fills_since", hold)
    reporting = await soon(floor.desk.take_report(final))
    seen.append(floor.ledger.worst_case(BTC))
    hold.gate.set()
    await reporting
    seen.append(floor.ledger.worst_case(BTC))
    assert seen == [15, 10]
    assert state_of(order) is OrderState.CANCELLED


async def test_a_fill_beyond_a_gap_waits_for_the_ones_before_it(floor: Desk) -> None:
    for leg in (1, 2, 3):
        order = floor.intend(leg)
        floor.exchange.place("main", order.order)
    fills = [event for event in floor.heard if isinstance(event, Fill)]
    assert not floor.desk.take_fill(fills[2])
    assert not floor.desk.take_fill(fills[1]), "one that is missing is a gap, too"
    assert floor.ledger.net(BTC) == 0
    await floor.desk.catch_up()
    assert floor.ledger.net(BTC) == 3
    assert all(floor.desk.take_fill(fill) for fill in fills), "told twice, counted once"
    assert floor.ledger.net(BTC) == 3


async def test_more_fills_than_a_page_are_all_caught_up_with(floor: Desk) -> None:
    for leg in range(510):
        floor.show(999, 1001)
        floor.exchange.place("main", floor.intend(leg, size="0.02").order)
    await floor.desk.catch_up()
    assert floor.ledger.fill_sequence == 510
    assert floor.ledger.net(BTC) == dec("10.20")


async def test_news_of_an_order_that_is_not_ours_is_passed_over(floor: Desk) -> None:
    stranger = Order(id=intended_id(77), symbol=BTC, side=Side.BUY, size=dec(1), price=dec(990))
    await floor.desk.take_report(floor.exchange.place("main", stranger))
    assert not floor.ledger.orders


async def test_a_late_rejection_by_the_matching_engine_is_believed() -> None:
    floor = Desk(latency=timedelta(milliseconds=50))
    order = floor.intend(price=1001, tif=TimeInForce.POST_ONLY)
    assert await floor.desk.send(order) is None
    assert state_of(order) is OrderState.OPEN
    floor.clock.advance(0.1)
    floor.exchange.advance(floor.clock.now())
    for event in floor.heard:
        assert isinstance(event, OrderReport)
        await floor.desk.take_report(event)
    assert state_of(order) is OrderState.REJECTED
    assert "would take" in order.proof


async def test_not_found_is_an_answer_only_to_a_question_about_an_order(floor: Desk) -> None:
    floor.venue.script("place", Fault(NotFound("no account main")))
    order = floor.intend()
    assert isinstance(await floor.desk.send(order), NotFound)
    assert state_of(order) is OrderState.REJECTED


async def test_a_venue_that_asks_for_much_patience_is_not_waited_for(floor: Desk) -> None:
    """Whatever else the pass has to do would wait too, a close under a halt for one."""
    order = await floor.send()
    floor.venue.script("cancel", Fault(RateLimited("slow down", retry_after_s=60.0)))
    before = floor.clock.monotonic()
    assert isinstance(await floor.desk.cancel(order.order.id), RateLimited)
    assert floor.clock.monotonic() == before
