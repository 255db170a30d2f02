"""Which nonces a signer has used."""

from __future__ import annotations

from bisect import bisect_left, insort
from datetime import datetime, timedelta

from adapters.simulators.hyperliquid.refusals import Refused
from adapters.simulators.hyperliquid.wire import millis

KEPT = 100
BEHIND_MAX = timedelta(days=2)
AHEAD_MAX = timedelta(days=1)


class Nonces:
    """The highest nonces of each signer, an API wallet counting as one of its own.

    Source: Hyperliquid documentation, "Nonces and API wallets".
    """

    def __init__(self) -> None:
        self._used: dict[str, list[int]] = {}

    def use(self, signer: str, nonce: int, now: datetime) -> None:
        """Use it up.

        Raises:
            Refused: it was used, is below all that are kept, or is too far from the venue's time.
        """
        oldest, newest = millis(now - BEHIND_MAX), millis(now + AHEAD_MAX)
        if nonce <= oldest:
            raise Refused(f"Invalid nonce: nonce too low {nonce} < {oldest}")
        if nonce >= newest:
            raise Refused(f"Invalid nonce: nonce too high {nonce} > {newest}")
        used = self._used.setdefault(signer, [])
        place = bisect_left(used, nonce)
        if place < len(used) and used[place] == nonce:
            raise Refused(f"Invalid nonce: duplicate nonce {nonce}")
        if len(used) == KEPT:
            if place == 0:
                raise Refused(f"Invalid nonce: nonce too low {nonce} < {used[0]}")
            del used[0]
        insort(used, nonce)

    def forget(self, signer: str) -> None:
        """As happens to an API wallet that is replaced: what it had signed may be replayed."""
        self._used.pop(signer, None)
