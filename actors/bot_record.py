"""What one bot has made of its trades: its results, and what goes by its last round trips."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from actors.ledger_events import RecordLine
from adapters.model import ZERO, BotId
from risk.results import RoundTrip, sharpe, sharpe_interval, trades_per_hour
from strategies.strategy import Performance

RECENT_TRADES = 50  # round trips that the Sharpe ratio looks at
TRIPS_KEPT = 200
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # when round trips of older journals ended: nobody knows


@dataclass(slots=True)
class BotRecord:
    """One bot's results."""

    epoch: int = 0
    realized_usd: Decimal = ZERO  # after fees
    fees_usd: Decimal = ZERO
    wins: int = 0
    trades: int = 0
    trips: deque[RoundTrip] = field(default_factory=lambda: deque(maxlen=TRIPS_KEPT))  # the last
    sharpe: float | None = (
        None  # of the last ``RECENT_TRADES``; counted once a trip, since every look asks for it
    )
    trades_per_hour: float | None = None  # over the same

    def judge(self) -> None:
        """Count anew what goes by the round trips."""
        recent = list(self.trips)[-RECENT_TRADES:]
        self.sharpe = sharpe(trip.pnl_usd for trip in recent)
        self.trades_per_hour = trades_per_hour(recent)

    def performance(self) -> Performance:
        """The results so far."""
        low = high = None
        if self.sharpe is not None:
            low, high = sharpe_interval(self.sharpe, min(len(self.trips), RECENT_TRADES))
        return Performance(
            trades=self.trades,
            win_rate=self.wins / self.trades if self.trades else None,
            realized_usd=self.realized_usd,
            fees_usd=self.fees_usd,
            sharpe=self.sharpe,
            sharpe_low=low,
            sharpe_high=high,
            trades_per_hour=self.trades_per_hour,
        )

    def close_trade(self, pnl_usd: Decimal, at: datetime) -> None:
        """Count a round trip."""
        self.trades += 1
        self.wins += pnl_usd > 0
        self.trips.append(RoundTrip(at=at, pnl_usd=pnl_usd))
        self.judge()

    @classmethod
    def of(cls, line: RecordLine) -> BotRecord:
        """As a summary of the journal has it."""
        times = line.recent_at or (LONG_AGO,) * len(line.recent_usd)
        trips = (RoundTrip(at=at, pnl_usd=pnl) for at, pnl in zip(times, line.recent_usd, strict=True))
        record = cls(
            epoch=line.epoch,
            realized_usd=line.realized_usd,
            fees_usd=line.fees_usd,
            wins=line.wins,
            trades=line.trades,
            trips=deque(trips, maxlen=TRIPS_KEPT),
        )
        record.judge()
        return record

    def line(self, bot: BotId) -> RecordLine:
        """For a summary of the journal."""
        return RecordLine(
            bot,
            self.epoch,
            self.realized_usd,
            self.fees_usd,
            self.wins,
            self.trades,
            tuple(trip.pnl_usd for trip in self.trips),
            tuple(trip.at for trip in self.trips),
        )
