"""A bot's seat at its wallet: its limits, its epoch, and what it last said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.messages import Changed, Dismissed, Watch
from adapters.model import Symbol
from config.spec import BotSpec
from strategies.strategy import Performance

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
    paused_until: datetime | None = None
    judged_trades: int = 0  # closed trades when the Sharpe ratio was last looked at
    notify: Callable[[Changed | Dismissed], None] | None = None
    is_told: bool = False  # that something changed, since it last looked

    @property
    def bar_interval_s(self) -> float:
        """Of the bars that its indicators are made of."""
        return self.watch.bar_interval_s if self.watch else DEFAULT_BAR_S

    def tell(self) -> None:
        """Let the bot know that something changed, once a look."""
        if self.notify is not None and not self.is_told:
            self.is_told = True
            self.notify(Changed())

    def judge(self, performance: Performance, now: datetime) -> None:
        """Every closed trade that leaves the Sharpe ratio below its threshold begins a pause."""
        guards, sharpe = self.spec.exec_guards, performance.sharpe
        if guards is None or sharpe is None or performance.trades == self.judged_trades:
            return
        self.judged_trades = performance.trades
        if sharpe < guards.sharpe_pause_threshold:
            pause: timedelta = guards.pause_duration_on_breach
            self.paused_until = now + pause


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
