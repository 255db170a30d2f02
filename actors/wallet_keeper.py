"""Keeps one wallet alive: adopts it or starts it, watches it, replaces it under a new incarnation."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from actors.lifecycle import STARTING_MAX
from actors.messages import WalletReport
from actors.processes import Processes, WalletLaunch, WalletProcess
from actors.store import FleetStore, WalletPlace
from adapters.clock import Clock
from adapters.errors import LinkError, TradingError
from config.spec import WalletSpec
from risk.limits import FleetLimits

REPORT_S = 0.5
BACKOFF_S = 0.5
BACKOFF_MAX_S = 30.0
DEAF_S = 15.0  # a wallet that spoke once and then not for this long is killed; its successor reconciles
_log = logging.getLogger(__name__)


class WalletKeeper:
    """One per wallet.

    Args:
        spec: the wallet.
        fleet: whose it is.
        limits: which it is told.
        processes: where its process comes from.
        store: where incarnations are counted, before they exist.
        clock: for the pauses.
        on_news: told whenever the wallet came up or died: (event, text).
    """

    def __init__(
        self,
        spec: WalletSpec,
        fleet: str,
        limits: FleetLimits,
        *,
        processes: Processes,
        store: FleetStore,
        clock: Clock,
        on_news: Callable[[str, str], None],
    ) -> None:
        self.spec = spec
        self.process: WalletProcess | None = None
        self.report: WalletReport | None = None
        self.incarnation = 0
        self._fleet = fleet
        self._limits = limits
        self._processes = processes
        self._store = store
        self._clock = clock
        self._on_news = on_news

    @property
    def ready(self) -> bool:
        """Whether it has reconciled with its venue and serves."""
        return self.process is not None and self.report is not None and self.report.ready

    async def refresh(self) -> None:
        """Have the newest report, as far as the wallet answers."""
        if self.process is not None:
            with contextlib.suppress(LinkError):
                self.report = await self.process.report(fresh=True)

    async def run(self) -> None:
        """Adopt the living or start anew, for ever."""
        deaths = 0
        while True:
            try:
                self.process = await self._processes.find_wallet(self.spec.name) or await self._spawn()
                self.incarnation = self.process.incarnation
                born = self._clock.monotonic()
                reason = await self._attend(self.process)
                deaths = deaths + 1 if self._clock.monotonic() - born < BACKOFF_MAX_S else 1
            except TradingError as error:
                reason = f"cannot start: {error}"
                deaths += 1
            self.process = self.report = None
            self._on_news("wallet_down", reason)
            await self._clock.sleep(min(BACKOFF_S * 2 ** (deaths - 1), BACKOFF_MAX_S))

    async def _spawn(self) -> WalletProcess:
        self.incarnation = await self._store.next_number(f"wallet:{self.spec.name}")
        await self._processes.enlist(self.spec.name, self.incarnation)
        await self._store.save_wallet(WalletPlace(self.spec.name, self.incarnation))
        return await self._processes.spawn_wallet(
            WalletLaunch(self._fleet, self.spec, self.incarnation, self._limits)
        )

    async def _attend(self, process: WalletProcess) -> str:
        reporting = asyncio.create_task(self._reports(process))
        try:
            return await process.ended()
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)

    async def _reports(self, process: WalletProcess) -> None:
        heard_at = self._clock.monotonic()
        while True:
            was_ready = self.ready
            try:
                self.report = await process.report()
                heard_at = self._clock.monotonic()
            except LinkError as error:
                _log.debug("wallet %s: %s", self.spec.name, error)
            silent_max_s = DEAF_S if self.report else STARTING_MAX.total_seconds()
            if self._clock.monotonic() - heard_at > silent_max_s:
                _log.error("wallet %s is deaf: it is killed", self.spec.name)
                await process.kill()
                return
            if self.ready and not was_ready:
                self._on_news("wallet_ready", f"incarnation {self.incarnation}")
            await self._clock.sleep(REPORT_S if self.ready else REPORT_S / 10)
