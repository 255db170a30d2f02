"""A bot's seat at its wallet: its limits, its epoch, and what it last said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from actors.bot_record import BotRecord
from actors.messages import Changed, Dismissed, Watch
from adapters.model import Symbol
from config.spec import BotSpec
from risk.performance_gate import Breach, judged_sharpe, newest_breach, performance_gate
from strategies.strategy import PerformanceGate

DEFAULT_BAR_S = 60.0


@dataclass(slots=True, kw_only=True)
class Seat:
    """See the module."""

    spec: BotSpec
    epoch: int
    identity: str = ""  # that its bot must have; empty asks for none
    running: str = ""  # that it said hello with
    seen_at: float  # monotonic
    watch: Watch | None = None
    notify: Callable[[Changed | Dismissed], None] | None = None
    is_told: bool = False  # that something changed, since it last looked
    judged_trades: int = 0  # closed trades when the Sharpe ratio was last looked at
    _breach: Breach | None = None
    _sharpe: float | None = None

    @property
    def bar_interval_s(self) -> float:
        """Of the bars that its indicators are made of."""
        return self.watch.bar_interval_s if self.watch else DEFAULT_BAR_S

    def tell(self) -> None:
        """Let the bot know that something changed, once a look."""
        if self.notify is not None and not self.is_told:
            self.is_told = True
            self.notify(Changed())

    def limit(self, spec: BotSpec, identity: str) -> None:
        """Take new limits: what there was of results is judged anew by them."""
        self.spec, self.identity = spec, identity
        self.judged_trades, self._breach = 0, None

    def gate(self, record: BotRecord, now: datetime) -> PerformanceGate:
        """The performance gate, by the bot's results so far."""
        spec = self.spec
        if spec.exec_guards is not None and record.trades != self.judged_trades:
            trips = tuple(record.trips)
            news = newest_breach(trips, spec.exec_guards, record.trades - self.judged_trades)
            self._breach = news or self._breach
            self._sharpe = judged_sharpe(trips, spec.exec_guards)
            self.judged_trades = record.trades
        return performance_gate(
            self._breach,
            sharpe=self._sharpe,
            guards=spec.exec_guards,
            params=spec.risk_params,
            features=spec.features,
            now=now,
        )


def watches(seats: Iterable[Seat], held: set[Symbol]) -> Sequence[Watch]:
    """What a wallet needs from market data: one watch a bar length over all its bots, and every market it is in."""
    merged: dict[float, tuple[set[Symbol], set[str]]] = {}
    for seat in seats:
        if seat.watch:
            symbols, indicators = merged.setdefault(seat.watch.bar_interval_s, (set(), set()))
            symbols.update(seat.watch.symbols)
            indicators.update(seat.watch.indicators)
    unwatched = held - {symbol for symbols, _ in merged.values() for symbol in symbols}
    if unwatched:
        merged.setdefault(DEFAULT_BAR_S, (set(), set()))[0].update(unwatched)
    return [
        Watch(tuple(sorted(symbols)), tuple(sorted(indicators)), interval)
        for interval, (symbols, indicators) in sorted(merged.items())
    ]
