from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import Level, OrderReport, Quote, Side
from strategies.decision import Quotes
from strategies.quoter import Quoter
from strategies.strategy import View
from tests.builders import BTC, a_position, a_quote, a_resting_order, a_snapshot, a_view, an_instrument

QUOTER = Quoter(symbol=BTC, spread_bps=Decimal(40), size_usd=Decimal(100), max_inventory_usd=Decimal(500))


def quotes(quoter: Quoter, view: View) -> Quotes:
    (decision,) = quoter.decide(view)
    assert isinstance(decision, Quotes)
    return decision


def prices(levels: tuple[Level, ...]) -> list[Decimal]:
    return [level.price for level in levels]


def test_flat_it_quotes_both_sides_evenly() -> None:
    wanted = quotes(replace(QUOTER, levels=2, level_gap_bps=Decimal(10)), a_view())
    assert prices(wanted.bids) == [Decimal(998), Decimal(997)]
    assert prices(wanted.asks) == [Decimal(1002), Decimal(1003)]
    assert wanted.bids[0].size == Decimal("0.100")


@pytest.mark.parametrize(("held", "bid", "ask"), [("0.25", "997.5", "1001.5"), ("-0.25", "998.5", "1002.5")])
def test_it_leans_against_its_inventory(held: str, bid: str, ask: str) -> None:
    skewed = replace(QUOTER, skew_bps=Decimal(10))
    wanted = quotes(skewed, a_view(positions={BTC: a_position(held)}))
    assert (prices(wanted.bids), prices(wanted.asks)) == ([Decimal(bid)], [Decimal(ask)])


@pytest.mark.parametrize(
    ("held", "bids", "asks"), [("0.5", 0, 1), ("-0.5", 1, 0), ("0.495", 0, 1), ("0.48", 1, 1)]
)
def test_at_the_inventory_limit_one_side_is_withdrawn(held: str, bids: int, asks: int) -> None:
    wanted = quotes(QUOTER, a_view(positions={BTC: a_position(held)}))
    assert (len(wanted.bids), len(wanted.asks)) == (bids, asks)


@pytest.mark.parametrize(
    ("price", "stays"), [("998", True), ("998.5", True), ("997.5", True), ("997", False), ("999", False)]
)
def test_a_quote_near_to_the_wanted_price_stays(price: str, stays: bool) -> None:
    patient = replace(QUOTER, requote_bps=Decimal(5))
    wanted = quotes(patient, a_view(orders=(a_resting_order(Side.BUY, price, "0.1"),)))
    assert prices(wanted.bids) == [Decimal(price if stays else "998")]


def test_a_quote_stays_only_on_its_own_side_of_the_mid() -> None:
    eager = replace(QUOTER, requote_bps=Decimal(1000))
    wanted = quotes(eager, a_view(orders=(a_resting_order(Side.BUY, "1000", "0.1"),)))
    assert prices(wanted.bids) == [Decimal(998)]


@pytest.mark.parametrize(("remaining", "size"), [("0.05", "0.05"), ("0.049", "0.100")])
def test_a_partly_filled_quote_stays_down_to_a_half(remaining: str, size: str) -> None:
    resting = replace(a_resting_order(Side.BUY, "998", "0.1"), filled=Decimal("0.1") - Decimal(remaining))
    assert quotes(QUOTER, a_view(orders=(resting,))).bids[0].size == Decimal(size)


def test_one_resting_quote_stands_for_one_level() -> None:
    patient = replace(QUOTER, requote_bps=Decimal(20), levels=2, level_gap_bps=Decimal(10))
    resting = a_resting_order(Side.BUY, "997.5", "0.1")
    wanted = quotes(patient, a_view(orders=(resting,)))
    assert prices(wanted.bids) == [Decimal("997.5"), Decimal(997)]


@pytest.mark.parametrize(
    "changes",
    [
        {"markets": {}},
        {"instruments": {}},
        {"markets": {BTC: a_snapshot(quote=a_quote(bid="1000", ask="1000"))}},
        {"markets": {BTC: a_snapshot(quote=a_quote(bid="1001", ask="1000"))}},
    ],
)
def test_without_a_usable_market_everything_is_withdrawn(changes: dict[str, Any]) -> None:
    wanted = quotes(QUOTER, a_view(**changes))
    assert not wanted.bids
    assert not wanted.asks


