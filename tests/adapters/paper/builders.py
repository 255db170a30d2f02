"""Short words for orders and market news, on one perpetual (tick 1, step 0.001) and one spot market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TypeAlias

from adapters.clock import VirtualClock
from adapters.model import (
    Bar,
    Book,
    Fill,
    Instrument,
    InstrumentKind,
    Level,
    Order,
    OrderReport,
    OrderType,
    Quote,
    Side,
    Symbol,
    Trade,
)
from adapters.paper.exchange import PaperExchange
from adapters.paper.storage import PaperStorage
from adapters.venue import UserEvent

Number: TypeAlias = Decimal | int | str

START = datetime(2026, 1, 5, tzinfo=UTC)
BTC = Symbol("BTC")
COIN = Symbol("COIN/USD")
PERP = Instrument(
    symbol=BTC,
    tick=Decimal(1),
    step=Decimal("0.001"),
    maker_fee=Decimal("0.0001"),
    taker_fee=Decimal("0.0005"),
    maintenance_margin=Decimal("0.025"),
)
SPOT = Instrument(
    symbol=COIN, kind=InstrumentKind.SPOT, tick=Decimal("0.01"), step=Decimal("0.1"), max_leverage=1
)

_ids = count(1)


def dec(value: Number) -> Decimal:
    return Decimal(value)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def an_order(side: Side, size: Number, price: Number | None = None, **fields: object) -> Order:
    """A limit order with a price, a market order without, unless ``type`` says otherwise."""
    fields.setdefault("id", f"{next(_ids):032x}")
    fields.setdefault("type", OrderType.MARKET if price is None else OrderType.LIMIT)
    fields.setdefault("symbol", BTC)
    price = None if price is None else dec(price)
    return Order(side=side, size=dec(size), price=price, **fields)  # type: ignore[arg-type]  # any of Order's fields


def buy(size: Number, price: Number | None = None, **fields: object) -> Order:
    return an_order(Side.BUY, size, price, **fields)


def sell(size: Number, price: Number | None = None, **fields: object) -> Order:
    return an_order(Side.SELL, size, price, **fields)


def stop(side: Side, size: Number, trigger: Number, *, reduce_only: bool = True) -> Order:
    return an_order(side, size, type=OrderType.STOP, trigger=dec(trigger), reduce_only=reduce_only)


def target(side: Side, size: Number, trigger: Number) -> Order:
    return an_order(side, size, type=OrderType.TAKE_PROFIT, trigger=dec(trigger), reduce_only=True)


def a_quote(bid: Number, ask: Number, size: Number = 10, *, t: float = 0, symbol: Symbol = BTC) -> Quote:
    return Quote(symbol=symbol, bid=dec(bid), ask=dec(ask), bid_size=dec(size), ask_size=dec(size), at=at(t))


def a_book(bids: list[tuple[Number, Number]], asks: list[tuple[Number, Number]], *, t: float = 0) -> Book:
    def levels(side: list[tuple[Number, Number]]) -> tuple[Level, ...]:
        return tuple(Level(dec(price), dec(size)) for price, size in side)

    return Book(symbol=BTC, bids=levels(bids), asks=levels(asks), at=at(t))


def a_trade(side: Side, size: Number, price: Number, *, t: float = 0) -> Trade:
    return Trade(symbol=BTC, price=dec(price), size=dec(size), side=side, at=at(t))


def a_bar(
    open_: Number, high: Number, low: Number, close: Number, volume: Number = 1000, *, minute: int = 1
) -> Bar:
    return Bar(
        symbol=BTC,
        open=dec(open_),
        high=dec(high),
        low=dec(low),
        close=dec(close),
        volume=dec(volume),
        interval=timedelta(minutes=1),
        at=at(60 * minute),
    )


class Desk:
    """An exchange with two rich accounts, and the ears to hear what it tells them."""

    def __init__(
        self,
        *,
        perp: Instrument = PERP,
        latency: timedelta = timedelta(0),
        storage: PaperStorage | None = None,
        cash: Number = 1_000_000,
    ) -> None:
        self.clock = VirtualClock(START)
        self.exchange = PaperExchange(
            {BTC: perp, COIN: SPOT}, clock=self.clock, latency=latency, storage=storage
        )
        self.heard: list[UserEvent] = []
        for name in ("ann", "bob"):
            self.exchange.open_account(name, dec(cash))
        self.exchange.subscribe("ann", self.heard.append)
        self.on = self.exchange.on_market

    def place(self, order: Order, account: str = "ann") -> OrderReport:
        return self.exchange.place(account, order)

    def report(self, order: Order, account: str = "ann") -> OrderReport:
        return self.exchange.order(account, order.id)

    def size(self, account: str = "ann", symbol: Symbol = BTC) -> Decimal:
        sizes = {position.symbol: position.size for position in self.exchange.positions(account)}
        return sizes.get(symbol, Decimal(0))

    def fills(self, account: str = "ann") -> list[tuple[Decimal, Decimal]]:
        """Price and size of each fill."""
        return [(fill.price, fill.size) for fill in self.exchange.fills_since(account, 0)]


def fills_in(heard: list[UserEvent]) -> list[Fill]:
    return [event for event in heard if isinstance(event, Fill)]
