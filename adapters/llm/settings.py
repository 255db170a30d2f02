"""Which language model a bot asks, and what that may cost. Standard library only: a bot carries it along."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import NewType

from adapters.model import ZERO

SecretRef = NewType("SecretRef", str)  # "${NAME}": where a secret is found, never the secret itself
Template = NewType("Template", str)  # a prompt template's text

REQUESTS_MAX = 3  # for one advice: the question, and what is tried again
MILLION = Decimal(1_000_000)
NANO_USD = Decimal("1e-9")  # costs are rounded up to it
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


def variable(reference: SecretRef) -> str:
    """The variable that a reference names. Raises ``ValueError`` for anything else, without repeating it."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError("is written out; write ${NAME} and set NAME in the env_file")
    return found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model at one endpoint, as one bot uses it."""

    name: str  # in the endpoint's words
    base_url: str = "https://api.openai.com/v1"
    key: SecretRef | None = None  # None for an endpoint that asks for none
    deadline: timedelta = timedelta(seconds=25)  # for one advice, all requests and waits of it
    concurrency: int = 8  # requests at once to this endpoint, from one Decision actor
    temperature: float | None = None  # None leaves the endpoint's own
    prompt_tokens_max: int = 32_000  # of one request
    output_tokens_max: int = 4_000  # of one answer, the model's thinking included
    prompt_usd_per_mtok: Decimal = ZERO  # price of a million prompt tokens
    output_usd_per_mtok: Decimal = ZERO  # price of a million output tokens
    tokens_per_day_max: int | None = None  # of the bot, per UTC day
    cost_usd_per_day_max: Decimal | None = None  # of the bot, per UTC day
    template: Template | None = None  # the instructions; None takes the built-in ones
    record_prompt: bool = False  # whether the cycle's record has the prompt or only its digest

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: is empty; write the model's name at the endpoint")
        if not re.match(r"https?://[^\s/?#@]+(/[^\s?#]*)?$", self.base_url):
            raise ValueError("base_url: is no address; write http(s)://host/v1 without user or query")
        if self.key is not None:
            try:
                variable(self.key)
            except ValueError as error:
                raise ValueError(f"key: {error}") from None
        for name in ("deadline", "concurrency", "prompt_tokens_max", "output_tokens_max"):
            value = getattr(self, name)
            if not value > (timedelta(0) if isinstance(value, timedelta) else 0):
                raise ValueError(f"{name}: must be above 0, is {value}")
        for name in ("prompt_usd_per_mtok", "output_usd_per_mtok"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: must not be negative, is {getattr(self, name)}")
        for name in ("tokens_per_day_max", "cost_usd_per_day_max"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name}: must be above 0, is {getattr(self, name)}")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise ValueError(f"temperature: must be from 0 to 2, is {self.temperature}")
        if self.cost_usd_per_day_max is not None and not self.prompt_usd_per_mtok + self.output_usd_per_mtok:
            raise ValueError(
                "cost_usd_per_day_max: has no effect without prices; "
                "write prompt_usd_per_mtok and output_usd_per_mtok"
            )

    @property
    def tokens_per_advice_max(self) -> int:
        """All requests of one advice at their worst."""
        return REQUESTS_MAX * (self.prompt_tokens_max + self.output_tokens_max)

    @property
    def usd_per_advice_max(self) -> Decimal:
        """The same in USD."""
        return REQUESTS_MAX * self.cost_usd(self.prompt_tokens_max, self.output_tokens_max)

    def cost_usd(self, prompt_tokens: int, output_tokens: int) -> Decimal:
        """What so many tokens cost, rounded up to a billionth of a dollar."""
        usd = (prompt_tokens * self.prompt_usd_per_mtok + output_tokens * self.output_usd_per_mtok) / MILLION
        return usd.quantize(NANO_USD, ROUND_CEILING)
