"""What Hyperliquid answers. Fields that we do not read are left out, and what older answers lack has a default.

Numbers come as texts and are decoded to ``Decimal`` exactly; ids come as numbers, in some recordings as texts.

Source: Hyperliquid API documentation, "Info endpoint", "Websocket"; recorded answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from adapters.market.bars import EPOCH

T = TypeVar("T")
Ms = Annotated[int, Meta(ge=0, le=32_503_680_000_000)]  # epoch milliseconds, to the year 3000
Decimals = Annotated[int, Meta(ge=0, le=8)]
DIGITS_MAX = 30  # before and after the point; what has more is no price, size or sum of money
AHEAD_MAX = timedelta(days=1)  # no nonce from further ahead is taken either
PRICE_DIGITS_MAX = 12  # as many are safe to reckon with, rounding to any tick included


class Answer(Struct):
    """Base of all that carries numbers: NaN, infinity and absurd exponents are no numbers."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) is Decimal and not (value.is_finite() and abs(value.adjusted()) <= DIGITS_MAX):
                raise ValueError(f"{name} is {value}")


class PerpAsset(Struct):
    """One market of ``meta``."""

    name: str
    step_decimals: Decimals = field(name="szDecimals")
    max_leverage: int = field(name="maxLeverage", default=1)
    is_delisted: bool | None = field(name="isDelisted", default=None)
    only_isolated: bool | None = field(name="onlyIsolated", default=None)


class PerpMeta(Struct):
    """``meta``; a market's number is its place."""

    universe: list[PerpAsset]


class Token(Struct):
    """One token of ``spotMeta``."""

    name: str
    index: int
    step_decimals: Decimals = field(name="szDecimals")


class SpotPair(Struct):
    """One market of ``spotMeta``; its number is 10,000 plus the index."""

    name: str
    index: int
    tokens: tuple[int, int]


class SpotMeta(Struct):
    """``spotMeta``."""

    tokens: list[Token]
    universe: list[SpotPair]


class AssetContext(Answer):
    """A market's state beside its prices. ``funding`` and ``openInterest`` are of perpetuals only."""

    mark_price: Decimal = field(name="markPx")
    mid_price: Decimal | None = field(name="midPx", default=None)
    funding: Decimal = Decimal(0)
    open_interest: Decimal = field(name="openInterest", default=Decimal(0))


class Leverage(Struct):
    """A position's leverage and margin mode."""

    value: int
    type: str = "cross"


class PositionLine(Answer):
    """One position of ``clearinghouseState``."""

    coin: str
    size: Decimal = field(name="szi")
    leverage: Leverage
    entry_price: Decimal | None = field(name="entryPx", default=None)
    value: Decimal = field(name="positionValue", default=Decimal(0))
    liquidation_price: Decimal | None = field(name="liquidationPx", default=None)


class AssetPosition(Struct):
    """A position in its envelope."""

    position: PositionLine


class MarginSummary(Answer):
    """What the perpetuals account is worth."""

    account_value: Decimal = field(name="accountValue")
    margin_used: Decimal = field(name="totalMarginUsed", default=Decimal(0))


class ClearinghouseState(Answer):
    """``clearinghouseState``: the perpetuals account. Early recordings have no time."""

    positions: list[AssetPosition] = field(name="assetPositions")
    cross: MarginSummary = field(name="crossMarginSummary")
    withdrawable: Decimal = Decimal(0)
    margin: MarginSummary | None = field(name="marginSummary", default=None)
    time: Ms | None = None


class Balance(Answer):
    """What is held of one token; ``hold`` is in resting orders."""

    coin: str
    total: Decimal
    hold: Decimal = Decimal(0)
    paid: Decimal = field(name="entryNtl", default=Decimal(0))


class SpotState(Struct):
    """``spotClearinghouseState``."""

    balances: list[Balance]


class OrderLine(Answer):
    """An order as every answer tells it; ``openOrders`` and ``orderUpdates`` leave the lower half out."""

    coin: str
    side: Literal["B", "A"]
    limit_price: Decimal = field(name="limitPx")
    remaining: Decimal = field(name="sz")
    oid: int
    timestamp: Ms
    size: Decimal | None = field(name="origSz", default=None)
    cloid: str | None = None
    reduce_only: bool = field(name="reduceOnly", default=False)
    is_trigger: bool = field(name="isTrigger", default=False)
    trigger_price: Decimal = field(name="triggerPx", default=Decimal(0))
    order_type: str = field(name="orderType", default="Limit")
    tif: str | None = None

    def __post_init__(self) -> None:
        Answer.__post_init__(self)
        if self.remaining < 0 or (self.size is not None and self.size < 0):
            raise ValueError(f"an order of {self.size} with {self.remaining} left")


