from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import Level, OrderReport, OrderStatus, OrderType, Side, TimeInForce
from risk.first_line import FirstLine, House
from risk.intent import Intent, Purpose, client_order_id
from risk.limits import ExecGuards, RiskParams
from risk.plan import Plan, plan
from risk.review import Approved, review
from strategies.decision import Action, AnyDecision, Decision, Quotes
from strategies.strategy import View
from tests.builders import (
    BOT,
    BTC,
    ETH,
    SOL,
    a_context,
    a_position,
    a_quote,
    a_resting_order,
    a_snapshot,
    a_view,
    an_instrument,
)
from tests.risk.wishes import a_long

UNBANDED = ExecGuards(btceth_position_value_min_equity_multiple=Decimal(0))
ROOMY = RiskParams(max_position_size_usd=Decimal(1_000_000))


def planned(view: View, *decisions: AnyDecision, guards: ExecGuards | None = None, **house: Any) -> Plan:
    limits = House(guards=guards, **house)
    return plan(view, decisions, epoch=4, house=limits, line=FirstLine(view, limits))


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in pairs)


def three_markets(**changes: Any) -> View:
    symbols = (BTC, ETH, SOL)
    return a_view(
        markets={symbol: a_snapshot(symbol=symbol) for symbol in symbols},
        instruments={symbol: an_instrument(symbol=symbol) for symbol in symbols},
        **changes,
    )


def test_a_market_open_becomes_an_immediate_limit_order_with_a_protective_price() -> None:
    (intent,) = planned(a_view(), a_long()).intents
    assert (intent.side, intent.type, intent.tif) == (Side.BUY, OrderType.LIMIT, TimeInForce.IOC)
    assert intent.price == Decimal("1010.5")  # 1000.5 and 1 %, down to the tick
    assert intent.size == Decimal("0.499")  # 500 USD at the ask, down to the step
    assert (intent.stop_loss, intent.take_profit) == (Decimal(950), Decimal(1100))
    assert (intent.leverage, intent.confidence) == (2, 80)
    assert intent.id == client_order_id(BOT, 4, 7, 0)


def test_a_short_at_the_market_is_protected_below_the_bid() -> None:
    short = a_long(action=Action.OPEN_SHORT, stop_loss=Decimal(1050), take_profit=Decimal(900))
    (intent,) = planned(a_view(), short).intents
    assert (intent.side, intent.price, intent.size) == (Side.SELL, Decimal("990.0"), Decimal("0.500"))


def test_an_open_with_an_entry_price_rests_there() -> None:
    (intent,) = planned(a_view(), a_long(entry_price=Decimal("980.7"))).intents
    assert (intent.price, intent.tif, intent.size) == (Decimal("980.5"), TimeInForce.GTC, Decimal("0.509"))


@pytest.mark.parametrize(
    ("action", "held", "side", "price"),
    [(Action.CLOSE_LONG, "0.7", Side.SELL, "990.0"), (Action.CLOSE_SHORT, "-0.7", Side.BUY, "1010.5")],
)
def test_a_close_takes_the_whole_position_and_cancels_the_entries(
    action: Action, held: str, side: Side, price: str
) -> None:
    entry = a_resting_order(Side.BUY, "990", "1")
    stop = a_resting_order(Side.SELL, "1", "0.7", leg=901, reduce_only=True, type=OrderType.STOP)
    elsewhere = a_resting_order(Side.BUY, "990", "1", leg=902, symbol=ETH)
    gone = replace(a_resting_order(Side.BUY, "990", "1", leg=903), status=OrderStatus.FILLED)
    view = a_view(positions={BTC: a_position(held)}, orders=(entry, stop, elsewhere, gone))
    result = planned(view, Decision(symbol=BTC, action=action))
    (intent,) = result.intents
    assert (intent.purpose, intent.side, intent.size) == (Purpose.CLOSE, side, Decimal("0.7"))
    assert (intent.price, intent.tif) == (Decimal(price), TimeInForce.IOC)
    assert result.cancels == (entry.order.id,)


