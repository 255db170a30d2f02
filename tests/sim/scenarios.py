"""Runs that go by a script: the few seconds in which a rule of the lease protocol is all that stands in the way.

A script happens with the bug and without it. Where a second guard would hide whether the first works, the script takes
the second one away in both, so that the control shows that the first is enough.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import replace
from typing import Any

import pytest

from actors.lending import Answer, Lending
from actors.messages import GuardAnswer
from adapters.errors import Fenced, OutcomeUnknown
from adapters.model import ClientOrderId, Order, OrderReport
from adapters.paper.client import PaperClient
from adapters.paper.wire import Place
from cluster.simulation.faults import Fault, Kind
from cluster.simulation.ground import Ground
from cluster.simulation.loop import Process, current
from cluster.simulation.nemesis import Nemesis
from cluster.simulation.network import Network, Route
from cluster.simulation.wiring import RemoteGuard
from config.spec import FleetSpec
from risk.leases import CLOCK_ERROR, TAU, Renewal

PATIENCE_S = 60.0  # of a wallet that waits for its guard however long it takes
GIVES_UP_S = 0.05  # after which a sender hears that its connection broke
FENCE_S = (TAU + 2 * CLOCK_ERROR).total_seconds()
LATEST_S = TAU.total_seconds() - 0.06  # within an order's expiry, and what its way takes anyway


def hold_up(patch: pytest.MonkeyPatch, late_s: Callable[[Route, object], float]) -> None:
    """Let messages arrive later than they would; ``late_s`` says by how many seconds."""
    deliver = Network._deliver

    def held(self: Network, route: Route, at_s: float, what: str, body: bytes, *rest: Any) -> None:
        deliver(self, route, at_s + late_s(route, rest[-1]), what, body, *rest)

    patch.setattr(Network, "_deliver", held)


def outliving_orders(patch: pytest.MonkeyPatch, seed: int, late_s: tuple[float, float]) -> None:
    """Some orders that may open are on their way for so long, while their sender hears that the connection broke.

    Args:
        patch: undoes it all.
        seed: of which they are.
        late_s: at least and at most so many seconds.
    """
    draw = random.Random(f"outliving/{seed}")
    place = PaperClient.place
    held: dict[ClientOrderId, float] = {}

    async def broken(self: PaperClient, order: Order) -> OrderReport:
        if order.reduce_only or order.type.is_trigger or order.id in held or draw.random() < 0.7:
            return await place(self, order)
        held[order.id] = draw.uniform(*late_s)
        asyncio.create_task(place(self, order))  # noqa: RUF006  # the loop keeps every task
        await asyncio.sleep(GIVES_UP_S)
        raise OutcomeUnknown("the connection broke before the answer")

    def late(_: Route, message: object) -> float:
        return held.get(message.order.id, 0.0) if isinstance(message, Place) else 0.0

    patch.setattr(PaperClient, "place", broken)
    hold_up(patch, late)


def lose_sight(patch: pytest.MonkeyPatch) -> Set[Process]:
    """Let failovers leave the old wallet at work, for a successor on a host that has never seen it.

    No signal of the cluster reaches the old one; its bots, the guard, market data and the venue do. The guard does not
    tell it that it was succeeded: it would end, which would hide whether the lease and the fence are enough.

    Returns:
        The lost, as they come to be.
    """
    lost: set[Process] = set()
    signal, renew = Ground._signal, Lending.renew

    def lose(self: Nemesis, fault: Fault) -> bool:
        actor = self._ground.living.get(fault.where[0])
        if actor is None:
            return False
        lost.add(actor.process)
        self._placement.move(fault.where[0])
        self._ground.forget(actor)
        self._ground.after(fault.lasts_s, self._ground.end, actor.process)
        return True

    def unless_lost(self: Ground, process: Process, killer: Process) -> None:
        if process not in lost:
            signal(self, process, killer)

    async def silently(self: Lending, renewal: Renewal, *, is_latched: bool) -> Answer:
        try:
            return await renew(self, renewal, is_latched=is_latched)
        except Fenced:
            return Answer()

    patch.setattr(Nemesis, "_failover", lose)
    patch.setattr(Ground, "_signal", unless_lost)
    patch.setattr(Lending, "renew", silently)
    return lost


def late_orders(patch: pytest.MonkeyPatch, senders: Set[Process]) -> None:
    """What these send is on its way for almost as long as the venue may take it."""

    def late(route: Route, message: object) -> float:
        return LATEST_S if route.src in senders and isinstance(message, Place) else 0.0

    hold_up(patch, late)


def patient_wallets(patch: pytest.MonkeyPatch) -> None:
    """Wallets wait for the guard's answer however long it takes."""

    async def patiently(self: RemoteGuard, renewal: Renewal) -> GuardAnswer:
        process, actor = self.find()
        answer: GuardAnswer = await self.calls.ask(process, actor, "renew", renewal, timeout_s=PATIENCE_S)
        return answer

    patch.setattr(RemoteGuard, "renew", patiently)


