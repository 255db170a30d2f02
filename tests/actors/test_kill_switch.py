"""A latch is a level: on disk first, pushed until the venue shows that it holds, lifted by an operator only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.kill_switch import PUSH_S, REST_S, KillSwitch
from actors.ledger_events import Latch
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
    """A wallet that needs some pushes until it is done."""

    def __init__(self, name: WalletId, pushes: int = 1) -> None:
        self.name = name
        self.heard: list[Engage] = []
        self.pushes_left = pushes
        self.error: Exception | None = None

    async def engage(self, engage: Engage, *, timeout_s: float) -> Engaged:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.heard.append(engage)
        self.pushes_left -= 1
        return Engaged(self.name, engage.generation, self.pushes_left < 1, 0, 0, 0)


class Board:
    """A kill switch over a store, with two wallets."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), HandClock(NOW)
        self.wallets = {name: Haltable(name) for name in (A, B)}
        self.store.wallets = {name: WalletPlace(name, 1) for name in (A, B)}
        self.switch: KillSwitch
        self._running: list[asyncio.Task[None]] = []

    async def reach(self, place: WalletPlace) -> Haltable:
        return self.wallets[place.wallet]

    async def begin(self) -> KillSwitch:
        self.switch = KillSwitch(store=self.store, reach=self.reach, clock=self.clock)
        await self.switch.start()
        self._running.append(asyncio.create_task(self.switch.run()))
        await settle()
        return self.switch

    async def end(self) -> None:
        for task in [*self._running, *self.switch._pushing.values()]:
            task.cancel()
        await asyncio.gather(*self._running, *self.switch._pushing.values(), return_exceptions=True)


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
    board.switch = KillSwitch(store=board.store, reach=board.reach, clock=board.clock)
    await board.switch.start()
    progress = board.switch.progress()
    assert not progress.complete
    assert [answer.wallet for answer in progress.wallets] == [A, B]


async def test_a_wallet_that_appears_later_gets_the_latch(board: Board) -> None:
    await board.switch.trip(HALT)
    late = WalletId("late")
    board.wallets[late] = Haltable(late)
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


async def test_wallets_that_cannot_be_read_leave_the_known_ones_pushed(board: Board) -> None:
    board.store.fail("load_wallets", LinkError("the store is away"))
    await board.switch.trip(HALT)
    await board.clock.advance(3 * REST_S)
    assert board.switch.progress().complete
