from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import (
    Account,
    MarketMode,
    Order,
    OrderType,
    Position,
    Side,
    Symbol,
    TimeInForce,
)
from risk.context import ReviewContext
from risk.exposure import worst_case
from risk.intent import Intent, Purpose
from risk.limits import ExecGuards, RiskParams, WalletLimits
from risk.post_trade import NoOpens
from risk.review import RULES, Approved, Refused, review
from risk.session import Session
from strategies.strategy import GateState, PerformanceGate
from tests.builders import (
    BTC,
    NOW,
    a_context,
    a_quote,
    a_snapshot,
    an_account,
    an_instrument,
    an_intent,
)

OPEN_GUARDS = ExecGuards(  # in force, and out of the way
    btceth_position_value_min_equity_multiple=Decimal(0),
    alt_position_value_min_equity_multiple=Decimal(0),
)
BANDED = ExecGuards(max_margin_usage_pct=Decimal(1000))  # five times the equity is more than a margin of 90 %
Changes = dict[str, Any]


def guards(**changes: Any) -> ExecGuards:
    return replace(OPEN_GUARDS, **changes)


@dataclass(frozen=True)
class Past:
    """An order that was sent a moment ago."""

    order: Order
    purpose: Purpose = Purpose.OPEN
    filled: Decimal = Decimal(0)


HOUR = timedelta(hours=1)
AN_ORDER = Order(id=an_intent().id, symbol=BTC, side=Side.BUY, size=Decimal("0.5"), price=Decimal(1000))
ALIKE, FILLED = Past(AN_ORDER), Past(AN_ORDER, filled=Decimal("0.5"))
OTHER_PRICE = Past(replace(AN_ORDER, price=Decimal("999.5")))
RESTING_QUOTE = Past(AN_ORDER, Purpose.QUOTE)
HIT_QUOTE = Past(AN_ORDER, Purpose.QUOTE, filled=Decimal("0.001"))
AT_500 = WalletLimits(order_notional_usd_max=Decimal(500))
AT_900 = WalletLimits(position_notional_usd_max=Decimal(900))
ROOMY = RiskParams(max_position_size_usd=Decimal(1_000_000))
SHORT: Changes = {"side": Side.SELL, "stop_loss": Decimal(1050), "take_profit": None}


def a_session(opens_at: datetime, closes_at: datetime, **changes: Any) -> Session:
    return Session(opens_at=opens_at, closes_at=closes_at, **changes)


A_SHORT_BOT: Changes = {
    "bot_position_usd": Decimal(-600),
    "bot_buys_usd": Decimal(550),
}

