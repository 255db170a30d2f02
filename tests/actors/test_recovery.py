"""Ledger and venue come to one truth: what is ours is adopted, what is not is told of, what fails shows nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.ledger import EXTERNAL, replayed
from actors.ledger_events import Learned
from actors.messages import Admit, OutcomeKind
from actors.order_state import OrderEvent, OrderState
from actors.recovery import Truth, reconciliation
from adapters.errors import ExchangeDown, NotFound, OutcomeUnknown, Temporary
from adapters.model import BotId, ClientOrderId, Order, OrderType, Position, Side
from adapters.venue import Fence
from config.spec import ForeignOrders, HaltLevel, UnknownOrders, WalletSpec
from risk.intent import Purpose, client_order_id
from tests.actors.builders import (
    ANN,
    BEN,
    MAIN,
    Floor,
    a_bot_spec,
    a_close,
    a_quote_intent,
    an_intended,
    an_open,
    dec,
    intended_id,
    refusal_of,
    soon,
)
from tests.builders import BTC, ETH, NOW
from tests.fakes import Fault, Hold

FOREIGN = ClientOrderId("0" * 31 + "7")


@pytest.fixture
async def floor() -> Floor:
    floor = Floor()
    await floor.open(a_bot_spec(), a_bot_spec(BEN))
    return floor


def a_stray(leg: int, price: int = 950, bot: BotId = ANN, **changes: Any) -> Order:
    """An entry with our prefix, of an intent that no journal has."""
    base = Order(
        id=client_order_id(bot, 1, 99, leg), symbol=BTC, side=Side.BUY, size=dec(1), price=dec(price)
    )
    return replace(base, **changes)


def a_foreign(price: int = 940, order_id: ClientOrderId = FOREIGN) -> Order:
    return Order(id=order_id, symbol=BTC, side=Side.BUY, size=dec(1), price=dec(price))


# ── orders with our prefix ───────────────────────────────────────────────────────────────────────────────────────────


async def test_an_entry_that_only_the_venue_knows_counts_until_it_is_cancelled(floor: Floor) -> None:
    floor.exchange.place("main", a_stray(1))
    floor.venue.fail("cancel", ExchangeDown("maintenance"))
    await floor.wallet.recount()
    await floor.pass_()
    assert floor.wallet.used_usd() >= 950
    assert len(floor.resting()) == 1
    floor.venue.fail("cancel", None)
    await floor.pass_()
    assert not floor.resting()
    assert floor.wallet.used_usd() == 0


async def test_what_it_had_traded_before_it_was_known_is_counted_once() -> None:
    floor = Floor(spec=WalletSpec(name=MAIN, unknown_orders=UnknownOrders.ADOPT))
    await floor.open()
    floor.exchange.place("main", a_stray(1, 990, size=dec(15)))
    floor.show(980, 981, size=4)
    await floor.hear()
    assert floor.held() == 4
    await floor.wallet.recount()
    order = floor.wallet.ledger.orders[a_stray(1).id]
    assert (order.filled, order.remaining) == (dec(4), dec(11))
    floor.show(970, 971, size=20)
    await floor.hear()
    assert (order.filled, order.state, floor.held()) == (dec(15), OrderState.FILLED, dec(15))


async def test_the_fleet_file_may_say_that_it_rests_on() -> None:
    floor = Floor(spec=WalletSpec(name=MAIN, unknown_orders=UnknownOrders.ADOPT))
    await floor.open()
    floor.exchange.place("main", a_stray(1))
    await floor.wallet.recount()
    await floor.pass_()
    assert len(floor.resting()) == 1
    assert [report.order.id for report in floor.look().orders] == [a_stray(1).id]


async def test_a_stop_that_only_the_venue_knows_is_adopted_whatever_the_fleet_file_says(floor: Floor) -> None:
    await floor.submit(an_open())
    (stop,) = floor.resting(OrderType.STOP)
    orders = floor.wallet.ledger.orders
    orders.pop(stop.id)
    floor.wallet.ledger._live.pop(stop.id)
    await floor.wallet.recount()
    await floor.pass_()
    assert floor.resting(OrderType.STOP) == [stop]
    assert orders[stop.id].purpose is Purpose.STOP


async def test_reconciling_five_times_changes_nothing_more(floor: Floor) -> None:
    await floor.submit(an_open(), a_quote_intent(1))
    floor.exchange.place("main", a_stray(1))
    floor.venue.script("place", Fault(OutcomeUnknown("timeout"), takes_effect=True))
    await floor.submit(a_quote_intent(2, "970"))
    await floor.wallet.recount()
    orders = {order_id: order.state for order_id, order in floor.wallet.ledger.orders.items()}
    for _ in range(4):
        await floor.wallet.recount()
        assert {i: o.state for i, o in floor.wallet.ledger.orders.items()} == orders


async def test_an_order_that_is_over_for_us_and_rests_at_the_venue_is_cancelled(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1))
    floor.wallet.ledger.orders[intended_id(1)].state = OrderState.REJECTED
    floor.wallet.ledger._live.clear()
    await floor.wallet.recount()
    assert not floor.resting()


async def test_an_adopted_entry_counts_at_its_own_price_where_that_is_worse_than_the_mark(
    floor: Floor,
) -> None:
    floor.exchange.place("main", a_stray(1, 1500, side=Side.SELL))
    await floor.wallet.recount()
    assert floor.wallet.used_usd() == 1500


async def test_an_order_on_its_way_is_not_asked_about(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    placing = await soon(floor.submit(a_quote_intent(1)))
    await floor.wallet.recount()
    assert not floor.venue.asked("order")
    hold.gate.set()
    (outcome,) = await placing
    assert outcome.kind is OutcomeKind.PLACED


async def test_an_order_is_alive_while_the_venue_may_not_have_reached_its_expiry(floor: Floor) -> None:
    """The venue's time came with an answer that was long on its way: it lies a second apart at least and at most."""
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    await floor.submit(a_quote_intent(1))
    floor.advance(0.8)
    answer = Hold()
    floor.venue.script("account", answer)
    reading = await soon(floor.wallet.refresh_account())
    floor.advance(1.0)
    answer.gate.set()
    await reading
    await floor.wallet.recount()
    await floor.pass_()
    (order,) = floor.wallet.ledger.live()
    assert order.state is OrderState.UNKNOWN
    floor.exchange.place("main", order.order)
    await floor.wallet.recount()
    assert [order.state for order in floor.wallet.ledger.live()] == [OrderState.OPEN]


