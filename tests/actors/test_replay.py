import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.replay import Replay, StrategyRaised, replay
from adapters.clock import VirtualClock
from adapters.errors import ConfigError
from adapters.market.source import open_source
from adapters.model import Bar
from config.spec import FleetSpec, HaltLevel
from risk.limits import FleetLimits
from tests.actors.replay_fleets import BTC, MINUTE, START, Recording, a_bot, a_fleet, bars, three_kinds

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/replay_btc_1m.csv"
TEN_BARS = bars(
    "1000 1001 999 1000",
    "1000 1002 999 1001",  # 2: the decision to open; ask 1001.1001, so 500 USD are 0.499
    "1002 1005 1001 1004",  # 3: filled at the open and half a spread, on the worse tick: 1002.2
    "1004 1006 1003 1005",
    "1005 1011 1004 1010",
    "1010 1012 1008 1010",  # 6: the decision to close
    "1008 1009 1000 1001",  # 7: filled at 1007.8
    "1001 1003 1000 1002",
    "1002 1004 1001 1003",
    "1003 1005 1002 1004",
)


def run(fleet: FleetSpec, events: list[Bar]) -> Replay:
    done = Replay(fleet, Recording(events))
    asyncio.run(done.run())
    return done


def prefix_digests(fleet: FleetSpec, events: list[Bar]) -> list[str]:
    """After each bar but the last two: the digest of all that was decided by then, and of the fills heard of.

    The run asks for event k + 2 when it has taken in k + 1, and acted on k only.
    """
    digests: list[str] = []
    source = Recording(events)
    done = Replay(fleet, source)
    source.on_event = lambda number: digests.append(done.result(0).digest) if number > 2 else None
    asyncio.run(done.run())
    return digests


def test_ten_bars_come_out_as_computed_by_hand() -> None:
    result = replay(a_fleet(a_bot("scripted", opens_in=2, closes_in=6)), Recording(TEN_BARS))

    bought, sold = Decimal("0.499") * Decimal("1002.2"), Decimal("0.499") * Decimal("1007.8")
    fees = (bought + sold) * Decimal("0.00045")
    assert fees == Decimal("0.45134550")
    assert result.fees_usd == fees
    assert result.pnl_usd == sold - bought - fees == Decimal("2.34305450")
    assert result.equity_usd == Decimal("10002.34305450")
    assert (result.events, result.bars, result.decisions, result.fills, result.trades) == (10, 10, 2, 2, 1)
    assert result.orders == 4  # open, stop, target, close
    assert result.rejected == result.failed_cycles == 0
    assert result.refusals == {}
    assert result.began_at == START + MINUTE
    assert result.ended_at == START + 10 * MINUTE
    peak = 10_000 + Decimal("0.499") * 1010 - bought * Decimal("1.00045")  # at the close of bar 6
    assert result.drawdown_pct == pytest.approx(float(100 * (peak - result.equity_usd) / peak))


def test_an_order_never_fills_before_the_next_bar_opens() -> None:
    done = run(a_fleet(a_bot("scripted", opens_in=2)), TEN_BARS)
    (fill,) = done.exchange.fills_since("alpha", 0)
    assert fill.at == START + 2 * MINUTE + timedelta(milliseconds=50)  # sent at bar 2's close, and on its way
    assert fill.price == Decimal("1002.2")  # which bar 2 never saw


def test_a_position_stays_as_it_is_at_the_end_and_counts_at_its_mark() -> None:
    result = replay(a_fleet(a_bot("scripted", opens_in=2)), Recording(TEN_BARS))
    (line,) = result.bots
    assert line.positions == {BTC: Decimal("0.499")}
    assert line.open_orders == 2  # its stop and its target
    assert result.pnl_usd == Decimal("0.499") * (1004 - Decimal("1002.2")) - result.fees_usd


def test_a_stop_protects_from_the_bar_after_the_fill_on() -> None:
    market = bars(
        "1000 1001 999 1000",
        "1000 1002 999 1001",
        "1002 1005 990 1004",
        "1004 1006 992 1005",
        "1005 1006 1004 1005",
    )
    done = run(a_fleet(a_bot("scripted", opens_in=2, stop_loss="998")), market)
    opened, stopped = done.exchange.fills_since("alpha", 0)
    assert opened.price == Decimal("1002.2")
    assert stopped.at == START + 4 * MINUTE  # although bar 3's low was below it, too
    assert stopped.price == Decimal("997.9")


def test_refusals_are_counted_by_rule() -> None:
    result = replay(a_fleet(a_bot("scripted", opens_in=2, closes_in=4, size_usd="5000")), Recording(TEN_BARS))
    assert result.refusals == {"max_position_size_usd": 1, "nothing_to_close": 1}
    assert (result.decisions, result.orders, result.fills) == (2, 0, 0)


def test_a_run_without_a_trade_has_no_sharpe_ratio() -> None:
    result = replay(a_fleet(a_bot("hold", symbols=["BTC"])), Recording(TEN_BARS))
    assert result.sharpe is None
    assert result.drawdown_pct == 0
    assert result.equity_usd == 10_000


def test_an_empty_recording_gives_nothing_and_does_not_fail() -> None:
    result = replay(a_fleet(a_bot("hold", symbols=["BTC"])), Recording([]))
    assert (result.events, result.began_at, result.ended_at) == (0, None, None)
    assert (result.sharpe, result.drawdown_pct) == (None, None)
    assert result.equity_usd == 10_000


def test_the_time_it_took_is_the_stopwatchs() -> None:
    stopwatch = VirtualClock(START)
    fleet = a_fleet(a_bot("hold", symbols=["BTC"]))
    result = replay(
        fleet, Recording(TEN_BARS), stopwatch=stopwatch, on_progress=lambda _: stopwatch.advance(5)
    )
    assert result.seconds == 5
    assert result.bars_per_s == 2