# For each rule: what is just inside, and what is just outside. (intent, context)
BOUNDARIES: dict[str, list[tuple[tuple[Changes, Changes], tuple[Changes, Changes]]]] = {
    "opens_suspended": [
        (
            ({}, {}),
            ({}, {"no_opens": NoOpens(control="unknown_orders", reason="3 orders of unknown outcome")}),
        )
    ],
    "market_mode": [
        *(
            (({}, {}), ({}, {"instrument": an_instrument(mode=mode)}))
            for mode in MarketMode
            if mode is not MarketMode.OPEN
        ),
        (({}, {"venue_refused_opens": False}), ({}, {"venue_refused_opens": True})),
    ],
    "market_session": [
        (
            ({}, {"session": a_session(NOW, NOW + HOUR)}),
            ({}, {"session": a_session(NOW + timedelta(seconds=1), NOW + HOUR)}),
        ),
        (
            ({}, {"session": a_session(NOW - HOUR, NOW + timedelta(microseconds=1))}),
            ({}, {"session": a_session(NOW - HOUR, NOW)}),
        ),
        (
            ({}, {"session": a_session(NOW + HOUR, NOW + 2 * HOUR, may_queue=True)}),
            ({}, {"session": a_session(NOW + HOUR, NOW + 2 * HOUR)}),
        ),
        (
            ({}, {"session": a_session(NOW + HOUR, NOW + 2 * HOUR, extended_from=NOW, trade_extended=True)}),
            ({}, {"session": a_session(NOW + HOUR, NOW + 2 * HOUR, extended_from=NOW)}),
        ),
    ],
    "precision": [
        (({"size": Decimal("0.010")}, {}), ({"size": Decimal("0.0009")}, {})),
        (
            ({"price": Decimal(990)}, {}),
            ({"price": Decimal("0.4"), "stop_loss": Decimal("0.1")}, {}),
        ),
    ],
    "self_match": [
        (({}, {"others_ask": Decimal("1000.5")}), ({}, {"others_ask": Decimal(1000)})),
        (
            ({**SHORT}, {"others_bid": Decimal("999.5")}),
            ({**SHORT}, {"others_bid": Decimal(1000)}),
        ),
        (({}, {"others_bid": Decimal(2000)}), ({}, {"others_ask": Decimal(1)})),
    ],
    "max_new_positions_per_cycle": [
        (({}, {"guards": guards()}), ({}, {"guards": guards(), "opens_in_cycle": 1})),
        (({}, {"opens_in_cycle": 9}), ({}, {"guards": guards(), "opens_in_cycle": 9})),
    ],
    "order_size_max": [
        (
            ({}, {"limits": WalletLimits(order_size_max={BTC: Decimal("0.5")})}),
            ({}, {"limits": WalletLimits(order_size_max={BTC: Decimal("0.499")})}),
        ),
        (
            ({}, {"limits": WalletLimits(order_size_max={Symbol("ETH"): Decimal("0.1")})}),
            ({"size": Decimal("0.501")}, {"limits": WalletLimits(order_size_max={BTC: Decimal("0.5")})}),
        ),
    ],
    "wallet_position": [
        (
            ({}, {"limits": AT_900, "wallet_market_usd": Decimal(400)}),
            ({}, {"limits": AT_900, "wallet_market_usd": Decimal("400.01")}),
        ),
    ],
    "halted": [(({}, {"halt_rank": None}), ({}, {"halt_rank": 0})), (({}, {}), ({}, {"halt_rank": 3}))],
    "unknown_symbol": [(({}, {}), ({}, {"instrument": None}))],
    "not_on_roster_symbol": [
        (({}, {"symbols": (Symbol("ETH"), BTC)}), ({}, {"symbols": (Symbol("ETH"),)})),
        (({}, {}), ({}, {"symbols": ()})),
    ],
    "no_market_data": [
        (({}, {}), ({}, {"snapshot": None})),
        (({}, {}), ({}, {"snapshot": a_snapshot(quote=a_quote(bid="NaN"))})),
        (({}, {}), ({}, {"snapshot": a_snapshot(mark_price=Decimal(0))})),
    ],
    "stale_market_data": [
        (({}, {"snapshot": a_snapshot(age_s=2.0)}), ({}, {"snapshot": a_snapshot(age_s=2.001)})),
        (({}, {}), ({}, {"snapshot": a_snapshot(age_s=float("nan"))})),
    ],
    "incomplete_context": [
        (({}, {"absent": {"market ETH": "old"}}), ({}, {"absent": {"market BTC": "old"}})),
        (({}, {}), ({}, {"absent": {"account": "read 31.0 s ago, at most 30 s"}})),
    ],
    "performance_pause": [
        (
            ({}, {"gate": PerformanceGate(state=GateState.SLOWED)}),
            ({}, {"gate": PerformanceGate(state=GateState.PAUSED)}),
        ),
    ],
    "raised_confidence": [
        (
            ({"confidence": 80}, {"gate": PerformanceGate(state=GateState.SLOWED, min_confidence=80)}),
            ({"confidence": 79}, {"gate": PerformanceGate(state=GateState.SLOWED, min_confidence=80)}),
        ),
        (
            ({"confidence": 1}, {"gate": PerformanceGate(min_confidence=80)}),
            ({"confidence": 1}, {"gate": PerformanceGate(state=GateState.SLOWED, min_confidence=2)}),
        ),
    ],
    "order_rate": [(({}, {"orders_in_last_second": 19}), ({}, {"orders_in_last_second": 20}))],
    "bot_order_rate": [
        (({}, {"bot_orders_lately": 19}), ({}, {"bot_orders_lately": 20})),
        (
            ({}, {"bot_orders_lately": 3, "params": RiskParams(max_orders_per_second=1)}),
            ({}, {"bot_orders_lately": 4, "params": RiskParams(max_orders_per_second=1)}),
        ),
    ],
    "cancel_reserve": [
        (
            ({}, {"open_orders": 4, "venue_messages_left": 10}),
            ({}, {"open_orders": 4, "venue_messages_left": 9}),
        ),
        (({}, {"venue_messages_left": 2}), ({}, {"venue_messages_left": 1})),
    ],
    "open_orders_per_symbol_max": [
        (({}, {"open_orders_in_symbol": 199}), ({}, {"open_orders_in_symbol": 200}))
    ],
    "duplicate_order": [
        (({}, {"sent_lately": (ALIKE,) * 2}), ({}, {"sent_lately": (ALIKE,) * 3})),
        (({}, {"sent_lately": (OTHER_PRICE,) * 9}), ({}, {"sent_lately": (OTHER_PRICE, *(ALIKE,) * 3)})),
        (({}, {"sent_lately": (HIT_QUOTE,) * 9}), ({}, {"sent_lately": (RESTING_QUOTE,) * 3})),
        (  # an entry that traded counts: a loop looks like that
            ({}, {"sent_lately": (FILLED,) * 2}),
            ({}, {"sent_lately": (FILLED,) * 3}),
        ),
        (  # compared as rounded: 0.5004 is 0.500 by then
            ({"size": Decimal("0.5014")}, {"sent_lately": (ALIKE,) * 3}),
            ({"size": Decimal("0.5004")}, {"sent_lately": (ALIKE,) * 3}),
        ),
    ],
    "open_orders_max": [(({}, {"open_orders": 199}), ({}, {"open_orders": 200}))],
    "min_confidence": [
        (
            ({"confidence": 70}, {"params": RiskParams(min_confidence=70)}),
            ({"confidence": 69}, {"params": RiskParams(min_confidence=70)}),
        )
    ],
    "stop_on_the_wrong_side": [
        (({"stop_loss": Decimal("999.5")}, {}), ({"stop_loss": Decimal(1000)}, {})),
        (({"take_profit": Decimal("1000.5")}, {}), ({"take_profit": Decimal(1000)}, {})),
        (
            ({"side": Side.SELL, "stop_loss": Decimal("1000.5"), "take_profit": Decimal("999.5")}, {}),
            ({"side": Side.SELL, "stop_loss": Decimal(1000), "take_profit": Decimal(900)}, {}),
        ),
    ],
    "stop_beyond_liquidation": [
        (  # (500 - 36.875) / 500 / 0.975 of the entry is 950
            ({}, {"account": an_account(equity_usd=Decimal("36.88"))}),
            ({}, {"account": an_account(equity_usd=Decimal("36.875"))}),
        ),
        (  # (500 + 38.125) / 500 / 1.025 is 1050
            (
                {"side": Side.SELL, "stop_loss": Decimal("1049.5"), "take_profit": Decimal(900)},
                {"account": an_account(equity_usd=Decimal("38.125"))},
            ),
            (
                {"side": Side.SELL, "stop_loss": Decimal(1050), "take_profit": Decimal(900)},
                {"account": an_account(equity_usd=Decimal("38.125"))},
            ),
        ),
        (  # the maintenance of what it holds elsewhere is not there to lose
            ({}, {"account": an_account(equity_usd=Decimal(62)), "wallet_gross_usd": Decimal(1000)}),
            ({}, {"account": an_account(equity_usd=Decimal(61)), "wallet_gross_usd": Decimal(1000)}),
        ),
        (  # a long that only makes a short smaller cannot be liquidated as a long
            (
                {},
                {
                    "account": an_account(equity_usd=Decimal(20)),
                    "wallet_position_usd": Decimal(-600),
                    "wallet_market_usd": Decimal(600),
                    "wallet_gross_usd": Decimal(600),
                },
            ),
            ({}, {"account": an_account(equity_usd=Decimal(20))}),
        ),
    ],
    "risk_reward_ratio": [
        (
            ({}, {"params": RiskParams(min_risk_reward_ratio=2.0)}),
            ({"take_profit": Decimal("1099.5")}, {"params": RiskParams(min_risk_reward_ratio=2.0)}),
        ),
        (
            ({"take_profit": None}, {}),
            ({"take_profit": None}, {"params": RiskParams(min_risk_reward_ratio=0.1)}),
        ),
    ],
    "leverage_cap": [
        (({"leverage": 5}, {}), ({"leverage": 6}, {})),
        (
            ({"leverage": 3}, {"instrument": an_instrument(is_major=False)}),
            ({"leverage": 4}, {"instrument": an_instrument(is_major=False)}),
        ),
        (
            ({"leverage": 2}, {"instrument": an_instrument(max_leverage=2)}),
            ({"leverage": 3}, {"instrument": an_instrument(max_leverage=2)}),
        ),
    ],
    "no_pyramiding": [
        (({}, {"position": Decimal("0.4")}), ({}, {"position": Decimal("-0.1")})),
        (({}, {"guards": guards()}), ({}, {"guards": guards(), "position": Decimal("0.001")})),
        (({}, {"guards": guards()}), ({}, {"guards": guards(), "resting_buys": Decimal("0.001")})),
        (  # scaling in is one direction only
            ({}, {"guards": guards(scale_in=True), "position": Decimal("0.4")}),
            ({}, {"guards": guards(scale_in=True), "position": Decimal("-0.4")}),
        ),
    ],
    "max_positions": [
        (({}, {"positions_held": 2}), ({}, {"positions_held": 3})),
        (({}, {"positions_held": 3, "position": Decimal("0.1")}), ({}, {"positions_held": 4})),
    ],
    "cooldown_after_close": [
        (
            ({}, {"guards": guards(), "recently_closed": {BTC: NOW - timedelta(minutes=15)}}),
            ({}, {"guards": guards(), "recently_closed": {BTC: NOW - timedelta(minutes=14, seconds=59)}}),
        )
    ],
    "liquidity_threshold_usd": [
        (
            ({}, {"guards": guards(), "snapshot": a_snapshot(open_interest=Decimal(15_000))}),
            ({}, {"guards": guards(), "snapshot": a_snapshot(open_interest=Decimal("14999.999"))}),
        ),
        (
            ({}, {"guards": guards(), "snapshot": a_snapshot(context_age_s=300.0)}),
            ({}, {"guards": guards(), "snapshot": a_snapshot(context_age_s=300.1)}),
        ),
    ],
    "price_collar": [
        (
            ({"price": Decimal(1020), "take_profit": None}, {}),
            ({"price": Decimal("1020.5"), "take_profit": None}, {}),
        ),
        (
            ({"price": Decimal(1050), "take_profit": None}, {"instrument": an_instrument(is_major=False)}),
            (
                {"price": Decimal("1050.5"), "take_profit": None},
                {"instrument": an_instrument(is_major=False)},
            ),
        ),
        (  # the narrower of the two
            (
                {"price": Decimal(1010), "take_profit": None},
                {"limits": WalletLimits(price_collar_pct=Decimal(1))},
            ),
            (
                {"price": Decimal("1010.5"), "take_profit": None},
                {"limits": WalletLimits(price_collar_pct=Decimal(1))},
            ),
        ),
        (
            ({"side": Side.SELL, "price": Decimal(980), "stop_loss": Decimal(1050), "take_profit": None}, {}),
            (
                {
                    "side": Side.SELL,
                    "price": Decimal("979.5"),
                    "stop_loss": Decimal(1050),
                    "take_profit": None,
                },
                {},
            ),
        ),
        (({"price": Decimal(500), "stop_loss": Decimal(450)}, {}), ({"price": Decimal(2000)}, {})),
    ],
    "min_notional": [
        (({"size": Decimal("0.010")}, {}), ({"size": Decimal("0.00999")}, {})),
        (({"size": Decimal("0.0109")}, {}), ({"size": Decimal("0.0011")}, {})),
    ],
    "order_notional": [
        (
            ({}, {"limits": WalletLimits(order_notional_usd_max=Decimal(500))}),
            ({}, {"limits": WalletLimits(order_notional_usd_max=Decimal("499.99"))}),
        ),
        (
            ({}, {"params": RiskParams(max_order_size_usd=Decimal(500))}),
            ({}, {"params": RiskParams(max_order_size_usd=Decimal("499.99"))}),
        ),
        (  # both are set: the lower one
            ({}, {"params": RiskParams(max_order_size_usd=Decimal(500)), "limits": AT_500}),
            (
                {"size": Decimal("0.501")},
                {"params": RiskParams(max_order_size_usd=Decimal(900)), "limits": AT_500},
            ),
        ),
        (  # neither: a tenth of the wallet's own gross limit
            (
                {"size": Decimal(2)},
                {"params": ROOMY, "limits": WalletLimits(gross_notional_usd_max=Decimal(20_000))},
            ),
            (
                {"size": Decimal("2.001")},
                {"params": ROOMY, "limits": WalletLimits(gross_notional_usd_max=Decimal(20_000))},
            ),
        ),
        (  # or of its lease
            ({"size": Decimal(3)}, {"params": ROOMY, "lease_budget_usd": Decimal(30_000)}),
            ({"size": Decimal("3.001")}, {"params": ROOMY, "lease_budget_usd": Decimal(30_000)}),
        ),
        (  # but not below 1000 USD
            ({"size": Decimal(1)}, {"params": ROOMY, "lease_budget_usd": Decimal(100)}),
            ({"size": Decimal("1.001")}, {"params": ROOMY, "lease_budget_usd": Decimal(100)}),
        ),
    ],
    "max_position_size_usd": [
        (({"size": Decimal(1)}, {}), ({"size": Decimal("1.001")}, {})),
        (({}, {"position": Decimal("0.5")}), ({}, {"position": Decimal("0.501")})),
        (({}, {"resting_buys": Decimal("0.5")}), ({}, {"resting_buys": Decimal("0.501")})),
        (({}, {"resting_sells": Decimal(1)}), ({"size": Decimal("1.01")}, {"resting_sells": Decimal(1)})),
        (  # what is held counts at the mark, what is added at its entry
            ({"price": Decimal(980)}, {"position": Decimal("0.51")}),
            ({"price": Decimal(980)}, {"position": Decimal("0.511")}),
        ),
    ],
    "value_band": [
        (
            ({}, {"guards": BANDED, "account": an_account(equity_usd=Decimal(100))}),
            ({}, {"guards": BANDED, "account": an_account(equity_usd=Decimal("100.01"))}),
        ),
        (
            ({}, {"guards": BANDED, "account": an_account(equity_usd=Decimal(50))}),
            ({}, {"guards": BANDED, "account": an_account(equity_usd=Decimal("49.99"))}),
        ),
        (
            (
                {"size": Decimal("0.15")},
                {
                    "guards": guards(),
                    "account": an_account(equity_usd=Decimal(100)),
                    "instrument": an_instrument(is_major=False),
                },
            ),
            (
                {"size": Decimal("0.151")},
                {
                    "guards": guards(),
                    "account": an_account(equity_usd=Decimal(100)),
                    "instrument": an_instrument(is_major=False),
                },
            ),
        ),
    ],
    "margin_usage": [
        (
            ({}, {"guards": guards(), "account": an_account(margin_used_usd=Decimal(8750))}),
            ({}, {"guards": guards(), "account": an_account(margin_used_usd=Decimal("8750.01"))}),
        )
    ],
    "wallet_gross_notional": [
        (
            (
                {},
                {
                    "limits": WalletLimits(gross_notional_usd_max=Decimal(900)),
                    "wallet_gross_usd": Decimal(400),
                },
            ),
            (
                {},
                {
                    "limits": WalletLimits(gross_notional_usd_max=Decimal(900)),
                    "wallet_gross_usd": Decimal("400.01"),
                },
            ),
        )
    ],
    "bot_budget": [
        (({}, {"bot_room_usd": Decimal(500)}), ({}, {"bot_room_usd": Decimal("499.99")})),
        (({}, {"bot_room_usd": None}), ({}, {"bot_room_usd": Decimal(0)})),
        (
            ({}, {"bot_sells_usd": Decimal(500), "bot_room_usd": Decimal(0)}),
            ({}, {"bot_sells_usd": Decimal(499), "bot_room_usd": Decimal(0)}),
        ),
        (  # short 600 and bids of 550; with 500 more it is long 1050 at worst, should the short be closed first
            ({}, A_SHORT_BOT | {"bot_room_usd": Decimal(450)}),
            ({}, A_SHORT_BOT | {"bot_room_usd": Decimal("449.99")}),
        ),
    ],
    "lease": [
        (({}, {"lease_room_usd": Decimal(500)}), ({}, {"lease_room_usd": Decimal("499.99")})),
        (({}, {"lease_room_usd": Decimal(500)}), ({}, {"lease_room_usd": Decimal(0)})),
        (  # also what would only offset: without a lease a successor may be at work
            ({}, {"bot_sells_usd": Decimal(600), "wallet_sells_usd": Decimal(600)}),
            ({}, {"bot_sells_usd": Decimal(600), "wallet_sells_usd": Decimal(600), "has_lease": False}),
        ),
    ],
}
CASES = [(rule, inside, outside) for rule, pairs in BOUNDARIES.items() for inside, outside in pairs]


