"""One market: what it shows, our resting orders with their queues, and who is next."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from heapq import merge

from adapters.model import ZERO, Bar, Instrument, InstrumentKind, OrderType, Side, Trade
from adapters.paper.depth import Depth
from adapters.paper.state import UNKNOWN_QUEUE, InFlight, Working

BAR_SHARE = Decimal("0.1")  # of a bar's volume that our orders may have


@dataclass(frozen=True, slots=True)
class Offer:
    """Something a taker can have: visible depth, or the order of one of our accounts."""

    price: Decimal
    size: Decimal
    maker: Working | None


class Market:
    """A symbol's market. It proposes; the engine disposes, since only that knows positions and margin.

    The generators below hand out one order at a time with the size that is there for it, and look at how much
    of it was used before they go on.
    """

    def __init__(self, instrument: Instrument, half_spread_bps: Decimal) -> None:
        self.instrument = instrument
        self.is_spot = instrument.kind is InstrumentKind.SPOT
        self.price = ZERO  # the newest mid, trade or close; 0 until there is one
        self.context_mark: Decimal | None = None
        self.has_ticks = False  # quotes, books or trades were seen: from then on bars are only a summary
        self.last_volume = ZERO  # base, of the last bar
        self.funded_at: datetime | None = None
        self.holders: dict[str, None] = {}  # accounts with a position, as an ordered set
        self.in_flight: deque[InFlight] = deque()
        self.waiting: list[Working] = []  # stops and targets, in the order of their arrival
        self.fired: list[Working] = []  # triggered, and not yet filled for lack of depth
        self._resting: dict[Side, list[Working]] = {Side.BUY: [], Side.SELL: []}
        self._half_spread = half_spread_bps / 10_000
        self._depth = Depth()
        self._unshown: Decimal | None = None  # a bar's price that nobody has looked at yet

    @property
    def depth(self) -> Depth:
        """What can be taken. A bar's quote is made when it is first looked at: most never are."""
        if self._unshown is not None:
            price, self._unshown = self._unshown, None
            bid, ask = self.taker_price(price, Side.SELL), self.taker_price(price, Side.BUY)
            self._depth.show_price(bid, ask, self.last_volume * BAR_SHARE)
        return self._depth

    @property
    def mark(self) -> Decimal:
        """The price that positions are valued at and triggers look at."""
        return self.price if self.context_mark is None else self.context_mark

    @property
    def is_quiet(self) -> bool:
        """Whether no news can touch anybody."""
        return not (
            self.holders
            or self._resting[Side.BUY]
            or self._resting[Side.SELL]
            or self.waiting
            or self.fired
            or self.in_flight
        )

    def resting(self, side: Side) -> tuple[Working, ...]:
        """Our limit orders on one side in price-time priority."""
        return tuple(self._resting[side])

    def rest(self, working: Working) -> None:
        """Join the queue at the order's price, behind all that is shown there."""
        side = working.order.side
        shown = self.depth.visible(side, working.limit) if self.has_ticks else None
        working.ahead = UNKNOWN_QUEUE if shown is None else shown
        self.restore(working)

    def restore(self, working: Working) -> None:
        """Put an accepted order where it belongs, its queue position as it is."""
        if working.order.type.is_trigger:
            insort(self.fired if working.triggered else self.waiting, working, key=_arrival)
        else:
            insort(self._resting[working.order.side], working, key=_price_time)

    def remove(self, working: Working) -> None:
        for orders in (self._resting[working.order.side], self.waiting, self.fired):
            if working in orders:
                orders.remove(working)

    def offers(self, side: Side, limit: Decimal | None = None) -> Iterator[Offer]:
        """What an order of ``side`` can take, best first; at one price the market's size goes before ours."""
        other = side.opposite
        shown = (Offer(level.price, level.size, None) for level in self.depth.offered(other, limit))
        ours = (
            Offer(maker.limit, maker.remaining, maker)
            for maker in self.resting(other)
            if limit is None or (maker.limit - limit) * side.sign <= 0
        )
        return merge(shown, ours, key=lambda offer: offer.price * side.sign)

    def would_take(self, side: Side, price: Decimal) -> bool:
        """Whether a limit order at this price meets anything; what we took ourselves still counts as there."""
        best = [self.depth.best(side.opposite), *(maker.limit for maker in self._resting[side.opposite][:1])]
        return any(other is not None and (price - other) * side.sign >= 0 for other in best)

    def shrink_queues(self) -> Iterator[Working]:
        """Cut each queue down to what is shown at its price; yields the orders whose queue changed."""
        for side in Side:
            for working in self._resting[side]:
                shown = self.depth.visible(side, working.limit)
                if shown is not None and shown < working.ahead:
                    working.ahead = shown
                    yield working

    def crossed(self) -> Iterator[tuple[Working, Decimal]]:
        """Resting orders that the opposite quote has reached, with the depth that reaches them."""
        for side in Side:
            resting = self.resting(side)
            best = self.depth.best(side.opposite) if resting else None
            for working in resting:
                if best is None or (working.limit - best) * side.sign < 0:
                    break
                levels = tuple(self.depth.offered(side.opposite, working.limit))
                before = working.filled
                yield working, sum((level.size for level in levels), ZERO)
                used = working.filled - before
                for level in levels:
                    part = min(used, level.size)
                    self.depth.take(side.opposite, level.price, part)
                    used -= part

    def hit_by(self, trade: Trade) -> Iterator[tuple[Working, Decimal]]:
        """Resting orders that a public trade fills, with what is left of the trade's size for each.

        Orders at better prices than the trade were traded through. At the trade's own price the queue ahead goes
        first. All of them together get no more than the trade's size.
        """
        left = trade.size
        for side in Side:
            passed = ZERO  # of the queue of others at the trade's price
            for working in self.resting(side):
                distance = (working.limit - trade.price) * side.sign
                if distance < 0 or (distance == 0 and trade.side is side):
                    break
                if distance == 0:
                    step = min(max(working.ahead - passed, ZERO), left)
                    passed += step
                    left -= step
                    working.ahead -= min(passed, working.ahead)
                else:
                    working.ahead = ZERO
                before = working.filled
                yield working, left
                left -= working.filled - before

    def triggered_at(self, price: Decimal) -> tuple[Working, ...]:
        """Stops and targets that a reference price sets off, stops first."""
        return tuple(
            working
            for kind in (OrderType.STOP, OrderType.TAKE_PROFIT)
            for working in self.waiting
            if working.order.type is kind and is_triggered(working, price)
        )

    def triggered_by(self, bar: Bar) -> Iterator[tuple[Working, Decimal]]:
        """Stops and targets that a bar's range sets off, with their price, stops first.

        A stop fills at the worse of its trigger and the open, half a spread further; a target needs a trade beyond
        its trigger and fills at it.
        """
        for working in tuple(self.waiting):
            side = working.order.side
            if working.order.type is OrderType.STOP:
                reached = bar.high >= working.trigger if side is Side.BUY else bar.low <= working.trigger
                worse = max if side is Side.BUY else min
                if reached:
                    yield working, self.taker_price(worse(working.trigger, bar.open), side)
        for working in tuple(self.waiting):
            if working.order.type is OrderType.TAKE_PROFIT and trades_through(bar, working, working.trigger):
                yield working, working.trigger

    def reached_by(self, bar: Bar, left: Decimal) -> Iterator[tuple[Working, Decimal]]:
        """Resting orders that a bar's range trades through, with what is left of ``left`` for each."""
        for side in Side:
            for working in self.resting(side):
                if not trades_through(bar, working, working.limit):
                    break
                before = working.filled
                yield working, left
                left -= working.filled - before

    def show_price(self, price: Decimal) -> None:
        """Make ``price`` the market, half a spread to each side, with a share of the last bar's volume."""
        self.price = price
        self._unshown = price

    def taker_price(self, price: Decimal, side: Side) -> Decimal:
        """Half a spread worse than ``price``, at least a tick, on the tick that is worse."""
        half = max(price * self._half_spread, self.instrument.tick)
        return max(self.instrument.round_price(price + half * side.sign, side.opposite), self.instrument.tick)


def is_triggered(working: Working, price: Decimal) -> bool:
    """Whether a reference price sets this stop or target off."""
    upwards = (working.order.side is Side.BUY) == (working.order.type is OrderType.STOP)
    return price >= working.trigger if upwards else price <= working.trigger


def trades_through(bar: Bar, working: Working, price: Decimal) -> bool:
    """Whether the bar's range goes strictly beyond the price at which the order waits for the market."""
    return bar.low < price if working.order.side is Side.BUY else bar.high > price


def _arrival(working: Working) -> int:
    return working.priority


def _price_time(working: Working) -> tuple[Decimal, int]:
    return -working.limit * working.order.side.sign, working.priority
