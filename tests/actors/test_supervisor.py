"""The supervisor over fake processes: what dies comes back, what lives is left alone, what is asked is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from actors.ledger_events import HaltCause, Latch
from actors.lifecycle import BotState
from actors.plan import Act, Step
from actors.supervisor import SAVE_CYCLE_S, Supervisor
from actors.wallet_keeper import DEAF_S
from adapters.errors import ConfigError, Conflict, Fenced, LinkError
from adapters.model import WalletId
from config.spec import BotSpec, ExitMode, FleetSpec, HaltLevel, RestartPolicy, WalletSpec
from tests.actors.builders import ANN, BEN, MAIN, a_bot_spec
from tests.builders import NOW
from tests.fakes import FakeBot, FakeProcesses, FakeWallet, HandClock, MemoryStore, settle

POLICY = RestartPolicy(backoff=timedelta(seconds=1), crashes_max=3, window=timedelta(minutes=5))


def a_fleet(*bots: BotSpec, **changes: Any) -> FleetSpec:
    base = FleetSpec(
        fleet="test",
        store="memory",
        wallets=(WalletSpec(name=MAIN),),
        bots=bots or (a_spec(), a_spec(BEN)),
    )
    return replace(base, **changes)


def a_spec(name: Any = ANN, **changes: Any) -> BotSpec:
    return a_bot_spec(name, restart=POLICY, on_stop=ExitMode.FLATTEN, **changes)


class House:
    """A supervisor, and the world that outlives it."""

    def __init__(self) -> None:
        self.store, self.processes, self.clock = MemoryStore(), FakeProcesses(), HandClock(NOW)
        self.supervisor: Supervisor
        self._running: list[asyncio.Task[None]] = []

    async def begin(self) -> Supervisor:
        self.supervisor = Supervisor(store=self.store, processes=self.processes, clock=self.clock)
        await self.supervisor.start()
        self._running.append(asyncio.create_task(self.supervisor.run()))
        return self.supervisor

    async def end(self) -> None:
        """SIGKILL: its tasks are gone, the processes live on."""
        keepers = self.supervisor.bots.values()
        attending = [keeper.attending for keeper in keepers if keeper.attending is not None]
        tasks = [*self._running, *self.supervisor._tasks, *attending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()

    async def wait(self, seconds: float = 1.0) -> None:
        """Let time pass in small steps, as it does."""
        for _ in range(round(seconds / 0.1)):
            await self.clock.advance(0.1)

    def state(self, name: Any = ANN) -> BotState:
        return self.supervisor.bots[name].status.state

    def bot(self, name: Any = ANN) -> FakeBot:
        return self.processes.bots[name]

    @property
    def wallet(self) -> FakeWallet:
        return self.processes.wallets[MAIN]

    def events(self, event: str, name: Any = ANN) -> list[str]:
        return [e.text for e in self.store.log if e.event == event and e.bot == name]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Ann and Ben run on the wallet main."""
    house = House()
    await house.begin()
    await house.supervisor.deploy(a_fleet())
    await house.wait(2)
    yield house
    await house.end()


async def test_a_deployed_fleet_runs(house: House) -> None:
    assert [house.state(name) for name in (ANN, BEN)] == [BotState.RUNNING] * 2
    assert house.wallet.seated == {ANN: 1, BEN: 1}
    assert house.processes.enlisted == [(MAIN, 1)]
    assert house.store.statuses[ANN].state is BotState.RUNNING
    assert house.store.wallets[MAIN].incarnation == 1
    assert house.processes.services_started == 1


async def test_no_bot_starts_before_its_wallet_is_ready() -> None:
    house = House()
    await house.begin()
    await house.supervisor.deploy(a_fleet())
    await house.clock.advance(0.01)
    house.wallet.ready = False
    house.supervisor.wallets[MAIN].report = None
    await house.wait(3)
    assert not house.processes.bots_spawned
    house.wallet.ready = True
    await house.wait(2)
    assert house.state() is BotState.RUNNING
    await house.end()


async def test_a_new_supervisor_adopts_what_lives_and_restarts_nothing(house: House) -> None:
    spawned = list(house.processes.bots_spawned)
    await house.end()
    await house.begin()
    await house.wait(5)
    assert house.processes.bots_spawned == spawned
    assert len(house.processes.wallets_spawned) == 1
    assert not house.bot().kills
    assert [house.state(name) for name in (ANN, BEN)] == [BotState.RUNNING] * 2
    assert house.events("adopted") == ["incarnation 1"]


