"""Orders at the paper exchange, and what becomes of them there.

Stops and targets at market wait at the paper exchange. Those with a limit wait here for the mark, and exits here for
their entry to fill: the paper exchange knows neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from adapters.clock import Clock
from adapters.errors import Insufficient, InvalidParam, NotFound, RiskRejected, VenueError
from adapters.model import ZERO, Fill, Order, OrderReport, OrderStatus, OrderType, Symbol, TimeInForce
from adapters.paper.exchange import PaperExchange
from adapters.simulators.hyperliquid import refusals
from adapters.simulators.hyperliquid.ledger import Deed, Ledger
from adapters.simulators.hyperliquid.listing import Listing
from adapters.simulators.hyperliquid.orders import OPEN, Orders, VenueOrder
from adapters.simulators.hyperliquid.records import Record
from adapters.simulators.hyperliquid.refusals import OrderRefusal
from adapters.simulators.hyperliquid.tape import Tape
from adapters.simulators.hyperliquid.wire import Json, millis, number
from adapters.venue import UserEvent

WHOLE_POSITION = 10**12  # steps, more than anybody holds: a reduce-only order takes what there is
_TIF: Mapping[str | None, TimeInForce] = MappingProxyType(
    {
        None: TimeInForce.GTC,
        "Gtc": TimeInForce.GTC,
        "Ioc": TimeInForce.IOC,
        "Alo": TimeInForce.POST_ONLY,
    }
)
_ENDINGS: Mapping[str, str] = MappingProxyType(  # by the paper exchange's reason
    {
        "self-trade": "selfTradeCanceled",
        "reduce-only: nothing left to reduce": "reduceOnlyCanceled",
        "nothing left to close": "reduceOnlyCanceled",
        "insufficient margin": "marginCanceled",
        "liquidated": "liquidatedCanceled",
    }
)


class News(Protocol):
    """Where it is told what happened."""

    def order_changed(self, order: VenueOrder) -> None: ...

    def filled(self, order: VenueOrder, told: Json) -> None: ...


def spot_account(user: str) -> str:
    """The user's second account at the paper exchange, for his spot markets."""
    return f"{user} spot"


