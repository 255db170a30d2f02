import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise, takewhile
from math import log
from pathlib import Path
from statistics import correlation, fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.errors import ConfigError
from adapters.market.profiles import profile_of
from adapters.market.synthetic import SyntheticMarket
from adapters.model import Book, FundingDue, MarketContext, MarketEvent, Quote, Symbol, Trade
from adapters.venue import MarketSource

BTC, ETH, SOL, WIF = map(Symbol, ("BTC", "ETH", "SOL", "WIF"))
START = datetime(2024, 3, 1, 12, 59, 50, tzinfo=UTC)


def a_market(
    symbols: Sequence[Symbol] = (BTC, ETH, SOL, WIF),
    seed: int = 7,
    start: datetime = START,
    step: timedelta = timedelta(milliseconds=250),
) -> SyntheticMarket:
    return SyntheticMarket(symbols, seed, start, step)


def events_for(market: MarketSource, duration: timedelta) -> list[MarketEvent]:
    return list(takewhile(lambda event: event.at < START + duration, market.events()))


@pytest.fixture(scope="module")
def three_hours() -> list[MarketEvent]:
    return events_for(a_market(step=timedelta(seconds=2)), timedelta(hours=3))


def returns(events: Sequence[MarketEvent], symbol: Symbol) -> list[float]:
    mids = [float(event.mid) for event in events if isinstance(event, Quote) and event.symbol == symbol]
    return [log(after / before) for before, after in pairwise(mids)]


def test_a_seed_gives_the_same_events_in_another_process_whatever_its_hash_seed() -> None:
    script = """
from datetime import UTC, datetime
from itertools import islice
from adapters.market.synthetic import SyntheticMarket
market = SyntheticMarket(["BTC", "ETH", "SOL", "WIF"], 7, datetime(2024, 3, 1, 12, 59, 50, tzinfo=UTC))
print(*islice(market.events(), 2000), sep="\\n")
"""
    here = "\n".join(map(str, islice(a_market().events(), 2000)))
    there = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
        env={"PYTHONHASHSEED": "4711"},
    )
    assert there.stdout.rstrip("\n") == here


def test_iterating_twice_gives_the_same_events() -> None:
    market = a_market()
    assert list(islice(market.events(), 500)) == list(islice(market.events(), 500))


def test_two_seeds_give_two_markets() -> None:
    assert list(islice(a_market(seed=1).events(), 50)) != list(islice(a_market(seed=2).events(), 50))


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), name=st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=8))
def test_prices_and_sizes_are_on_the_grid_books_uncrossed_and_times_ordered(seed: int, name: str) -> None:
    market = a_market(symbols=(Symbol(name), Symbol("BTC-PERP")), seed=seed)
    rules = market.instruments
    touch: dict[Symbol, Quote] = {}
    events = list(islice(market.events(), 400))
    assert [event.at for event in events] == sorted(event.at for event in events)
    for event in events:
        rule = rules[event.symbol]
        match event:
            case Quote():
                assert event.bid < event.ask
                assert rule.is_on_tick(event.bid)
                assert rule.is_on_tick(event.ask)
                assert rule.is_on_step(event.bid_size)
                assert rule.is_on_step(event.ask_size)
                touch[event.symbol] = event
            case Book(bids=bids, asks=asks):
                quote = touch[event.symbol]
                assert (bids[0].price, bids[0].size) == (quote.bid, quote.bid_size)
                assert (asks[0].price, asks[0].size) == (quote.ask, quote.ask_size)
                assert len(bids) == len(asks) == 5
                assert all(above.price > below.price > 0 for above, below in pairwise(bids))
                assert all(below.price < above.price for below, above in pairwise(asks))
                assert all(rule.is_on_step(level.size) for level in (*bids, *asks))
                assert all(rule.is_on_tick(level.price) for level in (*bids, *asks))
            case Trade():
                quote = touch[event.symbol]
                assert event.price in (quote.bid, quote.ask)
                assert rule.is_on_step(event.size)
                assert quote.at < event.at < quote.at + timedelta(milliseconds=250)


def test_all_kinds_of_events_come(three_hours: list[MarketEvent]) -> None:
    kinds = Counter(type(event) for event in three_hours)
    assert set(kinds) == {Quote, Book, Trade, MarketContext, FundingDue}
    assert kinds[Quote] == kinds[Book] == 4 * 3 * 3600 / 2
    assert kinds[Trade] > kinds[Quote]


def test_majors_move_together_and_a_small_coin_less_so(three_hours: list[MarketEvent]) -> None:
    btc, eth, wif = (returns(three_hours, symbol) for symbol in (BTC, ETH, WIF))
    assert 0.7 < correlation(btc, eth) < 0.95
    assert 0.4 < correlation(btc, wif) < correlation(btc, eth)


