"""A fleet over a recorded market: its own bots, wallets, rules and exchange, on the market's clock, in one process.

Nothing here decides anything. It is the loops of ``Bot``, ``WalletService``, ``MarketDataService`` and the hosts of
risk guard and kill switch, unrolled into one: at each instant of the recording the exchange hears the market, the
wallets hear the exchange, readings and leases are renewed when those loops would, upkeep runs where something
changed, then each bot that is due has its cycle, in the order of the fleet file.

What a replay cannot have is anything between two events. On bars, bots act at a bar's close, their orders meet the
next bar's open, and the stop of a position that was filled within a bar is sent at that bar's close. Two settings are
stretched, which are meant for processes that fail: no bot ever counts as silent, and on bars leases are renewed every
five bars, every five minutes at most; that is also how often the guard compares the equity with the daily loss limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from actors.bot import Bot
from actors.decision import DecisionMember
from actors.equity_curve import EquityCurve
from actors.in_process import InProcessWallet, MemoryControl
from actors.ledger import Ledger
from actors.market_data import DEFAULT_FINE, MarketData
from actors.market_service import PUBLISH_S
from actors.messages import Admit, Engage, Watch
from actors.recording import bar_interval, check_needs
from actors.replay_result import ReplayResult, Tally
from actors.risk_guard import RiskGuard
from actors.wallet import Wallet
from actors.wallet_service import ACCOUNT_S
from adapters.clock import Clock, SystemClock, VirtualClock
from adapters.errors import TradingError
from adapters.market.bars import EPOCH as LONG_AGO
from adapters.model import ZERO, Fill
from adapters.paper.exchange import PaperExchange
from adapters.paper.venue import PaperVenue
from adapters.venue import MarketSource, UserEvent
from config.spec import BotSpec, FleetSpec, WalletSpec
from strategies.registry import build
from strategies.strategy import needs

EPOCH = INCARNATION = 1  # every bot and every wallet lives once
RENEW_BARS = 5
RENEW_MAX = timedelta(minutes=5)
PROGRESS_EVENTS = 2_000  # events between two calls of ``on_progress``
PUBLISH = timedelta(seconds=PUBLISH_S)
ACCOUNT = timedelta(seconds=ACCOUNT_S)


class StrategyRaised(TradingError):
    """A bot's strategy raised. A fleet would restart the bot; a replay ends, since it would raise again."""


def replay(
    fleet: FleetSpec,
    source: MarketSource,
    *,
    on_progress: Callable[[int], None] = lambda events: None,
    stopwatch: Clock | None = None,
) -> ReplayResult:
    """Run the fleet's bots over a market, as fast as possible.

    Args:
        fleet: wallets, bots and limits; of its market, the latency.
        source: the market.
        on_progress: told every few thousand events how many there were.
        stopwatch: for ``seconds``; the machine's own clock unless given.

    Raises:
        ConfigError: a bot needs what the recording does not give, or the recording is damaged further on.
        StrategyRaised: see there.
    """
    stopwatch = stopwatch or SystemClock()
    began = stopwatch.monotonic()
    run = Replay(fleet, source)
    asyncio.run(run.run(on_progress))
    return run.result(stopwatch.monotonic() - began)


@dataclass(slots=True, kw_only=True)
class _Runner:
    """A bot and when it last ran."""

    bot: Bot
    way: InProcessWallet
    ran_at: datetime = LONG_AGO

    def is_due(self, now: datetime) -> bool:
        """As ``Bot.run`` rests: its interval, or a quarter of it once something of its own has changed."""
        rested, interval = now - self.ran_at, timedelta(seconds=self.bot.interval_s)
        return rested >= interval or (self.way.changed.is_set() and rested * 4 >= interval)


@dataclass(slots=True, kw_only=True)
class _Desk:
    """A wallet and what it watches."""

    wallet: Wallet
    watches: tuple[Watch, ...] = ()
    halt_holds: bool = False


