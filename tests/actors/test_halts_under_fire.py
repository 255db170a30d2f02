"""The kill switch over a real wallet and its venue, while bots, wallet or venue misbehave: the outcome is the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.journal import JournalFailed
from actors.kill_switch import ANSWER_MAX_S, DEAF_S, KillSwitch
from actors.ledger_events import Latch
from actors.ledger_writer import MEND_S
from actors.messages import Admit, Engage, Engaged, Outcome, OutcomeKind, Retire
from actors.store import WalletPlace
from adapters.errors import ExchangeDown, Fenced, LinkError, OutcomeUnknown, VenueError
from adapters.model import OrderType
from config.spec import ExitMode, HaltLevel
from tests.actors.builders import ANN, BEN, MAIN, Floor, a_bot_spec, a_quote_intent, an_open, dec, refusal_of
from tests.builders import BTC, ETH, NOW
from tests.fakes import Fault, HandClock, Hold, MemoryStore, settle

FLATTEN = Latch("fleet", HaltLevel.FLATTEN, 0, "test")


class Killed(BaseException):
    """SIGKILL, as far as a test can."""


class Fleet:
    """Ann is long and quotes, Ben quotes; one wallet, its kill switch, and a supervisor as far as a new wallet."""

    def __init__(self, path: Path) -> None:
        self.clock = HandClock(NOW)
        self.floor = Floor(path, clock=self.clock)
        self.store = MemoryStore()
        self.is_dead = self.is_frozen = False
        self.switch = KillSwitch(store=self.store, reach=self.reach, end=self.end_wallet, clock=self.clock)
        self.running: asyncio.Task[None]

    async def begin(self) -> None:
        await self.floor.open(a_bot_spec(), a_bot_spec(BEN))
        await self.floor.submit(an_open(), a_quote_intent(1, "980"), a_quote_intent(2, "975"))
        await self.floor.submit(a_quote_intent(1, "970", bot=BEN), bot=BEN)
        self.store.wallets = {MAIN: WalletPlace(MAIN, self.floor.incarnation)}
        await self.start_switch()

    async def start_switch(self) -> None:
        self.switch = KillSwitch(store=self.store, reach=self.reach, end=self.end_wallet, clock=self.clock)
        await self.switch.start()
        self.running = asyncio.create_task(self.switch.run())
        await settle()

    async def kill_switch(self) -> None:
        """SIGKILL: its tasks are gone."""
        tasks = [self.running, *self.switch._pushing.values(), *self.switch._asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def reach(self, place: WalletPlace) -> Fleet:
        return self

    async def engage(self, engage: Engage, *, timeout_s: float) -> Engaged:
        if self.is_frozen:
            await self.clock.sleep(timeout_s)
        if self.is_frozen or self.is_dead:
            raise LinkError("no answer")
        try:
            return await self.floor.wallet.engage(engage)
        except Killed:
            self.is_dead = True
            raise LinkError("the connection broke") from None

    async def end_wallet(self, place: WalletPlace) -> bool:
        self.is_dead, self.is_frozen = True, False
        return True

    async def bear_wallet(self, *, is_lent_to: bool = True) -> None:
        """What the supervisor does where one died. Its bots are seated again, and the guard knows its journal."""
        self.floor.born()
        self.store.wallets = {MAIN: WalletPlace(MAIN, self.floor.incarnation)}
        await self.floor.wallet.start()
        self.floor.lender.sequence += 100
        if is_lent_to:
            await self.floor.wallet.renew(self.floor.lender)
        self.is_dead = False
        for spec in (a_bot_spec(), a_bot_spec(BEN)):
            self.floor.wallet.admit(Admit(spec, 1))
        self.floor.show(999, 1001)

    async def wait(self, seconds: float = 1.0) -> None:
        for _ in range(round(seconds / 0.1)):
            await self.clock.advance(0.1)

    def is_complete(self) -> bool:
        """By the switch's word."""
        return self.switch.progress().complete

    def is_flat(self) -> bool:
        """By the venue's own word."""
        return not (self.floor.at_venue() or self.floor.resting())


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(tmp_path / "main.journal")
    await fleet.begin()
    yield fleet
    await fleet.kill_switch()


async def test_a_halt_is_complete_when_the_venue_shows_it(fleet: Fleet) -> None:
    await fleet.switch.trip(FLATTEN)
    await fleet.wait(0.3)
    assert fleet.is_complete()
    assert fleet.is_flat()
    times = fleet.switch.progress().times
    assert times is not None
    assert None not in (times.overall.gate_s, times.overall.empty_s, times.overall.flat_s)


async def test_the_gate_is_shut_before_the_venue_has_said_a_word(fleet: Fleet) -> None:
    hold = Hold()
    fleet.floor.venue.script("cancel", *(hold,) * 5)
    await fleet.switch.trip(FLATTEN)
    await settle()
    times = fleet.switch.progress().times
    assert times is not None
    assert times.overall.gate_s == 0.0
    assert times.overall.empty_s is None
    (opening,) = await fleet.floor.submit(an_open(9))
    assert refusal_of(opening).rule == "halted"
    hold.gate.set()
    await fleet.wait()
    assert fleet.is_complete()


