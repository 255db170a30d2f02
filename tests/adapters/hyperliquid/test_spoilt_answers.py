"""Answers that are spoilt in every way: nothing but ``VenueError`` comes of them, nothing known is lost, and no order
goes out that nobody asked for. Ten thousand and more in a run.

A spoilt answer is read, ignored, or an error. One that was read may have been a false word in a right form, which
nobody can tell from a true one; then less is asked of what follows: that every order and fill of the exchange is still
found, and not that nothing else is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapters.errors import Disposition, Temporary, VenueError
from adapters.hyperliquid import stream, user_stream
from adapters.hyperliquid.client import PublicClient
from adapters.hyperliquid.feed import LISTING_AGE_MAX_S, HyperliquidFeed
from adapters.hyperliquid.questions import COUNT_AGE_MAX_S
from adapters.model import (
    Book,
    ClientOrderId,
    Fill,
    Level,
    MarketEvent,
    Order,
    OrderStatus,
    OrderType,
    Quote,
    Side,
    Trade,
)
from adapters.simulators.hyperliquid.ledger import Deed
from tests.adapters.hyperliquid.spoiling import (
    NETWORK,
    Harm,
    NearGround,
    NearSocket,
    Recordings,
    Spoil,
    is_news,
    recordings,
    spoils,
)
from tests.builders import BTC
from tests.fakes import settle

LONG = timedelta(hours=1)
VERBS = (
    "instruments",
    "account",
    "positions",
    "open_orders",
    "fills",
    "order",
    "rest",
    "trade",
    "cancel",
    "move",
)
QUIET = settings(
    phases=[Phase.generate],
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class Step:
    """Something is asked, and one of the answers is spoilt."""

    verb: str
    passes: int  # answers that are whole before
    changes: Sequence[Spoil]
    pick: int | None  # which recorded answer comes instead, where there are any


def steps(picks: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[Step]]:
    step = st.builds(Step, st.sampled_from(VERBS), st.integers(0, 1), spoils, picks)
    return st.lists(step, min_size=10, max_size=10)


told_here = steps(st.none())
told_elsewhere = steps(st.integers(0, 20))


@dataclass(slots=True)
class Owner:
    """Does what a wallet would, and remembers what it knows."""

    ground: NearGround
    asked: list[Order] = field(default_factory=list)
    cursor: int = 0
    taken: list[Fill] = field(default_factory=list)
    is_misled: bool = False  # perhaps

    def an_order(self, **changes: Any) -> Order:
        number = len(self.asked) + 1
        base: dict[str, Any] = {
            "id": ClientOrderId(f"{number:032x}"),
            "symbol": BTC,
            "side": Side.BUY,
            "size": Decimal(1),
            "price": Decimal(980),
            "expires_at": self.ground.clock.now() + LONG,
        }
        self.asked.append(Order(**{**base, **changes}))
        return self.asked[-1]

    async def do(self, verb: str) -> None:
        venue = self.ground.venue
        deeds: dict[str, Callable[[], Awaitable[Any] | None]] = {
            "instruments": venue.instruments,
            "account": venue.account,
            "positions": venue.positions,
            "open_orders": venue.open_orders,
            "fills": self.take_fills,
            "order": lambda: venue.order(self.asked[-1].id),
            "rest": lambda: venue.place(self.an_order()),
            "trade": lambda: venue.place(self.an_order(type=OrderType.MARKET, price=None)),
            "move": self.fill_what_rests,
            "cancel": lambda: venue.cancel(self.asked[-1].id),
        }
        if (doing := deeds[verb]()) is not None:
            await doing

    async def listen(self) -> None:
        while True:
            with suppress(VenueError):
                async for _ in self.ground.venue.events():
                    pass
            await asyncio.sleep(0)

    def fill_what_rests(self) -> None:
        self.ground.show("975", "979")
        self.ground.show()

    async def take_fills(self) -> None:
        while page := await self.ground.venue.fills_since(self.cursor):
            assert page[0].follows(self.cursor)
            assert all(fill.sequence > self.cursor for fill in page)
            self.taken += page
            self.cursor = page[-1].sequence

    async def answer_to(self, verb: str) -> Disposition | None:
        """What to do about the error, where it is one."""
        try:
            await self.do(verb)
        except VenueError as error:
            return error.disposition
        return None

    async def suffer(self, step: Step) -> None:
        """One step under harm."""
        harm, bites, before = self.ground.harm, self.ground.harm.bites, self.accepted()
        harm.arm(step.changes, step.passes, step.pick)
        known = len(self.asked)
        said = await self.answer_to(step.verb)
        is_seen = said in (Disposition.RESOLVE, Disposition.RETRY)
        assert is_seen or said is None or not self.accepted() - before, "taken back, and the exchange has it"
        await settle()
        if harm.bites > bites and harm.bitten is not None:
            is_heard = isinstance(harm.bitten, NearSocket) and harm.said.startswith(b"{")
            assert not is_heard or harm.bitten.closed or is_news(harm.said), "it listens on after a gap"
            is_seen |= harm.bitten.closed  # a connection is given up with the first word that makes no sense
            self.is_misled |= not is_seen
        harm.heal()
        assert (self.accepted() - before).keys() <= {order.id for order in self.asked[known:]}
        if not self.is_misled:  # the next good answer is a good answer
            resting = await self.ground.venue.open_orders()
            assert {report.order.id for report in resting} == self.resting()

    async def recover(self) -> None:
        """Everything is asked again, and is as the exchange has it."""
        venue = self.ground.venue
        self.ground.clock.advance(COUNT_AGE_MAX_S + 1)  # what is known longer than that is asked for again
        await venue.instruments()
        account = await venue.account()
        for _ in range(3):
            try:
                await self.take_fills()
                break
            except Temporary:
                assert self.is_misled, "fills that were reported are there"
        resting = {report.order.id: report for report in await venue.open_orders()}
        assert resting.keys() == self.resting()
        ids = {f"{line['time']}-{line['oid']}-{line['tid']}" for line in self.entries(Deed.FILLED)}
        assert ids <= {fill.id for fill in self.taken}, "a fill is lost"
        taken = Counter((fill.order_id, fill.price, fill.size) for fill in self.taken)
        true = Counter(
            (_id(line), Decimal(line["px"]), Decimal(line["sz"])) for line in self.entries(Deed.FILLED)
        )
        accepted = self.accepted()
        for order_id in accepted:
            is_open = (await venue.order(order_id)).status is OrderStatus.OPEN
            assert is_open == (order_id in resting)
        if not self.is_misled:
            assert taken == true
            assert all(resting[order.id].order == order for order in self.asked if order.id in resting)
            held = sum(fill.size * fill.side.sign for fill in self.taken)
            assert sum(position.size for position in await venue.positions()) == held
            assert self.ground.clock.now() - account.at < timedelta(seconds=1)
        assert set(accepted.values()) <= {1}
        fresh = self.an_order(side=Side.BUY, price=Decimal(970))
        assert (await venue.place(fresh)).status is OrderStatus.OPEN
        assert (await venue.cancel(fresh.id)).status is OrderStatus.CANCELLED
        for order in self.asked:  # the same orders again are the same orders
            if order.id in accepted or not self.is_misled:
                await venue.place(order)
        assert self.accepted().keys() <= {order.id for order in self.asked}
        assert set(self.accepted().values()) <= {1}

    def entries(self, deed: Deed) -> list[dict[str, Any]]:
        return [entry.data for entry in self.ground.exchange.ledger.after(0) if entry.deed is deed]

    def accepted(self) -> Counter[ClientOrderId]:
        return Counter(map(_id, self.entries(Deed.ACCEPTED)))

    def resting(self) -> set[ClientOrderId]:
        return set(self.accepted()) - set(map(_id, self.entries(Deed.ENDED)))


def _id(line: dict[str, Any]) -> ClientOrderId:
    return ClientOrderId(line["cloid"].removeprefix("0x"))


async def suffer_all(told: Sequence[Step], recorded: Recordings, *, is_listening: bool) -> int:
    """An account with an order that rests and one that traded meets these steps; how many answers were spoilt."""
    with TemporaryDirectory() as folder:
        ground = NearGround(Path(folder), Harm(recorded))
        owner = Owner(ground)
        listening = asyncio.create_task(owner.listen()) if is_listening else None
        try:
            await owner.do("rest")
            await owner.do("trade")
            await owner.take_fills()
            for step in told:
                await owner.suffer(step)
            await settle()
            assert ground.venue.is_listening is is_listening
            await owner.recover()
        finally:
            if listening is not None:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
            await ground.aclose()
        return ground.harm.bites


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer on the websocket is lost, nobody waits long for it."""
    monkeypatch.setattr(stream, "ANSWER_MAX_S", 0.05)
    monkeypatch.setattr(user_stream, "FILLS_WAIT_S", 0.02)


