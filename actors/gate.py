"""A wallet's gate: the halts and the lease that decide whether risk may be added at this instant."""

from __future__ import annotations

from collections.abc import Mapping
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
        self.asked_for: dict[
            str, Latch
        ] = {}  # by scope: held here already, until the kill switch has latched it
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
        self.asked_for = {scope: asked for scope, asked in self.asked_for.items() if not self._covers(asked)}
        return changed

    def hold(self, latch: Latch) -> bool:
        """Keep a halt that this wallet asks for, from now on; says whether it is a new one."""
        if latch.scope in self.asked_for or self._covers(latch):
            return False
        self.asked_for[latch.scope] = latch
        return True

    def restore(self, latches: tuple[Latch, ...], generation: int) -> None:
        """Take what the journal has; a halt of generation 0 is one that this wallet asked for."""
        self.latches = tuple(latch for latch in latches if latch.generation)
        self.asked_for = {latch.scope: latch for latch in latches if not latch.generation}
        self.generation = generation

    @property
    def held(self) -> tuple[Latch, ...]:
        """Every halt that holds here, for the journal."""
        return (*self.latches, *self.asked_for.values())

    def level(self, bot: BotId) -> HaltLevel | None:
        """The furthest halt that covers the bot."""
        held = self.held
        if not held:
            return None  # as on almost every order's way
        scopes = ("fleet", f"wallet:{self._wallet}", f"bot:{bot}")
        return max(
            (latch.level for latch in held if latch.scope in scopes),
            key=lambda level: level.rank,
            default=None,
        )

    @property
    def distress(self) -> Mapping[str, str]:
        """What the kill switch is asked for: scope to reason."""
        return {latch.scope: latch.reason for latch in self.asked_for.values()}

    def _covers(self, asked: Latch) -> bool:
        return any(
            known.scope == asked.scope and known.level.rank >= asked.level.rank for known in self.latches
        )

    def ask(self, now: float) -> int:
        """Begin a renewal: the number that its answer must carry."""
        self._request += 1
        self._asked_at = now
        return self._request

    def awaits(self, lease: Lease, newest: tuple[int, int]) -> bool:
        """Whether the lease answers the outstanding request and is newer than the journaled one.

        Args:
            lease: the guard's answer.
            newest: (epoch, sequence) of the lease in the journal.
        """
        return (
            lease.request == self._request
            and lease.wallet == self._wallet
            and lease.incarnation == self._incarnation
            and (lease.epoch, lease.sequence) > newest
        )

    def take(self, lease: Lease) -> None:
        """Hold the lease that was awaited, and is in the journal by now."""
        self.lease = lease
        self._deadline = holder_deadline(self._asked_at, lease.ttl_s)
        self._request += 1  # an answer that comes twice is not taken twice

    def left_s(self, now: float) -> float:
        """Seconds for which risk may still be added; 0 without a lease."""
        return max(0.0, self._deadline - GUARD_S - now) if self.lease else 0.0

    def budget_usd(self, bot: BotId) -> Decimal | None:
        """What the bot itself may use, by the newest lease; ``None`` where the fleet has no portfolio."""
        budgets = self.lease.bot_budgets if self.lease else None
        return None if budgets is None else budgets.get(bot, ZERO)

    def room_usd(self, used_usd: Decimal, now: float) -> Decimal:
        """Worst-case exposure that may be added now."""
        if self.lease is None or self.left_s(now) <= 0:
            return ZERO
        return max(ZERO, self.lease.budget_usd - used_usd)