async def test_a_strategy_that_ignores_stop_changes_nothing(fleet: Fleet) -> None:
    taken: list[Outcome] = []

    async def hammer() -> None:
        for leg in range(10, 200):
            is_halted = bool(fleet.floor.wallet.ledger.latches)
            outcomes = await fleet.floor.submit(an_open(leg, "0.1"), a_quote_intent(leg + 300, "990", "0.1"))
            if is_halted:
                taken.extend(outcomes)
            await asyncio.sleep(0)

    hammering = asyncio.create_task(hammer())
    await asyncio.sleep(0)
    await fleet.switch.trip(FLATTEN)
    await fleet.wait(2)
    assert fleet.is_complete()
    await hammering
    await fleet.wait()
    assert taken
    assert {outcome.kind for outcome in taken} == {OutcomeKind.REFUSED}
    assert fleet.is_complete()
    assert fleet.is_flat()


async def test_what_a_frozen_bot_had_in_its_hands_is_refused_when_it_thaws(fleet: Fleet) -> None:
    in_its_hands = (an_open(20), a_quote_intent(21, "985"))
    await fleet.switch.trip(FLATTEN)
    await fleet.wait()
    outcomes = await fleet.floor.submit(*in_its_hands)
    assert [refusal_of(outcome).rule for outcome in outcomes] == ["halted", "halted"]
    await fleet.floor.wallet.retire(Retire(ANN, ExitMode.FLATTEN))
    await fleet.switch.lift("fleet", "all is well")
    await fleet.wait()
    with pytest.raises(Fenced):
        await fleet.floor.submit(*in_its_hands)
    assert fleet.is_flat()


@pytest.mark.parametrize("nth", [0, 1, 2])
async def test_a_wallet_killed_in_the_middle_of_cancelling_is_finished_by_its_successor(
    fleet: Fleet, nth: int
) -> None:
    fleet.floor.venue.script("cancel", *[None] * nth, Fault(Killed()))
    await fleet.switch.trip(FLATTEN)
    await fleet.wait()
    assert fleet.is_dead
    assert not fleet.is_complete()
    await fleet.bear_wallet()
    (opening,) = await fleet.floor.submit(an_open(9))
    assert refusal_of(opening).rule == "halted", "it found the latch before anybody told it"
    await fleet.wait(2)
    assert fleet.is_complete()
    assert fleet.is_flat()


async def test_a_frozen_wallet_is_killed_and_its_successor_finishes(fleet: Fleet) -> None:
    await fleet.wait()
    fleet.is_frozen = True
    await fleet.switch.trip(FLATTEN)
    await fleet.wait(2 * ANSWER_MAX_S + DEAF_S + 1)
    assert fleet.is_dead
    await fleet.bear_wallet()
    await fleet.wait(2)
    assert fleet.is_complete()
    assert fleet.is_flat()


async def test_a_venue_that_is_slow_gets_nobody_killed(fleet: Fleet) -> None:
    hold = Hold()
    fleet.floor.venue.script("cancel", *(hold,) * 5)
    await fleet.switch.trip(FLATTEN)
    await fleet.wait(3 * (ANSWER_MAX_S + DEAF_S))
    assert not fleet.is_dead
    assert not fleet.is_complete()
    hold.gate.set()
    await fleet.wait()
    assert fleet.is_complete()


async def test_a_switch_killed_between_latch_and_push_goes_on_in_its_next_life(fleet: Fleet) -> None:
    await fleet.kill_switch()
    await fleet.store.set_latch(FLATTEN)
    assert not fleet.is_flat()
    await fleet.start_switch()
    await fleet.wait()
    assert fleet.is_complete()
    assert fleet.is_flat()


async def test_a_halt_that_the_store_did_not_take_is_in_force_nowhere(fleet: Fleet) -> None:
    fleet.store.fail("set_latch", LinkError("the disk is full"))
    with pytest.raises(LinkError, match="the disk is full"):
        await fleet.switch.trip(FLATTEN)
    await fleet.wait()
    assert not fleet.store.latches.latches
    assert not fleet.floor.wallet.ledger.latches
    (outcome,) = await fleet.floor.submit(an_open(9, "0.1"))
    assert outcome.kind is OutcomeKind.PLACED


