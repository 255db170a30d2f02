"""The wallet: the only way from a bot to a venue, and the keeper of what every bot holds there.

For each intent, in this order: epoch and halts, the hard rules, clamping to tick and step, the lease, the journal, the
venue. It trusts no bot, and what it has promised it finds again after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from actors.answers import resting
from actors.gate import Gate
from actors.halting import Halting
from actors.intake import Intake
from actors.journal import Journal
from actors.ledger import EXTERNAL, Ledger
from actors.ledger_events import Latched, LeaseTaken, Seated
from actors.messages import (
    Admit,
    BotLine,
    Changed,
    Dismissed,
    Engage,
    Engaged,
    GuardAnswer,
    Hello,
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
from actors.readings import Readings
from actors.recovery import lost_in_a_crash, reconcile
from actors.seat import Seat, watches
from actors.stance import Stance, stance_of, steps_to
from actors.upkeep import Upkeep
from adapters.clock import Clock
from adapters.errors import Fenced, LinkError, VenueError
from adapters.market.indicators import IndicatorSet
from adapters.model import ZERO, Account, BotId, OrderReport, Position, Symbol
from adapters.venue import UserEvent, Venue
from config.spec import ExitMode, WalletSpec
from risk.leases import Renewal
from strategies.strategy import Budget

_log = logging.getLogger(__name__)


class Guard(Protocol):
    """The risk guard, as a wallet sees it."""

    async def renew(self, renewal: Renewal) -> GuardAnswer: ...


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
        self._readings = Readings(venue, self._desk, clock, self._alert)
        self._intake = Intake(spec, self._desk, self._gate, self._prices, self._readings, clock)
        self._halting = Halting(spec.name, venue, self._desk, self._gate, clock, self.stance)
        self._problems: deque[str] = deque(maxlen=20)
        self._started_at = clock.monotonic()
        self.ready = False
        self.woken = asyncio.Event()  # something changed that upkeep should look at

    # ── the service's calls ──────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Reconcile with the venue; only then orders may pass. Raises what the venue raises: call it again."""
        now = self._clock.now()
        await self._readings.list_markets()
        self._upkeep.instruments = self._readings.instruments
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
        await self._readings.refresh_account()

    async def recount(self) -> None:
        """Compare every book with the venue. A difference that holds over two looks quarantines its market."""
        await self._readings.recount()

    async def look_again(self) -> None:
        """Bring books, positions and account to this instant, as far as the venue answers."""
        await self._readings.look_again()

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
                equity_usd=self._readings.equity_usd,
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
        markets = self._readings.instruments
        instruments = {symbol: markets[symbol] for symbol in seat.spec.symbols if symbol in markets}
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
            recently_closed=self._intake.recently_closed(bot),
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
        outcomes = [await self._intake.place(seat, intent) for intent in batch.intents]
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
            return self._halting.nothing_to_do()
        try:
            await self.upkeep(everyone=True)
            return await self._halting.verify()
        except VenueError as error:
            return self._halting.nobody_knows(f"venue: {error}")

    def report(self) -> WalletReport:
        """How the wallet does."""
        now = self._clock.monotonic()
        return WalletReport(
            wallet=self.spec.name,
            incarnation=self.incarnation,
            pid=os.getpid(),
            node=self.node,
            ready=self.ready,
            equity_usd=self._readings.equity_usd,
            exposure_usd=self.used_usd(),
            lease=self._gate.lease,
            lease_left_s=self._gate.left_s(now),
            bots=tuple(self._line(bot) for bot in sorted(self.ledger.records) if bot != EXTERNAL),
            venue_positions=self._readings.positions,
            orders_sent=self._desk.sent,
            refusals=dict(self._intake.refusals),
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
        return self._readings.account

    def used_usd(self) -> Decimal:
        """Worst-case exposure: every position, resting order and order of unknown outcome, market by market."""
        return self._prices.used_usd(self.ledger)

    def _position(self, bot: BotId, symbol: Symbol) -> Position:
        book = self.ledger.book(bot, symbol)
        mark = self._prices.mark(symbol)
        return Position(
            symbol=symbol,
            size=book.size,
            entry_price=book.entry_price,
            mark_price=book.entry_price if mark is None else mark,
        )

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
        if self._readings.account is None or not self.ready:
            raise LinkError(f"{self.spec.name} has not reconciled with its venue yet")
        return self._readings.account

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

    def _changed(self, bot: BotId) -> None:
        self.dirty.add(bot)
        self.woken.set()
        seat = self.seats.get(bot)
        if seat is not None:
            seat.tell()

    def _alert(self, text: str, bot: BotId) -> None:
        _log.warning(text, extra={"bot": bot, "wallet": self.spec.name})
        self._problems.append(f"{bot}: {text}" if bot else text)
