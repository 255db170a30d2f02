"""Hosts of the actors beside the trading ones: the paper exchange and the recorder.

Whoever calls an actor imports its host's module, for Ray wants the class to make a handle. So nothing heavy is imported
up here: a database library in every bot would cost a third of its memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.messages import CycleRecord
from actors.recorder import Recorder
from actors.store import EquityPoint
from adapters.market.source import open_source
from adapters.market.synthetic import SyntheticMarket
from adapters.model import Side, Symbol
from adapters.paper.exchange import PaperExchange
from adapters.paper.service import HISTORY, PaperService, endless
from adapters.paper.storage import PaperStorage
from adapters.paper.wire import PAPER_LINK
from adapters.venue import MarketSource
from cluster.ray_runtime.hosts import Host, for_ever
from config.spec import FleetSpec, MarketSpec


class ExchangeHost(Host):
    """The paper exchange with its market: the world outside, for a paper fleet."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        fleet: FleetSpec
        (fleet,) = self.arguments
        market = fleet.market
        storage = PaperStorage(self.home.paper / f"{fleet.fleet}.db")
        saved = storage.load()
        prices = {row.symbol: row.price for row in saved.markets} if saved else {}
        source = _source(market, prices, self.clock.now())
        exchange = PaperExchange(source.instruments, clock=self.clock, storage=storage)
        service = PaperService(exchange, self.clock, market.latency)
        events = endless(source, loop=market.loop)
        if market.source == "synthetic" and not prices:
            service.remember(itertools.takewhile(lambda event: event.at < self.clock.now(), events))
        await self.serve(PAPER_LINK, service.open_session)
        return service.run(events, market.speed)


class RecorderHost(Host):
    """The recorder."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        from cluster.store.sql import open_store

        fleet: FleetSpec
        (fleet,) = self.arguments
        store = open_store(fleet.store)
        self.incarnation = await store.next_number("recorder")
        self.recorder = Recorder(store)
        return for_ever()

    async def cycles(self, records: Sequence[CycleRecord]) -> None:
        """Keep cycle records."""
        await self.started.wait()
        await self.recorder.cycles(records)

    async def equity(self, points: Sequence[EquityPoint]) -> None:
        """Keep what the wallets were worth."""
        await self.started.wait()
        await self.recorder.equity(points)


def _source(market: MarketSpec, prices: Mapping[Symbol, Decimal], now: datetime) -> MarketSource:
    """The fleet's market. A synthetic one goes on from the prices that are known, or begins with a past."""
    if market.source == "replay":
        return open_source({symbol: Path(file) for symbol, file in market.files.items()})
    known = {symbol: price for symbol, price in prices.items() if symbol in market.symbols}
    start = now if known else now - HISTORY
    listing = SyntheticMarket(market.symbols, market.seed, start).instruments
    on_tick = {symbol: listing[symbol].round_price(price, Side.BUY) for symbol, price in known.items()}
    return SyntheticMarket(market.symbols, market.seed, start, market.step, on_tick or None)
