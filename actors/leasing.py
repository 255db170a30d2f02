"""A wallet's half of the lease protocol: it asks, applies what is newer, and reclaims what a predecessor left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from actors.gate import Gate
from actors.ledger import Ledger
from actors.ledger_events import Began, LeaseTaken
from actors.messages import GuardAnswer
from actors.order_desk import OrderDesk
from actors.prices import Prices
from actors.readings import Readings
from actors.reclaim import Reclaim
from adapters.clock import Clock
from adapters.model import WalletId
from risk.leases import CLOCK_ERROR, RHO, TAU, BotUse, Renewal, lapsed_at


class Guard(Protocol):
    """The risk guard, as a wallet sees it."""

    async def renew(self, renewal: Renewal) -> GuardAnswer: ...


class Leasing:
    """Holds the lease through ``gate``, and in the journal."""

    def __init__(
        self,
        wallet: WalletId,
        incarnation: int,
        ttl: timedelta,
        gate: Gate,
        desk: OrderDesk,
        prices: Prices,
        readings: Readings,
        reclaim: Reclaim,
        clock: Clock,
    ) -> None:
        self._wallet = wallet
        self._incarnation = incarnation
        self._gate = gate
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._prices = prices
        self._readings = readings
        self._reclaim = reclaim
        self._clock = clock
        self._ttl_s = ttl.total_seconds()
        self._started_at = clock.monotonic()
        self._continues = self._ledger.lease.incarnation
        self._began = self._ledger.began

    def begin(self) -> None:
        """Have it in the journal that this incarnation goes on with it, before anything is lent to it."""
        if self._incarnation not in self._ledger.began:
            self._desk.write(Began(self._incarnation))

    @property
    def has_rival(self) -> bool:
        """Whether what a predecessor sent may still arrive at the venue, unknown to this journal.

        Not once the guard has lent to this incarnation, for then the journal is whole or all was reclaimed; nor when
        even a lease that was renewed right before our start has lapsed, and the last order under it expired.
        """
        fence_s = (TAU + 2 * CLOCK_ERROR).total_seconds()
        over_s = lapsed_at(self._started_at, self._ttl_s) + fence_s * (1 + 2 * RHO)
        return self._gate.lease is None and self._clock.monotonic() < over_s

    @property
    def is_reclaiming(self) -> bool:
        """Whether a predecessor may have left what this journal does not know of."""
        return self._reclaim.is_due

    async def renew(
        self, guard: Guard, *, bots: tuple[BotUse, ...], distress: Mapping[str, str]
    ) -> GuardAnswer:
        """Ask, and apply the answer.

        Args:
            guard: whom to ask.
            bots: what is said of them.
            distress: halts that the wallet asks for, scope to reason; empty when all is well.

        Raises what the way to the guard raises, and while it reclaims what the venue raises.
        """
        request = self._gate.ask(self._clock.monotonic())
        newest = self._ledger.lease
        answer = await guard.renew(
            Renewal(
                wallet=self._wallet,
                incarnation=self._incarnation,
                request=request,
                used_usd=self._prices.exposures(self._ledger).used_usd,
                applied_epoch=newest.epoch,
                applied_sequence=newest.sequence,
                applied_budget_usd=newest.budget_usd,
                equity_usd=self._readings.equity_usd,
                continues=self._continues,
                began=self._began,
                reclaimed=self._reclaim.is_done,
                bots=bots,
                distress=distress,
            )
        )
        if answer.reclaim_in_s is not None:
            self._reclaim.is_due = True
            if answer.reclaim_in_s <= 0:
                await self._reclaim.step()
            return answer
        lease = answer.lease
        if lease is not None and self._gate.awaits(lease, (newest.epoch, newest.sequence)):
            self._desk.write(LeaseTaken(lease.epoch, lease.sequence, lease.budget_usd, self._incarnation))
            self._gate.take(lease)
            self._reclaim.is_due = False
        return answer
