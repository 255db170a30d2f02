"""Where a bot's intents become orders: reviewed at this instant, written ahead, sent."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from actors.answers import beside_another, outcome, refusal, stranger
from actors.exposures import Exposures
from actors.gate import Gate
from actors.ledger import Ledger
from actors.ledger_events import Protection
from actors.messages import Outcome
from actors.order_desk import ATTEMPTS_MAX, OrderDesk
from actors.prices import Prices
from actors.readings import Readings
from actors.recorded import packed_context
from actors.seat import Seat
from actors.surroundings import Surroundings, surroundings
from actors.traffic import Traffic
from adapters.clock import Clock
from adapters.errors import Disposition, Insufficient, MarketClosed
from adapters.model import ZERO, Account, BotId, Symbol
from config.spec import HaltLevel, WalletSpec
from risk.balance import child_room
from risk.context import ReviewContext
from risk.intent import Intent, Purpose
from risk.post_trade import (
    Halt,
    NoOpens,
    lost_market_data,
    reject_rate,
    repeated_execution,
    unknown_orders,
)
from risk.review import review
from risk.suggestion import affordable_size
from risk.verdict import Refused
from strategies.strategy import PerformanceGate


@dataclass(slots=True)
class _Rate:
    """When the last orders left, to hold the throttle."""

    times: deque[float] = field(default_factory=deque)

    def within_a_second(self, now: float) -> int:
        while self.times and self.times[0] <= now - 1:
            self.times.popleft()
        return len(self.times)


class Intake:
    """See the module. It looks at everything the wallet knows, and changes nothing but through the desk.

    Args:
        spec: the wallet.
        desk: the way to the venue.
        gate: halts and lease.
        prices: the markets.
        readings: what the venue said.
        clock: for the rates.
        halt: told when what a bot has done calls for a halt.
    """

    def __init__(
        self,
        spec: WalletSpec,
        desk: OrderDesk,
        gate: Gate,
        prices: Prices,
        readings: Readings,
        clock: Clock,
        halt: Callable[[Halt], None],
    ) -> None:
        self.refusals: Counter[str] = Counter()
        self._spec = spec
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._gate = gate
        self._prices = prices
        self._readings = readings
        self._clock = clock
        self._halt = halt
        self._rate = _Rate()
        self._pledges: deque[tuple[float, Decimal]] = deque()  # margin of what was sent: monotonic, USD
        self._traffic: defaultdict[BotId, Traffic] = defaultdict(Traffic)
        self._fills_seen: Counter[BotId] = Counter()

    async def place(self, seat: Seat, intent: Intent, standing: Collection[Symbol] = ()) -> Outcome:
        """Place it, or say by which rule not. An intent that is known is answered, not placed again.

        Args:
            seat: whose.
            intent: the wish.
            standing: markets in which an order that it was to replace may still rest: nothing is put beside it.
        """
        known = self._ledger.orders.get(intent.id)
        if known is not None and known.bot == seat.spec.name:
            return outcome(known)
        turned_away = stranger(intent, seat.spec.name) or beside_another(intent, standing)
        if turned_away is not None:
            self.refusals[turned_away.rule] += 1
            return refusal(turned_away)
        ctx = self._context(seat, intent)
        verdict = review(intent, ctx)
        if isinstance(verdict, Refused):
            self.refusals[verdict.rule] += 1
            return refusal(verdict, packed_context(ctx))
        features = seat.spec.features
        now = self._clock.monotonic()
        self._rate.times.append(now)
        if verdict.exposure_usd:
            self._pledges.append((now, verdict.exposure_usd / (intent.leverage or 1)))
        intended = self._desk.intend(
            verdict.order,
            bot=seat.spec.name,
            purpose=intent.purpose,
            reserve_price=verdict.reserve_price,
            protection=(
                Protection(intent.stop_loss, intent.take_profit)
                if features.sl_tp_orchestration
                else Protection()
            ),
        )
        passage = self._traffic[seat.spec.name].take(intended, now)
        reduces = intent.purpose.reduces
        error = await self._desk.send(
            intended,
            may_repeat=lambda: reduces or self._may_add(seat.spec.name),
            attempts=ATTEMPTS_MAX if features.idempotent_retries else 1,
        )
        if error is not None:
            self.refusals[type(error).__name__] += 1
            passage.is_lost = error.disposition is not Disposition.FAIL_ORDER
            if isinstance(error, MarketClosed) and not reduces:
                self._readings.refusing_opens.add(intent.symbol)
        return outcome(
            intended,
            error,
            advised=verdict.advised,
            context=packed_context(ctx) if verdict.advised else b"",
            hint=affordable_size(intent, ctx) if isinstance(error, Insufficient) else "",
        )

    def looked(self, bot: BotId) -> None:
        """The bot sees everything up to here, and decides anew."""
        self._fills_seen[bot] = self._desk.fills[bot]

    def examine(self, seat: Seat) -> None:
        """Judge what the bot has done; what calls for a halt is asked for."""
        bot, params = seat.spec.name, seat.spec.risk_params
        fills = self._desk.fills[bot] - self._fills_seen[bot]
        window_s = params.reject_rate_window.total_seconds()
        judged, rejected = self._traffic[bot].verdicts(self._clock.monotonic(), window_s)
        for verdict in (
            repeated_execution(bot, fills, params.max_fills_per_decision),
            reject_rate(bot, judged, rejected, params.max_reject_rate_pct),
        ):
            if verdict is not None:
                self._halt(verdict)
                self._traffic[bot] = Traffic()  # who lifts that halt begins anew
                self.looked(bot)

    def room_of(self, bot: BotId, exposures: Exposures | None = None) -> Decimal | None:
        """What its own budget leaves the bot, USD; ``None`` where the fleet has no portfolio."""
        budget = self._gate.budget_usd(bot)
        if budget is None:
            return None
        return max(ZERO, budget - (exposures or self._prices.exposures(self._ledger)).bot_usd(bot))

    def gate_of(self, seat: Seat) -> PerformanceGate:
        """The bot's performance gate now."""
        return seat.gate(self._ledger.record(seat.spec.name), self._clock.now())

    def recently_closed(self, bot: BotId) -> Mapping[Symbol, datetime]:
        """When the bot was last flat again, by market."""
        books = self._ledger.books.items()
        return {symbol: book.closed_at for (owner, symbol), book in books if owner == bot and book.closed_at}

    def _context(self, seat: Seat, intent: Intent) -> ReviewContext:
        bot, symbol = seat.spec.name, intent.symbol
        now = self._clock.monotonic()
        level = self._gate.level(bot)
        if (bot, symbol) in self._readings.quarantined:
            level = max(level or HaltLevel.REDUCE_ONLY, HaltLevel.REDUCE_ONLY, key=lambda halt: halt.rank)
        exposures = self._prices.exposures(self._ledger)
        market, own, used = exposures.of_account(symbol), exposures.of_bot(bot, symbol), exposures.used_usd
        traffic = self._traffic[bot]
        params = seat.spec.risk_params
        live = self._ledger.live()
        seen = surroundings(live, bot, symbol)
        return ReviewContext(
            now=self._clock.now(),
            instrument=self._readings.instruments.get(symbol),
            snapshot=self._prices.snapshot(symbol),
            account=self._account(),
            params=params,
            guards=seat.spec.exec_guards,
            features=seat.spec.features,
            limits=self._spec.limits,
            symbols=seat.spec.symbols,
            position=(
                self._closable(bot, symbol) if intent.purpose.reduces else self._ledger.book(bot, symbol).size
            ),
            resting_buys=seen.buys,
            resting_sells=seen.sells,
            positions_held=exposures.markets_of(bot),
            recently_closed=self.recently_closed(bot),
            gate=self.gate_of(seat),
            absent=self._readings.absent,
            wallet_position_usd=market.position,
            wallet_buys_usd=market.buys,
            wallet_sells_usd=market.sells,
            wallet_market_usd=exposures.market_usd(symbol),
            wallet_gross_usd=used,
            bot_position_usd=own.position,
            bot_buys_usd=own.buys,
            bot_sells_usd=own.sells,
            bot_room_usd=self.room_of(bot, exposures),
            others_bid=seen.others_bid,
            others_ask=seen.others_ask,
            open_orders=len(live),
            open_orders_in_symbol=seen.orders,
            orders_in_last_second=self._rate.within_a_second(now),
            bot_orders_lately=traffic.entered_lately(now),
            sent_lately=traffic.entries(now, params.same_orders_window.total_seconds()),
            opens_in_cycle=traffic.opens_of(intent.id),
            venue_refused_opens=symbol in self._readings.refusing_opens,
            no_opens=None if intent.purpose.reduces else self._no_opens(seen),
            lease_budget_usd=self._gate.lease.budget_usd if self._gate.lease else ZERO,
            has_lease=self._gate.left_s(now) > 0,
            lease_room_usd=self._gate.room_usd(used, now),
            halt_rank=level.rank if level else None,
        )

    def _account(self) -> Account:
        """As last read, with the margin of what was sent since then."""
        account = self._readings.account
        assert account is not None, "a bot observes before it submits"
        while self._pledges and self._pledges[0][0] < self._readings.asked_at:
            self._pledges.popleft()
        if not self._pledges:
            return account
        pledged_usd = sum((margin_usd for _, margin_usd in self._pledges), ZERO)
        return replace(account, margin_used_usd=account.margin_used_usd + pledged_usd)

    def _no_opens(self, seen: Surroundings) -> NoOpens | None:
        if self._desk.venue_clock.now() is None:  # an order without an expiry could arrive at any time
            return NoOpens(control="venue_time", reason="the venue's time is not known")
        limits = self._spec.limits
        since = seen.unknown_since
        oldest_s = (self._clock.now() - since).total_seconds() if since else 0.0
        return unknown_orders(
            seen.unknown, oldest_s, limits.unknown_orders_max, limits.unknown_order_age_max
        ) or lost_market_data(
            ((symbol, self._prices.age_s(symbol)) for symbol in sorted(self._ledger.symbols())),
            limits.market_data_lost_after,
        )

    def _may_add(self, bot: BotId) -> bool:
        return self._gate.level(bot) is None and self._gate.left_s(self._clock.monotonic()) > 0

    def _closable(self, bot: BotId, symbol: Symbol) -> Decimal:
        """What the bot holds, less what its closes on their way will take."""
        size = self._ledger.book(bot, symbol).size
        closes = (
            order.remaining
            for order in self._ledger.live(bot, symbol)
            if order.purpose is Purpose.CLOSE and order.order.side.sign * size < 0
        )
        return child_room(abs(size), closes).copy_sign(size)
