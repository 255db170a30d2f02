"""What something costs, measured side by side with what else there is: rounds in turn, medians, ratios by round."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

Work = Callable[[], "Cost"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one operation, in seconds; as a ratio, of one cost over another."""

    wall: float
    cpu: float

    def over(self, other: Cost) -> Cost:
        return Cost(self.wall / other.wall, self.cpu / other.cpu)


Costs = list[Cost]


def interleaved(works: Mapping[str, Work], *, rounds: int) -> dict[str, Costs]:
    """Every work once a round, forwards and backwards in turn, so that a busy moment meets all of them."""
    costs: dict[str, Costs] = {name: [] for name in works}
    for number in range(rounds):
        for name in sorted(works, reverse=number % 2 == 1):
            gc.collect()
            costs[name].append(works[name]())
    return costs


def typical(costs: Costs) -> Cost:
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def ratio(ours: Costs, others: Costs) -> Cost:
    """The median of the rounds' own ratios."""
    return typical([our.over(other) for our, other in zip(ours, others, strict=True)])


def per_call(call: Callable[[], object], count: int) -> Cost:
    """Of one of ``count`` calls; CPU is this process's."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        call()
    return Cost((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count)


def per_answer(loop: asyncio.AbstractEventLoop, ask: Callable[[], Awaitable[object]], count: int) -> Cost:
    """Of one of ``count`` questions, each asked when the one before it is answered; CPU is this process's."""

    async def ask_all() -> Cost:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            await ask()
        return Cost((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count)

    return loop.run_until_complete(ask_all())