async def test_a_bot_that_died_with_the_supervisor_is_started_again(house: House) -> None:
    await house.end()
    house.bot().die("out of memory")
    await house.begin()
    await house.wait(4)
    assert house.state() is BotState.RUNNING
    assert [launch.incarnation for launch in house.processes.bots_spawned] == [1, 1, 2]
    assert house.wallet.seated == {ANN: 2, BEN: 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": BotState.BACKOFF},
        {"incarnation": 2, "epoch": 2},
        {"state": BotState.BACKOFF, "incarnation": 2},
    ],
)
async def test_a_leftover_that_no_status_speaks_of_is_killed(house: House, changes: dict[str, Any]) -> None:
    await house.end()
    house.store.statuses[ANN] = replace(house.store.statuses[ANN], **changes)
    leftover = house.bot()
    await house.begin()
    await house.wait(4)
    assert not leftover.lives()
    assert house.state() is BotState.RUNNING


async def test_a_crash_is_followed_by_backoff_and_a_new_epoch(house: House) -> None:
    house.bot().die("ValueError: boom")
    await house.clock.advance(0.5)
    assert house.state() is BotState.BACKOFF
    assert house.events("crash") == ["ValueError: boom"]
    await house.wait(3)
    assert house.state() is BotState.RUNNING
    assert house.processes.bots_spawned[-1].epoch == 2
    assert house.wallet.seated == {ANN: 2, BEN: 1}
    assert house.supervisor.bots[BEN].status.incarnation == 1


async def test_too_many_crashes_are_an_error_and_one_critical_line(house: House) -> None:
    began, spawned_at = house.clock.monotonic(), []
    while house.state() is not BotState.ERROR and house.clock.monotonic() - began < 120:
        if house.bot().lives():
            spawned_at.append(house.clock.monotonic())
            house.bot().die("ValueError: boom")
        await house.clock.advance(0.1)
    waits = [after - before for before, after in pairwise(spawned_at)]
    assert [round(wait / 1.3) for wait in waits] == pytest.approx([1, 4, 15], abs=2)
    await house.wait(30)
    assert house.state() is BotState.ERROR
    critical = [event for event in house.store.log if event.severity == "critical"]
    assert [(event.event, event.bot) for event in critical] == [("error", ANN)]
    assert "boom" in critical[0].text
    assert house.state(BEN) is BotState.RUNNING
    assert house.bot(BEN).kills == 0
    assert [retire.mode for retire in house.wallet.retired] == [ExitMode.FLATTEN]
    await house.supervisor.reset([ANN])
    await house.wait(2)
    assert house.state() is BotState.RUNNING
    assert house.supervisor.bots[ANN].status.crashes == ()


async def test_a_deaf_bot_is_killed_after_its_grace(house: House) -> None:
    house.bot().is_deaf = True
    deaf = house.bot()
    await house.wait(8.5)
    assert deaf.lives()
    await house.wait(3)
    assert not deaf.lives()
    assert "no heartbeat" in house.events("crash")[0]
    await house.wait(3)
    assert house.state() is BotState.RUNNING
    assert house.bot() is not deaf


async def test_a_kill_that_fails_is_repeated(house: House) -> None:
    deaf = house.bot()
    deaf.is_deaf, deaf.kill_error = True, LinkError("ray is away")
    await house.wait(13)
    assert deaf.kills > 1
    assert deaf.lives()
    assert len(house.processes.bots_spawned) == 2
    deaf.kill_error = None
    await house.wait(4)
    assert not deaf.lives()
    assert house.bot() is not deaf
    assert house.state() is BotState.RUNNING


async def test_a_step_is_not_taken_once_its_bot_has_moved_on(house: House) -> None:
    keeper = house.supervisor.bots[ANN]
    planned = keeper.status
    house.bot().die("boom")
    await house.wait(4)
    await house.supervisor._take(keeper, Step(bot=ANN, act=Act.KILL, reason="no heartbeat"), planned)
    assert house.bot().lives(), "it was planned for the one before it"
    assert house.state() is BotState.RUNNING


async def test_a_bot_that_never_says_a_word_is_given_up_after_a_minute() -> None:
    house = House()
    house.processes.are_born_deaf = True
    await house.begin()
    await house.supervisor.deploy(a_fleet(a_spec()))
    await house.wait(59)
    assert house.bot().lives()
    await house.wait(3)
    assert "no sign of life" in house.events("crash")[0]
    await house.end()


async def test_a_process_that_cannot_be_made_is_a_crash(house: House) -> None:
    house.processes.spawn_error = LinkError("no node has room")
    house.bot().die("boom")
    await house.wait(4)
    assert house.events("crash")[-1] == "cannot start: no node has room"
    house.processes.spawn_error = None
    await house.wait(30)
    assert house.state() is BotState.RUNNING