def test_every_rule_has_a_boundary() -> None:
    assert set(BOUNDARIES) == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(("rule", "inside", "outside"), CASES)
def test_a_rule_lets_through_what_is_just_inside_and_nothing_beyond(
    rule: str, inside: tuple[Changes, Changes], outside: tuple[Changes, Changes]
) -> None:
    assert isinstance(review(an_intent(**inside[0]), a_context(**inside[1])), Approved)
    verdict = review(an_intent(**outside[0]), a_context(**outside[1]))
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule
    assert verdict.detail
    assert (verdict.intent_id, verdict.symbol) == (an_intent().id, BTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": Decimal(0)},
        {"size": Decimal(-1)},
        {"size": Decimal("NaN")},
        {"price": Decimal("Infinity")},
        {"price": Decimal("1E+999999")},
        {"price": None},
        {"stop_loss": None},
        {"stop_loss": Decimal(-5)},
        {"leverage": None},
        {"leverage": 0},
        {"confidence": 101},
        {"type": OrderType.MARKET},
        {"type": OrderType.STOP, "trigger": Decimal(900)},
        {"purpose": Purpose.QUOTE, "tif": TimeInForce.GTC},
        {"purpose": Purpose.CLOSE, "type": OrderType.STOP},
        {"purpose": Purpose.CLOSE, "type": OrderType.MARKET},
        {"purpose": Purpose.STOP, "trigger": Decimal(900)},
        {"purpose": Purpose.TARGET, "type": OrderType.STOP, "trigger": Decimal(900)},
    ],
)
def test_an_intent_that_makes_no_sense_is_malformed(changes: Changes) -> None:
    verdict = review(an_intent(**changes), a_context(position=Decimal(-1)))
    assert isinstance(verdict, Refused)
    assert verdict.rule == "malformed"