def count(live: Callable[[Sequence[Step]], Coroutine[Any, Any, int]], lives: int, told: Any) -> int:
    """Live so many lives; how many answers were spoilt in all."""
    bites = 0

    @settings(QUIET, max_examples=lives)
    @given(told)
    def lived(steps: Sequence[Step]) -> None:
        nonlocal bites
        bites += asyncio.run(live(steps))

    lived()
    return bites


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("is_listening", "lives", "least"), [(False, 250, 1_000), (True, 150, 600)])
def test_an_account_whose_answers_are_spoilt_loses_nothing_and_sends_nothing_by_itself(
    *, is_listening: bool, lives: int, least: int
) -> None:
    live = partial(suffer_all, recorded={}, is_listening=is_listening)
    assert count(live, lives, told_here) >= least


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("is_listening", "lives", "least"), [(False, 200, 800), (True, 120, 500)])
def test_what_somebody_else_was_answered_whole_or_spoilt_does_no_harm_either(
    shared_data: Path, *, is_listening: bool, lives: int, least: int
) -> None:
    recorded = recordings(shared_data / "payloads" / "hyperliquid")
    live = partial(suffer_all, recorded=recorded, is_listening=is_listening)
    assert count(live, lives, told_elsewhere) >= least


@dataclass(slots=True)
class Reader:
    """Listens to a market, and dials again when that ends."""

    ground: NearGround
    heard: list[MarketEvent] = field(default_factory=list)

    async def listen(self) -> None:
        ground = self.ground
        client = ground.near(PublicClient(NETWORK, ground.budget(), ground.clock))
        feed = HyperliquidFeed(client, [BTC], ground.clock, past=LONG)
        while True:
            with suppress(VenueError):
                async with aclosing(feed.events()) as events:  # type: ignore[type-var]
                    async for event in events:
                        self.heard.append(event)
            await asyncio.sleep(0)

    def move(self, number: int) -> None:
        """Something happens on the market."""
        at, middle = self.ground.clock.now(), 1000 + number
        best = Level(Decimal(middle - 1), Decimal(3)), Level(Decimal(middle + 1), Decimal(4))
        if number % 3 == 0:
            self.ground.show(str(middle - 1), str(middle + 1))
        elif number % 3 == 1:
            self.ground.move(Trade(symbol=BTC, price=Decimal(middle), size=Decimal(2), side=Side.SELL, at=at))
        else:
            self.ground.move(Book(symbol=BTC, bids=(best[0],), asks=(best[1],), at=at))
        self.ground.clock.advance(7)


