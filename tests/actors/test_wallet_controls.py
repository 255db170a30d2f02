"""The controls of docs/risk-rules.md at work in a wallet: each limit, and what it keeps from happening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.messages import Admit, Hello, Outcome, Submit
from actors.order_state import OrderState
from adapters.errors import Fenced, Insufficient, MarketClosed, OutcomeUnknown
from adapters.model import MarketMode, Side, TimeInForce
from config.spec import HaltLevel, WalletSpec
from risk.intent import Intent, Purpose
from risk.limits import ExecGuards, RiskParams, WalletLimits
from tests.actors.builders import (
    ANN,
    BEN,
    INSTRUMENTS,
    MAIN,
    Floor,
    a_bot_spec,
    a_close,
    a_quote_intent,
    an_open,
    dec,
    intended_id,
)
from tests.builders import BTC, ETH
from tests.fakes import Fault

ROOMY = a_bot_spec().risk_params


async def a_floor(limits: WalletLimits | None = None, **params: Any) -> Floor:
    """A wallet with Ann and Ben, who share its markets."""
    floor = Floor(spec=WalletSpec(name=MAIN, limits=limits or WalletLimits()))
    bots = (a_bot_spec(bot, risk_params=replace(ROOMY, **params)) for bot in (ANN, BEN))
    await floor.open(*bots)
    return floor


def an_eth_open(leg: int) -> Intent:
    """A long of one ETH at the market."""
    return an_open(leg, symbol=ETH, price=dec(101), stop_loss=dec(90), take_profit=None)


def rules(outcomes: Sequence[Outcome]) -> list[str]:
    """What each intent came to: the rule that refused it, or what the wallet made of it."""
    return [outcome.refusal.rule if outcome.refusal else str(outcome.kind) for outcome in outcomes]


# P3


async def test_a_market_that_refused_an_open_is_left_alone_until_its_metadata_is_read_again() -> None:
    floor = await a_floor()
    floor.venue.script("place", Fault(MarketClosed("reduce-only since noon")))
    assert rules(await floor.submit(an_open(1))) == ["rejected"]
    assert rules(await floor.submit(an_open(2), an_eth_open(3))) == ["market_mode", "placed"]
    await floor.wallet.recount()
    assert rules(await floor.submit(an_open(4))) == ["placed"]


async def test_a_market_in_maintenance_takes_closes_only() -> None:
    floor = await a_floor()
    await floor.submit(an_open(1))
    resting = {**INSTRUMENTS, BTC: replace(INSTRUMENTS[BTC], mode=MarketMode.MAINTENANCE)}
    floor.venue.answer("instruments", resting)
    await floor.wallet.start()
    assert rules(await floor.submit(an_open(2), a_close(3))) == ["market_mode", "placed"]
    assert floor.held() == 0


# P4, P6


async def test_the_largest_order_is_the_bots_own_or_the_wallets() -> None:
    floor = await a_floor(max_order_size_usd=dec(1500))
    assert rules(await floor.submit(an_open(1, "2"), an_open(2, "1"))) == ["order_notional", "placed"]
    floor = await a_floor(WalletLimits(order_notional_usd_max=dec(1500)), max_order_size_usd=None)
    assert rules(await floor.submit(an_open(1, "2"), an_open(2, "1"))) == ["order_notional", "placed"]


async def test_without_a_limit_of_its_own_an_order_may_take_a_tenth_of_the_lease() -> None:
    floor = await a_floor(max_order_size_usd=None)  # a million is lent
    assert rules(await floor.submit(an_open(1, "100"), an_open(2, "90"))) == ["order_notional", "placed"]


async def test_the_largest_order_in_base_units_goes_by_market() -> None:
    floor = await a_floor(WalletLimits(order_size_max={BTC: dec(2)}))
    assert rules(await floor.submit(an_open(1, "2.001"), an_open(2, "2"))) == ["order_size_max", "placed"]


async def test_bots_together_stay_below_the_wallets_largest_position() -> None:
    floor = await a_floor(WalletLimits(position_notional_usd_max=dec(3500)))
    assert rules(await floor.submit(an_open(1, "2"))) == ["placed"]
    assert rules(await floor.submit(an_open(1, "2", bot=BEN), bot=BEN)) == ["wallet_position"]
    assert rules(await floor.submit(an_open(2, "1", bot=BEN), bot=BEN)) == ["placed"]


async def test_bots_that_lean_against_each_other_are_held_to_it_together() -> None:
    """Either may close at any time, and leave the account with what the other holds."""
    floor = await a_floor(WalletLimits(position_notional_usd_max=dec(3500)))
    assert rules(await floor.submit(an_open(1, "2"))) == ["placed"]
    asks = [
        a_quote_intent(leg, price, size, bot=BEN, side=Side.SELL)
        for leg, price, size in ((1, "1002", "1.4"), (2, "1003", "0.2"))
    ]
    assert rules(await floor.submit(*asks, bot=BEN)) == ["placed", "wallet_position"]


# P7


async def test_a_bot_cannot_open_more_in_a_cycle_than_its_guards_say() -> None:
    floor = Floor()
    guards = ExecGuards(
        btceth_position_value_min_equity_multiple=Decimal(0), liquidity_threshold_usd=Decimal(1)
    )
    await floor.open(a_bot_spec(exec_guards=guards))
    assert rules(await floor.submit(an_open(1), an_eth_open(2))) == ["placed", "max_new_positions_per_cycle"]


# P8


async def test_a_bot_that_sends_too_fast_is_throttled_and_its_neighbour_is_not() -> None:
    floor = await a_floor(WalletLimits(orders_per_second_max=1000), max_orders_per_second=1)
    quotes = [a_quote_intent(leg, str(980 + leg)) for leg in range(6)]
    assert rules(await floor.submit(*quotes)) == ["placed"] * 4 + ["bot_order_rate"] * 2
    assert rules(await floor.submit(a_quote_intent(1, bot=BEN), bot=BEN)) == ["placed"]
    floor.advance(4)
    floor.show(999, 1001)
    assert rules(await floor.submit(a_quote_intent(7, "985"))) == ["placed"]


async def test_closing_is_never_throttled() -> None:
    floor = await a_floor(max_orders_per_second=1)
    await floor.submit(an_open(1, "5"))
    assert rules(await floor.submit(*(a_close(leg, "0.5") for leg in range(20, 29)))) == ["placed"] * 9


# P9


async def requote(floor: Floor, leg: int, price: str = "990") -> list[str]:
    """Take the quote back that was placed before, and place it again."""
    return rules(await floor.submit(a_quote_intent(leg, price), cancels=[intended_id(leg - 1)]))


async def test_a_quote_that_is_withdrawn_and_placed_again_and_again_pauses() -> None:
    floor = await a_floor()
    results = [await requote(floor, leg) for leg in range(1, 6)]
    assert results == [["placed"]] * 3 + [["duplicate_order"]] * 2
    assert await requote(floor, 6, "991") == ["placed"]
    floor.advance(10)
    floor.show(999, 1001)
    assert await requote(floor, 7) == ["placed"]


async def test_a_maker_who_is_hit_puts_the_same_quote_back() -> None:
    floor = await a_floor()
    for leg in range(1, 9):
        assert rules(await floor.submit(a_quote_intent(leg, "990"))) == ["placed"]
        floor.show(980, 981)
        await floor.pass_()
        floor.show(999, 1001)
    assert floor.held() == 8


async def test_the_same_entry_sent_in_a_loop_stops_although_it_trades() -> None:
    floor = await a_floor()
    results = [rules(await floor.submit(an_open(leg, "0.1"))) for leg in range(5)]
    assert results == [["placed"]] * 3 + [["duplicate_order"]] * 2


# P10


async def bleed(floor: Floor, times: int) -> None:
    """The market takes the bot's bid in small pieces."""
    for _ in range(times):
        floor.show(980, 981, size=1)
        await floor.pass_()