def test_returns_have_heavier_tails_than_the_normal_law(three_hours: list[MarketEvent]) -> None:
    btc = returns(three_hours, BTC)
    mean, deviation = fmean(btc), pstdev(btc)
    assert fmean(((change - mean) / deviation) ** 4 for change in btc) > 4  # normal: 3


def test_the_whole_market_jumps_now_and_then(three_hours: list[MarketEvent]) -> None:
    steps = zip(returns(three_hours, BTC), returns(three_hours, ETH), strict=True)
    jumps = [
        (btc, eth) for btc, eth in steps if abs(btc) > 0.0016 and abs(eth) > 0.002
    ]  # 18 deviations of 1 s
    assert 1 <= len(jumps) < 20
    assert all(btc * eth > 0 for btc, eth in jumps)


def test_volatility_comes_in_spells(three_hours: list[MarketEvent]) -> None:
    sizes = [abs(change) for change in returns(three_hours, BTC)]
    assert correlation(sizes[:-1], sizes[1:]) > 0.1


def test_funding_is_due_at_each_full_hour_and_its_rate_moves(three_hours: list[MarketEvent]) -> None:
    due = [event for event in three_hours if isinstance(event, FundingDue) and event.symbol == ETH]
    assert [event.at for event in due] == [datetime(2024, 3, 1, hour, tzinfo=UTC) for hour in (13, 14, 15)]
    assert len({event.rate for event in due}) == 3
    assert all(abs(event.rate) < Decimal("0.001") for event in due)


def test_a_start_on_the_hour_owes_no_funding_for_the_hour_before() -> None:
    events = takewhile(
        lambda event: event.at < START.replace(minute=59, second=59),
        a_market(start=START.replace(minute=0, second=0), step=timedelta(seconds=30)).events(),
    )
    assert not [event for event in events if isinstance(event, FundingDue)]


def test_the_context_shows_the_rate_and_an_open_interest_that_wanders(three_hours: list[MarketEvent]) -> None:
    contexts = [event for event in three_hours if isinstance(event, MarketContext) and event.symbol == SOL]
    assert 3 * 3600 / 5 < len(contexts) < 3 * 3600 / 3
    assert len({event.funding_rate for event in contexts}) > 100
    assert len({event.open_interest for event in contexts}) > 100
    assert all(event.open_interest > 0 for event in contexts)


def test_built_in_instruments_are_like_a_venues() -> None:
    rules = a_market().instruments
    assert (rules[BTC].tick, rules[BTC].step) == (Decimal(1), Decimal("0.00001"))
    assert (rules[ETH].tick, rules[ETH].step) == (Decimal("0.1"), Decimal("0.0001"))
    assert (rules[SOL].tick, rules[SOL].step) == (Decimal("0.01"), Decimal("0.01"))
    assert [rules[symbol].is_major for symbol in (BTC, ETH, SOL, WIF)] == [True, True, False, False]
    assert rules[BTC].maintenance_margin == Decimal("0.0125")


@given(st.text(min_size=1, max_size=12))
def test_any_other_name_has_a_price_of_its_own_with_five_digits(name: str) -> None:
    profile = profile_of(Symbol("x" + name), None)
    assert profile == profile_of(Symbol("x" + name), None)
    assert Decimal("0.1") <= profile.price < 1000
    assert 10_000 <= profile.price / profile.tick < 100_000


def test_start_prices_replace_the_profiles_own() -> None:
    market = SyntheticMarket([BTC, WIF], 7, START, start_prices={BTC: Decimal(100_000), WIF: Decimal("0.5")})
    first = {event.symbol: event for event in islice(market.events(), 4) if isinstance(event, Quote)}
    assert abs(first[BTC].mid / 100_000 - 1) < Decimal("0.001")
    assert abs(first[WIF].mid / Decimal("0.5") - 1) < Decimal("0.001")
    assert market.instruments[WIF].tick == Decimal("0.00001")


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "60000.5", "500"])
def test_an_impossible_start_price_is_refused(price: str) -> None:
    with pytest.raises(ConfigError, match="start price of BTC"):
        SyntheticMarket([BTC], 7, START, start_prices={BTC: Decimal(price)})


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="symbols"):
        a_market(symbols=())
    with pytest.raises(ConfigError, match="symbols"):
        a_market(symbols=(BTC, BTC))
    with pytest.raises(ConfigError, match="time zone"):
        a_market(start=datetime(2024, 1, 1))  # noqa: DTZ001
    for step in (timedelta(0), timedelta(minutes=2)):
        with pytest.raises(ConfigError, match="step"):
            a_market(step=step)