def test_a_strategy_that_raises_ends_the_run_and_is_named() -> None:
    fleet = a_fleet(a_bot("scripted", "clumsy", raises_in=3))
    with pytest.raises(StrategyRaised, match=r"bot clumsy, cycle 3 at 2026-01-05 00:03.*ZeroDivisionError"):
        replay(fleet, Recording(TEN_BARS))


def test_the_daily_loss_limit_halts_a_replay_too() -> None:
    crash = bars(*["1000 1001 999 1000"] * 5, *["900 901 899 900"] * 20)
    fleet = a_fleet(
        a_bot("scripted", opens_in=2, stop_loss="10"),
        limits=FleetLimits(daily_loss_pct_max=Decimal("0.1")),
        on_breach=HaltLevel.FLATTEN,
    )
    result = replay(fleet, Recording(crash))
    (halt,) = result.halts
    assert halt.scope == "fleet"
    assert "daily loss" in halt.reason
    assert result.bots[0].positions == {}
    assert result.fills == 2


def test_bots_that_need_what_is_not_recorded_are_refused() -> None:
    ether = replace(a_bot("momentum", symbol="ETH"), symbols=())
    with pytest.raises(ConfigError, match="bot momentum trades ETH; the recording is of BTC"):
        replay(a_fleet(ether), Recording(TEN_BARS))
    seconds = a_bot("momentum", symbol="BTC", bar_interval=90)
    with pytest.raises(ConfigError, match=r"reads bars of 0:01:30.*0:01:00"):
        replay(a_fleet(seconds), Recording(TEN_BARS))


def example() -> list[Bar]:
    source = open_source({BTC: EXAMPLE})
    return [event for event in source.events() if isinstance(event, Bar)]


def test_the_same_run_has_the_same_digest_and_another_run_another() -> None:
    market = example()
    first, again = (replay(three_kinds(), Recording(market)) for _ in range(2))
    assert replace(first, seconds=0, bars_per_s=None) == replace(again, seconds=0, bars_per_s=None)
    slower = replace(three_kinds().market, latency=timedelta(minutes=1, milliseconds=1))
    assert replay(replace(three_kinds(), market=slower), Recording(market)).digest != first.digest


def test_books_and_cash_agree_with_the_exchange() -> None:
    done = run(three_kinds(), example())
    balance = done.exchange.trial_balance()
    assert balance.is_balanced
    assert balance.cash["fees"] == sum(
        r.fees_usd for w in done.wallets.values() for r in w.ledger.records.values()
    )
    for name, wallet in done.wallets.items():
        assert wallet.ledger.fill_sequence > 0
        held = {position.symbol: position.size for position in done.exchange.positions(name)}
        assert held == {symbol: wallet.ledger.net(symbol) for symbol in held}
        booked = sum(record.realized_usd for record in wallet.ledger.records.values())
        open_usd = sum(
            book.size * market_price(done) - book.cost_usd for book in wallet.ledger.books.values()
        )
        equity = done.exchange.account_state(name).equity_usd
        assert float(equity) == pytest.approx(float(10_000 + booked + open_usd), abs=1e-9)


def market_price(done: Replay) -> Decimal:
    return done.exchange.last_prices()[BTC]


@pytest.fixture(scope="module")
def honest() -> tuple[list[Bar], list[str]]:
    market = example()[:200]
    return market, prefix_digests(three_kinds(), market)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_no_decision_knows_a_later_bar(honest: tuple[list[Bar], list[str]], data: st.DataObject) -> None:
    market, digests = honest
    known = data.draw(st.integers(40, 190), label="bars that stay as they are")
    factor = data.draw(st.sampled_from([Decimal("0.9"), Decimal("0.99"), Decimal("1.01"), Decimal("1.1")]))
    changed = [scaled(bar, factor) if place >= known else bar for place, bar in enumerate(market)]
    assert prefix_digests(three_kinds(), changed)[:known] == digests[:known]


def test_the_look_ahead_test_would_see_a_difference(honest: tuple[list[Bar], list[str]]) -> None:
    market, digests = honest
    changed = [scaled(bar, Decimal("1.1")) if place >= 100 else bar for place, bar in enumerate(market)]
    assert prefix_digests(three_kinds(), changed) != digests
    assert len(set(digests)) > 20


def scaled(bar: Bar, factor: Decimal) -> Bar:
    prices = {
        name: (getattr(bar, name) * factor).quantize(Decimal("0.1"))
        for name in ("open", "high", "low", "close")
    }
    return replace(bar, **prices)


def test_a_websocket_capture_runs_with_quotes_and_queues(shared_data: Path) -> None:
    capture = shared_data / "market/hftbacktest/binance_usdm_btcusdt_20240808.gz"
    fleet = a_fleet(
        a_bot("quoter", every=timedelta(seconds=1), symbol="BTC", spread_bps="1", requote_bps="0.5")
    )
    result = replay(fleet, open_source({BTC: capture}))
    assert result.events > 10_000
    assert result.bars == 6  # minutes that closed
    assert result.decisions > 300
    assert result.fills > 0
    assert result.equity_usd != 10_000


@pytest.mark.slow
def test_a_month_of_minutes(shared_data: Path) -> None:
    source = open_source({BTC: shared_data / "market/nautilus/btc-perp-20211231-20220201_1m.csv"})
    result = replay(a_fleet(a_bot("momentum", symbol="BTC")), source)
    assert result.bars == result.events == 45_031
    assert result.decisions > 1_000
    assert result.fills > 500
    assert result.sharpe is not None
