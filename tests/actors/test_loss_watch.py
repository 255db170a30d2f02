"""The loss watch: what is lost, or unknown for too long, halts; what an operator accepts is measured anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.ledger_events import HaltCause, Latch
from actors.loss_watch import ASLEEP_S, LossWatch
from adapters.clock import VirtualClock
from adapters.errors import LinkError
from adapters.model import ZERO, WalletId
from config.spec import HaltLevel
from risk.leases import Renewal
from risk.limits import FleetLimits
from tests.builders import NOW
from tests.fakes import MemoryStore

A, B = WalletId("a"), WalletId("b")
LIMITS = FleetLimits(daily_loss_pct_max=Decimal(5), equity_unknown_max=timedelta(seconds=30))


class Siren:
    """The kill switch, as far as its store."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.tripped: list[Latch] = []
        self.error: Exception | None = None

    async def trip(self, latch: Latch) -> int:
        if self.error is not None:
            raise self.error
        self.tripped.append(latch)
        return (await self.store.set_latch(latch)).generation


class Tower:
    """A watch over two wallets."""

    def __init__(self, **limits: Any) -> None:
        self.store, self.clock = MemoryStore(), VirtualClock(NOW)
        self.siren = Siren(self.store)
        self.limits = replace(LIMITS, **limits)
        self.watch = self.born()

    def born(self) -> LossWatch:
        self.watch = LossWatch(
            self.limits, HaltLevel.FLATTEN, (A, B), store=self.store, halts=self.siren, clock=self.clock
        )
        return self.watch

    async def restart(self) -> None:
        await self.born().start()

    def hear(self, wallet: WalletId, equity: int | None, distress: Mapping[str, str] | None = None) -> None:
        self.watch.hear(
            Renewal(
                wallet=wallet,
                incarnation=1,
                request=1,
                used_usd=ZERO,
                applied_epoch=0,
                applied_sequence=0,
                applied_budget_usd=ZERO,
                equity_usd=None if equity is None else Decimal(equity),
                distress=distress or {},
            )
        )

    async def see(self, a: int | None, b: int | None) -> bool:
        """Both wallets speak, and one pass."""
        self.hear(A, a)
        self.hear(B, b)
        return await self.watch.watch()

    async def wait(self, seconds: float, **speaking: int) -> None:
        """Time passes in passes of a second, in which some wallets go on speaking."""
        for _ in range(round(seconds)):
            self.clock.advance(1)
            for wallet, equity in speaking.items():
                self.hear(WalletId(wallet), equity)
            await self.watch.watch()

    def halts(self) -> list[tuple[str, HaltLevel, HaltCause]]:
        return [(latch.scope, latch.level, latch.cause) for latch in self.store.latches.latches]


@pytest.fixture
async def tower() -> Tower:
    tower = Tower()
    await tower.restart()
    return tower


BREACH = ("fleet", HaltLevel.FLATTEN, HaltCause.LOSS)