async def test_a_dead_wallet_is_replaced_and_everybody_seated_as_before(house: House) -> None:
    old = house.wallet
    old.die("SIGKILL")
    await house.wait(3)
    assert house.wallet is not old
    assert (house.wallet.incarnation, house.wallet.seated) == (2, {ANN: 1, BEN: 1})
    assert house.processes.enlisted == [(MAIN, 1), (MAIN, 2)]
    assert len(house.processes.bots_spawned) == 2
    assert house.bot().lives()


async def test_a_bot_on_its_way_out_is_seated_at_the_next_wallet_too(house: House) -> None:
    house.wallet.retirements_left = 1_000
    await house.supervisor.set_wanted([ANN], False)
    await house.wait(2)
    house.wallet.die("SIGKILL")
    while house.wallet.incarnation == 1:
        await house.clock.advance(0.1)
    house.wallet.retirements_left = 1_000
    await house.wait(1)
    assert house.state() is BotState.STOPPING
    assert house.wallet.seated == {ANN: 1, BEN: 1}


async def test_one_bot_that_cannot_be_seated_again_keeps_no_other_from_its_seat(house: House) -> None:
    house.wallet.die("SIGKILL")
    house.processes.admit_errors[ANN] = Fenced("epoch 1 is over")
    await house.wait(3)
    assert house.wallet.seated == {BEN: 1}


async def test_a_deaf_wallet_is_killed_and_replaced(house: House) -> None:
    old = house.wallet
    old.is_deaf = True
    await house.wait(DEAF_S - 1)
    assert old.lives()
    await house.wait(4)
    assert not old.lives()
    assert house.wallet.seated == {ANN: 1, BEN: 1}


async def test_a_wallet_that_dies_at_once_is_not_started_in_a_frenzy(house: House) -> None:
    for _ in range(100):
        if house.wallet.lives():
            house.wallet.die("out of memory")
        await house.clock.advance(0.1)
    assert len(house.processes.wallets_spawned) <= 6


async def test_a_stop_ends_the_process_and_sees_the_exit_mode_through(house: House) -> None:
    house.wallet.retirements_left = 3
    await house.supervisor.set_wanted([ANN], False, ExitMode.KEEP)
    await house.clock.advance(0.5)
    assert house.state() is BotState.STOPPING
    await house.wait(3)
    assert house.state() is BotState.IDLE
    assert {retire.mode for retire in house.wallet.retired} == {ExitMode.KEEP}
    assert len(house.wallet.retired) == 4
    assert house.store.bots[ANN][1] is False
    assert house.state(BEN) is BotState.RUNNING
    await house.supervisor.set_wanted([ANN], True)
    await house.wait(2)
    assert house.state() is BotState.RUNNING
    assert house.wallet.seated[ANN] == 3, "the wallet closed epoch 1 by taking 2"


async def test_a_bot_that_does_not_go_is_killed_after_the_grace(house: House) -> None:
    house.bot().ends_when_asked = False
    await house.supervisor.set_wanted([ANN], False)
    await house.wait(4)
    assert house.bot().lives()
    await house.wait(3)
    assert not house.bot().lives()
    assert house.state() is BotState.IDLE
    assert house.events("crash") == []


async def test_a_new_supervisor_gives_a_bot_that_is_stopping_its_grace(house: House) -> None:
    house.bot().ends_when_asked = False
    await house.supervisor.set_wanted([ANN], False)
    await house.wait(1)
    await house.end()
    await house.begin()
    await house.wait(2)
    assert house.bot().lives()
    await house.wait(4)
    assert not house.bot().lives()
    assert house.state() is BotState.IDLE


async def test_a_stop_waits_for_its_wallet(house: House) -> None:
    house.wallet.ready = False
    await house.wait(1)
    await house.supervisor.set_wanted([ANN], False)
    await house.wait(3)
    assert house.state() is BotState.STOPPING
    house.wallet.ready = True
    await house.wait(3)
    assert house.state() is BotState.IDLE


async def test_down_stops_everybody_and_up_again_starts_them(house: House) -> None:
    assert set(await house.supervisor.go_down()) == {ANN, BEN}
    await house.wait(3)
    assert await house.supervisor.go_down() == []
    assert house.store.fleet is None
    assert {retire.bot for retire in house.wallet.retired} == {ANN, BEN}
    await house.supervisor.deploy(a_fleet())
    await house.wait(2)
    assert house.state() is BotState.RUNNING


