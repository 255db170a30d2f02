"""Follows the Decision pool: what an executor advises arrives in the view like any other data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from adapters.errors import ConfigError
from adapters.llm.settings import Model
from adapters.model import Symbol
from strategies.checks import require_positive
from strategies.decision import AnyDecision, Quotes
from strategies.executors import LANGUAGE_MODEL, executor_reads
from strategies.strategy import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """Passes on the advice about its candidates; an open must be confident enough, a close never has to be."""

    kind: Literal["advised"] = "advised"
    executor: str = "quant"
    candidates: tuple[Symbol, ...]
    model: Model | None = None  # what executor llm asks
    min_confidence: int = 0  # 0 to 100
    bar_interval: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        try:
            executor_reads(self.executor)  # an unknown name is refused here, not in the pool
        except ConfigError as error:
            raise ConfigError(f"executor: {error}") from None
        if self.executor == LANGUAGE_MODEL and self.model is None:
            raise ValueError(
                "model: is missing; executor llm asks one: write model: {name: …, key: ${NAME}, …}"
            )
        if self.executor != LANGUAGE_MODEL and self.model is not None:
            raise ValueError(f"model: has no effect with executor {self.executor}; write executor: llm")
        require_positive(self, "bar_interval")
        if not self.candidates:
            raise ValueError("candidates: must name at least one market")
        if not 0 <= self.min_confidence <= 100:
            raise ValueError(f"min_confidence: must be from 0 to 100, is {self.min_confidence}")

    @property
    def indicators(self) -> tuple[str, ...]:
        """What the executor reads."""
        return executor_reads(self.executor)

    def decide(self, view: View) -> Sequence[AnyDecision]:
        return tuple(
            advice
            for advice in view.advice
            if advice.symbol in self.candidates and self._is_confident(advice)
        )

    def _is_confident(self, advice: AnyDecision) -> bool:
        if isinstance(advice, Quotes) or not advice.action.opens:
            return True
        return advice.confidence >= self.min_confidence
