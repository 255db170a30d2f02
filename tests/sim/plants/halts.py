"""Bugs in halts: latching, telling, and claiming that they hold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.gate import Gate
from actors.halting import Halting
from actors.journal import LogJournal
from actors.kill_switch import HaltProgress, KillSwitch
from actors.ledger_events import Latch, Latched, LedgerEvent
from actors.messages import Engaged
from actors.store import Latches, WalletPlace
from actors.wallet import Wallet
from cluster.simulation.faults import Kind
from risk.leases import Lease
from tests.sim.plant import Draw, Plant
from tests.sim.weights import HALTS, HALTS_AND_CRASHES, HALTS_AND_CUTS


def halts(draw: Draw) -> bool:
    """Whether an operator halts something while faults happen."""
    return draw.has(Kind.HALT)


class AnyLeaseUnlatches(Plant):
    """R14: a new lease opens the gate, whatever halt was in force."""

    faults = HALTS
    bound = 20
    caught_by = frozenset({"I3"})

    def can_matter(self, draw: Draw) -> bool:
        return halts(draw)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        take = Gate.take

        def opened(self: Gate, lease: Lease) -> None:
            take(self, lease)
            self.latches, self.asked_for = (), {}

        patch.setattr(Gate, "take", opened)


class LatchesInMemory(Plant):
    """R14: the switch remembers its halts until it dies, and a wallet believes whatever it says last."""

    faults = HALTS_AND_CRASHES
    bound = 20
    caught_by = frozenset({"I3"})

    def can_matter(self, draw: Draw) -> bool:
        return halts(draw) and (
            draw.has(Kind.CRASH, "kill-switch") or draw.has(Kind.CRASH_SOON, "kill-switch")
        )

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        async def trip(self: KillSwitch, latch: Latch) -> int:
            known, number = self._latches, self._latches.generation + 1
            kept = tuple(other for other in known.latches if other.scope != latch.scope)
            new = Latch(latch.scope, latch.level, number, latch.reason, latch.cause)
            self._take(Latches(number, (*kept, new)), self._clock.monotonic())
            return number

        def engage(self: Gate, latches: tuple[Latch, ...], generation: int) -> bool:
            changed = latches != self.latches
            self.latches, self.generation, self.asked_for = latches, generation, {}
            return changed

        def engaged(self: Wallet, engage: Any) -> bool:
            return self._gate.engage(engage.latches, engage.generation)

        async def forget(self: KillSwitch, *_: Any) -> None:
            return None

        patch.setattr(KillSwitch, "trip", trip)
        patch.setattr(KillSwitch, "_remember", forget)
        patch.setattr(Gate, "engage", engage)
        patch.setattr(Wallet, "_engage", engaged)


class KeepsLatchesInMemory(Plant):
    """R14: a wallet does not write down which halts it has heard of."""

    faults = HALTS
    caught_by = frozenset({"I3", "I9"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        append = LogJournal.append

        def without(self: LogJournal, *events: LedgerEvent) -> None:
            append(self, *(event for event in events if not isinstance(event, Latched)))

        patch.setattr(LogJournal, "append", without)


class TellsOnce(Plant):
    """G3: a halt is told to each wallet once."""

    caught_by = frozenset({"I15", "I3"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        async def push(self: KillSwitch, name: Any) -> None:
            told = -1
            while name in self._places:
                changed = self._changed
                if self._latches.generation > told:
                    told = self._latches.generation
                    await self._ask(self._places[name], self._latches)
                await self._pause(1.0, changed)

        patch.setattr(KillSwitch, "_push", push)


class BelievesTheGate(Plant):
    """G3: a halt is complete when the wallet's gate is shut, whatever the venue has."""

    faults = HALTS
    caught_by = frozenset({"I3"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        async def shut(self: Halting) -> Engaged:
            return self.nothing_to_do()

        patch.setattr(Halting, "shut", Halting.nothing_to_do)
        patch.setattr(Halting, "look", shut)


class CountsTheSilentAsDone(Plant):
    """G3: a wallet that does not answer has nothing to halt."""

    caught_by = frozenset({"I3"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        newest = KillSwitch._newest

        def done(self: KillSwitch, place: WalletPlace) -> Engaged:
            answer = newest(self, place)
            is_silent = answer.orders < 0 and answer.generation < self._latches.generation
            return Engaged(place.wallet, self._latches.generation, True, 0, 0, 0) if is_silent else answer

        patch.setattr(KillSwitch, "_newest", done)


class OneWalletSpeaksForAll(Plant):
    """G3: a halt of the fleet is complete when it is complete somewhere."""

    faults = HALTS_AND_CUTS
    caught_by = frozenset({"I3"})

    def can_matter(self, draw: Draw) -> bool:
        return len(draw.fleet.wallets) > 1

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        progress = KillSwitch.progress

        def somewhere(self: KillSwitch) -> HaltProgress:
            told = progress(self)
            return msgspec.structs.replace(told, complete=any(answer.complete for answer in told.wallets))

        patch.setattr(KillSwitch, "progress", somewhere)


PLANTS: tuple[type[Plant], ...] = (
    AnyLeaseUnlatches,
    LatchesInMemory,
    KeepsLatchesInMemory,
    TellsOnce,
    BelievesTheGate,
    CountsTheSilentAsDone,
    OneWalletSpeaksForAll,
)