async def test_a_halt_is_not_complete_while_an_outcome_is_unknown(fleet: Fleet) -> None:
    venue = fleet.floor.venue
    venue.script("place", Fault(OutcomeUnknown("timeout"), takes_effect=True))
    for verb in ("order", "open_orders"):
        venue.fail(verb, ExchangeDown("maintenance"))
    await fleet.floor.submit(a_quote_intent(30, "960"))
    await fleet.switch.trip(Latch("fleet", HaltLevel.CANCEL_ALL, 0))
    await fleet.wait(5)
    assert not fleet.is_complete()
    assert "maintenance" in fleet.switch.progress().wallets[0].detail
    for verb in ("order", "open_orders"):
        venue.fail(verb, None)
    await fleet.wait(2)
    assert fleet.is_complete()
    assert not fleet.floor.resting(OrderType.LIMIT)


@pytest.mark.parametrize("error", [ExchangeDown("maintenance"), OutcomeUnknown("timeout")])
async def test_one_position_that_cannot_be_closed_keeps_no_other_open(
    fleet: Fleet, error: VenueError
) -> None:
    eth = an_open(
        40, bot=BEN, symbol=ETH, price=dec(101), stop_loss=dec(80), take_profit=dec(150), leverage=1
    )
    await fleet.floor.submit(eth, bot=BEN)
    assert fleet.floor.at_venue() == fleet.floor.at_venue(ETH) == 1
    fleet.floor.venue.script("place", Fault(error))
    await fleet.switch.trip(FLATTEN)
    for _ in range(5):
        await settle()
    assert fleet.floor.at_venue() == 1
    assert fleet.floor.at_venue(ETH) == 0
    await fleet.wait(5)
    assert fleet.is_flat()


async def test_a_look_that_began_under_a_shallower_halt_says_nothing_about_a_deeper_one(fleet: Fleet) -> None:
    hold = Hold()
    fleet.floor.venue.script("positions", hold)
    fleet.floor.venue.script("open_orders", hold)
    await fleet.switch.trip(Latch("fleet", HaltLevel.REDUCE_ONLY, 0))
    await settle()
    await fleet.switch.trip(FLATTEN)
    await settle()
    hold.gate.set()
    fleet.floor.show(999, 1001, size=0)  # nobody to close with
    await fleet.wait()
    assert not fleet.is_complete()
    fleet.floor.show(998, 1000)
    await fleet.wait()
    assert fleet.is_complete()
    assert fleet.is_flat()


async def test_a_disk_that_fails_shuts_the_gate_and_the_halt_is_said_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*events: object) -> None:
        raise OSError(28, "no space left on device")

    told = Engage((Latch("fleet", HaltLevel.REDUCE_ONLY, 1),), 1)
    with monkeypatch.context() as patch:
        patch.setattr(fleet.floor.journal, "append", full)
        with pytest.raises(JournalFailed):
            await fleet.floor.wallet.engage(told)
        assert fleet.floor.look().halt is HaltLevel.REDUCE_ONLY
    await fleet.wait(MEND_S)
    assert (await fleet.floor.wallet.engage(told)).generation == 1
    assert fleet.floor.wallet.ledger.generation == 1


async def test_a_successor_that_nobody_lent_to_is_complete_only_when_nothing_old_can_arrive(
    fleet: Fleet,
) -> None:
    """Its journal may lack what its predecessor had on its way, and no guard is there to say so."""
    await fleet.end_wallet(WalletPlace(MAIN, 1))
    await fleet.bear_wallet(is_lent_to=False)
    await fleet.switch.trip(Latch("fleet", HaltLevel.CANCEL_ALL, 0, "test"))
    await fleet.wait(8.0)
    assert not fleet.is_complete()
    assert "may still arrive" in fleet.switch.progress().wallets[0].detail
    await fleet.wait(1.5)
    assert fleet.is_complete()


async def test_the_kill_switch_is_answered_while_the_venue_is_slow(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.halting.ANSWER_S", 0.001)
    hold = Hold()
    fleet.floor.venue.script("cancel", *(hold,) * 5)
    told = Engage((Latch("fleet", HaltLevel.FLATTEN, 1),), 1)
    for detail in ("the gate is shut", "the venue is being asked", "the venue is being asked"):
        answer = await fleet.floor.wallet.engage(told)
        assert (answer.complete, answer.detail) == (False, detail)
    hold.gate.set()
    await fleet.wait()
    assert fleet.is_flat()


async def test_lifting_one_of_two_halts_leaves_the_other(fleet: Fleet) -> None:
    await fleet.switch.trip(Latch("bot:ann", HaltLevel.REDUCE_ONLY, 0))
    await fleet.switch.trip(Latch("fleet", HaltLevel.PAUSE_ENTRIES, 0))
    await fleet.wait()
    assert (fleet.floor.look().halt, fleet.floor.look(BEN).halt) == (
        HaltLevel.REDUCE_ONLY,
        HaltLevel.PAUSE_ENTRIES,
    )
    await fleet.switch.lift("fleet", "")
    await fleet.wait()
    assert (fleet.floor.look().halt, fleet.floor.look(BEN).halt) == (HaltLevel.REDUCE_ONLY, None)
    assert fleet.floor.held(symbol=BTC) == 1
