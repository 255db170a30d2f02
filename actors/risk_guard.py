"""The risk guard: lends the fleet's limit to the wallets, and halts the fleet when the day's loss is used up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Protocol

import msgspec

from actors.ledger_events import Latch
from actors.messages import GuardAnswer
from actors.store import GuardStore
from adapters.clock import Clock
from adapters.model import ZERO, WalletId
from config.spec import HaltLevel
from risk.leases import Grant, Renewal, lend
from risk.limits import FleetLimits

EQUITY_AGE_MAX_S = 30.0  # a wallet that has not told its equity for this long is left out of the fleet's loss
_log = logging.getLogger(__name__)


class Halts(Protocol):
    """Whoever can halt the fleet."""

    async def trip(self, latch: Latch) -> int: ...


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


@dataclass(slots=True)
class _Word:
    """What a wallet last said."""

    at: float
    used_usd: Decimal
    equity_usd: Decimal | None


class RiskGuard:
    """One per fleet. Its grants are on disk before a wallet learns of them."""

    def __init__(
        self, limits: FleetLimits, on_breach: HaltLevel, *, store: GuardStore, halts: Halts, clock: Clock
    ) -> None:
        self._limits = limits
        self._on_breach = on_breach
        self._store = store
        self._halts = halts
        self._clock = clock
        self._grants: dict[WalletId, Grant] = {}
        self._words: dict[WalletId, _Word] = {}
        self._day: date | None = None
        self._day_start: Decimal | None = None
        self._breached = False
        self._renewals = 0
        self._one_at_a_time = asyncio.Lock()  # two raises that do not see each other would lend twice
        self.epoch = 0

    async def start(self) -> None:
        """A new epoch on disk; what was granted before stays granted until the wallets say otherwise."""
        self.epoch = await self._store.next_number("risk_guard")
        self._grants = dict(await self._store.load_grants())

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        """From now on only this incarnation of the wallet is renewed. What the old one used stays counted."""
        async with self._one_at_a_time:
            grant = self._grants.get(wallet, Grant(wallet=wallet))
            if incarnation > grant.incarnation:
                grant = replace(grant, incarnation=incarnation)
                await self._store.save_grant(grant)
                self._grants[wallet] = grant

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        """Lend again. A wallet of an old incarnation, or any wallet under a fleet halt, gets no lease.

        Raises what the store raises: a guard that cannot read the latches lends nothing.
        """
        self._renewals += 1
        async with self._one_at_a_time:
            return await self._renew(renewal)

    async def _renew(self, renewal: Renewal) -> GuardAnswer:
        latches = await self._store.load_latches()
        answer = lend(
            self._grants,
            renewal,
            used={name: word.used_usd for name, word in self._words.items()},
            limit_usd=self._limits.gross_notional_usd_max,
            epoch=self.epoch,
            ttl_s=self._limits.lease_ttl.total_seconds(),
        )
        if answer is None:
            return GuardAnswer(None, latches.latches, latches.generation)
        self._words[renewal.wallet] = _Word(self._clock.monotonic(), renewal.used_usd, renewal.equity_usd)
        if any(latch.scope in ("fleet", f"wallet:{renewal.wallet}") for latch in latches.latches):
            return GuardAnswer(None, latches.latches, latches.generation)
        grant, lease = answer
        if grant.granted_usd != self._grants[renewal.wallet].granted_usd:
            await self._store.save_grant(grant)
        self._grants[renewal.wallet] = grant
        return GuardAnswer(lease, latches.latches, latches.generation)

    async def watch(self) -> None:
        """Compare the fleet's equity with the start of its UTC day; halt once when the loss limit is reached."""
        equity = self._equity()
        if equity is None:
            return
        today = self._clock.now().date()
        if today != self._day:
            self._day_start = await self._store.day_start_equity(today, equity)
            self._day, self._breached = today, False
        assert self._day_start is not None
        floor = self._day_start * (1 - self._limits.daily_loss_pct_max / 100)
        if equity > floor or self._breached:
            return
        reason = f"daily loss: equity {equity:.2f} is at or below {floor:.2f} USD"
        _log.critical(reason)
        await self._halts.trip(Latch("fleet", self._on_breach, 0, reason))
        self._breached = True

    def report(self, pid: int) -> GuardReport:
        """How the guard does."""
        equity = self._equity()
        start = self._day_start
        return GuardReport(
            pid=pid,
            incarnation=self.epoch,
            limit_usd=self._limits.gross_notional_usd_max,
            granted_usd=sum((grant.granted_usd for grant in self._grants.values()), ZERO),
            used_usd=sum((word.used_usd for word in self._words.values()), ZERO),
            equity_usd=equity,
            day_pnl_usd=equity - start if equity is not None and start is not None else None,
            renewals=self._renewals,
        )

    def _equity(self) -> Decimal | None:
        """The fleet's equity, once every enlisted wallet has told its own of late."""
        now = self._clock.monotonic()
        fresh: Mapping[WalletId, Decimal] = {
            name: word.equity_usd
            for name, word in self._words.items()
            if word.equity_usd is not None and now - word.at <= EQUITY_AGE_MAX_S
        }
        return sum(fresh.values(), ZERO) if fresh and fresh.keys() >= self._grants.keys() else None
