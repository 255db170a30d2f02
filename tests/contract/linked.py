"""The production wallet, its paper client and the paper exchange, with the fault proxy between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from actors.order_state import OrderState
from adapters.clock import SystemClock, VirtualClock
from adapters.link import Caller, Peer, Server
from adapters.model import ClientOrderId, Fill, OrderReport, OrderStatus
from adapters.paper.client import PaperClient
from adapters.paper.service import PaperService
from adapters.paper.wire import PAPER_LINK
from adapters.simulators.faults.link_proxy import LinkProxy
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import Plan
from adapters.venue import UserEvent
from tests.actors.builders import Floor
from tests.builders import BTC, ETH, NOW
from tests.contract.listening import listen
from tests.fakes import FaultyVenue, until

PASSES = 8
PASS_APART_S = 10.0


class LinkedFloor(Floor):
    """A floor on which the wallet reaches the exchange over real sockets only."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.hands = VirtualClock(NOW)
        super().__init__(clock=self.hands)
        self.told: list[UserEvent] = []  # what the exchange itself says, whatever reaches the wallet
        self.exchange.subscribe("main", self.told.append)
        self.nemesis = Nemesis(Plan(), Random(seed))
        venue, proxy = folder / "venue.sock", folder / "proxy.sock"
        service = PaperService(self.exchange, self.hands, timedelta(0))
        self._server = Server(venue, PAPER_LINK, self.hands, service.open_session)
        self._proxy = LinkProxy(proxy, venue, self.nemesis, SystemClock())

        async def dial() -> Caller:
            return await Peer.dial(proxy, PAPER_LINK, self.hands)

        self.venue = FaultyVenue(PaperClient(dial, "main", Decimal(0)))
        self.born()

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, seed: int = 0) -> AsyncIterator[LinkedFloor]:
        """Connected, with Ann seated, and somebody who listens to the venue's news."""
        floor = cls(folder, seed)
        await floor._server.start()
        await floor._proxy.start()
        await floor.open()
        listening = asyncio.create_task(listen(floor.wallet, floor.venue))
        try:
            yield floor
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await floor.venue.aclose()
            await floor._proxy.aclose()
            await floor._server.aclose()

    async def hear(self) -> None:
        """News come over the socket, when they come."""

    async def heal(self) -> None:
        """The wire works again; time passes, and the wallet does what it does every few seconds."""
        self.nemesis.heal()
        for _ in range(PASSES):
            self.advance(PASS_APART_S)
            self.show(999, 1001)
            self.show(99, 101, symbol=ETH)
            await self.wallet.look_again()
            await self.wallet.recount()
            await self.pass_()

    def reports(self, order_id: ClientOrderId) -> list[OrderReport]:
        """What the exchange itself said of an order."""
        return [event for event in self.told if isinstance(event, OrderReport) and event.order.id == order_id]

    def accepted(self) -> Counter[ClientOrderId]:
        """How often the exchange took an order of each id."""
        reports = (event for event in self.told if isinstance(event, OrderReport))
        fresh = (report for report in reports if report.status is OrderStatus.OPEN and not report.filled)
        return Counter(report.order.id for report in fresh)

    async def heard_all(self) -> None:
        """Wait until the wallet has booked every fill that the exchange made."""
        fills = sum(isinstance(event, Fill) for event in self.told)
        await until(lambda: self.wallet.ledger.fill_sequence == fills)

    def assert_agreed(self) -> None:
        """The wallet's ledger is the venue's, to the last decimal, and no order was taken twice."""
        ledger = self.wallet.ledger
        for symbol in (BTC, ETH):
            assert ledger.net(symbol) == self.at_venue(symbol), symbol
        theirs = {report.order.id: report.filled for report in self.exchange.open_orders("main")}
        assert {order.order.id: order.filled for order in ledger.live()} == theirs
        assert not [order for order in ledger.live() if order.state is not OrderState.OPEN]
        fills = [event for event in self.told if isinstance(event, Fill)]
        assert ledger.fill_sequence == len(fills)
        assert set(self.accepted().values()) <= {1}
        assert self.accepted().keys() <= ledger.orders.keys(), "an order from nowhere"
        for order_id, order in ledger.orders.items():
            traded = sum((fill.size for fill in fills if fill.order_id == order_id), Decimal(0))
            assert order.filled == traded <= order.order.size
