"""The model server answers the official client as the real API would, well and badly."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from adapters.simulators.llm.faults import Fault, FaultPlan
from adapters.simulators.llm.server import Ability, ModelServer
from strategies.llm.contract import SCHEMA

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


class Line:
    """A server and the official client."""

    def __init__(self, **server: Any) -> None:
        self.server = ModelServer(key="k", **({"answers": lambda _: '{"decisions": []}'} | server))

    async def __aenter__(self) -> Line:
        url = await self.server.start()
        self.client = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.server.aclose()

    async def ask(self, **changes: Any) -> Any:
        given = {"model": "m", "messages": HELLO} | changes
        return await self.client.chat.completions.create(**given)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with Line() as opened:
        yield opened


def failing(fault: Fault) -> Line:
    return Line(faults=FaultPlan(turns=deque([fault])))


async def test_an_answer_has_every_field_that_the_client_reads(line: Line) -> None:
    answer = await line.ask()
    (choice,) = answer.choices
    assert (choice.message.content, choice.message.refusal, choice.finish_reason) == (
        '{"decisions": []}',
        None,
        "stop",
    )
    assert (answer.model, answer.object) == ("m", "chat.completion")
    assert answer.usage.prompt_tokens == 2
    assert answer.usage.total_tokens == 2 + answer.usage.completion_tokens


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Fault.RATE_LIMITED, openai.RateLimitError, "rate_limit_exceeded"),
        (Fault.RATE_LIMITED_WITH_WAIT, openai.RateLimitError, "rate_limit_exceeded"),
        (Fault.OUT_OF_QUOTA, openai.RateLimitError, "insufficient_quota"),
        (Fault.BROKEN, openai.InternalServerError, None),
        (Fault.OVERLOADED, openai.InternalServerError, None),
        (Fault.RESET, openai.APIConnectionError, None),
    ],
)
async def test_failures_are_those_that_the_client_knows(
    fault: Fault, error: type[openai.APIError], code: str | None
) -> None:
    async with failing(fault) as line:
        with pytest.raises(error) as caught:
            await line.ask()
        assert caught.value.code == code
        waits = fault in (Fault.RATE_LIMITED_WITH_WAIT, Fault.OVERLOADED)
        if isinstance(caught.value, openai.APIStatusError):
            assert caught.value.response.headers.get("retry-after") == ("1" if waits else None)


@pytest.mark.parametrize(
    ("fault", "finish_reason", "content", "refusal"),
    [
        (Fault.REFUSED, "stop", None, "I'm sorry, but I can't help with that."),
        (Fault.FILTERED, "content_filter", "", None),
        (Fault.CUT, "length", '{"decisions', None),
        (Fault.CUT_UNTOLD, "stop", '{"decisions', None),
    ],
)
async def test_refusals_and_cuts_look_like_the_real_ones(
    fault: Fault, finish_reason: str, content: str | None, refusal: str | None
) -> None:
    async with failing(fault) as line:
        (choice,) = (await line.ask()).choices
    assert (choice.finish_reason, choice.message.content, choice.message.refusal) == (
        finish_reason,
        content,
        refusal,
    )


async def test_an_answer_beyond_its_limit_is_cut(line: Line) -> None:
    answer = await line.ask(max_completion_tokens=2)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


async def test_a_hanging_server_says_nothing_and_can_still_be_closed() -> None:
    async with failing(Fault.HANGS) as line:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await line.ask()


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages"),
        ({"response_format": {"type": "yaml"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
            "response_format",
        ),
    ],
)
async def test_requests_that_the_real_api_refuses_are_refused(
    changes: dict[str, Any], param: str, line: Line
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await line.ask(**changes)
    assert caught.value.param == param
    assert line.server.requests == []


async def test_our_schema_is_strict_enough_for_structured_output(line: Line) -> None:
    form = {"name": "decisions", "strict": True, "schema": dict(SCHEMA)}
    assert (await line.ask(response_format={"type": "json_schema", "json_schema": form})).choices


@pytest.mark.parametrize(
    ("ability", "changes", "param"),
    [
        (Ability(structures=("text",)), {"response_format": {"type": "json_object"}}, "response_format"),
        (Ability(knows_max_completion_tokens=False), {"max_completion_tokens": 5}, "max_completion_tokens"),
        (Ability(has_temperature=False), {"temperature": 1}, "temperature"),
    ],
)
async def test_a_model_that_can_less_says_so(ability: Ability, changes: dict[str, Any], param: str) -> None:
    async with Line(ability=ability) as line:
        with pytest.raises(openai.BadRequestError) as caught:
            await line.ask(**changes)
    assert caught.value.param == param


def test_faults_come_at_their_rates_and_by_their_seed() -> None:
    rates = {Fault.BROKEN: 0.2, Fault.CUT: 0.1}
    drawn = [FaultPlan(rates=rates, seed=seed) for seed in (1, 1, 2)]
    first, same, other = ([plan.next() for _ in range(2_000)] for plan in drawn)
    assert first == same != other
    counts = Counter(first)
    assert 340 < counts[Fault.BROKEN] < 460
    assert 140 < counts[Fault.CUT] < 260
    with pytest.raises(ValueError, match="add up to 1"):
        FaultPlan(rates={Fault.BROKEN: 0.6, Fault.CUT: 0.6})


async def test_every_kind_of_fault_is_answered_or_ended() -> None:
    kinds = [fault for fault in Fault if fault is not Fault.HANGS]
    async with Line(faults=FaultPlan(turns=deque(kinds))) as line:
        for _ in kinds:
            try:
                answer = await line.ask()
                json.dumps(answer.model_dump() if hasattr(answer, "model_dump") else answer)
            except openai.APIError:
                continue
        assert len(line.server.requests) == len(kinds)