def test_an_offsetting_quote_needs_no_room() -> None:
    ask = an_intent(purpose=Purpose.QUOTE, side=Side.SELL, tif=TimeInForce.POST_ONLY, price=Decimal(1001))
    over = a_context(
        position=Decimal(2),
        bot_position_usd=Decimal(2000),
        wallet_position_usd=Decimal(2000),
        wallet_gross_usd=Decimal(2000),
        limits=WalletLimits(gross_notional_usd_max=Decimal(1000)),
        lease_room_usd=Decimal(0),
    )
    verdict = review(ask, over)
    assert isinstance(verdict, Approved)
    assert verdict.exposure_usd == 0


def test_two_bots_that_lean_against_each_other_are_judged_by_what_the_wallet_becomes() -> None:
    """The bot's own ask offsets its long, but the wallet is flat and would become short."""
    ask = an_intent(purpose=Purpose.QUOTE, side=Side.SELL, tif=TimeInForce.POST_ONLY, price=Decimal(1001))
    verdict = review(ask, a_context(position=Decimal(1), lease_room_usd=Decimal(500)))
    assert isinstance(verdict, Refused)
    assert verdict.rule == "lease"


def test_what_an_order_takes_from_the_lease_is_what_the_ledger_then_counts() -> None:
    before = a_context(
        bot_position_usd=Decimal(-300),
        bot_sells_usd=Decimal(100),
        wallet_position_usd=Decimal(-300),
        wallet_sells_usd=Decimal(100),
    )
    verdict = review(an_intent(size=Decimal(1)), before)
    assert isinstance(verdict, Approved)
    assert verdict.exposure_usd == worst_case(Decimal(-300), Decimal(1000), Decimal(100)) - Decimal(400)


