"""The guard's half of the leases: who must reclaim, what a lost store means, and each wallet's part of the loss."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.lending import Answer, Lending
from adapters.clock import VirtualClock
from adapters.errors import LinkError
from adapters.model import ZERO, WalletId
from risk.leases import Lease, Renewal, lapsed_at
from risk.limits import FleetLimits
from tests.builders import NOW
from tests.fakes import MemoryStore

A, B = WalletId("a"), WalletId("b")
LIMITS = FleetLimits(
    gross_notional_usd_max=Decimal(1000), daily_loss_pct_max=Decimal(5), lease_ttl=timedelta(seconds=5)
)
LAPSE_S = lapsed_at(0.0, 5.0)


class Desk:
    """A lending guard over a store that outlives it."""

    def __init__(self, *, is_new: bool = False) -> None:
        self.store, self.clock = MemoryStore(), VirtualClock(NOW)
        if not is_new:
            self.store.numbers["risk_guard"] = 1
        self.requests = 0

    async def born(self, *wallets: WalletId) -> Lending:
        self.lending = Lending(LIMITS, wallets or (A, B), store=self.store, clock=self.clock)
        await self.lending.start()
        return self.lending

    async def enlist(self, incarnation: int = 1, *wallets: WalletId) -> None:
        for wallet in wallets or (A, B):
            await self.lending.enlist(wallet, incarnation)

    async def ask(
        self, wallet: WalletId = A, used: int = 0, *, latched: bool = False, **changes: Any
    ) -> Answer:
        self.requests += 1
        base = Renewal(
            wallet=wallet,
            incarnation=1,
            request=self.requests,
            used_usd=Decimal(used),
            applied_epoch=0,
            applied_sequence=0,
            applied_budget_usd=ZERO,
            equity_usd=Decimal(100),
        )
        return await self.lending.renew(replace(base, **changes), is_latched=latched)

    async def lease(self, wallet: WalletId = A, used: int = 0, **changes: Any) -> Lease:
        answer = await self.ask(wallet, used, **changes)
        assert answer.lease is not None
        return answer.lease

    @property
    def granted(self) -> dict[WalletId, Decimal]:
        return {name: grant.granted_usd for name, grant in self.store.grants.items()}


@pytest.fixture
async def desk() -> Desk:
    desk = Desk()
    await desk.born()
    await desk.enlist()
    return desk


async def test_a_successor_with_the_journal_goes_on(desk: Desk) -> None:
    await desk.lease(used=100)
    await desk.enlist(2, A)
    assert (await desk.lease(used=100, incarnation=2, continues=1)).incarnation == 2


async def test_a_successor_without_the_journal_reclaims_once_the_lease_has_lapsed(desk: Desk) -> None:
    await desk.lease(used=100)
    desk.clock.advance(1.0)
    await desk.enlist(2, A)
    answer = await desk.ask(incarnation=2)
    assert answer.lease is None
    assert answer.reclaim_in_s == pytest.approx(LAPSE_S - 1)
    desk.clock.advance(LAPSE_S)
    assert (await desk.ask(incarnation=2)).reclaim_in_s == 0


async def test_a_lease_lapses_from_when_it_was_last_sent(desk: Desk) -> None:
    for _ in range(2):
        desk.clock.advance(100)
        await desk.lease(used=100)
    desk.clock.advance(1)
    await desk.enlist(2, A)
    assert (await desk.ask(incarnation=2)).reclaim_in_s == pytest.approx(LAPSE_S - 1)


async def test_a_lapse_frees_nothing(desk: Desk) -> None:
    budget = (await desk.lease(used=800)).budget_usd
    desk.clock.advance(1000)
    await desk.enlist(2, A)
    await desk.ask(incarnation=2)
    assert desk.granted[A] == budget
    assert (await desk.lease(B)).budget_usd <= 1000 - budget


async def test_what_was_reclaimed_is_counted_and_no_more(desk: Desk) -> None:
    await desk.lease(used=800)
    await desk.enlist(2, A)
    desk.clock.advance(LAPSE_S)
    lease = await desk.lease(used=120, incarnation=2, reclaimed=True)
    assert lease.budget_usd >= 120
    assert desk.granted[A] == lease.budget_usd < 800


async def test_a_journal_that_is_older_than_the_last_holder_is_not_believed(desk: Desk) -> None:
    for incarnation, continues in ((1, 0), (2, 1), (3, 2)):
        await desk.enlist(incarnation, A)
        await desk.lease(incarnation=incarnation, continues=continues)
    await desk.enlist(4, A)
    assert (await desk.ask(incarnation=4, continues=1)).lease is None
    assert (await desk.ask(incarnation=4, continues=3)).lease is not None


async def test_a_holder_that_died_before_it_noted_its_lease_is_known_by_its_beginning(desk: Desk) -> None:
    await desk.lease()
    await desk.enlist(2, A)
    await desk.lease(incarnation=2, continues=1, began=(2,))
    await desk.enlist(3, A)
    assert (await desk.ask(incarnation=3, continues=1)).lease is None
    assert (await desk.ask(incarnation=3, continues=1, began=(2, 3))).lease is not None


async def test_an_incarnation_that_never_held_anything_leaves_nothing_to_reclaim(desk: Desk) -> None:
    await desk.lease()
    await desk.enlist(2, A)
    await desk.enlist(3, A)
    assert (await desk.ask(incarnation=3, continues=1)).lease is not None


async def test_a_new_holder_is_on_disk_before_it_is_lent_to(desk: Desk) -> None:
    await desk.lease(used=400)
    await desk.enlist(2, A)
    desk.store.fail("save_grant", LinkError("the store is away"))
    with pytest.raises(LinkError):
        await desk.ask(used=400, incarnation=2, continues=1)
    assert desk.store.grants[A].held_by == 1


async def test_after_its_restart_the_guard_takes_every_lease_as_sent_just_now(desk: Desk) -> None:
    await desk.lease(used=100)
    desk.clock.advance(1000)
    await desk.born()
    await desk.enlist(2, A)
    assert (await desk.ask(incarnation=2)).reclaim_in_s == pytest.approx(LAPSE_S)


async def test_a_new_store_lends_nothing_before_old_leases_have_lapsed_and_all_have_spoken() -> None:
    desk = Desk(is_new=True)
    await desk.born()
    await desk.enlist()
    assert (await desk.lease(A, 300)).budget_usd == 300
    desk.clock.advance(LAPSE_S)
    assert (await desk.lease(A, 300)).budget_usd == 300, "b has not said what it uses"
    await desk.lease(B, 500)
    assert (await desk.lease(A, 300)).budget_usd == 400
    assert sum(desk.granted.values()) <= 1000


async def test_a_new_store_waits_for_the_lapse_also_when_all_have_spoken() -> None:
    desk = Desk(is_new=True)
    await desk.born()
    await desk.enlist()
    for wallet in (A, B):
        assert (await desk.lease(wallet)).budget_usd == 0
    desk.clock.advance(LAPSE_S - 0.01)
    assert (await desk.lease()).budget_usd == 0
    desk.clock.advance(0.01)
    assert (await desk.lease()).budget_usd == 500


async def test_a_store_that_is_older_than_a_wallets_lease_is_rebuilt(desk: Desk) -> None:
    await desk.lease(B)
    lease = await desk.lease(A, 100, applied_epoch=7, applied_sequence=3, applied_budget_usd=Decimal(600))
    assert lease.epoch == 8
    assert lease.budget_usd == 100
    desk.clock.advance(LAPSE_S)
    assert (await desk.lease(A, 100)).budget_usd == 100, "b has not spoken since"
    await desk.lease(B)
    assert (await desk.lease(A, 100)).budget_usd > 100


async def test_under_a_latch_nothing_new_is_lent_and_what_is_given_back_goes_to_others(desk: Desk) -> None:
    first = await desk.lease(A, 100)
    assert first.budget_usd > 100
    shut = await desk.lease(A, 100, latched=True)
    assert shut.budget_usd == 100
    applied = {
        "applied_epoch": shut.epoch,
        "applied_sequence": shut.sequence,
        "applied_budget_usd": shut.budget_usd,
    }
    await desk.lease(A, 100, latched=True, **applied)
    assert desk.granted[A] == 100


async def test_what_is_used_beyond_the_grant_is_counted_even_over_the_limit(desk: Desk) -> None:
    await desk.lease(B, 100)
    lease = await desk.lease(A, 5000)
    assert desk.granted[A] == 5000
    assert lease.budget_usd <= 5000
    assert (await desk.lease(B, 100)).budget_usd <= max(desk.granted[B], ZERO)


async def test_a_wallet_that_is_no_longer_of_the_fleet_keeps_no_budget(desk: Desk) -> None:
    await desk.lease(A, 900)
    await desk.born(B)
    assert (await desk.lease(B)).budget_usd == 1000
    assert A in desk.store.grants, "it is still on disk, for the day on which it comes back"


async def test_the_floors_of_all_wallets_add_up_to_the_days_limit(desk: Desk) -> None:
    floors = [
        (await desk.lease(wallet, equity_usd=Decimal(equity))).equity_floor_usd
        for wallet, equity in ((A, 600), (B, 400))
    ]
    assert floors == [Decimal(570), Decimal(380)]
    assert (await desk.lease(A, equity_usd=Decimal(580))).equity_floor_usd == 570


async def test_a_floor_stays_for_the_day_and_over_a_restart(desk: Desk) -> None:
    await desk.lease(A, equity_usd=Decimal(600))
    await desk.born()
    assert (await desk.lease(A, equity_usd=Decimal(500))).equity_floor_usd == 570
    desk.clock.advance(timedelta(days=1).total_seconds())
    assert (await desk.lease(A, equity_usd=Decimal(500))).equity_floor_usd == 475


async def test_an_unknown_equity_sets_no_floor(desk: Desk) -> None:
    assert (await desk.lease(A, equity_usd=None)).equity_floor_usd is None
    assert not desk.store.wallet_day_starts


async def test_a_renewal_that_comes_after_a_younger_one_is_not_heard(desk: Desk) -> None:
    await desk.lease(B, 500)
    await desk.lease(A, 400, request=7)
    fresh = await desk.lease(A, 0, request=9)
    await desk.lease(
        A, 0, request=10, applied_sequence=fresh.sequence, applied_epoch=fresh.epoch, applied_budget_usd=ZERO
    )
    granted, used = desk.granted, dict(desk.lending.used)

    for request in (8, 10):
        assert await desk.ask(A, 450, request=request) == Answer()

    assert (desk.granted, desk.lending.used) == (granted, used)


async def test_a_new_incarnation_counts_its_renewals_from_one(desk: Desk) -> None:
    await desk.lease(A, 100, request=7)
    await desk.lending.enlist(A, 2)

    assert await desk.lease(A, 100, request=1, incarnation=2, continues=1)
