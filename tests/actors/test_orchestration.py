"""From a decision to what stands at the venue: the order of the steps, and what each class of error leads to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from actors.messages import Outcome, OutcomeKind
from adapters.errors import (
    ExchangeDown,
    Insufficient,
    InvalidParam,
    OutcomeUnknown,
    RateLimited,
    RiskRejected,
    Temporary,
    VenueError,
)
from adapters.model import Order, OrderType, Side, Symbol, TimeInForce
from risk.limits import ExecGuards
from strategies.decision import Action, Decision
from tests.actors.builders import ANN, Floor, a_bot_spec, a_close, a_quote_intent, an_open, dec, refusal_of
from tests.actors.test_bot import LONG, a_life, once
from tests.builders import BTC, ETH
from tests.fakes import Fault

GUARDS = ExecGuards(
    max_new_positions_per_cycle=9,
    cooldown_after_close=timedelta(0),
    btceth_position_value_min_equity_multiple=dec(0),
)


@pytest.fixture
async def floor() -> Floor:
    floor = Floor()
    await floor.open(a_bot_spec(exec_guards=GUARDS))
    return floor


def an_eth_open(leg: int = 7, size: str = "1") -> object:
    return an_open(leg, size, symbol=ETH, price=dec(101), stop_loss=dec(90), take_profit=dec(120))


def placed(floor: Floor, symbol: Symbol = BTC) -> list[Order]:
    return [order for order in floor.venue.asked("place") if order.symbol == symbol]


async def test_leverage_goes_out_with_an_order_that_passed_its_cap_and_with_no_other(floor: Floor) -> None:
    (outcome,) = await floor.submit(an_open(leverage=21))
    assert refusal_of(outcome).rule == "leverage_cap"
    assert placed(floor) == []
    await floor.submit(an_open(1, leverage=20))
    assert [order.leverage for order in placed(floor) if not order.reduce_only] == [20]


async def test_an_open_is_an_immediate_order_at_a_protective_price(floor: Floor) -> None:
    life = await a_life(once(LONG), spec=a_bot_spec(exec_guards=GUARDS))
    await life.bot.cycle()
    entry = placed(life.floor)[0]
    assert (entry.type, entry.tif, entry.price) == (OrderType.LIMIT, TimeInForce.IOC, dec(1011))


async def test_a_close_cancels_what_rests_first_and_then_reduces_within_its_slippage() -> None:
    def decide(view: object) -> tuple[Decision, ...]:
        return steps.pop(0) if steps else ()

    steps = [
        (replace(LONG, entry_price=dec(990)),),  # rests
        (LONG,),
        (Decision(symbol=BTC, action=Action.CLOSE_LONG),),
    ]
    spec = a_bot_spec(exec_guards=replace(GUARDS, scale_in=True))
    life = await a_life(decide, spec=spec)
    await life.bot.cycle()
    (resting,) = life.floor.resting(OrderType.LIMIT)
    await life.bot.cycle()
    life.floor.venue.calls.clear()
    await life.bot.cycle()
    calls = [name for name, _ in life.floor.venue.calls if name in ("cancel", "place")]
    assert calls[:2] == ["cancel", "place"]
    assert life.floor.venue.asked("cancel")[0] == resting.id
    close = placed(life.floor)[0]
    assert (close.side, close.reduce_only, close.tif) == (Side.SELL, True, TimeInForce.IOC)
    assert close.price == dec(990)  # 999 less 1 %, up to the tick
    assert life.floor.held() == 0


async def test_margin_of_what_a_batch_sent_counts_for_the_rest_of_it() -> None:
    floor = Floor()
    tight = replace(GUARDS, max_margin_usage_pct=dec(1))  # 10,000 of a million
    await floor.open(a_bot_spec(exec_guards=tight))
    first, second = await floor.submit(an_open(1, "6"), an_eth_open(2, "60"))  # type: ignore[arg-type]
    assert first.kind is OutcomeKind.PLACED
    assert refusal_of(second).rule == "margin_usage"
    floor.advance(1)
    floor.show(999, 1001)
    floor.show(99, 101, symbol=ETH)
    await floor.wallet.refresh_account()
    (again,) = await floor.submit(an_eth_open(3, "30"))  # type: ignore[arg-type]
    assert again.kind is OutcomeKind.PLACED, "the account's own reading counts from here on"


@pytest.mark.parametrize(
    ("error", "attempts", "kind"),
    [
        (Temporary("503"), 3, OutcomeKind.UNKNOWN),
        (RateLimited("slow down", retry_after_s=0.1), 3, OutcomeKind.REJECTED),
        (InvalidParam("precision"), 1, OutcomeKind.REJECTED),
        (RiskRejected("reduce only"), 1, OutcomeKind.REJECTED),
        (Insufficient("margin"), 1, OutcomeKind.REJECTED),
        (ExchangeDown("maintenance"), 1, OutcomeKind.REJECTED),
        (OutcomeUnknown("no answer"), 1, OutcomeKind.UNKNOWN),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, VenueError) else str(part),
)
async def test_each_class_of_error_has_its_policy(
    floor: Floor, error: VenueError, attempts: int, kind: OutcomeKind
) -> None:
    floor.venue.fail("place", error)
    (outcome,) = await floor.submit(an_open())
    assert len({order.id for order in placed(floor)}) == 1
    assert len(placed(floor)) == attempts
    assert (outcome.kind, outcome.error_class) == (kind, type(error).__name__)


async def test_a_rate_limit_is_waited_out_for_as_long_as_the_venue_says(floor: Floor) -> None:
    floor.venue.script("place", Fault(RateLimited("slow down", retry_after_s=1.25)))
    began = floor.clock.monotonic()
    (outcome,) = await floor.submit(an_open())
    assert floor.clock.monotonic() - began >= 1.25
    assert outcome.kind is OutcomeKind.PLACED


async def test_insufficient_names_the_size_that_would_pass(floor: Floor) -> None:
    floor.venue.script("place", Fault(Insufficient("not enough margin")))
    (outcome,) = await floor.submit(an_open(size="1", leverage=2))
    assert outcome.error_detail == "not enough margin; a size of 0.5 would fit"


async def test_a_venue_that_is_down_fails_the_cycle_and_closes_are_still_tried(floor: Floor) -> None:
    await floor.submit(an_open(1))
    floor.venue.script("place", Fault(ExchangeDown("maintenance")))
    batch: tuple[Outcome, ...] = await floor.submit(
        an_eth_open(2),  # type: ignore[arg-type]
        a_quote_intent(3),
        a_close(4),
    )
    down, quote, close = batch
    assert down.fails_cycle
    assert refusal_of(quote).rule == "exchange_down"
    assert close.filled == 1
    assert placed(floor, ETH) == [floor.venue.asked("place")[-2]]


async def test_a_cycle_that_the_venue_failed_is_recorded_as_failed() -> None:
    life = await a_life(once(LONG))
    life.floor.venue.fail("place", ExchangeDown("maintenance"))
    record = await life.bot.cycle()
    assert record is not None
    assert (record.success, record.error_message) == (False, "ExchangeDown: maintenance")
    assert record.actions[0].error_class == "ExchangeDown"


async def test_the_venues_own_number_of_an_order_is_in_the_record() -> None:
    life = await a_life(once(LONG))
    real = life.floor.venue.venue.place

    async def numbered(order: Order) -> object:
        return replace(await real(order), venue_id="77738308")

    life.floor.venue.venue.place = numbered  # type: ignore[method-assign, assignment]
    record = await life.bot.cycle()
    assert record is not None
    assert record.actions[0].order_id == "77738308"


async def test_a_round_trip_is_told_with_its_time_and_result(floor: Floor) -> None:
    await floor.submit(an_open(1))
    await floor.submit(a_close(2))
    (trip,) = floor.wallet.trips(ANN)
    assert trip.at == floor.wallet.ledger.book(ANN, BTC).closed_at
    assert trip.pnl_usd == floor.wallet.ledger.record(ANN).realized_usd < 0
    assert floor.wallet.trips(a_bot_spec().name) == (trip,)
