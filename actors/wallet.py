"""The wallet: the only way from a bot to a venue, and the keeper of what every bot holds there.

For each intent, in this order: epoch and halts, the hard rules, clamping to tick and step, the lease, the journal, the
venue. It trusts no bot, and what it has promised it finds again after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from actors.answers import outcome, refusal, resting, stranger
from actors.gate import Gate
from actors.journal import Journal
from actors.ledger import EXTERNAL, Ledger
from actors.ledger_events import Latched, LeaseTaken, Protection, Seated
from actors.messages import (
    Admit,
    BotLine,
    Changed,
    Dismissed,
    Engage,
    Engaged,
    GuardAnswer,
    Hello,
    Outcome,
    Retire,
    Retired,
    Sight,
    Snapshots,
    Submit,
    Submitted,
    WalletReport,
    Watch,
    Welcome,
)
from actors.order_desk import OrderDesk
from actors.order_state import OrderState
from actors.prices import Prices
from actors.recovery import lost_in_a_crash, mismatches, reconcile
from actors.seat import Seat, watches
from actors.stance import Stance, stance_of, steps_to
from actors.upkeep import Upkeep
from adapters.clock import Clock
from adapters.errors import Fenced, LinkError, VenueError
from adapters.market.indicators import IndicatorSet
from adapters.model import (
    ZERO,
    Account,
    BotId,
    Instrument,
    OrderReport,
    Position,
    Side,
    Symbol,
)
from adapters.venue import UserEvent, Venue
from config.spec import ExitMode, HaltLevel, WalletSpec
from risk.context import ReviewContext
from risk.intent import Intent, Purpose
from risk.leases import Renewal
from risk.review import review
from risk.verdict import Refused
from strategies.strategy import Budget

LOOKS_MAX = 3
EQUITY_AGE_MAX_S = 30.0  # an older reading counts as unknown: nothing may be added
_log = logging.getLogger(__name__)


class Guard(Protocol):
    """The risk guard, as a wallet sees it."""

    async def renew(self, renewal: Renewal) -> GuardAnswer: ...


@dataclass(slots=True)
class _Rate:
    """When the last orders left, to hold the throttle."""

    times: deque[float] = field(default_factory=deque)

    def within_a_second(self, now: float) -> int:
        while self.times and self.times[0] <= now - 1:
            self.times.popleft()
        return len(self.times)


class Wallet:
    """One exchange account. It starts nothing by itself: its service calls ``start``, the ticks and the requests."""

    def __init__(
        self,
        spec: WalletSpec,
        incarnation: int,
        *,
        venue: Venue,
        journal: Journal,
        ledger: Ledger,
        clock: Clock,
        node: str = "",
    ) -> None:
        self.node = node
        self.spec = spec
        self.incarnation = incarnation
        self.ledger = ledger
        self.seats: dict[BotId, Seat] = {}
        self._leaving: dict[BotId, ExitMode] = {}  # bots on their way out, seated or not
        self.dirty: set[BotId] = set()
        self._clock = clock
        self._venue = venue
        self._desk = OrderDesk(venue, journal, ledger, clock, self._changed)
        self._gate = Gate(spec.name, incarnation)
        self._gate.engage(ledger.latches, ledger.generation)
        self._prices = Prices(clock)
        self._upkeep = Upkeep(self._desk, incarnation, self.stance, self._prices.mark, self._alert)
        self._instruments: Mapping[Symbol, Instrument] = {}
        self._account: Account | None = None
        self._account_at = 0.0  # monotonic
        self._venue_positions: dict[Symbol, Decimal] = {}
        self._suspects: set[Symbol] = set()  # mismatched once
        self._quarantined: set[Symbol] = set()  # mismatched twice: reduce only
        self._rate = _Rate()
        self._refusals: Counter[str] = Counter()
        self._problems: deque[str] = deque(maxlen=20)
        self._started_at = clock.monotonic()
        self.ready = False
        self.woken = asyncio.Event()  # something changed that upkeep should look at

    # ── the service's calls ──────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Reconcile with the venue; only then orders may pass. Raises what the venue raises: call it again."""
        now = self._clock.now()
        self._instruments = self._upkeep.instruments = await self._venue.instruments()
        self._desk.write(*lost_in_a_crash(self.ledger, now))
        await reconcile(self._desk, self._venue, now)
        await self.refresh_account()
        self.ready = True
        self.dirty.update(self.ledger.records)

    async def take_event(self, event: UserEvent) -> None:
        """News from the venue's user stream."""
        if isinstance(event, OrderReport):
            await self._desk.take_report(event)
        elif not self._desk.take_fill(event):
            await self._desk.catch_up()

    def take_snapshots(self, news: Snapshots) -> None:
        """News from market data."""
        self._prices.take(news)

    async def refresh_account(self) -> None:
        """Read the account. Raises what the venue raises; the old reading then ages."""
        self._account = await self._venue.account()
        self._account_at = self._clock.monotonic()

    async def recount(self) -> None:
        """Compare every book with the venue. A difference that holds over two looks quarantines its market."""
        await reconcile(self._desk, self._venue, self._clock.now())
        positions = await self._venue.positions()
        self._venue_positions = {position.symbol: position.size for position in positions}
        differing = mismatches(self.ledger, positions)
        for symbol in self._suspects & differing.keys() - self._quarantined:
            ours, theirs = differing[symbol]
            self._alert(f"{symbol}: our books say {ours}, the venue says {theirs}; reduce only", EXTERNAL)
        self._quarantined = self._suspects & differing.keys()
        self._suspects = set(differing)

    async def look_again(self) -> None:
        """Bring books, positions and account to this instant, as far as the venue answers."""
        with contextlib.suppress(VenueError):
            await self.refresh_account()
            for _ in range(LOOKS_MAX):
                positions = await self._venue.positions()
                await self._desk.catch_up()
                self._venue_positions = {position.symbol: position.size for position in positions}
                if not mismatches(self.ledger, positions):
                    return  # else something traded in between

    async def renew(self, guard: Guard) -> None:
        """Ask for the lease again, and learn of halts on the way. Raises what the way to the guard raises."""
        request = self._gate.ask(self._clock.monotonic())
        newest = self.ledger.lease
        answer = await guard.renew(
            Renewal(
                wallet=self.spec.name,
                incarnation=self.incarnation,
                request=request,
                used_usd=self.used_usd(),
                applied_epoch=newest.epoch,
                applied_sequence=newest.sequence,
                applied_budget_usd=newest.budget_usd,
                equity_usd=self._equity(),
            )
        )
        self._engage(Engage(answer.latches, answer.generation))
        lease = answer.lease
        if lease is not None and self._gate.take(lease, (newest.epoch, newest.sequence)):
            self._desk.write(LeaseTaken(lease.epoch, lease.sequence, lease.budget_usd))

    async def upkeep(self, *, everyone: bool = False) -> None:
        """One pass over the bots that changed, or over all of them."""
        bots = (set(self.ledger.records) | set(self.seats)) if everyone else set(self.dirty)
        self.dirty -= bots
        await self._upkeep.run(sorted(bots))

    def watches(self) -> Sequence[Watch]:
        """What this wallet needs from market data."""
        return watches(self.seats.values(), self.ledger.symbols())

    # ── a bot's requests ─────────────────────────────────────────────────────────────────────────────────────────

    def hello(self, hello: Hello, notify: Callable[[Changed | Dismissed], None]) -> Welcome:
        """Let a bot in. Raises ``Fenced`` for an epoch that is over, ``LinkError`` for one that is not seated yet,
        and ``ConfigError`` for an unknown indicator."""
        seat = self._seat(hello.bot, hello.epoch)
        IndicatorSet(
            hello.indicators
        )  # a name that nobody can compute is this bot's trouble, not its neighbours'
        seat.notify, seat.is_told = notify, False
        seat.watch = Watch(seat.spec.symbols, hello.indicators, hello.bar_interval_s)
        instruments = {s: self._instruments[s] for s in seat.spec.symbols if s in self._instruments}
        return Welcome(self.spec.name, self.incarnation, instruments)

    def observe(self, bot: BotId, epoch: int) -> Sight:
        """What the bot sees now. Raises as ``hello``, and ``LinkError`` before the venue was reconciled."""
        seat = self._seat(bot, epoch)
        account = self._reconciled()
        seat.is_told = False
        held = self.ledger.holdings(bot)
        snapshots = (
            (symbol, self._prices.snapshot(symbol, seat.bar_interval_s)) for symbol in seat.spec.symbols
        )
        return Sight(
            account=account,
            positions={symbol: self._position(bot, symbol) for symbol in held},
            orders=tuple(resting(order) for order in self.ledger.live(bot)),
            markets={symbol: snapshot for symbol, snapshot in snapshots if snapshot is not None},
            recently_closed=self._closed(bot),
            performance=self.ledger.record(bot).performance(),
            budget=self._budget(seat, len(held)),
            halt=self._gate.level(bot),
        )

    def alive(self, bot: BotId, epoch: int) -> None:
        """The bot's sign of life while it rests or thinks. Raises as ``hello``."""
        self._seat(bot, epoch)

    async def submit(self, batch: Submit) -> Submitted:
        """Take a bot's wishes: cancels first, then intents in their order. Raises as ``observe``."""
        seat = self._seat(batch.bot, batch.epoch)
        self._reconciled()
        for order_id in batch.cancels:
            order = self.ledger.orders.get(order_id)
            if order is not None and order.bot == batch.bot and order.is_live:
                await self._desk.cancel(order_id)
        outcomes = [await self._place(seat, intent) for intent in batch.intents]
        if self.dirty:
            await self.upkeep()
        return Submitted(tuple(outcomes))

    # ── the supervisor's and the kill switch's requests ──────────────────────────────────────────────────────────

    def admit(self, admit: Admit) -> None:
        """Seat a bot. An older epoch than the one known is ``Fenced``; the same one again changes the limits."""
        bot = admit.spec.name
        if admit.epoch < self.ledger.record(bot).epoch:
            raise Fenced(f"{bot}: epoch {admit.epoch} is over, {self.ledger.record(bot).epoch} is seated")
        if admit.epoch > self.ledger.record(bot).epoch:
            self._desk.write(Seated(bot, admit.epoch))
            self._leaving.pop(bot, None)
        old = self.seats.get(bot)
        if old is not None and old.epoch == admit.epoch:
            old.spec = admit.spec
            return
        if old is not None and old.notify is not None:
            old.notify(Dismissed())
        self.seats[bot] = Seat(spec=admit.spec, epoch=admit.epoch, seen_at=self._clock.monotonic())

    async def retire(self, retire: Retire) -> Retired:
        """End the bot's epoch, whatever the bot thinks of it, and see its exit mode through at the venue."""
        bot = retire.bot
        seat = self.seats.get(bot)
        self._leaving[bot] = retire.mode
        if seat is not None and seat.notify is not None:
            seat.notify(Dismissed())
            seat.notify = None
        await self._upkeep.run([bot])
        if retire.mode is ExitMode.FLATTEN:
            await reconcile(self._desk, self._venue, self._clock.now())
        left = steps_to(stance_of(None, retire.mode, is_silent=False), bot, self.ledger)
        holdings = {symbol: book.size for symbol, book in self.ledger.holdings(bot).items()}
        unknown = [order for order in self.ledger.live(bot) if order.state is not OrderState.OPEN]
        done = not (left.cancels or left.closes or unknown)
        done = done and not (retire.mode is ExitMode.FLATTEN and (holdings or self.ledger.live(bot)))
        if done and seat is not None:
            self._desk.write(
                Seated(bot, seat.epoch + 1)
            )  # the epoch is over, also for a successor of this wallet
            del self.seats[bot]
        return Retired(done, holdings, len(self.ledger.live(bot)))

    async def engage(self, engage: Engage) -> Engaged:
        """Take the halts and enforce them; the answer is what the venue says is left. Never raises."""
        self._engage(engage)
        if not self._gate.latches:
            return Engaged(self.spec.name, self._gate.generation, True, 0, 0, 0)
        try:
            await self.upkeep(everyone=True)
            return await self._verify()
        except VenueError as error:
            return Engaged(self.spec.name, self._gate.generation, False, -1, -1, -1, f"venue: {error}")

    def report(self) -> WalletReport:
        """How the wallet does."""
        now = self._clock.monotonic()
        return WalletReport(
            wallet=self.spec.name,
            incarnation=self.incarnation,
            pid=os.getpid(),
            node=self.node,
            ready=self.ready,
            equity_usd=self._equity(),
            exposure_usd=self.used_usd(),
            lease=self._gate.lease,
            lease_left_s=self._gate.left_s(now),
            bots=tuple(self._line(bot) for bot in sorted(self.ledger.records) if bot != EXTERNAL),
            venue_positions=self._venue_positions,
            orders_sent=self._desk.sent,
            refusals=dict(self._refusals),
            unknown_orders=sum(order.state is OrderState.UNKNOWN for order in self.ledger.live()),
            halt=self._gate.level(EXTERNAL),
            problems=tuple(self._problems),
        )

    # ── what it knows ────────────────────────────────────────────────────────────────────────────────────────────

    def stance(self, bot: BotId) -> Stance:
        """What the bot's orders and holdings shall become."""
        seat = self.seats.get(bot)
        now = self._clock.monotonic()
        silent_for = now - (seat.seen_at if seat else self._started_at)
        return stance_of(
            self._gate.level(bot),
            self._leaving.get(bot),
            is_silent=silent_for > self.spec.orphan_cancel_after.total_seconds(),
        )

    @property
    def account(self) -> Account | None:
        """The newest reading of the account."""
        return self._account

    def used_usd(self) -> Decimal:
        """Worst-case exposure: every position, resting order and order of unknown outcome, market by market."""
        return self._prices.used_usd(self.ledger)

    def _equity(self) -> Decimal | None:
        if self._account is None or self._clock.monotonic() - self._account_at > EQUITY_AGE_MAX_S:
            return None
        return self._account.equity_usd

    def _position(self, bot: BotId, symbol: Symbol) -> Position:
        book = self.ledger.book(bot, symbol)
        mark = self._prices.mark(symbol)
        return Position(
            symbol=symbol,
            size=book.size,
            entry_price=book.entry_price,
            mark_price=book.entry_price if mark is None else mark,
        )

    def _closed(self, bot: BotId) -> Mapping[Symbol, datetime]:
        books = self.ledger.books.items()
        return {symbol: book.closed_at for (owner, symbol), book in books if owner == bot and book.closed_at}

    def _budget(self, seat: Seat, held: int) -> Budget:
        guards = seat.spec.exec_guards
        positions = max(0, seat.spec.risk_params.max_positions - held)
        return Budget(
            notional_usd=self._gate.room_usd(self.used_usd(), self._clock.monotonic()),
            positions=positions,
            opens_this_cycle=min(positions, guards.max_new_positions_per_cycle) if guards else positions,
        )

    def _line(self, bot: BotId) -> BotLine:
        record = self.ledger.record(bot)
        held = self.ledger.holdings(bot)
        unrealized = sum((self._position(bot, symbol).unrealized_usd for symbol in held), ZERO)
        return BotLine(
            bot=bot,
            epoch=record.epoch,
            positions={symbol: book.size for symbol, book in held.items()},
            open_orders=len(self.ledger.live(bot)),
            pnl_usd=record.realized_usd + unrealized,
            realized_usd=record.realized_usd,
            trades=record.trades,
        )

    # ── placing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _place(self, seat: Seat, intent: Intent) -> Outcome:
        known = self.ledger.orders.get(intent.id)
        if known is not None and known.bot == seat.spec.name:
            return outcome(known)
        verdict = stranger(intent, seat.spec.name) or review(intent, self._context(seat, intent))
        if isinstance(verdict, Refused):
            self._refusals[verdict.rule] += 1
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
            self._refusals[type(error).__name__] += 1
        return outcome(intended, error)

    def _context(self, seat: Seat, intent: Intent) -> ReviewContext:
        bot, symbol = seat.spec.name, intent.symbol
        now = self._clock.monotonic()
        level = self._gate.level(bot)
        if symbol in self._quarantined or self._equity() is None:
            level = max(level or HaltLevel.REDUCE_ONLY, HaltLevel.REDUCE_ONLY, key=lambda halt: halt.rank)
        used = self.used_usd()
        position_usd, buys_usd, sells_usd = self._prices.sides_usd(self.ledger, symbol)
        entries = [order for order in self.ledger.live(bot, symbol) if not order.purpose.reduces]
        performance = self.ledger.record(bot).performance()
        seat.judge(performance, self._clock.now())
        account = self._account
        assert account is not None, "a bot observes before it submits"
        return ReviewContext(
            now=self._clock.now(),
            instrument=self._instruments.get(symbol),
            snapshot=self._prices.snapshot(symbol),
            account=account,
            params=seat.spec.risk_params,
            guards=seat.spec.exec_guards,
            limits=self.spec.limits,
            symbols=seat.spec.symbols,
            position=(
                self._closable(bot, symbol) if intent.purpose.reduces else self.ledger.book(bot, symbol).size
            ),
            resting_buys=sum((order.remaining for order in entries if order.order.side is Side.BUY), ZERO),
            resting_sells=sum((order.remaining for order in entries if order.order.side is Side.SELL), ZERO),
            positions_held=len(self.ledger.exposed(bot)),
            recently_closed=self._closed(bot),
            performance=performance,
            paused_until=seat.paused_until,
            wallet_position_usd=position_usd,
            wallet_buys_usd=buys_usd,
            wallet_sells_usd=sells_usd,
            wallet_gross_usd=used,
            open_orders=len(self.ledger.live()),
            orders_in_last_second=self._rate.within_a_second(now),
            lease_room_usd=self._gate.room_usd(used, now),
            halt_rank=level.rank if level else None,
        )

    def _may_add(self, bot: BotId) -> bool:
        return self._gate.level(bot) is None and self._gate.left_s(self._clock.monotonic()) > 0

    def _closable(self, bot: BotId, symbol: Symbol) -> Decimal:
        """What the bot holds, less what its closes on their way will take."""
        size = self.ledger.book(bot, symbol).size
        for order in self.ledger.live(bot, symbol):
            if order.purpose is Purpose.CLOSE and order.order.side.sign * size < 0:
                size -= min(order.remaining, abs(size)).copy_sign(size)
        return size

    def _seat(self, bot: BotId, epoch: int) -> Seat:
        seat = self.seats.get(bot)
        if seat is not None and seat.epoch == epoch and bot not in self._leaving:
            seat.seen_at = self._clock.monotonic()
            return seat
        known = self.ledger.records.get(bot)
        if seat is None and epoch >= (known.epoch if known else 0) and bot not in self._leaving:
            raise LinkError(f"{bot}: epoch {epoch} is not seated yet at {self.spec.name}")
        raise Fenced(f"{bot}: epoch {epoch} is not seated at {self.spec.name}")

    def _reconciled(self) -> Account:
        if self._account is None or not self.ready:
            raise LinkError(f"{self.spec.name} has not reconciled with its venue yet")
        return self._account

    # ── halting ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _engage(self, engage: Engage) -> None:
        if engage.generation <= self._gate.generation:
            return
        self._desk.write(Latched(engage.latches, engage.generation))
        if self._gate.engage(engage.latches, engage.generation):
            self.dirty.update(self.ledger.records)
            self.woken.set()
            for seat in self.seats.values():
                seat.is_told = False  # a halt is always worth a notice of its own
                seat.tell()

    async def _verify(self) -> Engaged:
        now = self._clock.now()
        await reconcile(self._desk, self._venue, now)
        bots = list(self.ledger.records)
        left = [steps_to(self.stance(bot), bot, self.ledger) for bot in bots]
        flat = [bot for bot in bots if self.stance(bot) is Stance.FLAT]
        orders = sum(len(steps.cancels) for steps in left)
        orders += sum(len(self.ledger.live(bot)) for bot in flat)
        positions = sum(len(self.ledger.holdings(bot)) for bot in flat)
        if self.stance(EXTERNAL) is Stance.FLAT:
            positions = max(positions, len(await self._venue.positions()))
            orders = max(orders, len(await self._venue.open_orders()))
        unknown = sum(order.state is not OrderState.OPEN for order in self.ledger.live())
        complete = not (orders or positions or unknown)
        return Engaged(self.spec.name, self._gate.generation, complete, orders, positions, unknown)

    def _changed(self, bot: BotId) -> None:
        self.dirty.add(bot)
        self.woken.set()
        seat = self.seats.get(bot)
        if seat is not None:
            seat.tell()

    def _alert(self, text: str, bot: BotId) -> None:
        _log.warning(text, extra={"bot": bot, "wallet": self.spec.name})
        self._problems.append(f"{bot}: {text}" if bot else text)
