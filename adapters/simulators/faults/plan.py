"""What goes wrong, as values, and the one decision that both proxies ask for: which fault does this message meet?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase


class Way(StrEnum):
    """Where a message goes, and whether it is answered."""

    REQUEST = "request"  # to the venue, answered
    SAID = "said"  # to the venue on a stream
    NEWS = "news"  # from the venue on a stream


class Kind(StrEnum):
    """One kind of fault. *Before* is before the venue has the request, *after* is when it has acted on it."""

    REQUEST_LOST = "request_lost"  # never delivered; the caller hears nothing
    REQUEST_DELAYED = "request_delayed"  # delivered late, also when the caller has given up by then
    REQUEST_DUPLICATED = "request_duplicated"  # delivered twice; the first answer counts
    ANSWER_LOST = "answer_lost"  # delivered; the caller hears nothing
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    ERROR_BEFORE = "error_before"  # 5xx
    ERROR_AFTER = "error_after"  # 5xx
    RATE_LIMITED = "rate_limited"  # 429, not delivered
    RATE_LIMITED_WITH_WAIT = "rate_limited_with_wait"  # 429 that says for how long
    TRUNCATED = "truncated"  # delivered, as are the next three; the answer breaks off
    HTML = "html"
    WRONG_TYPES = "wrong_types"
    EMPTY = "empty"
    STALE = "stale"  # the answer from before, without asking the venue; on a stream, news that never come
    DROPPED = "dropped"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"  # the next message overtakes it
    DELAYED = "delayed"  # and with it what follows
    STALLED = "stalled"  # the connection looks alive, and nothing comes
    CUT = "cut"  # the connection ends
    SKEWED = "skewed"  # a time that the venue told, shifted by ``Plan.skew``


BEFORE = frozenset(
    {
        Kind.REQUEST_LOST,
        Kind.RESET_BEFORE,
        Kind.ERROR_BEFORE,
        Kind.RATE_LIMITED,
        Kind.RATE_LIMITED_WITH_WAIT,
    }
)
MALFORMED = frozenset({Kind.TRUNCATED, Kind.HTML, Kind.WRONG_TYPES, Kind.EMPTY})
AFTER = frozenset({Kind.ANSWER_LOST, Kind.RESET_AFTER, Kind.ERROR_AFTER}) | MALFORMED
ON_STREAMS = frozenset(
    {Kind.STALE, Kind.DROPPED, Kind.DUPLICATED, Kind.REORDERED, Kind.DELAYED, Kind.STALLED, Kind.CUT}
)
ON_THE_WAY = frozenset({Kind.REQUEST_DELAYED, Kind.REQUEST_DUPLICATED})
ON_REQUESTS = BEFORE | ON_THE_WAY | AFTER | {Kind.STALE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request, or one message of a stream, as a proxy sees it."""

    way: Way
    verb: str  # "POST", "TEXT"; on a link the message's own name: "Place"
    path: str = ""  # "/exchange"; empty on a link
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A predicate as a value; what is left out holds for everything. Verb and path are shell patterns."""

    way: Way | None = None
    verb: str = "*"
    path: str = "*"
    containing: bytes = b""  # somewhere in the body

    def holds(self, message: Message) -> bool:
        """Whether the message is meant."""
        return (
            self.way in (None, message.way)
            and fnmatchcase(message.verb, self.verb)
            and fnmatchcase(message.path, self.path)
            and self.containing in message.body
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind of fault with its measure."""

    kind: Kind
    status: int = 503  # of a 5xx
    seconds: float | None = None  # a rate limit's wait, a delay, a stall (None: until healed)

    def fits(self, way: Way) -> bool:
        """Whether a message that goes this way can meet it."""
        return self.kind in (ON_REQUESTS if way is Way.REQUEST else ON_STREAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The ``nth`` message that ``where`` holds for meets the fault, and as many after it as ``times`` says."""

    fault: Fault
    where: Where = field(default_factory=Where)
    nth: int = 1
    times: int | None = 1  # None: all from there on

    def is_due(self, count: int) -> bool:
        """Whether the ``count``-th message that the step holds for meets the fault."""
        return count >= self.nth and (self.times is None or count < self.nth + self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """The share of the messages that ``where`` holds for, which meet the fault."""

    fault: Fault
    rate: float  # 0 to 1
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that goes wrong: what is scripted comes first, then chance; and how far the venue's clock is ahead."""

    steps: tuple[Step, ...] = ()
    odds: tuple[Odds, ...] = ()
    skew: timedelta = timedelta(0)


def script(*faults: Fault | Kind, where: Where | None = None, first: int = 1) -> Plan:
    """A plan in which consecutive messages that ``where`` holds for meet these faults, one each."""
    return Plan(
        steps=tuple(
            Step(
                fault=fault if isinstance(fault, Fault) else Fault(kind=fault),
                where=where or Where(),
                nth=nth,
            )
            for nth, fault in enumerate(faults, start=first)
        )
    )


def fault_for(plan: Plan, message: Message, counts: Sequence[int], draw: float) -> Fault | None:
    """Which fault the message meets.

    Args:
        plan: what goes wrong.
        message: the request, or the stream's message.
        counts: for each of the plan's steps, how many messages it has held for, this one included.
        draw: chance's number for this message, from 0 up to but without 1.
    """
    for step, count in zip(plan.steps, counts, strict=True):
        if step.where.holds(message) and step.is_due(count) and step.fault.fits(message.way):
            return step.fault
    for odds in plan.odds:
        if odds.where.holds(message) and odds.fault.fits(message.way):
            if draw < odds.rate:
                return odds.fault
            draw -= odds.rate
    return None
