"""The strategy that wants nothing: it watches, and whatever it holds keeps its stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adapters.model import Symbol
from strategies.decision import AnyDecision
from strategies.strategy import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Decides nothing, whatever it sees."""

    kind: Literal["hold"] = "hold"
    symbols: tuple[Symbol, ...] = ()

    def decide(self, view: View) -> Sequence[AnyDecision]:
        return ()
