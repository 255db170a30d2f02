"""The loss watch: halts the fleet when it has lost what it may, and whoever is no longer known to be solvent.

Two losses count, that of the UTC day and that from the highest equity ever, both kept in the store. Lifting the halt
that a loss has set accepts the loss: both are measured anew from there. A wallet that does not tell its equity blinds
nobody: the watch goes on with the last that it told, halts the wallet after ``equity_unknown_max`` and the fleet after
twice that. A wallet that asks to be halted is latched here too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from actors.ledger_events import HaltCause, Latch
from actors.store import EquityMarks, Latches, LossStore
from adapters.clock import Clock
from adapters.model import ZERO, WalletId
from config.spec import HaltLevel
from risk.knowledge import unknown_equity, unknown_for_the_fleet
from risk.leases import Renewal
from risk.limits import FleetLimits
from risk.post_trade import Halt, daily_loss, drawdown

ASLEEP_S = 5.0  # a pass that comes later than this finds a watch that did not run, and that must listen first
SAVE_S = 5.0  # between two savings of what the wallets were worth
_log = logging.getLogger(__name__)


class Halts(Protocol):
    """Whoever can halt the fleet."""

    async def trip(self, latch: Latch) -> int: ...


@dataclass(slots=True)
class _Word:
    """What a wallet was last worth."""

    equity_usd: Decimal
    known_at: float | None  # monotonic; None where only our predecessor heard it


class LossWatch:
    """``hear`` every renewal, ``watch`` a few times a second.

    Args:
        limits: the losses, and how long an equity may be unknown.
        on_breach: how far a loss halts the fleet.
        wallets: all of the fleet.
        store: what must survive this process.
        halts: the kill switch.
        clock: for days and ages.
    """

    def __init__(
        self,
        limits: FleetLimits,
        on_breach: HaltLevel,
        wallets: Iterable[WalletId],
        *,
        store: LossStore,
        halts: Halts,
        clock: Clock,
    ) -> None:
        self._limits = limits
        self._on_breach = on_breach
        self._wallets = frozenset(wallets)
        self._store = store
        self._halts = halts
        self._clock = clock
        self._words: dict[WalletId, _Word] = {}
        self._saved: Mapping[WalletId, Decimal] = {}
        self._saved_at = 0.0
        self._awake_since = self._watched_at = clock.monotonic()
        self._is_ours = False  # the halt in force under which the loss stands
        self._marks: EquityMarks | None = None  # as the store has them
        self._marked_on: date | None = None
        self._distress: dict[
            WalletId, dict[str, str]
        ] = {}  # scope to reason; what was passed on is taken out

    async def start(self) -> None:
        """Know what the wallets were worth, should one not say a word any more. Raises what the store raises."""
        self._saved = await self._store.load_equities()
        self._words = {
            wallet: _Word(equity, None) for wallet, equity in self._saved.items() if wallet in self._wallets
        }
        self._awake_since = self._watched_at = self._clock.monotonic()

    def hear(self, renewal: Renewal) -> None:
        """What a wallet says of itself."""
        self._distress[renewal.wallet] = dict(renewal.distress)
        if renewal.equity_usd is not None:
            self._words[renewal.wallet] = _Word(renewal.equity_usd, self._clock.monotonic())

    @property
    def equity_usd(self) -> Decimal | None:
        """The fleet's equity; ``None`` while any wallet's is unknown."""
        now, limit_s = self._clock.monotonic(), self._limits.equity_unknown_max.total_seconds()
        fresh = [
            word.equity_usd
            for word in self._words.values()
            if word.known_at is not None and now - word.known_at <= limit_s
        ]
        return sum(fresh, ZERO) if fresh and len(fresh) == len(self._wallets) else None

    @property
    def day_pnl_usd(self) -> Decimal | None:
        """What the fleet has made since its day began, as far as that is known."""
        equity = self.equity_usd
        return equity - self._marks.day_start_usd if equity is not None and self._marks is not None else None

    async def watch(self) -> bool:
        """One pass. Raises what the store and the kill switch raise: the next pass does what this one could not.

        Returns:
            Whether the losses are measured anew from here.
        """
        now = self._clock.monotonic()
        if now - self._watched_at > ASLEEP_S:
            self._awake_since = now
        self._watched_at = now
        latches = await self._store.load_latches()
        await self._pass_on()
        await self._watch_the_silent(now, latches)
        return await self._watch_the_losses(now, latches)

    async def _pass_on(self) -> None:
        """Every halt that a wallet asks for, once a word: it asks again while it has not heard of the latch."""
        for distress in self._distress.values():
            for scope, reason in tuple(distress.items()):
                await self._trip(Latch(scope, HaltLevel.REDUCE_ONLY, 0, reason, HaltCause.DISTRESS))
                del distress[scope]

    async def _watch_the_silent(self, now: float, latches: Latches) -> None:
        limit = self._limits.equity_unknown_max
        for wallet in sorted(self._words):
            unread_s = self._unread_s(wallet, now)
            for halt in (
                unknown_equity(wallet, unread_s, limit),
                unknown_for_the_fleet(wallet, unread_s, limit),
            ):
                if halt is None:
                    continue
                latch = Latch(halt.scope, HaltLevel.REDUCE_ONLY, 0, halt.reason, HaltCause.DISTRESS)
                if not _covers(latches, latch):
                    await self._trip(latch)

    async def _watch_the_losses(self, now: float, latches: Latches) -> bool:
        equity = self._estimate(now)
        if equity is None:
            return False
        today = self._clock.now().date()
        marks = self._marks
        if marks is None or today != self._marked_on or equity > marks.peak_usd:
            marks = self._marks = await self._store.mark_equity(today, equity)
            self._marked_on = today
        await self._save(now)
        loss = self._loss(equity, marks)
        if loss is None:
            self._is_ours = False
            return False
        latch = Latch(loss.scope, self._on_breach, 0, loss.reason, HaltCause.LOSS)
        if _covers(latches, latch):
            self._is_ours |= any(
                known.scope == latch.scope and known.cause is HaltCause.LOSS for known in latches.latches
            )
            return False
        if self._is_ours and not any(known.scope == latch.scope for known in latches.latches):
            await self._store.restart_marks(today, equity)  # an operator has lifted it
            self._is_ours, self._marks = False, None
            return True
        await self._trip(latch)
        return False

    def _loss(self, equity: Decimal, marks: EquityMarks) -> Halt | None:
        limits = self._limits
        return daily_loss(equity, marks.day_start_usd, limits.daily_loss_pct_max) or drawdown(
            equity, marks.peak_usd, limits.drawdown_from_peak_pct_max
        )

    def _estimate(self, now: float) -> Decimal | None:
        """The fleet's equity by everybody's last word; ``None`` while one may still come that we never heard."""
        if not self._words or len(self._words) < len(self._wallets):
            return None
        limit_s = self._limits.equity_unknown_max.total_seconds()
        if any(
            word.known_at is None and self._unread_s(wallet, now) <= limit_s
            for wallet, word in self._words.items()
        ):
            return None
        return sum((word.equity_usd for word in self._words.values()), ZERO)

    def _unread_s(self, wallet: WalletId, now: float) -> float:
        return now - max(self._words[wallet].known_at or 0.0, self._awake_since)

    async def _save(self, now: float) -> None:
        equities = {wallet: word.equity_usd for wallet, word in self._words.items()}
        if equities == self._saved or (self._saved and now - self._saved_at < SAVE_S):
            return
        await self._store.save_equities(equities)
        self._saved, self._saved_at = equities, now

    async def _trip(self, latch: Latch) -> None:
        _log.critical("%s: %s", latch.scope, latch.reason)
        await self._halts.trip(latch)


def _covers(latches: Latches, latch: Latch) -> bool:
    return any(
        known.scope == latch.scope and known.level.rank >= latch.level.rank for known in latches.latches
    )
