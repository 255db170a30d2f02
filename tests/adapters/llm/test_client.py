"""The official client against a server that answers like the real API: every kind of failure has its error of ours."""

from __future__ import annotations

import asyncio
import pickle
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from adapters.clock import SystemClock
from adapters.errors import (
    ExchangeDown,
    Insufficient,
    InvalidParam,
    OutcomeUnknown,
    RateLimited,
    Temporary,
    TradingError,
)
from adapters.llm.client import MASK, ChatClient
from adapters.llm.errors import Denied, NoAnswer, mapped, retry_after_s
from adapters.llm.messages import Completion, Message, Role
from adapters.llm.settings import Model, SecretRef
from adapters.simulators.llm.faults import Fault, FaultPlan
from adapters.simulators.llm.server import Ability, ModelServer
from strategies.llm.contract import SCHEMA
from tests.builders import NOW

KEY = "sk-canary-7f3a"
QUESTION = (
    Message(role=Role.SYSTEM, content="Trade."),
    Message(role=Role.USER, content="<data>\n{}\n</data>"),
)


@asynccontextmanager
async def a_client(
    *faults: Fault | None, key: str | None = KEY, base_url: str = "", **server: Any
) -> AsyncIterator[tuple[ChatClient, ModelServer]]:
    served = ModelServer(
        faults=FaultPlan(turns=deque(faults)), **{"key": KEY, "answers": lambda _: "[]", **server}
    )
    url = await served.start()
    model = Model(name="scripted", base_url=base_url or url, key=SecretRef("${KEY}"), temperature=0.5)
    client = ChatClient(model, key, SystemClock())
    try:
        yield client, served
    finally:
        await client.aclose()
        await served.aclose()


async def ask(client: ChatClient, timeout_s: float = 5.0) -> Completion:
    return await client.complete(QUESTION, schema=SCHEMA, timeout_s=timeout_s)


async def test_an_answer_comes_with_what_it_used_and_who_gave_it() -> None:
    async with a_client() as (client, server):
        answer = await ask(client)
    assert answer == Completion(
        content="[]", model="scripted", finish_reason="stop", prompt_tokens=2 + 5, output_tokens=1
    )
    (request,) = server.requests
    assert request["response_format"]["type"] == "json_schema"
    assert request["max_completion_tokens"] == 4_000
    assert request["temperature"] == 0.5


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (Fault.RATE_LIMITED, RateLimited, "Rate limit"),
        (Fault.OUT_OF_QUOTA, Insufficient, "quota"),
        (Fault.BROKEN, Temporary, "500"),
        (Fault.OVERLOADED, Temporary, "503"),
        (Fault.NOT_JSON, NoAnswer, "no chat completion: <html>"),
        (Fault.NO_CHOICES, NoAnswer, "upstream failed"),
        (Fault.RESET, OutcomeUnknown, "broke"),
    ],
)
async def test_every_failure_has_its_error(fault: Fault, error: type[TradingError], text: str) -> None:
    async with a_client(fault) as (client, server):
        with pytest.raises(error, match=text) as caught:
            await ask(client)
        assert len(server.requests) == 1, "the client of the provider repeats nothing by itself"
        assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
        assert (await ask(client)).content == "[]"


async def test_a_rate_limit_says_how_long_to_wait() -> None:
    async with a_client(Fault.RATE_LIMITED_WITH_WAIT, Fault.RATE_LIMITED, Fault.OVERLOADED) as (client, _):
        for seconds in (1.0, None, 1.0):
            with pytest.raises((RateLimited, Temporary)) as caught:
                await ask(client)
            assert caught.value.retry_after_s == seconds


async def test_an_endpoint_that_hangs_costs_the_time_it_was_given() -> None:
    async with a_client(Fault.HANGS) as (client, _):
        async with asyncio.timeout(2):
            with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.05 s"):
                await ask(client, timeout_s=0.05)


async def test_an_endpoint_that_is_not_there_was_not_asked() -> None:
    async with a_client(base_url="http://127.0.0.1:9/v1") as (client, _):
        with pytest.raises(ExchangeDown):
            await ask(client)


