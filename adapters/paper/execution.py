"""How an order trades, triggers and ends.

``Floor`` is the whole state of the exchange; ``Execution`` is the only writer of positions and of order states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from adapters.model import ZERO, Fill, Liquidity, OrderStatus, OrderType, Side, Symbol, TimeInForce
from adapters.paper import margin
from adapters.paper.ledger import EXACT, House
from adapters.paper.matching import Market
from adapters.paper.rules import closable
from adapters.paper.state import FINISHED_KEPT, Changes, PaperAccount, Working


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """All markets, accounts and the house, and what the present call has changed of them."""

    markets: dict[Symbol, Market]
    accounts: dict[str, PaperAccount]
    house: House
    changes: Changes

    def market_of(self, working: Working) -> Market:
        return self.markets[working.order.symbol]

    def account_of(self, working: Working) -> PaperAccount:
        return self.accounts[working.account]


class Execution:
    """Trades, triggers and ends orders."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._changes = floor.changes

    def take(self, working: Working, limit: Decimal | None, at: datetime) -> None:
        """Trade with what the market offers up to the limit, best price first."""
        market = self._floor.market_of(working)
        for offer in market.offers(working.order.side, limit):
            maker = offer.maker
            if maker is not None and not maker.is_open:
                continue  # an earlier fill ended it
            if maker is not None and maker.account == working.account:
                self.cancel(maker, at, "self-trade")
                continue
            size = min(offer.size, self.room(working))
            if maker is not None:
                size = min(size, self._maker_room(maker, at))
            size = market.instrument.round_size(size)
            if not size:
                continue
            if maker is None:
                market.depth.take(working.order.side.opposite, offer.price, size)
                self.fill_with_market(working, offer.price, size, Liquidity.TAKER, at)
            else:
                self._fill(maker, offer.price, size, Liquidity.MAKER, at)
                self._fill(working, offer.price, size, Liquidity.TAKER, at)
            if not working.is_open:
                return

    def take_and_rest(self, working: Working, at: datetime) -> None:
        """Take what there is; the rest joins the queue, or is cancelled where it may not."""
        order, market = working.order, self._floor.market_of(working)
        self.take(working, order.price, at)
        if not working.is_open:
            return
        if order.type is OrderType.MARKET or order.tif is TimeInForce.IOC:
            self.cancel(working, at, working.reason or "no more depth within its limit")
        elif not self.room(working):
            self.cancel(working, at, "nothing left to sell")
        else:
            market.rest(working)
            self._changes.touch(working)

    def make(self, reached: Iterable[tuple[Working, Decimal]], at: datetime) -> None:
        """Fill resting orders at their limit with what has reached them."""
        for working, available in reached:
            if not working.is_open:
                continue
            self._changes.touch(working)  # its queue may have moved
            instrument = self._floor.market_of(working).instrument
            size = instrument.round_size(min(available, self._maker_room(working, at)))
            if size:
                self.fill_with_market(working, working.limit, size, Liquidity.MAKER, at)

    def fill_with_market(
        self, working: Working, price: Decimal, size: Decimal, liquidity: Liquidity, at: datetime
    ) -> None:
        """Trade against everybody who is not an account here."""
        self._floor.house.market.trade(working.order.symbol, -size * working.order.side.sign, price)
        self._fill(working, price, size, liquidity, at)

    def fire(self, working: Working, at: datetime) -> None:
        """Let a stop or target go to the market."""
        if self.trigger(working, self.worst_price(working), at):
            self.take_fired(working, at)

    def trigger(self, working: Working, price: Decimal, at: datetime) -> bool:
        """Make it a market order expected to cost ``price``; False when its account cannot afford it any more."""
        market = self._floor.market_of(working)
        market.remove(working)
        working.triggered = True
        working.worst_price = price
        if not self._is_affordable(working, at):
            return False
        market.restore(working)
        self._changes.touch(working)
        return True

    def take_fired(self, working: Working, at: datetime) -> None:
        """A triggered order takes what there is and stays for fresh depth: a stop must not give up half-way."""
        if not working.is_open:
            return
        working.worst_price = self.worst_price(working)
        if self._is_affordable(working, at):
            self.take(working, None, at)

    def cancel(self, working: Working, at: datetime, reason: str = "cancelled") -> None:
        self.finish(working, OrderStatus.CANCELLED, reason, at)

    def finish(self, working: Working, status: OrderStatus, reason: str, at: datetime) -> None:
        """End an order and keep its report for those who ask later."""
        account, order_id = self._floor.account_of(working), working.order.id
        working.status, working.reason, working.at, working.in_flight = status, reason, at, False
        self._floor.market_of(working).remove(working)
        account.working.pop(order_id, None)
        account.finished[order_id] = working.report()
        if len(account.finished) > FINISHED_KEPT:
            oldest = next(iter(account.finished))
            del account.finished[oldest]
            self._changes.forgotten.append((account.name, oldest))
        self._changes.report(working)

    def room(self, working: Working) -> Decimal:
        """How much the order may still trade: a reduce-only order or a spot sale no more than what is held."""
        if working.order.reduce_only or self._is_spot_sale(working):
            return min(working.remaining, closable(working, self._floor.account_of(working)))
        return working.remaining

    def worst_price(self, working: Working) -> Decimal:
        """What a unit could cost: the limit, else the trigger, else the end of the depth that it needs."""
        order, market = working.order, self._floor.market_of(working)
        if order.price is not None:
            return order.price
        if order.trigger is not None and not working.triggered:
            return order.trigger
        worst, needed = market.mark, working.remaining
        for offer in market.offers(order.side):
            if offer.maker is not None and offer.maker.account == working.account:
                continue
            worst = max(worst, offer.price)
            needed -= offer.size
            if needed <= 0:
                break
        return worst

    def _fill(
        self, working: Working, price: Decimal, size: Decimal, liquidity: Liquidity, at: datetime
    ) -> None:
        """Book one side of a trade and tell its owner."""
        order, account = working.order, self._floor.account_of(working)
        instrument = self._floor.market_of(working).instrument
        rate = instrument.maker_fee if liquidity is Liquidity.MAKER else instrument.taker_fee
        fee = EXACT.multiply(EXACT.multiply(size, price), rate)
        account.ledger.trade(order.symbol, size * order.side.sign, price)
        account.ledger.pay(fee, self._floor.house.fees)
        account.fill_count += 1
        fill = Fill(
            id=f"{account.name}-{account.fill_count}",
            sequence=account.fill_count,
            order_id=order.id,
            symbol=order.symbol,
            side=order.side,
            price=price,
            size=size,
            fee=fee,
            liquidity=liquidity,
            at=at,
        )
        self._changes.fill(account.name, fill)
        working.filled += size
        working.notional += size * price
        working.at = at
        if working.remaining:
            self._changes.report(working)
        else:
            self.finish(working, OrderStatus.FILLED, working.reason, at)
        self._follow_position(account, order.symbol, at)

    def _follow_position(self, account: PaperAccount, symbol: Symbol, at: datetime) -> None:
        """Note who holds what, and end the reduce-only orders that have nothing left to reduce."""
        holders = self._floor.markets[symbol].holders
        if account.ledger.size(symbol):
            holders[account.name] = None
        else:
            holders.pop(account.name, None)
        for working in account.arrived(symbol):
            if working.order.reduce_only and not closable(working, account):
                self.cancel(working, at, working.reason or "reduce-only: nothing left to reduce")

    def _maker_room(self, working: Working, at: datetime) -> Decimal:
        """The room of a resting order, which ends here if its margin was lost since it came."""
        return self.room(working) if self._is_affordable(working, at) else ZERO

    def _is_affordable(self, working: Working, at: datetime) -> bool:
        """Whether the order may still trade; cancels it if not."""
        account, markets = self._floor.account_of(working), self._floor.markets
        if not self.room(working):
            self.cancel(working, at, "nothing left to close")
            return False
        if (
            working.order.reduce_only
            or self._is_spot_sale(working)
            or closable(working, account) >= working.remaining
            or margin.initial(account, markets) <= margin.collateral(account, markets)
        ):
            return True
        self.cancel(working, at, "insufficient margin")
        return False

    def _is_spot_sale(self, working: Working) -> bool:
        return working.order.side is Side.SELL and self._floor.market_of(working).is_spot