def test_a_close_of_a_part_closes_that_part() -> None:
    view = a_view(positions={BTC: a_position("0.7")})
    part = Decision(symbol=BTC, action=Action.CLOSE_LONG, position_size_usd=Decimal("199.9"))
    more = replace(part, position_size_usd=Decimal(10_000))
    assert [i.size for i in planned(view, part, more).intents] == [Decimal("0.2"), Decimal("0.7")]


def test_a_close_goes_out_even_without_prices() -> None:
    view = a_view(positions={BTC: a_position("0.7")}, markets={})
    (intent,) = planned(view, Decision(symbol=BTC, action=Action.CLOSE_LONG)).intents
    assert (intent.type, intent.price, intent.size) == (OrderType.MARKET, None, Decimal("0.7"))
    assert isinstance(review(intent, a_context(position=Decimal("0.7"), snapshot=None)), Approved)


@pytest.mark.parametrize(
    ("decision", "rule"),
    [
        (Decision(symbol=BTC, action=Action.CLOSE_LONG), "nothing_to_close"),
        (Decision(symbol=ETH, action=Action.CLOSE_LONG), "nothing_to_close"),
        (a_long(symbol=ETH), "no_market_data"),
        (Quotes(symbol=ETH, bids=levels(("990", "1"))), "no_market_data"),
        (a_long(position_size_usd=None), "malformed"),
        (a_long(position_size_usd=Decimal("NaN")), "malformed"),
        (a_long(position_size_usd=Decimal("-1")), "malformed"),
        (a_long(position_size_usd=Decimal("1E+999999")), "malformed"),
        (a_long(entry_price=Decimal(0)), "malformed"),
        (a_long(entry_price=Decimal("1E-999990")), "malformed"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_reason(decision: AnyDecision, rule: str) -> None:
    result = planned(a_view(positions={BTC: a_position("-1")}), decision)
    assert not result.intents
    (refusal,) = result.refusals
    assert (refusal.rule, refusal.symbol, refusal.intent_id) == (
        rule,
        decision.symbol,
        client_order_id(BOT, 4, 7, 0),
    )


def test_a_crossed_out_price_is_no_market_data() -> None:
    view = a_view(markets={BTC: a_snapshot(quote=a_quote(ask="NaN"))})
    assert [refusal.rule for refusal in planned(view, a_long()).refusals] == ["no_market_data"]


def test_hold_and_wait_ask_for_nothing() -> None:
    still = [Decision(symbol=BTC, action=action) for action in (Action.HOLD, Action.WAIT)]
    assert planned(a_view(), *still) == Plan()


def test_closes_come_before_opens_and_keep_their_order() -> None:
    view = three_markets(positions={ETH: a_position("1", ETH), SOL: a_position("-1", SOL)})
    result = planned(
        view,
        a_long(),
        Decision(symbol=SOL, action=Action.CLOSE_SHORT),
        Quotes(symbol=BTC, bids=levels(("990", "0.1"))),
        Decision(symbol=ETH, action=Action.CLOSE_LONG),
    )
    assert [(i.symbol, i.purpose) for i in result.intents] == [
        (SOL, Purpose.CLOSE),
        (ETH, Purpose.CLOSE),
        (BTC, Purpose.OPEN),
        (BTC, Purpose.QUOTE),
    ]
    assert [i.id for i in result.intents] == [client_order_id(BOT, 4, 7, leg) for leg in range(4)]


@pytest.mark.parametrize(
    ("guards", "opened"), [(UNBANDED, 1), (replace(UNBANDED, max_new_positions_per_cycle=2), 2), (None, 3)]
)
def test_new_positions_of_a_cycle_are_capped(guards: ExecGuards | None, opened: int) -> None:
    view = three_markets()
    wishes = [a_long(position_size_usd=None), *(a_long(symbol=symbol) for symbol in (BTC, ETH, SOL))]
    result = planned(view, *wishes, guards=guards)
    assert len(result.intents) == opened
    assert [refusal.rule for refusal in result.refusals[1:]] == ["max_new_positions_per_cycle"] * (3 - opened)


def test_quotes_are_compared_with_what_rests() -> None:
    same = a_resting_order(Side.BUY, "990", "1", leg=1)
    twin = a_resting_order(Side.BUY, "990", "1", leg=2)
    moved = a_resting_order(Side.SELL, "1010", "1", leg=3)
    stop = a_resting_order(Side.SELL, "1", "1", leg=4, reduce_only=True)
    partly = replace(a_resting_order(Side.SELL, "1020", "1", leg=5), filled=Decimal("0.6"))
    view = a_view(orders=(same, twin, moved, stop, partly))
    wanted = Quotes(symbol=BTC, bids=levels(("990", "1")), asks=levels(("1011", "1"), ("1020", "0.4")))
    result = planned(view, wanted, params=ROOMY)
    assert result.cancels == (twin.order.id, moved.order.id)
    (intent,) = result.intents
    assert (intent.purpose, intent.tif, intent.type) == (
        Purpose.QUOTE,
        TimeInForce.POST_ONLY,
        OrderType.LIMIT,
    )
    assert (intent.side, intent.price, intent.size) == (Side.SELL, Decimal(1011), Decimal(1))


def test_quotes_off_tick_are_rounded_before_they_are_compared_so_they_do_not_churn() -> None:
    resting = a_resting_order(Side.BUY, "990.0", "1.000")
    off = Quotes(symbol=BTC, bids=levels(("990.4", "1.0004")))
    assert planned(a_view(orders=(resting,)), off) == Plan()


def test_without_prices_resting_quotes_are_withdrawn() -> None:
    resting = a_resting_order(Side.BUY, "990", "1")
    view = a_view(orders=(resting,), markets={})
    assert planned(view, Quotes(symbol=BTC, bids=levels(("990", "1")))).cancels == (resting.order.id,)
    assert planned(view, Quotes(symbol=BTC)) == Plan(cancels=(resting.order.id,))


def test_of_two_wishes_for_one_market_the_last_quotes_count() -> None:
    first, last = Quotes(symbol=BTC, bids=levels(("990", "1"))), Quotes(symbol=BTC, bids=levels(("980", "1")))
    assert [i.price for i in planned(a_view(), first, last).intents] == [Decimal(980)]


def test_quotes_beside_a_close_do_not_count_on_the_orders_that_it_cancels() -> None:
    resting = a_resting_order(Side.BUY, "990", "1")
    view = a_view(orders=(resting,), positions={BTC: a_position("1")})
    close = Decision(symbol=BTC, action=Action.CLOSE_LONG)
    result = planned(view, Quotes(symbol=BTC, bids=levels(("990", "1"))), close)
    assert result.cancels == (resting.order.id,)
    assert [i.purpose for i in result.intents] == [Purpose.CLOSE, Purpose.QUOTE]


PRICE = st.decimals("981", "1019", places=1)  # within the collar of BTC
SIZE = st.decimals("0.05", "0.2", places=4)
LEVELS = st.lists(st.builds(Level, PRICE, SIZE), max_size=4).map(tuple)


@given(LEVELS, LEVELS, st.lists(st.tuples(st.sampled_from(Side), PRICE, SIZE), max_size=6))
def test_carrying_out_a_plan_of_quotes_leaves_nothing_to_do(
    bids: Sequence[Level], asks: Sequence[Level], before: list[tuple[Side, Decimal, Decimal]]
) -> None:
    orders = tuple(a_resting_order(side, str(p), str(s), leg=n) for n, (side, p, s) in enumerate(before))
    view = a_view(orders=orders)
    wanted = Quotes(symbol=BTC, bids=tuple(bids), asks=tuple(asks))
    result = planned(view, wanted)
    kept = [report for report in orders if report.order.id not in result.cancels]
    resting = (*kept, *(as_resting(intent) for intent in result.intents))
    assert len(resting) == len(bids) + len(asks)
    assert planned(replace(view, orders=resting), wanted) == Plan()
    for intent in result.intents:
        assert an_instrument().round_price(intent.price or Decimal(0), intent.side) == intent.price


def as_resting(intent: Intent) -> OrderReport:
    verdict = review(intent, a_context())
    assert isinstance(verdict, Approved)
    return replace(a_resting_order(Side.BUY, "1", "1"), order=verdict.order)
