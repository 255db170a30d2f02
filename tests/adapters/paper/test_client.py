"""What the paper venue's client makes of answers that make no sense."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.errors import (
    ExchangeDown,
    LinkError,
    OutcomeUnknown,
    RateLimited,
    StaleCommand,
    TradingError,
    VenueError,
)
from adapters.paper.client import PaperClient, PaperFeed
from adapters.paper.wire import Fills, Follow, Listing, Open, Positions
from tests.adapters.paper.builders import BTC, PERP, buy, dec

MARKETS = Listing({BTC: PERP})


class Answering:
    """The calling end of a link on which a test decides what is answered."""

    def __init__(self, *, greeting: object = MARKETS, answer: object = None) -> None:
        self.greeting = greeting
        self.answer = answer
        self.is_open = True
        self.closed_count = 0

    async def call(self, request: Any, *, timeout_s: float) -> Any:
        said = self.greeting if isinstance(request, Open | Follow) else self.answer
        if isinstance(said, Exception):
            raise said
        return said

    async def notices(self) -> AsyncIterator[Any]:
        return
        yield

    async def aclose(self) -> None:
        self.is_open = False
        self.closed_count += 1

    async def dial(self) -> Answering:
        self.is_open = True
        return self


def a_client(line: Answering) -> PaperClient:
    return PaperClient(line.dial, "ann", dec(1))


@pytest.mark.parametrize(
    "answer",
    [Positions(()), Fills(()), None, LinkError("no answer"), TradingError("internal: ZeroDivisionError")],
)
async def test_what_is_no_answer_to_a_place_leaves_its_outcome_unknown(answer: object) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        await a_client(Answering(answer=answer)).place(buy(1, 990))
    assert raised.value.venue == "paper"


async def test_a_command_that_was_not_executed_is_not_unknown() -> None:
    with pytest.raises(ExchangeDown):
        await a_client(Answering(answer=StaleCommand("late"))).place(buy(1, 990))


@pytest.mark.parametrize("greeting", [Positions(()), None, LinkError("gone"), TradingError("internal: bug")])
async def test_who_answers_the_greeting_with_nonsense_is_down_and_is_left(greeting: object) -> None:
    line = Answering(greeting=greeting)
    with pytest.raises(ExchangeDown):
        await a_client(line).place(buy(1, 990))
    assert line.closed_count == 1
    with pytest.raises(ExchangeDown):
        await PaperFeed(line.dial).instruments()
    assert line.closed_count == 2


async def test_a_refused_greeting_is_told_as_it_is_and_leaves_no_connection() -> None:
    line = Answering(greeting=RateLimited("slow down", retry_after_s=2))
    with pytest.raises(VenueError) as raised:
        await a_client(line).account()
    assert isinstance(raised.value, RateLimited)
    assert raised.value.retry_after_s == 2
    assert line.closed_count == 1
