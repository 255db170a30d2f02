"""A wallet at work: its loops around the core, each small, none able to stop another quietly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from actors.distress import LOOK_S
from actors.leasing import Guard
from actors.messages import Snapshots, Watch
from actors.wallet import Wallet
from adapters.clock import Clock
from adapters.errors import Fenced, LinkError, TradingError, VenueError
from adapters.link import Dial
from adapters.venue import Venue

ACCOUNT_S = 1.0
RECOUNT_S = 5.0
EVERYONE_S = 1.0  # between two passes over all bots, changed or not
REDIAL_S = 0.25
SILENT_S = 5.0  # market data that says nothing for so long is dialled anew
PASS_PAUSE_S = (
    0.05  # between two passes, so that a close that finds no depth is not sent as fast as it returns
)
_log = logging.getLogger(__name__)


class WalletService:
    """Runs until a loop fails; then the whole fails, and the supervisor starts another.

    Args:
        wallet: the core.
        venue: the same that the core has, for its stream.
        guard: where leases come from.
        dial_market: opens a connection to market data.
        renew_every_s: a third of the lease's time to live.
        clock: for the pauses.
    """

    def __init__(
        self,
        wallet: Wallet,
        *,
        venue: Venue,
        guard: Guard,
        dial_market: Dial,
        renew_every_s: float,
        clock: Clock,
    ) -> None:
        self._wallet = wallet
        self._venue = venue
        self._guard = guard
        self._dial_market = dial_market
        self._renew_every_s = renew_every_s
        self._clock = clock

    async def run(self) -> None:
        """Reconcile, then serve for ever. Raises what no retry can mend."""
        while not self._wallet.ready:
            try:
                await self._wallet.start()
            except VenueError as error:
                _log.warning("cannot reconcile yet: %s", error)
                await self._clock.sleep(REDIAL_S)
        async with asyncio.TaskGroup() as group:
            for loop in (
                self._events,
                self._market,
                self._leases,
                self._account,
                self._recounts,
                self._upkeep,
                self._lookout,
            ):
                group.create_task(loop())

    async def _events(self) -> None:
        missed = False
        while True:
            try:
                if missed:
                    await self._wallet.recount()  # what happened while nobody listened
                missed = True
                async for event in self._venue.events():
                    await self._wallet.take_event(event)
            except VenueError as error:
                _log.warning("user stream: %s", error)
            await self._clock.sleep(REDIAL_S)

    async def _market(self) -> None:
        while True:
            with contextlib.suppress(LinkError):
                market = await self._dial_market()
                try:
                    listening = asyncio.create_task(self._listen(market.notices()))
                    told: dict[float, Watch] = {}
                    dialled_at = self._clock.monotonic()
                    while market.is_open and not self._is_silent(dialled_at):
                        for watch in self._wallet.watches():
                            if told.get(watch.bar_interval_s) != watch:
                                await market.call(watch, timeout_s=5.0)
                                told[watch.bar_interval_s] = watch
                        await self._clock.sleep(REDIAL_S)
                    await market.aclose()
                    await listening
                finally:
                    await market.aclose()
            await self._clock.sleep(REDIAL_S)

    def _is_silent(self, dialled_at: float) -> bool:
        """Whether nothing has come for so long that the connection may be one in name only."""
        heard_at = max(dialled_at, self._wallet.market_heard_at)
        return self._clock.monotonic() - heard_at > SILENT_S

    async def _listen(self, notices: AsyncIterator[Snapshots]) -> None:
        async for news in notices:
            self._wallet.take_snapshots(news)

    async def _leases(self) -> None:
        while True:
            try:
                await self._wallet.renew(self._guard)
            except Fenced:
                raise  # a successor is in its place, and waits for its journal
            except TradingError as error:
                _log.warning("no lease: %s", error)
            await self._clock.sleep(self._renew_every_s)

    async def _lookout(self) -> None:
        while True:
            await self._clock.sleep(LOOK_S)
            self._wallet.look_out()

    async def _account(self) -> None:
        while True:
            await self._clock.sleep(ACCOUNT_S)
            try:
                await self._wallet.refresh_account()
            except VenueError as error:
                _log.warning("account: %s", error)

    async def _recounts(self) -> None:
        while True:
            await self._clock.sleep(RECOUNT_S)
            try:
                await self._wallet.recount()
            except VenueError as error:
                _log.warning("reconciliation: %s", error)

    async def _upkeep(self) -> None:
        everyone_at = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERYONE_S):
                    await self._wallet.woken.wait()
            self._wallet.woken.clear()
            everyone = self._clock.monotonic() >= everyone_at
            if everyone:
                everyone_at = self._clock.monotonic() + EVERYONE_S
            try:
                await self._wallet.upkeep(everyone=everyone)
            except VenueError as error:
                _log.warning("upkeep: %s", error)
            await self._clock.sleep(PASS_PAUSE_S)