@pytest.mark.parametrize(
    ("news", "fence", "ends"),
    [
        (OrderEvent.LOSE, Fence.EXPIRY, True),
        (OrderEvent.ACCEPT, Fence.EXPIRY, True),
        (OrderEvent.ACCEPT, Fence.KEY, True),
        (OrderEvent.LOSE, Fence.KEY, False),  # only the same order under the same id can tell
        (OrderEvent.CANCEL, Fence.EXPIRY, False),  # it has ended meanwhile
    ],
)
def test_an_order_that_the_venue_does_not_know_ends_by_proof_and_once(
    news: OrderEvent, fence: Fence, ends: bool
) -> None:
    intended = an_intended(1, "1")
    intended = msgspec.structs.replace(intended, order=replace(intended.order, expires_at=NOW))
    order_id = intended.order.id
    ledger = replayed([intended, Learned(order_id, news, "", NOW)])
    late = NOW + timedelta(minutes=1)
    truth = Truth(
        resting=(), looked_up={order_id: NotFound("no such order")}, venue_time=late, fence=fence, at=late
    )
    found = [(event.id, event.event) for event in reconciliation(ledger, truth) if isinstance(event, Learned)]
    assert found == ([(order_id, OrderEvent.REJECT)] if ends else [])


async def test_more_fills_than_a_page_are_all_in_the_books_when_the_wallet_is_ready(floor: Floor) -> None:
    for leg in range(510):
        floor.exchange.place("main", a_stray(leg, 1001, size=dec("0.01")))
    floor.venue.fail("positions", ExchangeDown("maintenance"))
    await floor.wallet.start()
    assert floor.held() == floor.at_venue() == dec("5.10")


# ── orders and trades that are nobody's ──────────────────────────────────────────────────────────────────────────────


async def test_a_foreign_order_is_told_of_once_and_left_alone(floor: Floor) -> None:
    floor.exchange.place("main", a_foreign())
    for _ in range(3):
        await floor.wallet.recount()
        await floor.pass_()
    assert [order.id for order in floor.resting()] == [FOREIGN]
    (problem,) = floor.wallet.report().problems
    assert FOREIGN in problem
    assert floor.wallet.used_usd() == 0


async def test_a_foreign_order_does_not_keep_a_halt_from_holding(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1))
    floor.exchange.place("main", a_foreign())
    engaged = await floor.halt(HaltLevel.FLATTEN)
    assert engaged.complete
    assert engaged.detail == "1 orders that are not ours"
    assert [order.id for order in floor.resting()] == [FOREIGN]


@pytest.mark.parametrize("level", [HaltLevel.CANCEL_ALL, HaltLevel.FLATTEN])
async def test_where_the_account_is_ours_alone_a_halt_cancels_them_too(level: HaltLevel) -> None:
    floor = Floor(spec=WalletSpec(name=MAIN, foreign_orders=ForeignOrders.CANCEL))
    await floor.open()
    floor.exchange.place("main", a_foreign())
    floor.venue.fail("cancel", ExchangeDown("maintenance"))
    assert not (await floor.halt(level)).complete
    floor.venue.fail("cancel", None)
    await floor.halt(level, generation=1)
    assert (await floor.halt(level, generation=1)).complete
    assert not floor.resting()
    assert any("is not ours: cancelled" in problem for problem in floor.wallet.report().problems)


async def test_a_trade_that_no_bot_asked_for_is_told_of(floor: Floor) -> None:
    floor.exchange.place("main", a_foreign(1001))
    await floor.wallet.recount()
    assert floor.wallet.ledger.book(EXTERNAL, BTC).size == 1
    assert any(FOREIGN in problem for problem in floor.wallet.report().problems)