@pytest.mark.parametrize("rule", [rule.__name__ for rule in RULES])
def test_no_rule_stands_in_the_way_of_a_close(rule: str) -> None:
    for _, outside in BOUNDARIES[rule]:
        close = an_intent(purpose=Purpose.CLOSE, side=Side.SELL, tif=TimeInForce.IOC, stop_loss=None)
        verdict = review(close, a_context(**{**outside[1], "position": Decimal("0.3")}))
        assert isinstance(verdict, Approved)
        assert verdict.order.reduce_only
        assert verdict.order.size == Decimal("0.3")
        assert verdict.exposure_usd == 0


@pytest.mark.parametrize(("side", "position"), [(Side.SELL, "0"), (Side.SELL, "-1"), (Side.BUY, "1")])
def test_a_close_of_a_side_that_is_not_held_is_refused(side: Side, position: str) -> None:
    close = an_intent(purpose=Purpose.CLOSE, side=side)
    verdict = review(close, a_context(position=Decimal(position)))
    assert isinstance(verdict, Refused)
    assert verdict.rule == "nothing_to_close"


def test_a_stop_keeps_its_trigger_and_is_cut_to_the_position() -> None:
    stop = an_intent(
        purpose=Purpose.STOP,
        side=Side.SELL,
        type=OrderType.STOP,
        price=None,
        trigger=Decimal("950.2"),
        size=Decimal(9),
    )
    verdict = review(stop, a_context(position=Decimal("0.25"), halt_rank=3))
    assert isinstance(verdict, Approved)
    assert (verdict.order.trigger, verdict.order.size) == (Decimal("950.5"), Decimal("0.25"))
    assert verdict.order.reduce_only


