"""What a replay came to, and the counting on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from actors.ledger_events import Intended, Latch, Learned, LedgerEvent
from actors.messages import BotLine, CycleRecord, Snapshots
from actors.order_state import OrderEvent
from actors.run_digest import RunDigest
from adapters.model import Bar, Fill, MarketEvent, Symbol, WalletId

WRITTEN_MAX = (
    50_000  # ledger events of all wallets between two times that one forgets its oldest finished orders
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """One run. Everything but the time it took is the same on every run and machine."""

    fleet: str
    began_at: datetime | None  # first event; None when there was none
    ended_at: datetime | None
    events: int
    bars: int  # closed bars of the recording; of ticks, the bars that were built for the bots
    decisions: int
    orders: int  # sent, stops and targets included
    rejected: int  # of them, by the venue
    fills: int
    failed_cycles: int  # cycles whose advice or batch failed
    refusals: Mapping[str, int]  # wishes that became no order, by rule
    fees_usd: Decimal
    equity_usd: Decimal  # at the last marks, positions and orders as they are
    pnl_usd: Decimal
    trades: int  # round trips
    sharpe: float | None  # annualised, see ``EquityCurve.sharpe``
    drawdown_pct: float | None  # see ``EquityCurve.drawdown_pct``; None when there was no event
    digest: str  # of all decisions and fills
    bots: tuple[BotLine, ...]
    problems: tuple[str, ...]  # the last that each wallet had to tell
    halts: tuple[Latch, ...]  # of the risk guard; in force to the end, since nobody is there to lift one
    seconds: float  # that the run took; bar files are read before it, captures during it
    bars_per_s: float | None  # None when it took no time


class Tally:
    """Counts, and hashes what must be the same next time. The wallets' ``Journal``: it is told before an order is."""

    def __init__(self) -> None:
        self.events = self.bars = self.decisions = self.orders = self.rejected = self.fills = self.failed = 0
        self.refusals: Counter[str] = Counter()
        self.digest = RunDigest()
        self._written = 0
        self._newest: dict[tuple[float, Symbol], datetime | None] = {}

    def event(self, event: MarketEvent) -> None:
        """The market told something."""
        self.events += 1
        self.bars += isinstance(event, Bar)

    def built(self, news: Snapshots) -> None:
        """Bars were built of ticks; each counts once, whoever sees it."""
        for snapshot in news.snapshots:
            key = (news.bar_interval_s, snapshot.symbol)
            self.bars += self._newest.get(key) != snapshot.bar_at
            self._newest[key] = snapshot.bar_at

    def cycle(self, record: CycleRecord) -> None:
        """A bot wanted something."""
        self.digest.decided(record)
        self.decisions += len(record.decisions)
        self.refusals.update(refusal.rule for refusal in record.refusals)
        self.failed += not record.success

    def fill(self, wallet: WalletId, fill: Fill) -> None:
        """Something traded."""
        self.fills += 1
        self.digest.filled(wallet, fill)

    @property
    def is_long(self) -> bool:
        return self._written > WRITTEN_MAX

    def append(self, *events: LedgerEvent) -> None:
        self._written += len(events)
        for event in events:
            match event:
                case Intended():
                    self.orders += 1
                case Learned(event=OrderEvent.REJECT):
                    self.rejected += 1
                case _:
                    pass

    def compact(self, events: Iterable[LedgerEvent]) -> None:
        """Nothing outlives the run, so nothing is kept; the ledger has forgotten what it need not know."""
        self._written = 0

    def close(self) -> None:
        """Nothing is open."""
