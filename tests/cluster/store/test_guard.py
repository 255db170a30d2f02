"""The risk guard's part of the store."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from actors.store import EquityMarks, GuardStore
from adapters.model import WalletId
from cluster.store.sql import SqlStore
from config.spec import FleetSpec, WalletSpec
from risk.leases import Grant

MAIN, SPARE = WalletId("main"), WalletId("spare")


async def test_the_last_grant_of_each_wallet_counts(store: SqlStore) -> None:
    guard: GuardStore = store
    assert await guard.load_grants() == {}
    await guard.save_grant(Grant(wallet=MAIN))
    await guard.save_grant(Grant(wallet=SPARE, granted_usd=Decimal("0.10")))
    raised = Grant(
        wallet=MAIN,
        incarnation=3,
        granted_usd=Decimal("1E+5"),
        epoch=2,
        sequence=4,
        issued_usd=Decimal("99999.99"),
    )
    await guard.save_grant(raised)
    assert await guard.load_grants() == {
        MAIN: raised,
        SPARE: Grant(wallet=SPARE, granted_usd=Decimal("0.10")),
    }


async def test_the_first_word_of_a_day_sets_its_start_and_the_highest_ever_the_peak(store: SqlStore) -> None:
    monday, tuesday = date(2026, 1, 5), date(2026, 1, 6)
    first, high, low = Decimal("10000.50"), Decimal(12_000), Decimal(7)
    assert await store.mark_equity(monday, first) == EquityMarks(first, first)
    assert await store.mark_equity(monday, high) == EquityMarks(first, high)
    assert await store.mark_equity(monday, low) == EquityMarks(first, high)
    assert await store.mark_equity(tuesday, low) == EquityMarks(low, high)


async def test_restarted_marks_begin_the_day_the_peak_and_the_wallets_parts_anew(store: SqlStore) -> None:
    today = date(2026, 1, 5)
    await store.mark_equity(today, Decimal(100))
    await store.wallet_day_start(today, MAIN, Decimal(100))
    await store.restart_marks(today, Decimal(90))
    assert await store.mark_equity(today, Decimal(80)) == EquityMarks(Decimal(90), Decimal(90))
    assert await store.wallet_day_start(today, MAIN, Decimal(80)) == 80


async def test_the_last_word_of_each_wallet_about_its_equity_is_kept(store: SqlStore) -> None:
    await store.save_equities({MAIN: Decimal("1.10"), SPARE: Decimal(2)})
    await store.save_equities({MAIN: Decimal(3)})
    assert await store.load_equities() == {MAIN: Decimal(3), SPARE: Decimal(2)}


async def test_the_marks_of_a_fleet_with_other_wallets_are_no_loss_of_this_one(store: SqlStore) -> None:
    today = date(2026, 1, 5)
    fleet = FleetSpec(fleet="a", store="", wallets=(WalletSpec(name=MAIN), WalletSpec(name=SPARE)))
    await store.save_fleet(fleet)
    await store.save_equities({MAIN: Decimal(50), SPARE: Decimal(50)})
    await store.mark_equity(today, Decimal(100))
    await store.save_fleet(fleet)
    assert (await store.mark_equity(today, Decimal(99))).peak_usd == 100
    await store.save_fleet(replace(fleet, wallets=(WalletSpec(name=MAIN),)))
    assert await store.load_equities() == {MAIN: Decimal(50)}
    assert await store.mark_equity(today, Decimal(50)) == EquityMarks(Decimal(50), Decimal(50))
