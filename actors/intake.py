"""Where a bot's intents become orders: reviewed at this instant, written ahead, sent."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from actors.answers import outcome, refusal, stranger
from actors.gate import Gate
from actors.ledger import Ledger
from actors.ledger_events import Protection
from actors.messages import Outcome
from actors.order_desk import OrderDesk
from actors.prices import Prices
from actors.readings import Readings
from actors.seat import Seat
from adapters.clock import Clock
from adapters.model import ZERO, BotId, Side, Symbol
from config.spec import HaltLevel, WalletSpec
from risk.context import ReviewContext
from risk.intent import Intent, Purpose
from risk.review import review
from risk.verdict import Refused


@dataclass(slots=True)
class _Rate:
    """When the last orders left, to hold the throttle."""

    times: deque[float] = field(default_factory=deque)

    def within_a_second(self, now: float) -> int:
        while self.times and self.times[0] <= now - 1:
            self.times.popleft()
        return len(self.times)


class Intake:
    """See the module. It looks at everything the wallet knows, and changes nothing but through the desk."""

    def __init__(
        self, spec: WalletSpec, desk: OrderDesk, gate: Gate, prices: Prices, readings: Readings, clock: Clock
    ) -> None:
        self.refusals: Counter[str] = Counter()
        self._spec = spec
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._gate = gate
        self._prices = prices
        self._readings = readings
        self._clock = clock
        self._rate = _Rate()

    async def place(self, seat: Seat, intent: Intent) -> Outcome:
        """Place it, or say by which rule not. An intent that is known is answered, not placed again."""
        known = self._ledger.orders.get(intent.id)
        if known is not None and known.bot == seat.spec.name:
            return outcome(known)
        verdict = stranger(intent, seat.spec.name) or review(intent, self._context(seat, intent))
        if isinstance(verdict, Refused):
            self.refusals[verdict.rule] += 1
            return refusal(verdict)
        self._rate.times.append(self._clock.monotonic())
        intended = self._desk.intend(
            verdict.order,
            bot=seat.spec.name,
            purpose=intent.purpose,
            exposure_usd=verdict.exposure_usd,
            protection=Protection(intent.stop_loss, intent.take_profit),
        )
        reduces = intent.purpose.reduces
        error = await self._desk.send(intended, may_repeat=lambda: reduces or self._may_add(seat.spec.name))
        if error is not None:
            self.refusals[type(error).__name__] += 1
        return outcome(intended, error)

    def recently_closed(self, bot: BotId) -> Mapping[Symbol, datetime]:
        """When the bot was last flat again, by market."""
        books = self._ledger.books.items()
        return {symbol: book.closed_at for (owner, symbol), book in books if owner == bot and book.closed_at}

    def _context(self, seat: Seat, intent: Intent) -> ReviewContext:
        bot, symbol = seat.spec.name, intent.symbol
        now = self._clock.monotonic()
        level = self._gate.level(bot)
        if symbol in self._readings.quarantined or self._readings.equity_usd is None:
            level = max(level or HaltLevel.REDUCE_ONLY, HaltLevel.REDUCE_ONLY, key=lambda halt: halt.rank)
        used = self._prices.used_usd(self._ledger)
        position_usd, buys_usd, sells_usd = self._prices.sides_usd(self._ledger, symbol)
        entries = [order for order in self._ledger.live(bot, symbol) if not order.purpose.reduces]
        performance = self._ledger.record(bot).performance()
        seat.judge(performance, self._clock.now())
        account = self._readings.account
        assert account is not None, "a bot observes before it submits"
        return ReviewContext(
            now=self._clock.now(),
            instrument=self._readings.instruments.get(symbol),
            snapshot=self._prices.snapshot(symbol),
            account=account,
            params=seat.spec.risk_params,
            guards=seat.spec.exec_guards,
            limits=self._spec.limits,
            symbols=seat.spec.symbols,
            position=(
                self._closable(bot, symbol) if intent.purpose.reduces else self._ledger.book(bot, symbol).size
            ),
            resting_buys=sum((order.remaining for order in entries if order.order.side is Side.BUY), ZERO),
            resting_sells=sum((order.remaining for order in entries if order.order.side is Side.SELL), ZERO),
            positions_held=len(self._ledger.exposed(bot)),
            recently_closed=self.recently_closed(bot),
            performance=performance,
            paused_until=seat.paused_until,
            wallet_position_usd=position_usd,
            wallet_buys_usd=buys_usd,
            wallet_sells_usd=sells_usd,
            wallet_gross_usd=used,
            open_orders=len(self._ledger.live()),
            orders_in_last_second=self._rate.within_a_second(now),
            lease_room_usd=self._gate.room_usd(used, now),
            halt_rank=level.rank if level else None,
        )

    def _may_add(self, bot: BotId) -> bool:
        return self._gate.level(bot) is None and self._gate.left_s(self._clock.monotonic()) > 0

    def _closable(self, bot: BotId, symbol: Symbol) -> Decimal:
        """What the bot holds, less what its closes on their way will take."""
        size = self._ledger.book(bot, symbol).size
        for order in self._ledger.live(bot, symbol):
            if order.purpose is Purpose.CLOSE and order.order.side.sign * size < 0:
                size -= min(order.remaining, abs(size)).copy_sign(size)
        return size
