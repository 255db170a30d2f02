"""Every place at which a wallet can die around its journal, one after another: none is left out, none is drawn.

A scripted day (opens, a partial fill, quotes, stops that move, closes, a compaction) is run once to count the appends,
compactions and venue calls. Then it is run again for each of them and each way to die there. A successor takes over
what is on the disk, the bot repeats everything it had asked for under the same identities, and the venue's ledger is
the judge.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import pytest

import actors.journal
from actors.journal import LogJournal
from actors.ledger import replayed
from actors.messages import Admit
from actors.order_state import OrderState
from actors.wallet import Wallet
from adapters.model import (
    ZERO,
    Account,
    ClientOrderId,
    Fill,
    Instrument,
    Order,
    OrderReport,
    OrderType,
    Position,
    Symbol,
)
from adapters.paper.venue import PaperVenue
from adapters.venue import Fence
from risk.intent import Intent
from tests.actors.builders import ANN, BEN, MAIN, Floor, a_bot_spec, a_close, a_quote_intent, an_open, dec
from tests.actors.test_ledger import state_of
from tests.builders import BTC

T = TypeVar("T")
COMPACT_AFTER = 14  # so that the day has compactions


class Killed(BaseException):
    """SIGKILL."""


class Moment(StrEnum):
    """Where in a step the process dies."""

    BEFORE_APPEND = "before append"
    TORN = "torn"
    BEFORE_SYNC = "after append, before sync"
    AFTER_SYNC = "after sync, before what follows"
    BEFORE_SEND = "before send"
    BEFORE_REPLY = "after send, before reply"
    AFTER_REPLY = "after reply"
    BEFORE_PREPARE = "compaction: before"
    PREPARED = "compaction: new file written"
    SWAPPED = "compaction: new file in place"


APPENDS = (Moment.BEFORE_APPEND, Moment.TORN, Moment.BEFORE_SYNC, Moment.AFTER_SYNC)
CALLS = (Moment.BEFORE_SEND, Moment.BEFORE_REPLY, Moment.AFTER_REPLY)
COMPACTIONS = (Moment.BEFORE_PREPARE, Moment.PREPARED, Moment.SWAPPED)


@dataclass(frozen=True, slots=True)
class Point:
    """The n-th time that the moment comes; ``bytes_left`` of a torn append reach the disk."""

    moment: Moment
    number: int
    bytes_left: int = 0


@dataclass(slots=True)
class Machine:
    """The disk, which outlives a process, and the reaper."""

    point: Point | None = None
    data: bytearray = field(default_factory=bytearray)
    synced: int = 0
    is_dead: bool = False
    passed: Counter[Moment] = field(default_factory=Counter)
    sizes: list[int] = field(default_factory=list)  # of every append

    def reach(self, moment: Moment) -> None:
        """Die here if it is the point; a dead process does nothing more."""
        if self.is_dead:
            raise Killed
        self.passed[moment] += 1
        if self.point and (self.point.moment, self.point.number) == (moment, self.passed[moment]):
            self.is_dead = True
            raise Killed


class CrashingLog:
    """Implements ``LogFile`` on the machine's disk."""

    name = "main.journal"

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._fresh = b""

    def read(self) -> bytes:
        return bytes(self._machine.data)

    def cut(self, size: int) -> None:
        del self._machine.data[size:]

    def append(self, data: bytes) -> None:
        machine = self._machine
        machine.reach(Moment.BEFORE_APPEND)
        machine.sizes.append(len(data))
        try:
            machine.reach(Moment.TORN)
        except Killed:
            if machine.point:
                machine.data += data[: machine.point.bytes_left]
            raise
        machine.data += data
        machine.reach(Moment.BEFORE_SYNC)

    def sync(self) -> None:
        self._machine.reach(Moment.AFTER_SYNC)

    def prepare(self, data: bytes) -> None:
        self._machine.reach(Moment.BEFORE_PREPARE)
        self._fresh = data
        self._machine.reach(Moment.PREPARED)

    def swap(self) -> None:
        self._machine.data[:] = self._fresh
        self._machine.reach(Moment.SWAPPED)

    def close(self) -> None:
        """The next process has a file of its own."""


class CrashingVenue:
    """A venue on whose way the process can die."""

    fence = Fence.EXPIRY

    def __init__(self, venue: PaperVenue, machine: Machine) -> None:
        self._venue = venue
        self._machine = machine

    async def place(self, order: Order) -> OrderReport:
        return await self._ask(lambda: self._venue.place(order))

    async def cancel(self, order_id: ClientOrderId) -> OrderReport:
        return await self._ask(lambda: self._venue.cancel(order_id))

    async def order(self, order_id: ClientOrderId) -> OrderReport:
        return await self._alive(lambda: self._venue.order(order_id))

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        return await self._alive(self._venue.instruments)

    async def open_orders(self) -> Sequence[OrderReport]:
        return await self._alive(self._venue.open_orders)

    async def positions(self) -> Sequence[Position]:
        return await self._alive(self._venue.positions)

    async def account(self) -> Account:
        return await self._alive(self._venue.account)

    async def fills_since(self, sequence: int) -> Sequence[Fill]:
        return await self._alive(lambda: self._venue.fills_since(sequence))

    def events(self) -> Any:
        return self._venue.events()

    async def aclose(self) -> None: ...

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        self._machine.reach(Moment.BEFORE_SEND)
        answer = await call()
        self._machine.reach(Moment.BEFORE_REPLY)
        self._machine.reach(Moment.AFTER_REPLY)
        return answer

    async def _alive(self, call: Callable[[], Awaitable[T]]) -> T:
        if self._machine.is_dead:
            raise Killed
        return await call()


