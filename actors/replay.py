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


class Replay:
    """One run. Its exchange and wallets stay, for whoever wants to look at them afterwards."""

    def __init__(self, fleet: FleetSpec, source: MarketSource) -> None:
        self._fleet = fleet
        self._source = source
        self._began_at: datetime | None = None
        bar_interval = _bar_interval(source)
        first = next(iter(source.events()), None)
        self.clock = VirtualClock(first.at if first else datetime.min.replace(tzinfo=None))
        ...
