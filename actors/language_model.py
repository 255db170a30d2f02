"""Asks language models for advice: prompt, allowance, request, answer, and one gentle retry.

Every failure is an ``Advice`` with an error and no decisions, so that the record has the prompt, the model's words
and the cost of it. No answer is ever used twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tenacity import AsyncRetrying, RetryCallState, wait_exponential, wait_random

from actors.model_talk import Talk, Usage, tokens_at_most, used_by
from adapters.clock import Clock
from adapters.errors import Disposition, InvalidParam, OutcomeUnknown, TradingError, VenueError
from adapters.llm.client import ChatClient
from adapters.llm.errors import AnswerCut, Denied, ModelRefused, NoAnswer
from adapters.llm.messages import Completion
from adapters.llm.settings import REQUESTS_MAX, Model
from strategies.advice import Advice, Inquiry
from strategies.decision import AnyDecision, Decision
from strategies.llm.answers import Answer, AnswerUnusable, read_answer
from strategies.llm.context import tradable
from strategies.llm.contract import SCHEMA
from strategies.llm.prompt import Prompt, again, prompt
from strategies.llm.text import plain_text

REASONING_MAX = 16_000  # characters
REFUSAL_MAX = 300
BACKOFF_S = 0.2  # and twice as long each further time
_PASSES = (Disposition.RETRY, Disposition.WAIT, Disposition.RESOLVE)
_backoff = wait_exponential(multiplier=BACKOFF_S) + wait_random(0, BACKOFF_S)


class OutOfTime(TradingError):
    """The model's own deadline passed: the bot goes on without, never with old advice."""


class LanguageModels:
    """All models that this process asks. Implements ``Advisor``.

    Args:
        key_of: the secret of a model's key, ``None`` for a model without; raises ``ConfigError`` where it is not to
            be found here. Asked again after an endpoint denied it.
        clock: for waits and latencies.
    """

    def __init__(self, key_of: Callable[[Model], str | None], clock: Clock) -> None:
        self._key_of = key_of
        self._clock = clock
        self._clients: dict[Model, ChatClient] = {}
        self._slots: dict[tuple[str, int], asyncio.Semaphore] = {}

    async def advise(self, inquiry: Inquiry) -> Advice:
        """What the model makes of the view; failures are in the advice."""
        model, allowance = inquiry.model, inquiry.allowance
        assert model is not None, "the strategy refuses executor llm without a model"
        assert allowance is not None, "whoever keeps the books sets it"
        deadline_s = model.deadline.total_seconds()
        began = self._clock.monotonic()
        talk = Talk(model=model, allowance=allowance, ends_at=began + deadline_s)
        answer = Answer(decisions=())
        failure: TradingError | None = None
        try:
            async with asyncio.timeout(deadline_s):
                answer = await self._answer(inquiry, talk)
        except TimeoutError:
            failure = OutOfTime(f"no advice within {deadline_s:g} s")
        except TradingError as error:
            failure = error
        advice = Advice(
            decisions=answer.decisions,
            reasoning=plain_text(_joined(talk.thoughts, answer.reasoning or talk.said), REASONING_MAX),
            prompt_digest=talk.prompt.digest if talk.prompt else "",
            prompt=talk.prompt.text if talk.prompt and model.record_prompt else "",
            model=talk.answered_by or model.name,
            requests=talk.requests,
            prompt_tokens=talk.prompt_tokens,
            output_tokens=talk.output_tokens,
            cost_usd=talk.cost_usd,
            latency_s=self._clock.monotonic() - began,
            error=str(failure) if failure else "",
            error_class=type(failure).__name__ if failure else "",
        )
        client = self._clients.get(model)
        return _without(advice, client.hide) if client else advice

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _answer(self, inquiry: Inquiry, talk: Talk) -> Answer:
        talk.prompt = first = prompt(inquiry)
        read = partial(read_answer, symbols=tradable(inquiry.view))
        try:
            completion = await self._ask(first, talk)
            return read(_content(completion))
        except (AnswerUnusable, AnswerCut) as error:
            second = again(first, talk.said, str(error))
            if talk.requests >= REQUESTS_MAX or tokens_at_most(second) > talk.model.prompt_tokens_max:
                raise
        talk.prompt = second
        return read(_content(await self._ask(second, talk)))

    async def _ask(self, question: Prompt, talk: Talk) -> Completion:
        """One answer, with a few attempts where the failure may pass."""

        def is_over(state: RetryCallState) -> bool:
            ends = self._clock.monotonic() + state.upcoming_sleep >= talk.ends_at
            return ends or talk.requests >= REQUESTS_MAX

        attempts = AsyncRetrying(
            retry=lambda state: _may_pass(state.outcome.exception() if state.outcome else None),
            wait=_wait_s,
            stop=is_over,
            sleep=self._clock.sleep,
            reraise=True,
        )
        return await attempts(self._send, question, talk)

    async def _send(self, question: Prompt, talk: Talk) -> Completion:
        model = talk.model
        worst = Usage(prompt=tokens_at_most(question), output=model.output_tokens_max)
        if worst.prompt > model.prompt_tokens_max:
            raise InvalidParam(
                f"the prompt may have {worst.prompt} tokens, more than prompt_tokens_max {model.prompt_tokens_max}; "
                "name fewer candidates, or raise it"
            )
        talk.check(worst)
        async with self._slot(model):
            client = self._client(model)
            talk.begin(worst)
            left_s = talk.ends_at - self._clock.monotonic()
            try:
                completion = await client.complete(question.messages, schema=SCHEMA, timeout_s=left_s)
            except (OutcomeUnknown, NoAnswer):
                raise  # it may have been charged for, and counts at its worst
            except TradingError as error:
                talk.settle(worst, Usage())
                if isinstance(error, Denied):
                    client.renew(self._key_of(model))  # for the next request
                raise
        talk.settle(worst, used_by(completion, worst))
        talk.hear(completion)
        return completion

    def _client(self, model: Model) -> ChatClient:
        if model not in self._clients:
            self._clients[model] = ChatClient(model, self._key_of(model), self._clock)
        return self._clients[model]

    def _slot(self, model: Model) -> asyncio.Semaphore:
        place = (model.base_url, model.concurrency)
        return self._slots.setdefault(place, asyncio.Semaphore(model.concurrency))