class Replay:
    """One run. Its exchange and wallets stay, for whoever wants to look at them afterwards.

    Raises:
        ConfigError: see ``replay``.
    """

    def __init__(self, fleet: FleetSpec, source: MarketSource) -> None:
        first = next(iter(source.events()), None)
        self._fleet = fleet
        self._source = source
        self._bar_interval = bar_interval(source)
        self._began_at = first.at if first else LONG_AGO
        self.clock = VirtualClock(self._began_at)
        self.exchange = PaperExchange(source.instruments, clock=self.clock, latency=fleet.market.latency)
        self._market = MarketData(source.instruments, self.clock, self._bar_interval or DEFAULT_FINE)
        self._control = MemoryControl()
        few_bars = min(RENEW_BARS * (self._bar_interval or timedelta(0)), RENEW_MAX)
        lease_ttl = max(fleet.limits.lease_ttl, 3 * few_bars)
        limits = replace(fleet.limits, lease_ttl=lease_ttl)
        self._guard = RiskGuard(
            limits,
            fleet.on_breach,
            [wallet.name for wallet in fleet.wallets],
            store=self._control,
            halts=self._control,
            clock=self.clock,
        )
        self._renew_every = lease_ttl / 3
        self._tally = Tally()
        self._news: deque[tuple[Wallet, UserEvent]] = deque()
        self._desks = [_Desk(wallet=self._wallet(spec)) for spec in fleet.wallets]
        self.wallets = {desk.wallet.spec.name: desk.wallet for desk in self._desks}
        self._advisor = DecisionMember()
        self._runners = [self._runner(spec) for spec in fleet.bots]
        self._curve = EquityCurve(self._began_at, self._deposits)
        self._accounts_at = self._published_at = self._renewed_at = LONG_AGO

    async def run(self, on_progress: Callable[[int], None] = lambda events: None) -> None:
        """From the first event to the last."""
        await self._open()
        tally, told = self._tally, 0
        for at, events in groupby(self._source.events(), attrgetter("at")):
            self.clock.set(max(at, self.clock.now()))  # a wallet may have slept past it between two attempts
            for event in events:
                self.exchange.on_market(event)
                self._market.take(event)
                tally.event(event)
            await self._step(at)
            if tally.events - told >= PROGRESS_EVENTS:
                told = tally.events
                on_progress(told)
                await asyncio.sleep(0)  # lets Ctrl-C in
        on_progress(tally.events)
        if tally.events:
            await self._read_accounts(self.clock.now())
        await self._check_books()

    def result(self, seconds: float) -> ReplayResult:
        """What it came to, after ``run``, which took so long."""
        tally = self._tally
        reports = [wallet.report() for wallet in self.wallets.values()]
        bots = tuple(line for report in reports for line in report.bots)
        equity = self._equity
        return ReplayResult(
            fleet=self._fleet.fleet,
            began_at=self._began_at if tally.events else None,
            ended_at=self.clock.now() if tally.events else None,
            events=tally.events,
            bars=tally.bars,
            decisions=tally.decisions,
            orders=tally.orders,
            rejected=tally.rejected,
            fills=tally.fills,
            failed_cycles=tally.failed,
            refusals=dict(sorted(tally.refusals.items())),
            fees_usd=self.exchange.trial_balance().cash["fees"],
            equity_usd=equity,
            pnl_usd=equity - self._deposits,
            trades=sum(line.trades for line in bots),
            sharpe=self._curve.sharpe,
            drawdown_pct=self._curve.drawdown_pct if tally.events else None,
            digest=tally.digest.hexdigest(),
            bots=bots,
            problems=tuple(problem for report in reports for problem in report.problems),
            halts=self._control.halts.latches,
            seconds=seconds,
            bars_per_s=tally.bars / seconds if seconds > 0 else None,
        )

    # ── setting up ───────────────────────────────────────────────────────────────────────────────────────────────

    def _wallet(self, spec: WalletSpec) -> Wallet:
        self.exchange.open_account(spec.name, spec.equity_usd)
        wallet = Wallet(
            replace(spec, orphan_cancel_after=timedelta.max),
            INCARNATION,
            venue=PaperVenue(self.exchange, spec.name),
            journal=self._tally,
            ledger=Ledger(),
            clock=self.clock,
        )
        self.exchange.subscribe(spec.name, lambda event: self._news.append((wallet, event)))
        return wallet

    def _runner(self, spec: BotSpec) -> _Runner:
        strategy = build(spec.strategy.kind, spec.strategy.fields)
        check_needs(spec, needs(strategy), self._source, self._bar_interval)
        wallet = self.wallets[spec.wallet]
        wallet.admit(Admit(spec, EPOCH))
        way = InProcessWallet(wallet)
        bot = Bot(spec, EPOCH, strategy, wallet=way, advisor=self._advisor, clock=self.clock)
        return _Runner(bot=bot, way=way)

    async def _open(self) -> None:
        """Before the first event: wallets become ready, and bots say what they want to watch."""
        await self._guard.start()
        for desk in self._desks:
            await self._guard.enlist(desk.wallet.spec.name, INCARNATION)
            await desk.wallet.start()
        for runner in self._runners:
            await self._cycle(runner.bot)
        for desk in self._desks:
            desk.watches = tuple(desk.wallet.watches())
            for watch in desk.watches:
                self._market.watch(watch)

    # ── one instant ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _step(self, now: datetime) -> None:
        if self._news:
            await self._hear()
        if now - self._accounts_at >= ACCOUNT:
            await self._read_accounts(now)
        if now - self._published_at >= PUBLISH:
            self._publish(now)
        if now - self._renewed_at >= self._renew_every:
            await self._renew(now)
        await self._keep_up()
        for runner in self._runners:
            if runner.is_due(now):
                runner.ran_at = now
                await self._cycle(runner.bot)
                if self._news:
                    await self._hear()
                    await self._keep_up()

    async def _hear(self) -> None:
        """What the exchange told its users, in the order in which it happened."""
        while self._news:
            wallet, event = self._news.popleft()
            if isinstance(event, Fill):
                self._tally.fill(wallet.spec.name, event)
            await wallet.take_event(event)

    async def _keep_up(self) -> None:
        for desk in self._desks:
            if desk.wallet.dirty:
                await desk.wallet.upkeep()
                await self._hear()

    async def _read_accounts(self, now: datetime) -> None:
        self._accounts_at = now
        for desk in self._desks:
            await desk.wallet.refresh_account()
        self._curve.add(now, self._equity)

    def _publish(self, now: datetime) -> None:
        self._published_at = now
        changed, self._market.changed = self._market.changed, set()
        for desk in self._desks:
            for watch in desk.watches:
                news = self._market.snapshots(watch, changed)
                desk.wallet.take_snapshots(news)
                if self._bar_interval is None:
                    self._tally.built(news)

    async def _renew(self, now: datetime) -> None:
        """Leases, and with them the fleet's equity for the loss limit; a halt is pushed until it holds."""
        self._renewed_at = now
        for desk in self._desks:
            await desk.wallet.renew(self._guard)
        await self._guard.watch()
        halts = self._control.halts
        for desk in self._desks if halts.latches else ():
            if not desk.halt_holds:
                engaged = await desk.wallet.engage(Engage(halts.latches, halts.generation))
                desk.halt_holds = engaged.complete

    async def _cycle(self, bot: Bot) -> None:
        try:
            record = await bot.cycle()
        except TradingError:
            raise
        except Exception as error:
            raise StrategyRaised(
                f"bot {bot.spec.name}, cycle {bot.cycle_number} at {self.clock.now()}: {type(error).__name__}: {error}"
            ) from error
        if record is not None:
            bot.records.clear()
            self._tally.cycle(record)

    # ── the books ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _deposits(self) -> Decimal:
        return self.exchange.trial_balance().deposits

    @property
    def _equity(self) -> Decimal:
        return sum((wallet.account.equity_usd for wallet in self.wallets.values() if wallet.account), ZERO)

    async def _check_books(self) -> None:
        """A result is only worth something when the books agree to the last decimal."""
        assert self.exchange.trial_balance().is_balanced, "the exchange lost or made money"
        for name, wallet in self.wallets.items():
            theirs = {position.symbol: position.size for position in self.exchange.positions(name)}
            ours = {symbol: wallet.ledger.net(symbol) for symbol in self._source.instruments}
            assert theirs == {symbol: size for symbol, size in ours.items() if size}, (
                f"{name}: {ours}, {theirs}"
            )
