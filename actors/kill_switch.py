"""The kill switch: a latch on disk, pushed to every wallet until the venue itself shows that it holds.

It depends on nothing else: no PnL, no reporting, no supervisor. A latch is a level, not a message: a wallet that did
not hear it, or came back later, hears it on the next push. Each wallet has a push of its own, so none waits for
another, and what must be told is told beside the pushing.

A wallet that falls silent under a halt is killed by the switch itself, since a process that hangs may wake up with an
order in its hands. Its successor, which the supervisor starts, finds the latch in the journal and begins with the
cancelling; until there is one, nobody can send anything.

A wallet that has heard of a newer halt than the store knows proves that the store was lost or is an old copy. Which
halts it has forgotten nobody can say, so the fleet may only reduce until an operator lifts that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from actors.halt_times import HaltTimes, Stopwatch
from actors.ledger_events import HaltCause, Latch
from actors.lifecycle import STARTING_MAX
from actors.messages import Engage, Engaged
from actors.store import Event, HaltStore, Latches, WalletPlace
from adapters.clock import Clock
from adapters.errors import TradingError
from adapters.model import WalletId
from config.spec import HaltLevel

PUSH_S = 0.1  # between pushes to a wallet where the halt does not hold yet
REST_S = 1.0  # between pushes to a wallet where it holds
ANSWER_MAX_S = 2.0
DEAF_S = 3.0  # under a halt, a wallet that spoke once and then failed to for so long is killed
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
    times: HaltTimes | None = None  # of the newest change; None where another switch took it in


Reach = Callable[[WalletPlace], Awaitable[Haltable]]
End = Callable[[WalletPlace], Awaitable[bool]]


@dataclass(slots=True)
class _Contact:
    """What the switch knows of one incarnation of a wallet."""

    incarnation: int
    has_spoken: bool = False
    failing_since: float | None = None  # monotonic
    answer: Engaged | None = None


class KillSwitch:
    """One per fleet. ``run`` pushes for ever; ``trip`` and ``lift`` change what is pushed.

    Args:
        store: where the latches and the wallets' places are.
        reach: a wallet, to push to.
        end: ends a wallet's process, whatever it is doing; says whether there was one.
        clock: for pauses, and for the times of the steps.
    """

    def __init__(self, *, store: HaltStore, reach: Reach, end: End, clock: Clock) -> None:
        self._store = store
        self._reach = reach
        self._end = end
        self._clock = clock
        self._latches = Latches(0, ())
        self._changed = asyncio.Event()  # of this generation; the next one has its own
        self._places: Mapping[WalletId, WalletPlace] = {}
        self._contacts: dict[WalletId, _Contact] = {}
        self._pushing: dict[WalletId, asyncio.Task[None]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._stopwatch: Stopwatch | None = None
        self._events: list[Event] = []
        self._one_at_a_time = asyncio.Lock()  # changes are taken in the order in which the store made them

    async def start(self) -> None:
        """Find the latches that were in force, and whom they are for: what was begun is finished."""
        self._latches = await self._store.load_latches()
        self._places = await self._store.load_wallets()

    async def trip(self, latch: Latch) -> int:
        """Latch and answer with the generation: from here on it survives everything but an operator's ``lift``.

        Raises what the store raises; then nothing is latched, or all of it.
        """
        began = self._clock.monotonic()
        async with self._one_at_a_time:
            self._take(await self._store.set_latch(latch), began)
        return self._latches.generation

    async def lift(self, scope: str, reason: str, generation: int | None = None) -> Latches:
        """Take a scope's latch off, of that generation only if one is given. Only ever an operator's act.

        Returns:
            What is in force then.
        """
        began = self._clock.monotonic()
        async with self._one_at_a_time:
            if self._take(await self._store.clear_latch(scope, generation), began):
                self._tell("resume", "warning", scope, reason)
        return self._latches

    async def run(self) -> None:
        """Keep one push going for every wallet that there is."""
        while True:
            changed = self._changed
            for wallet in self._places:
                if wallet not in self._pushing or self._pushing[wallet].done():
                    self._pushing[wallet] = asyncio.create_task(self._push(wallet))
            try:
                async with self._one_at_a_time:  # a write that seemed to fail may have worked
                    self._take(await self._store.load_latches())
                self._places = await self._store.load_wallets()
                await self._flush()
            except TradingError as error:
                _log.error("the store: %s", error)
            await self._pause(REST_S, changed)

    def progress(self) -> HaltProgress:
        """What every wallet answered to the newest generation, and what is missing."""
        answers = tuple(self._newest(self._places[wallet]) for wallet in sorted(self._places))
        return HaltProgress(
            generation=self._latches.generation,
            latches=self._latches.latches,
            complete=all(answer.complete for answer in answers),
            wallets=answers,
            times=self._stopwatch.read(self._places) if self._stopwatch else None,
        )

    def _newest(self, place: WalletPlace) -> Engaged:
        contact = self._contacts.get(place.wallet)
        answer = contact.answer if contact and contact.incarnation == place.incarnation else None
        if answer is not None and answer.generation >= self._latches.generation:
            return answer
        last = answer.generation if answer else 0
        why = (answer.detail if answer else "") or "no answer yet"
        return Engaged(place.wallet, last, False, -1, -1, -1, why)

    def _take(self, latches: Latches, began: float | None = None) -> bool:
        """Push these from now on, if they are newer; timed if it is known when they were asked for."""
        known = self._latches.generation
        if latches.generation <= known:
            return False
        for latch in latches.latches:
            if latch.generation > known:
                self._tell("halt", "critical", latch.scope, f"{latch.level}: {latch.reason}")
        self._latches = latches
        now = self._clock.monotonic()
        self._stopwatch = Stopwatch(began, latches.generation, now) if began is not None else None
        self._changed.set()
        self._changed = asyncio.Event()
        return True

    async def _push(self, wallet: WalletId) -> None:
        """Ask one wallet for ever. A change of the halts does not wait for the answer to the last one."""
        shut = -1  # the newest generation for which it has shut its gate
        while wallet in self._places:
            changed = self._changed
            asking = asyncio.create_task(self._ask(self._places[wallet], self._latches))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
            await _first(asking, changed)
            if not asking.done() or wallet not in self._places:
                continue
            answer = self._newest(self._places[wallet])
            if answer.generation > shut:
                shut = answer.generation  # the gate is shut: ask on at once, for what the venue shows
            else:
                await self._pause(REST_S if answer.complete else PUSH_S, changed)

    async def _ask(self, place: WalletPlace, latches: Latches) -> None:
        contact = self._contacts.get(place.wallet)
        if contact is None or contact.incarnation != place.incarnation:
            contact = self._contacts[place.wallet] = _Contact(place.incarnation)
        engage = Engage(latches.latches, latches.generation)
        try:
            haltable = await self._reach(place)
            answer = await haltable.engage(engage, timeout_s=ANSWER_MAX_S)
        except TradingError as error:
            await self._miss(place, contact, str(error))
        except Exception as error:  # a fault of ours must not end the pushing
            _log.exception("pushing to %s failed", place.wallet)
            await self._miss(place, contact, type(error).__name__)
        else:
            await self._hear(place, contact, answer, latches)

    async def _hear(self, place: WalletPlace, contact: _Contact, answer: Engaged, told: Latches) -> None:
        if answer.incarnation < place.incarnation:
            return  # the old process, whose word says nothing about the new one
        contact.has_spoken, contact.failing_since = True, None
        if contact.answer is None or answer.generation >= contact.answer.generation:
            contact.answer = answer
        if self._stopwatch is not None:
            self._stopwatch.hear(answer, self._clock.monotonic())
        if answer.generation > told.generation:
            await self._remember(place.wallet, answer.generation)

    async def _miss(self, place: WalletPlace, contact: _Contact, why: str) -> None:
        """No answer: not forgotten what it said before, but nothing that it said counts for the newest halts."""
        now = self._clock.monotonic()
        if contact.failing_since is None:
            contact.failing_since = now
        last = contact.answer.generation if contact.answer else 0
        contact.answer = Engaged(place.wallet, last, False, -1, -1, -1, why, place.incarnation)
        patience_s = DEAF_S if contact.has_spoken else STARTING_MAX.total_seconds()
        if self._latches.latches and now - contact.failing_since >= patience_s:
            contact.failing_since = now  # once in a while, should the process survive it
            await self._kill(place)

    async def _kill(self, place: WalletPlace) -> None:
        try:
            self._places = await self._store.load_wallets()
        except TradingError as error:
            _log.error("cannot read the wallets: %s", error)
        if self._places.get(place.wallet) != place:
            return  # there is a successor by now
        try:
            was_there = await self._end(place)
        except TradingError as error:
            _log.error("wallet %s cannot be killed: %s", place.wallet, error)
            return
        if was_there:
            self._tell("wallet_killed", "critical", f"wallet:{place.wallet}", "it was silent under a halt")

    async def _remember(self, wallet: WalletId, generation: int) -> None:
        """A wallet has heard more than we had told it: from the guard, or of halts that the store has lost."""
        reason = f"wallet {wallet} knows of a newer halt than the store: it was lost, or is an old copy"
        try:
            async with self._one_at_a_time:
                latches = await self._store.load_latches()
                if latches.generation < generation:
                    latch = Latch("fleet", HaltLevel.REDUCE_ONLY, 0, reason, HaltCause.AMNESIA)
                    latches = await self._store.overtake(generation, latch)
                self._take(latches)
        except TradingError as error:
            _log.error("the store: %s", error)

    async def _pause(self, seconds: float, changed: asyncio.Event) -> None:
        """Sleep, but no longer than until the halts change."""
        sleeping = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await _first(sleeping, changed)
        finally:
            sleeping.cancel()
            await asyncio.gather(sleeping, return_exceptions=True)

    def _tell(self, event: str, severity: str, scope: str, text: str) -> None:
        data = {"scope": scope}
        self._events.append(
            Event(at=self._clock.now(), event=event, severity=severity, text=f"{scope}: {text}", data=data)
        )

    async def _flush(self) -> None:
        events = tuple(self._events)
        if events:
            await self._store.add_events(events)
            del self._events[: len(events)]


async def _first(task: asyncio.Task[Any], changed: asyncio.Event) -> None:
    """Wait for the one or the other; the task goes on."""
    waking = asyncio.create_task(changed.wait())
    try:
        await asyncio.wait({task, waking}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waking.cancel()
        await asyncio.gather(waking, return_exceptions=True)