class OrderUpdate(Struct):
    """One of ``orderUpdates``, ``historicalOrders``, or the order inside ``orderStatus``."""

    order: OrderLine
    status: str
    status_timestamp: Ms = field(name="statusTimestamp")


class StatusAnswer(Struct):
    """``orderStatus``: "order" with one, or "unknownOid"."""

    status: Literal["order", "unknownOid"]
    order: OrderUpdate | UnsetType = UNSET


class FillLine(Answer):
    """One execution. Early recordings have no ``tid`` and no ``feeToken``."""

    coin: str
    price: Decimal = field(name="px")
    size: Decimal = field(name="sz")
    side: Literal["B", "A"]
    time: Ms
    oid: int
    crossed: bool = True
    fee: Decimal = Decimal(0)
    fee_token: str = field(name="feeToken", default="USDC")
    tid: int = 0
    cloid: str | None = None
    start_position: Decimal = field(name="startPosition", default=Decimal(0))

    def __post_init__(self) -> None:
        Answer.__post_init__(self)
        if not (self.size > 0 and self.price >= 0):
            raise ValueError(f"a fill of {self.size} at {self.price}")


class FillsNews(Struct):
    """A message of ``userFills``; the first one is what there was before."""

    fills: list[FillLine]
    is_snapshot: bool = field(name="isSnapshot", default=False)


class MidsNews(Struct):
    """A message of ``allMids``: prices by the exchange's names of the markets."""

    mids: dict[str, Decimal]

    def __post_init__(self) -> None:
        self.mids = prices_in(self.mids)


class Candle(Answer):
    """One of ``candleSnapshot``; the close time is a millisecond before the next one opens."""

    open_ms: Ms = field(name="t")
    close_ms: Ms = field(name="T")
    open: Decimal = field(name="o")
    high: Decimal = field(name="h")
    low: Decimal = field(name="l")
    close: Decimal = field(name="c")
    volume: Decimal = field(name="v")


class PriceLevel(Answer):
    """One price of a book."""

    price: Decimal = field(name="px")
    size: Decimal = field(name="sz")

    def __post_init__(self) -> None:
        Answer.__post_init__(self)
        if not (self.size > 0 and self.price > 0):
            raise ValueError(f"a level of {self.size} at {self.price}")


class L2Book(Struct):
    """``l2Book``: bids and asks, best first."""

    coin: str
    levels: tuple[list[PriceLevel], list[PriceLevel]]
    time: Ms


class BestPrices(Struct):
    """``bbo``: best bid and ask, each where there is one."""

    coin: str
    best: tuple[PriceLevel | None, PriceLevel | None] = field(name="bbo")
    time: Ms


class TradeLine(Answer):
    """One of ``trades``; ``side`` is the aggressor's."""

    coin: str
    side: Literal["B", "A"]
    price: Decimal = field(name="px")
    size: Decimal = field(name="sz")
    time: Ms


class ContextNews(Struct):
    """A message of ``activeAssetCtx`` or ``activeSpotAssetCtx``."""

    coin: str
    context: AssetContext = field(name="ctx")


class RequestCount(Struct):
    """``userRateLimit``."""

    used: int = field(name="nRequestsUsed")
    cap: int = field(name="nRequestsCap")


class ActionAnswer(Struct):
    """What /exchange answers: "ok" with a body, or "err" with a text."""

    status: Literal["ok", "err"]
    response: Raw


class ActionBody(Struct):
    """The body of an "ok": one status an order or cancel, or nothing more to say."""

    type: str
    data: dict[str, Any] | UnsetType = UNSET


class Envelope(Struct):
    """Any message of the websocket."""

    channel: str
    data: Raw = Raw(b"null")


def check_not_ahead(times_ms: Iterable[int], now: datetime) -> None:
    """Raises ``ValueError`` for a time that no clock's error explains: next to it all that follows would be old."""
    limit_ms = (now + AHEAD_MAX - EPOCH) // timedelta(milliseconds=1)
    ahead_ms = max(times_ms, default=0)
    if ahead_ms > limit_ms:
        raise ValueError(f"{ahead_ms} is far ahead of {now}")


def prices_in(told: dict[str, Decimal]) -> dict[str, Decimal]:
    """What of it can be a price: positive, and neither beyond all prices nor below."""
    return {
        coin: price
        for coin, price in told.items()
        if price.is_finite() and price > 0 and abs(price.adjusted()) <= PRICE_DIGITS_MAX
    }


def decoded(body: bytes | Raw | str, kind: type[T]) -> T:
    """The answer as what it should be. Raises ``msgspec.MsgspecError`` or ``ValueError`` for anything else."""
    return msgspec.json.decode(body, type=kind, strict=False)
