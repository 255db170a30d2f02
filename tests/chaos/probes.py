"""Asks the fleet's actors where they are, and whether they are well: each in the way that its own clients do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from actors.messages import WALLET_LINK
from actors.processes import Whereabouts
from actors.status import FleetStatus
from actors.wallet_client import WalletClient
from adapters.clock import SystemClock
from adapters.errors import TradingError
from adapters.model import WalletId
from cluster.home import Home
from cluster.ray_runtime.links import dial
from cluster.ray_runtime.naming import wallet_name
from cluster.ray_runtime.processes import Leader, family
from cluster.ray_runtime.remote import Remote

ANSWER_MAX_S = 2.0
_QUESTIONS = {  # what only a working main loop can answer; the others are asked where they are
    "risk_guard": "report",
    "kill_switch": "progress",
    "supervisor": "fleet",
    "decision": "loads",
}


class Probes:
    """One per fleet; needs a connection to its Ray."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._remotes: dict[str, Remote] = {}
        self._wallets: dict[str, WalletClient] = {}

    async def pid(self, actor: str) -> int | None:
        """The process of an actor that answers, if it is one of this fleet's own."""
        try:
            place: Whereabouts = await self._remote(actor).ask("whereabouts", timeout_s=ANSWER_MAX_S)
        except TradingError:
            return None
        return place.pid if place.pid in await asyncio.to_thread(self.family) else None

    async def healthy_pid(self, actor: str) -> int | None:
        """The process of an actor that does its work; ``None`` while it does not.

        A bot has its wallet; a wallet has reconciled and holds a lease, or a halt that denies it one.
        """
        try:
            kind, _, name = actor.partition(":")
            if kind == "wallet":
                report = await self._wallet(WalletId(name)).report()
                is_well = report.ready and (report.lease_left_s > 0 or report.halt is not None)
                return report.pid if is_well else None
            if kind == "bot":
                beat = await self._remote(actor).ask("report", timeout_s=ANSWER_MAX_S)
                return int(beat.pid) if beat.linked else None
            if (
                actor in _QUESTIONS
                and await self._remote(actor).ask(_QUESTIONS[actor], timeout_s=ANSWER_MAX_S) is None
            ):
                return None
            return int((await self._remote(actor).ask("where", timeout_s=ANSWER_MAX_S)).pid)
        except TradingError:
            return None

    async def status(self) -> FleetStatus | None:
        """The fleet's status, as far as its supervisor answers."""
        try:
            status: FleetStatus | None = await self._remote("supervisor").ask("status", timeout_s=10.0)
        except TradingError:
            return None
        return status

    def family(self) -> frozenset[int]:
        """Every process of this home's Ray."""
        files = (file for file in self._home.run.glob("ray-*.json") if file != self._home.ray_address_file)
        return family([Leader(**json.loads(file.read_text())) for file in files])

    async def aclose(self) -> None:
        """End the connections to the wallets."""
        await asyncio.gather(*(client.aclose() for client in self._wallets.values()))

    def _remote(self, actor: str) -> Any:
        return self._remotes.setdefault(actor, Remote(actor))

    def _wallet(self, wallet: WalletId) -> WalletClient:
        if wallet not in self._wallets:
            clock = SystemClock()
            link = dial(wallet_name(wallet), WALLET_LINK, clock, timeout_s=ANSWER_MAX_S)
            self._wallets[wallet] = WalletClient(link, clock)
        return self._wallets[wallet]