@pytest.mark.parametrize(
    ("fault", "finish_reason", "refusal"),
    [(Fault.REFUSED, "stop", "I'm sorry"), (Fault.FILTERED, "content_filter", ""), (Fault.CUT, "length", "")],
)
async def test_refusals_and_cuts_are_told_with_their_usage(
    fault: Fault, finish_reason: str, refusal: str
) -> None:
    async with a_client(fault) as (client, _):
        answer = await ask(client)
    assert answer.finish_reason == finish_reason
    assert answer.refusal.startswith(refusal)
    assert answer.prompt_tokens == 7


async def test_an_endpoint_may_count_no_tokens() -> None:
    async with a_client(Fault.NO_USAGE) as (client, _):
        assert (await ask(client)).prompt_tokens is None


@pytest.mark.parametrize(
    ("ability", "requests", "left"),
    [
        (Ability(structures=("json_object", "text")), 2, {"response_format": {"type": "json_object"}}),
        (Ability(structures=("text",)), 3, {"response_format": None}),
        (Ability(knows_max_completion_tokens=False), 2, {"max_tokens": 4_000, "max_completion_tokens": None}),
        (Ability(has_temperature=False), 2, {"temperature": None}),
        (
            Ability(structures=("text",), knows_max_completion_tokens=False, has_temperature=False),
            5,
            {"temperature": None, "max_tokens": 4_000, "response_format": None},
        ),
    ],
)
async def test_what_an_endpoint_does_not_know_is_left_out_and_stays_out(
    ability: Ability, requests: int, left: dict[str, Any]
) -> None:
    sent: list[int] = []
    async with a_client(ability=ability) as (client, server):
        original = client._send

        async def counted(request: Any) -> bytes:
            sent.append(1)
            return await original(request)

        client._send = counted  # type: ignore[method-assign]
        await ask(client)
        assert len(sent) == requests
        await ask(client)
        assert len(sent) == requests + 1
        assert {key: server.requests[-1].get(key) for key in left} == left


async def test_a_request_that_is_wrong_in_itself_keeps_its_first_error() -> None:
    async with a_client() as (client, _):
        with pytest.raises(InvalidParam, match="expected an array of messages"):
            await client.complete((), schema=SCHEMA, timeout_s=5)


async def test_the_key_appears_nowhere() -> None:
    async with a_client(key="sk-wrong-one") as (client, _):
        with pytest.raises(Denied) as caught:
            await ask(client)
        error: BaseException | None = caught.value
        assert MASK in str(error), "the server repeats the key that it was given"
        while error is not None:
            assert "sk-wrong" not in repr(error)
            error = error.__cause__
        assert caught.value.__suppress_context__
        assert "sk-wrong" not in repr(client)
    async with a_client(answers=lambda _: f"my key is {KEY}, really") as (client, _):
        assert (await ask(client)).content == f"my key is {MASK}, really"


async def test_an_answer_without_end_is_refused() -> None:
    async with a_client(answers=lambda _: "x" * 3_000_000) as (client, server):
        server.faults.turns.append(None)
        client._model = Model(name="m", base_url=client._model.base_url, output_tokens_max=10_000_000)
        with pytest.raises(NoAnswer, match="more than"):
            await ask(client)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Mon, 05 Jan 2026 12:01:00 GMT"}, 30.0),
        ({"retry-after": "Mon, 05 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after-ms": "inf"}, None),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "99999999"}, 86_400.0),
    ],
)
def test_a_wait_is_seconds_milliseconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


def test_no_error_of_the_official_client_is_forgotten() -> None:
    def kinds(of: type[BaseException]) -> set[type[BaseException]]:
        return {of, *(inner for sub in of.__subclasses__() for inner in kinds(sub))}

    for kind in kinds(openai.OpenAIError):
        error = kind.__new__(kind)
        error.args = ("text",)
        answer = SimpleNamespace(headers={})
        for name, value in (("status_code", 418), ("message", "text"), ("code", None), ("response", answer)):
            if not hasattr(error, name):
                setattr(error, name, value)
        assert isinstance(mapped(error, str, NOW), TradingError)  # type: ignore[arg-type]
