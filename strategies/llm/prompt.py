"""The prompt: instructions from a template, then the data between two marks that nothing inside it can close.

A template is Jinja2, sandboxed, and sees what ``context`` has; a name that is not there is an error. Whatever it
prints is cleaned, cut and escaped first, so that a template of one's own cannot forget to.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adapters.errors import ConfigError
from adapters.llm.messages import Message, Role
from adapters.model import ZERO, Account, BotId
from strategies.advice import Inquiry
from strategies.llm.context import TEXT_MAX, context
from strategies.llm.text import one_line, plain_text
from strategies.strategy import View

DATA_BEGIN, DATA_END = "<data>", "</data>"
ANSWER_SHOWN_MAX = 8_000  # characters of a useless answer that its model is shown again
PROBLEM_MAX = 1_500

_json = msgspec.json.Encoder(decimal_format="number")
_NOT_PLAIN = re.compile(r"[<>&]|[^\x00-\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent for one question."""

    messages: tuple[Message, ...]

    @property
    def digest(self) -> str:
        """sha256 of it, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def text(self) -> str:
        """All of it, for a record."""
        return "\n\n".join(f"[{message.role}]\n{message.content}" for message in self.messages)


def prompt(inquiry: Inquiry) -> Prompt:
    """The prompt for an inquiry; the same inquiry always has the same.

    Raises:
        ConfigError: the template names what is not there, or cannot be rendered.
    """
    data = context(inquiry)
    source = inquiry.model.template if inquiry.model else None
    instructions = _rendered(source or built_in_template(), data)
    shown = f"{DATA_BEGIN}\n{_escaped(_json.encode(data).decode())}\n{DATA_END}"
    return Prompt(
        messages=(Message(role=Role.SYSTEM, content=instructions), Message(role=Role.USER, content=shown))
    )


def again(first: Prompt, answer: str, problem: str) -> Prompt:
    """The prompt once more, with the answer that could not be used and why: one gentle retry."""
    request = (
        f"That answer could not be used:\n{plain_text(problem, PROBLEM_MAX)}\n\n"
        "Please answer once more with the JSON alone, no other text, and every field of the contract."
    )
    shown = plain_text(answer, ANSWER_SHOWN_MAX) or "(nothing)"
    return Prompt(
        messages=(
            *first.messages,
            Message(role=Role.ASSISTANT, content=shown),
            Message(role=Role.USER, content=request),
        )
    )


def built_in_template() -> str:
    """The instructions that are sent unless the bot has its own."""
    return files("strategies.llm").joinpath("templates/trader.md.j2").read_text()


def check_template(source: str) -> None:
    """Render the template for a bot that has nothing yet.

    Raises:
        ConfigError: it is no template, or names what is not there.
    """
    _rendered(source, context(_EXAMPLE))


def _rendered(source: str, data: Mapping[str, Any]) -> str:
    try:
        return _compiled(source).render(data)
    except TemplateError as error:
        raise ConfigError(f"prompt template: {error}") from None
    except Exception as error:  # a template may divide by zero
        raise ConfigError(f"prompt template: {type(error).__name__}: {error}") from None


@lru_cache(maxsize=64)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)


def _printed(value: Any) -> str:
    """What a template prints for a value: text on one line, cut, and without the marks of the data."""
    return one_line(str(value), TEXT_MAX).replace("<", "‹").replace(">", "›")


def _escaped(text: str) -> str:
    """The JSON text in ASCII, and without the marks of the data; only strings in it have such characters."""
    return _NOT_PLAIN.sub(lambda found: "".join(map(_unit, found[0])), text)


def _unit(character: str) -> str:
    return f"\\u{ord(character):04x}" if character in "<>&" else json.dumps(character)[1:-1]


_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    finalize=_printed,
    autoescape=False,  # it is no HTML; ``_printed`` escapes what this needs
    trim_blocks=True,
    lstrip_blocks=True,
)
_DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
_EXAMPLE = Inquiry(
    executor="llm",
    view=View(
        now=_DAY_ONE,
        bot=BotId("example"),
        cycle=1,
        account=Account(equity_usd=ZERO, cash_usd=ZERO, at=_DAY_ONE),
    ),
)
