"""A wallet's gate: the halts and the lease that decide whether risk may be added at this instant."""

from __future__ import annotations

from decimal import Decimal

from actors.ledger_events import Latch
from adapters.model import ZERO, BotId, WalletId
from config.spec import HaltLevel
from risk.leases import Lease, holder_deadline

GUARD_S = 0.05  # stop this long before the deadline, for what happens between the check and the send


class Gate:
    """Holds no clock: every question comes with the time."""

    def __init__(self, wallet: WalletId, incarnation: int) -> None:
        self._wallet = wallet
        self._incarnation = incarnation
        self.latches: tuple[Latch, ...] = ()
        self.generation = 0
        self.lease: Lease | None = None
        self._deadline = 0.0
        self._request = 0
        self._asked_at = 0.0

    def engage(self, latches: tuple[Latch, ...], generation: int) -> bool:
        """Take the halts of a newer generation; says whether anything changed."""
        if generation <= self.generation:
            return False
        changed = latches != self.latches
        self.latches, self.generation = latches, generation
        return changed

    def level(self, bot: BotId) -> HaltLevel | None:
        """The furthest halt that covers the bot."""
        scopes = ("fleet", f"wallet:{self._wallet}", f"bot:{bot}")
        return max(
            (latch.level for latch in self.latches if latch.scope in scopes),
            key=lambda level: level.rank,
            default=None,
        )

    def ask(self, now: float) -> int:
        """Begin a renewal: the number that its answer must carry."""
        self._request += 1
        self._asked_at = now
        return self._request

    def take(self, lease: Lease, newest: tuple[int, int]) -> bool:
        """Accept the lease if it answers the outstanding request and is newer than the journaled one.

        Args:
            lease: the guard's answer.
            newest: (epoch, sequence) of the lease in the journal.
        """
        if (
            lease.request != self._request
            or lease.wallet != self._wallet
            or lease.incarnation != self._incarnation
            or (lease.epoch, lease.sequence) <= newest
        ):
            return False
        self.lease = lease
        self._deadline = holder_deadline(self._asked_at, lease.ttl_s)
        self._request += 1  # an answer that comes twice is not taken twice
        return True

    def left_s(self, now: float) -> float:
        """Seconds for which risk may still be added; 0 without a lease."""
        return max(0.0, self._deadline - GUARD_S - now) if self.lease else 0.0

    def room_usd(self, used_usd: Decimal, now: float) -> Decimal:
        """Worst-case exposure that may be added now."""
        if self.lease is None or self.left_s(now) <= 0:
            return ZERO
        return max(ZERO, self.lease.budget_usd - used_usd)
