"""The risk guard's part of the store."""

from datetime import date
from decimal import Decimal

from actors.store import GuardStore
from adapters.model import WalletId
from cluster.store.sql import SqlStore
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


async def test_the_first_word_of_a_day_sets_its_equity(store: SqlStore) -> None:
    monday, tuesday = date(2026, 1, 5), date(2026, 1, 6)
    assert await store.day_start_equity(monday, Decimal("10000.50")) == Decimal("10000.50")
    assert await store.day_start_equity(monday, Decimal(7)) == Decimal("10000.50")
    assert await store.day_start_equity(tuesday, Decimal(7)) == Decimal(7)
