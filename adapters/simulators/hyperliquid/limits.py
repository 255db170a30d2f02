"""How much may be asked: by one IP address a minute, and by one user for what he trades.

Source: Hyperliquid documentation, "Rate limits and user limits".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from adapters.clock import Clock
from adapters.simulators.hyperliquid.records import Record
from adapters.simulators.hyperliquid.refusals import RateExceeded, Refused
from adapters.simulators.hyperliquid.wire import plain

MINUTE_S = 60.0
WEIGHT = 20  # of a question that is not named here
WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "l2Book": 2,
        "allMids": 2,
        "clearinghouseState": 2,
        "orderStatus": 2,
        "spotClearinghouseState": 2,
        "exchangeStatus": 2,
        "userRole": 60,
    }
)
ITEMS_A_WEIGHT = 40  # of a batch: 1 + items / 40
SLOW_S = 10.0  # a user beyond his limit may act this often
CANCELS_EXTRA = 100_000


class IpWeights:
    """A bucket of weight for each IP address, refilled evenly; None never runs dry."""

    def __init__(self, weight_per_minute: int | None, clock: Clock) -> None:
        self._full = weight_per_minute
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # weight, and when that was

    def spend(self, ip: str, weight: int) -> None:
        """Raises ``RateExceeded``."""
        if self._full is None:
            return
        now = self._clock.monotonic()
        left, since = self._left.get(ip, (float(self._full), now))
        left = min(left + (now - since) * self._full / MINUTE_S, float(self._full))
        if left < weight:
            self._left[ip] = left, now
            raise RateExceeded
        self._left[ip] = left - weight, now


class UserRequests:
    """How many actions a user may send for what he has traded; None is any number."""

    def __init__(self, at_first: int | None, clock: Clock) -> None:
        self._at_first = at_first
        self._clock = clock
        self._slow_at: dict[str, float] = {}

    def cap(self, record: Record) -> int:
        """One request for each dollar, and those at first."""
        return (self._at_first if self._at_first is not None else 10_000) + int(record.volume)

    def spend(self, user: str, record: Record, items: int, *, is_cancel: bool) -> None:
        """Count ``items`` requests. Raises ``Refused`` beyond the limit, but for one in ten seconds."""
        cap = self.cap(record)
        limit = min(cap + CANCELS_EXTRA, cap * 2) if is_cancel else cap
        if self._at_first is not None and record.requests + items > limit:
            now = self._clock.monotonic()
            if now - self._slow_at.get(user, -SLOW_S) < SLOW_S:
                raise Refused(
                    f"Too many cumulative requests sent ({record.requests + items} > {cap}) for cumulative volume "
                    f"traded ${plain(round(Decimal(record.volume), 2))}. "
                    "Place taker orders to free up 1 request per USDC traded."
                )
            self._slow_at[user] = now
        record.requests += items


def weight_of_question(kind: str) -> int:
    """Of one question of the info endpoint."""
    return WEIGHTS.get(kind, WEIGHT)


def weight_of_batch(items: int) -> int:
    """Of one action."""
    return 1 + items // ITEMS_A_WEIGHT
