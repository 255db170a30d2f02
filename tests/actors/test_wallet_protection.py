"""From its first fill on a position has its stop at the venue, one and for its size, or it is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from actors.order_state import OrderState
from adapters.errors import (
    Disposition,
    ExchangeDown,
    InvalidParam,
    OutcomeUnknown,
    RateLimited,
    RiskRejected,
    Temporary,
    VenueError,
)
from adapters.model import Order, OrderStatus, OrderType, Quote, Side
from adapters.model import TimeInForce as Tif
from config.spec import WalletSpec
from risk.limits import WalletLimits
from tests.actors.builders import ANN, BEN, MAIN, Floor, a_bot_spec, a_close, a_quote_intent, an_open, dec
from tests.actors.test_wallet_restart import EXPIRED_S
from tests.builders import BTC
from tests.fakes import Fault

STOP, TARGET = OrderType.STOP, OrderType.TAKE_PROFIT


@pytest.fixture
async def floor() -> Floor:
    floor = Floor()
    await floor.open(a_bot_spec(), a_bot_spec(BEN))
    return floor


def guards(floor: Floor) -> list[tuple[OrderType, Side, str, str]]:
    found = [o for o in floor.resting() if o.type.is_trigger]
    return sorted((o.type, o.side, str(o.size), str(o.trigger)) for o in found)


async def test_a_fill_gets_one_stop_and_one_target_for_its_size(floor: Floor) -> None:
    await floor.submit(an_open(size="1"))
    assert guards(floor) == [(STOP, Side.SELL, "1", "900"), (TARGET, Side.SELL, "1", "1200")]
    assert all(order.reduce_only for order in floor.resting())
    for _ in range(3):
        await floor.pass_()
    assert len(floor.resting()) == 2


async def test_a_partial_fill_is_protected_for_what_has_filled(floor: Floor) -> None:
    await floor.submit(an_open(size="15"))
    assert floor.held() == 10
    assert guards(floor) == [(STOP, Side.SELL, "10", "900"), (TARGET, Side.SELL, "10", "1200")]


async def test_a_short_is_protected_the_other_way_round(floor: Floor) -> None:
    short = an_open(side=Side.SELL, price=dec(990), stop_loss=dec(1100), take_profit=dec(900))
    await floor.submit(short)
    assert guards(floor) == [(STOP, Side.BUY, "1", "1100"), (TARGET, Side.BUY, "1", "900")]


async def test_when_the_position_grows_its_guards_are_replaced(floor: Floor) -> None:
    await floor.submit(an_open(0))
    await floor.submit(an_open(1, "0.5", stop_loss=dec(950), take_profit=dec(1300)))
    assert guards(floor) == [(STOP, Side.SELL, "1.5", "950"), (TARGET, Side.SELL, "1.5", "1300")]


async def test_a_position_is_never_without_its_stop_while_that_is_replaced(floor: Floor) -> None:
    await floor.submit(an_open(0))
    floor.venue.calls.clear()
    await floor.submit(an_open(1))
    stops = {order.id for order in floor.venue.asked("place") if order.type is STOP}
    verbs = [
        verb
        for verb, what in floor.venue.calls
        if verb == "cancel" or (isinstance(what, Order) and what.id in stops)
    ]
    assert verbs[:2] == ["place", "cancel"]


async def test_when_it_is_flat_its_guards_are_gone(floor: Floor) -> None:
    await floor.submit(an_open())
    await floor.submit(a_close())
    await floor.pass_()
    assert floor.resting() == []
    assert floor.wallet.ledger.live() == []


async def test_a_stop_that_fires_takes_its_target_along(floor: Floor) -> None:
    await floor.submit(an_open())
    floor.show(890, 891)
    await floor.pass_()
    assert floor.is_flat()


async def test_a_stop_that_fires_by_halves_guards_the_rest(floor: Floor) -> None:
    await floor.submit(an_open(size="5"))
    floor.show(890, 891, size=2)
    await floor.pass_()
    assert floor.held() == floor.at_venue() == 3
    assert [order.type for order in floor.resting()].count(STOP) == 1
    floor.show(889, 890, size=9)
    await floor.pass_()
    assert floor.is_flat()


async def test_a_stop_is_rounded_towards_the_entry(floor: Floor) -> None:
    await floor.submit(an_open(stop_loss=dec("900.3"), take_profit=dec("1200.7")))
    assert guards(floor) == [(STOP, Side.SELL, "1", "901"), (TARGET, Side.SELL, "1", "1201")]


@pytest.mark.parametrize("error", [InvalidParam("no such trigger"), RiskRejected("too many stops")])
async def test_a_position_whose_stop_the_venue_refuses_is_closed_and_told(
    floor: Floor, error: InvalidParam | RiskRejected
) -> None:
    floor.venue.script("place", None, Fault(error))
    await floor.submit(an_open())
    await floor.pass_()
    assert floor.is_flat()
    (problem,) = floor.wallet.report().problems
    assert "ann: stop refused" in problem
    assert str(error) in problem


async def test_a_close_of_unknown_outcome_is_not_sent_beside_another(floor: Floor) -> None:
    refused, lost = Fault(InvalidParam("no such trigger")), Fault(OutcomeUnknown("timeout"))
    floor.venue.script("place", None, refused, lost, refused, refused)
    floor.venue.fail("order", OutcomeUnknown("timeout"))
    await floor.submit(an_open(take_profit=None))
    await floor.pass_()
    assert [order.type for order in floor.venue.asked("place")].count(OrderType.MARKET) == 1


async def test_a_position_whose_stop_the_matching_engine_refuses_later_is_closed_too() -> None:
    floor = Floor(latency=timedelta(milliseconds=50))
    await floor.open(a_bot_spec(), a_bot_spec(BEN))
    short = a_quote_intent(0, "1000", "2", bot=BEN, side=Side.SELL)
    await floor.submit(short, bot=BEN)
    for bid in (998, 1002, 999):
        await tick(floor, bid)
    assert floor.held(BEN) == -2
    await floor.submit(an_open(size="1"))
    for _ in range(8):
        await tick(floor, 999)
    assert floor.held() == 0, "the account is short: a long's reduce-only stop cannot rest there"
    assert floor.held(BEN) == floor.at_venue() == -2
    assert "stop refused" in floor.wallet.report().problems[0]


async def tick(floor: Floor, bid: int) -> None:
    floor.advance(0.2)
    floor.show(bid, bid + 2)
    await floor.pass_()


@pytest.mark.parametrize(
    "error", [ExchangeDown("maintenance"), RateLimited("slow", retry_after_s=0.1), Temporary("503")]
)
async def test_a_stop_that_is_only_late_is_placed_by_a_later_pass(floor: Floor, error: VenueError) -> None:
    floor.venue.script(
        "place", None, *[Fault(error)] * (4 if error.disposition is not Disposition.FAIL_CYCLE else 1)
    )
    await floor.submit(an_open())
    floor.advance(EXPIRED_S)
    await floor.pass_()
    assert floor.held() == 1
    assert guards(floor) == [(STOP, Side.SELL, "1", "900"), (TARGET, Side.SELL, "1", "1200")]
    assert not floor.wallet.report().problems


async def test_a_stop_of_unknown_outcome_is_not_doubled(floor: Floor) -> None:
    floor.venue.script("place", None, Fault(OutcomeUnknown("timeout"), takes_effect=True))
    floor.venue.fail("order", OutcomeUnknown("timeout"))
    await floor.submit(an_open())
    await floor.pass_()
    assert [order.type for order in floor.resting()].count(STOP) == 1
    floor.venue.fail("order", None)
    await floor.pass_()
    assert [order.type for order in floor.resting()].count(STOP) == 1
    assert all(order.state is OrderState.OPEN for order in floor.wallet.ledger.live(ANN))


async def test_a_stop_that_was_refused_after_an_unclear_try_is_looked_up_before_anything_is_closed(
    floor: Floor,
) -> None:
    floor.venue.script(
        "place", None, Fault(Temporary("502"), takes_effect=True), Fault(InvalidParam("known already"))
    )
    await floor.submit(an_open())
    await floor.pass_()
    assert floor.held() == floor.at_venue() == 1
    assert guards(floor) == [(STOP, Side.SELL, "1", "900"), (TARGET, Side.SELL, "1", "1200")]
    assert not floor.wallet.report().problems


async def test_a_stop_that_never_arrived_is_placed_again(floor: Floor) -> None:
    floor.venue.script("place", None, Fault(OutcomeUnknown("timeout")))
    await floor.submit(an_open())
    await floor.pass_()
    assert not floor.resting(STOP), "it may still be on its way"
    floor.advance(EXPIRED_S)
    await floor.pass_()
    assert len(floor.resting(STOP)) == 1
    assert floor.held() == 1


async def test_a_stop_that_fails_to_be_replaced_leaves_the_old_one(floor: Floor) -> None:
    await floor.submit(an_open(0))
    floor.venue.script("place", None, Fault(ExchangeDown("maintenance")))
    await floor.submit(an_open(1))
    assert floor.held() == 2
    assert [(str(order.size), str(order.trigger)) for order in floor.resting(STOP)] == [("1", "900")]
    await floor.pass_()
    assert [(str(order.size), str(order.trigger)) for order in floor.resting(STOP)] == [("2", "900")]


async def test_a_position_without_its_stop_for_too_long_is_closed_and_told(floor: Floor) -> None:
    floor.venue.script("place", None, *[Fault(ExchangeDown("maintenance"))] * 6)
    await floor.submit(an_open())
    floor.advance(9)
    await floor.pass_()
    assert floor.held() == 1
    floor.advance(2)
    await floor.pass_()
    assert floor.held() == floor.at_venue() == 0
    assert "has had no stop for 11.0 s; closing BTC" in floor.wallet.report().problems[0]


async def test_being_without_a_stop_is_counted_anew_each_time(floor: Floor) -> None:
    floor.venue.script("place", None, Fault(ExchangeDown("maintenance")))
    await floor.submit(an_open())
    await floor.pass_()
    assert guards(floor)[0] == (STOP, Side.SELL, "1", "900")
    floor.advance(60)
    await floor.wallet.refresh_account()
    floor.exchange.cancel("main", floor.resting(STOP)[0].id)
    await floor.hear()
    floor.venue.script("place", Fault(ExchangeDown("maintenance")))
    await floor.wallet.upkeep()
    assert floor.held() == 1, "for a moment only"
    await floor.pass_()
    assert guards(floor)[0] == (STOP, Side.SELL, "1", "900")


async def test_what_befell_a_position_says_nothing_about_the_next_one(floor: Floor) -> None:
    down = Fault(ExchangeDown("maintenance"))
    for leg in (0, 1):
        floor.venue.script("place", None, down)
        await floor.submit(an_open(leg, take_profit=None))
        assert floor.held() == 1, "its stop is not late yet"
        floor.venue.script("place", down)
        floor.advance(11)
        floor.show(999, 1001)
        await floor.wallet.refresh_account()
        await floor.pass_()
        await floor.pass_()
        assert floor.is_flat()
        assert len(floor.wallet.report().problems) == leg + 1, "each is told of"
        floor.advance(60)
        floor.show(999, 1001)
        await floor.wallet.refresh_account()


async def test_a_stop_that_was_refused_when_its_position_was_gone_costs_the_next_one_nothing(
    floor: Floor,
) -> None:
    await floor.submit(an_open(take_profit=None))
    gone = floor.exchange.cancel("main", floor.resting(STOP)[0].id)
    floor.venue.answer("cancel", replace(gone, status=OrderStatus.REJECTED, reason="nothing to reduce"))
    await floor.submit(a_close())
    await floor.pass_()
    await floor.submit(an_open(1, take_profit=None))
    assert floor.held() == 1
    assert guards(floor) == [(STOP, Side.SELL, "1", "900")]
    assert not floor.wallet.report().problems


async def test_a_position_that_cannot_be_closed_either_is_told_of_once_and_tried_on_every_pass(
    floor: Floor,
) -> None:
    await floor.submit(an_open())
    floor.exchange.cancel("main", floor.resting(STOP)[0].id)
    await floor.hear()
    floor.venue.fail("place", ExchangeDown("maintenance"))
    await floor.pass_()
    floor.advance(11)
    asked = len(floor.venue.asked("place"))
    for _ in range(5):
        await floor.pass_()
    assert sum(order.type is OrderType.MARKET for order in floor.venue.asked("place")[asked:]) == 5
    assert len(floor.wallet.report().problems) == 1
    floor.venue.fail("place", None)
    await floor.pass_()
    assert guards(floor)[0] == (STOP, Side.SELL, "1", "900"), "a stop is better late than never"


async def test_how_long_that_is_is_the_wallets_to_say() -> None:
    limits = WalletLimits(unprotected_max=timedelta(seconds=3))
    floor = Floor(spec=WalletSpec(name=MAIN, limits=limits))
    await floor.open()
    floor.venue.script("place", None, *[Fault(ExchangeDown("maintenance"))] * 4)
    await floor.submit(an_open())
    floor.advance(4)
    await floor.pass_()
    assert floor.held() == 0


async def test_what_a_quote_bought_gets_a_stop_from_its_entry(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1, "990", "2"))
    floor.show(985, 986)
    await floor.pass_()
    assert guards(floor) == [(STOP, Side.SELL, "2", "941")]


async def test_the_stop_of_quotes_moves_no_more_often_than_its_interval(floor: Floor) -> None:
    await floor.submit(a_quote_intent(1, "990", "2"))
    floor.show(985, 986)
    await floor.pass_()
    await floor.submit(a_quote_intent(2, "999", "1", side=Side.SELL))
    floor.show(1002, 1003)
    await floor.pass_()
    assert floor.held() == 1
    assert guards(floor) == [(STOP, Side.SELL, "2", "941")], "the venue cuts it to what is held"
    assert floor.wallet.dirty == {ANN}, "to be moved when its time has come"
    floor.advance(5)
    await floor.wallet.upkeep()
    assert guards(floor) == [(STOP, Side.SELL, "1", "941")]


async def test_a_stop_beyond_what_the_venue_says_it_would_liquidate_at_closes_the_position(
    floor: Floor,
) -> None:
    await floor.submit(an_open(0, "1"))
    position = replace((await floor.venue.positions())[0], liquidation_price=dec(960))
    floor.venue.answer("positions", [position])
    await floor.wallet.recount()
    await floor.submit(an_open(1, "1", stop_loss=dec(950)))
    assert floor.held() == 0
    assert "a stop at 950 lies beyond the liquidation price 960" in floor.wallet.report().problems[0]


async def test_each_bot_has_its_own_guards(floor: Floor) -> None:
    await floor.submit(an_open(size="1"))
    await floor.submit(an_open(size="2", bot=BEN, stop_loss=dec(850)), bot=BEN)
    assert [(kind, size, at) for kind, _, size, at in guards(floor) if kind is STOP] == [
        (STOP, "1", "900"),
        (STOP, "2", "850"),
    ]
    await floor.submit(a_close(1))
    await floor.pass_()
    assert [(kind, size) for kind, _, size, _ in guards(floor)] == [(STOP, "2"), (TARGET, "2")]


async def test_a_liquidation_leaves_nothing_to_be_sold_a_second_time() -> None:
    floor = Floor()
    await floor.open(a_bot_spec())
    await floor.submit(an_open(size="10", stop_loss=dec(100), take_profit=None))
    spare = (await floor.venue.account()).equity_usd - 8510
    floor.exchange._floor.accounts["main"].ledger.cash -= spare  # a fall to 150 takes nearly all of the rest
    floor.exchange.on_market(
        Quote(
            symbol=BTC, bid=dec(150), ask=dec(151), bid_size=dec(99), ask_size=dec(99), at=floor.clock.now()
        )
    )
    assert floor.at_venue() == 0
    for _ in range(3):
        await floor.pass_()
    assert floor.is_flat()


async def test_a_limit_entry_is_protected_at_its_first_fill(floor: Floor) -> None:
    await floor.submit(an_open(price=dec(990), tif=Tif.GTC, size="3"))
    assert guards(floor) == []
    floor.show(980, 981)
    await floor.pass_()
    assert floor.held() == 3
    assert guards(floor) == [(STOP, Side.SELL, "3", "900"), (TARGET, Side.SELL, "3", "1200")]
