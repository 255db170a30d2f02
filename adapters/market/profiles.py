"""What a synthetic perpetual is like: its price grid, its temper and how thick its book is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from adapters.errors import ConfigError
from adapters.market.instruments import is_major
from adapters.model import Instrument, Symbol

PRICE_TICKS_MIN = 1000  # a coarser grid would make one tick a jump


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One synthetic market's constants."""

    price: Decimal  # at the start, quote per base
    tick: Decimal
    step: Decimal
    volatility: float = 1.0  # of a year, fraction; 365 days of 24 hours
    correlation: float = 0.7  # with the factor that all symbols share
    spread_bps: float = 1.0  # of the mid, in calm markets
    depth_usd: float = 20_000.0  # at the touch, about
    trades_per_s: float = 1.0
    trade_usd: float = 500.0  # the size that most trades exceed a little
    open_interest_usd: float = 50_000_000.0
    max_leverage: int = 10

    def instrument(self, symbol: Symbol) -> Instrument:
        """The instrument to trade. Maintenance margin is half the initial margin at full leverage.

        Source of the margin rule: Hyperliquid documentation, "Margining".
        """
        return Instrument(
            symbol=symbol,
            tick=self.tick,
            step=self.step,
            max_leverage=self.max_leverage,
            maintenance_margin=1 / Decimal(2 * self.max_leverage),
            is_major=is_major(symbol),
        )


PROFILES: Mapping[Symbol, Profile] = MappingProxyType(
    {
        Symbol("BTC"): Profile(
            price=Decimal(60_000),
            tick=Decimal(1),
            step=Decimal("0.00001"),
            volatility=0.5,
            correlation=0.9,
            spread_bps=0.2,
            depth_usd=200_000,
            trades_per_s=3,
            trade_usd=1500,
            open_interest_usd=2_000_000_000,
            max_leverage=40,
        ),
        Symbol("ETH"): Profile(
            price=Decimal(3000),
            tick=Decimal("0.1"),
            step=Decimal("0.0001"),
            volatility=0.65,
            correlation=0.9,
            spread_bps=0.4,
            depth_usd=100_000,
            trades_per_s=2,
            trade_usd=1000,
            open_interest_usd=1_000_000_000,
            max_leverage=25,
        ),
        Symbol("SOL"): Profile(
            price=Decimal(150),
            tick=Decimal("0.01"),
            step=Decimal("0.01"),
            volatility=0.9,
            correlation=0.8,
            spread_bps=0.8,
            depth_usd=50_000,
            trades_per_s=1.5,
            trade_usd=700,
            open_interest_usd=300_000_000,
            max_leverage=20,
        ),
    }
)


def profile_of(symbol: Symbol, start_price: Decimal | None) -> Profile:
    """The built-in profile, or for any other name one with five-digit prices that follow from the name.

    Raises:
        ConfigError: ``start_price`` is not positive, not on the tick, or below a thousand ticks.
    """
    if start_price is not None and not (start_price.is_finite() and start_price > 0):
        raise ConfigError(f"start price of {symbol}: {start_price} is not a positive number")
    profile = PROFILES.get(symbol) or _generic(start_price or _price_from_name(symbol))
    price = profile.price if start_price is None else start_price
    if price % profile.tick or price < PRICE_TICKS_MIN * profile.tick:
        raise ConfigError(
            f"start price of {symbol}: {price} must be a multiple of the tick {profile.tick}, "
            f"at least {PRICE_TICKS_MIN * profile.tick}"
        )
    return replace(profile, price=price)


def _generic(price: Decimal) -> Profile:
    magnitude = price.adjusted()  # 2 for 100 to 999
    return Profile(
        price=price, tick=Decimal(f"1E{magnitude - 4}"), step=min(Decimal(1), Decimal(f"1E{-magnitude}"))
    )


def _price_from_name(symbol: Symbol) -> Decimal:
    """Five digits, 0.10000 to 999.99."""
    number = int.from_bytes(hashlib.blake2b(symbol.encode(), digest_size=8).digest())
    return Decimal(10_000 + number % 90_000).scaleb(-2 - number // 90_000 % 4)
