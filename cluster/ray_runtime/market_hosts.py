"""The hosts of the market: the paper exchange, and market data."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.market_data import DEFAULT_FINE, MarketData
from actors.market_service import MarketDataService
from actors.messages import MARKET_LINK
from actors.recording import bar_interval
from adapters.market.source import open_source
from adapters.market.synthetic import SyntheticMarket
from adapters.model import Side, Symbol
from adapters.paper.client import PaperFeed
from adapters.paper.exchange import PaperExchange
from adapters.paper.service import HISTORY, PaperService, endless
from adapters.paper.storage import PaperStorage
from adapters.paper.wire import PAPER_LINK
from adapters.venue import MarketFeed, MarketSource
from cluster.ray_runtime.host import Host
from cluster.ray_runtime.links import dial
from cluster.ray_runtime.naming import EXCHANGE
from cluster.venues import BAR, public_feed
from config.spec import FleetSpec, MarketSpec


class ExchangeHost(Host):
    """The paper exchange with its market: the world outside, for a paper fleet."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        fleet: FleetSpec
        (fleet,) = self.arguments
        self.incarnation = self.incarnation or self.count_life()
        market = fleet.market
        storage = PaperStorage(self.home.paper / f"{fleet.fleet}.db")
        if market.is_venues:
            feed = public_feed(market, self.home, self.clock)
            exchange = PaperExchange(await feed.instruments(), clock=self.clock, storage=storage)
            service = PaperService(exchange, self.clock, market.latency, fine=BAR)
            await self.serve(PAPER_LINK, service.open_session)
            return service.follow(feed)
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


class MarketDataHost(Host):
    """Market data of one venue."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        fleet: FleetSpec
        (fleet,) = self.arguments
        self.incarnation = self.incarnation or self.count_life()
        feed: MarketFeed = PaperFeed(dial(EXCHANGE, PAPER_LINK, self.clock))
        if any(wallet.mode == "live" for wallet in fleet.wallets):
            feed = public_feed(fleet.market, self.home, self.clock)
        instruments = await feed.instruments()
        data = MarketData(instruments, self.clock, _fine(fleet.market))
        service = MarketDataService(data, feed, self.clock)
        await self.serve(MARKET_LINK, service.open_session)
        return service.run()


def _fine(market: MarketSpec) -> timedelta:
    """The length of the shortest bars there are."""
    recorded = bar_interval(_recording(market)) if market.source == "replay" else None
    return BAR if market.is_venues else recorded or DEFAULT_FINE


def _source(market: MarketSpec, prices: Mapping[Symbol, Decimal], now: datetime) -> MarketSource:
    """The fleet's market. A synthetic one goes on from the prices that are known, or begins with a past."""
    if market.source == "replay":
        return _recording(market)
    known = {symbol: price for symbol, price in prices.items() if symbol in market.symbols}
    start = now if known else now - HISTORY
    listing = SyntheticMarket(market.symbols, market.seed, start).instruments
    on_tick = {symbol: listing[symbol].round_price(price, Side.BUY) for symbol, price in known.items()}
    return SyntheticMarket(market.symbols, market.seed, start, market.step, on_tick or None)


def _recording(market: MarketSpec) -> MarketSource:
    return open_source({symbol: Path(file) for symbol, file in market.files.items()})
