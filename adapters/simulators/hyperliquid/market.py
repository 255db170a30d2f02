"""The market that the simulator plays: a synthetic one with a past, or a recording that begins again at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from random import Random

from adapters.market.profiles import Profile, profile_of
from adapters.market.synthetic import YEAR_S
from adapters.model import Bar, FundingDue, MarketEvent, Side, Symbol
from adapters.venue import MarketSource

COINS = tuple(map(Symbol, ("BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "LINK", "HYPE")))
SPOT = (Symbol("PURR/USDC"),)
PAST = timedelta(days=1)  # so that changes over hours, and a day's volume, are known at once
MINUTE = timedelta(minutes=1)
HOURLY_INTEREST = Decimal("0.0000125")  # funding without a premium


def past_of(symbols: Sequence[Symbol], seed: int, now: datetime) -> Iterator[Bar | FundingDue]:
    """A day in minutes, up to where a synthetic market of these symbols begins; oldest first, symbol by symbol.

    A walk backwards from the first price, with the market's own volatility; every hour pays the interest.
    """
    for symbol in symbols:
        chance = Random(f"{seed} {symbol}")  # noqa: S311 - a market, not a secret
        bars = _bars(symbol, profile_of(symbol, None), chance, now.replace(second=0, microsecond=0))
        for bar in reversed(bars):
            yield bar
            if not bar.at.minute:
                yield FundingDue(symbol=symbol, rate=HOURLY_INTEREST, mark_price=bar.close, at=bar.at)


def from_now_on(source: MarketSource, now: datetime, speed: float) -> Iterator[MarketEvent]:
    """A recording over and over, its times moved to begin now and pressed by ``speed``."""
    began = now
    while True:
        first: datetime | None = None
        at = began
        for event in source.events():
            first = first or event.at
            at = began + (event.at - first) / speed
            yield replace(event, at=at)
        if first is None:
            return
        began = at + timedelta(seconds=1)


def _bars(symbol: Symbol, profile: Profile, chance: Random, end: datetime) -> list[Bar]:
    """Newest first."""
    instrument = profile.instrument(symbol)
    a_minute = profile.volatility * sqrt(MINUTE.total_seconds() / YEAR_S)
    volume = Decimal(profile.trades_per_s * MINUTE.total_seconds() * profile.trade_usd) / profile.price
    bars: list[Bar] = []
    close = profile.price
    for age in range(PAST // MINUTE):
        before = close / Decimal(1 + a_minute * chance.gauss(0, 1))
        opened = max(instrument.round_price(before, Side.BUY), instrument.tick)
        reach = Decimal(a_minute * chance.random() / 2)
        bars.append(
            Bar(
                symbol=symbol,
                open=opened,
                high=instrument.round_price(max(opened, close) * (1 + reach), Side.SELL),
                low=instrument.round_price(min(opened, close) * (1 - reach), Side.BUY),
                close=close,
                volume=instrument.round_size(volume * Decimal(0.5 + chance.random())),
                interval=MINUTE,
                at=end - age * MINUTE,
            )
        )
        close = opened
    return bars
