"""The production wallet and adapter on the simulated Hyperliquid, over real sockets, with the fault proxy between them.

What is true is read from the exchange's own ledger, never from what reached the wallet.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from actors.journal import MemoryJournal
from actors.messages import Admit
from actors.order_state import OrderState
from adapters.hyperliquid import venue
from adapters.model import ZERO, ClientOrderId, Order, OrderType, Quote, Side, Symbol
from adapters.simulators.faults.plan import Where
from adapters.simulators.hyperliquid.ledger import Deed
from adapters.simulators.hyperliquid.wire import Json
from tests.actors.builders import INSTRUMENTS, Floor, a_bot_spec
from tests.adapters.hyperliquid import grounds
from tests.adapters.hyperliquid.grounds import Ground
from tests.builders import BTC, ETH
from tests.contract.listening import listen
from tests.fakes import FaultyVenue, until

PLACES = Where(path="/exchange", containing=b'"order"')
CANCELS = Where(path="/exchange", containing=b'"cancelByCloid"')
PASSES = 4
EXPIRED_S = 2.1  # after which what was on its way has expired for certain
KINDS = {"Stop Market": OrderType.STOP, "Take Profit Market": OrderType.TAKE_PROFIT}


class HyperliquidFloor(Floor):
    """A floor whose exchange is Hyperliquid, with Ann seated. The wallet's clock stands still until it is moved."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.nemesis = ground.nemesis
        self._file = ground.folder / "main.journal"
        super().__init__(self._file, clock=ground.wall)
        self.venue = FaultyVenue(ground.venue)
        self.born()

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path) -> AsyncIterator[HyperliquidFloor]:
        """Connected by HTTP; nobody listens to the account's news yet."""
        async with grounds.opened(folder, instruments=INSTRUMENTS) as ground:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(venue, "LAG_S", 0.0)  # this exchange shows at once what it has
                floor = cls(ground)
                try:
                    await floor.open()
                    yield floor
                finally:
                    floor.journal.close()

    def move(self, quote: Quote) -> None:
        self.ground.exchange.on_market(quote)

    async def hear(self) -> None:
        """News come over the websocket, when they come."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Somebody takes the account's news in and dials again when they end, as a wallet's service does."""
        task = asyncio.create_task(listen(self.wallet, self.venue))
        try:
            await until(lambda: self.ground.venue.is_listening)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def die(self, *doing: asyncio.Task[object]) -> None:
        """SIGKILL, as far as a test can: what the wallet is doing ends, and nothing of its end is written."""
        written = self._file.read_bytes()
        for task in doing:
            task.cancel()
        await asyncio.gather(*doing, return_exceptions=True)
        self.journal.close()
        self.journal = MemoryJournal()
        self._file.write_bytes(written)

    async def be_reborn(self) -> None:
        """A successor from the journal, in a process of its own, with the same file of nonces."""
        await self.ground.restart()
        self.venue = FaultyVenue(self.ground.venue)
        self.born()
        await self.wallet.start()
        await self.wallet.renew(self.lender)
        self.show(999, 1001)
        self.wallet.admit(Admit(a_bot_spec(), 1))
        self.hello()

    async def heal(self) -> None:
        """The wire works again; time passes, and the wallet does what it does every few seconds."""
        self.nemesis.heal()
        for _ in range(PASSES):
            await self.pass_time(EXPIRED_S)

    async def pass_time(self, seconds: float) -> None:
        """Time passes in quiet markets, and the wallet looks once."""
        self.advance(seconds)
        self.show(999, 1001)
        self.show(99, 101, symbol=ETH)
        await self.wallet.look_again()
        await self.wallet.recount()
        await self.pass_()

    # ── what the exchange's ledger says ──────────────────────────────────────────────────────────────────────────

    def accepted(self) -> Counter[ClientOrderId]:
        """How often the exchange took an order of each id."""
        return Counter(map(_id, self._entries(Deed.ACCEPTED)))

    def traded(self) -> Counter[ClientOrderId]:
        """What each order has traded; base."""
        sizes: Counter[ClientOrderId] = Counter()
        for fill in self._entries(Deed.FILLED):
            sizes[_id(fill)] += Decimal(fill["sz"])  # type: ignore[assignment]  # sums of any numbers
        return sizes

    def at_venue(self, symbol: Symbol = BTC) -> Decimal:
        fills = (fill for fill in self._entries(Deed.FILLED) if fill["coin"] == symbol)
        return sum((Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1) for fill in fills), ZERO)

    def resting(self, kind: OrderType | None = None, symbol: Symbol | None = BTC) -> list[Order]:
        ended = {entry["oid"] for entry in self._entries(Deed.ENDED)}
        lines = (line for line in self._entries(Deed.ACCEPTED) if line["oid"] not in ended)
        orders = (_order(line) for line in lines)
        return [order for order in orders if symbol in (None, order.symbol) and kind in (None, order.type)]

    def requests(self, where: Where = PLACES) -> int:
        """How many requests of a kind have left the wallet."""
        return sum(where.holds(passage.message) for passage in self.nemesis.passages)

    def assert_agreed(self) -> None:
        """The wallet's ledger is the exchange's, to the last decimal, and no order was taken twice."""
        ledger, traded, accepted = self.wallet.ledger, self.traded(), self.accepted()
        for symbol in (BTC, ETH):
            books = sum((book.size for (_, of), book in ledger.books.items() if of == symbol), ZERO)
            assert books == ledger.net(symbol) == self.at_venue(symbol), symbol
        assert {order.order.id for order in ledger.live()} == {
            order.id for order in self.resting(symbol=None)
        }
        assert not [order for order in ledger.live() if order.state is not OrderState.OPEN]
        assert set(accepted.values()) <= {1}
        assert accepted.keys() <= ledger.orders.keys(), "an order from nowhere"
        assert {order_id: order.filled for order_id, order in ledger.orders.items() if order.filled} == traded
        assert all(size <= ledger.orders[order_id].order.size for order_id, size in traded.items())

    def assert_protected(self, size: str) -> None:
        """So much is held, with one stop and one target for exactly that, at the exchange."""
        assert self.at_venue() == self.held() == Decimal(size)
        assert [order.size for order in self.resting(OrderType.STOP)] == [Decimal(size)]
        assert [order.size for order in self.resting(OrderType.TAKE_PROFIT)] == [Decimal(size)]
        assert {order.trigger for order in self.resting() if order.type.is_trigger} == {900, 1200}

    def _entries(self, deed: Deed) -> Iterator[Json]:
        return (entry.data for entry in self.ground.exchange.ledger.after(0) if entry.deed is deed)


def _id(line: Json) -> ClientOrderId:
    return ClientOrderId(line["cloid"].removeprefix("0x"))


def _order(line: Json) -> Order:
    kind = KINDS.get(line["orderType"], OrderType.LIMIT)
    return Order(
        id=_id(line),
        symbol=Symbol(line["coin"]),
        side=Side.BUY if line["side"] == "B" else Side.SELL,
        size=Decimal(line["origSz"]),
        type=kind,
        price=None if kind.is_trigger else Decimal(line["limitPx"]),
        trigger=Decimal(line["triggerPx"]) if kind.is_trigger else None,
        reduce_only=line["reduceOnly"],
    )
