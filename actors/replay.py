"""A fleet over a recorded market: its own bots, wallets, rules and exchange, on the market's clock, in one process.

Nothing here decides anything. It is the loops of ``Bot``, ``WalletService``, ``MarketDataService`` and the hosts of
risk guard and kill switch, unrolled into one: at each instant of the recording the exchange hears the market, the
wallets hear the exchange, then readings and leases are renewed as often as those loops would, then upkeep runs where
something changed, then each bot that is due has its cycle, in the order of the fleet file. What it cannot have is
anything between two events: on bars, a bot acts at a bar's close, its orders meet the next bar's open, and a stop that
follows from a fill in a bar waits from that bar's close on.

A lease's time to live is stretched to three bars where it is shorter, and bots are never silent: both are for
processes that fail, of which there are none here.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from actors.bot import Bot
from actors.decision import DecisionMember
from actors.equity_curve import EquityCurve
from actors.in_process import InProcessWallet, MemoryControl
from actors.journal import MemoryJournal
from actors.ledger import Ledger
from actors.ledger_events import Latch
from actors.market_data import DEFAULT_FINE, MarketData
from actors.market_service import PUBLISH_S
from actors.messages import Admit, BotLine, Engage, Watch
from actors.order_state import OrderState
from actors.risk_guard import RiskGuard
from actors.run_digest import RunDigest
from actors.wallet import Wallet
from actors.wallet_service import ACCOUNT_S
from adapters.clock import Clock, SystemClock, VirtualClock
from adapters.errors import ConfigError, TradingError
from adapters.model import ZERO, Bar, Fill, Symbol
from adapters.paper.exchange import PaperExchange
from adapters.paper.venue import PaperVenue
from adapters.venue import MarketSource, UserEvent
from config.spec import BotSpec, FleetSpec, WalletSpec
from strategies.registry import build
from strategies.strategy import needs

EPOCH = INCARNATION = 1  # every bot and wallet lives once
PROGRESS_EVENTS = 2_000  # events between two calls of ``on_progress``
PUBLISH = timedelta(seconds=PUBLISH_S)
ACCOUNT = timedelta(seconds=ACCOUNT_S)


class StrategyRaised(TradingError):
    """A bot's strategy raised: a fleet would restart the bot, a replay ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """What a run came to."""

    fleet: str
    began_at: datetime | None  # first event; None when there was none
    ended_at: datetime | None
    events: int
    bars: int  # closed bars of the recording; of ticks, those that were built for the bots
    decisions: int
    orders: int  # sent, stops and targets included
    rejected: int  # of them, by the venue
    fills: int
    refusals: Mapping[str, int]  # wishes that became no order, by rule
    fees_usd: Decimal
    equity_usd: Decimal  # at the last marks, with positions as they are
    pnl_usd: Decimal
    trades: int  # round trips
    sharpe: float | None  # annualised, see ``EquityCurve.sharpe``
    drawdown_pct: float | None  # None when there was no event
    digest: str  # of all decisions and fills
    bots: tuple[BotLine, ...]
    halts: tuple[Latch, ...]  # a halt of the risk guard lasts to the end: nobody is there to lift it
    seconds: float  # that the run took, without reading a bar file

    @property
    def bars_per_s(self) -> float | None:
        """How fast it ran."""
        return self.bars / self.seconds if self.seconds > 0 else None


def replay(
    fleet: FleetSpec,
    source: MarketSource,
    *,
    on_progress: Callable[[int], None] = lambda events: None,
    stopwatch: Clock | None = None,
) -> ReplayResult:
    """Run the fleet's bots over a market, as fast as possible.

    Args:
        fleet: wallets, bots and limits; its market gives the latency only.
        source: the market.
        on_progress: told every few thousand events how many there were.
        stopwatch: for ``seconds``; the machine's clock unless given.

    Raises:
        ConfigError: bots whose bars the recording cannot give, or a recording that is damaged further on.
        StrategyRaised: see there.
    """
    stopwatch = stopwatch or SystemClock()
    began = stopwatch.monotonic()
    run = Replay(fleet, source)
    asyncio.run(run.run(on_progress))
    return run.result(stopwatch.monotonic() - began)


@dataclass(slots=True, kw_only=True)
class _Runner:
    """A bot and when it is next due."""

    bot: Bot
    way: InProcessWallet
    interval: timedelta
    ran_at: datetime

    def is_due(self, now: datetime) -> bool:
        """As ``Bot.run`` rests: its interval, or a quarter of it once something of its own changed."""
        rested = now - self.ran_at
        return rested >= self.interval or (rested * 4 >= self.interval and self.way.changed.is_set())


@dataclass(slots=True, kw_only=True)
class _Desk:
    """A wallet and what it watches."""

    wallet: Wallet
    watches: tuple[Watch, ...] = ()
    halt_holds: bool = False


