"""The host of a wallet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from actors.journal import FileJournal, open_or_set_aside
from actors.ledger import replayed
from actors.messages import MARKET_LINK, WALLET_LINK
from actors.processes import WalletLaunch
from actors.wallet import Wallet
from actors.wallet_service import WalletService
from actors.wallet_session import WalletSession
from adapters.paper.client import PaperClient
from adapters.paper.wire import PAPER_LINK
from adapters.venue import Venue
from cluster.ray_runtime.host import Host, node_id
from cluster.ray_runtime.links import dial
from cluster.ray_runtime.naming import EXCHANGE, MARKET_DATA
from cluster.ray_runtime.remote import RemoteGuard
from cluster.venues import live_venue
from config.spec import WalletSpec

GROUP_S = 0.005  # between two flushes of a journal that is synced in groups


class WalletHost(Host):
    """One wallet. It serves before it has reconciled, and says so."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        launch: WalletLaunch
        (launch,) = self.arguments
        self.incarnation = launch.incarnation
        spec = launch.spec
        path = self.home.journals / launch.fleet / f"{spec.name}.journal"
        journal = open_or_set_aside(path, sync=spec.journal == "fsync", number=launch.incarnation)
        ledger = replayed(journal.events)
        with contextlib.suppress(OSError):  # a full disk: the wallet says so, and still closes and cancels
            journal.compact([ledger.summary()])
        venue = self._venue(spec)
        self.wallet = Wallet(
            spec,
            launch.incarnation,
            venue=venue,
            journal=journal,
            ledger=ledger,
            clock=self.clock,
            limits=launch.limits,
            node=node_id(),
        )
        await self.serve(WALLET_LINK, lambda notify: WalletSession(self.wallet, notify))
        work = WalletService(
            self.wallet,
            venue=venue,
            guard=RemoteGuard(launch.lease_ttl_s),
            dial_market=dial(MARKET_DATA, MARKET_LINK, self.clock),
            renew_every_s=launch.lease_ttl_s / 3,
            clock=self.clock,
        ).run()
        return work if spec.journal == "fsync" else self._flushing(journal, work)

    def _venue(self, spec: WalletSpec) -> Venue:
        if spec.mode == "live":
            return live_venue(spec, self.home, self.clock)
        return PaperClient(dial(EXCHANGE, PAPER_LINK, self.clock), spec.name, spec.equity_usd)

    async def _flushing(self, journal: FileJournal, work: Coroutine[Any, Any, None]) -> None:
        """Beside the work, bring the journal to the disk every few milliseconds."""
        async with asyncio.TaskGroup() as group:
            group.create_task(work)
            while True:
                await self.clock.sleep(GROUP_S)
                journal.flush()

    async def ended(self) -> str:
        """Never returns while the wallet works: its process ends with it."""
        await self.started.wait()
        assert self.working is not None
        await asyncio.shield(self.working)
        return "the wallet's work ended"
