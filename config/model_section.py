"""The keys of a strategy's `model`: which language model executor `llm` asks, and what that may cost."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from adapters.errors import ConfigError
from adapters.llm.settings import Model, SecretRef, Template, variable
from config.field_types import Count, Money, Number, PositiveDuration, Price
from config.section import Section
from strategies.llm.prompt import check_template

TEMPLATE_BYTES_MAX = 65_536
_MODEL = Model(name="none")


def _key(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("is no reference; write ${NAME} and set NAME in the env_file")
    variable(SecretRef(value))
    return value


def _template(text: str) -> Template:
    try:
        check_template(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return Template(text)


class ModelSection(Section):
    """One model at one endpoint."""

    name: str = Field(min_length=1, max_length=200, description="The model, in the endpoint's words.")
    base_url: str = Field(
        _MODEL.base_url, max_length=500, description="Of an endpoint that speaks the chat-completions API."
    )
    key: Annotated[SecretRef, BeforeValidator(_key)] | None = Field(
        _MODEL.key, description="The endpoint's key. Secret: write `${NAME}`."
    )
    deadline: PositiveDuration = Field(
        _MODEL.deadline, description="The longest that one advice may take, all requests and waits of it."
    )
    concurrency: Count = Field(
        _MODEL.concurrency, description="Requests at once to this endpoint, from each Decision actor."
    )
    temperature: Annotated[float, Number, Field(ge=0, le=2)] | None = Field(
        _MODEL.temperature, description="Of its answers; the endpoint's own by default."
    )
    prompt_tokens_max: Count = Field(
        _MODEL.prompt_tokens_max,
        description="The longest prompt; counted as a token a byte, which is too many.",
    )
    output_tokens_max: Count = Field(
        _MODEL.output_tokens_max, description="The longest answer, the model's thinking included."
    )
    prompt_usd_per_mtok: Price = Field(
        _MODEL.prompt_usd_per_mtok, description="USD; price of a million tokens of prompt."
    )
    output_usd_per_mtok: Price = Field(
        _MODEL.output_usd_per_mtok, description="USD; price of a million tokens of answer."
    )
    tokens_per_day_max: Annotated[int, Number, Field(ge=1)] | None = Field(
        _MODEL.tokens_per_day_max, description="What the bot may use in a UTC day; no limit by default."
    )
    cost_usd_per_day_max: Money | None = Field(
        _MODEL.cost_usd_per_day_max,
        description="USD; what the bot may spend in a UTC day; no limit by default.",
    )
    template: Annotated[str, AfterValidator(_template)] | None = Field(
        _MODEL.template,
        description="Instructions of your own (Jinja2): a file beside this one, or the text if it has several lines.",
    )
    record_prompt: bool = Field(
        _MODEL.record_prompt, description="Whether records have the whole prompt, or only its digest."
    )

    def model(self) -> Model:
        """The frozen value. Raises ``ValueError`` that names the key where two do not fit together."""
        return self.into(Model)


def with_references(
    values: Mapping[str, Any], written: Any, folder: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """A model's keys with its secret as a reference and its template as a text, and the secret by its name.

    Args:
        values: the keys, variables filled in.
        written: the same as the file has them.
        folder: of the file.

    Raises:
        ValueError: the template cannot be read; the text begins with its key.
    """
    found = dict(values)
    secrets: dict[str, str] = {}
    if isinstance(written, dict) and isinstance(written.get("key"), str):
        found["key"] = written["key"]
        with suppress(ValueError):  # the section says what is wrong with it
            secrets[variable(SecretRef(written["key"]))] = str(values["key"])
    template = found.get("template")
    if isinstance(template, str) and "\n" not in template:
        found["template"] = _file(folder / template, template)
    return found, secrets


def _file(path: Path, name: str) -> str:
    if not path.is_file():
        raise ValueError(f"template: there is no file {name}; paths are relative to this file")
    try:
        content = path.read_bytes()
        if len(content) > TEMPLATE_BYTES_MAX:
            raise ValueError(f"template: {name} has more than {TEMPLATE_BYTES_MAX} bytes")
        return f"{content.decode().rstrip()}\n"
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"template: {name} cannot be read ({type(error).__name__})") from None
