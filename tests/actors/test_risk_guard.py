"""The guard over its store: what is lent is on disk first, and a loss halts the fleet once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors.ledger_events import Latch
from actors.messages import GuardAnswer
from actors.risk_guard import RiskGuard
from adapters.clock import VirtualClock
from adapters.errors import Fenced, LinkError
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
        self.store.numbers["risk_guard"] = 1  # a guard was here before: nothing unknown is lent out
        self.requests = 0
        self.guard = self.born()

    def born(self) -> RiskGuard:
        self.guard = RiskGuard(
            LIMITS, HaltLevel.FLATTEN, (A, B), store=self.store, halts=self.siren, clock=self.clock
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
    assert (answer.lease.request, answer.lease.epoch, answer.lease.sequence) == (1, 2, 1)
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
    renewals = [asyncio.create_task(fleet.renew(wallet, used=300)) for wallet in (A, B)]
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
    assert answer.lease is not None
    assert (answer.lease.budget_usd > 0) == lends
    assert [latch.scope for latch in answer.latches] == [scope]
    assert answer.generation == 1


async def test_only_the_enlisted_incarnation_is_renewed_and_what_the_old_one_used_stays_counted(
    fleet: Fleet,
) -> None:
    await fleet.renew(used=400)
    granted = fleet.store.grants[A].granted_usd
    await fleet.guard.enlist(A, 2)
    with pytest.raises(Fenced, match="incarnation 2 has taken its place"):
        await fleet.renew()
    assert fleet.store.grants[A] == Grant(
        wallet=A, incarnation=2, granted_usd=granted, epoch=2, sequence=1, issued_usd=granted, held_by=1
    )
    assert (await fleet.renew(incarnation=2, continues=1)).lease is not None
    await fleet.guard.enlist(A, 1)
    assert fleet.store.grants[A].incarnation == 2


async def test_a_new_guard_counts_what_its_predecessor_lent(fleet: Fleet) -> None:
    await fleet.renew(used=800)
    granted = fleet.store.grants[A].granted_usd
    fleet.born()
    await fleet.guard.start()
    assert fleet.guard.epoch == 3
    answer = await fleet.renew(B, used=0)
    assert answer.lease is not None
    assert answer.lease.epoch == 3
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
    assert (report.renewals, report.incarnation) == (3, 2)


async def test_the_halts_that_a_wallet_asks_for_are_passed_on(fleet: Fleet) -> None:
    await fleet.renew(A, distress={"wallet:a": "its equity is unknown"})
    await fleet.guard.watch()
    assert [(latch.scope, latch.reason) for latch in fleet.siren.tripped] == [
        ("wallet:a", "its equity is unknown")
    ]


async def test_a_fenced_incarnation_asks_in_vain(fleet: Fleet) -> None:
    await fleet.guard.enlist(A, 2)
    with pytest.raises(Fenced):
        await fleet.renew(A, incarnation=1, distress={"wallet:a": "I am old"})
    await fleet.guard.watch()
    assert not fleet.siren.tripped


async def test_an_accepted_loss_begins_every_wallets_part_of_it_anew(fleet: Fleet) -> None:
    for equity in (500, 400):
        for wallet in (A, B):
            answer = await fleet.renew(wallet, equity=equity)
        await fleet.guard.watch()
    assert answer.lease is not None
    assert answer.lease.equity_floor_usd == 475
    (latch,) = fleet.siren.tripped
    await fleet.store.set_latch(latch)
    await fleet.guard.watch()
    await fleet.store.clear_latch("fleet")
    await fleet.guard.watch()
    answer = await fleet.renew(A, equity=400)
    assert answer.lease is not None
    assert answer.lease.equity_floor_usd == 380
