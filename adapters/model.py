"""The trading words that every layer shares.

Prices are quote per base, sizes are in base units, money is in USD; all three are ``Decimal``. Times are aware
UTC. All values are frozen: news makes a new value. Standard library only, so that a bot's process stays small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import NewType

Symbol = NewType("Symbol", str)  # a market on one venue, in the venue's own name: "BTC", "ETH/USD"
ClientOrderId = NewType("ClientOrderId", str)  # 32 lower-case hex digits, ours, made before the order is sent
BotId = NewType("BotId", str)
WalletId = NewType("WalletId", str)

ZERO = Decimal(0)
_ONE = Decimal(1)


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """How an order finds its price. Stop and take-profit become market orders at their trigger."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"

    @property
    def is_trigger(self) -> bool:
        return self in (OrderType.STOP, OrderType.TAKE_PROFIT)


class TimeInForce(StrEnum):
    """How long an order lives."""

    GTC = "gtc"  # until cancelled
    IOC = "ioc"  # what fills at once; the rest is cancelled
    POST_ONLY = "post_only"  # rejected if it would take


class OrderStatus(StrEnum):
    """Where an order stands at the venue."""

    OPEN = "open"  # resting, partly filled or not, or waiting for its trigger
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"  # its ``expires_at`` had passed when it reached the venue

    @property
    def is_final(self) -> bool:
        return self is not OrderStatus.OPEN


class InstrumentKind(StrEnum):
    """What is traded."""

    PERP = "perp"
    SPOT = "spot"


class MarketMode(StrEnum):
    """What a venue takes in a market at the moment. Reducing and cancelling are tried in any of them."""

    OPEN = "open"
    REDUCE_ONLY = "reduce_only"
    MAINTENANCE = "maintenance"
    DELISTED = "delisted"