def _content(completion: Completion) -> str:
    """The answer's text.

    Raises:
        ModelRefused: the model or a filter refused.
        AnswerCut: it ends at the length limit.
    """
    if completion.refusal or completion.finish_reason == "content_filter":
        why = plain_text(completion.refusal, REFUSAL_MAX) or "the provider's filter stopped it"
        raise ModelRefused(f"no answer: {why}")
    if completion.finish_reason == "length":
        raise AnswerCut("it was cut off at its length limit; be brief")
    return completion.content


def _may_pass(error: BaseException | None) -> bool:
    return isinstance(error, TradingError) and error.disposition in _PASSES


def _wait_s(state: RetryCallState) -> float:
    """As long as the endpoint says, else 0.2 s and twice as long each time, with jitter."""
    error = state.outcome.exception() if state.outcome else None
    said_s = error.retry_after_s if isinstance(error, VenueError) else None
    return _backoff(state) if said_s is None else said_s


def _joined(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)


def _without(advice: Advice, hide: Callable[[str], str]) -> Advice:
    """The advice with every text of it cleared of the endpoint's key, which an answer may spell in its own ways."""
    return replace(
        advice,
        decisions=tuple(_cleared(decision, hide) for decision in advice.decisions),
        reasoning=hide(advice.reasoning),
        prompt=hide(advice.prompt),
        model=hide(advice.model),
        error=hide(advice.error),
    )


def _cleared(decision: AnyDecision, hide: Callable[[str], str]) -> AnyDecision:
    if not isinstance(decision, Decision):
        return decision
    return replace(
        decision,
        reasoning=hide(decision.reasoning),
        invalidation_condition=hide(decision.invalidation_condition),
    )
