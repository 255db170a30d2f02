"""Markets by their names and numbers, and the price rule: five digits, so many decimals, whole numbers always."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import InvalidParam
from adapters.hyperliquid.markets import Markets
from adapters.hyperliquid.wire import PerpMeta, SpotMeta, decoded
from adapters.model import Instrument, InstrumentKind, MarketMode, Side, Symbol

prices = st.decimals(min_value="0.0000001", max_value=10**7, places=9)
PERPS = b"""{"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40},
  {"name":"OLD","szDecimals":1,"maxLeverage":3,"isDelisted":true},
  {"name":"kPEPE","szDecimals":0,"maxLeverage":10,"onlyIsolated":true,"new":"field"}],"marginTables":[]}"""
SPOT = b"""{"tokens":[{"name":"USDC","szDecimals":8,"index":0},{"name":"PURR","szDecimals":0,"index":1},
  {"name":"HYPE","szDecimals":2,"index":150},{"name":"USDH","szDecimals":2,"index":360}],
  "universe":[{"name":"PURR/USDC","index":0,"tokens":[1,0]},{"name":"@107","index":107,"tokens":[150,0]},
  {"name":"@230","index":230,"tokens":[150,360]},{"name":"@9","index":9,"tokens":[999,0]},
  {"name":"@300","index":300,"tokens":[150,0]}]}"""


def markets() -> Markets:
    return Markets.listed(decoded(PERPS, PerpMeta), decoded(SPOT, SpotMeta))


def follows_the_rule(price: Decimal, decimals: int) -> bool:
    """The exchange's own words: at most five significant figures and so many decimals; integers always."""
    digits = price.normalize().as_tuple()
    exponent = int(digits.exponent)
    return exponent >= 0 or (len(digits.digits) <= 5 and -exponent <= decimals)


@given(price=prices, size_decimals=st.integers(0, 5), is_spot=st.booleans(), side=st.sampled_from(Side))
def test_a_rounded_price_is_taken_and_never_worse_for_us(
    price: Decimal, size_decimals: int, is_spot: bool, side: Side
) -> None:
    decimals = (8 if is_spot else 6) - size_decimals
    market = Instrument(
        symbol=Symbol("X"), tick=Decimal(1).scaleb(-decimals), price_figures=5, step=Decimal(1)
    )
    rounded = market.round_price(price, side)
    assert (rounded - price) * side.sign <= 0
    assert abs(rounded - price) < market.tick_at(price)
    if rounded:
        assert follows_the_rule(rounded, decimals)
        assert market.is_on_tick(rounded)
        assert market.round_price(rounded, side) == rounded


@given(price=prices, decimals=st.integers(1, 8))
def test_a_price_is_on_tick_exactly_when_the_exchange_takes_it(price: Decimal, decimals: int) -> None:
    market = Instrument(
        symbol=Symbol("X"), tick=Decimal(1).scaleb(-decimals), price_figures=5, step=Decimal(1)
    )
    assert market.is_on_tick(price) == follows_the_rule(price, decimals)


@pytest.mark.parametrize(
    ("price", "buy", "sell"),
    [
        ("123456.7", "123456", "123457"),
        ("99999.5", "99999", "100000"),
        ("1234.56", "1234.5", "1234.6"),
        ("0.0012345678", "0.0012", "0.0013"),
    ],
)
def test_prices_of_btc_are_rounded_as_the_examples_say(price: str, buy: str, sell: str) -> None:
    market = Instrument(symbol=Symbol("X"), tick=Decimal("0.0001"), price_figures=5, step=Decimal("0.01"))
    assert market.round_price(Decimal(price), Side.BUY) == Decimal(buy)
    assert market.round_price(Decimal(price), Side.SELL) == Decimal(sell)


def test_an_instrument_without_counted_digits_has_one_tick_everywhere() -> None:
    market = Instrument(symbol=Symbol("X"), tick=Decimal("0.5"), step=Decimal(1))
    assert market.round_price(Decimal("123456.7"), Side.BUY) == Decimal("123456.5")


def test_perpetuals_are_numbered_by_their_place() -> None:
    btc, pepe = markets().of(Symbol("BTC")), markets().of(Symbol("kPEPE"))
    assert (btc.asset, btc.coin, btc.is_spot, btc.is_cross_allowed) == (0, "BTC", False, True)
    assert (btc.instrument.tick, btc.instrument.step) == (Decimal("0.1"), Decimal("0.00001"))
    assert (btc.instrument.max_leverage, btc.instrument.is_major) == (40, True)
    assert (pepe.asset, pepe.is_cross_allowed) == (2, False)
    assert markets().of(Symbol("OLD")).instrument.mode is MarketMode.DELISTED


def test_spot_pairs_go_by_the_names_of_their_tokens_and_from_ten_thousand_on() -> None:
    listed = markets()
    purr, hype = listed.of(Symbol("PURR/USDC")), listed.of(Symbol("HYPE/USDC"))
    assert (purr.asset, purr.coin, purr.instrument.tick) == (10_000, "PURR/USDC", Decimal("0.00000001"))
    assert (hype.asset, hype.coin, hype.base) == (10_107, "@107", "HYPE")
    assert hype.instrument.kind is InstrumentKind.SPOT
    assert listed.symbol_of("@107") == "HYPE/USDC"
    assert listed.of(Symbol("HYPE/USDH")).asset == 10_230
    assert listed.of(Symbol("@300")).coin == "@300", "its tokens' names are taken"
    assert listed.of_coin("@9") is None, "a pair of a token that is not listed"


def test_what_is_not_listed_is_no_market_and_keeps_the_exchanges_name() -> None:
    with pytest.raises(InvalidParam):
        markets().of(Symbol("xyz:GOLD"))
    assert markets().symbol_of("xyz:GOLD") == "xyz:GOLD"


def test_recorded_lists_are_read(shared_data: Path) -> None:
    folder = shared_data / "payloads/hyperliquid"
    (told,) = json.loads((folder / "sdk_cassettes/test_get_info.json").read_text())
    old = decoded(json.dumps(told["response"]["body"]), PerpMeta)
    new = decoded((folder / "nautilus/http_meta_perp_sample.json").read_bytes(), PerpMeta)
    spot = decoded((folder / "nautilus/http_spot_meta_non_usdc_collateral.json").read_bytes(), SpotMeta)
    assert Markets.listed(old, spot).of(Symbol("ATOM")).asset == 2
    assert Markets.listed(new, spot).of(Symbol("BTC")).instrument.max_leverage == 40