DECIMALS = st.decimals("0.0001", 3, places=6)
LEVERAGES = st.integers(1, 7)
PRICES = st.decimals("900", "1100", places=3)


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    side = draw(st.sampled_from(Side))
    price = draw(PRICES)
    away = draw(st.decimals("0.1", "0.2", places=3))
    stop, target = price * (1 - side.sign * away), price * (1 + side.sign * away)
    if draw(st.booleans()):
        return an_intent(
            side=side,
            price=price,
            size=draw(DECIMALS),
            stop_loss=stop,
            take_profit=target,
            leverage=draw(st.integers(1, 7)),
        )
    return an_intent(
        purpose=Purpose.QUOTE,
        tif=TimeInForce.POST_ONLY,
        side=side,
        price=price,
        size=draw(DECIMALS),
        stop_loss=None,
        take_profit=None,
        leverage=None,
    )


@st.composite
def contexts(draw: st.DrawFn) -> ReviewContext:
    position = draw(st.decimals("-1.5", "1.5", places=3))
    return a_context(
        instrument=an_instrument(
            tick=draw(st.sampled_from([Decimal("0.5"), Decimal("0.01"), Decimal("2.5")]))
        ),
        guards=draw(st.sampled_from([None, OPEN_GUARDS])),
        params=RiskParams(max_position_size_usd=Decimal(2000), max_positions=2),
        limits=WalletLimits(gross_notional_usd_max=Decimal(4000), order_notional_usd_max=Decimal(1500)),
        position=position,
        resting_buys=draw(st.decimals(0, 1, places=3)),
        resting_sells=draw(st.decimals(0, 1, places=3)),
        positions_held=draw(st.integers(0, 3)),
        wallet_position_usd=position * 1000,
        wallet_gross_usd=draw(st.decimals(0, 4000, places=2)),
        lease_room_usd=draw(st.decimals(0, 2500, places=2)),
        account=draw(st.sampled_from([an_account(), an_account(equity_usd=Decimal(300))])),
    )