async def test_a_halt_is_seen_on_every_bot_and_lifted_again(house: House) -> None:
    await house.store.set_latch(Latch("bot:ann", HaltLevel.FLATTEN, 0))
    await house.wait(1)
    assert (house.state(ANN), house.state(BEN)) == (BotState.HALTED, BotState.RUNNING)
    await house.store.set_latch(Latch("wallet:main", HaltLevel.PAUSE_ENTRIES, 0))
    await house.store.clear_latch("bot:ann")
    await house.wait(1)
    assert (house.state(ANN), house.state(BEN)) == (BotState.HALTED, BotState.HALTED)
    await house.store.clear_latch("wallet:main")
    await house.wait(1)
    assert (house.state(ANN), house.state(BEN)) == (BotState.RUNNING, BotState.RUNNING)
    assert not house.bot().kills


async def test_deploying_the_same_twice_changes_nothing(house: House) -> None:
    spawned = len(house.processes.bots_spawned)
    await house.supervisor.deploy(a_fleet())
    await house.wait(2)
    assert len(house.processes.bots_spawned) == spawned


@pytest.mark.parametrize(
    "other",
    [
        a_fleet(fleet="another"),
        a_fleet(a_spec(), a_spec(BEN), a_bot_spec(WalletId("cid"))),  # type: ignore[arg-type]
        a_fleet(wallets=(WalletSpec(name=MAIN, equity_usd=Decimal(5)),)),
    ],
)
async def test_another_fleet_is_refused_while_this_one_runs(house: House, other: FleetSpec) -> None:
    with pytest.raises(Conflict, match="already up"):
        await house.supervisor.deploy(other)
    assert house.store.fleet is not None
    assert house.store.fleet.fleet == "test"


async def test_bots_are_added_all_or_none(house: House) -> None:
    cid = a_spec("cid")
    with pytest.raises(Conflict, match="ann"):
        await house.supervisor.add([cid, a_spec()])
    with pytest.raises(ConfigError, match=r"unknown wallet 'nope'; there are: main"):
        await house.supervisor.add([cid, a_spec("dan", wallet=WalletId("nope"))])
    assert set(house.supervisor.bots) == {ANN, BEN}
    await house.supervisor.add([cid])
    await house.wait(2)
    assert house.state("cid") is BotState.RUNNING
    assert house.events("added", "cid") == ["on wallet main"]


async def test_only_a_bot_that_is_down_is_removed(house: House) -> None:
    with pytest.raises(Conflict, match="stop it first"):
        await house.supervisor.remove(ANN)
    await house.supervisor.set_wanted([ANN], False)
    await house.wait(3)
    await house.supervisor.remove(ANN)
    assert set(house.supervisor.bots) == set(house.store.bots) == {BEN}


async def test_a_command_on_an_unknown_name_names_those_there_are(house: House) -> None:
    for command in (
        house.supervisor.remove("nobody"),  # type: ignore[arg-type]
        house.supervisor.reset([ANN, "nobody"]),  # type: ignore[list-item]
        house.supervisor.set_wanted([ANN, "nobody"], False),  # type: ignore[list-item]
    ):
        with pytest.raises(ConfigError, match="no bot named nobody; there are: ann, ben"):
            await command
    await house.wait(1)
    assert house.state() is BotState.RUNNING


async def test_the_cycle_is_saved_and_handed_to_the_successor(house: House) -> None:
    house.bot().cycle = 41
    await house.wait(SAVE_CYCLE_S + 2)
    house.bot().die("boom")
    await house.wait(3)
    assert house.processes.bots_spawned[-1].cycle == 41


async def test_a_store_that_fails_costs_a_pass_and_loses_no_event(house: House) -> None:
    house.store.fail("add_events", LinkError("the store is away"))
    house.bot().die("ValueError: boom")
    await house.wait(3)
    assert house.events("crash") == []
    house.store.fail("add_events", None)
    await house.wait(1)
    assert house.events("crash") == ["ValueError: boom"]
    assert house.state() is BotState.RUNNING


async def test_a_status_that_cannot_be_saved_is_no_bot_lost(house: House) -> None:
    house.store.fail("save_status", LinkError("the store is away"))
    house.bot().die("ValueError: boom")
    await house.wait(2)
    assert len(house.processes.bots_spawned) == 2
    house.store.fail("save_status", None)
    await house.wait(4)
    assert house.state() is BotState.RUNNING
    assert len(house.processes.bots_spawned) == 3


