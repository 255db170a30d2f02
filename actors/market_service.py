"""Market data at work: takes the feed in and gives snapshots out, a few times a second, to all who watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from actors.market_data import MarketData
from actors.messages import Watch, Watching
from adapters.clock import Clock
from adapters.errors import VenueError
from adapters.link import Notify
from adapters.model import Instrument, Symbol
from adapters.venue import MarketFeed

PUBLISH_S = 0.1
REDIAL_S = 0.25
_log = logging.getLogger(__name__)


class MarketSession:
    """One who watches: one watch for each bar length, the newest counts."""

    def __init__(self, service: MarketDataService, notify: Notify) -> None:
        self._service = service
        self._notify = notify
        self.watches: dict[float, Watch] = {}

    async def handle(self, request: Any) -> Watching:
        watch: Watch = request
        self.watches[watch.bar_interval_s] = watch
        self._service.data.watch(watch)
        self._notify(self._service.data.snapshots(watch))
        return Watching(self._service.instruments)

    async def closed(self) -> None:
        self._service.sessions.discard(self)

    def publish(self, changed: set[Symbol]) -> None:
        """Tell what changed."""
        for watch in self.watches.values():
            news = self._service.data.snapshots(watch, changed)
            if news.snapshots:
                self._notify(news)


class MarketDataService:
    """Runs until it fails; Ray then starts another, which hears the feed's history first."""

    def __init__(self, data: MarketData, feed: MarketFeed, clock: Clock) -> None:
        self.data = data
        self.sessions: set[MarketSession] = set()
        self.instruments: Mapping[Symbol, Instrument] = {}
        self._feed = feed
        self._clock = clock

    def open_session(self, notify: Notify) -> MarketSession:
        """For the link's server."""
        session = MarketSession(self, notify)
        self.sessions.add(session)
        return session

    async def run(self) -> None:
        """Listen and publish for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._publish())

    async def _listen(self) -> None:
        while True:
            try:
                self.instruments = await self._feed.instruments()
                async for event in self._feed.events():
                    self.data.take(event)
            except VenueError as error:
                _log.warning("market feed: %s", error)
            await self._clock.sleep(REDIAL_S)

    async def _publish(self) -> None:
        while True:
            await self._clock.sleep(PUBLISH_S)
            changed, self.data.changed = self.data.changed, set()
            if changed:
                for session in tuple(self.sessions):
                    session.publish(changed)
