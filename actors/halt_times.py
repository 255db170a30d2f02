"""How long each step of a halt took, by the kill switch's own clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from actors.messages import Engaged
from adapters.model import WalletId


class StepTimes(msgspec.Struct, frozen=True):
    """Seconds from the order to the first answer that showed the step done; ``None`` where none has, or none must."""

    gate_s: float | None = None  # the wallet has the halts on its own disk: no opening order passes any more
    empty_s: float | None = None  # no order rests that a halt wants gone
    flat_s: float | None = None  # no position is open that a halt wants closed
    verified_s: float | None = None  # both, and no order of unknown outcome is left


class HaltTimes(msgspec.Struct, frozen=True):
    """The steps of the newest change of the halts, for every wallet and for the slowest of each step."""

    generation: int
    latched_s: float  # on disk
    wallets: Mapping[WalletId, StepTimes]
    overall: StepTimes  # a step that one wallet has not done is not done


class Stopwatch:
    """Begins when a halt is ordered; every answer stops what it shows."""

    def __init__(self, began: float, generation: int, latched: float) -> None:
        self._began = began
        self._generation = generation
        self._latched_s = round(latched - began, 6)
        self._wallets: dict[WalletId, StepTimes] = {}
        self._flattening: set[WalletId] = set()

    def hear(self, answer: Engaged, now: float) -> None:
        """A wallet's answer; one to an older generation shows nothing."""
        if answer.generation < self._generation:
            return
        known = self._wallets.get(answer.wallet, StepTimes())
        elapsed = round(now - self._began, 6)
        if answer.wants_flat:
            self._flattening.add(answer.wallet)

        def first(before: float | None, is_done: bool) -> float | None:
            return elapsed if before is None and is_done else before

        self._wallets[answer.wallet] = StepTimes(
            gate_s=first(known.gate_s, True),
            empty_s=first(known.empty_s, answer.orders == 0),
            flat_s=first(known.flat_s, answer.wants_flat and answer.positions == 0),
            verified_s=first(known.verified_s, answer.complete),
        )

    def read(self, wallets: Collection[WalletId]) -> HaltTimes:
        """The times of these wallets."""
        known = {wallet: self._wallets.get(wallet, StepTimes()) for wallet in sorted(wallets)}
        overall = StepTimes(
            gate_s=_slowest([times.gate_s for times in known.values()]),
            empty_s=_slowest([times.empty_s for times in known.values()]),
            flat_s=_slowest([known[wallet].flat_s for wallet in known if wallet in self._flattening]),
            verified_s=_slowest([times.verified_s for times in known.values()]),
        )
        return HaltTimes(self._generation, self._latched_s, known, overall)


def _slowest(steps: list[float | None]) -> float | None:
    done = [step for step in steps if step is not None]
    return max(done, default=None) if len(done) == len(steps) else None
