"""One question to a language model while it is being asked: what it used so far, and whether more still fits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.spending import BudgetSpent
from adapters.llm.messages import Completion
from adapters.llm.settings import Model
from adapters.model import ZERO
from strategies.advice import Allowance
from strategies.llm.contract import SCHEMA_BYTES
from strategies.llm.prompt import Prompt
from strategies.llm.text import plain_text

NAME_MAX = 100  # characters of what an endpoint calls its model
MESSAGE_TOKENS = 16  # what an endpoint adds around each message, generously


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of requests."""

    prompt: int = 0
    output: int = 0

    @property
    def tokens(self) -> int:
        """Both kinds."""
        return self.prompt + self.output

    def usd(self, model: Model) -> Decimal:
        """What they cost."""
        return model.cost_usd(self.prompt, self.output)


@dataclass(slots=True, kw_only=True)
class Talk:
    """One question while it is being asked: what a record wants of it, whatever becomes of it."""

    model: Model
    allowance: Allowance
    ends_at: float  # monotonic seconds
    prompt: Prompt | None = None
    requests: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = ZERO
    answered_by: str = ""
    thoughts: str = ""  # that the endpoint gave apart from the answer
    said: str = ""  # the answer's text

    def check(self, worst: Usage) -> None:
        """Raise ``BudgetSpent`` where a request's worst case does not fit into what is left."""
        for unit, used, more, limit in (
            ("tokens", self.prompt_tokens + self.output_tokens, worst.tokens, self.allowance.tokens),
            ("USD", self.cost_usd, worst.usd(self.model), self.allowance.usd),
        ):
            if limit is not None and used + more > limit:
                raise BudgetSpent(
                    f"the request may take {more} {unit}; {limit - used} are left of the bot's day"
                )

    def begin(self, worst: Usage) -> None:
        """A request goes out."""
        self.requests += 1
        self._add(worst, 1)

    def settle(self, worst: Usage, used: Usage) -> None:
        """Its end is known."""
        self._add(worst, -1)
        self._add(used, 1)

    def hear(self, completion: Completion) -> None:
        """Keep what the model said."""
        self.answered_by = plain_text(completion.model, NAME_MAX)
        self.thoughts = completion.reasoning
        self.said = completion.content or completion.refusal

    def _add(self, usage: Usage, sign: int) -> None:
        self.prompt_tokens += sign * usage.prompt
        self.output_tokens += sign * usage.output
        self.cost_usd += sign * usage.usd(self.model)


def tokens_at_most(question: Prompt) -> int:
    """An upper bound without the model's tokenizer: a token is a byte of UTF-8 at least."""
    texts = sum(len(message.content.encode()) + MESSAGE_TOKENS for message in question.messages)
    return texts + SCHEMA_BYTES


def used_by(completion: Completion, worst: Usage) -> Usage:
    """What the endpoint says, or the worst case where it says nothing."""
    prompt, output = completion.prompt_tokens, completion.output_tokens
    return worst if prompt is None or output is None else Usage(prompt=prompt, output=output)
