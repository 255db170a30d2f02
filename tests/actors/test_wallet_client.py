"""Bots, kill switch and supervisor at a wallet, over a real socket: connections break, words stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.messages import (
    WALLET_LINK,
    Admit,
    Engage,
    Hello,
    OutcomeKind,
    Retire,
    Submit,
)
from actors.wallet_client import WalletClient
from actors.wallet_session import WalletSession
from adapters.clock import VirtualClock
from adapters.errors import Fenced, LinkError
from adapters.link import Caller, Peer, Server
from config.spec import ExitMode, HaltLevel
from tests.actors.builders import ANN, BEN, Floor, a_bot_spec, a_close, a_quote_intent, an_open, intended_id
from tests.builders import BTC
from tests.fakes import Hold, until


class Wire:
    """A wallet behind a socket."""

    def __init__(self, folder: Path) -> None:
        self.floor = Floor(folder / "main.journal")
        self.clock: VirtualClock = self.floor.clock  # type: ignore[assignment]  # the floor's own
        self.path = folder / "main.sock"
        self.sessions: list[WalletSession] = []
        self.server: Server | None = None
        self.dialled = 0
        self.client = WalletClient(self.dial, self.clock)

    async def dial(self) -> Caller:
        self.dialled += 1
        return await Peer.dial(self.path, WALLET_LINK, self.clock)

    async def serve(self) -> None:
        self.server = Server(
            self.path, WALLET_LINK, self.clock, lambda notify: WalletSession(self.floor.wallet, notify)
        )
        await self.server.start()

    async def hang_up(self) -> None:
        assert self.server is not None
        await self.server.aclose()


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    wire = Wire(tmp_path)
    await wire.serve()
    await wire.floor.open(hello=False)
    yield wire
    await wire.client.aclose()
    await wire.hang_up()


HELLO = Hello(ANN, 1, ("ema_12",), 60.0)


async def test_a_bot_looks_and_trades_over_the_wire(wire: Wire) -> None:
    welcome = await wire.client.hello(HELLO)
    assert (welcome.wallet, welcome.incarnation) == ("main", 1)
    assert BTC in welcome.instruments
    (outcome,) = await wire.client.submit(Submit(ANN, 1, (), (an_open(),)))
    assert outcome.kind is OutcomeKind.PLACED
    sight = await wire.client.observe()
    assert sight.positions[BTC].size == 1
    assert sight == wire.floor.look()


async def test_an_old_epoch_is_fenced_over_the_wire(wire: Wire) -> None:
    wire.floor.wallet.admit(Admit(a_bot_spec(), 2))
    with pytest.raises(Fenced):
        await wire.client.hello(HELLO)


async def test_changes_are_told(wire: Wire) -> None:
    await wire.client.hello(HELLO)
    wire.client.changed.clear()
    await wire.floor.submit(a_quote_intent())
    await asyncio.wait_for(wire.client.changed.wait(), 5)


async def test_on_a_new_connection_it_says_hello_before_anything_else(wire: Wire) -> None:
    await wire.client.hello(HELLO)
    await wire.hang_up()
    wire.floor.born()
    await wire.floor.open(hello=False)
    await wire.serve()
    await asyncio.wait_for(wire.client.changed.wait(), 5)
    assert (await wire.client.observe()).markets
    seat = wire.floor.wallet.seats[ANN]
    assert seat.notify is not None
    assert seat.watch is not None
    assert seat.watch.indicators == ("ema_12",)
    wire.client.changed.clear()
    await wire.floor.submit(a_quote_intent())
    await asyncio.wait_for(wire.client.changed.wait(), 5)


async def test_a_new_connection_on_which_it_is_not_let_in_is_given_up(wire: Wire) -> None:
    await wire.client.hello(HELLO)
    await wire.hang_up()
    wire.floor.born()
    await wire.serve()
    await wire.floor.wallet.start()
    for _ in range(2):
        with pytest.raises(LinkError, match=r"not seated yet|broke"):
            await wire.client.observe()
    wire.floor.wallet.admit(Admit(a_bot_spec(), 1))
    assert await wire.client.observe()
    assert wire.floor.wallet.seats[ANN].notify is not None


async def test_a_batch_whose_answer_is_lost_is_sent_again_and_placed_once(wire: Wire) -> None:
    await wire.client.hello(HELLO)
    hold = Hold()
    wire.floor.venue.script("place", hold)
    submitting = asyncio.create_task(wire.client.submit(Submit(ANN, 1, (), (a_quote_intent(1),))))
    await until(lambda: bool(wire.floor.venue.asked("place")))
    await wire.hang_up()
    await wire.serve()
    (outcome,) = await asyncio.wait_for(submitting, 5)
    assert outcome.id == intended_id(1)
    assert outcome.kind in (OutcomeKind.UNKNOWN, OutcomeKind.REJECTED), "it was cut off while being sent"
    hold.gate.set()
    await wire.floor.pass_()
    entries = [order for order in wire.floor.venue.asked("place") if order.id == intended_id(1)]
    assert len(entries) == 1
    assert not wire.floor.resting()


async def test_who_cannot_reach_the_wallet_is_told_after_some_tries(wire: Wire) -> None:
    await wire.client.hello(HELLO)
    await wire.hang_up()
    began = wire.clock.monotonic()
    with pytest.raises(LinkError):
        await wire.client.submit(Submit(ANN, 1, (), (an_open(),)))
    assert 1 < wire.clock.monotonic() - began < 5
    await wire.serve()


async def test_callers_at_once_share_one_connection(wire: Wire) -> None:
    reports = await asyncio.gather(*(wire.client.report() for _ in range(5)))
    assert {report.wallet for report in reports} == {"main"}
    assert wire.dialled == 1


async def test_the_supervisor_and_the_kill_switch_speak_the_same_language(wire: Wire) -> None:
    await wire.client.admit(Admit(a_bot_spec(), 2))
    with pytest.raises(Fenced, match="over"):
        await wire.client.admit(Admit(a_bot_spec(), 1))
    halts = Engage((), 1)
    assert (await wire.client.engage(halts, timeout_s=5)).complete
    retired = await wire.client.retire(Retire(ANN, ExitMode.FLATTEN))
    assert retired.done
    report = await wire.client.report()
    assert (report.ready, report.incarnation, report.halt) == (True, 1, None)
    assert HaltLevel.FLATTEN.rank == 3


async def test_what_a_look_tells_beside_the_books_comes_over_the_wire(wire: Wire) -> None:
    welcome = await wire.client.hello(Hello(ANN, 1))
    assert welcome.limits == wire.floor.spec.limits
    (outcome,) = await wire.client.submit(Submit(ANN, 1, (), (an_open(leverage=99),)))
    assert outcome.context, "what the review saw"
    await wire.client.submit(Submit(ANN, 1, (), (an_open(1), a_close(2))))
    (trip,) = await wire.client.trips(ANN)
    assert trip.pnl_usd < 0
    assert await wire.client.trips(BEN) == ()
    wire.clock.advance(3)
    seen = await wire.client.observe()
    assert seen.markets == {}
    assert set(seen.absent) == {"market BTC", "market ETH"}
    assert seen.gate == wire.floor.look().gate


async def test_a_bot_that_hung_up_gets_no_more_notices(wire: Wire) -> None:
    await wire.client.hello(HELLO)
    assert wire.floor.wallet.seats[ANN].notify is not None
    await wire.client.aclose()
    await until(lambda: wire.floor.wallet.seats[ANN].notify is None)
    await wire.floor.submit(a_quote_intent())
