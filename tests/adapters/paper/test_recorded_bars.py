"""A month of recorded one-minute bars, BTC perpetual, January 2022."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from adapters.clock import VirtualClock
from adapters.model import Bar, Instrument, OrderType, Side, Symbol
from adapters.paper.exchange import PaperExchange
from tests.adapters.paper.builders import an_order

BTC = Symbol("BTC")
RULES = Instrument(symbol=BTC, tick=Decimal(1), step=Decimal("0.0001"))


def recorded(folder: Path) -> Iterator[Bar]:
    """The file's volume is in USD."""
    with (folder / "market/nautilus/btc-perp-20211231-20220201_1m.csv").open() as lines:
        for row in csv.DictReader(lines):
            open_, high, low, close, volume = (
                Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")
            )
            yield Bar(
                symbol=BTC,
                open=open_,
                high=high,
                low=low,
                close=close,
                volume=volume / close,
                interval=timedelta(minutes=1),
                at=datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC),
            )


def test_a_month_of_trading_is_balanced_and_every_fill_lies_in_its_bar(shared_data: Path) -> None:
    bars = list(recorded(shared_data))
    clock = VirtualClock(bars[0].at)
    exchange = PaperExchange({BTC: RULES}, clock=clock, latency=timedelta(milliseconds=300))
    exchange.open_account("ann", Decimal(100_000))
    by_close = {bar.at: bar for bar in bars}
    for number, bar in enumerate(bars):
        clock.set(bar.at)
        exchange.on_market(bar)
        if number % 500 == 0:
            side = Side.BUY if number % 1000 else Side.SELL
            limit = RULES.round_price(bar.close * (1 - Decimal("0.001") * side.sign), side)
            exchange.place("ann", an_order(side, "0.5", limit))
            guard = RULES.round_price(bar.close * (1 - Decimal("0.01") * side.sign), side)
            exchange.place(
                "ann", an_order(side.opposite, "0.5", type=OrderType.STOP, trigger=guard, reduce_only=True)
            )
    fills = exchange.fills_since("ann", 0)
    assert len(fills) > 40
    for fill in fills:
        bar = by_close.get(fill.at) or next(bar for bar in bars if bar.at > fill.at)
        spread = RULES.tick + bar.close / 10_000
        assert bar.low - spread <= fill.price <= bar.high + spread
    assert exchange.trial_balance().is_balanced
    assert exchange.last_prices() == {BTC: Decimal("38544.0")}