class Day(Floor):
    """A floor whose wallet writes to the machine's disk."""

    def __init__(self, point: Point | None) -> None:
        self.machine = Machine(point)
        super().__init__()

    def born(self) -> Wallet:
        self.incarnation += 1
        self.machine.is_dead, self.machine.point = (
            False,
            self.machine.point if self.incarnation == 1 else None,
        )
        journal = LogJournal(CrashingLog(self.machine), sync=True)
        ledger = replayed(journal.events)
        self.wallet = Wallet(
            self.spec,
            self.incarnation,
            venue=CrashingVenue(PaperVenue(self.exchange, MAIN), self.machine),
            journal=journal,
            ledger=ledger,
            clock=self.clock,
        )
        return self.wallet

    async def live(self) -> None:
        """The script."""
        await self.open(a_bot_spec(), a_bot_spec(BEN))
        for intent in WISHES:
            await self.submit(intent, bot=intent.bot)
            await self.pass_()
        self.show(989, 991)
        await self.pass_()
        self.show(1009, 1011)
        await self.submit(a_close(80, "0.7"), cancels=[WISHES[1].id])
        await self.pass_()

    async def take_over(self) -> None:
        """A successor on the same disk; the bots ask for everything again, under the same identities."""
        self.born()
        self.show(1009, 1011)
        await self.wallet.start()
        self.lender.sequence += 100
        await self.wallet.renew(self.lender)
        for bot in (ANN, BEN):
            self.wallet.admit(Admit(a_bot_spec(bot), 1))
            self.hello(bot)
        for intent in (*WISHES, a_close(80, "0.7")):
            await self.submit(intent, bot=intent.bot)
        for _ in range(8):
            self.advance(1.0)
            self.show(1009, 1011)
            await self.wallet.refresh_account()
            await self.pass_()
            await self.wallet.recount()


WISHES: tuple[Intent, ...] = (
    an_open(0, "2"),
    a_quote_intent(1, "985"),
    an_open(2, "1", bot=BEN, stop_loss=dec(890)),
    a_quote_intent(3, "990", "0.5", bot=BEN),
    a_close(4, "0.4"),
    an_open(5, "0.6", price=dec(1001), stop_loss=dec(910)),
)


def judge(day: Day) -> None:
    """By the venue's own ledger."""
    wallet, exchange = day.wallet, day.exchange
    for intent in (*WISHES, a_close(80, "0.7")):
        order = wallet.ledger.orders.get(intent.id)
        assert order is None or order.filled <= intent.size, "more was traded than was wished for"
    fills = exchange.fills_since(MAIN, 0)
    assert len({fill.id for fill in fills}) == len(fills)
    assert {fill.order_id for fill in fills} <= wallet.ledger.orders.keys(), "an order from nowhere"
    assert not [order for order in wallet.ledger.live() if order.state is not OrderState.OPEN]
    at_venue = {report.order.id for report in exchange.open_orders(MAIN)}
    assert at_venue == {order.order.id for order in wallet.ledger.live()}
    assert day.at_venue() == wallet.ledger.net(BTC) == day.held(ANN) + day.held(BEN)
    stops: Counter[str] = Counter()
    for report in exchange.open_orders(MAIN):
        if report.order.type is OrderType.STOP:
            stops[wallet.ledger.owner_of(report.order.id)] += 1
            assert report.order.size == abs(day.held(wallet.ledger.owner_of(report.order.id)))
    assert stops == {bot: 1 for bot in (ANN, BEN) if day.held(bot) != ZERO}
    written = LogJournal(CrashingLog(Machine(data=day.machine.data)), sync=True).events
    assert state_of(replayed(written)) == state_of(wallet.ledger), "what is on disk is not what is in memory"
    twice = replayed([*written, *written[1:]]) if len(written) > 1 else replayed(written)
    assert twice.net(BTC) == wallet.ledger.net(BTC), "a record read twice counts once"


async def run(point: Point | None) -> Day:
    day = Day(point)
    if point is None:
        await day.live()
        return day
    with pytest.raises(Killed):
        await day.live()
    for _ in range(20):
        await asyncio.sleep(0)  # what it had begun side by side dies too
    return day


@pytest.fixture(autouse=True)
def short_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actors.journal, "COMPACT_AFTER", COMPACT_AFTER)


def points(machine: Machine) -> Iterator[Point]:
    """Every place at which the day's process can die; of a torn append every byte of the last, and three of others."""
    for moment in (*APPENDS, *CALLS, *COMPACTIONS):
        for number in range(1, machine.passed[moment] + 1):
            if moment is not Moment.TORN:
                yield Point(moment, number)
                continue
            size = machine.sizes[number - 1]
            is_last = number == machine.passed[moment]
            yield from (
                Point(moment, number, left) for left in (range(size) if is_last else (1, size // 2, size - 1))
            )


async def test_the_day_goes_well_when_nobody_dies() -> None:
    day = await run(None)
    assert all(day.machine.passed[moment] for moment in Moment)
    assert day.held(ANN) > 0
    assert day.held(BEN) > 0
    await day.take_over()
    judge(day)


async def test_wherever_it_dies_a_successor_finds_the_truth() -> None:
    whole = (await run(None)).machine
    tried: Counter[Moment] = Counter()
    for point in points(whole):
        day = await run(point)
        try:
            await day.take_over()
            judge(day)
        except AssertionError as error:
            raise AssertionError(f"{point}: {error}") from error
        tried[point.moment] += 1
    assert tried.total() >= 200
    assert set(tried) == set(Moment)