async def read_on(told: Sequence[Step], recorded: Recordings) -> int:
    """A market of which these are told; how many words were spoilt."""
    with TemporaryDirectory() as folder:
        ground = NearGround(Path(folder), Harm(recorded))
        reader = Reader(ground)
        for number in range(12):
            reader.move(number)
        ground.harm.arm(told[0].changes, told[0].passes, told[0].pick)
        listening = asyncio.create_task(reader.listen())
        await settle()
        for number, step in enumerate(told[1:]):
            ground.harm.arm(step.changes, step.passes, step.pick)
            reader.move(number)
            await settle()
        ground.harm.heal()
        ground.clock.advance(LISTING_AGE_MAX_S + 1)
        assert ground.socket is not None
        await ground.socket.close()
        await settle()
        ground.show("1041", "1043")
        await settle()
        is_heard = any(isinstance(event, Quote) and event.bid == 1041 for event in reader.heard)
        assert not listening.done(), listening
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await ground.aclose()
        assert is_heard
        return ground.harm.bites


@pytest.mark.parametrize("is_recorded", [False, True])
def test_a_market_of_which_is_told_in_spoilt_words_is_heard_again_on_the_next_connection(
    shared_data: Path, *, is_recorded: bool
) -> None:
    recorded = recordings(shared_data / "payloads" / "hyperliquid") if is_recorded else {}
    live = partial(read_on, recorded=recorded)
    assert count(live, 120, told_elsewhere if is_recorded else told_here) >= 500
