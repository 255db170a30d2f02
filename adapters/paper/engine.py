"""What happens when orders arrive and when the market moves.

The rules are told in ``docs/paper-venue.md`` and, in short, in this package's docstring. Nothing here waits, reads a
clock or answers anybody: effects go to the ``Floor``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

from adapters.errors import VenueError
from adapters.model import (
    Bar,
    Book,
    ClientOrderId,
    FundingDue,
    Liquidity,
    MarketContext,
    MarketEvent,
    Order,
    OrderStatus,
    OrderType,
    Quote,
    Side,
    Trade,
)
from adapters.paper import margin
from adapters.paper.execution import Execution, Floor
from adapters.paper.ledger import EXACT
from adapters.paper.matching import BAR_SHARE, Market, is_triggered
from adapters.paper.rules import check_arrival
from adapters.paper.state import PaperAccount, Verb, Working
from adapters.venue import Fence

_TICKS = (Quote, Book, Trade)


class Engine:
    """Turns arrivals and market events into executions, funding and liquidations."""

    def __init__(self, floor: Floor, fence: Fence) -> None:
        self._floor = floor
        self._fence = fence
        self._changes = floor.changes
        self._execution = Execution(floor)

    def arrive(self, working: Working, at: datetime) -> None:
        """Let an order reach the book. Raises ``VenueError`` before anything has changed when it is refused."""
        order, account = working.order, self._floor.account_of(working)
        if self._fence is Fence.EXPIRY and order.expires_at is not None and order.expires_at < at:
            self._execution.finish(working, OrderStatus.EXPIRED, "arrived after its expiry", at)
            return
        working.worst_price = self._execution.worst_price(working)
        check_arrival(working, account, self._floor.markets)
        if order.leverage is not None and not order.reduce_only:
            account.leverage[order.symbol] = order.leverage
            self._changes.accounts.add(account.name)
        if working.in_flight:
            working.in_flight = False
            self._changes.touch(working)
        else:
            self._accept(working)
        market = self._floor.market_of(working)
        if not order.type.is_trigger:
            self._execution.take_and_rest(working, at)
        elif is_triggered(working, market.mark):
            self._execution.fire(working, at)
        else:
            market.restore(working)

    def cancel(self, working: Working, at: datetime) -> None:
        """Take an order out of the book because its owner asked."""
        self._execution.cancel(working, at)

    def land(self, market: Market, until: datetime) -> None:
        """Let everything that is due in this market reach its book, in the order of sending."""
        while market.in_flight and market.in_flight[0].due <= until:
            command = market.in_flight.popleft()
            self._changes.landed.append(command.number)
            working = self._floor.accounts[command.account].working.get(command.order_id)
            if working is None:
                continue  # it ended on its own while its cancel was on the way
            if command.verb is Verb.CANCEL:
                self.cancel(working, command.due)
                continue
            try:
                self.arrive(working, command.due)
            except VenueError as error:
                self._execution.finish(working, OrderStatus.REJECTED, str(error), command.due)

    def on_event(self, market: Market, event: MarketEvent) -> None:
        """Apply one piece of market news."""
        if isinstance(event, Bar):
            self._on_bar(market, event)
            return
        market.has_ticks = market.has_ticks or isinstance(event, _TICKS)
        if market.has_ticks:  # on a market of bars, orders arrive with the next open
            self.land(market, event.at)
        match event:
            case Quote():
                market.depth.show_quote(event)
                market.price = event.mid
                self._on_depth(market, event.at)
            case Book():
                market.depth.show_book(event)
                if event.bids and event.asks:
                    market.price = (event.bids[0].price + event.asks[0].price) / 2
                self._on_depth(market, event.at)
            case Trade():
                self._on_trade(market, event)
            case MarketContext():
                market.context_mark = event.mark_price
                self._on_mark(market, event.mark_price, event.at)
            case FundingDue():
                self._on_funding(market, event)

    def _on_depth(self, market: Market, at: datetime) -> None:
        if market.is_quiet:
            return
        if market.has_ticks:
            for working in market.shrink_queues():
                self._changes.touch(working)
        self._execution.make(market.crossed(), at)
        for working in tuple(market.fired):
            self._execution.take_fired(working, at)
        self._on_mark(market, market.mark, at)

    def _on_trade(self, market: Market, trade: Trade) -> None:
        if market.depth.best(Side.BUY) is None:
            market.price = trade.price  # where quotes are shown, their mid is the better price
        if market.is_quiet:
            return
        self._execution.make(market.hit_by(trade), trade.at)
        self._on_mark(market, trade.price if market.context_mark is None else market.mark, trade.at)

    def _on_mark(self, market: Market, reference: Decimal, at: datetime) -> None:
        for working in market.triggered_at(reference):
            if working.is_open:
                self._execution.fire(working, at)
        self._liquidate_breached(market, at)

    def _on_funding(self, market: Market, due: FundingDue) -> None:
        if market.is_spot or (market.funded_at is not None and due.at <= market.funded_at):
            return  # told twice, as after a restart
        market.funded_at = due.at
        self._changes.markets.add(due.symbol)
        self._changes.accounts.update(market.holders)
        house = self._floor.house
        for ledger in (*(self._floor.accounts[name].ledger for name in market.holders), house.market):
            notional = EXACT.multiply(ledger.size(due.symbol), due.mark_price)
            ledger.pay(EXACT.multiply(notional, due.rate), house.funding)
        self._liquidate_breached(market, due.at)

    def _on_bar(self, market: Market, bar: Bar) -> None:
        """The open, the stops and targets, the worst of the range, the limits, the close: in this order."""
        if market.has_ticks:
            return
        market.context_mark = None  # the bar is newer
        if not market.is_quiet:
            market.show_price(bar.open)
            self.land(market, bar.at)
            for working in tuple(market.fired):
                self._execution.take_fired(working, bar.at)
            self._liquidate_breached(market, bar.at)
            left = self._trigger_in(market, bar)
            self._liquidate_in(market, bar)
            self._execution.make(market.reached_by(bar, left), bar.at)
        market.last_volume = bar.volume
        market.show_price(bar.close)
        self._on_depth(market, bar.at)

    def _trigger_in(self, market: Market, bar: Bar) -> Decimal:
        """Fire what the range sets off; returns what is left of our share of the volume."""
        left = bar.volume * BAR_SHARE
        for working, price in market.triggered_by(bar):
            if not working.is_open or not self._execution.trigger(working, price, bar.at):
                continue
            size = market.instrument.round_size(min(self._execution.room(working), left))
            if size:
                self._execution.fill_with_market(working, price, size, Liquidity.TAKER, bar.at)
                left -= size
        return left

    def _liquidate_in(self, market: Market, bar: Bar) -> None:
        """Longs meet the low and shorts the high, since nobody knows how far the mark went in between."""
        for sign, extreme in ((1, bar.low), (-1, bar.high)):
            market.price = extreme
            breached = [
                account
                for account in self._holders(market)
                if account.ledger.size(bar.symbol) * sign > 0
                and margin.is_breached(account, self._floor.markets)
            ]
            if breached:
                market.show_price(extreme)
            for account in breached:
                self._liquidate(account, bar.at)
        market.price = bar.open

    def _liquidate_breached(self, market: Market, at: datetime) -> None:
        for account in self._holders(market):
            if margin.is_breached(account, self._floor.markets):
                self._liquidate(account, at)

    def _liquidate(self, account: PaperAccount, at: datetime) -> None:
        """Cancel all orders, then close the perpetuals; what finds no depth now is tried again with fresh data."""
        for working in account.arrived():
            self._execution.cancel(working, at, "liquidated")
        for symbol, held in tuple(account.ledger.holdings.items()):
            market = self._floor.markets[symbol]
            side = Side.SELL if held.size > 0 else Side.BUY
            offers = (offer.size >= market.instrument.step for offer in market.offers(side))
            if not held.size or market.is_spot or not any(offers):
                continue
            account.liquidation_count += 1
            name = f"{account.name} liquidation {account.liquidation_count}"
            order = Order(
                id=ClientOrderId(blake2b(name.encode(), digest_size=16).hexdigest()),
                symbol=symbol,
                side=side,
                size=abs(held.size),
                type=OrderType.MARKET,
                reduce_only=True,
            )
            working = Working(account=account.name, order=order, priority=0, at=at, reason="liquidated")
            self._changes.accounts.add(account.name)
            self._accept(working)
            self._execution.take_and_rest(working, at)

    def _accept(self, working: Working) -> None:
        self._floor.account_of(working).working[working.order.id] = working
        self._changes.report(working)

    def _holders(self, market: Market) -> Iterator[PaperAccount]:
        for name in tuple(market.holders):
            yield self._floor.accounts[name]
