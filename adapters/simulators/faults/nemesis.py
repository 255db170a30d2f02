"""A plan under way: it decides message by message, and keeps the truth about what really happened."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from adapters.clock import Clock
from adapters.simulators.faults.plan import Fault, Kind, Message, Plan, fault_for

PASSAGES_KEPT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What became of one message."""

    message: Message
    fault: Fault | None = None  # the one that bit; None also when one was meant and had nothing to bite
    delivered: int  # how often it reached its end: the venue, or the caller when it is news
    answered: bool = False  # whether the venue's own answer to it, unspoilt, reached the caller


class Nemesis:
    """Applies one plan after another. Several proxies may share it.

    Args:
        plan: what goes wrong from the beginning.
        chance: draws one number for each message of a plan with odds, so that a seed gives the same faults to the same
            messages.
    """

    def __init__(self, plan: Plan, chance: Random) -> None:
        self._chance = chance
        self._plan = plan
        self._counts = [0] * len(plan.steps)
        self._healed = asyncio.Event()
        self.passages: deque[Passage] = deque(maxlen=PASSAGES_KEPT)
        self._bites: Counter[Kind] = Counter()

    def strike(self, plan: Plan) -> None:
        """Follow this plan from now on; its counting begins here, and what the one before had stalled moves on."""
        self._healed.set()
        self._plan = plan
        self._counts = [0] * len(plan.steps)
        self._healed = asyncio.Event()

    def heal(self) -> None:
        """Nothing goes wrong any more. What was lost stays lost."""
        self.strike(Plan())

    async def sit_out(self, fault: Fault, clock: Clock) -> None:
        """Wait as long as the fault says, or for the end of the plan that is under way."""
        if fault.seconds is None:
            await self._healed.wait()
        else:
            await clock.sleep(fault.seconds)

    @property
    def skew(self) -> timedelta:
        """How far the venue's clock is ahead."""
        return self._plan.skew

    @property
    def bites(self) -> Mapping[Kind, int]:
        """How often each kind of fault really bit."""
        return self._bites

    def decide(self, message: Message) -> Fault | None:
        """The fault that the message is meant to meet."""
        for index, step in enumerate(self._plan.steps):
            self._counts[index] += step.where.holds(message)
        draw = self._chance.random() if self._plan.odds else 0.0
        return fault_for(self._plan, message, self._counts, draw)

    def record(self, passage: Passage) -> None:
        """Keep what became of a message."""
        self.passages.append(passage)
        if passage.fault is not None:
            self._bites[passage.fault.kind] += 1

    def skewed(self) -> None:
        """Count a message whose times were shifted."""
        self._bites[Kind.SKEWED] += 1