def late_leases(patch: pytest.MonkeyPatch, seed: int, fleet: FleetSpec, plan: Iterable[Fault]) -> None:
    """The last lease before a planned failover comes when the successor has got one, or almost."""
    draw, ttl_s = random.Random(f"answers/{seed}"), fleet.limits.lease_ttl.total_seconds()
    to_come = list(plan)

    def late(route: Route, message: object) -> float:
        if isinstance(message, GuardAnswer) and message.lease is not None:
            now = asyncio.get_running_loop().time()
            for move in to_come:
                if move.where[0] == route.dst.name and 0 <= move.at_s - now < ttl_s / 3:
                    to_come.remove(move)
                    return FENCE_S + ttl_s * draw.uniform(1.5, 2.2)
        return 0.0

    hold_up(patch, late)


def repeated_leases(patch: pytest.MonkeyPatch, seed: int) -> None:
    """Now and then a wallet's call to the guard is answered with what was the answer to an older one."""
    draw = random.Random(f"replays/{seed}")
    renew = RemoteGuard.renew
    heard: dict[Process, list[GuardAnswer]] = {}

    async def again(self: RemoteGuard, renewal: Renewal) -> GuardAnswer:
        answer = await renew(self, renewal)
        answers = heard.setdefault(current(), [])
        if answer.lease is not None:
            answers.append(answer)
        return draw.choice(answers) if answers and draw.random() < 0.3 else answer

    patch.setattr(RemoteGuard, "renew", again)


def moves(seed: int, fleet: FleetSpec, horizon_s: float) -> tuple[Fault, ...]:
    """One wallet after the other fails over; the old one is ended when it has long been replaced."""
    draw, ttl_s = random.Random(f"moves/{seed}"), fleet.limits.lease_ttl.total_seconds()
    needs_s, lasts_s = FENCE_S + 3 * ttl_s + 1, FENCE_S + 4 * ttl_s + 1

    def planned() -> Iterator[Fault]:
        at_s, number = 2 * ttl_s + draw.uniform(2, 4), 1
        while at_s + needs_s < horizon_s:
            wallet = fleet.wallets[number % len(fleet.wallets)].name
            yield Fault(
                number=number,
                kind=Kind.FAILOVER,
                at_s=at_s,
                lasts_s=min(lasts_s, horizon_s - at_s),
                where=(f"wallet:{wallet}",),
            )
            at_s, number = at_s + lasts_s + draw.uniform(0, 2), number + 1

    return tuple(planned())


def moves_of_the_frozen(seed: int, fleet: FleetSpec, horizon_s: float) -> tuple[Fault, ...]:
    """The same, each right after it was frozen for so long that its successor is at work when it goes on."""
    draw, ttl_s = random.Random(f"pauses/{seed}"), fleet.limits.lease_ttl.total_seconds()

    def planned() -> Iterator[Fault]:
        for move in moves(seed, fleet, horizon_s):
            pause_s = FENCE_S + ttl_s * draw.uniform(2.0, 2.4)
            yield replace(move, kind=Kind.FREEZE, lasts_s=pause_s, number=2 * move.number - 1)
            yield replace(move, at_s=move.at_s + 0.01, number=2 * move.number)

    return tuple(planned())
