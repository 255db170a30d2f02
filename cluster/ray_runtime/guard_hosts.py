"""The hosts of what guards the fleet: risk guard and kill switch.

Their callers import this module, so the database library is imported where it is used; see ``recorder_host``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Coroutine
from typing import Any

from actors.kill_switch import HaltProgress, KillSwitch
from actors.ledger_events import Latch
from actors.messages import WALLET_LINK, GuardAnswer
from actors.risk_guard import GuardReport, RiskGuard
from actors.store import Latches, WalletPlace
from actors.wallet_client import WalletClient
from adapters.errors import TradingError
from adapters.model import WalletId
from cluster.ray_runtime.calls import end
from cluster.ray_runtime.host import RETRY_S, Host
from cluster.ray_runtime.links import dial
from cluster.ray_runtime.naming import wallet_name
from cluster.ray_runtime.remote import RemoteHalts
from config.spec import FleetSpec
from risk.leases import Renewal

_log = logging.getLogger(__name__)


class RiskGuardHost(Host):
    """The risk guard."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        from cluster.store.sql import open_store

        fleet: FleetSpec
        (fleet,) = self.arguments
        self.guard = RiskGuard(
            fleet.limits,
            fleet.on_breach,
            [wallet.name for wallet in fleet.wallets],
            store=open_store(fleet.store),
            halts=RemoteHalts(),
            clock=self.clock,
        )
        await self.guard.start()
        self.incarnation = self.guard.epoch
        return self._watch()

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        """Lend again."""
        await self.started.wait()
        return await self.guard.renew(renewal)

    async def enlist(self, wallet: WalletId, incarnation: int) -> None:
        """Renew only this incarnation from now on."""
        await self.started.wait()
        await self.guard.enlist(wallet, incarnation)

    async def report(self) -> GuardReport:
        """How it does."""
        await self.started.wait()
        return self.guard.report(os.getpid())

    async def _watch(self) -> None:
        while True:
            try:
                await self.guard.watch()
            except TradingError as error:
                _log.error("the loss watch failed: %s", error)
            await self.clock.sleep(RETRY_S)


class KillSwitchHost(Host):
    """The kill switch."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        from cluster.store.sql import open_store

        fleet: FleetSpec
        (fleet,) = self.arguments
        store = open_store(fleet.store)
        self.incarnation = await store.next_number("kill_switch")
        self.clients: dict[WalletId, WalletClient] = {}
        self.switch = KillSwitch(store=store, reach=self._reach, end=self._end, clock=self.clock)
        await self.switch.start()
        return self.switch.run()

    async def trip(self, latch: Latch) -> int:
        """Halt."""
        await self.started.wait()
        return await self.switch.trip(latch)

    async def lift(self, scope: str, reason: str, generation: int | None = None) -> Latches:
        """Take a halt off, of that generation only if one is given; what is in force then."""
        await self.started.wait()
        return await self.switch.lift(scope, reason, generation)

    async def progress(self) -> HaltProgress:
        """How far the halts are."""
        await self.started.wait()
        return self.switch.progress()

    async def _end(self, place: WalletPlace) -> bool:
        return end(wallet_name(place.wallet))

    async def _reach(self, place: WalletPlace) -> WalletClient:
        if place.wallet not in self.clients:
            self.clients[place.wallet] = WalletClient(
                dial(wallet_name(place.wallet), WALLET_LINK, self.clock), self.clock
            )
        return self.clients[place.wallet]