async def test_fills_without_a_decision_halt_the_bot_and_nobody_else() -> None:
    floor = await a_floor()
    await floor.submit(a_quote_intent(1, "990", "30"))
    floor.look()
    await bleed(floor, 20)
    assert floor.wallet.report().halt is None
    assert floor.look(BEN).halt is None
    await bleed(floor, 1)
    await floor.pass_()
    assert floor.look().halt is HaltLevel.REDUCE_ONLY
    assert floor.look(BEN).halt is None
    assert intended_id(1) not in {order.id for order in floor.resting()}
    assert rules(await floor.submit(an_open(2), a_close(3, "1"))) == ["halted", "placed"]
    assert any("fills without a decision" in problem for problem in floor.wallet.report().problems)


async def test_a_bot_that_looks_on_may_be_filled_as_often_as_it_likes() -> None:
    floor = await a_floor()
    await floor.submit(a_quote_intent(1, "990", "30"))
    for _ in range(3):
        floor.look()
        await bleed(floor, 9)
    assert floor.look().halt is None


# P12, P13


async def test_orders_in_one_market_have_a_limit_of_their_own() -> None:
    floor = await a_floor(WalletLimits(open_orders_per_symbol_max=2))
    quotes = [a_quote_intent(leg, str(980 + leg)) for leg in range(3)]
    assert rules(await floor.submit(*quotes)) == ["placed", "placed", "open_orders_per_symbol_max"]
    elsewhere = replace(a_quote_intent(9, "90"), symbol=ETH)
    assert rules(await floor.submit(elsewhere)) == ["placed"]


