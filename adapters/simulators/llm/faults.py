"""What a model server does wrong, and when: in turn as it is told, or at a rate."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One kind of bad answer."""

    PROSE = "prose"  # the right answer, with talk and a code fence around it
    MALFORMED = "malformed"  # the right answer in JSON that is none, but can be repaired
    NONSENSE = "nonsense"  # words without any JSON
    CUT = "cut"  # the end is missing, and finish_reason says so
    CUT_UNTOLD = "cut_untold"  # the end is missing, and nothing says so
    REFUSED = "refused"  # the model's own refusal
    FILTERED = "filtered"  # the provider's filter
    RATE_LIMITED = "rate_limited"  # 429
    RATE_LIMITED_WITH_WAIT = "rate_limited_with_wait"  # 429 with Retry-After
    OUT_OF_QUOTA = "out_of_quota"  # 429 that waiting does not help
    BROKEN = "broken"  # 500
    OVERLOADED = "overloaded"  # 503 with Retry-After
    NOT_JSON = "not_json"  # 200 with a web page
    NO_CHOICES = "no_choices"  # 200 with an error in it
    NO_USAGE = "no_usage"  # the right answer without its count of tokens
    RESET = "reset"  # the connection ends instead of an answer
    HANGS = "hangs"  # nothing, for ever


@dataclass(slots=True, kw_only=True)
class FaultPlan:
    """Faults in turn first, then at their rates by the seed's random numbers.

    Args:
        rates: fraction of requests, by kind; their sum is at most 1.
        seed: of the random numbers.
    """

    rates: Mapping[Fault, float] = field(default_factory=dict)
    seed: int = 7
    turns: deque[Fault | None] = field(default_factory=deque)  # ``None`` is an answer without fault
    _draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        if any(rate < 0 for rate in self.rates.values()) or sum(self.rates.values()) > 1:
            raise ValueError("rates are fractions of all requests and add up to 1 at most")
        self._draw = random.Random(self.seed)  # noqa: S311

    def next(self) -> Fault | None:
        """What goes wrong with the next request."""
        if self.turns:
            return self.turns.popleft()
        drawn = self._draw.random()
        for fault, rate in self.rates.items():
            drawn -= rate
            if drawn < 0:
                return fault
        return None
