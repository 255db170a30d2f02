"""One model at one endpoint, through the official ``openai`` client. It translates, and holds no policy: no retry, no
budget. Only what an endpoint does not know is left out of the request, once it has said so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import openai
from httpx2 import HTTPError

from adapters.clock import Clock
from adapters.errors import InvalidParam, OutcomeUnknown
from adapters.llm.errors import NoAnswer, mapped
from adapters.llm.messages import Completion, Message
from adapters.llm.settings import Model

BODY_BYTES_MAX = 2 * 2**20
MASK = "********"
NO_KEY = "none"  # what endpoints without keys are sent: the client insists on one
SECRET_MIN = 4  # shorter texts occur in any sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """What the endpoint is known to take."""

    structure: str = "json_schema"  # or "json_object", or "" for prose
    limit: str = "max_completion_tokens"  # or "max_tokens", its older name
    has_temperature: bool = True

    def without(self, complaint: str) -> _Dialect | None:
        """The next simpler one after a complaint, ``None`` where nothing is left to leave out."""
        if "max_completion_tokens" in complaint and self.limit != "max_tokens":
            return replace(self, limit="max_tokens")
        if "temperature" in complaint and self.has_temperature:
            return replace(self, has_temperature=False)
        if self.structure:
            return replace(self, structure="json_object" if self.structure == "json_schema" else "")
        return None


class _Said(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None  # how some endpoints call the model's thinking
    reasoning: str | None = None  # and how others do


class _Choice(msgspec.Struct):
    message: _Said
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Body(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None
    usage: Any = None


_decoder = msgspec.json.Decoder(_Body)


class ChatClient:
    """Asks one model.

    Args:
        model: which, and where.
        key: its secret, ``None`` where the endpoint asks for none.
        clock: for a ``Retry-After`` that is a date.
    """

    def __init__(self, model: Model, key: str | None, clock: Clock) -> None:
        self._model = model
        self._secrets = [key] if key else []  # that were sent, the newest last
        self._clock = clock
        self._dialect = _Dialect()
        self._sdk = openai.AsyncOpenAI(base_url=model.base_url, api_key=key or NO_KEY, max_retries=0)

    def __repr__(self) -> str:
        return f"ChatClient({self._model.name} at {self._model.base_url})"

    def hide(self, text: str) -> str:
        """The text without the key."""
        for secret in self._secrets:
            text = text.replace(secret, MASK) if len(secret) >= SECRET_MIN else text
        return text

    def renew(self, key: str | None) -> None:
        """Use this key from now on."""
        if key and key not in self._secrets:
            self._secrets.append(key)
        self._sdk.api_key = key or NO_KEY

    async def complete(
        self, messages: Sequence[Message], *, schema: Mapping[str, Any], timeout_s: float
    ) -> Completion:
        """One answer, in the schema's form where the endpoint can see to that.

        Raises:
            Temporary, RateLimited, OutcomeUnknown, InvalidParam, Insufficient, ExchangeDown, Denied, NoAnswer: see
                ``adapters.llm.errors``.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._in_some_dialect(messages, schema)
        except TimeoutError:
            raise OutcomeUnknown(f"no answer within {timeout_s:.3g} s") from None

    async def aclose(self) -> None:
        """Close its connections."""
        await self._sdk.close()

    async def _in_some_dialect(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Completion:
        first: InvalidParam | None = None
        dialect: _Dialect | None = self._dialect
        while dialect is not None:
            try:
                body = await self._send(self._request(dialect, messages, schema))
            except InvalidParam as error:  # was not worked on, and costs nothing
                first = first or error
                dialect = dialect.without(str(error))
            else:
                self._dialect = dialect
                return self._read(body)
        assert first is not None
        raise first

    def _request(
        self, dialect: _Dialect, messages: Sequence[Message], schema: Mapping[str, Any]
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "messages": [{"role": message.role.value, "content": message.content} for message in messages],
            dialect.limit: self._model.output_tokens_max,
        }
        if self._model.temperature is not None and dialect.has_temperature:
            request["temperature"] = self._model.temperature
        if dialect.structure == "json_schema":
            form = {"name": "decisions", "strict": True, "schema": dict(schema)}
            request["response_format"] = {"type": "json_schema", "json_schema": form}
        elif dialect.structure:
            request["response_format"] = {"type": dialect.structure}
        return request

    async def _send(self, request: Mapping[str, Any]) -> bytes:
        try:
            create = self._sdk.chat.completions.with_streaming_response.create
            # As it is: the client walks through every part of what it takes for its own parameters.
            async with create(model=self._model.name, messages=(), extra_body=request) as response:
                body = bytearray()
                async for piece in response.iter_bytes():
                    body += piece
                    if len(body) > BODY_BYTES_MAX:
                        raise NoAnswer(f"the endpoint's answer has more than {BODY_BYTES_MAX} bytes")
                return bytes(body)
        except (openai.OpenAIError, HTTPError) as error:
            raise mapped(error, self.hide, self._clock.now()) from None

    def _read(self, body: bytes) -> Completion:
        try:
            answer = _decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise NoAnswer(f"the endpoint's answer is no chat completion: {self._shown(body)}") from None
        if not answer.choices:
            raise NoAnswer("the endpoint's answer has no choices")
        choice = answer.choices[0]
        said, usage = choice.message, _usage(answer.usage)
        return Completion(
            content=self.hide(said.content or ""),
            reasoning=self.hide(said.reasoning_content or said.reasoning or ""),
            refusal=self.hide(said.refusal or ""),
            finish_reason=choice.finish_reason or "",
            model=self.hide(answer.model or self._model.name),
            prompt_tokens=usage.prompt_tokens if usage else None,
            output_tokens=usage.completion_tokens if usage else None,
        )

    def _shown(self, body: bytes) -> str:
        return self.hide(body.decode(errors="replace"))[:200]


def _usage(given: Any) -> _Usage | None:
    """What the endpoint counted, ``None`` where that makes no sense."""
    try:
        usage = msgspec.convert(given, _Usage)
    except msgspec.ValidationError:
        return None
    return usage if usage.prompt_tokens >= 0 and usage.completion_tokens >= 0 else None
