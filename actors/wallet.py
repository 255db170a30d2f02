"""The wallet: the only way from a bot to a venue, and the keeper of what every bot holds there.

For each intent, in this order: epoch and halts, the hard rules, clamping to tick and step, the lease, the journal, the
venue. It trusts no bot, and what it has promised it finds again after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from actors.answers import unsent
from actors.bot_uses import bot_uses
from actors.distress import Distress
from actors.gate import Gate
from actors.halting import Halting
from actors.intake import Intake
from actors.journal import Journal, JournalFailed
from actors.leasing import Guard, Leasing
from actors.ledger import EXTERNAL, Ledger
from actors.ledger_events import HaltCause, Latch, Latched, Leaving, Seated
from actors.messages import (
    Admit,
    Changed,
    Dismissed,
    Engage,
    Engaged,
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
from actors.readings import Readings
from actors.reclaim import Reclaim
from actors.recovery import lost_in_a_crash, reconcile
from actors.seat import Seat, watches
from actors.stance import Stance, stance_of, steps_to
from actors.upkeep import Upkeep
from actors.venue_failures import CountingVenue
from actors.views import Views
from adapters.clock import Clock
from adapters.errors import Fenced, LinkError
from adapters.market.indicators import IndicatorSet
from adapters.model import Account, BotId, OrderReport, Symbol
from adapters.venue import UserEvent, Venue
from config.spec import ExitMode, HaltLevel, WalletSpec
from risk.build import build_identity
from risk.limits import FleetLimits, RiskParams
from risk.post_trade import Halt, orphan_sweep
from risk.results import RoundTrip

_log = logging.getLogger(__name__)


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
        limits: FleetLimits = FleetLimits(),
        node: str = "",
    ) -> None:
        venue = CountingVenue(venue, clock)
        self.node = node
        self.spec = spec
        self.incarnation = incarnation
        self.ledger = ledger
        self.seats: dict[BotId, Seat] = {}
        self.dirty: set[BotId] = set()
        self._clock = clock
        self._venue = venue
        self._desk = OrderDesk(venue, journal, ledger, clock, self._changed)
        self._gate = Gate(spec.name, incarnation)
        self._gate.restore(ledger.latches, ledger.generation)
        self._prices = Prices(clock)
        self._readings = Readings(venue, self._desk, clock, self._rosters, self._alert)
        self._upkeep = Upkeep(
            self._desk,
            spec,
            incarnation,
            clock,
            stance_of=self.stance,
            params_of=self._params,
            mark=self._prices.mark,
            liquidation_price=self._readings.liquidation_price,
            alert=self._alert,
        )
        reclaim = Reclaim(venue, self._desk, self._readings, self._alert)
        self._leasing = Leasing(
            spec.name,
            incarnation,
            limits.lease_ttl,
            self._gate,
            self._desk,
            self._prices,
            self._readings,
            reclaim,
            clock,
        )
        self._intake = Intake(
            spec, self._desk, self._gate, self._prices, self._readings, clock, self.ask_to_halt
        )
        self._views = Views(spec, ledger, self._gate, self._prices, self._intake, clock)
        self._halting = Halting(
            spec.name,
            incarnation,
            venue,
            self._desk,
            self._gate,
            clock,
            self.stance,
            self._enforce,
            lambda: self._leasing.has_rival,
            spec.foreign_orders,
        )
        self._distress = Distress(
            spec.name,
            limits,
            readings=self._readings,
            prices=self._prices,
            ledger=ledger,
            gate=self._gate,
            venue=venue,
            writer=self._desk.writer,
            clock=clock,
            ask=self.ask_to_halt,
        )
        self._problems: deque[str] = deque(maxlen=20)
        self._started_at = clock.monotonic()
        self.ready = False
        self.woken = asyncio.Event()  # something changed that upkeep should look at

    # ── the service's calls ──────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Reconcile with the venue; only then orders may pass. Raises what the venue raises: call it again."""
        now = self._clock.now()
        await self._list_markets()
        self._leasing.begin()
        self._desk.write(*lost_in_a_crash(self.ledger, now))
        await self.refresh_account()  # tells the venue's time, without which nothing unknown is resolved
        await reconcile(self._desk, self._venue, now)
        self.ready = True
        self.dirty.update(self.ledger.records)
        self.woken.set()  # a halt that was being carried out is gone on with
        self._distress.begin()

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
        if self._readings.refusing_opens:
            await self._list_markets()  # perhaps they take exposure again
        await self._readings.recount()

    async def look_again(self) -> None:
        """Bring books, positions and account to this instant, as far as the venue answers."""
        await self._readings.look_again()

    async def renew(self, guard: Guard) -> None:
        """Ask for the lease again, and learn of halts on the way. Raises what the way to the guard raises."""
        seated = {bot: seat for bot, seat in self.seats.items() if bot not in self.ledger.leaving}
        uses = bot_uses(self.ledger, self._gate, self._prices, seated)
        answer = await self._leasing.renew(guard, bots=uses, distress=self._gate.distress)
        self._engage(Engage(answer.latches, answer.generation))

    async def upkeep(self, *, everyone: bool = False) -> None:
        """One pass over the bots that changed, or over all of them."""
        bots = (set(self.ledger.records) | set(self.seats)) if everyone else set(self.dirty)
        self.dirty -= bots
        for bot in bots & self.seats.keys():
            self._intake.examine(self.seats[bot])
        self.dirty |= await self._upkeep.run(sorted(bots))

    def look_out(self) -> None:
        """Ask to be halted where it fails to know what it must."""
        self._distress.look()

    @property
    def market_heard_at(self) -> float:
        """When any market last moved; monotonic."""
        return self._prices.heard_at

    def watches(self) -> Sequence[Watch]:
        """What this wallet needs from market data."""
        return watches(self.seats.values(), self.ledger.symbols())

    # ── a bot's requests ─────────────────────────────────────────────────────────────────────────────────────────

    def hello(self, hello: Hello, notify: Callable[[Changed | Dismissed], None]) -> Welcome:
        """Let a bot in. Raises ``Fenced`` for an epoch that is over or a build that is not the deployed one,
        ``LinkError`` for an epoch that is not seated yet, and ``ConfigError`` for an unknown indicator."""
        seat = self._seat(hello.bot, hello.epoch)
        seat.running = hello.identity
        self._check_build(seat)
        IndicatorSet(
            hello.indicators
        )  # a name that nobody can compute is this bot's trouble, not its neighbours'
        seat.notify, seat.is_told = notify, False
        seat.watch = Watch(seat.spec.symbols, hello.indicators, hello.bar_interval_s)
        markets = self._readings.instruments
        instruments = {symbol: markets[symbol] for symbol in seat.spec.symbols if symbol in markets}
        return Welcome(self.spec.name, self.incarnation, instruments, self.spec.limits)

    def observe(self, bot: BotId, epoch: int) -> Sight:
        """What the bot sees now. Raises as ``hello``, and ``LinkError`` before the venue was reconciled."""
        seat = self._seat(bot, epoch)
        self._check_build(seat)
        account = self._reconciled()
        seat.is_told = False
        self._intake.looked(bot)
        return self._views.sight(seat, account, self._readings.absent)

    def alive(self, bot: BotId, epoch: int) -> None:
        """The bot's sign of life while it rests or thinks. Raises as ``hello``."""
        self._seat(bot, epoch)

    async def submit(self, batch: Submit) -> Submitted:
        """Take a bot's wishes: cancels first, then intents in their order. Raises as ``observe``."""
        seat = self._seat(batch.bot, batch.epoch)
        self._check_build(seat)
        self._reconciled()
        standing: set[Symbol] = set()  # markets in which a cancel did not reach the venue, as far as we know
        for order_id in batch.cancels:
            order = self.ledger.orders.get(order_id)
            if order is None or order.bot != batch.bot or not order.is_live:
                continue
            if await self._desk.cancel(order_id) is not None:
                standing.add(order.order.symbol)
        outcomes: list[Outcome] = []
        is_down = False
        for intent in batch.intents:
            seat = self._seat(batch.bot, batch.epoch)  # it may be over by now
            placed = (is_down and unsent(intent)) or await self._intake.place(seat, intent, standing)
            is_down |= placed.fails_cycle
            outcomes.append(placed)
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
            if bot in self.ledger.leaving:
                self._desk.write(Leaving(bot, None))
        old = self.seats.get(bot)
        if old is not None and old.epoch == admit.epoch:
            old.limit(admit.spec, admit.identity)
            return
        if old is not None and old.notify is not None:
            old.notify(Dismissed())
        self._intake.looked(bot)
        self.seats[bot] = Seat(
            spec=admit.spec, epoch=admit.epoch, identity=admit.identity, seen_at=self._clock.monotonic()
        )

    async def retire(self, retire: Retire) -> Retired:
        """End the bot's epoch, whatever the bot thinks of it, and see its exit mode through at the venue."""
        bot = retire.bot
        seat = self.seats.get(bot)
        if self.ledger.leaving.get(bot) is not retire.mode:
            self._desk.write(Leaving(bot, retire.mode))
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
        """Take the halts and enforce them; the answer is what the venue says is left.

        News is answered as soon as it is on disk; asked again, what the venue shows. Raises ``JournalFailed`` when the
        disk does not take it.
        """
        is_news = self._engage(engage)
        if not self._gate.latches:
            return self._halting.nothing_to_do()
        return self._halting.shut() if is_news else await self._halting.look()

    def report(self) -> WalletReport:
        """How the wallet does."""
        now = self._clock.monotonic()
        exposures = self._prices.exposures(self.ledger)
        return WalletReport(
            wallet=self.spec.name,
            incarnation=self.incarnation,
            pid=os.getpid(),
            node=self.node,
            ready=self.ready,
            equity_usd=self._readings.equity_usd,
            exposure_usd=exposures.used_usd,
            lease=self._gate.lease,
            lease_left_s=self._gate.left_s(now),
            bots=self._views.lines(exposures, self.seats),
            venue_positions=self._readings.positions,
            orders_sent=self._desk.sent,
            refusals=dict(self._intake.refusals),
            unknown_orders=sum(order.state is OrderState.UNKNOWN for order in self.ledger.live()),
            halt=self._gate.level(EXTERNAL),
            problems=tuple(self._problems),
        )

    def trips(self, bot: BotId) -> tuple[RoundTrip, ...]:
        """The bot's last round trips, oldest first."""
        known = self.ledger.records.get(bot)
        return tuple(known.trips) if known else ()

    # ── what it knows ────────────────────────────────────────────────────────────────────────────────────────────

    def stance(self, bot: BotId) -> Stance:
        """What the bot's orders and holdings shall become."""
        seat = self.seats.get(bot)
        now = self._clock.monotonic()
        silent_for = now - (seat.seen_at if seat else self._started_at)
        return stance_of(
            self._gate.level(bot),
            self.ledger.leaving.get(bot),
            is_silent=orphan_sweep(bot, silent_for, self.spec.orphan_cancel_after) is not None
            or self._leasing.is_reclaiming,
        )

    @property
    def account(self) -> Account | None:
        """The newest reading of the account."""
        return self._readings.account

    def used_usd(self) -> Decimal:
        """Worst-case exposure: every position, resting order and order of unknown outcome, market by market."""
        return self._prices.exposures(self.ledger).used_usd

    def _seat(self, bot: BotId, epoch: int) -> Seat:
        seat = self.seats.get(bot)
        if seat is not None and seat.epoch == epoch and bot not in self.ledger.leaving:
            seat.seen_at = self._clock.monotonic()
            return seat
        known = self.ledger.records.get(bot)
        if seat is None and epoch >= (known.epoch if known else 0) and bot not in self.ledger.leaving:
            raise LinkError(f"{bot}: epoch {epoch} is not seated yet at {self.spec.name}")
        raise Fenced(f"{bot}: epoch {epoch} is not seated at {self.spec.name}")

    def _check_build(self, seat: Seat) -> None:
        refusal = build_identity(seat.identity, seat.running) if seat.identity else None
        if refusal is not None:
            self._intake.refusals[build_identity.__name__] += 1
            self._alert(
                f"{refusal.detail}: {refusal.value or 'none'}, deployed is {refusal.limit}", seat.spec.name
            )
            raise Fenced(f"{seat.spec.name}: {refusal.detail}")

    def _params(self, bot: BotId) -> RiskParams | None:
        seat = self.seats.get(bot)
        return seat.spec.risk_params if seat else None

    def _rosters(self) -> Mapping[BotId, Sequence[Symbol]]:
        return {bot: seat.spec.symbols for bot, seat in self.seats.items()}

    async def _list_markets(self) -> None:
        await self._readings.list_markets()
        self._upkeep.list_markets(self._readings.instruments)

    def _reconciled(self) -> Account:
        if self._readings.account is None or not self.ready:
            raise LinkError(f"{self.spec.name} has not reconciled with its venue yet")
        return self._readings.account

    # ── halting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _enforce(self) -> None:
        await self.upkeep(everyone=True)

    def _engage(self, engage: Engage) -> bool:
        """Take newer halts: the gate first, then the disk. Says whether they are newer."""
        known = self._gate.generation
        if engage.generation <= known:
            return False
        is_changed = self._gate.engage(engage.latches, engage.generation)
        try:
            self._desk.write(Latched(self._gate.held, engage.generation))
        except JournalFailed:
            self._gate.generation = known  # it holds, but is not taken: it must be said again
            raise
        if is_changed:
            self.dirty.update(self.ledger.records)
            self.woken.set()
            for seat in self.seats.values():
                seat.is_told = False  # a halt is always worth a notice of its own
                seat.tell()
        return True

    def ask_to_halt(self, halt: Halt) -> None:
        """Hold a halt here at once, and have it latched: the kill switch is told with the next report."""
        if self._gate.hold(Latch(halt.scope, HaltLevel.REDUCE_ONLY, 0, halt.reason, HaltCause.DISTRESS)):
            with contextlib.suppress(JournalFailed):  # the gate holds it, and the guard is told
                self._desk.write(Latched(self._gate.held, self._gate.generation))
            scope, _, name = halt.scope.partition(":")
            self._alert(f"halted: {halt.reason}", BotId(name) if scope == "bot" else EXTERNAL)
            self.dirty.update(self.ledger.records)
            self.woken.set()

    def _changed(self, bot: BotId) -> None:
        self.dirty.add(bot)
        self.woken.set()
        seat = self.seats.get(bot)
        if seat is not None:
            seat.tell()

    def _alert(self, text: str, bot: BotId) -> None:
        _log.warning(text, extra={"bot": bot, "wallet": self.spec.name})
        self._problems.append(f"{bot}: {text}" if bot else text)