async def test_bots_of_one_wallet_do_not_trade_with_each_other() -> None:
    floor = await a_floor()
    ask = a_quote_intent(1, "1005", bot=BEN, side=Side.SELL)
    assert rules(await floor.submit(ask, bot=BEN)) == ["placed"]
    assert rules(await floor.submit(an_open(1, price=dec(1005)))) == ["self_match"]
    assert rules(await floor.submit(an_open(2, price=dec(1004)))) == ["placed"]
    assert rules(await floor.submit(an_open(2, bot=BEN, price=dec(1005)), bot=BEN)) == ["placed"], "its own"


# P15


async def test_a_bot_of_another_build_is_fenced_and_sends_nothing() -> None:
    floor = Floor()
    await floor.open(hello=False)
    floor.wallet.admit(Admit(a_bot_spec(), 2, "deployed"))
    with pytest.raises(Fenced, match="not those that are deployed"):
        floor.wallet.hello(Hello(ANN, 2, identity="older"), lambda _: None)
    for ask in (lambda: floor.wallet.observe(ANN, 2), lambda: floor.hello(epoch=2)):
        with pytest.raises(Fenced):
            ask()
    with pytest.raises(Fenced):
        await floor.wallet.submit(Submit(ANN, 2, (), (an_open(1, epoch=2),)))
    report = floor.wallet.report()
    assert report.refusals["build_identity"] == 4
    assert any("older, deployed is deployed" in problem for problem in report.problems)
    assert not floor.wallet.ledger.orders
    assert not floor.resting()


async def test_a_bot_of_the_deployed_build_is_welcome() -> None:
    floor = Floor()
    await floor.open(hello=False)
    floor.wallet.admit(Admit(a_bot_spec(), 2, "deployed"))
    floor.wallet.hello(Hello(ANN, 2, identity="deployed"), lambda _: None)
    assert rules(await floor.submit(an_open(1, epoch=2), epoch=2)) == ["placed"]


async def test_a_bot_that_runs_on_while_another_build_is_deployed_is_fenced() -> None:
    floor = Floor()
    await floor.open(hello=False)
    floor.wallet.admit(Admit(a_bot_spec(), 2, "first"))
    floor.wallet.hello(Hello(ANN, 2, identity="first"), lambda _: None)
    floor.wallet.admit(Admit(a_bot_spec(), 2, "second"))
    with pytest.raises(Fenced):
        await floor.submit(an_open(1, epoch=2), epoch=2)


