"""From a bot's wish to an order: reviewed, reserved, sent once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from actors.messages import Admit, Hello, OutcomeKind, Snapshots
from actors.order_state import OrderState
from adapters.errors import (
    ConfigError,
    ExchangeDown,
    Fenced,
    InvalidParam,
    LinkError,
    OutcomeUnknown,
    RateLimited,
    Temporary,
)
from adapters.model import OrderType, Side, TimeInForce
from config.spec import HaltLevel, WalletSpec
from risk.intent import client_order_id
from risk.limits import ExecGuards, RiskParams, WalletLimits
from strategies.strategy import GateState
from tests.actors.builders import (
    ANN,
    BEN,
    MAIN,
    Floor,
    a_bot_spec,
    a_close,
    a_quote_intent,
    an_open,
    dec,
    intended_id,
    refusal_of,
    soon,
)
from tests.builders import BTC, ETH
from tests.fakes import Fault, Hold


@pytest.fixture
async def floor() -> Floor:
    floor = Floor()
    await floor.open(a_bot_spec(), a_bot_spec(BEN))
    return floor


async def test_an_open_is_filled_and_seen_by_its_bot(floor: Floor) -> None:
    (outcome,) = await floor.submit(an_open())
    assert (outcome.kind, outcome.filled, outcome.average_price) == (OutcomeKind.PLACED, dec(1), dec(1001))
    sight = floor.look()
    assert sight.positions[BTC].size == 1
    assert {report.order.type for report in sight.orders} == {OrderType.STOP, OrderType.TAKE_PROFIT}
    assert floor.look(BEN).positions == {}
    assert floor.at_venue() == 1


async def test_the_same_intent_twice_is_one_order(floor: Floor) -> None:
    first = await floor.submit(an_open())
    again = await floor.submit(an_open(), an_open())
    assert [outcome.filled for outcome in (*first, *again)] == [1, 1, 1]
    assert floor.at_venue() == 1
    entries = [order for order in floor.venue.asked("place") if order.type is OrderType.LIMIT]
    assert len(entries) == 1


async def test_the_same_intent_while_it_is_being_sent_is_one_order(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    first = await soon(floor.submit(an_open()))
    (second,) = await floor.submit(an_open())
    assert second.kind is OutcomeKind.UNKNOWN
    hold.gate.set()
    ((done,),) = [await first]
    assert done.kind is OutcomeKind.PLACED
    assert floor.at_venue() == 1


async def test_a_batch_ends_where_its_epoch_does(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    placing = await soon(floor.submit(a_quote_intent(1), a_quote_intent(2, "980")))
    floor.wallet.admit(Admit(a_bot_spec(), 2))
    hold.gate.set()
    with pytest.raises(Fenced):
        await placing
    assert [order.id for order in floor.resting()] == [intended_id(1)]


@pytest.mark.parametrize("epoch", [0, 2])
async def test_any_other_epoch_is_fenced(floor: Floor, epoch: int) -> None:
    with pytest.raises(Fenced):
        await floor.submit(an_open(epoch=epoch), epoch=epoch)
    with pytest.raises(Fenced):
        floor.look(epoch=epoch)
    with pytest.raises(Fenced):
        floor.hello(epoch=epoch)
    assert not floor.venue.asked("place")


async def test_an_intent_signed_with_another_bots_name_is_refused(floor: Floor) -> None:
    await floor.submit(a_quote_intent(bot=BEN), bot=BEN)
    strangers = [
        an_open(bot=BEN),
        replace(an_open(), bot=BEN),
        replace(an_open(), id=client_order_id(BEN, 1, 1, 0)),
        replace(an_open(), id="f" * 32),  # type: ignore[arg-type]
        a_quote_intent(bot=BEN),
    ]
    outcomes = await floor.submit(*strangers)
    assert [refusal_of(outcome).rule for outcome in outcomes] == ["malformed"] * 5
    assert floor.wallet.report().refusals == {"malformed": 5}


async def test_refusals_name_their_rule_and_are_counted(floor: Floor) -> None:
    floor.lender.budget_usd = dec(500)
    await floor.wallet.renew(floor.lender)
    outcomes = await floor.submit(
        an_open(1),
        an_open(2),
        an_open(3, leverage=99),
        an_open(4, stop_loss=None),
        an_open(5, "0.001"),
    )
    rules = [refusal_of(outcome).rule for outcome in outcomes]
    assert rules == ["lease", "lease", "leverage_cap", "malformed", "min_notional"]
    assert floor.wallet.report().refusals == {
        "lease": 2,
        "leverage_cap": 1,
        "malformed": 1,
        "min_notional": 1,
    }
    assert not floor.venue.asked("place")


async def test_a_refusal_of_the_venue_is_counted_by_its_class(floor: Floor) -> None:
    floor.venue.script("place", Fault(InvalidParam("the venue's own mood")))
    (outcome,) = await floor.submit(an_open())
    assert (outcome.kind, outcome.error_class) == (OutcomeKind.REJECTED, "InvalidParam")
    assert "mood" in outcome.error_detail
    assert floor.wallet.report().refusals == {"InvalidParam": 1}


async def test_the_lease_is_spent_by_what_rests_and_what_is_unknown(floor: Floor) -> None:
    floor.lender.budget_usd = dec(2500)
    await floor.wallet.renew(floor.lender)
    floor.venue.script("place", Fault(OutcomeUnknown("timeout")))
    floor.venue.fail("order", OutcomeUnknown("timeout"))
    await floor.submit(a_quote_intent(1))
    assert floor.wallet.used_usd() == 1000, "990 USD, at the mark"
    await floor.submit(a_quote_intent(2, price="980"))
    assert floor.look().budget.notional_usd == dec(2500) - floor.wallet.used_usd()
    (outcome,) = await floor.submit(a_quote_intent(3))
    assert refusal_of(outcome).rule == "lease"


async def test_a_lapsed_lease_stops_opens_and_lets_closes_pass(floor: Floor) -> None:
    await floor.submit(an_open())
    floor.lender.ttl_s = 2.0
    await floor.wallet.renew(floor.lender)
    (outcome,) = await floor.submit(an_open(1, "0.1"))
    assert outcome.kind is OutcomeKind.PLACED
    floor.advance(2 * 0.98 - 0.05)
    floor.show(999, 1001)
    (outcome,) = await floor.submit(an_open(2))
    assert refusal_of(outcome).rule == "lease"
    (outcome,) = await floor.submit(a_quote_intent(4, "1002", "0.5", side=Side.SELL))
    assert refusal_of(outcome).rule == "lease", "a successor may send the same, and then it only offsets once"
    (outcome,) = await floor.submit(a_close(3, "1.1"))
    assert (outcome.kind, outcome.filled) == (OutcomeKind.PLACED, dec("1.1"))
    assert floor.at_venue() == 0


async def test_a_retry_is_not_sent_after_a_halt(floor: Floor) -> None:
    hold = Hold()
    floor.venue.script("place", hold)
    floor.venue.fail("place", RateLimited("slow down", retry_after_s=1))
    placing = await soon(floor.submit(an_open()))
    await soon(floor.halt(HaltLevel.PAUSE_ENTRIES))
    hold.gate.set()
    (outcome,) = await placing
    assert outcome.kind is OutcomeKind.REJECTED
    assert len(floor.venue.asked("place")) == 1


async def test_a_retry_is_not_sent_after_the_lease(floor: Floor) -> None:
    floor.lender.ttl_s = 1.0
    await floor.wallet.renew(floor.lender)
    floor.venue.script("place", Fault(RateLimited("slow down", retry_after_s=1.5)))
    (outcome,) = await floor.submit(an_open())
    assert outcome.kind is OutcomeKind.REJECTED
    assert len(floor.venue.asked("place")) == 1


async def test_a_close_is_tried_again_whatever_is_in_force(floor: Floor) -> None:
    await floor.submit(an_open())
    await floor.halt(HaltLevel.REDUCE_ONLY)
    floor.venue.script("place", Fault(Temporary("503")), Fault(Temporary("503")))
    (outcome,) = await floor.submit(a_close())
    assert outcome.filled == 1


async def test_a_close_takes_no_more_than_other_closes_leave(floor: Floor) -> None:
    await floor.submit(an_open(0, "2"))
    await floor.submit(an_open(0, "2", bot=BEN), bot=BEN)
    hold = Hold()
    floor.venue.script("place", hold)
    first = await soon(floor.submit(a_close(1, "1.5")))
    second, third = await floor.submit(a_close(2, "1.5"), a_close(3, "1.5"))
    hold.gate.set()
    await first
    assert second.filled == dec("0.5")
    assert refusal_of(third).rule == "nothing_to_close"
    assert floor.held() == 0
    assert floor.held(BEN) == floor.at_venue() == 2


async def test_cancels_come_first_and_only_for_the_bots_own_orders(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1))
    await floor.submit(a_quote_intent(1, bot=BEN), bot=BEN)
    await floor.submit(a_quote_intent(2), cancels=[intended_id(1), intended_id(1, BEN), intended_id(9)])
    assert {order.id for order in floor.resting()} == {intended_id(2), intended_id(1, BEN)}


async def test_no_more_orders_leave_in_a_second_than_the_wallet_may_send() -> None:
    floor = Floor(spec=WalletSpec(name=MAIN, limits=WalletLimits(orders_per_second_max=2)))
    await floor.open()
    outcomes = await floor.submit(*(a_quote_intent(leg) for leg in range(4)))
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.PLACED] * 2 + [OutcomeKind.REFUSED] * 2
    assert refusal_of(outcomes[2]).rule == "order_rate"
    floor.advance(1.0)
    (outcome,) = await floor.submit(a_quote_intent(7))
    assert outcome.kind is OutcomeKind.PLACED


async def test_old_prices_refuse_opens(floor: Floor) -> None:
    floor.advance(6)
    (outcome,) = await floor.submit(an_open())
    assert refusal_of(outcome).rule == "stale_market_data"


async def test_an_equity_that_cannot_be_read_for_long_refuses_opens_and_lets_closes_pass(
    floor: Floor,
) -> None:
    await floor.submit(an_open())
    floor.advance(31)
    floor.show(999, 1001)
    (outcome,) = await floor.submit(an_open(1))
    assert refusal_of(outcome).rule == "incomplete_context"
    assert floor.wallet.report().equity_usd is None
    assert floor.look().absent["account"] == "read 31.0 s ago, at most 30 s"
    (outcome,) = await floor.submit(a_close(2))
    assert outcome.filled == 1


async def test_a_venue_whose_time_nobody_knows_takes_no_opens_and_lets_closes_pass(floor: Floor) -> None:
    await floor.submit(an_open())
    floor.advance(25)
    floor.venue.script("account", hold := Hold())
    reading = await soon(floor.wallet.refresh_account())
    floor.advance(6)
    hold.gate.set()
    await reading
    floor.show(999, 1001)
    assert floor.wallet.report().equity_usd is not None
    (outcome,) = await floor.submit(an_open(1))
    assert "the venue's time is not known" in refusal_of(outcome).detail
    (outcome,) = await floor.submit(a_close(2))
    assert outcome.filled == 1


async def test_an_answer_that_was_long_on_its_way_does_not_tell_the_time(floor: Floor) -> None:
    floor.advance(40)
    answer = Hold()
    floor.venue.script("account", answer)
    reading = await soon(floor.wallet.refresh_account())
    floor.advance(2)
    answer.gate.set()
    await reading
    floor.show(999, 1001)
    (outcome,) = await floor.submit(an_open())
    assert refusal_of(outcome).rule == "opens_suspended"
    await floor.wallet.refresh_account()
    (outcome,) = await floor.submit(an_open(1))
    assert outcome.kind is OutcomeKind.PLACED


async def test_before_it_has_reconciled_it_shows_and_takes_nothing() -> None:
    floor = Floor()
    floor.venue.script("open_orders", Fault(Temporary("503")))
    floor.show(999, 1001)
    with pytest.raises(Temporary):
        await floor.open()
    assert not floor.wallet.report().ready
    await floor.open()
    floor.wallet.ready = False
    with pytest.raises(LinkError, match="not reconciled"):
        floor.look()
    with pytest.raises(LinkError, match="not reconciled"):
        await floor.submit(an_open())


async def test_a_bar_length_has_its_own_snapshots(floor: Floor) -> None:
    snapshot = replace(floor.look().markets[BTC], indicators={"ema_12": 1.0})
    floor.wallet.take_snapshots(Snapshots(300.0, (snapshot,)))
    assert floor.look().markets[BTC].indicators == {}
    floor.advance(1.5)
    assert floor.look().markets[BTC].age_s == pytest.approx(1.5, abs=0.1)


async def test_a_market_whose_prices_are_too_old_is_absent_and_says_so(floor: Floor) -> None:
    floor.advance(3)
    floor.show(999, 1001)
    seen = floor.look()
    assert set(seen.markets) == {BTC}
    assert seen.absent == {"market ETH": "prices are 3.0 s old, at most 2 s"}


async def test_it_watches_what_its_bots_need_and_what_it_holds(floor: Floor) -> None:
    watches = floor.wallet.watches()
    assert [(watch.bar_interval_s, watch.symbols) for watch in watches] == [(60.0, (BTC, ETH))]
    floor.wallet.seats.clear()
    await floor.wallet.upkeep()
    assert not floor.wallet.watches()


async def test_a_poor_sharpe_ratio_pauses_opens_for_a_while() -> None:
    floor = Floor()
    guards = ExecGuards(
        max_new_positions_per_cycle=9,
        cooldown_after_close=timedelta(0),
        btceth_position_value_min_equity_multiple=Decimal(0),
        pause_duration_on_breach=timedelta(minutes=18),
    )
    await floor.open(a_bot_spec(exec_guards=guards))
    for leg, loss in enumerate((3, 5, 4, 3, 5)):
        floor.advance(10)  # the same order again and again is another rule's
        await floor.wallet.refresh_account()
        floor.show(999, 1001)
        await floor.submit(an_open(10 * leg))
        floor.show(999 - loss, 1001 - loss)
        await floor.submit(a_close(10 * leg + 1))
        await floor.pass_()
        floor.show(999, 1001)
        floor.advance(1)
    (outcome,) = await floor.submit(an_open(90))
    assert refusal_of(outcome).rule == "performance_pause"
    gate = floor.look().gate
    assert gate.state is GateState.PAUSED
    assert gate.sharpe is not None
    assert gate.sharpe < -0.5
    assert floor.wallet.report().bots[0].gate == gate
    floor.advance(18 * 60)
    await floor.wallet.refresh_account()
    floor.show(999, 1001)
    assert floor.look().gate.state is GateState.SLOWED
    (outcome,) = await floor.submit(an_open(91, confidence=79))
    assert refusal_of(outcome).rule == "raised_confidence"
    (outcome,) = await floor.submit(an_open(92, confidence=80))
    assert outcome.kind is OutcomeKind.PLACED


async def test_limits_of_a_seated_bot_change_without_a_new_seat(floor: Floor) -> None:
    seen = floor.wallet.seats[ANN].notify
    floor.wallet.admit(Admit(a_bot_spec(risk_params=RiskParams(max_position_size_usd=Decimal(10))), 1))
    (outcome,) = await floor.submit(an_open())
    assert refusal_of(outcome).rule == "max_position_size_usd"
    assert floor.wallet.seats[ANN].notify is seen


async def test_a_changed_order_tells_its_own_bot_only(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1))
    floor.look()
    floor.look(BEN)
    floor.notices[ANN].clear()
    floor.notices[BEN].clear()
    floor.show(980, 981)
    await floor.hear()
    assert floor.notices[ANN]
    assert not floor.notices[BEN]
    assert floor.held() == 1


async def test_a_fresh_report_shows_books_and_venue_at_one_instant(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1))
    floor.show(980, 981)
    assert floor.wallet.report().venue_positions == {}, "nobody has heard of the fill yet"

    await floor.wallet.look_again()

    report = floor.wallet.report()
    assert report.venue_positions == {BTC: Decimal(1)}
    assert next(line for line in report.bots if line.bot == ANN).positions == {BTC: Decimal(1)}


async def test_a_bot_is_told_once_until_it_looks_again(floor: Floor) -> None:
    floor.look()
    floor.notices[ANN].clear()
    await floor.submit(a_quote_intent(1))
    await floor.submit(a_quote_intent(2, price="980"))
    assert len(floor.notices[ANN]) == 1
    floor.look()
    await floor.submit(a_quote_intent(3, price="970"))
    assert len(floor.notices[ANN]) == 2


async def test_a_gap_in_the_stream_is_filled_by_asking(floor: Floor) -> None:
    for leg in range(3):
        await floor.submit(a_quote_intent(leg, price=str(990 - leg)))
    floor.show(900, 901)
    events = list(floor._events)
    assert len([event for event in events if hasattr(event, "sequence")]) == 3
    await floor.wallet.take_event(events[-2])
    assert floor.held() == floor.at_venue() == 3


async def test_all_books_sum_to_the_account_whatever_bots_share_it(floor: Floor) -> None:
    await floor.submit(an_open(0, "2"))
    await floor.submit(a_quote_intent(0, "1010", "0.5", bot=BEN, side=Side.SELL), bot=BEN)
    floor.show(1020, 1021)
    await floor.hear()
    assert (floor.held(), floor.held(BEN), floor.at_venue()) == (dec(2), dec("-0.5"), dec("1.5"))
    await floor.submit(a_close(1, "1"))
    assert (floor.held(), floor.at_venue()) == (dec(1), dec("0.5"))
    lines = {line.bot: line for line in floor.wallet.report().bots}
    assert lines[BEN].positions == {BTC: dec("-0.5")}
    equity = (await floor.venue.account()).equity_usd
    assert sum((line.pnl_usd for line in lines.values()), Decimal(0)) == equity - 1_000_000


async def test_an_ioc_that_finds_nothing_is_an_order_that_ended(floor: Floor) -> None:
    (outcome,) = await floor.submit(an_open(price=dec(995)))
    assert (outcome.kind, outcome.filled) == (OutcomeKind.PLACED, dec(0))
    assert floor.wallet.ledger.orders[intended_id(0)].state is OrderState.CANCELLED
    assert floor.wallet.used_usd() == 0


async def test_a_resting_close_is_seen_as_the_bots_order(floor: Floor) -> None:
    await floor.submit(an_open())
    await floor.submit(a_close(2), cancels=[])
    assert floor.held() == 0
    resting = a_close(3, "1")
    (outcome,) = await floor.submit(
        replace(resting, type=OrderType.LIMIT, price=dec(1100), tif=TimeInForce.GTC)
    )
    assert refusal_of(outcome).rule == "nothing_to_close"


async def test_an_indicator_that_does_not_exist_is_its_own_bots_trouble(floor: Floor) -> None:
    with pytest.raises(ConfigError, match="'emma_12' is unknown"):
        floor.wallet.hello(Hello(ANN, 1, ("emma_12",), 60.0), floor.notices[ANN].append)
    floor.wallet.hello(Hello(BEN, 1, ("ema_12",), 60.0), floor.notices[BEN].append)
    (watch,) = floor.wallet.watches()
    assert watch.indicators == ("ema_12",)


async def test_a_bot_that_only_says_it_lives_keeps_its_resting_entries(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1))
    for _ in range(10):
        floor.advance(5)
        floor.wallet.alive(ANN, 1)
    await floor.wallet.upkeep(everyone=True)
    assert len(floor.resting()) == 1

    floor.advance(60)
    await floor.wallet.upkeep(everyone=True)
    assert not floor.resting(), "it has been silent for longer than orphan_cancel_after"


async def test_a_new_quote_is_not_put_beside_one_that_could_not_be_cancelled(floor: Floor) -> None:
    old = a_quote_intent(60, "980")
    await floor.submit(old)
    floor.venue.fail("cancel", ExchangeDown("maintenance"))
    (refused,) = await floor.submit(a_quote_intent(61, "985"), cancels=[old.id])
    assert refusal_of(refused).rule == "cancel_first"
    assert len(floor.resting()) == 1
    floor.venue.fail("cancel", None)
    (placed,) = await floor.submit(a_quote_intent(62, "985"), cancels=[old.id])
    assert placed.kind is OutcomeKind.PLACED
    assert [order.price for order in floor.resting()] == [985]


async def test_a_cancel_that_the_venue_has_taken_makes_room_though_it_has_not_worked_yet() -> None:
    floor = Floor(latency=timedelta(milliseconds=50))
    await floor.open()
    old = a_quote_intent(60, "980")
    await floor.submit(old)
    floor.advance(0.1)
    floor.show(999, 1001)
    await floor.hear()
    (placed,) = await floor.submit(a_quote_intent(61, "985"), cancels=[old.id])
    assert placed.kind is OutcomeKind.PLACED
