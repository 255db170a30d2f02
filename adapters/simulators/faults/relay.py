"""One direction of one stream, on a wire that drops, doubles, swaps, delays, stalls and cuts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from adapters.clock import Clock
from adapters.simulators.faults.nemesis import Nemesis, Passage
from adapters.simulators.faults.plan import Fault, Kind, Message

HELD_MAX_S = 0.25  # how long a message waits for one that overtakes it, unless its fault says otherwise
_T = TypeVar("_T")


class Cut(Exception):
    """The nemesis ends this connection."""


@dataclass(frozen=True, slots=True)
class _Held(Generic[_T]):
    """A message that lets the next one pass."""

    item: _T
    message: Message
    fault: Fault
    release: asyncio.Task[None]


class Relay(Generic[_T]):
    """Passes a stream's messages on.

    Args:
        nemesis: says what happens to each.
        clock: for delays.
        message_of: a message as the nemesis sees it.
        deliver: puts one on the wire.
    """

    def __init__(
        self,
        nemesis: Nemesis,
        clock: Clock,
        *,
        message_of: Callable[[_T], Message],
        deliver: Callable[[_T], Awaitable[None]],
    ) -> None:
        self._nemesis = nemesis
        self._clock = clock
        self._message_of = message_of
        self._deliver = deliver
        self._held: _Held[_T] | None = None

    async def run(self, items: AsyncIterator[_T]) -> None:
        """Pass on all of them. Raises ``Cut``, and what the wire raises."""
        try:
            async for item in items:
                await self._pass(item)
            await self._let_go(overtaken=False)
        finally:
            if self._held is not None:
                self._held.release.cancel()

    async def _pass(self, item: _T) -> None:
        message = self._message_of(item)
        fault = self._nemesis.decide(message)
        kind = fault.kind if fault is not None else None
        if fault is not None and kind is Kind.REORDERED and self._held is None:
            release = asyncio.create_task(self._release_in(fault.seconds or HELD_MAX_S))
            self._held = _Held(item, message, fault, release)
            return
        copies = 1
        match kind:
            case Kind.DROPPED | Kind.STALE:
                copies = 0
            case Kind.DUPLICATED:
                copies = 2
            case Kind.DELAYED | Kind.STALLED if fault is not None:
                await self._nemesis.sit_out(fault, self._clock)
            case Kind.CUT:
                self._record(message, fault, 0)
                raise Cut
            case _:
                fault = None  # two that are held would overtake nobody
        for _ in range(copies):
            await self._deliver(item)
        self._record(message, fault, copies)
        if copies:
            await self._let_go(overtaken=True)

    async def _release_in(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        with contextlib.suppress(OSError):
            await self._let_go(overtaken=False)

    async def _let_go(self, *, overtaken: bool) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        if held.release is not asyncio.current_task():
            held.release.cancel()
        await self._deliver(held.item)
        self._record(held.message, held.fault if overtaken else None, 1)

    def _record(self, message: Message, fault: Fault | None, delivered: int) -> None:
        self._nemesis.record(Passage(message=message, fault=fault, delivered=delivered))
