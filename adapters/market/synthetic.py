"""A market made of a seed: correlated perpetuals with regimes, jumps, depth, trades, funding and open interest.

Every number comes from ``random.Random(seed).random()`` through the four basic operations and the square root, which
IEEE 754 rounds alike everywhere. So a seed gives the same events, to the last digit, in every process and on every
machine. (Logarithms and the library's normal variates are not that portable.)

One Markov chain of regimes rules all symbols. Per step of ``dt`` seconds a symbol's return is, in units of its own
volatility, ``drift dt + vol sqrt(dt) (c F + sqrt(1 - c²) e) + jumps``, with a shared factor F and an own noise e.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import sqrt
from operator import attrgetter
from random import Random
from types import MappingProxyType

from adapters.errors import ConfigError
from adapters.market.profiles import Profile, profile_of
from adapters.model import (
    Book,
    FundingDue,
    Instrument,
    Level,
    MarketContext,
    MarketEvent,
    Quote,
    Side,
    Symbol,
    Trade,
)

YEAR_S = 365 * 24 * 3600
HOUR = timedelta(hours=1)
STEP_MAX = timedelta(minutes=1)  # a regime lasts a minute or two; longer steps would not see it
CONTEXT_EVERY = timedelta(seconds=3)
LEVELS = 5
FLOOR_TICKS = 100.0  # no price falls below this many ticks

JUMP = 20.0  # the smallest jump, in volatilities of one second; the tail falls with the fourth power
JUMP_MAX = 300.0
MARKET_JUMP_EVERY_S = 1800.0
OWN_JUMP_EVERY_S = 14_400.0

PREMIUM_TREND = 4e-4  # perp over index, fraction, that a trend pulls towards
PREMIUM_MEMORY_S = 300.0
PREMIUM_NOISE = 1.6e-5  # per square root of a second
INTEREST = 1e-4  # funding without premium, per 8 hours
OPEN_INTEREST_NOISE = 1e-4  # per square root of a second

Uniform = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Regime:
    """A mood of the whole market."""

    drift: float  # volatilities of one second, per second
    volatility: float  # times the symbol's own
    activity: float  # times the usual number of trades
    spread: float  # times the usual spread
    mean_s: float  # how long it lasts on average


CALM = Regime(0.0, 0.7, 0.7, 1.0, 120.0)
UP = Regime(0.2, 1.0, 1.3, 1.0, 90.0)
DOWN = Regime(-0.2, 1.0, 1.3, 1.0, 90.0)
VOLATILE = Regime(0.0, 2.5, 2.5, 3.0, 45.0)

NEXT: Mapping[Regime, tuple[tuple[float, Regime], ...]] = MappingProxyType(
    {  # cumulative probabilities
        CALM: ((0.4, UP), (0.8, DOWN), (1.0, VOLATILE)),
        UP: ((0.6, CALM), (0.85, VOLATILE), (1.0, DOWN)),
        DOWN: ((0.6, CALM), (0.85, VOLATILE), (1.0, UP)),
        VOLATILE: ((0.5, CALM), (0.75, UP), (1.0, DOWN)),
    }
)


class SyntheticMarket:
    """An endless ``MarketSource``.

    Each step shows a ``Quote`` and a five-level ``Book`` per symbol, then the ``Trade``s until the next step, at
    the touch and in the direction that the price is about to move more often than not. A ``MarketContext`` comes
    every three seconds, a ``FundingDue`` at every full hour UTC after the start.

    Args:
        symbols: BTC, ETH and SOL have built-in profiles; any other name gets a price that follows from the name.
        seed: same seed, same events.
        start: aware; when the first quotes are shown.
        step: of market time, at most a minute.
        start_prices: instead of the profiles' own; on the tick.

    Raises:
        ConfigError: no or repeated symbols, a bad step, a naive start, or an impossible start price.
    """

    def __init__(
        self,
        symbols: Sequence[Symbol],
        seed: int,
        start: datetime,
        step: timedelta = timedelta(milliseconds=250),
        start_prices: Mapping[Symbol, Decimal] | None = None,
    ) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise ConfigError(
                f"symbols of a synthetic market: {list(symbols)} must be one or more different names"
            )
        if not timedelta(milliseconds=1) <= step <= STEP_MAX:
            raise ConfigError(f"step of a synthetic market: {step} must be from 1 ms to {STEP_MAX}")
        if start.tzinfo is None:
            raise ConfigError(f"start of a synthetic market: {start} has no time zone")
        prices = start_prices or {}
        self._profiles = {symbol: profile_of(symbol, prices.get(symbol)) for symbol in symbols}
        self._seed = seed
        self._start = start.astimezone(UTC)
        self._step = step

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        return {symbol: profile.instrument(symbol) for symbol, profile in self._profiles.items()}

    def events(self) -> Iterator[MarketEvent]:
        uniform = Random(self._seed).random  # noqa: S311 - a market, not a secret
        weather = _Weather(uniform, self._step.total_seconds())
        perps = [_Perp(symbol, profile, uniform, self._step) for symbol, profile in self._profiles.items()]
        now = context_at = self._start
        funding_at = now.replace(minute=0, second=0, microsecond=0) + HOUR
        while True:
            weather.change()
            for perp in perps:
                yield from perp.show(now, weather)
            if now >= context_at:
                yield from [perp.context(now) for perp in perps]
                context_at = now + CONTEXT_EVERY
            until_next: list[MarketEvent] = []
            if funding_at < now + self._step:
                until_next += [perp.funding(funding_at) for perp in perps]
                funding_at += HOUR
            for perp in perps:
                perp.move(weather)
                until_next += perp.trades(now, weather)
            until_next.sort(key=attrgetter("at"))
            yield from until_next
            now += self._step


class _Weather:
    """What all symbols share: the regime, the common factor and the market's jumps."""

    def __init__(self, uniform: Uniform, step_s: float) -> None:
        self._uniform = uniform
        self._step_s = step_s
        self.regime = CALM
        self.factor = 0.0
        self.jump = 0.0

    def change(self) -> None:
        uniform = self._uniform
        if uniform() * self.regime.mean_s < self._step_s:
            draw = uniform()
            self.regime = next(regime for bound, regime in NEXT[self.regime] if draw < bound)
        self.factor = _normal(uniform)
        self.jump = _jump(uniform) if uniform() * MARKET_JUMP_EVERY_S < self._step_s else 0.0


