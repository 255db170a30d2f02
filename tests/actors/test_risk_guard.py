"""The guard over its store: what is lent is on disk first, and a loss halts the fleet once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.ledger_events import Latch
from actors.messages import GuardAnswer
from actors.risk_guard import EQUITY_AGE_MAX_S, RiskGuard
from adapters.clock import VirtualClock
from adapters.errors import LinkError
from adapters.model import ZERO, WalletId
from config.spec import HaltLevel
from risk.leases import Grant, Renewal
from risk.limits import FleetLimits
from tests.builders import NOW
from tests.fakes import MemoryStore, settle

A, B = WalletId("a"), WalletId("b")
LIMITS = FleetLimits(gross_notional_usd_max=Decimal(1000), daily_loss_pct_max=Decimal(5))


class Siren:
    """Whoever is told to halt."""

    def __init__(self) -> None:
        self.tripped: list[Latch] = []
        self.error: Exception | None = None

    async def trip(self, latch: Latch) -> int:
        if self.error is not None:
            raise self.error
        self.tripped.append(latch)
        return len(self.tripped)


class Fleet:
    """A guard, its store, and two wallets of incarnation 1."""

    def __init__(self) -> None:
        self.store, self.siren, self.clock = MemoryStore(), Siren(), VirtualClock(NOW)
        self.requests = 0
        self.guard = self.born()

    def born(self) -> RiskGuard:
        self.guard = RiskGuard(
            LIMITS, HaltLevel.FLATTEN, store=self.store, halts=self.siren, clock=self.clock
        )
        return self.guard

    async def begin(self, *wallets: WalletId) -> None:
        await self.guard.start()
        for wallet in wallets:
            await self.guard.enlist(wallet, 1)

    async def renew(
        self, wallet: WalletId = A, used: int = 0, equity: int | None = 100, **changes: Any
    ) -> GuardAnswer:
        self.requests += 1
        base = Renewal(
            wallet=wallet,
            incarnation=1,
            request=self.requests,
            used_usd=Decimal(used),
            applied_epoch=0,
            applied_sequence=0,
            applied_budget_usd=ZERO,
            equity_usd=None if equity is None else Decimal(equity),
        )
        return await self.guard.renew(replace(base, **changes))

    @property
    def granted(self) -> Decimal:
        return sum((grant.granted_usd for grant in self.store.grants.values()), ZERO)


@pytest.fixture
async def fleet() -> Fleet:
    fleet = Fleet()
    await fleet.begin(A, B)
    return fleet


async def test_a_lease_answers_its_request(fleet: Fleet) -> None:
    answer = await fleet.renew()
    assert answer.lease is not None
    assert (answer.lease.request, answer.lease.epoch, answer.lease.sequence) == (1, 1, 1)
    assert answer.lease.budget_usd == 500
    assert answer.lease.ttl_s == 5.0


async def test_a_raise_is_on_disk_before_it_is_sent(fleet: Fleet) -> None:
    gate = fleet.store.pause("save_grant")
    renewing = asyncio.create_task(fleet.renew())
    await settle()
    assert not renewing.done()
    assert fleet.granted == 0
    gate.set()
    answer = await renewing
    assert answer.lease is not None
    assert fleet.store.grants[A].granted_usd == answer.lease.budget_usd


async def test_a_raise_that_the_disk_refuses_is_not_lent_then_or_later(fleet: Fleet) -> None:
    fleet.store.fail("save_grant", OSError(28, "no space left on device"))
    for _ in range(2):
        with pytest.raises(OSError, match="no space"):
            await fleet.renew(used=400)
    fleet.store.fail("save_grant", None)
    answer = await fleet.renew(used=400)
    assert answer.lease is not None
    assert fleet.store.grants[A].granted_usd >= answer.lease.budget_usd


async def test_two_raises_at_once_lend_no_more_than_there_is(fleet: Fleet) -> None:
    gate = fleet.store.pause("save_grant")
    renewals = [asyncio.create_task(fleet.renew(wallet, used=900)) for wallet in (A, B)]
    await settle()
    gate.set()
    answers = await asyncio.gather(*renewals)
    assert fleet.granted <= 1000
    assert sum((answer.lease.budget_usd for answer in answers if answer.lease), ZERO) <= 1000


async def test_latches_that_cannot_be_read_lend_nothing(fleet: Fleet) -> None:
    fleet.store.fail("load_latches", LinkError("the store is away"))
    with pytest.raises(LinkError):
        await fleet.renew()
    assert fleet.granted == 0


@pytest.mark.parametrize(("scope", "lends"), [("fleet", False), ("wallet:a", False), ("wallet:b", True)])
async def test_under_a_halt_nothing_is_lent_and_the_halt_is_told(
    fleet: Fleet, scope: str, lends: bool
) -> None:
    await fleet.store.set_latch(Latch(scope, HaltLevel.PAUSE_ENTRIES, 0))
    answer = await fleet.renew()
    assert (answer.lease is not None) == lends
    assert [latch.scope for latch in answer.latches] == [scope]
    assert answer.generation == 1


async def test_only_the_enlisted_incarnation_is_renewed_and_what_the_old_one_used_stays_counted(
    fleet: Fleet,
) -> None:
    await fleet.renew(used=400)
    granted = fleet.store.grants[A].granted_usd
    await fleet.guard.enlist(A, 2)
    assert (await fleet.renew()).lease is None
    assert fleet.store.grants[A] == Grant(
        wallet=A, incarnation=2, granted_usd=granted, epoch=1, sequence=1, issued_usd=granted
    )
    assert (await fleet.renew(incarnation=2)).lease is not None
    await fleet.guard.enlist(A, 1)
    assert fleet.store.grants[A].incarnation == 2


async def test_a_new_guard_counts_what_its_predecessor_lent(fleet: Fleet) -> None:
    await fleet.renew(used=800)
    granted = fleet.store.grants[A].granted_usd
    fleet.born()
    await fleet.guard.start()
    assert fleet.guard.epoch == 2
    answer = await fleet.renew(B, used=0)
    assert answer.lease is not None
    assert answer.lease.epoch == 2
    assert answer.lease.budget_usd <= 1000 - granted
    assert fleet.granted <= 1000


async def test_the_report_adds_up(fleet: Fleet) -> None:
    await fleet.renew(A, used=100, equity=600)
    await fleet.renew(B, used=50, equity=400)
    await fleet.guard.watch()
    await fleet.renew(B, used=50, equity=390)
    report = fleet.guard.report(7)
    assert (report.used_usd, report.equity_usd, report.day_pnl_usd) == tuple(map(Decimal, (150, 990, -10)))
    assert (report.granted_usd, report.limit_usd) == (fleet.granted, Decimal(1000))
    assert (report.renewals, report.incarnation) == (3, 1)


async def lose(fleet: Fleet, equity: int) -> None:
    await fleet.renew(A, equity=equity)
    await fleet.renew(B, equity=equity)
    await fleet.guard.watch()


async def test_the_days_loss_halts_once_with_the_declared_level(fleet: Fleet) -> None:
    await lose(fleet, 1000)
    await lose(fleet, 951)
    assert not fleet.siren.tripped
    for equity in (950, 900, 800):
        await lose(fleet, equity)
    (latch,) = fleet.siren.tripped
    assert (latch.scope, latch.level) == ("fleet", HaltLevel.FLATTEN)
    assert "1900.00" in latch.reason


async def test_a_halt_that_could_not_be_told_is_told_again(fleet: Fleet) -> None:
    await lose(fleet, 1000)
    fleet.siren.error = LinkError("nobody there")
    with pytest.raises(LinkError):
        await lose(fleet, 900)
    fleet.siren.error = None
    await lose(fleet, 900)
    assert len(fleet.siren.tripped) == 1


async def test_a_new_day_is_measured_from_its_own_start(fleet: Fleet) -> None:
    await lose(fleet, 1000)
    fleet.clock.advance(timedelta(days=1).total_seconds())
    await lose(fleet, 900)
    await lose(fleet, 860)
    assert not fleet.siren.tripped
    await lose(fleet, 855)
    assert len(fleet.siren.tripped) == 1


async def test_a_restart_does_not_begin_the_day_anew(fleet: Fleet) -> None:
    await lose(fleet, 1000)
    fleet.born()
    await fleet.guard.start()
    await lose(fleet, 940)
    assert len(fleet.siren.tripped) == 1


async def test_the_missing_equity_of_one_wallet_is_not_a_loss(fleet: Fleet) -> None:
    await lose(fleet, 1000)
    await fleet.renew(A, equity=None)
    await fleet.guard.watch()
    fleet.clock.advance(EQUITY_AGE_MAX_S + 1)
    await fleet.renew(B, equity=1000)
    await fleet.guard.watch()
    assert fleet.guard.report(7).equity_usd is None
    assert not fleet.siren.tripped


async def test_before_every_wallet_has_spoken_there_is_no_start_of_the_day(fleet: Fleet) -> None:
    await fleet.renew(A, equity=1000)
    await fleet.guard.watch()
    assert not fleet.store.day_starts