@st.composite
def views(draw: st.DrawFn) -> View:
    tick = draw(st.sampled_from([Decimal("0.01"), Decimal("0.5"), Decimal(3)]))
    bid = tick * draw(st.integers(100, 2_000))
    ask = bid + tick * draw(st.integers(1, 20))
    quote = Quote(symbol=BTC, bid=bid, bid_size=Decimal(1), ask=ask, ask_size=Decimal(1), at=a_quote().at)
    held = draw(st.decimals(-3, 3, places=3)) * 100 / bid
    orders: list[OrderReport] = []
    for leg in range(draw(st.integers(0, 6))):
        price = bid + tick * draw(st.integers(-20, 20))
        size = draw(st.decimals("0.001", "0.3", places=3))
        orders.append(a_resting_order(draw(st.sampled_from(Side)), str(price), str(size), leg=leg))
    return a_view(
        markets={BTC: a_snapshot(quote=quote)},
        instruments={BTC: an_instrument(tick=tick)},
        positions={BTC: a_position(str(held))},
        orders=tuple(orders),
    )


@st.composite
def quoters(draw: st.DrawFn) -> Quoter:
    bps = st.decimals(0, 100, places=1)
    return Quoter(
        symbol=BTC,
        spread_bps=draw(st.decimals(1, 200, places=1)),
        levels=draw(st.integers(1, 4)),
        level_gap_bps=draw(st.decimals(1, 50, places=1)),
        size_usd=draw(st.decimals(10, 200, places=2)),
        max_inventory_usd=draw(st.decimals(10, 500, places=2)),
        skew_bps=draw(bps),
        requote_bps=draw(bps),
    )


@given(quoters(), views())
def test_quotes_are_valid_whatever_the_market(quoter: Quoter, view: View) -> None:
    wanted = quotes(quoter, view)
    assert wanted == quotes(quoter, view)
    mid, instrument = view.markets[BTC].quote.mid, view.instruments[BTC]
    inventory_usd = view.positions[BTC].size * mid
    resting = {(r.order.price, r.remaining) for r in view.orders}
    for levels, sign in ((wanted.bids, 1), (wanted.asks, -1)):
        assert len(levels) <= quoter.levels
        offered = sum((level.price * level.size for level in levels), Decimal(0))
        assert not levels or inventory_usd * sign + offered <= quoter.max_inventory_usd
        for level in levels:
            assert (mid - level.price) * sign > 0
            assert instrument.is_on_tick(level.price)
            assert instrument.is_on_step(level.size)
            is_kept = (level.price, level.size) in resting
            assert is_kept or level.price * level.size >= instrument.min_notional_usd


@given(quoters(), views())
def test_quotes_that_rest_as_wanted_stay_as_they_are(quoter: Quoter, view: View) -> None:
    wanted = quotes(quoter, view)
    resting = tuple(
        a_resting_order(side, str(level.price), str(level.size), leg=1000 * (side is Side.BUY) + number)
        for side, levels in ((Side.BUY, wanted.bids), (Side.SELL, wanted.asks))
        for number, level in enumerate(levels)
    )
    again = quotes(quoter, replace(view, orders=resting))
    assert sorted(prices(again.bids)) == sorted(prices(wanted.bids))
    assert sorted(prices(again.asks)) == sorted(prices(wanted.asks))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"spread_bps": Decimal(0)}, "spread_bps"),
        ({"levels": 0}, "levels"),
        ({"levels": 2, "level_gap_bps": Decimal(0)}, "level_gap_bps"),
        ({"requote_bps": Decimal(-1)}, "requote_bps"),
        ({"spread_bps": Decimal(20_000)}, "spread_bps, "),
        ({"symbol": ""}, "symbol"),
    ],
)
def test_a_senseless_configuration_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}"):
        replace(QUOTER, **changes)