# T3, T4, T5


async def test_orders_of_unknown_outcome_end_opening_until_they_are_known() -> None:
    floor = await a_floor(WalletLimits(unknown_orders_max=0))
    await floor.submit(an_open(8))
    floor.venue.script("place", Fault(OutcomeUnknown("no answer"), takes_effect=True))
    floor.venue.fail("order", OutcomeUnknown("no answer"))
    await floor.submit(a_quote_intent(1, "985"))
    assert floor.wallet.ledger.orders[intended_id(1)].state is OrderState.UNKNOWN
    outcomes = await floor.submit(an_open(2), a_close(3))
    assert rules(outcomes) == ["opens_suspended", "placed"]
    assert outcomes[0].refusal is not None
    assert outcomes[0].refusal.detail == "1 orders of unknown outcome, at most 0"
    floor.venue.fail("order", None)
    await floor.pass_()
    assert rules(await floor.submit(an_open(4))) == ["placed"]


async def test_one_order_that_stays_unknown_for_long_ends_opening() -> None:
    floor = await a_floor(WalletLimits(unknown_order_age_max=timedelta(seconds=1)))
    floor.venue.script("place", Fault(OutcomeUnknown("no answer"), takes_effect=True))
    floor.venue.fail("order", OutcomeUnknown("no answer"))
    await floor.submit(a_quote_intent(1, "985"))
    assert rules(await floor.submit(an_open(2))) == ["placed"]
    floor.advance(1)
    floor.show(999, 1001)
    floor.show(99, 101, symbol=ETH)
    assert rules(await floor.submit(an_open(3))) == ["opens_suspended"]


async def test_a_bot_whose_orders_the_venue_rejects_is_halted() -> None:
    floor = await a_floor(max_same_orders=99)
    floor.venue.script("place", *(Fault(Insufficient("no margin")) for _ in range(10)))
    for leg in range(10):
        assert rules(await floor.submit(an_open(leg, "1"))) == ["rejected"]
        assert floor.look().halt is None
    await floor.pass_()
    assert floor.look().halt is HaltLevel.REDUCE_ONLY
    assert floor.look(BEN).halt is None


async def test_quotes_that_would_take_do_not_halt_a_maker() -> None:
    floor = await a_floor(max_same_orders=99)
    taking = replace(a_quote_intent(0, "1002"), tif=TimeInForce.POST_ONLY, purpose=Purpose.QUOTE)
    for leg in range(12):
        assert rules(await floor.submit(replace(taking, id=intended_id(leg)))) == ["rejected"]
    await floor.pass_()
    assert floor.look().halt is None


async def test_a_market_that_it_is_in_and_cannot_see_ends_opening_everywhere() -> None:
    floor = await a_floor()
    await floor.submit(an_open(1))
    floor.advance(6)
    floor.show(99, 101, symbol=ETH)
    (outcome,) = await floor.submit(an_eth_open(2))
    assert outcome.refusal is not None
    assert outcome.refusal.rule == "opens_suspended"
    assert outcome.refusal.detail.startswith("no prices of BTC for 6.0")
    floor.show(999, 1001)
    assert rules(await floor.submit(an_eth_open(3))) == ["placed"]


# the limits themselves


def test_the_defaults_are_those_that_the_manual_names() -> None:
    params, limits = RiskParams(), WalletLimits()
    assert (params.max_orders_per_second, params.max_same_orders, params.max_fills_per_decision) == (5, 3, 20)
    assert (params.max_reject_rate_pct, params.reject_rate_window) == (
        dec(30),
        timedelta(minutes=1),
    )
    assert (limits.price_collar_major_pct, limits.price_collar_pct) == (dec(2), dec(5))
    assert (limits.market_data_age_max, limits.market_data_lost_after) == (
        timedelta(seconds=2),
        timedelta(seconds=5),
    )
    assert (limits.unknown_orders_max, limits.unknown_order_age_max) == (2, timedelta(seconds=30))
