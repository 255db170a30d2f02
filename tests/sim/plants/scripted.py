"""Bugs that only a few seconds can show, so their runs go by a script: see ``tests.sim.scenarios``."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actors import lending, order_desk, reclaim, recovery
from actors.gate import Gate
from actors.leasing import Leasing
from actors.messages import GuardAnswer
from actors.reclaim import Reclaim
from actors.resolution import Dead, Resolution, looked_up
from adapters.errors import NotFound, VenueError
from adapters.model import Order, OrderReport
from adapters.paper.client import PaperClient
from adapters.venue import Fence
from cluster.simulation.faults import Fault, Kind
from cluster.simulation.fleet import a_fleet
from cluster.simulation.loop import Process, current
from cluster.simulation.nemesis import Nemesis
from cluster.simulation.world import HORIZON_S
from config.spec import FleetSpec
from risk.leases import Lease, holder_deadline
from tests.sim import scenarios
from tests.sim.plant import Draw, Plant
from tests.sim.weights import PEACE

OVERDRAWN = frozenset({"I1", "I8", "R1"})


class SendsNoExpiry(Plant):
    """R3: the venue is not told until when it may take an order.

    Script: orders arrive 2.5 to 4.5 s after they were sent, when the wallet has long read that there are none.
    """

    faults = PEACE
    caught_by = OVERDRAWN | {"I7", "bot limit"}

    def can_matter(self, draw: Draw) -> bool:
        return draw.fence is Fence.EXPIRY

    def stage(self, patch: pytest.MonkeyPatch, seed: int) -> None:
        scenarios.outliving_orders(patch, seed, (2.5, 4.5))

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        place = PaperClient.place

        async def without(self: PaperClient, order: Order) -> OrderReport:
            return await place(self, replace(order, expires_at=None))

        patch.setattr(PaperClient, "place", without)


class NotFoundIsProof(Plant):
    """R4: an order that the venue does not have yet is taken for one that it will never have.

    Script: orders arrive 0.5 to 1.8 s after they were sent, within their expiry.
    """

    faults = PEACE
    caught_by = OVERDRAWN | {"I7", "bot limit"}

    def can_matter(self, draw: Draw) -> bool:
        return draw.fence is Fence.EXPIRY

    def stage(self, patch: pytest.MonkeyPatch, seed: int) -> None:
        scenarios.outliving_orders(patch, seed, (0.5, 1.8))

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def at_once(order: Order, said: OrderReport | VenueError, **known: Any) -> Resolution:
            return Dead("it is not there") if isinstance(said, NotFound) else looked_up(order, said, **known)

        patch.setattr(order_desk, "looked_up", at_once)
        patch.setattr(recovery, "looked_up", at_once)


class Succeeded(Plant):
    """A wallet that the cluster lost from sight goes on beside its successor, which has no journal."""

    caught_by = OVERDRAWN

    def plan(self, seed: int, fleet: FleetSpec, fence: Fence, horizon_s: float) -> tuple[Fault, ...]:
        return scenarios.moves(seed, fleet, horizon_s)

    def can_matter(self, draw: Draw) -> bool:
        return draw.fence is Fence.EXPIRY and draw.has(Kind.FAILOVER)

    def stage(self, patch: pytest.MonkeyPatch, seed: int) -> None:
        scenarios.late_orders(patch, scenarios.lose_sight(patch))


class ReclaimsWithoutAFence(Succeeded):
    """R12: a wallet without its journal waits neither for the lapse of its predecessor's lease nor for a fence.

    Script: a wallet is succeeded, and what it still sends is on its way for almost 2 s.
    """

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        async def done(self: Reclaim) -> None:
            self.is_done = True

        patch.setattr(Reclaim, "step", done)
        patch.setattr(lending, "lapsed_at", lambda sent_at, ttl_s: sent_at)


class ReclaimsTooEarly(Succeeded):
    """R12: a reclaim does not wait for what its predecessor had on its way.

    Script: a wallet is succeeded, and what it still sends is on its way for almost 2 s.
    """

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(reclaim, "TAU", timedelta(seconds=-60))


class DeadlineFromReceipt(Succeeded):
    """R6: a lease begins when its answer comes.

    Script: a wallet is succeeded, and its last lease comes very late. Its own timeout for the guard's answers, which
    would hide that, is gone with the bug and without.
    """

    def stage(self, patch: pytest.MonkeyPatch, seed: int) -> None:
        super().stage(patch, seed)
        fleet = a_fleet(seed)
        scenarios.late_leases(patch, seed, fleet, scenarios.moves(seed, fleet, HORIZON_S))
        scenarios.patient_wallets(patch)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        renew = Leasing.renew

        async def from_now(self: Leasing, *about: Any, **more: Any) -> GuardAnswer:
            held = self._gate.lease
            answer = await renew(self, *about, **more)
            if self._gate.lease is not held and answer.lease is not None:
                self._gate._deadline = holder_deadline(self._clock.monotonic(), answer.lease.ttl_s)
            return answer

        patch.setattr(Leasing, "renew", from_now)


class ClockStopsInPause(Succeeded):
    """R6: the lease's clock stands still while the wallet is frozen.

    Script: a wallet is frozen, succeeded, and goes on when its successor is at work.
    """

    def plan(self, seed: int, fleet: FleetSpec, fence: Fence, horizon_s: float) -> tuple[Fault, ...]:
        return scenarios.moves_of_the_frozen(seed, fleet, horizon_s)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        freeze, thaw, ask, left_s = Nemesis._freeze, Nemesis._thaw, Gate.ask, Gate.left_s
        began: dict[Process, float] = {}
        slept: dict[Process, float] = {}

        def frozen(self: Nemesis, fault: Fault) -> bool:
            is_new, process = freeze(self, fault), self._process(fault)
            if is_new and process is not None:
                began[process] = self._ground.loop.time()
            return is_new

        def thawed(self: Nemesis, process: Process) -> None:
            if process in began:
                slept[process] = slept.get(process, 0.0) + self._ground.loop.time() - began.pop(process)
            thaw(self, process)

        patch.setattr(Nemesis, "_freeze", frozen)
        patch.setattr(Nemesis, "_thaw", thawed)
        patch.setattr(Gate, "ask", lambda self, now: ask(self, now - slept.get(current(), 0.0)))
        patch.setattr(Gate, "left_s", lambda self, now: left_s(self, now - slept.get(current(), 0.0)))


class TakesStaleLeases(Plant):
    """R10: any lease for this incarnation is taken, neither asked for by number nor newer than the one in force.

    Script: the guard's older answers come again in place of new ones.
    """

    faults = PEACE
    caught_by = OVERDRAWN

    def can_matter(self, draw: Draw) -> bool:
        return len(draw.fleet.wallets) > 1

    def stage(self, patch: pytest.MonkeyPatch, seed: int) -> None:
        scenarios.repeated_leases(patch, seed)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        def any_lease(self: Gate, lease: Lease, newest: tuple[int, int]) -> bool:
            return lease.incarnation == self._incarnation

        patch.setattr(Gate, "awaits", any_lease)


PLANTS: tuple[type[Plant], ...] = (
    SendsNoExpiry,
    NotFoundIsProof,
    DeadlineFromReceipt,
    ClockStopsInPause,
    TakesStaleLeases,
    ReclaimsWithoutAFence,
    ReclaimsTooEarly,
)
