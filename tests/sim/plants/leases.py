"""Bugs in the lease protocol: docs/leases.md has its rules by number."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from actors import lending
from actors.lending import Answer, Lending
from adapters.model import ZERO, WalletId
from cluster.simulation.faults import Kind
from cluster.store.sql import SqlStore
from risk.leases import Grant, Renewal, lapsed_at, lend
from tests.sim.plant import Draw, Plant
from tests.sim.weights import CRASHES, HALTS_LATE


class SavesGrantsLater(Plant):
    """R8: a raise is on its way to the wallet before it is on disk."""

    caught_by = frozenset({"I1", "I8", "R1"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        save = SqlStore.save_grant

        async def soon(self: SqlStore, grant: Grant) -> None:
            async def later() -> None:
                await asyncio.sleep(0.5)
                await save(self, grant)

            asyncio.create_task(later())  # noqa: RUF006  # the loop keeps every task

        patch.setattr(SqlStore, "save_grant", soon)


class ShrinksAtOnce(Plant):
    """R9: what a smaller lease takes away is lent to others before the wallet has heard of it."""

    faults = HALTS_LATE
    caught_by = frozenset({"I1", "I8", "R1"})

    def can_matter(self, draw: Draw) -> bool:
        return len(draw.fleet.wallets) > 1

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def at_once(grants: Mapping[WalletId, Grant], renewal: Renewal, **rest: Any) -> Any:
            answer = lend(grants, renewal, **rest)
            if answer is None:
                return None
            grant, lease = answer
            return replace(grant, granted_usd=lease.budget_usd), lease

        patch.setattr(lending, "lend", at_once)


class LapseFreesBudget(Plant):
    """R11: a lease that ran out gives back what was lent, whatever was done with it."""

    caught_by = frozenset({"I1", "I8", "R1"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        renew = Lending._renew

        async def generous(self: Lending, renewal: Renewal, is_latched: bool) -> Answer:
            now = self._clock.monotonic()
            for wallet, grant in self.grants.items():
                sent_at = self._sent_at.get(wallet, self._started_at)
                if wallet != renewal.wallet and now > lapsed_at(sent_at, self._ttl_s) and grant.granted_usd:
                    self.grants[wallet] = replace(grant, granted_usd=ZERO)
                    await self._store.save_grant(self.grants[wallet])
            return await renew(self, renewal, is_latched)

        patch.setattr(Lending, "_renew", generous)

    def can_matter(self, draw: Draw) -> bool:
        return len(draw.fleet.wallets) > 1


class AcknowledgesLessThanItUses(Plant):
    """R9: an acknowledged shrink frees what was used while it was on its way."""

    bound = 30
    faults = HALTS_LATE
    caught_by = frozenset({"I1", "I8"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def forgetful(grants: Mapping[WalletId, Grant], renewal: Renewal, **rest: Any) -> Any:
            answer = lend(grants, renewal, **rest)
            known = grants.get(renewal.wallet)
            if answer is None or known is None:
                return answer
            grant, lease = answer
            if (renewal.applied_epoch, renewal.applied_sequence) == (known.epoch, known.sequence):
                least = min(known.granted_usd, renewal.applied_budget_usd)
                if least < renewal.used_usd and lease.budget_usd <= renewal.used_usd:
                    return replace(grant, granted_usd=least, issued_usd=least), replace(
                        lease, budget_usd=least
                    )
            return grant, lease

        patch.setattr(lending, "lend", forgetful)


class ForgetsGrants(Plant):
    """R13: a guard that is started again has lent nothing."""

    faults = CRASHES
    caught_by = frozenset({"I1", "I8", "R1"})

    def can_matter(self, draw: Draw) -> bool:
        return len(draw.fleet.wallets) > 1 and (
            draw.has(Kind.CRASH, "risk-guard") or draw.has(Kind.CRASH_SOON, "risk-guard")
        )

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        start = Lending.start

        async def empty(self: Lending) -> None:
            await start(self)
            self.grants = {
                wallet: replace(grant, granted_usd=ZERO, issued_usd=ZERO, held_by=0)
                for wallet, grant in self.grants.items()
            }

        patch.setattr(Lending, "start", empty)


PLANTS: tuple[type[Plant], ...] = (
    SavesGrantsLater,
    ShrinksAtOnce,
    LapseFreesBudget,
    ForgetsGrants,
    AcknowledgesLessThanItUses,
)
