"""The risk guard: lends the fleet's limit to the wallets, and halts the fleet when the day's loss is used up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import msgspec

from actors.lending import Lending
from actors.loss_watch import Halts, LossWatch
from actors.messages import GuardAnswer
from actors.portfolio import Portfolio
from actors.store import GuardStore
from adapters.clock import Clock
from adapters.model import ZERO, WalletId
from config.spec import HaltLevel
from risk.leases import Renewal
from risk.limits import FleetLimits


class GuardReport(msgspec.Struct, frozen=True):
    """How the guard does."""

    pid: int
    incarnation: int
    limit_usd: Decimal
    granted_usd: Decimal
    used_usd: Decimal
    equity_usd: Decimal | None
    day_pnl_usd: Decimal | None
    renewals: int


class RiskGuard:
    """One per fleet. Its grants are on disk before a wallet learns of them."""

    def __init__(
        self,
        limits: FleetLimits,
        on_breach: HaltLevel,
        wallets: Iterable[WalletId],
        *,
        store: GuardStore,
        halts: Halts,
        clock: Clock,
    ) -> None:
        self._limits = limits
        wallets = frozenset(wallets)
        self._store = store
        self._lending = Lending(limits, wallets, store=store, clock=clock)
        self._portfolio = Portfolio(limits, clock)
        self._losses = LossWatch(limits, on_breach, wallets, store=store, halts=halts, clock=clock)
        self._renewals = 0

    @property
    def epoch(self) -> int:
        """The guard's start number."""
        return self._lending.epoch

    async def start(self) -> None:
        """A new epoch on disk; what was granted before stays granted until the wallets say otherwise."""
        await self._lending.start()
        await self._losses.start()

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        """From now on only this incarnation of the wallet is renewed. What the old one used stays counted."""
        await self._lending.enlist(wallet, incarnation)

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        """Lend again; to a wallet under a halt nothing that it does not use.

        Raises ``Fenced`` for a wallet of an old incarnation, and what the store raises: a guard that cannot read the
        latches lends nothing.
        """
        self._renewals += 1
        latches = await self._store.load_latches()
        scopes = ("fleet", f"wallet:{renewal.wallet}")
        answer = await self._lending.renew(
            renewal, is_latched=any(latch.scope in scopes for latch in latches.latches)
        )
        lease = answer.lease
        if lease is not None or answer.reclaim_in_s is not None:
            self._losses.hear(renewal)
        if lease is not None:
            lease = replace(lease, bot_budgets=self._portfolio.budgets(renewal, self._losses.equity_usd))
        return GuardAnswer(lease, latches.latches, latches.generation, answer.reclaim_in_s)

    async def watch(self) -> None:
        """One pass of the loss watch."""
        if await self._losses.watch():
            self._lending.measure_anew()

    def report(self, pid: int) -> GuardReport:
        """How the guard does."""
        return GuardReport(
            pid=pid,
            incarnation=self.epoch,
            limit_usd=self._limits.gross_notional_usd_max,
            granted_usd=sum((grant.granted_usd for grant in self._lending.grants.values()), ZERO),
            used_usd=sum(self._lending.used.values(), ZERO),
            equity_usd=self._losses.equity_usd,
            day_pnl_usd=self._losses.day_pnl_usd,
            renewals=self._renewals,
        )
