"""Everything between two processes: it takes time, and may be late, lost, doubled, overtaken or cut off."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cluster.simulation.chronicle import Trace
from cluster.simulation.loop import Process, SimLoop

LOCAL_S = (0.0001, 0.002)  # a unix socket
REMOTE_S = (0.0005, 0.02)
SLOW_S = (0.5, 15.0)
VENUE_TAU_S = 2.0  # for how long an order may be on its way
VENUE_ERR_S = 0.5  # how wrong a wallet may be about the venue's time
HEALED_WITHIN_S = 2.0  # whatever is late when everything heals, comes this soon


def edges(ttl_s: float) -> tuple[float, ...]:
    """The protocol's own times and their sums: what is wrong by a little is found just there."""
    fence = VENUE_TAU_S + 2 * VENUE_ERR_S
    return (ttl_s / 3, VENUE_TAU_S, VENUE_TAU_S + VENUE_ERR_S, fence, 1.0, ttl_s, ttl_s + fence)


class Leg(Enum):
    """Which part of a conversation a message is."""

    ASKING = "lost requests"  # the fault that loses it
    ANSWERING = "lost answers"
    SURE = ""  # none does


@dataclass(slots=True)
class Weather:
    """How likely one message meets each fault; all 0 is a network that works."""

    request_loss: float = 0.0
    answer_loss: float = 0.0
    duplication: float = 0.0
    slowness: float = 0.0
    reset: float = 0.0  # the connection breaks instead

    def loss(self, leg: Leg) -> float:
        """How likely a message of this leg is lost."""
        if leg is Leg.ASKING:
            return self.request_loss
        return self.answer_loss if leg is Leg.ANSWERING else 0.0


class Route:
    """One direction of a conversation. What it meets is drawn from its own numbers, whatever happens elsewhere."""

    __slots__ = ("dst", "is_local", "is_ordered", "label", "last_s", "random", "src")

    def __init__(self, src: Process, dst: Process, label: str, seed: str, *, is_ordered: bool) -> None:
        self.src = src
        self.dst = dst
        self.label = label
        self.is_local = src.host == dst.host
        self.is_ordered = is_ordered or self.is_local
        self.random = random.Random(seed).random  # noqa: S311
        self.last_s = 0.0


class Network:
    """Carries messages. Between processes of one host none is lost, and they stay in order.

    Args:
        loop: the time.
        seed: of all that messages meet.
        ttl_s: of a lease, for the delays that matter most.
        trace: told of every arrival.
    """

    def __init__(self, loop: SimLoop, seed: int, ttl_s: float, trace: Trace) -> None:
        self.weather = Weather()
        self.heals_at = float("inf")
        self.listeners: list[Callable[[Route, object], None]] = []  # told of every message that arrives
        self.loop = loop
        self.trace = trace
        self._seed = seed
        self._edges = edges(ttl_s)
        self._routes: dict[str, int] = {}
        self._cut: dict[tuple[str, str], list[str]] = {}  # (from host, to host) to the faults that cut it

    def route(self, src: Process, dst: Process, *, is_ordered: bool = False) -> Route:
        """A new direction between two processes."""
        label = f"{src.name}>{dst.name}"
        number = self._routes[label] = self._routes.get(label, 0) + 1
        return Route(src, dst, label, f"{self._seed}/{label}/{number}", is_ordered=is_ordered)

    def carry(
        self,
        route: Route,
        what: str,
        body: bytes,
        arrive: Callable[[], None],
        *,
        leg: Leg,
        lost: Callable[[], None] | None = None,
        shown: object = None,
    ) -> None:
        """Send one message; ``arrive`` is called at the other end, in its process, as often as it comes.

        Args:
            route: from where to where.
            what: the kind of message.
            body: what the trace's digest takes of it.
            arrive: takes it in.
            leg: which part of a conversation it is.
            lost: told when it is.
            shown: what people are shown of it.
        """
        if not route.src.alive:
            return
        draw = route.random
        base, slow, edge, jitter = draw(), draw(), draw(), draw()
        dropped, doubled, again = draw(), draw(), draw()
        now = self.loop.time()
        if route.is_local:
            self._deliver(route, now + _within(LOCAL_S, base), what, body, arrive, lost, shown)
            return
        delay = _within(REMOTE_S, base)
        if slow < self.weather.slowness:
            self.trace.bite("slow messages")
            delay = _within(SLOW_S, jitter) if edge < 0.3 else self._near_an_edge(edge, jitter)
            if now + delay > self.heals_at + HEALED_WITHIN_S:
                delay = max(0.0, self.heals_at - now) + jitter * HEALED_WITHIN_S
        if dropped < self.weather.loss(leg):
            self.trace.bite(leg.value)
            self.trace.add(now, route.label, f"LOST {what}")
            if lost is not None:
                lost()
            return
        self._deliver(route, now + delay, what, body, arrive, lost, shown)
        if doubled < self.weather.duplication and not route.is_ordered:
            self.trace.bite("doubled messages")
            self._deliver(route, now + delay + again * 2, what, body, arrive, None, shown)

    def cut(self, src: str, dst: str, why: str) -> None:
        """Nothing arrives from one host at the other any more, until it is ``mend``-ed as often."""
        self._cut.setdefault((src, dst), []).append(why)

    def mend(self, src: str, dst: str, why: str) -> None:
        """Take back one ``cut``."""
        self._cut[src, dst].remove(why)

    def mend_all(self) -> None:
        """Every host reaches every other."""
        self._cut.clear()

    def is_cut(self, src: Process, dst: Process) -> bool:
        """Whether nothing arrives from one at the other at this instant."""
        return src.host != dst.host and bool(self._cut.get((src.host, dst.host)))

    def _near_an_edge(self, edge: float, jitter: float) -> float:
        chosen = self._edges[int((edge - 0.3) / 0.7 * len(self._edges)) % len(self._edges)]
        return max(0.001, chosen + (jitter - 0.5) * 0.4)

    def _deliver(
        self,
        route: Route,
        at_s: float,
        what: str,
        body: bytes,
        arrive: Callable[[], None],
        lost: Callable[[], None] | None,
        shown: object,
    ) -> None:
        if route.is_ordered:
            at_s = route.last_s = max(at_s, route.last_s + 1e-6)
        self.loop.call_at(
            at_s, self._arrive, route, what, body, arrive, lost, shown, context=route.dst.context
        )

    def _arrive(
        self,
        route: Route,
        what: str,
        body: bytes,
        arrive: Callable[[], None],
        lost: Callable[[], None] | None,
        shown: object,
    ) -> None:
        if self.is_cut(route.src, route.dst):
            self.trace.bite(self._cut[route.src.host, route.dst.host][0])
            self.trace.add(self.loop.time(), route.label, f"CUT {what}")
            if lost is not None:
                lost()
            return
        self.trace.add(self.loop.time(), route.label, what, body, shown)
        for hear in self.listeners:
            hear(route, shown)
        arrive()


def _within(bounds: tuple[float, float], share: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * share
