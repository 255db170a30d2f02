import gzip
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import ConfigError
from adapters.market.captures import CaptureReplay
from adapters.market.replay import BarReplay
from adapters.market.source import open_source
from adapters.model import (
    Book,
    InstrumentKind,
    MarketContext,
    MarketEvent,
    Quote,
    Side,
    Symbol,
    Trade,
)

BTC, ETH = Symbol("BTC"), Symbol("ETH")
FOLDER = "market/hftbacktest"
USDM, SPOT = "binance_usdm_btcusdt_20240808.gz", "binance_spot_btcusdt_20240808.gz"
SPOT_ETH, COINM = "binance_spot_ethusdt_20240808.gz", "binance_cm_btcusd_perp_20240808.gz"
HYPERLIQUID = "hyperliquid_btcusd_20250126.gz"


def played(path: Path) -> list[MarketEvent]:
    return list(CaptureReplay({BTC: path}).events())


def a_capture(path: Path, messages: Iterable[Any]) -> Path:
    """One message a millisecond; text is written as it is."""
    lines = (
        f"{1_700_000_000_000_000_000 + number * 1_000_000} {m if isinstance(m, str) else json.dumps(m)}\n"
        for number, m in enumerate(messages)
    )
    path.write_text("".join(lines))
    return path


def a_depth(first: int, last: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    data = {"e": "depthUpdate", "E": 1_700_000_000_000 + last, "U": first, "u": last, "b": bids, "a": asks}
    return {"stream": "btcusdt@depth@100ms", "data": data}


def a_snapshot(last: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    return {"lastUpdateId": last, "bids": bids, "asks": asks}


def books(events: Iterable[MarketEvent]) -> list[tuple[list[str], list[str]]]:
    return [
        (
            [f"{level.size}@{level.price}" for level in book.bids],
            [f"{level.size}@{level.price}" for level in book.asks],
        )
        for book in events
        if isinstance(book, Book)
    ]


@pytest.mark.parametrize(
    ("file", "bid", "ask", "counts"),
    [
        (USDM, "61659.70", "61659.80", {Quote: 66_089, Trade: 21_313}),
        (SPOT, "61685.99", "61686.00", {Quote: 28_040, Trade: 9757}),
        (SPOT_ETH, "2682.50", "2682.51", {Quote: 24_077, Trade: 6106}),
        (COINM, "61668.6", "61668.7", {Quote: 19_136, Trade: 2286}),
    ],
)
def test_a_recorded_book_stays_whole_and_agrees_with_the_recorded_quotes(
    shared_data: Path, file: str, bid: str, ask: str, counts: dict[type, int]
) -> None:
    seen: Counter[type] = Counter()
    book: Book | None = None
    compared = agreed = 0
    now = datetime(2024, 8, 1, tzinfo=UTC)
    for event in CaptureReplay({BTC: shared_data / FOLDER / file}).events():
        seen[type(event)] += 1
        assert event.at >= now
        now = event.at
        match event:
            case Book():
                book = event
                assert len(book.bids) == len(book.asks) == 20
                assert book.bids[0].price < book.asks[0].price
            case Quote() if book:
                compared += 1
                agreed += abs(book.bids[0].price / event.bid - 1) < Decimal("0.0005")
    assert book is not None
    assert (book.bids[0].price, book.asks[0].price) == (Decimal(bid), Decimal(ask))
    assert {kind: seen[kind] for kind in counts} == counts
    assert agreed > 0.99 * compared > 0


def test_events_carry_the_exchanges_time_not_the_recorders(shared_data: Path) -> None:
    events = CaptureReplay({BTC: shared_data / FOLDER / USDM}).events()
    trade = next(event for event in events if isinstance(event, Trade))
    assert trade.at == datetime(
        2024, 8, 8, 23, 54, 16, 322_000, tzinfo=UTC
    )  # received at 15.088 by its clock
    assert (trade.price, trade.size, trade.side) == (Decimal("61800.30"), Decimal("0.006"), Side.BUY)


@pytest.mark.parametrize(
    ("file", "kind", "tick", "step"),
    [
        (USDM, InstrumentKind.PERP, "0.1", "0.001"),
        (SPOT, InstrumentKind.SPOT, "0.01", "0.00001"),
        (SPOT_ETH, InstrumentKind.SPOT, "0.01", "0.0001"),
        (COINM, InstrumentKind.PERP, "0.1", "1E-8"),
        (HYPERLIQUID, InstrumentKind.PERP, "1", "0.00001"),
    ],
)
def test_instruments_follow_from_the_capture(
    shared_data: Path, file: str, kind: InstrumentKind, tick: str, step: str
) -> None:
    rule = CaptureReplay({BTC: shared_data / FOLDER / file}).instruments[BTC]
    assert (rule.kind, rule.tick, rule.step, rule.is_major) == (kind, Decimal(tick), Decimal(step), True)


def test_contracts_of_a_hundred_dollars_become_base_units(shared_data: Path) -> None:
    events = CaptureReplay({BTC: shared_data / FOLDER / COINM}).events()
    quote = next(event for event in events if isinstance(event, Quote))
    assert quote.bid_size == Decimal("0.05662999")  # 35 contracts at 61804.7, cut down


@pytest.mark.parametrize("file", [USDM, SPOT, COINM])
def test_a_missing_depth_line_empties_the_book_until_a_snapshot(
    shared_data: Path, tmp_path: Path, file: str
) -> None:
    with gzip.open(shared_data / FOLDER / file, "rt") as capture:
        lines = capture.readlines()[:3000]
    depths = [number for number, line in enumerate(lines) if "depthUpdate" in line]
    missing = depths[len(depths) // 2]
    cut = tmp_path / "cut.txt"
    cut.write_text("".join(lines[:missing] + lines[missing + 1 :]))
    whole = tmp_path / "whole.txt"
    whole.write_text("".join(lines))
    assert all(book.bids for book in played(whole) if isinstance(book, Book))
    after_cut = [event for event in played(cut) if isinstance(event, Book)]
    assert [bool(book.bids) for book in after_cut] == [True] * (len(after_cut) - 1) + [False]
    assert after_cut[-1].asks == ()


def test_hyperliquid_gives_books_quotes_and_only_trades_of_its_time(shared_data: Path) -> None:
    events = played(shared_data / FOLDER / HYPERLIQUID)
    first = events[0]
    assert isinstance(first, Quote)
    assert (first.bid, first.bid_size, first.at.year) == (Decimal("105055.0"), Decimal("3.03622"), 2025)
    trades = [event for event in events if isinstance(event, Trade)]
    assert len(trades) == 34  # of 64: thirty are from before the subscription
    assert {trade.side for trade in trades} == {Side.BUY, Side.SELL}
    assert all(before.at <= after.at for before, after in pairwise(events))
    assert sum(isinstance(event, Book) for event in events) == 45  # one of 46 shows nothing new


def test_depth_before_the_snapshot_waits_for_it_and_older_depth_is_dropped(tmp_path: Path) -> None:
    path = a_capture(
        tmp_path / "a.txt",
        [
            a_depth(1, 5, [["9", "111"]], []),
            a_depth(6, 9, [["10", "2"]], [["12", "0"]]),
            a_snapshot(7, [["10", "1"]], [["12", "1"], ["13", "1"]]),
            a_depth(10, 11, [["10", "0"], ["8", "4"]], []),
        ],
    )
    assert books(played(path)) == [(["2@10"], ["1@13"]), (["4@8"], ["1@13"])]


def test_a_snapshot_older_than_the_changes_at_hand_is_not_used(tmp_path: Path) -> None:
    side = [["10", "1"]], [["12", "1"]]
    messages = [a_depth(6, 9, *side), a_snapshot(4, *side), a_depth(10, 11, *side)]
    messages.append(
        {"stream": "btcusdt@trade", "data": {"p": "11", "q": "1", "T": 1_700_000_000_000, "m": True}}
    )
    assert books(played(a_capture(tmp_path / "a.txt", messages))) == []


def test_after_a_gap_a_new_snapshot_brings_the_book_back(tmp_path: Path) -> None:
    side = [["10", "1"]], [["12", "1"]]
    path = a_capture(
        tmp_path / "a.txt",
        [
            a_snapshot(1, *side),
            a_depth(3, 4, [["10", "5"]], []),
            a_snapshot(4, [["9", "3"]], [["12", "1"]]),
            a_depth(5, 6, [["9", "4"]], []),
        ],
    )
    assert books(played(path)) == [(["1@10"], ["1@12"]), ([], []), (["3@9"], ["1@12"]), (["4@9"], ["1@12"])]


def test_a_late_snapshot_does_not_set_a_whole_book_back(tmp_path: Path) -> None:
    path = a_capture(
        tmp_path / "a.txt",
        [
            a_snapshot(1, [["10", "1"]], [["12", "1"]]),
            a_depth(2, 5, [["10", "6"]], []),
            a_snapshot(3, [["10", "3"]], [["12", "1"]]),
            a_depth(6, 6, [], [["12", "2"]]),
        ],
    )
    assert books(played(path)) == [(["1@10"], ["1@12"]), (["6@10"], ["1@12"]), (["6@10"], ["2@12"])]


def test_a_change_below_the_visible_levels_is_no_news(tmp_path: Path) -> None:
    bids = [[str(price), "1"] for price in range(100, 70, -1)]
    path = a_capture(
        tmp_path / "a.txt",
        [
            a_snapshot(1, bids, [["101", "1"]]),
            a_depth(2, 2, [["75", "9"]], []),
            a_depth(3, 3, [["99", "9"]], []),
        ],
    )
    assert [shown[0][:2] for shown in books(played(path))] == [["1@100", "1@99"], ["1@100", "9@99"]]


def test_mark_prices_aggregate_trades_and_trades_of_nothing(tmp_path: Path) -> None:
    def a_trade(kind: str, price: str, maker: bool) -> dict[str, Any]:
        data = {"e": kind, "p": price, "q": "2", "T": 1_700_000_000_500, "m": maker}
        return {"stream": f"btcusdt@{kind}", "data": data}

    mark = {
        "e": "markPriceUpdate",
        "E": 1_700_000_000_400,
        "p": "60.5",
        "r": "0.0001",
        "T": 1_700_006_400_000,
    }
    path = a_capture(
        tmp_path / "a.txt",
        [
            {"stream": "btcusdt@markPrice@1s", "data": mark},
            a_trade("aggTrade", "0", maker=False),
            a_trade("aggTrade", "60", maker=True),
            a_trade("trade", "60", maker=True),
            {"stream": "btcusdt@kline_1m", "data": {"anything": 1}},
        ],
    )
    context, trade = played(path)
    at = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert context == MarketContext(
        symbol=BTC,
        mark_price=Decimal("60.5"),
        funding_rate=Decimal("0.0001"),
        open_interest=Decimal(0),
        at=at + timedelta(milliseconds=400),
    )
    assert trade == Trade(
        symbol=BTC,
        price=Decimal(60),
        size=Decimal(2),
        side=Side.SELL,
        at=at + timedelta(milliseconds=500),
    )


def test_two_captures_are_merged_in_time(shared_data: Path) -> None:
    replay = open_source({BTC: shared_data / FOLDER / SPOT, ETH: shared_data / FOLDER / SPOT_ETH})
    times: list[datetime] = []
    symbols: Counter[Symbol] = Counter()
    for event in replay.events():
        times.append(event.at)
        symbols[event.symbol] += 1
    assert times == sorted(times)
    assert set(symbols) == {BTC, ETH}


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        (['{"stream": "btcusdt@trade", "data": {"p": '], "line 1: Input data was truncated"),
        (["[]"], "line 1: Expected `object`"),
        ([{"result": None, "id": 1}], "holds no message of Binance or Hyperliquid"),
        ([{"channel": "pong"}], "holds no depth, quote or trade"),
        (
            [{"stream": "btcusdt@trade", "data": {"p": "x", "q": "1", "T": 1, "m": True}}],
            "line 1: .*price|.p",
        ),
        (
            [a_depth(1, 1, [], []), {"stream": "ethusdt@trade", "data": {}}],
            "line 2: is of ethusdt, after btcusdt",
        ),
        (
            [
                {
                    "channel": "l2Book",
                    "data": {"coin": coin, "time": 1, "levels": [[{"px": "1", "sz": "1"}], []]},
                }
                for coin in ("BTC", "ETH")
            ],
            "line 2: is of ETH, after BTC",
        ),
    ],
)
def test_a_damaged_capture_is_named_with_its_line(
    tmp_path: Path, messages: list[Any], complaint: str
) -> None:
    path = a_capture(tmp_path / "a.txt", messages)
    with pytest.raises(ConfigError, match=complaint) as refusal:
        played(path)
    assert str(path) in str(refusal.value)


def test_a_cut_gzip_is_an_error_and_not_an_early_end(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes((shared_data / FOLDER / SPOT).read_bytes()[:300_000])
    with pytest.raises(ConfigError, match="cannot be read"):
        played(path)


def test_the_source_is_known_by_what_the_files_hold(shared_data: Path, tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text("time,open,high,low,close,volume\n1,1,1,1,1,1\n61,1,1,1,1,1\n")
    capture = a_capture(tmp_path / "capture.csv", [a_snapshot(1, [["1", "1"]], [["2", "1"]])])
    assert isinstance(open_source({BTC: bars}), BarReplay)
    assert isinstance(open_source({BTC: capture}), CaptureReplay)
    assert isinstance(open_source({BTC: shared_data / FOLDER / HYPERLIQUID}), CaptureReplay)
    with pytest.raises(ConfigError, match="BTC and ETH do not go together"):
        open_source({BTC: capture, ETH: bars})
    with pytest.raises(ConfigError, match="at least one file"):
        open_source({})
    with pytest.raises(ConfigError, match="cannot be read"):
        open_source({BTC: tmp_path / "none.gz"})