async def test_a_death_during_the_first_word_is_not_overlooked() -> None:
    house = House()
    house.processes.are_born_deaf = True
    await house.begin()
    await house.supervisor.deploy(a_fleet(a_spec()))
    while not house.processes.bots_spawned:
        await house.clock.advance(0.05)
    gate = house.store.pause("save_status")
    house.processes.are_born_deaf = house.bot().is_deaf = False
    await house.clock.advance(0.3)
    del house.store.pauses["save_status"]  # who waits there waits on, who comes later passes
    house.bot().die("boom")
    await settle()
    gate.set()
    await house.wait(4)
    assert house.events("crash") == ["boom"]
    assert house.state() is BotState.RUNNING
    assert house.bot().lives()
    assert len(house.processes.bots_spawned) == 2
    await house.end()


async def test_a_bot_in_error_does_not_keep_the_fleet_from_going_down(house: House) -> None:
    while house.state() is not BotState.ERROR:
        house.bot().die("boom")
        await house.wait(1)
    await house.supervisor.go_down()
    await house.wait(5)
    assert await house.supervisor.go_down() == []


async def test_a_bot_in_error_is_not_down_before_its_exit_mode_holds(house: House) -> None:
    house.wallet.retirements_left = 1_000
    await give_up(house)
    assert house.state() is BotState.ERROR
    with pytest.raises(Conflict, match="stop it first"):
        await house.supervisor.remove(ANN)
    assert ANN in await house.supervisor.go_down()
    assert house.store.fleet is not None
    house.wallet.retirements_left = 0
    await house.wait(5)
    assert await house.supervisor.go_down() == []


async def give_up(house: House) -> None:
    house.bot().give_up("the hedge is lost")
    await house.wait(1)


async def test_a_strategy_that_gives_up_is_latched_and_not_started_again(house: House) -> None:
    spawned = len(house.processes.bots_spawned)
    await give_up(house)
    await house.wait(10)
    assert house.state() is BotState.ERROR
    assert [(latch.scope, latch.level, latch.cause, latch.reason) for latch in house.processes.tripped] == [
        ("bot:ann", HaltLevel.FLATTEN, HaltCause.IRRECOVERABLE, "the hedge is lost")
    ]
    assert [retire.bot for retire in house.wallet.retired] == [ANN]
    assert len(house.processes.bots_spawned) == spawned
    assert house.events("irrecoverable") == ["the hedge is lost"]
    assert house.state(BEN) is BotState.RUNNING


async def test_how_far_it_is_halted_is_the_fleets_to_say() -> None:
    house = House()
    await house.begin()
    await house.supervisor.deploy(a_fleet(on_irrecoverable=HaltLevel.CANCEL_ALL))
    await house.wait(2)
    await give_up(house)
    assert [latch.level for latch in house.processes.tripped] == [HaltLevel.CANCEL_ALL]
    await house.end()


async def test_a_kill_switch_that_is_away_is_told_when_it_is_back_and_delays_no_exit(house: House) -> None:
    house.processes.trip_error = LinkError("nobody there")
    await give_up(house)
    assert [retire.bot for retire in house.wallet.retired] == [ANN]
    house.processes.trip_error = None
    await house.wait(1)
    assert len(house.processes.tripped) == 1


async def test_a_bot_that_gave_up_is_not_reset_before_its_halt_is_latched(house: House) -> None:
    house.processes.trip_error = LinkError("nobody there")
    await give_up(house)
    with pytest.raises(Conflict, match="the hedge is lost"):
        await house.supervisor.reset([ANN])
    await house.wait(1)
    assert house.state() is BotState.ERROR


async def test_a_supervisor_that_dies_before_it_has_told_tells_it_in_its_next_life(house: House) -> None:
    house.processes.trip_error = LinkError("nobody there")
    await give_up(house)
    await house.end()
    house.processes.trip_error = None
    await house.begin()
    await house.wait(1)
    assert [latch.scope for latch in house.processes.tripped] == ["bot:ann"]
    assert house.store.statuses[ANN].alarm == ""


async def test_a_bot_that_gave_up_is_back_when_it_is_both_lifted_and_reset(house: House) -> None:
    await give_up(house)
    await house.store.set_latch(house.processes.tripped[0])
    with pytest.raises(Conflict, match="flotilla resume bot:ann"):
        await house.supervisor.reset([ANN])
    await house.store.clear_latch("bot:ann")
    await house.wait(2)
    assert house.state() is BotState.ERROR
    await house.supervisor.reset([ANN])
    await house.wait(2)
    assert house.state() is BotState.RUNNING
    assert len(house.processes.tripped) == 1
