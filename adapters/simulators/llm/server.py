"""The model server: ``/v1/chat/completions`` and ``/v1/models``, in the words and with the errors of the real API."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from adapters.simulators.faults.http_answers import reset
from adapters.simulators.llm.faults import Fault, FaultPlan
from adapters.simulators.llm.trader import answer_to

RETRY_AFTER_S = 1
CHARACTERS_PER_TOKEN = 4  # about, in English and JSON
_REFUSAL = "I'm sorry, but I can't help with that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """What the served model can do, so that clients meet those that can less."""

    structures: tuple[str, ...] = ("json_schema", "json_object", "text")  # response formats
    knows_max_completion_tokens: bool = True
    has_temperature: bool = True


@dataclass(slots=True, kw_only=True)
class ModelServer:
    """One endpoint.

    Args:
        latency_s: from a request to its answer.
        key: that requests must bear; ``None`` lets everybody in.
        faults: what goes wrong.
        ability: what the model can do.
        answers: makes the text of an answer from the messages; the trader by default.
    """

    latency_s: float = 0.0
    key: str | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)
    ability: Ability = Ability()
    answers: Callable[[Sequence[Mapping[str, Any]]], str] = answer_to
    requests: list[Mapping[str, Any]] = field(default_factory=list)  # whose bodies made sense
    busiest: int = 0  # most requests at once
    _in_flight: int = 0
    _runner: web.AppRunner | None = None
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; the base URL for clients. Port 0 takes any that is free."""
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound_host, bound_port = self._runner.addresses[0][:2]
        return f"http://{bound_host}:{bound_port}/v1"

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.StreamResponse:
        listed = {"id": "scripted-trader", "object": "model", "created": 0, "owned_by": "flotilla"}
        return self._stranger(request) or web.json_response({"object": "list", "data": [listed]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if (denied := self._stranger(request)) is not None:
            return denied
        try:
            body = json.loads(await request.read())
            problem = self._problem(body)
        except ValueError:
            problem = ("We could not parse the JSON body of your request.", None)
        if problem is not None:
            return _error(400, problem[0], "invalid_request_error", param=problem[1])
        self.requests.append(body)
        self._in_flight += 1
        self.busiest = max(self.busiest, self._in_flight)
        try:
            return await self._answer(request, body, self.faults.next())
        finally:
            self._in_flight -= 1

    async def _answer(
        self, request: web.Request, body: Mapping[str, Any], fault: Fault | None
    ) -> web.StreamResponse:
        if fault is Fault.HANGS:
            await asyncio.Event().wait()
        if fault in _AT_ONCE:
            return _AT_ONCE[fault]()
        loop = asyncio.get_running_loop()
        answers_at = loop.time() + self.latency_s  # working it out is part of the latency
        response = self._response(body, fault)
        await asyncio.sleep(answers_at - loop.time())
        if fault is Fault.RESET:
            reset(request)
        return response

    def _response(self, body: Mapping[str, Any], fault: Fault | None) -> web.Response:
        match fault:
            case Fault.RESET:
                return web.Response()  # to nobody
            case Fault.NOT_JSON:
                return web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html")
            case Fault.NO_CHOICES:
                return web.json_response({"error": {"message": "upstream failed", "code": 502}})
            case _:
                return web.json_response(self._completion(body, fault))

    def _completion(self, body: Mapping[str, Any], fault: Fault | None) -> dict[str, Any]:
        text = _spoilt(self.answers(body["messages"]), fault)
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        finish = (
            {Fault.CUT: "length", Fault.FILTERED: "content_filter"}.get(fault, "stop") if fault else "stop"
        )
        if limit is not None and _tokens(text) > limit:
            text, finish = text[: limit * CHARACTERS_PER_TOKEN], "length"
        prompt_tokens = sum(_tokens(str(message["content"])) for message in body["messages"])
        refused = fault is Fault.REFUSED
        message = {
            "role": "assistant",
            "content": None if refused else "" if fault is Fault.FILTERED else text,
            "refusal": _REFUSAL if refused else None,
        }
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": _tokens(text),
            "total_tokens": prompt_tokens + _tokens(text),
        }
        return {
            "id": f"chatcmpl-{next(self._numbers)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
            **({} if fault is Fault.NO_USAGE else {"usage": usage}),
        }

    def _stranger(self, request: web.Request) -> web.Response | None:
        if self.key is None or request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return _error(
            401, f"Incorrect API key provided: {given}.", "invalid_request_error", code="invalid_api_key"
        )

    def _problem(self, body: Any) -> tuple[str, str | None] | None:
        """What the real API would refuse, and the parameter it would name."""
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            return "you must provide a model parameter", None
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
            return "Invalid type for 'messages': expected an array of messages.", "messages"
        if "max_completion_tokens" in body and not self.ability.knows_max_completion_tokens:
            return "Unrecognized request argument supplied: max_completion_tokens", "max_completion_tokens"
        if "temperature" in body and not self.ability.has_temperature:
            return "Unsupported value: 'temperature' does not support this model.", "temperature"
        form = body.get("response_format") or {"type": "text"}
        if form.get("type") not in self.ability.structures:
            return (
                f"'response_format' of type '{form.get('type')}' is not supported with this model.",
                "response_format",
            )
        if form["type"] == "json_schema":
            where = _loose(form.get("json_schema", {}).get("schema"), "schema")
            if where:
                return f"Invalid schema for response_format: {where}", "response_format"
        return None


def _loose(schema: Any, where: str) -> str:
    """Where a schema is not strict: every object closed, and every key of it required."""
    if not isinstance(schema, dict):
        return f"{where} is no schema"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return f"'additionalProperties' is required to be supplied and to be false in {where}"
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            return f"'required' must include every key of {where}"
    inner = [
        *schema.get("properties", {}).items(),
        *([("items", schema["items"])] if "items" in schema else ()),
    ]
    return next((found for name, part in inner if (found := _loose(part, f"{where}.{name}"))), "")


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("role") in ("system", "developer", "user", "assistant")
        and isinstance(message.get("content"), str)
    )


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _spoilt(text: str, fault: Fault | None) -> str:
    match fault:
        case Fault.PROSE:
            return f"Let me think [step by step] about it.\n```json\n{text}\n```\nI hope that's useful!"
        case Fault.MALFORMED:
            return text.replace('"', "“", 1).replace('"', "”", 1)[:-1] + ",}"
        case Fault.NONSENSE:
            return "The market is a river, and I am but a leaf upon it."
        case Fault.CUT | Fault.CUT_UNTOLD:
            return text[: len(text) * 2 // 3]
        case _:
            return text


def _error(
    status: int,
    message: str,
    kind: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


_WAIT = {"Retry-After": str(RETRY_AFTER_S)}
_AT_ONCE: Mapping[Fault | None, Callable[[], web.Response]] = {
    Fault.RATE_LIMITED: lambda: _error(429, "Rate limit reached.", "requests", code="rate_limit_exceeded"),
    Fault.RATE_LIMITED_WITH_WAIT: lambda: _error(
        429, "Rate limit reached.", "requests", code="rate_limit_exceeded", headers=_WAIT
    ),
    Fault.OUT_OF_QUOTA: lambda: _error(
        429, "You exceeded your current quota.", "insufficient_quota", code="insufficient_quota"
    ),
    Fault.BROKEN: lambda: _error(500, "The server had an error.", "server_error"),
    Fault.OVERLOADED: lambda: _error(503, "The engine is overloaded.", "server_error", headers=_WAIT),
}
