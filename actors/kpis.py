"""What a bot counts of its own orders: how many wishes fail and why, how often it opens, how long an order takes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from math import ceil

import msgspec

from actors.messages import Outcome, OutcomeKind
from config.spec import BotSpec
from risk.intent import Intent, Purpose
from risk.verdict import Refused

LATENCIES_KEPT = 500
WISHES_KEPT = 200  # that the rejection rate looks at
HOUR_S = 3600.0


class Kpis(msgspec.Struct, frozen=True):
    """The counts since the bot's process began."""

    wishes: int = 0  # intents, and decisions that became none
    rejections: Mapping[str, int] = {}  # of them: by our rule's name, or by the class of the venue's error
    opens: int = 0  # orders sent that open a position
    opens_in_hour: int = 0  # of them, within the last one
    opens_per_hour_max: float | None = None  # that its guards and its interval allow; None without guards
    orders_timed: int = 0
    order_ms_p50: float | None = None  # from the decision to the venue's answer; None without an order
    order_ms_p95: float | None = None

    @property
    def rejected(self) -> int:
        """Wishes that became no order."""
        return sum(self.rejections.values())


class Counting:
    """Takes every cycle in.

    Args:
        opens_per_hour_max: of the bot.
    """

    def __init__(self, opens_per_hour_max: float | None) -> None:
        self._ceiling = opens_per_hour_max
        self._wishes = self._opens = 0
        self._rejections: Counter[str] = Counter()
        self._latest: deque[bool] = deque(maxlen=WISHES_KEPT)  # whether each was rejected
        self._opened_at: deque[float] = deque()  # monotonic, within the last hour
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._timed = 0

    def take(
        self,
        intents: Sequence[Intent],
        refusals: Iterable[Refused],
        outcomes: Sequence[Outcome],
        *,
        order_ms: float,
        now: float,
    ) -> None:
        """One cycle.

        Args:
            intents: what was submitted.
            refusals: what was not, by the bot's own line of defence.
            outcomes: the wallet's answers to the intents.
            order_ms: from the decision to these.
            now: by a monotonic clock.
        """
        for refusal in refusals:
            if refusal.is_enforced:
                self._count(refusal.rule)
        for intent, outcome in zip(intents, outcomes, strict=False):
            self._count(reason_of(outcome))
            if intent.purpose is Purpose.OPEN and outcome.kind is not OutcomeKind.REFUSED:
                self._opens += 1
                self._opened_at.append(now)
        if any(outcome.kind is OutcomeKind.PLACED for outcome in outcomes):
            self._latencies_ms.append(order_ms)
            self._timed += 1

    @property
    def rejection_rate(self) -> float | None:
        """Of the last wishes; ``None`` before the first."""
        return sum(self._latest) / len(self._latest) if self._latest else None

    def kpis(self, now: float) -> Kpis:
        """The counts, at a monotonic time."""
        while self._opened_at and now - self._opened_at[0] >= HOUR_S:
            self._opened_at.popleft()
        ordered = sorted(self._latencies_ms)
        return Kpis(
            wishes=self._wishes,
            rejections=dict(self._rejections),
            opens=self._opens,
            opens_in_hour=len(self._opened_at),
            opens_per_hour_max=self._ceiling,
            orders_timed=self._timed,
            order_ms_p50=quantile(ordered, 0.50),
            order_ms_p95=quantile(ordered, 0.95),
        )

    def _count(self, rejection: str) -> None:
        self._wishes += 1
        self._latest.append(bool(rejection))
        if rejection:
            self._rejections[rejection] += 1


def opens_per_hour_max(spec: BotSpec) -> float | None:
    """How many positions its guards and its interval let a bot open in an hour; ``None`` without guards."""
    if spec.exec_guards is None:
        return None
    return spec.exec_guards.max_new_positions_per_cycle * HOUR_S / spec.decision_interval.total_seconds()


def reason_of(outcome: Outcome) -> str:
    """Why it did not go through: our rule, or the class of the venue's error; empty where it did."""
    if outcome.refusal is not None:
        return outcome.refusal.rule
    if outcome.kind is OutcomeKind.PLACED:
        return ""
    return outcome.error_class or str(outcome.kind)


def quantile(ordered: Sequence[float], part: float) -> float | None:
    """The smallest value that so large a part of all does not exceed; ``None`` of nothing."""
    if not ordered:
        return None
    return ordered[max(0, ceil(part * len(ordered)) - 1)]