# ── positions that differ ────────────────────────────────────────────────────────────────────────────────────────────


def at_the_venue(floor: Floor, size: str) -> None:
    """The venue says that it holds so much BTC, whatever it holds."""
    position = Position(symbol=BTC, size=dec(size), entry_price=dec(1000), mark_price=dec(1000))
    floor.venue.answer("positions", [position])


async def rule_of(floor: Floor, leg: int, bot: BotId = ANN, **changes: Any) -> str:
    (outcome,) = await floor.submit(an_open(leg, "0.1", bot=bot, **changes), bot=bot)
    return refusal_of(outcome).rule if outcome.refusal else ""


async def test_a_difference_that_holds_over_two_reads_quarantines_the_bot_that_holds_the_market(
    floor: Floor,
) -> None:
    await floor.submit(an_open())
    at_the_venue(floor, "3")
    await floor.wallet.recount()
    assert await rule_of(floor, 5) == ""
    await floor.wallet.recount()
    await floor.wallet.recount()
    assert await rule_of(floor, 6) == "halted"
    assert await rule_of(floor, 7, BEN) == "", "its market is the same, but it has nothing there"
    assert floor.look().halt is None
    (outcome,) = await floor.submit(a_close(8, "0.5"))
    assert outcome.filled == dec("0.5"), "reducing is always allowed"


async def test_the_other_markets_of_a_quarantined_bot_stay_open(floor: Floor) -> None:
    await floor.submit(an_open())
    at_the_venue(floor, "3")
    await floor.wallet.recount()
    await floor.wallet.recount()
    ether: dict[str, Any] = {
        "symbol": ETH,
        "price": dec(101),
        "stop_loss": dec(95),
        "take_profit": dec(120),
        "size": dec(1),
    }
    assert await rule_of(floor, 5) == "halted"
    (outcome,) = await floor.submit(an_open(6, **ether))
    assert outcome.refusal is None


async def test_where_nobody_holds_anything_it_is_those_who_may(floor: Floor) -> None:
    floor.wallet.admit(Admit(a_bot_spec(BEN, symbols=(ETH,)), 1))
    at_the_venue(floor, "3")
    await floor.wallet.recount()
    await floor.wallet.recount()
    assert floor.wallet._readings.quarantined == {(ANN, BTC)}


async def test_a_quarantine_ends_with_the_difference(floor: Floor) -> None:
    await floor.submit(an_open())
    at_the_venue(floor, "3")
    await floor.wallet.recount()
    await floor.wallet.recount()
    at_the_venue(floor, "1")
    await floor.wallet.recount()
    assert await rule_of(floor, 5) == ""


async def test_a_read_that_fails_is_never_flat_and_clears_no_quarantine(floor: Floor) -> None:
    await floor.submit(an_open())
    at_the_venue(floor, "3")
    await floor.wallet.recount()
    await floor.wallet.recount()
    for verb in ("positions", "open_orders", "fills_since"):
        floor.venue.fail(verb, Temporary("503"))
        with pytest.raises(Temporary):
            await floor.wallet.recount()
        floor.venue.fail(verb, None)
        assert await rule_of(floor, 5) == "halted"
    assert floor.held() == 1


async def test_the_second_read_counts_only_if_the_first_one_was_one(floor: Floor) -> None:
    await floor.submit(an_open())
    at_the_venue(floor, "3")
    floor.venue.script("positions", Fault(Temporary("503")))
    with pytest.raises(Temporary):
        await floor.wallet.recount()
    await floor.wallet.recount()
    assert await rule_of(floor, 5) == ""


# ── a bot that is gone ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_dead_bots_entries_go_in_time_and_its_stops_stay() -> None:
    spec = WalletSpec(name=MAIN, orphan_cancel_after=WalletSpec(name=MAIN).orphan_cancel_after / 3)
    floor = Floor(spec=spec)
    await floor.open()
    await floor.submit(an_open(), a_quote_intent(1, "980"))
    floor.advance(4.9)
    await floor.pass_()
    assert [order.type for order in floor.resting(OrderType.LIMIT)] == [OrderType.LIMIT]
    floor.advance(0.2)
    await floor.pass_()
    assert not floor.resting(OrderType.LIMIT)
    for _ in range(20):
        floor.advance(60)
        await floor.wallet.refresh_account()
        await floor.pass_()
    assert [order.size for order in floor.resting(OrderType.STOP)] == [1]
    assert len(floor.resting(OrderType.TAKE_PROFIT)) == 1
    assert floor.held() == 1


async def test_a_bot_that_never_comes_back_after_the_wallet_died_loses_its_entries_too(
    tmp_path: Path,
) -> None:
    floor = Floor(tmp_path / "main.journal")
    await floor.open()
    await floor.submit(an_open(), a_quote_intent(1, "980"))
    floor.born()
    await floor.wallet.start()
    await floor.pass_()
    assert len(floor.resting(OrderType.LIMIT)) == 1
    floor.advance(15.1)
    await floor.wallet.refresh_account()
    await floor.pass_()
    assert not floor.resting(OrderType.LIMIT)
    assert len(floor.resting(OrderType.STOP)) == 1