class Matching:
    """Sends orders, ends orders, and follows them."""

    def __init__(
        self, exchange: PaperExchange, listing: Listing, tape: Tape, clock: Clock, ledger: Ledger
    ) -> None:
        self.orders = Orders()
        self.records: dict[str, Record] = {}
        self._exchange = exchange
        self._listing = listing
        self._tape = tape
        self._clock = clock
        self._ledger = ledger
        self._listeners: list[News] = []
        self._parked: dict[Symbol, dict[int, VenueOrder]] = {}
        self._trades = 0

    def listen(self, news: News) -> None:
        """Tell it of every order and fill from now on."""
        self._listeners.append(news)

    @property
    def now_ms(self) -> int:
        """The venue's time."""
        return millis(self._clock.now())

    def open_account(self, user: str, cash_usd: Decimal) -> None:
        """A user with money in his perpetuals account, and a spot account without."""
        if user in self.records:
            return
        self.records[user] = Record()
        for name, cash in ((user, cash_usd), (spot_account(user), ZERO)):
            self._exchange.open_account(name, cash)
            self._exchange.subscribe(name, lambda event: self._heard(user, event))

    def send(self, order: VenueOrder) -> OrderRefusal | None:
        """To the paper exchange, or to wait here; why it was refused."""
        trigger = order.trigger
        if trigger is not None and not trigger.isMarket and order.status == OPEN:
            if order.reduce_only and not self._closable(order):
                return self.refuse(order, refusals.increases(order.asset.number))
            self._parked.setdefault(order.asset.symbol, {})[order.oid] = order
            self._accepted(order)
            return None
        try:
            self._exchange.place(_account(order), self._paper_order(order))
        except VenueError as error:
            return self.refuse(order, self._reason(order, error))
        return refusals.no_match(order.asset.number) if order.status == "iocCancelRejected" else None

    def refuse(self, order: VenueOrder, refusal: OrderRefusal) -> OrderRefusal:
        """Note that an order was refused."""
        self.orders.change(order, refusal.status, self.now_ms)
        self._ledger.write(
            self.now_ms,
            Deed.REFUSED,
            order.user,
            {"oid": order.oid, "cloid": order.cloid, "reason": refusal.text},
        )
        self._tell(order)
        return refusal

    def end(self, order: VenueOrder, status: str) -> None:
        """Cancel an order, wherever it waits."""
        if order.parent is not None or self._unpark(order):
            self._finished(order, status)
            return
        order.ending = status
        with suppress(NotFound):  # it has ended there, and the news of it is on its way
            self._exchange.cancel(_account(order), order.paper_id)

    def on_mark(self, symbol: Symbol) -> None:
        """Let go what waits here for the market's mark."""
        mark = self._tape.of(symbol).mark
        if mark is None:
            return
        for order in tuple(self._parked.get(symbol, {}).values()):
            if order.is_open and order.is_set_off_by(mark):
                self._unpark(order)
                self.orders.change(order, "triggered", self.now_ms)
                self._tell(order)
                self.send(order)

    def _heard(self, user: str, event: UserEvent) -> None:
        if isinstance(event, Fill):
            order = self.orders.at_paper(event.order_id)
            assert order is not None
            self._trades += 1
            order.notional += event.price * event.size
            told = self.records[user].take_fill(order, event, self._trades)
            self._ledger.write(millis(event.at), Deed.FILLED, user, told)
            for listener in self._listeners:
                listener.filled(order, told)
        else:
            self._reported(user, event)

    def _reported(self, user: str, report: OrderReport) -> None:
        order = self.orders.at_paper(report.order.id)
        if order is None:
            asset, paper = self._listing.by_symbol[report.order.symbol], report.order
            order = self.orders.enter_liquidation(user, asset, paper.id, paper.side, paper.size, self.now_ms)
        order.filled = report.filled
        match report.status:
            case OrderStatus.OPEN if report.filled:
                self._tell(order)
            case OrderStatus.OPEN:
                if order.status == OPEN:
                    self._accepted(order)
            case OrderStatus.FILLED:
                self._finished(order, "filled")
            case _:
                self._finished(order, _ending(order, report))

    def _tell(self, order: VenueOrder) -> None:
        for listener in self._listeners:
            listener.order_changed(order)

    def _accepted(self, order: VenueOrder) -> None:
        self._ledger.write(self.now_ms, Deed.ACCEPTED, order.user, order.told_fully())
        self._tell(order)

    def _finished(self, order: VenueOrder, status: str) -> None:
        self.orders.change(order, status, self.now_ms)
        order.parent = None
        self._ledger.write(
            self.now_ms,
            Deed.ENDED,
            order.user,
            {"oid": order.oid, "cloid": order.cloid, "status": status, "filled": number(order.filled)},
        )
        self._tell(order)
        for child in order.children:
            self._entry_ended(child, order.filled)
        order.children = []
        if order.filled:
            for sibling in order.siblings:
                if sibling.is_open:
                    self.end(sibling, "siblingFilledCanceled")

    def _entry_ended(self, child: VenueOrder, filled: Decimal) -> None:
        """An exit comes to life for what its entry has filled, or ends with it."""
        if not child.is_open:
            return
        if not filled:
            self.end(child, "canceled")
            return
        child.parent = None
        child.size = min(child.size, filled)
        self.send(child)

    def _unpark(self, order: VenueOrder) -> bool:
        return self._parked.get(order.asset.symbol, {}).pop(order.oid, None) is not None

    def _closable(self, order: VenueOrder) -> bool:
        held = self.records[order.user].holdings.get(order.asset.symbol)
        return held is not None and held.size * order.side.sign < 0

    def _paper_order(self, order: VenueOrder) -> Order:
        asset = order.asset
        opens = not (order.reduce_only or asset.is_spot)
        base = Order(
            id=order.paper_id,
            symbol=asset.symbol,
            side=order.side,
            size=order.size or WHOLE_POSITION * asset.instrument.step,
            price=order.price,
            tif=_TIF[order.tif],
            reduce_only=order.reduce_only,
            leverage=self.records[order.user].margin(asset).leverage if opens else None,
        )
        if order.trigger is None or not order.trigger.isMarket:
            return base
        kind = OrderType.STOP if order.trigger.tpsl == "sl" else OrderType.TAKE_PROFIT
        return replace(base, type=kind, price=None, trigger=Decimal(order.trigger.triggerPx))

    def _reason(self, order: VenueOrder, error: VenueError) -> OrderRefusal:
        """What the paper exchange's refusal is called here; complaints about form are met before."""
        asset = order.asset
        match error:
            case Insufficient():
                refuse = refusals.no_balance if asset.is_spot else refusals.no_margin
                return refuse(asset.number)
            case RiskRejected():
                return refusals.increases(asset.number)
            case InvalidParam():
                view = self._tape.of(asset.symbol)
                is_big = order.size * order.price >= asset.instrument.min_notional_usd
                if order.tif == "Alo" and is_big and view.bids and view.asks:
                    return refusals.would_match(asset.number, view.bids[0].price, view.asks[0].price)
                return refusals.too_small(asset.number, quote="USDC" if asset.is_spot else None)
            case _:
                return refusals.no_liquidity(asset.number)


def _account(order: VenueOrder) -> str:
    return spot_account(order.user) if order.asset.is_spot else order.user


def _ending(order: VenueOrder, report: OrderReport) -> str:
    if order.is_position_exit and report.filled:
        return "filled"
    if order.tif == "Ioc" and not report.filled and not order.ending:
        return "iocCancelRejected"
    return order.ending or _ENDINGS.get(report.reason, "canceled")
