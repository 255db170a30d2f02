"""A market that is cheap to play: a few quotes a second, from a seed, that ends when the run shall be quiet."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from adapters.model import Instrument, MarketEvent, Quote, Symbol
from cluster.simulation.clocks import BEGIN

BTC, ETH = Symbol("BTC"), Symbol("ETH")
STEP = timedelta(milliseconds=500)
PRICES = {BTC: Decimal(1000), ETH: Decimal(100)}
WIDEST_BPS = 12  # of one step, of the price


class SparseMarket:
    """Two markets that wander. Implements ``MarketSource``.

    Args:
        seed: of the prices.
        lasts: from the first quote to the last.
    """

    def __init__(self, seed: int, lasts: timedelta) -> None:
        self._seed = seed
        self._lasts = lasts

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        return {
            symbol: Instrument(
                symbol=symbol,
                tick=price / 10_000,
                step=Decimal("0.001"),
                min_notional_usd=Decimal(10),
                max_leverage=20,
                is_major=True,
            )
            for symbol, price in PRICES.items()
        }

    def events(self) -> Iterator[MarketEvent]:
        draw = random.Random(f"market/{self._seed}")  # noqa: S311
        prices, ticks = dict(PRICES), {symbol: item.tick for symbol, item in self.instruments.items()}
        for number in range(int(self._lasts / STEP)):
            for symbol, tick in ticks.items():
                moved = prices[symbol] * (1 + Decimal(draw.randint(-WIDEST_BPS, WIDEST_BPS)) / 10_000)
                mid = prices[symbol] = (moved / tick).to_integral_value() * tick
                half = tick * draw.randint(1, 3)
                yield Quote(
                    symbol=symbol,
                    bid=mid - half,
                    bid_size=Decimal(draw.randint(1, 4)),
                    ask=mid + half,
                    ask_size=Decimal(draw.randint(1, 4)),
                    at=BEGIN + number * STEP,
                )