@given(intents(), contexts())
def test_an_approved_order_keeps_every_promise(intent: Intent, ctx: ReviewContext) -> None:
    verdict = review(intent, ctx)
    if isinstance(verdict, Refused):
        return
    order, instrument = verdict.order, ctx.instrument
    assert instrument is not None
    assert order.price is not None
    assert intent.price is not None
    assert instrument.is_on_tick(order.price)
    assert instrument.is_on_step(order.size)
    assert order.size * order.price >= instrument.min_notional_usd
    assert order.size <= intent.size
    assert (order.price - intent.price) * order.side.sign <= 0, "a price moved against us"
    assert not order.reduce_only
    assert order.leverage is None or order.leverage <= ctx.params.major_coin_leverage
    assert 0 <= verdict.exposure_usd <= ctx.lease_room_usd
    if verdict.exposure_usd:
        assert ctx.wallet_gross_usd + verdict.exposure_usd <= Decimal(4000)
    buys, sells = ctx.resting_buys, ctx.resting_sells
    before = worst_case(ctx.position, buys, sells)
    if order.side is Side.BUY:
        buys += order.size
    else:
        sells += order.size
    after = worst_case(ctx.position, buys, sells)
    touch_distance = Decimal("0.9")  # the lowest price of an entry here, over the mark
    assert after == before or after * 1000 * touch_distance <= ctx.params.max_position_size_usd
    again = replace(intent, price=order.price, size=order.size)
    assert review(again, ctx) == verdict


