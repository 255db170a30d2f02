"""Lending the fleet's limit: the guard's half of the lease protocol, over a store that is written before an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal

from actors.store import GuardStore
from adapters.clock import Clock
from adapters.errors import Fenced
from adapters.model import ZERO, WalletId
from risk.leases import CENT, Grant, Lease, Renewal, lapsed_at, lend, must_reclaim
from risk.limits import FleetLimits

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """To a renewal: a lease, or why not. Neither one nor the other is silence: who asked is not enlisted, or late."""

    lease: Lease | None = None
    reclaim_in_s: float | None = None  # it must reclaim, from then on; 0 is now


class Lending:
    """One renewal at a time: two raises that do not see each other would lend twice.

    Args:
        limits: what is lent, for how long, and the day's loss.
        wallets: all of the fleet. Grants of others are left on disk and count no more.
        store: where grants are.
        clock: for lapses.
    """

    def __init__(
        self, limits: FleetLimits, wallets: Iterable[WalletId], *, store: GuardStore, clock: Clock
    ) -> None:
        self.epoch = 0
        self.grants: dict[WalletId, Grant] = {}
        self.used: dict[WalletId, Decimal] = {}  # every wallet's last word
        self._limits = limits
        self._wallets = frozenset(wallets)
        self._store = store
        self._clock = clock
        self._ttl_s = limits.lease_ttl.total_seconds()
        self._sent_at: dict[WalletId, float] = {}  # monotonic
        self._heard: dict[WalletId, tuple[int, int]] = {}  # every wallet's last renewal: incarnation, request
        self._started_at = 0.0
        self._rebuilt_at = 0.0  # when the last lease that the store does not know of has lapsed
        self._unheard: set[WalletId] = (
            set()
        )  # who has not said what it uses since the store was found wanting
        self._floors: dict[WalletId, tuple[date, Decimal]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """A new epoch on disk. What was granted before stays granted, as if every lease had been sent just now."""
        self.epoch = await self._store.next_number("risk_guard")
        grants = await self._store.load_grants()
        self.grants = {wallet: grant for wallet, grant in grants.items() if wallet in self._wallets}
        self._started_at = self._clock.monotonic()
        if self.epoch == 1:
            self._rebuild()

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        """From now on only this incarnation is renewed. What an older one used stays counted."""
        async with self._one_at_a_time:
            grant = self.grants.get(wallet, Grant(wallet=wallet))
            if incarnation > grant.incarnation:
                grant = replace(grant, incarnation=incarnation)
                await self._store.save_grant(grant)
                self.grants[wallet] = grant

    async def renew(self, renewal: Renewal, *, is_latched: bool) -> Answer:
        """Lend again; under a latch only what is in use. Raises what the store raises, and lends nothing then.

        Raises ``Fenced`` when a younger incarnation is enlisted.
        """
        async with self._one_at_a_time:
            return await self._renew(renewal, is_latched)

    async def _renew(self, renewal: Renewal, is_latched: bool) -> Answer:
        grant = self.grants.get(renewal.wallet)
        if grant is not None and renewal.incarnation < grant.incarnation:
            raise Fenced(f"wallet {renewal.wallet}: incarnation {grant.incarnation} has taken its place")
        if grant is None or renewal.incarnation > grant.incarnation or self._is_late(renewal):
            return Answer()
        now = self._clock.monotonic()
        if must_reclaim(grant, renewal):
            sent_at = self._sent_at.get(renewal.wallet, self._started_at)
            return Answer(reclaim_in_s=max(0.0, lapsed_at(sent_at, self._ttl_s) - now))
        if renewal.applied_epoch > self.epoch:
            while self.epoch <= renewal.applied_epoch:
                self.epoch = await self._store.next_number("risk_guard")
            self._rebuild()
        self._unheard.discard(renewal.wallet)
        lends = not (is_latched or self._is_rebuilding(now))
        answer = lend(
            self.grants,
            renewal,
            used=self.used,
            limit_usd=self._limits.gross_notional_usd_max if lends else ZERO,
            epoch=self.epoch,
            ttl_s=self._ttl_s,
        )
        assert answer is not None, "fenced renewals were answered above"
        changed, lease = answer
        floor = await self._floor(renewal)
        if (changed.granted_usd, changed.held_by) != (grant.granted_usd, grant.held_by):
            await self._store.save_grant(changed)
        self.grants[renewal.wallet] = changed
        self.used[renewal.wallet] = renewal.used_usd
        self._sent_at[renewal.wallet] = now
        return Answer(replace(lease, equity_floor_usd=floor))

    def _is_late(self, renewal: Renewal) -> bool:
        """Whether a younger word of the wallet was heard before this one, which then says what is no longer true."""
        asked = renewal.incarnation, renewal.request
        is_late = asked <= self._heard.get(renewal.wallet, (0, 0))
        if not is_late:
            self._heard[renewal.wallet] = asked
        return is_late

    def measure_anew(self) -> None:
        """An operator has accepted the day's loss: every wallet's part of it begins again with its next renewal."""
        self._floors.clear()

    def _rebuild(self) -> None:
        """The store is new, or older than the wallets: what is lent out is not on it.

        Nothing new is lent until whatever may be out there has lapsed and every wallet has told what it uses.
        """
        self._rebuilt_at = lapsed_at(self._clock.monotonic(), self._ttl_s)
        self._unheard = set(self._wallets)

    def _is_rebuilding(self, now: float) -> bool:
        if self._unheard:
            _log.info("nothing is lent before %s has spoken", ", ".join(sorted(self._unheard)))
            return True
        return now < self._rebuilt_at

    async def _floor(self, renewal: Renewal) -> Decimal | None:
        """The wallet's part of the day's loss, as the equity that it must keep: all parts add up to the limit."""
        today = self._clock.now().date()
        day, floor = self._floors.get(renewal.wallet, (None, ZERO))
        if day == today:
            return floor
        if renewal.equity_usd is None:
            return None
        start = await self._store.wallet_day_start(today, renewal.wallet, renewal.equity_usd)
        kept = 1 - self._limits.daily_loss_pct_max / 100
        floor = (start * kept).quantize(CENT, ROUND_CEILING)
        self._floors[renewal.wallet] = today, floor
        return floor
