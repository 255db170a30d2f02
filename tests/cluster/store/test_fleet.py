"""The supervisor's part of the store."""

from dataclasses import replace

import pytest

from actors.lifecycle import BotEvent, BotState, BotStatus
from actors.store import FleetStore, WalletPlace
from adapters.errors import ConfigError
from adapters.model import BotId, WalletId
from cluster.store.sql import SqlStore
from config.spec import FleetSpec, WalletSpec
from risk.leases import Grant
from tests.cluster.store.builders import NOON, a_bot

MOMO = BotId("momo")
A_FLEET = FleetSpec(
    fleet="demo",
    store="sqlite:///state/flotilla.db",
    wallets=(WalletSpec(name=WalletId("main")),),
    bots=(a_bot("momo"), a_bot("quotes", kind="quoter")),
)


async def test_an_empty_store_knows_no_fleet(store: SqlStore) -> None:
    supervisor: FleetStore = store
    assert await supervisor.load_fleet() is None
    assert await supervisor.load_bots() == []
    assert await supervisor.load_statuses() == {}
    assert await supervisor.load_wallets() == {}
    assert await supervisor.load_checkpoint(MOMO) is None
    assert await supervisor.load_package("00" * 32) is None


async def test_the_fleet_comes_back_without_its_bots_and_they_are_wanted(store: SqlStore) -> None:
    await store.save_fleet(A_FLEET)
    assert await store.load_fleet() == replace(A_FLEET, bots=())
    assert await store.load_bots() == [(bot, True) for bot in A_FLEET.bots]


async def test_a_second_deploy_replaces_its_bots_and_leaves_the_others(store: SqlStore) -> None:
    await store.save_fleet(A_FLEET)
    await store.add_bots([a_bot("late")])
    await store.set_wanted([MOMO, BotId("late")], False)
    await store.save_checkpoint(MOMO, b"memory")
    await store.save_fleet(replace(A_FLEET, fleet="next", bots=(a_bot("momo", kind="quoter"),)))

    fleet = await store.load_fleet()
    assert fleet is not None
    assert fleet.fleet == "next"
    assert {bot.name: (bot.strategy.kind, wanted) for bot, wanted in await store.load_bots()} == {
        "late": ("hold", False),
        "momo": ("quoter", True),
        "quotes": ("quoter", True),
    }
    assert await store.load_checkpoint(MOMO) == b"memory"


async def test_a_forgotten_fleet_leaves_its_epochs_and_no_bot(store: SqlStore) -> None:
    await store.save_fleet(A_FLEET)
    broken = BotStatus(
        bot=MOMO, state=BotState.ERROR, since=NOON, epoch=7, incarnation=5, crashes=(NOON,), reason="it fell"
    )
    await store.save_status(broken)
    await store.forget_fleet()
    assert await store.load_fleet() is None
    assert await store.load_bots() == []
    await store.save_fleet(A_FLEET)
    status = (await store.load_statuses())[MOMO]
    assert (status.state, status.epoch, status.incarnation, status.crashes) == (BotState.IDLE, 7, 5, ())


async def test_a_wallet_that_the_next_fleet_has_not_is_looked_for_no_more(store: SqlStore) -> None:
    for name in (WalletId("main"), WalletId("old")):
        await store.save_wallet(WalletPlace(name, 1))
        await store.save_grant(Grant(wallet=name, incarnation=1))
    await store.save_fleet(A_FLEET)
    assert list(await store.load_wallets()) == ["main"]
    assert list(await store.load_grants()) == ["main"]


async def test_a_fleet_that_cannot_be_kept_whole_is_not_kept_at_all(store: SqlStore) -> None:
    await store.save_fleet(A_FLEET)
    broken = replace(a_bot("bad"), decision_interval=object())  # type: ignore[arg-type]
    with pytest.raises(Exception, match="object"):
        await store.save_fleet(replace(A_FLEET, fleet="next", bots=(a_bot("good"), broken)))
    fleet = await store.load_fleet()
    assert fleet is not None
    assert fleet.fleet == "demo"
    assert [bot.name for bot, _ in await store.load_bots()] == ["momo", "quotes"]


async def test_bots_are_added_all_or_none(store: SqlStore) -> None:
    await store.add_bots([a_bot("momo")])
    with pytest.raises(ConfigError, match="momo"):
        await store.add_bots([a_bot("fresh"), a_bot("momo")])
    with pytest.raises(ConfigError, match="twin"):
        await store.add_bots([a_bot("twin"), a_bot("twin")])
    assert [bot.name for bot, _ in await store.load_bots()] == ["momo"]


async def test_a_status_comes_back_as_it_was_saved_last(store: SqlStore) -> None:
    await store.add_bots([a_bot()])
    idle = BotStatus(bot=MOMO, since=NOON)
    starting = idle.after(BotEvent.START, at=NOON, reason="wanted")
    await store.save_status(idle)
    await store.save_status(starting)
    assert await store.load_statuses() == {MOMO: starting}


async def test_a_bot_that_is_added_again_goes_on_with_its_epochs_and_nothing_else(store: SqlStore) -> None:
    await store.add_bots([a_bot()])
    await store.save_checkpoint(MOMO, b"memory")
    given_up = BotStatus(
        bot=MOMO, state=BotState.ERROR, since=NOON, epoch=7, incarnation=9, crashes=(NOON,), reason="died"
    )
    await store.save_status(given_up)
    await store.remove_bot(MOMO)
    assert await store.load_bots() == []
    assert await store.load_statuses() == {}
    await store.save_checkpoint(MOMO, b"too late")

    await store.add_bots([a_bot()])
    assert await store.load_statuses() == {MOMO: BotStatus(bot=MOMO, since=NOON, epoch=7, incarnation=9)}
    assert await store.load_checkpoint(MOMO) is None


async def test_an_older_incarnation_never_takes_a_wallets_place(store: SqlStore) -> None:
    main = WalletId("main")
    second = WalletPlace(wallet=main, incarnation=2, node="n1", socket="/run/s/main")
    await store.save_wallet(WalletPlace(wallet=main, incarnation=1))
    await store.save_wallet(second)
    await store.save_wallet(WalletPlace(wallet=main, incarnation=1, node="n0"))
    assert await store.load_wallets() == {main: second}
    moved = WalletPlace(wallet=main, incarnation=2, node="n1", socket="/run/s/other")
    await store.save_wallet(moved)
    assert await store.load_wallets() == {main: moved}


async def test_each_counter_counts_from_one(store: SqlStore) -> None:
    assert [await store.next_number("guard"), await store.next_number("guard")] == [1, 2]
    assert await store.next_number("wallet:main") == 1


async def test_a_package_is_kept_once(store: SqlStore) -> None:
    package = bytes(range(256))
    await store.save_package("ab" * 32, package)
    await store.save_package("ab" * 32, package)
    assert await store.load_package("ab" * 32) == package