@given(
    st.decimals("0.0001", 3, places=6),
    st.none() | st.decimals("0.001", 2000, places=3),
    st.sampled_from([Decimal("0.5"), Decimal("0.01"), Decimal("2.5")]),
    st.booleans(),
)
def test_no_close_or_stop_is_ever_off_tick_or_step(
    size: Decimal, price: Decimal | None, tick: Decimal, is_stop: bool
) -> None:
    close = an_intent(
        purpose=Purpose.STOP if is_stop else Purpose.CLOSE,
        size=size,
        price=None if is_stop else price,
        trigger=(price or Decimal(1)) if is_stop else None,
        type=OrderType.STOP if is_stop else OrderType.LIMIT if price else OrderType.MARKET,
    )
    instrument = an_instrument(tick=tick)
    verdict = review(close, a_context(position=Decimal(-2), instrument=instrument))
    if isinstance(verdict, Approved):
        assert instrument.is_on_step(verdict.order.size)
        for value in (verdict.order.price, verdict.order.trigger):
            assert value is None or instrument.is_on_tick(value)
    else:
        assert verdict.rule in ("precision", "nothing_to_close")


@given(
    st.decimals(-5, 5, places=3).filter(lambda size: size != 0),
    DECIMALS,
    st.sampled_from([None, PRICES]),
    contexts(),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
)
def test_closing_is_always_approved_while_a_position_exists(
    position: Decimal, size: Decimal, price: Any, ctx: ReviewContext, halt_rank: int | None, blind: bool
) -> None:
    assert Position(symbol=BTC, size=position).size
    side = Side.SELL if position > 0 else Side.BUY
    close = an_intent(
        purpose=Purpose.CLOSE,
        side=side,
        size=size + Decimal("0.001"),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(1000),
    )
    broke = Account(equity_usd=Decimal(-1), cash_usd=Decimal(-1), at=NOW)
    ctx = replace(
        ctx, position=position, halt_rank=halt_rank, lease_room_usd=Decimal(0), account=broke, symbols=()
    )
    if blind:
        ctx = replace(ctx, instrument=None, snapshot=None)
    verdict = review(close, ctx)
    assert isinstance(verdict, Approved)
    assert verdict.order.reduce_only
    assert 0 < verdict.order.size <= abs(position)