async def test_the_days_loss_halts_once_with_the_declared_level(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.see(951, 950)
    assert not tower.siren.tripped
    for equity in (950, 900, 800):
        await tower.see(950, equity)
    (latch,) = tower.siren.tripped
    assert tower.halts() == [BREACH]
    assert "1900.00" in latch.reason


async def test_a_halt_that_could_not_be_told_is_told_again(tower: Tower) -> None:
    await tower.see(1000, 1000)
    tower.siren.error = LinkError("nobody there")
    with pytest.raises(LinkError):
        await tower.see(900, 900)
    tower.siren.error = None
    await tower.see(900, 900)
    assert tower.halts() == [BREACH]


async def test_a_new_day_is_measured_from_its_own_start(tower: Tower) -> None:
    await tower.see(1000, 1000)
    tower.clock.advance(timedelta(days=1).total_seconds())
    await tower.see(900, 900)
    await tower.see(860, 860)
    assert not tower.siren.tripped
    await tower.see(855, 855)
    assert tower.halts() == [BREACH]


async def test_a_restart_does_not_begin_the_day_anew(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.restart()
    await tower.see(940, 940)
    assert tower.halts() == [BREACH]


async def test_the_drawdown_counts_from_the_peak_over_days_and_restarts() -> None:
    tower = Tower(daily_loss_pct_max=Decimal(50), drawdown_from_peak_pct_max=Decimal(20))
    await tower.restart()
    for equity in (1000, 1500, 1300):
        await tower.see(equity, equity)
    for _ in range(3):
        tower.clock.advance(timedelta(days=1).total_seconds())
        await tower.restart()
        await tower.see(1201, 1200)
    assert not tower.siren.tripped
    await tower.see(1200, 1200)
    assert tower.halts() == [BREACH]
    assert "drawdown" in tower.siren.tripped[0].reason


async def test_without_a_limit_a_drawdown_is_no_breach(tower: Tower) -> None:
    await tower.see(2000, 2000)
    tower.clock.advance(timedelta(days=1).total_seconds())
    await tower.see(100, 100)
    assert not tower.siren.tripped


async def test_lifting_the_halt_of_a_loss_accepts_it_and_the_next_one_counts_from_there(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.see(900, 900)
    await tower.see(900, 900)
    await tower.store.clear_latch("fleet")
    assert await tower.see(900, 900)
    assert not tower.halts()
    assert not await tower.see(860, 860)
    assert not tower.halts()
    await tower.see(855, 855)
    assert tower.halts() == [BREACH]


async def test_lifting_another_halt_accepts_no_loss(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.store.set_latch(Latch("fleet", HaltLevel.FLATTEN, 0, "drill", HaltCause.DRILL))
    await tower.see(900, 900)
    await tower.see(900, 900)
    assert not tower.siren.tripped
    await tower.store.clear_latch("fleet")
    await tower.see(900, 900)
    assert tower.halts() == [BREACH]


async def test_a_loss_that_was_made_good_under_its_halt_is_not_accepted_for_later(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.see(900, 900)
    await tower.see(900, 900)
    await tower.see(1000, 1000)
    await tower.store.clear_latch("fleet")
    assert not await tower.see(900, 900)
    assert tower.halts() == [BREACH]


async def test_a_shallower_halt_is_deepened_by_a_loss(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.store.set_latch(Latch("fleet", HaltLevel.PAUSE_ENTRIES, 0, "lunch"))
    await tower.see(900, 900)
    assert tower.halts() == [BREACH]


async def test_one_silent_wallet_does_not_blind_the_watch(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.wait(20, b=1000)
    assert not tower.halts()
    await tower.wait(1, b=900)
    assert tower.halts() == [BREACH]


async def test_a_wallet_whose_equity_stays_unknown_is_halted_and_then_the_fleet(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.wait(30, b=1000)
    assert not tower.halts()
    await tower.wait(1, b=1000)
    assert tower.halts() == [("wallet:a", HaltLevel.REDUCE_ONLY, HaltCause.DISTRESS)]
    await tower.wait(28, b=1000)
    assert len(tower.halts()) == 1
    await tower.wait(2, b=1000)
    assert tower.halts()[0] == ("fleet", HaltLevel.REDUCE_ONLY, HaltCause.DISTRESS)
    assert len(tower.siren.tripped) == 2, "a latch that is in force is not asked for again"


async def test_a_wallet_that_speaks_but_does_not_know_its_equity_is_as_silent(tower: Tower) -> None:
    await tower.see(1000, 1000)
    for _ in range(31):
        tower.hear(A, None)
        await tower.wait(1, b=1000)
    assert tower.halts() == [("wallet:a", HaltLevel.REDUCE_ONLY, HaltCause.DISTRESS)]


async def test_a_watch_that_slept_listens_before_it_judges(tower: Tower) -> None:
    await tower.see(1000, 1000)
    tower.clock.advance(10 * ASLEEP_S + 120)
    await tower.watch.watch()
    await tower.wait(5, a=1000, b=1000)
    assert not tower.halts()


async def test_a_new_watch_goes_on_with_what_its_predecessor_knew(tower: Tower) -> None:
    await tower.see(1000, 1000)
    await tower.restart()
    await tower.wait(29, b=890)
    assert not tower.halts(), "who was there a moment ago may still speak"
    await tower.wait(2, b=890)
    assert tower.halts() == [BREACH, ("wallet:a", HaltLevel.REDUCE_ONLY, HaltCause.DISTRESS)]


async def test_before_every_wallet_has_spoken_there_is_no_start_of_the_day(tower: Tower) -> None:
    tower.hear(A, 1000)
    await tower.wait(100, a=1000)
    assert not tower.store.day_starts
    assert not tower.halts()


async def test_what_a_wallet_asks_for_is_latched_once_a_word(tower: Tower) -> None:
    tower.hear(A, 1000, {"wallet:a": "6 calls failed", "bot:ann": "rejected too often"})
    await tower.watch.watch()
    await tower.watch.watch()
    assert sorted((latch.scope, latch.level, latch.cause) for latch in tower.siren.tripped) == [
        ("bot:ann", HaltLevel.REDUCE_ONLY, HaltCause.DISTRESS),
        ("wallet:a", HaltLevel.REDUCE_ONLY, HaltCause.DISTRESS),
    ]


async def test_what_could_not_be_latched_is_latched_by_the_next_pass(tower: Tower) -> None:
    tower.hear(A, 1000, {"wallet:a": "6 calls failed"})
    tower.siren.error = LinkError("nobody there")
    with pytest.raises(LinkError):
        await tower.watch.watch()
    tower.siren.error = None
    await tower.watch.watch()
    assert len(tower.siren.tripped) == 1


async def test_the_fleets_equity_is_unknown_while_a_wallets_is(tower: Tower) -> None:
    await tower.see(1000, 1000)
    assert tower.watch.equity_usd == 2000
    assert tower.watch.day_pnl_usd == 0
    await tower.wait(31, b=1000)
    assert tower.watch.equity_usd is tower.watch.day_pnl_usd is None
