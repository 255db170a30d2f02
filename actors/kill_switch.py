"""The kill switch: a latch on disk, pushed to every wallet until the venue itself shows that it holds.

It depends on nothing else: no PnL, no reporting, no supervisor. A latch is a level, not a message: a wallet that did
not hear it, or came back later, hears it on the next push.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from actors.ledger_events import Latch
from actors.messages import Engage, Engaged
from actors.store import Event, HaltStore, Latches, WalletPlace
from adapters.clock import Clock
from adapters.errors import TradingError
from adapters.model import WalletId

PUSH_S = 0.1  # between pushes to a wallet where the halt does not hold yet
REST_S = 1.0  # between pushes to a wallet where it holds
ANSWER_MAX_S = 5.0
_log = logging.getLogger(__name__)


class Haltable(Protocol):
    """A wallet, as the kill switch reaches it."""

    async def engage(self, engage: Engage, *, timeout_s: float) -> Engaged: ...


class HaltProgress(msgspec.Struct, frozen=True):
    """How far the halts in force are."""

    generation: int
    latches: tuple[Latch, ...]
    complete: bool
    wallets: tuple[Engaged, ...]


Reach = Callable[[WalletPlace], Awaitable[Haltable]]


class KillSwitch:
    """One per fleet. ``run`` pushes for ever; ``trip`` and ``lift`` change what is pushed."""

    def __init__(self, *, store: HaltStore, reach: Reach, clock: Clock) -> None:
        self._store = store
        self._reach = reach
        self._clock = clock
        self._latches = Latches(0, ())
        self._places: Mapping[WalletId, WalletPlace] = {}
        self._pushing: dict[WalletId, asyncio.Task[None]] = {}
        self._answers: dict[WalletId, Engaged] = {}

    async def start(self) -> None:
        """Find the latches that were in force, and whom they are for: what was begun is finished."""
        self._latches = await self._store.load_latches()
        self._places = await self._store.load_wallets()

    async def trip(self, latch: Latch) -> int:
        """Latch and answer with the generation: from here on it survives everything but an operator's ``lift``."""
        self._take(await self._store.set_latch(latch))
        await self._tell("halt", "critical", latch.scope, f"{latch.level}: {latch.reason}")
        return self._latches.generation

    async def lift(self, scope: str, reason: str) -> int:
        """Take a scope's latch off. Only ever an operator's act."""
        self._take(await self._store.clear_latch(scope))
        await self._tell("resume", "warning", scope, reason)
        return self._latches.generation

    async def run(self) -> None:
        """Keep one push going for every wallet that there is."""
        while True:
            try:
                self._places = await self._store.load_wallets()
            except TradingError as error:
                _log.error("cannot read the wallets: %s", error)
            for wallet in self._places:
                if wallet not in self._pushing or self._pushing[wallet].done():
                    self._pushing[wallet] = asyncio.create_task(self._push(wallet))
            await self._pause(REST_S)

    def progress(self) -> HaltProgress:
        """What every wallet answered to the newest generation, and what is missing."""
        generation = self._latches.generation
        answers = []
        for wallet in sorted(self._places):
            answer = self._answers.get(wallet)
            if answer is None or answer.generation < generation:
                last = answer.generation if answer else 0
                why = (answer.detail if answer else "") or "no answer yet"
                answer = Engaged(wallet, last, False, -1, -1, -1, why)
            answers.append(answer)
        complete = all(answer.complete for answer in answers)
        return HaltProgress(generation, self._latches.latches, complete, tuple(answers))

    def _take(self, latches: Latches) -> None:
        if latches.generation >= self._latches.generation:
            self._latches = latches

    async def _push(self, wallet: WalletId) -> None:
        while wallet in self._places:
            latches = self._latches
            try:
                haltable = await self._reach(self._places[wallet])
                self._answers[wallet] = await haltable.engage(
                    Engage(latches.latches, latches.generation), timeout_s=ANSWER_MAX_S
                )
            except TradingError as error:
                known = self._answers.get(wallet)
                generation = known.generation if known else 0
                self._answers[wallet] = Engaged(wallet, generation, False, -1, -1, -1, str(error))
            except Exception as error:  # a fault of ours must not end the pushing
                _log.exception("pushing to %s failed", wallet)
                self._answers[wallet] = Engaged(wallet, 0, False, -1, -1, -1, type(error).__name__)
            answer = self._answers[wallet]
            holds = answer.complete and answer.generation >= self._latches.generation
            await self._pause(REST_S if holds else PUSH_S)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but no longer than until the latches change."""
        generation = self._latches.generation
        waited = 0.0
        while waited < seconds and generation == self._latches.generation:
            await self._clock.sleep(PUSH_S / 2)
            waited += PUSH_S / 2

    async def _tell(self, event: str, severity: str, scope: str, text: str) -> None:
        at = self._clock.now()
        await self._store.add_events(
            [Event(at=at, event=event, severity=severity, text=f"{scope}: {text}", data={"scope": scope})]
        )
