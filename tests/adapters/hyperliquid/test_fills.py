"""Fills get numbers that only rise; none is passed over and none told twice, in whatever order they come to light."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from adapters.hyperliquid.fills import PAGE, RANKS, FillBook
from adapters.hyperliquid.markets import Markets
from adapters.hyperliquid.sent import SentOrders
from adapters.hyperliquid.wire import FillLine
from adapters.model import Fill

NO_MARKETS = Markets([])


def a_line(time: int, tid: int, **changes: object) -> FillLine:
    base: dict[str, object] = {
        "coin": "BTC",
        "price": Decimal(1000),
        "size": Decimal(1),
        "side": "B",
        "time": time,
        "oid": 7,
        "tid": tid,
        "cloid": "0x" + "A" * 32,
    }
    return FillLine(**{**base, **changes})  # type: ignore[arg-type]


def a_book() -> FillBook:
    return FillBook(SentOrders())


def is_chain(fills: list[Fill], since: int) -> bool:
    before = [since, *(fill.sequence for fill in fills)]
    return all(last < fill.sequence and fill.follows(last) for last, fill in zip(before, fills, strict=False))


lines = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 50)), unique=True, min_size=1, max_size=20).map(
    lambda pairs: [a_line(time, tid) for time, tid in pairs]
)


@given(lines, st.randoms())
def test_everybody_who_looks_finds_the_same_numbers(told: list[FillLine], chance: object) -> None:
    one = a_book().page(told, 0, NO_MARKETS)
    chance.shuffle(told)  # type: ignore[attr-defined]
    two = a_book().page(told, 0, NO_MARKETS)
    assert [(fill.id, fill.sequence) for fill in one] == [(fill.id, fill.sequence) for fill in two]
    assert is_chain(one, 0)
    assert len(one) == len(told)


@given(lines, st.data())
def test_after_a_restart_the_rest_is_told_and_nothing_twice(
    told: list[FillLine], data: st.DataObject
) -> None:
    whole = a_book().page(told, 0, NO_MARKETS)
    taken = data.draw(st.integers(0, len(whole)))
    cursor = whole[taken - 1].sequence if taken else 0
    reborn = a_book()
    from_there = [line for line in told if line.time >= reborn.since_ms(cursor)]
    rest = reborn.page(from_there, cursor, NO_MARKETS)
    assert [fill.id for fill in rest] == [fill.id for fill in whole[taken:]]
    assert is_chain(rest, cursor)


@given(lines, st.data())
def test_whatever_a_stream_drops_repeats_or_reorders_an_audit_tells_the_rest(
    told: list[FillLine], data: st.DataObject
) -> None:
    book, cursor = a_book(), 0
    counted: list[str] = []
    assert not book.page([], 0, NO_MARKETS)
    for line in data.draw(st.lists(st.sampled_from(told), max_size=30)):
        for fill in book.heard([line], NO_MARKETS):
            assert fill.follows(cursor)
            cursor, counted = fill.sequence, [*counted, fill.id]
    audited = [line for line in told if line.time >= book.since_ms(cursor)]
    for fill in book.page(audited, cursor, NO_MARKETS):
        assert fill.follows(cursor)
        assert fill.sequence > cursor
        cursor, counted = fill.sequence, [*counted, fill.id]
    assert sorted(counted) == sorted(f"{line.time}-{line.oid}-{line.tid}" for line in told)


def test_a_stream_that_begins_in_the_middle_does_not_claim_to_be_whole() -> None:
    book = a_book()
    (first, second) = book.heard([a_line(5, 1), a_line(6, 1)], NO_MARKETS)
    assert not first.follows(0)
    assert second.follows(first.sequence)
    assert not book.covers(0)
    assert book.covers(first.sequence - 1)


def test_an_account_that_never_traded_is_known_from_its_beginning() -> None:
    book = a_book()
    assert book.heard([], NO_MARKETS) == []
    assert book.covers(0)
    (first,) = book.heard([a_line(5, 1)], NO_MARKETS)
    assert first.follows(0)


def test_what_came_before_a_stream_is_told_by_its_own_numbers() -> None:
    book = a_book()
    book.heard([a_line(5, 1)], NO_MARKETS)
    told = book.page([a_line(3, 1), a_line(4, 1), a_line(5, 1)], 0, NO_MARKETS)
    assert [fill.sequence // RANKS for fill in told] == [3, 4]
    assert is_chain(told, 0)
    rest = book.page([a_line(4, 1), a_line(5, 1)], told[-1].sequence, NO_MARKETS)
    assert [fill.sequence // RANKS for fill in rest] == [5]


def test_the_last_millisecond_of_a_full_page_waits_for_the_next_one() -> None:
    full = [a_line(1 + number // 4, number) for number in range(PAGE + 2)]
    book, cursor, counted = a_book(), 0, 0
    for _ in range(3):
        asked = [line for line in full if line.time >= book.since_ms(cursor)][:PAGE]
        for fill in book.page(asked, cursor, NO_MARKETS):
            assert fill.follows(cursor)
            cursor, counted = fill.sequence, counted + 1
    assert counted == len(full)


def test_a_millisecond_that_was_audited_is_looked_at_once_more() -> None:
    book = a_book()
    (first,) = book.page([a_line(5, 1)], 0, NO_MARKETS)
    (later,) = book.heard([a_line(9, 1)], NO_MARKETS)
    asked = [line for line in (a_line(5, 1), a_line(5, 2)) if line.time >= book.since_ms(later.sequence)]
    (missed,) = book.page(asked, later.sequence, NO_MARKETS)
    assert missed.id == "5-7-2"
    assert first.sequence < later.sequence < missed.sequence


def test_a_fill_is_of_the_order_that_we_named_and_of_the_exchanges_number_otherwise() -> None:
    named, nobodys = a_book().page([a_line(1, 1), a_line(2, 1, cloid=None)], 0, NO_MARKETS)
    assert (named.order_id, nobodys.order_id) == ("a" * 32, "oid-7")


def test_the_fee_of_a_spot_purchase_is_worth_what_was_paid_for_it() -> None:
    bought = a_line(1, 1, coin="@107", fee=Decimal("0.0003"), fee_token="HYPE", price=Decimal(35))
    (fill,) = a_book().page([bought], 0, NO_MARKETS)
    assert fill.fee == Decimal("0.0105")
