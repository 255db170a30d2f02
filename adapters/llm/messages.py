"""What is said to a model and what it says, in no endpoint's own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's answer, as the endpoint gave it."""

    content: str
    reasoning: str = ""  # where the endpoint gives it apart
    refusal: str = ""
    finish_reason: str = "stop"
    model: str = ""  # what answered, in the endpoint's words
    prompt_tokens: int | None = None  # None where the endpoint does not say
    output_tokens: int | None = None