class _Perp:
    """One symbol's state; prices in ticks and sizes in steps, so that whole numbers are on the grid."""

    def __init__(self, symbol: Symbol, profile: Profile, uniform: Uniform, step: timedelta) -> None:
        price = float(profile.price)
        size_unit_usd = price * float(profile.step)
        self._symbol = symbol
        self._uniform = uniform
        self._tick, self._size_step = profile.tick, profile.step
        self._step_s = step.total_seconds()
        self._root_step = sqrt(self._step_s)
        self._step_us = step // timedelta(microseconds=1)
        self._volatility = profile.volatility / sqrt(YEAR_S)  # of one second
        self._common = profile.correlation
        self._own = sqrt(1 - profile.correlation**2)
        self._spread = profile.spread_bps * 1e-4
        self._trades = profile.trades_per_s * self._step_s
        self._touch = profile.depth_usd / size_unit_usd
        self._trade = profile.trade_usd / size_unit_usd
        self._open_interest = profile.open_interest_usd / size_unit_usd
        self._mid = float(profile.price / profile.tick)
        self._rises = False
        self._premium = INTEREST
        self._premium_sum = 0.0
        self._premium_count = 0
        self._bid = self._ask = Level(profile.price, profile.step)

    def show(self, now: datetime, weather: _Weather) -> tuple[Quote, Book]:
        uniform = self._uniform
        spread = self._mid * self._spread * weather.regime.spread * (0.7 + 0.6 * uniform())
        width = max(1, round(spread))
        best_bid = round(self._mid - width / 2)
        bids = self._side(best_bid, -1, width)
        asks = self._side(best_bid + width, 1, width)
        self._bid, self._ask = bids[0], asks[0]
        quote = Quote(
            symbol=self._symbol,
            bid=self._bid.price,
            bid_size=self._bid.size,
            ask=self._ask.price,
            ask_size=self._ask.size,
            at=now,
        )
        return quote, Book(symbol=self._symbol, bids=bids, asks=asks, at=now)

    def _side(self, best: int, away: int, width: int) -> tuple[Level, ...]:
        uniform, tick, size_step, touch = self._uniform, self._tick, self._size_step, self._touch
        ticks = best
        levels = []
        for depth in range(LEVELS):
            steps = int(touch * (0.3 + 1.4 * uniform()) * (1 + 0.5 * depth)) + 1
            levels.append(Level(ticks * tick, steps * size_step))
            ticks += away * (1 + int(uniform() * (width + 1)))
        return tuple(levels)

    def move(self, weather: _Weather) -> None:
        """Draw the next mid, premium and open interest."""
        uniform, regime, root = self._uniform, weather.regime, self._root_step
        noise = self._common * weather.factor + self._own * _normal(uniform)
        change = regime.drift * self._step_s + regime.volatility * root * noise + weather.jump
        if uniform() * OWN_JUMP_EVERY_S < self._step_s:
            change += _jump(uniform)
        self._rises = change > 0
        self._mid = max(self._mid * (1 + self._volatility * change), FLOOR_TICKS)
        pull = (PREMIUM_TREND * _sign(regime.drift) - self._premium) * self._step_s / PREMIUM_MEMORY_S
        self._premium += pull + PREMIUM_NOISE * root * _normal(uniform)
        self._premium_sum += self._premium
        self._premium_count += 1
        self._open_interest *= 1 + OPEN_INTEREST_NOISE * root * _normal(uniform)

    def trades(self, now: datetime, weather: _Weather) -> list[MarketEvent]:
        """Those until the next quote; their number is geometric, their size falls off with the square."""
        uniform = self._uniform
        mean = self._trades * weather.regime.activity
        another = mean / (1 + mean)
        buys = 0.7 if self._rises else 0.3
        made: list[MarketEvent] = []
        while uniform() < another:
            side, level = (Side.BUY, self._ask) if uniform() < buys else (Side.SELL, self._bid)
            steps = int(self._trade * (1 / sqrt(1 - uniform()) - 0.8)) + 1
            made.append(
                Trade(
                    symbol=self._symbol,
                    price=level.price,
                    size=min(steps * self._size_step, level.size),
                    side=side,
                    at=now + timedelta(microseconds=1 + int(uniform() * (self._step_us - 1))),
                )
            )
        return made

    def context(self, now: datetime) -> MarketContext:
        return MarketContext(
            symbol=self._symbol,
            mark_price=self._mark(),
            funding_rate=self._funding_rate(),
            open_interest=int(self._open_interest) * self._size_step,
            at=now,
        )

    def funding(self, at: datetime) -> FundingDue:
        """The payment for the hour that ends, whose average premium is then forgotten."""
        due = FundingDue(symbol=self._symbol, rate=self._funding_rate(), mark_price=self._mark(), at=at)
        self._premium_sum, self._premium_count = 0.0, 0
        return due

    def _mark(self) -> Decimal:
        return (self._bid.price + self._ask.price) / 2

    def _funding_rate(self) -> Decimal:
        """Hourly, eight digits: an eighth of the interest and the hour's average premium."""
        premium = self._premium_sum / self._premium_count if self._premium_count else self._premium
        return Decimal(round((premium + INTEREST) / 8 * 1e8)).scaleb(-8)


def _normal(uniform: Uniform) -> float:
    """Mean 0, deviation 1, nearly normal: four uniforms have the variance 1/3."""
    return (uniform() + uniform() + uniform() + uniform() - 2.0) * 1.7320508075688772


def _jump(uniform: Uniform) -> float:
    size = min(JUMP / sqrt(sqrt(1 - uniform())), JUMP_MAX)
    return size if uniform() < 0.5 else -size


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
