"""Actors from afar, as the typed objects that the plain classes know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.ledger_events import Latch
from actors.messages import CycleRecord, GuardAnswer
from adapters.errors import LinkError
from cluster.ray_runtime.calls import answer, find
from cluster.ray_runtime.naming import DECISION, KILL_SWITCH, RECORDER, RISK_GUARD
from risk.leases import Renewal
from strategies.advice import Advice, Inquiry

ANSWER_MAX_S = 5.0


class Remote:
    """A named actor; looked up again after every failure."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._handle: Any = None

    async def ask(self, method: str, *arguments: Any, timeout_s: float = ANSWER_MAX_S) -> Any:
        """Call a method. Raises ``LinkError``, or what the callee raised."""
        try:
            if self._handle is None:
                self._handle = find(self._name)
            call = getattr(self._handle, method).remote(*arguments)
            return await answer(call, timeout_s=timeout_s, what=self._name)
        except LinkError:
            self._handle = None
            raise


class RemoteGuard(Remote):
    """The risk guard, for wallets."""

    def __init__(self, ttl_s: float) -> None:
        super().__init__(RISK_GUARD)
        self._timeout_s = ttl_s / 2

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        granted: GuardAnswer = await self.ask("renew", renewal, timeout_s=self._timeout_s)
        return granted


class RemoteHalts(Remote):
    """The kill switch, for the risk guard."""

    def __init__(self) -> None:
        super().__init__(KILL_SWITCH)

    async def trip(self, latch: Latch) -> int:
        return int(await self.ask("trip", latch))


class RemoteAdvisor(Remote):
    """The Decision pool, or one member of it."""

    def __init__(self, deadline_s: float, name: str = DECISION) -> None:
        super().__init__(name)
        self._timeout_s = deadline_s + 1.0

    async def advise(self, inquiry: Inquiry) -> Advice:
        advice: Advice = await self.ask("advise", inquiry, timeout_s=self._timeout_s)
        return advice


class RemoteRecorder(Remote):
    """The recorder, for bots."""

    def __init__(self) -> None:
        super().__init__(RECORDER)

    async def cycles(self, records: Sequence[CycleRecord]) -> None:
        await self.ask("cycles", list(records))