class Replay:
    """One run. Its exchange and wallets stay, for whoever wants to look at them afterwards.

    Raises:
        ConfigError: as ``replay``.
    """

    def __init__(self, fleet: FleetSpec, source: MarketSource) -> None:
        self._fleet = fleet
        self._source = source
        self._bar_interval = _bar_interval(source)
        first = next(iter(source.events()), None)
        self._began_at = first.at if first else None
        self.clock = VirtualClock(first.at if first else BARS_EPOCH)
        self.exchange = PaperExchange(source.instruments, clock=self.clock, latency=fleet.market.latency)
        self._market = MarketData(source.instruments, self.clock, self._bar_interval or DEFAULT_FINE)
        self._control = MemoryControl()
        lease_ttl = max(fleet.limits.lease_ttl, LEASE_BARS * (self._bar_interval or timedelta(0)))
        self._renew_every = lease_ttl / 3
        self._guard = RiskGuard(
            replace(fleet.limits, lease_ttl=lease_ttl),
            fleet.on_breach,
            store=self._control,
            halts=self._control,
            clock=self.clock,
        )
        self._news: deque[tuple[Wallet, UserEvent]] = deque()
        self._desks = [_Desk(wallet=self._wallet(spec)) for spec in fleet.wallets]
        self.wallets = {desk.wallet.spec.name: desk.wallet for desk in self._desks}
        advisor = DecisionMember()
        self._runners = [self._runner(spec, advisor) for spec in fleet.bots]
        self._digest = RunDigest()
        self._curve: EquityCurve | None = None
        self._account_at = self._published_at = self._renewed_at = self.clock.now()
        self._closed: dict[tuple[float, Symbol], datetime] = {}  # newest bar built of ticks
        self._events = self._bars = self._decisions = self._fills = self._failed = 0
        self._refusals: Counter[str] = Counter()

    async def run(self, on_progress: Callable[[int], None] = lambda events: None) -> None:
        """From the first event to the last."""
        await self._open()
        told = 0
        for at, events in groupby(self._source.events(), attrgetter("at")):
            self.clock.set(max(at, self.clock.now()))  # the wallet may have slept past it, between two attempts
            for event in events:
                self.exchange.on_market(event)
                self._market.take(event)
                self._events += 1
                self._bars += isinstance(event, Bar)
            await self._step(at)
            if self._events - told >= PROGRESS_EVENTS:
                told = self._events
                on_progress(told)
                await asyncio.sleep(0)  # so that the run can be cancelled
        on_progress(self._events)
        await self._read_accounts(self.clock.now())
        self._check_books()

    def result(self, seconds: float) -> ReplayResult:
        """What it came to, after ``run``.

        Args:
            seconds: that the run took.
        """
        orders = [order for wallet in self.wallets.values() for order in wallet.ledger.orders.values()]
        bots = tuple(line for wallet in self.wallets.values() for line in wallet.report().bots)
        equity = self._equity()
        return ReplayResult(
            fleet=self._fleet.fleet,
            began_at=self._began_at,
            ended_at=self.clock.now() if self._events else None,
            events=self._events,
            bars=self._bars,
            decisions=self._decisions,
            orders=len(orders),
            rejected=sum(order.state is OrderState.REJECTED for order in orders),
            fills=self._fills,
            failed_cycles=self._failed,
            refusals=dict(sorted(self._refusals.items())),
            fees_usd=self.exchange.trial_balance().cash["fees"],
            equity_usd=equity,
            pnl_usd=equity - self.exchange.trial_balance().deposits,
            trades=sum(line.trades for line in bots),
            sharpe=self._curve.sharpe if self._curve else None,
            drawdown_pct=self._curve.drawdown_pct if self._curve else None,
            digest=self._digest.hexdigest(),
            bots=bots,
            halts=self._control.halts.latches,
            seconds=seconds,
        )

    # ── setting up ───────────────────────────────────────────────────────────────────────────────────────────────

    def _wallet(self, spec: WalletSpec) -> Wallet:
        self.exchange.open_account(spec.name, spec.equity_usd)
        wallet = Wallet(
            replace(spec, orphan_cancel_after=timedelta.max),  # a bot of this process is never lost
            INCARNATION,
            venue=PaperVenue(self.exchange, spec.name),
            journal=MemoryJournal(),
            ledger=Ledger(),
            clock=self.clock,
        )
        self.exchange.subscribe(spec.name, lambda event: self._news.append((wallet, event)))
        return wallet

    def _runner(self, spec: BotSpec, advisor: DecisionMember) -> _Runner:
        strategy = build(spec.strategy.kind, spec.strategy.fields)
        wanted = needs(strategy)
        for symbol in wanted.symbols:
            if symbol not in self._source.instruments:
                there = ", ".join(self._source.instruments)
                raise ConfigError(f"bot {spec.name} trades {symbol}; the recording is of {there}")
        if self._bar_interval and wanted.indicators and wanted.bar_interval % self._bar_interval:
            raise ConfigError(
                f"bot {spec.name} reads bars of {wanted.bar_interval}, which bars of {self._bar_interval} as recorded"
                " do not make; set bar_interval to a multiple of theirs"
            )
        wallet = self.wallets[spec.wallet]
        wallet.admit(Admit(spec, EPOCH))
        way = InProcessWallet(wallet)
        bot = Bot(spec, EPOCH, strategy, wallet=way, advisor=advisor, clock=self.clock)
        return _Runner(bot=bot, way=way, interval=spec.decision_interval, ran_at=self.clock.now())

    async def _open(self) -> None:
        """Before the first event: wallets are ready, and bots have said what they want to watch."""
        await self._guard.start()
        for desk in self._desks:
            await self._guard.enlist(desk.wallet.spec.name, INCARNATION)
            await desk.wallet.start()
        for runner in self._runners:
            await self._cycle(runner)
            runner.ran_at = BARS_EPOCH
        for desk in self._desks:
            desk.watches = tuple(desk.wallet.watches())
            for watch in desk.watches:
                self._market.watch(watch)
        await self._renew(self.clock.now())

    # ── one instant ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _step(self, at: datetime) -> None:
        await self._hear()
        if at - self._account_at >= ACCOUNT or self._curve is None:
            await self._read_accounts(at)
        if at - self._published_at >= PUBLISH or ...:
            self._publish(at)