class Liquidity(StrEnum):
    """Whether a fill added to the book or took from it."""

    MAKER = "maker"
    TAKER = "taker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One market's rules at one venue."""

    symbol: Symbol
    kind: InstrumentKind = InstrumentKind.PERP
    tick: Decimal  # smallest price step, quote per base
    price_figures: int | None = None  # most significant digits of a price; whole numbers may have more
    step: Decimal  # smallest size step, base
    min_notional_usd: Decimal = Decimal(10)
    max_leverage: int = 20
    maker_fee: Decimal = Decimal("0.00015")  # fraction of notional; negative is a rebate
    taker_fee: Decimal = Decimal("0.00045")  # fraction of notional
    maintenance_margin: Decimal = Decimal("0.025")  # fraction of notional
    funding_interval: timedelta = timedelta(hours=1)
    is_major: bool = False  # BTC and ETH: value bands and leverage caps differ from the rest
    mode: MarketMode = MarketMode.OPEN

    @property
    def size_decimals(self) -> int:
        """Digits that a size has after its point at most."""
        exponent = self.step.normalize().as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """The nearest tick that is no worse for us: buys down, sells up."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return _to_multiple(price, self.tick_at(price), rounding)

    def tick_at(self, price: Decimal) -> Decimal:
        """The price step that holds at this price: where digits are counted, it grows with the price, up to 1."""
        if self.price_figures is None or price <= 0:
            return self.tick
        last_digit = Decimal(1).scaleb(price.adjusted() + 1 - self.price_figures)
        return max(self.tick, min(last_digit, _ONE))

    def round_size(self, size: Decimal) -> Decimal:
        """The size cut down to the step: exposure is never rounded up."""
        return _to_multiple(size, self.step, ROUND_FLOOR)

    def is_on_tick(self, price: Decimal) -> bool:
        return price > 0 and price % self.tick_at(price) == 0

    def is_on_step(self, size: Decimal) -> bool:
        return size > 0 and size % self.step == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a venue. The id is ours, and is what makes asking twice harmless."""

    id: ClientOrderId
    symbol: Symbol
    side: Side
    size: Decimal  # base, positive
    type: OrderType = OrderType.LIMIT
    price: Decimal | None = None  # limit price; None for market and trigger orders
    trigger: Decimal | None = None  # trigger price of stop and take-profit
    tif: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    leverage: int | None = None  # asked for before an opening order; None leaves the account's own
    expires_at: datetime | None = None  # the venue refuses the order if it arrives later


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """An order as the venue tells it."""

    order: Order
    status: OrderStatus
    filled: Decimal = ZERO  # base, cumulative
    average_price: Decimal | None = None  # of what is filled
    reason: str = ""  # why it was rejected or cancelled, in the venue's words
    venue_id: str = ""  # the venue's own number of it, where it tells one
    at: datetime

    @property
    def remaining(self) -> Decimal:
        return self.order.size - self.filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. ``sequence`` numbers an account's fills upwards, in the order in which they happened."""

    id: str
    sequence: int
    previous: int | None = None  # the number of the account's fill before it; None: one less, or not known
    order_id: ClientOrderId
    symbol: Symbol
    side: Side
    price: Decimal
    size: Decimal
    fee: Decimal  # USD; negative is a rebate
    liquidity: Liquidity
    at: datetime

    def follows(self, sequence: int) -> bool:
        """Whether no fill is missing between the one numbered ``sequence`` and this one."""
        before = self.sequence - 1 if self.previous is None else self.previous
        return before <= sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A signed holding: positive is long."""

    symbol: Symbol
    size: Decimal = ZERO  # base, signed
    entry_price: Decimal = ZERO  # average, quote per base; 0 when flat
    mark_price: Decimal = ZERO
    leverage: int = 1
    liquidation_price: Decimal | None = None

    @property
    def notional_usd(self) -> Decimal:
        return abs(self.size) * self.mark_price

    @property
    def unrealized_usd(self) -> Decimal:
        return self.size * (self.mark_price - self.entry_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an account is worth, in USD."""

    equity_usd: Decimal
    cash_usd: Decimal
    margin_used_usd: Decimal = ZERO
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Best bid and ask."""

    symbol: Symbol
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    at: datetime

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class Level:
    """One price of an order book."""

    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Visible depth, best first on both sides."""

    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A public trade; ``side`` is the aggressor's."""

    symbol: Symbol
    price: Decimal
    size: Decimal
    side: Side
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A closed candle: ``at`` is its close."""

    symbol: Symbol
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  # base
    interval: timedelta
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketContext:
    """What a perpetual's market shows beside its prices."""

    symbol: Symbol
    mark_price: Decimal
    funding_rate: Decimal  # fraction per funding interval; positive: longs pay shorts
    open_interest: Decimal  # base
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingDue:
    """The instant at which holders pay or receive ``rate`` of their notional at the mark price."""

    symbol: Symbol
    rate: Decimal  # fraction; positive: longs pay shorts
    mark_price: Decimal
    at: datetime


MarketEvent = Quote | Book | Trade | Bar | MarketContext | FundingDue


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One market as a strategy sees it at one instant."""

    symbol: Symbol
    quote: Quote
    mark_price: Decimal
    age_s: float  # since its last news was received, by a monotonic clock
    funding_rate: Decimal = ZERO
    open_interest: Decimal = ZERO  # base
    context_age_s: float | None = None  # of funding rate and open interest; None where none was told
    change_1h: float | None = None  # fraction; None until known
    change_4h: float | None = None
    bar_at: datetime | None = None  # close of the newest closed bar
    close: float | None = None  # of that bar
    indicators: Mapping[str, float] = field(default_factory=dict)  # by name: "ema_12"; absent until warm
    previous: Mapping[str, float] = field(default_factory=dict)  # the same, one closed bar earlier


def _to_multiple(value: Decimal, unit: Decimal, rounding: str) -> Decimal:
    return (value / unit).to_integral_value(rounding=rounding) * unit
