"""The floor of a replay that still looks like one: bar, order and fill objects, broker, ledger and strategy, in floats.

The strategies are those of the fleet: EMA 12/26 cross with an RSI filter and a bracket of two and four ATRs, and one
that only looks. On the bar that closes a position nothing is opened, as in the fleet, where the close has not filled
yet. Market orders fill at the next open, stops and targets where a bar trades through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

FEE = 0.00045
SIZE_USD = 500.0


@dataclass(frozen=True, slots=True)
class FloatBar:
    """One bar."""

    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class FloatOrder:
    """A market order, or the bracket of what the order before it opens."""

    size: float  # signed
    stop: float = 0.0
    target: float = 0.0


@dataclass(frozen=True, slots=True)
class FloatFill:
    """One execution."""

    size: float  # signed
    price: float
    fee: float


@dataclass(slots=True)
class FloatLedger:
    """Cash, position and how often it was closed."""

    cash: float = 10_000.0
    size: float = 0.0
    fees: float = 0.0
    trades: int = 0

    def book(self, fill: FloatFill) -> None:
        self.trades += self.size * fill.size < 0
        self.cash -= fill.size * fill.price + fill.fee
        self.size += fill.size
        self.fees += fill.fee

    def equity(self, mark: float) -> float:
        return self.cash + self.size * mark


@dataclass(slots=True)
class FloatBroker:
    """Fills what it was given, on the bars after."""

    ledger: FloatLedger
    waiting: list[FloatOrder] = field(default_factory=list)
    bracket: FloatOrder | None = None

    def on_bar(self, bar: FloatBar) -> None:
        for order in self.waiting:
            self._fill(order.size, bar.open)
            self.bracket = order if order.stop else None
        self.waiting.clear()
        bracket, size = self.bracket, self.ledger.size
        if bracket is None or not size:
            return
        if (bar.low <= bracket.stop) if size > 0 else (bar.high >= bracket.stop):
            self._fill(-size, min(bar.open, bracket.stop) if size > 0 else max(bar.open, bracket.stop))
            self.bracket = None
        elif (bar.high >= bracket.target) if size > 0 else (bar.low <= bracket.target):
            self._fill(-size, bracket.target)
            self.bracket = None

    def _fill(self, size: float, price: float) -> None:
        self.ledger.book(FloatFill(size, price, abs(size) * price * FEE))


@dataclass(slots=True)
class FloatMomentum:
    """See the module."""

    fast: float = 0.0
    slow: float = 0.0
    gain: float = 0.0
    loss: float = 0.0
    atr: float = 0.0
    gap: float = 0.0
    last: float = 0.0
    seen: int = 0

    def decide(self, bar: FloatBar, size: float) -> Sequence[FloatOrder]:
        before, close = self.gap, bar.close
        self._learn(bar)
        if self.seen < 27:
            return ()
        gap = self.gap
        if size:
            return (FloatOrder(-size),) if size * gap < 0 else ()
        sign = 1.0 if gap > 0 >= before else -1.0 if gap < 0 <= before else 0.0
        rsi = 100.0 - 100.0 / (1.0 + self.gain / self.loss) if self.loss else 100.0
        if sign and (rsi < 70.0 if sign > 0 else rsi > 30.0):
            reach = sign * self.atr
            return (FloatOrder(sign * SIZE_USD / close, close - 2 * reach, close + 4 * reach),)
        return ()

    def _learn(self, bar: FloatBar) -> None:
        close, last = bar.close, self.last or bar.close
        move = close - last
        self.fast += (close - self.fast) * 2 / 13 if self.seen else close
        self.slow += (close - self.slow) * 2 / 27 if self.seen else close
        self.gain += (max(move, 0.0) - self.gain) / 14
        self.loss += (max(-move, 0.0) - self.loss) / 14
        self.atr += (max(bar.high, last) - min(bar.low, last) - self.atr) / 14
        self.gap, self.last = self.fast - self.slow, close
        self.seen += 1


@dataclass(slots=True)
class FloatHold:
    """Looks and wants nothing."""

    def decide(self, bar: FloatBar, size: float) -> Sequence[FloatOrder]:
        return ()


def replay_events(
    bars: Sequence[FloatBar], decide: Callable[[FloatBar, float], Sequence[FloatOrder]]
) -> FloatLedger:
    """One bot over the bars; the equity is marked on each."""
    ledger = FloatLedger()
    broker = FloatBroker(ledger)
    peak = worst = 0.0
    for bar in bars:
        broker.on_bar(bar)
        equity = ledger.equity(bar.close)
        peak = max(peak, equity)
        worst = max(worst, 1 - equity / peak)
        broker.waiting.extend(decide(bar, ledger.size))
    return ledger


def replay_numbers(bars: Sequence[tuple[float, float, float, float]]) -> tuple[float, int]:
    """The same momentum over the same bars without a single object: equity and trades."""
    cash, size, trades = 10_000.0, 0.0, 0
    fast = slow = gain = loss = atr = gap = last = stop = target = peak = worst = 0.0
    close_next, open_next, next_stop, next_target = False, 0.0, 0.0, 0.0
    for number, (first, high, low, close) in enumerate(bars):
        if close_next and size:
            cash += size * first - abs(size) * first * FEE
            size, trades = 0.0, trades + 1
        if open_next:
            cash -= open_next * first + abs(open_next) * first * FEE
            size, stop, target = open_next, next_stop, next_target
        close_next, open_next = False, 0.0
        if size:
            exit_price = 0.0
            if low <= stop if size > 0 else high >= stop:
                exit_price = min(first, stop) if size > 0 else max(first, stop)
            elif high >= target if size > 0 else low <= target:
                exit_price = target
            if exit_price:
                cash += size * exit_price - abs(size) * exit_price * FEE
                size, trades = 0.0, trades + 1
        equity = cash + size * close
        peak = max(peak, equity)
        worst = max(worst, 1 - equity / peak)
        last = last or close
        move, before = close - last, gap
        fast += (close - fast) * 2 / 13 if number else close
        slow += (close - slow) * 2 / 27 if number else close
        gain += (max(move, 0.0) - gain) / 14
        loss += (max(-move, 0.0) - loss) / 14
        atr += (max(high, last) - min(low, last) - atr) / 14
        gap, last = fast - slow, close
        if number < 26:
            continue
        close_next = size * gap < 0
        if size:
            continue
        sign = 1.0 if gap > 0 >= before else -1.0 if gap < 0 <= before else 0.0
        if sign:
            rsi = 100.0 - 100.0 / (1.0 + gain / loss) if loss else 100.0
            if rsi < 70.0 if sign > 0 else rsi > 30.0:
                open_next = sign * SIZE_USD / close
                next_stop, next_target = close - 2 * sign * atr, close + 4 * sign * atr
    return cash + size * last, trades
