"""What a wallet must know to go on. Failure to know is a halt: the wallet holds it at once, and asks to be latched.

Time counts only while this process was awake to hear anything: one that was frozen listens first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from actors.gate import Gate
from actors.ledger import Ledger
from actors.ledger_writer import LedgerWriter
from actors.prices import Prices
from actors.readings import Readings
from actors.venue_failures import CountingVenue
from adapters.clock import Clock
from adapters.model import WalletId
from risk.knowledge import failed_disk, lost_allowance, silent_market, unknown_equity
from risk.limits import FleetLimits
from risk.post_trade import Halt, api_failures_in_window

LOOK_S = 1.0
ASLEEP_S = 5.0  # a look that comes later than this finds a process that did not run


class Distress:
    """Looked at every ``LOOK_S``.

    Args:
        wallet: whose.
        limits: how long what may be unknown, and how many failures are too many.
        readings: the account.
        prices: the markets.
        ledger: what is held.
        gate: the lease, with the equity that the wallet must keep.
        venue: its failures; those that led to a halt are not counted for the next.
        writer: whether the disk takes the journal.
        clock: monotonic.
        ask: told what calls for a halt.
    """

    def __init__(
        self,
        wallet: WalletId,
        limits: FleetLimits,
        *,
        readings: Readings,
        prices: Prices,
        ledger: Ledger,
        gate: Gate,
        venue: CountingVenue,
        writer: LedgerWriter,
        clock: Clock,
        ask: Callable[[Halt], None],
    ) -> None:
        self._wallet = wallet
        self._limits = limits
        self._readings = readings
        self._prices = prices
        self._ledger = ledger
        self._gate = gate
        self._venue = venue
        self._writer = writer
        self._clock = clock
        self._ask = ask
        self._awake_since = self._looked_at = clock.monotonic()
        self._lost: Decimal | None = None  # the floor that was reached: who lifts that halt accepts the loss

    def begin(self) -> None:
        """From here on the wallet serves: what failed, or was not known, before that is no cause."""
        self._venue.failed_at.clear()
        self._awake_since = self._looked_at = self._clock.monotonic()

    def look(self) -> None:
        """Ask for what there is cause for."""
        now = self._clock.monotonic()
        if now - self._looked_at > ASLEEP_S:
            self._awake_since = now
        self._looked_at = now
        for halt in self._causes(now):
            self._ask(halt)

    def _causes(self, now: float) -> Iterator[Halt]:
        limits, wallet = self._limits, self._wallet
        unread_s = now - max(self._readings.read_at, self._awake_since)
        if halt := unknown_equity(wallet, unread_s, limits.equity_unknown_max):
            yield halt
        unheard_s = now - max(self._prices.heard_at, self._awake_since)
        if self._holds() and (halt := silent_market(wallet, unheard_s, limits.market_data_silent_max)):
            yield halt
        if self._writer.is_failing:
            self._writer.mend()
            yield failed_disk(wallet)
        failed_at = self._venue.failed_at
        if halt := api_failures_in_window(
            wallet, failed_at, now, limits.api_failure_window, limits.max_api_failures_in_window
        ):
            failed_at.clear()
            yield halt
        equity, floor = self._readings.equity_usd, self._floor()
        if equity is None or floor is None or floor == self._lost:
            return
        if halt := lost_allowance(wallet, equity, floor):
            self._lost = floor
            yield halt

    def _holds(self) -> bool:
        return any(book.size for book in self._ledger.books.values())

    def _floor(self) -> Decimal | None:
        return self._gate.lease.equity_floor_usd if self._gate.lease else None
