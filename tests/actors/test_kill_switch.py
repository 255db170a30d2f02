"""A latch is a level: on disk first, pushed until the venue shows that it holds, lifted by an operator only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.kill_switch import ANSWER_MAX_S, DEAF_S, PUSH_S, REST_S, KillSwitch
from actors.ledger_events import HaltCause, Latch
from actors.lifecycle import STARTING_MAX
from actors.messages import Engage, Engaged
from actors.store import WalletPlace
from adapters.errors import LinkError
from adapters.model import WalletId
from config.spec import HaltLevel
from tests.builders import NOW
from tests.fakes import HandClock, MemoryStore, settle

A, B = WalletId("a"), WalletId("b")
HALT = Latch("fleet", HaltLevel.FLATTEN, 0, "test")


class Haltable:
    """A wallet that shuts its gate at once, and needs some pushes until it is done."""

    def __init__(self, name: WalletId, clock: HandClock) -> None:
        self.name = name
        self.clock = clock
        self.heard: list[Engage] = []
        self.pushes_left = 1
        self.generation = 0
        self.incarnation = 1
        self.error: Exception | None = None
        self.is_frozen = False

    async def engage(self, engage: Engage, *, timeout_s: float) -> Engaged:
        await asyncio.sleep(0)
        if self.is_frozen:
            await self.clock.sleep(timeout_s)
            raise LinkError(f"no answer within {timeout_s:g} s")
        if self.error is not None:
            raise self.error
        self.heard.append(engage)
        if engage.generation > self.generation:
            self.generation = engage.generation
            if engage.latches:
                return Engaged(self.name, self.generation, False, -1, -1, -1, "", self.incarnation, True)
        self.pushes_left -= 1
        left = max(0, self.pushes_left)
        return Engaged(self.name, self.generation, not left, left, left, 0, "", self.incarnation, True)


class Board:
    """A kill switch over a store, with two wallets."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), HandClock(NOW)
        self.wallets = {name: Haltable(name, self.clock) for name in (A, B)}
        self.ended: list[WalletPlace] = []
        self.end_error: LinkError | None = None
        self.store.wallets = {name: WalletPlace(name, 1) for name in (A, B)}
        self.switch: KillSwitch
        self._running: list[asyncio.Task[None]] = []

    async def reach(self, place: WalletPlace) -> Haltable:
        return self.wallets[place.wallet]

    async def end_wallet(self, place: WalletPlace) -> bool:
        if self.end_error is not None:
            raise self.end_error
        self.ended.append(place)
        return True

    async def begin(self) -> KillSwitch:
        self.switch = KillSwitch(store=self.store, reach=self.reach, end=self.end_wallet, clock=self.clock)
        await self.switch.start()
        self._running.append(asyncio.create_task(self.switch.run()))
        await settle()
        return self.switch

    async def end(self) -> None:
        tasks = [*self._running, *self.switch._pushing.values(), *self.switch._asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    board = Board()
    await board.begin()
    yield board
    await board.end()


async def test_a_halt_reaches_every_wallet_within_a_push(board: Board) -> None:
    generation = await board.switch.trip(HALT)
    assert board.store.latches.generation == generation == 1
    await board.clock.advance(PUSH_S)
    for wallet in board.wallets.values():
        assert wallet.heard[-1].generation == 1
        assert wallet.heard[-1].latches[0].level is HaltLevel.FLATTEN
    assert board.switch.progress().complete


async def test_a_halt_that_is_not_on_disk_is_not_claimed(board: Board) -> None:
    board.store.fail("set_latch", LinkError("the store is away"))
    with pytest.raises(LinkError):
        await board.switch.trip(HALT)
    assert board.switch.progress().generation == 0


async def test_it_pushes_until_the_wallet_shows_that_it_holds(board: Board) -> None:
    board.wallets[A].pushes_left = 5
    await board.switch.trip(HALT)
    await board.clock.advance(3 * PUSH_S)
    assert not board.switch.progress().complete
    await board.clock.advance(3 * PUSH_S)
    assert board.switch.progress().complete


async def test_where_it_holds_it_is_pushed_at_rest(board: Board) -> None:
    await board.switch.trip(HALT)
    await board.clock.advance(1.0)
    before = len(board.wallets[A].heard)
    await board.clock.advance(10 * REST_S)
    assert 9 <= len(board.wallets[A].heard) - before <= 11


async def test_a_wallet_that_does_not_answer_is_named_and_delays_no_other(board: Board) -> None:
    board.wallets[A].error = LinkError("nobody answers at a.sock")
    await board.switch.trip(HALT)
    await board.clock.advance(1.0)
    progress = board.switch.progress()
    assert not progress.complete
    assert [(w.wallet, w.complete) for w in progress.wallets] == [(A, False), (B, True)]
    assert "nobody answers" in progress.wallets[0].detail
    board.wallets[A].error = None
    await board.clock.advance(2 * PUSH_S)
    assert board.switch.progress().complete


async def test_a_fault_of_ours_does_not_end_the_pushing(board: Board) -> None:
    board.wallets[A].error = ValueError("a bug")
    await board.switch.trip(HALT)
    await board.clock.advance(1.0)
    assert not board.switch.progress().complete
    board.wallets[A].error = None
    await board.clock.advance(3 * REST_S)
    assert board.switch.progress().complete


async def test_an_answer_to_an_older_halt_is_no_answer(board: Board) -> None:
    await board.switch.trip(HALT)
    await board.clock.advance(1.0)
    board.wallets[B].error = LinkError("gone")
    await board.switch.trip(Latch("wallet:b", HaltLevel.CANCEL_ALL, 0))
    progress = board.switch.progress()
    assert not progress.complete
    assert [w.detail for w in progress.wallets] == ["no answer yet", "no answer yet"]


async def test_the_latch_outlives_the_switch(board: Board) -> None:
    board.wallets[A].error = LinkError("gone")
    await board.switch.trip(HALT)
    await board.end()
    switch = await board.begin()
    progress = switch.progress()
    assert (progress.generation, progress.latches[0].scope) == (1, "fleet")
    assert not progress.complete
    board.wallets[A].error = None
    await board.clock.advance(1.0)
    assert switch.progress().complete


async def test_a_new_switch_claims_nothing_before_the_wallets_have_answered(board: Board) -> None:
    await board.switch.trip(HALT)
    await board.end()
    board.switch = KillSwitch(store=board.store, reach=board.reach, end=board.end_wallet, clock=board.clock)
    await board.switch.start()
    progress = board.switch.progress()
    assert not progress.complete
    assert [answer.wallet for answer in progress.wallets] == [A, B]


async def test_a_wallet_that_appears_later_gets_the_latch(board: Board) -> None:
    await board.switch.trip(HALT)
    late = WalletId("late")
    board.wallets[late] = Haltable(late, board.clock)
    board.store.wallets[late] = WalletPlace(late, 1)
    await board.clock.advance(2 * REST_S)
    assert board.wallets[late].heard[0].latches
    assert [answer.wallet for answer in board.switch.progress().wallets] == [A, B, late]


async def test_a_halt_deepens_and_never_becomes_less_by_another_trip(board: Board) -> None:
    await board.switch.trip(HALT)
    await board.switch.trip(Latch("fleet", HaltLevel.PAUSE_ENTRIES, 0))
    assert [latch.level for latch in board.switch.progress().latches] == [HaltLevel.FLATTEN]


async def test_an_operator_lifts_it(board: Board) -> None:
    await board.switch.trip(HALT)
    await board.switch.lift("fleet", "all is well")
    await board.clock.advance(2 * PUSH_S)
    assert board.wallets[A].heard[-1] == Engage((), 2)
    assert [(event.event, event.severity) for event in board.store.log] == [
        ("halt", "critical"),
        ("resume", "warning"),
    ]


async def test_a_halt_that_cannot_be_told_is_pushed_all_the_same_and_told_later(board: Board) -> None:
    board.store.fail("add_events", LinkError("the store is away"))
    assert await board.switch.trip(HALT) == 1
    await board.clock.advance(PUSH_S)
    assert board.switch.progress().complete
    board.store.fail("add_events", None)
    await board.clock.advance(2 * REST_S)
    assert [event.event for event in board.store.log] == ["halt"]


async def test_a_latch_whose_write_only_seemed_to_fail_is_found(board: Board) -> None:
    await board.store.set_latch(HALT)
    await board.clock.advance(2 * REST_S)
    progress = board.switch.progress()
    assert (progress.generation, progress.complete) == (1, True)
    assert [event.event for event in board.store.log] == ["halt"]


async def test_a_deeper_halt_does_not_wait_for_the_answer_to_the_last_one(board: Board) -> None:
    await board.switch.trip(Latch("fleet", HaltLevel.PAUSE_ENTRIES, 0))
    await board.clock.advance(PUSH_S)
    board.wallets[A].is_frozen = True
    await board.clock.advance(REST_S)
    board.wallets[A].is_frozen = False
    await board.switch.trip(HALT)
    await board.clock.advance(PUSH_S)
    assert board.wallets[A].heard[-1].latches[0].level is HaltLevel.FLATTEN


async def test_a_frozen_wallet_delays_no_other(board: Board) -> None:
    board.wallets[A].is_frozen = True
    await board.switch.trip(HALT)
    await board.clock.advance(PUSH_S)
    assert [wallet.complete for wallet in board.switch.progress().wallets] == [False, True]


async def test_a_wallet_that_falls_silent_under_a_halt_is_killed(board: Board) -> None:
    await board.clock.advance(REST_S)
    board.wallets[A].is_frozen = True
    await board.switch.trip(HALT)
    await board.clock.advance(2 * ANSWER_MAX_S + DEAF_S + 1)
    assert board.ended == [WalletPlace(A, 1)]
    assert "wallet_killed" in [event.event for event in board.store.log]
    assert not board.switch.progress().complete


async def test_a_wallet_that_misses_a_word_now_and_then_is_not_killed(board: Board) -> None:
    await board.switch.trip(HALT)
    await board.clock.advance(REST_S)
    for _ in range(3):
        board.wallets[A].error = LinkError("busy")
        await board.clock.advance(REST_S)
        board.wallets[A].error = None
        await board.clock.advance(2 * DEAF_S)
    assert not board.ended


async def test_a_wallet_that_could_not_be_killed_is_killed_again(board: Board) -> None:
    await board.clock.advance(REST_S)
    board.wallets[A].is_frozen = True
    board.end_error = LinkError("nobody answers")
    await board.switch.trip(HALT)
    await board.clock.advance(3 * (ANSWER_MAX_S + DEAF_S))
    board.end_error = None
    await board.clock.advance(3 * (ANSWER_MAX_S + DEAF_S))
    assert board.ended


async def test_without_a_halt_silence_is_the_supervisors_business(board: Board) -> None:
    await board.clock.advance(REST_S)
    board.wallets[A].is_frozen = True
    await board.clock.advance(60)
    assert not board.ended


async def test_a_successor_that_is_being_born_is_not_killed(board: Board) -> None:
    await board.clock.advance(REST_S)
    board.store.wallets[A] = WalletPlace(A, 2)
    board.wallets[A].error = LinkError("nobody there yet")
    await board.switch.trip(HALT)
    await board.clock.advance(STARTING_MAX.total_seconds() / 2)
    assert not board.ended
    board.wallets[A].error, board.wallets[A].incarnation = None, 2
    await board.clock.advance(1)
    assert board.switch.progress().complete


async def test_a_successor_that_appears_at_the_last_moment_is_not_killed(board: Board) -> None:
    board.store.wallets[A] = WalletPlace(A, 2)
    await board.switch._kill(WalletPlace(A, 1))
    assert not board.ended
    await board.switch._kill(WalletPlace(A, 2))
    assert board.ended


async def test_the_word_of_an_old_process_says_nothing_about_the_new_one(board: Board) -> None:
    board.store.wallets[A] = WalletPlace(A, 2)
    await board.clock.advance(2 * REST_S)
    await board.switch.trip(HALT)
    await board.clock.advance(REST_S)
    assert [wallet.complete for wallet in board.switch.progress().wallets] == [False, True]


async def test_what_a_wallet_answered_before_it_was_replaced_does_not_count_for_its_successor(
    board: Board,
) -> None:
    await board.switch.trip(HALT)
    await board.clock.advance(REST_S)
    assert board.switch.progress().complete
    board.store.wallets[A] = WalletPlace(A, 2)
    await board.switch._kill(WalletPlace(A, 1))  # it reads who is there, and finds another
    assert not board.switch.progress().complete


async def test_a_store_that_is_older_than_a_wallet_halts_the_fleet_above_what_the_wallet_knows(
    board: Board,
) -> None:
    board.wallets[B].generation = 7
    await board.clock.advance(2 * REST_S)
    (latch,) = board.switch.progress().latches
    assert (latch.scope, latch.level, latch.cause) == ("fleet", HaltLevel.REDUCE_ONLY, HaltCause.AMNESIA)
    assert "wallet b" in latch.reason
    assert {wallet.generation for wallet in board.wallets.values()} == {board.store.latches.generation} == {8}
    await board.switch.lift("fleet", "the store is the old one, and the account is flat")
    await board.clock.advance(2 * REST_S)
    assert {wallet.generation for wallet in board.wallets.values()} == {9}
    assert not board.switch.progress().latches


async def test_a_wallet_that_heard_of_a_halt_from_the_guard_first_is_no_sign_of_a_lost_store(
    board: Board,
) -> None:
    await board.store.set_latch(Latch("bot:ann", HaltLevel.FLATTEN, 0))
    await board.switch._remember(A, 1)
    progress = board.switch.progress()
    assert (progress.generation, [latch.scope for latch in progress.latches]) == (1, ["bot:ann"])


async def test_a_lift_of_one_generation_leaves_a_newer_latch(board: Board) -> None:
    mine = await board.switch.trip(Latch("fleet", HaltLevel.REDUCE_ONLY, 0, "drill", HaltCause.DRILL))
    await board.switch.trip(Latch("fleet", HaltLevel.FLATTEN, 0, "daily loss", HaltCause.LOSS))
    left = await board.switch.lift("fleet", "the drill is over", mine)
    assert [latch.cause for latch in left.latches] == [HaltCause.LOSS]


async def test_the_times_of_each_step_are_those_of_the_slowest_wallet(board: Board) -> None:
    board.wallets[B].pushes_left = 3
    await board.switch.trip(HALT)
    await board.clock.advance(10 * PUSH_S)
    times = board.switch.progress().times
    assert times is not None
    assert (times.generation, times.latched_s) == (1, 0.0)
    quick, slow = times.wallets[A], times.wallets[B]
    assert quick.gate_s == quick.empty_s == quick.flat_s == quick.verified_s == 0.0
    assert slow.gate_s == 0.0
    assert slow.verified_s == pytest.approx(2 * PUSH_S)
    assert times.overall == slow


async def test_a_step_that_one_wallet_has_not_done_is_not_done(board: Board) -> None:
    board.wallets[B].error = LinkError("nobody answers")
    await board.switch.trip(HALT)
    await board.clock.advance(10 * PUSH_S)
    times = board.switch.progress().times
    assert times is not None
    assert times.wallets[A].verified_s is not None
    assert times.overall.gate_s is times.overall.verified_s is None


async def test_wallets_that_cannot_be_read_leave_the_known_ones_pushed(board: Board) -> None:
    board.store.fail("load_wallets", LinkError("the store is away"))
    await board.switch.trip(HALT)
    await board.clock.advance(3 * REST_S)
    assert board.switch.progress().complete
