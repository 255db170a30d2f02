"""What passes between a bot and the Decision pool: a question, and the advice with all that a record wants of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from adapters.llm.settings import Model
from adapters.model import ZERO
from strategies.decision import AnyDecision
from strategies.strategy import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one advice may use; ``None`` is no limit."""

    tokens: int | None = None
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A bot's question. No secret is in it."""

    executor: str
    view: View
    model: Model | None = None  # for an executor that asks one
    rules: Mapping[str, Any] = field(
        default_factory=dict
    )  # ``risk_params`` and ``exec_guards``, plain values
    earlier: tuple[AnyDecision, ...] = ()  # what was advised last
    allowance: Allowance | None = (
        None  # what the model may cost, from whoever keeps the books; None asks no model
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """An executor's answer. With an ``error`` it has no decisions: nothing is done, and nothing old is repeated."""

    decisions: tuple[AnyDecision, ...] = ()
    reasoning: str = ""  # the model's own, also when its answer was of no use
    prompt_digest: str = ""  # sha256 of the prompt, hex; empty where no model was asked
    prompt: str = ""  # the whole of it, where the bot's ``record_prompt`` says so
    model: str = ""  # as the endpoint names what answered
    requests: int = 0  # sent to the endpoint
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = ZERO
    latency_s: float = 0.0  # from the question to the answer, waits included
    error: str = ""
    error_class: str = ""
