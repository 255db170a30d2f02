"""Money is conserved and nothing is forgotten: whatever the order of events, and however often it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.ledger import EXTERNAL, Ledger, replayed
from actors.ledger_events import (
    Began,
    Intended,
    Latch,
    Latched,
    Learned,
    LeaseTaken,
    Leaving,
    LedgerEvent,
    Protection,
    Seated,
    Summary,
    Traded,
)
from actors.order_state import OrderEvent, OrderState
from adapters.model import ZERO, BotId, Side, Symbol
from config.spec import ExitMode, HaltLevel
from risk.intent import Purpose
from tests.actors.builders import ANN, BEN, a_fill, an_intended, an_order, dec, intended_id
from tests.builders import BTC, ETH, NOW

FOREIGN = "00000000000000000000000000000bad"
LEGS = range(6)
BOTS = (ANN, BEN)


@st.composite
def histories(draw: st.DrawFn) -> list[LedgerEvent]:
    """What a wallet may write, bots and strangers in any order; fills numbered without gaps."""
    events: list[LedgerEvent] = []
    left: dict[str, Decimal] = {}
    sides: dict[str, Side] = {}
    symbols: dict[str, Symbol] = {}
    sequence = 0
    for number in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(("intend", "fill", "fill", "fill", "news", "other", "stranger")))
        if kind == "intend":
            bot, side = draw(st.sampled_from(BOTS)), draw(st.sampled_from(Side))
            size = Decimal(draw(st.integers(1, 3000))) / 1000
            purpose = draw(st.sampled_from(Purpose))
            order = an_order(100 + number, str(size), side, bot, draw(st.sampled_from((BTC, ETH))))
            protection = Protection(dec(900), dec(1200)) if purpose is Purpose.OPEN else Protection()
            events.append(Intended(order, bot, purpose, size * 1000, protection, NOW))
            left[order.id], sides[order.id], symbols[order.id] = size, side, order.symbol
        elif kind == "fill" and left:
            order_id = draw(st.sampled_from(sorted(left)))
            size = draw(st.integers(1, int(left[order_id] * 1000))) / Decimal(1000)
            sequence += 1
            events.append(_fill(draw, sequence, order_id, size, sides[order_id], symbols[order_id]))
            left[order_id] -= size
            if not left[order_id]:
                del left[order_id]
        elif kind == "stranger":
            sequence += 1
            owner = draw(st.sampled_from((FOREIGN, intended_id(7), intended_id(8, BotId("cid")))))
            size = Decimal(draw(st.integers(1, 3000))) / 1000
            side, symbol = draw(st.sampled_from(Side)), draw(st.sampled_from((BTC, ETH)))
            events.append(_fill(draw, sequence, owner, size, side, symbol))
        elif kind == "news" and symbols:
            order_id = draw(st.sampled_from(sorted(symbols)))
            news = draw(st.sampled_from([event for event in OrderEvent if event is not OrderEvent.FILL]))
            events.append(Learned(order_id, news, f"proof {number}", NOW))  # type: ignore[arg-type]
            if news in (OrderEvent.CANCEL, OrderEvent.REJECT, OrderEvent.EXPIRE):
                left.pop(order_id, None)
        else:
            latch = Latch("fleet", HaltLevel.FLATTEN, number, "why")
            others: tuple[LedgerEvent, ...] = (
                Seated(draw(st.sampled_from((*BOTS, BotId("cid")))), number),
                Latched((latch,), number),
                LeaseTaken(1, number, dec(number)),
                Began(number),
                Leaving(draw(st.sampled_from(BOTS)), draw(st.sampled_from((*ExitMode, None)))),
            )
            events.append(draw(st.sampled_from(others)))
    return events


def _fill(draw: st.DrawFn, sequence: int, order_id: str, size: Decimal, side: Side, symbol: Symbol) -> Traded:
    price = Decimal(draw(st.integers(1, 10_000_000))) / 1000
    fee = Decimal(draw(st.integers(-1000, 100_000))) / 10_000
    return a_fill(sequence, order_id, str(size), side=side, price=str(price), fee=str(fee), symbol=symbol)


def fills_of(events: list[LedgerEvent]) -> list[Traded]:
    return [event for event in events if isinstance(event, Traded)]


def state_of(ledger: Ledger) -> Mapping[str, object]:
    """All that a ledger knows, not only what its summary says of it; the tags follow from the records."""
    return deepcopy({name: value for name, value in vars(ledger).items() if name != "_tags"})


@given(histories())
def test_the_books_sum_to_the_fills(events: list[LedgerEvent]) -> None:
    ledger = replayed(events)
    for symbol in (BTC, ETH):
        traded = sum(
            (f.fill.size * f.fill.side.sign for f in fills_of(events) if f.fill.symbol == symbol), ZERO
        )
        books = sum((book.size for (_, held), book in ledger.books.items() if held == symbol), ZERO)
        assert ledger.net(symbol) == traded == books


@settings(max_examples=200)
@given(histories())
def test_realized_and_unrealized_are_the_change_of_cash_to_the_last_decimal(
    events: list[LedgerEvent],
) -> None:
    ledger = replayed(events)
    fills = [event.fill for event in fills_of(events)]
    paid = sum((fill.size * fill.side.sign * fill.price for fill in fills), ZERO)
    fees = sum((fill.fee for fill in fills), ZERO)
    realized = sum((record.realized_usd for record in ledger.records.values()), ZERO)
    invested = sum((book.cost_usd for book in ledger.books.values()), ZERO)
    assert realized - invested == -paid - fees
    assert sum((record.fees_usd for record in ledger.records.values()), ZERO) == fees


@given(histories())
def test_a_flat_book_has_no_cost_and_no_protection(events: list[LedgerEvent]) -> None:
    for book in replayed(events).books.values():
        if not book.size:
            assert (book.cost_usd, book.protection) == (ZERO, Protection())
        else:
            assert book.entry_price > 0


@given(histories(), st.data())
def test_a_summary_anywhere_in_between_changes_nothing(
    events: list[LedgerEvent], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    encoded = msgspec.msgpack.encode(replayed(events[:cut]).summary())
    summary = msgspec.msgpack.decode(encoded, type=Summary)
    assert state_of(replayed([summary, *events[cut:]])) == state_of(replayed(events))


@given(histories(), st.data())
def test_fills_told_twice_count_once(events: list[LedgerEvent], data: st.DataObject) -> None:
    fills = fills_of(events)
    again = data.draw(st.lists(st.sampled_from(fills))) if fills else []
    assert state_of(replayed([*events, *again])) == state_of(replayed(events))


@given(histories())
def test_a_journal_read_twice_over_changes_no_book(events: list[LedgerEvent]) -> None:
    once, twice = replayed(events), replayed(events)
    for event in fills_of(events):
        twice.apply(event)
    assert twice.books == once.books
    assert twice.records == once.records


@given(histories())
def test_exposure_is_never_less_than_what_is_held_and_resting(events: list[LedgerEvent]) -> None:
    ledger = replayed(events)
    for symbol in (BTC, ETH):
        assert ledger.worst_case(symbol) >= abs(ledger.net(symbol))
    for order in ledger.live():
        assert order.order.symbol in ledger.symbols()


def test_what_is_unknown_or_only_intended_counts_as_if_it_would_fill() -> None:
    ledger = replayed([an_intended(1, "0.5"), an_intended(2, "0.25")])
    assert ledger.worst_case(BTC) == dec("0.75")
    ledger.apply(Learned(intended_id(1), OrderEvent.LOSE, "timeout", NOW))
    assert ledger.worst_case(BTC, ANN) == dec("0.75")
    ledger.apply(Learned(intended_id(1), OrderEvent.REJECT, "never arrived", NOW))
    assert ledger.worst_case(BTC) == dec("0.25")


def test_an_order_ends_by_its_fills_and_not_by_their_echo() -> None:
    ledger = replayed([an_intended(1, "0.5"), a_fill(1, intended_id(1), "0.2")])
    ledger.apply(Learned(intended_id(1), OrderEvent.FILL, "venue: filled", NOW))
    assert ledger.orders[intended_id(1)].state is OrderState.OPEN
    ledger.apply(a_fill(2, intended_id(1), "0.3"))
    assert ledger.orders[intended_id(1)].state is OrderState.FILLED
    assert not ledger.live()


def test_a_fill_reopens_no_final_order_but_is_booked() -> None:
    ledger = replayed([an_intended(1, "0.5"), Learned(intended_id(1), OrderEvent.CANCEL, "gone", NOW)])
    ledger.apply(a_fill(1, intended_id(1), "0.2"))
    assert ledger.orders[intended_id(1)].state is OrderState.CANCELLED
    assert ledger.book(ANN, BTC).size == dec("0.2")
    assert not ledger.live()


def test_a_fill_of_an_order_of_unknown_outcome_shows_that_the_venue_has_it() -> None:
    ledger = replayed([an_intended(1, "0.5"), Learned(intended_id(1), OrderEvent.LOSE, "timeout", NOW)])
    ledger.apply(a_fill(1, intended_id(1), "0.2"))
    assert ledger.orders[intended_id(1)].state is OrderState.OPEN


def test_an_open_that_only_closes_what_was_there_leaves_no_protection_behind() -> None:
    """The next holding would inherit prices that were meant for another."""
    ledger = replayed([an_intended(1, "1", Side.SELL), a_fill(1, intended_id(1), "1", side=Side.SELL)])
    ledger.apply(an_intended(2, "1"))
    ledger.apply(a_fill(2, intended_id(2), "1"))
    assert ledger.book(ANN, BTC).protection == Protection()


def test_a_reversal_closes_one_trade_and_begins_another() -> None:
    ledger = replayed(
        [
            an_intended(1, "1"),
            a_fill(1, intended_id(1), "1", price="1000", fee="0"),
            an_intended(2, "3", Side.SELL),
            a_fill(2, intended_id(2), "3", side=Side.SELL, price="1100", fee="0"),
        ]
    )
    book, record = ledger.book(ANN, BTC), ledger.record(ANN)
    assert (book.size, book.entry_price) == (dec(-2), dec(1100))
    assert (record.trades, record.wins, record.realized_usd) == (1, 1, dec(100))
    assert book.protection == Protection(dec(900), dec(1200))


@given(st.sampled_from(("1", "7", "0.1")))
def test_thirds_lose_no_decimal(price: str) -> None:
    ledger = replayed([an_intended(1, "3"), a_fill(1, intended_id(1), "3", price=price, fee="0")])
    for sequence in (2, 3, 4):
        ledger.apply(a_fill(sequence, intended_id(9), "1", side=Side.SELL, price="2", fee="0"))
    assert ledger.record(ANN).realized_usd == 6 - 3 * dec(price)


def test_a_trade_that_nobody_asked_for_closes_the_holdings_that_it_must_have_closed() -> None:
    ledger = replayed(
        [
            an_intended(1, "1"),
            a_fill(1, intended_id(1), "1"),
            an_intended(2, "1", bot=BEN),
            a_fill(2, intended_id(2, BEN), "1"),
            a_fill(3, FOREIGN, "2.5", side=Side.SELL, fee="0.7"),
        ]
    )
    assert not ledger.holdings(ANN)
    assert not ledger.holdings(BEN)
    assert ledger.book(EXTERNAL, BTC).size == dec("-0.5")
    assert sum((record.fees_usd for record in ledger.records.values()), ZERO) == dec("0.9")


def test_a_trade_of_nobodys_that_adds_is_nobodys() -> None:
    ledger = replayed(
        [an_intended(1, "1"), a_fill(1, intended_id(1), "1"), a_fill(2, FOREIGN, "1", side=Side.BUY)]
    )
    assert ledger.book(ANN, BTC).size == 1
    assert ledger.book(EXTERNAL, BTC).size == 1


def test_after_a_lost_ledger_fills_find_their_bot_by_the_tag_in_their_ids() -> None:
    ledger = replayed([Seated(ANN, 4), a_fill(1, intended_id(1), "1"), a_fill(2, intended_id(1, BEN), "2")])
    assert ledger.book(ANN, BTC).size == 1
    assert ledger.owner_of(intended_id(1, BEN)) not in (ANN, BEN, EXTERNAL)
    ledger.apply(Seated(BEN, 2))
    assert ledger.book(BEN, BTC).size == 2
    assert ledger.record(BEN).fees_usd == dec("0.1")
    assert ledger.owner_of(intended_id(3, BEN)) == BEN
    assert ledger.owner_of(intended_id(1)) == ANN
    assert not [bot for bot in ledger.records if bot not in BOTS]


def test_what_traded_before_its_order_was_known_is_not_forgotten_by_a_summary() -> None:
    before = replayed([a_fill(1, intended_id(1), "0.3")])
    after = replayed([before.summary(), an_intended(1, "0.5")])
    assert after.orders[intended_id(1)].remaining == after.worst_case(BTC, ANN) - dec("0.3") == dec("0.2")


def test_old_finished_orders_are_forgotten_and_live_ones_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.ledger.FINAL_ORDERS_KEPT", 2)
    events: list[LedgerEvent] = [an_intended(leg, "1") for leg in LEGS]
    events += [Learned(intended_id(leg), OrderEvent.CANCEL, "", NOW) for leg in (1, 2, 3, 4)]
    ledger = replayed(events)
    ledger.forget()
    assert sorted(ledger.orders) == [intended_id(leg) for leg in (0, 3, 4, 5)]


def test_performance_counts_round_trips_after_fees() -> None:
    events: list[LedgerEvent] = []
    for number, exit_price in enumerate(("1010", "990", "1030")):
        leg = 10 * number
        events += [
            an_intended(leg, "1"),
            a_fill(2 * number + 1, intended_id(leg), "1", fee="1"),
            an_intended(leg + 1, "1", Side.SELL, purpose=Purpose.CLOSE),
            a_fill(2 * number + 2, intended_id(leg + 1), "1", side=Side.SELL, price=exit_price, fee="1"),
        ]
    performance = replayed(events).record(ANN).performance()
    assert (performance.trades, performance.realized_usd, performance.fees_usd) == (3, dec(24), dec(6))
    assert performance.win_rate == pytest.approx(2 / 3)
    assert performance.sharpe == pytest.approx(8 / 20)  # of 8, -12, 28
