"""A question to a model ends as decisions or as an error that a record can show, within its time and its budget."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.llm.settings import Template
from adapters.simulators.llm.faults import Fault
from strategies.decision import Action, Decision
from strategies.strategy import GateState, PerformanceGate, View
from tests.actors.model_desk import KEY, a_desk
from tests.builders import BTC, NOW, a_position, a_snapshot, a_view, an_account
from tests.strategies.llm.builders import an_open, as_text

UP = a_snapshot(indicators={"ema_12": 1010.0, "ema_26": 1000.0, "atr_14": 5.0})
DOWN = a_snapshot(indicators={"ema_12": 990.0, "ema_26": 1000.0, "atr_14": 5.0})
PROMPT = {"prompt_usd_per_mtok": Decimal(1), "output_usd_per_mtok": Decimal(4)}


def a_market(up: bool = True, **changes: object) -> View:
    return a_view(markets={BTC: UP if up else DOWN}, account=an_account(), **changes)


async def test_a_model_opens_by_the_rules_and_everything_about_it_is_told(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        advice = await desk.ask(a_market())
        (decision,) = advice.decisions
        assert isinstance(decision, Decision)
        assert (decision.symbol, decision.action) == (BTC, Action.OPEN_LONG)
        assert advice.error == ""
        assert advice.reasoning == "1 decisions on 1 markets"
        assert advice.model == "scripted"
        assert (advice.requests, len(desk.server.requests)) == (1, 1)
        assert advice.latency_s > 0
        sent = "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in desk.server.requests[0]["messages"])
        assert advice.prompt == sent
        cost = Decimal(advice.prompt_tokens + 4 * advice.output_tokens) / 1_000_000
        assert advice.cost_usd == desk.spent.usd == cost > 0
        assert desk.spent.tokens == advice.prompt_tokens + advice.output_tokens


async def test_a_model_closes_what_is_against_the_trend(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        advice = await desk.ask(a_market(up=False, positions={BTC: a_position("0.5")}))
    assert [decision.action for decision in advice.decisions if isinstance(decision, Decision)] == [
        Action.CLOSE_LONG
    ]


async def test_a_paused_bot_is_told_to_open_nothing(tmp_path: Path) -> None:
    gate = PerformanceGate(state=GateState.PAUSED, sharpe=-1.0, threshold=-0.5, until=NOW)
    async with a_desk(tmp_path) as desk:
        assert (await desk.ask(a_market(gate=gate))).decisions == ()


async def test_only_the_digest_is_kept_unless_the_bot_says_so(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        advice = await desk.ask(a_market(), record_prompt=False)
    assert advice.prompt == ""
    assert len(advice.prompt_digest) == 64


@pytest.mark.parametrize("fault", [Fault.PROSE, Fault.MALFORMED])
async def test_a_clumsy_answer_is_understood_at_once(fault: Fault, tmp_path: Path) -> None:
    async with a_desk(tmp_path, fault) as desk:
        advice = await desk.ask(a_market())
    assert len(advice.decisions) == 1
    assert advice.requests == 1


@pytest.mark.parametrize("fault", [Fault.NONSENSE, Fault.CUT, Fault.CUT_UNTOLD])
async def test_a_useless_answer_is_gently_asked_for_once_more(fault: Fault, tmp_path: Path) -> None:
    async with a_desk(tmp_path, fault) as desk:
        advice = await desk.ask(a_market())
        first, second = desk.server.requests
    assert len(advice.decisions) == 1
    assert advice.requests == 2
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2]["role"] == "assistant"
    assert "could not be used" in second["messages"][3]["content"]


@pytest.mark.parametrize("fault", [Fault.NONSENSE, Fault.CUT, Fault.CUT_UNTOLD])
async def test_twice_useless_is_an_error_that_keeps_what_the_model_thought(
    fault: Fault, tmp_path: Path
) -> None:
    async with a_desk(tmp_path, fault, fault) as desk:
        advice = await desk.ask(a_market())
        assert len(desk.server.requests) == 2
        assert desk.spent.tokens == advice.prompt_tokens + advice.output_tokens > 0
    assert advice.decisions == ()
    assert advice.error_class in ("AnswerUnusable", "AnswerCut")
    assert advice.reasoning
    assert advice.prompt_digest


async def test_an_unknown_market_is_explained_to_the_model(tmp_path: Path) -> None:
    texts = [as_text(an_open(symbol="DOGE")), as_text(an_open())]
    async with a_desk(tmp_path, answers=lambda _: texts.pop(0)) as desk:
        advice = await desk.ask(a_market())
        assert "must be one of BTC" in desk.server.requests[1]["messages"][3]["content"]
    assert len(advice.decisions) == 1


@pytest.mark.parametrize(
    ("fault", "error_class"), [(Fault.REFUSED, "ModelRefused"), (Fault.FILTERED, "ModelRefused")]
)
async def test_a_refusal_is_not_argued_with(fault: Fault, error_class: str, tmp_path: Path) -> None:
    async with a_desk(tmp_path, fault) as desk:
        advice = await desk.ask(a_market())
        assert len(desk.server.requests) == 1
        assert desk.spent.tokens == advice.prompt_tokens + advice.output_tokens > 0
    assert (advice.decisions, advice.error_class) == ((), error_class)


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.BROKEN, Fault.RESET])
async def test_what_may_pass_is_tried_again(fault: Fault, tmp_path: Path) -> None:
    async with a_desk(tmp_path, fault, fault) as desk:
        advice = await desk.ask(a_market())
    assert len(advice.decisions) == 1
    assert advice.requests == 3


async def test_a_rate_limits_wait_is_kept(tmp_path: Path) -> None:
    async with a_desk(tmp_path, Fault.RATE_LIMITED_WITH_WAIT) as desk:
        advice = await desk.ask(a_market())
    assert len(advice.decisions) == 1
    assert advice.latency_s >= 1


@pytest.mark.parametrize(
    ("fault", "error_class", "requests"),
    [
        (Fault.BROKEN, "Temporary", 3),
        (Fault.RATE_LIMITED, "RateLimited", 3),
        (Fault.OUT_OF_QUOTA, "Insufficient", 1),
        (Fault.NOT_JSON, "NoAnswer", 1),
        (Fault.NO_CHOICES, "NoAnswer", 1),
    ],
)
async def test_what_does_not_pass_is_an_error(
    fault: Fault, error_class: str, requests: int, tmp_path: Path
) -> None:
    async with a_desk(tmp_path, *[fault] * 3) as desk:
        advice = await desk.ask(a_market())
        assert len(desk.server.requests) == requests
    assert (advice.decisions, advice.error_class) == ((), error_class)
    assert advice.error


async def test_a_wait_beyond_the_deadline_is_not_begun(tmp_path: Path) -> None:
    async with a_desk(tmp_path, Fault.RATE_LIMITED_WITH_WAIT) as desk:
        advice = await desk.ask(a_market(), deadline=timedelta(seconds=0.9))
    assert advice.error_class == "RateLimited"
    assert advice.latency_s < 0.9


@pytest.mark.parametrize("fault", [Fault.HANGS, None])
async def test_late_means_nothing_is_advised_and_the_request_stays_booked(
    fault: Fault | None, tmp_path: Path
) -> None:
    async with a_desk(tmp_path, fault, latency_s=5.0) as desk:
        advice = await desk.ask(a_market(), deadline=timedelta(seconds=0.4))
        assert desk.spent.tokens == advice.prompt_tokens + advice.output_tokens > 4_000
    assert advice.decisions == ()
    assert advice.error_class in ("OutOfTime", "OutcomeUnknown")
    assert advice.latency_s < 1


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.NOT_JSON])
async def test_a_request_that_nobody_heard_the_end_of_counts_at_its_worst(
    fault: Fault, tmp_path: Path
) -> None:
    async with a_desk(tmp_path, *[fault] * 3) as desk:
        advice = await desk.ask(a_market())
        assert advice.error_class in ("OutcomeUnknown", "NoAnswer")
        assert desk.spent.tokens == advice.prompt_tokens + advice.output_tokens
        assert advice.output_tokens == advice.requests * 4_000


async def test_an_answer_that_was_cut_is_not_used_even_where_it_looks_whole(tmp_path: Path) -> None:
    whole = as_text(an_open())
    async with a_desk(tmp_path, Fault.CUT, answers=lambda _: whole + " " * len(whole)) as desk:
        advice = await desk.ask(a_market())
        assert "cut off at its length limit" in desk.server.requests[1]["messages"][3]["content"]
    assert (advice.requests, len(advice.decisions)) == (2, 1)


async def test_failures_that_cost_nothing_are_not_booked(tmp_path: Path) -> None:
    async with a_desk(tmp_path, *[Fault.BROKEN] * 3) as desk:
        advice = await desk.ask(a_market())
        assert desk.spent.tokens == advice.prompt_tokens == 0
        assert advice.cost_usd == 0


async def test_an_uncounted_answer_is_booked_at_its_worst_case(tmp_path: Path) -> None:
    async with a_desk(tmp_path, Fault.NO_USAGE) as desk:
        advice = await desk.ask(a_market())
        assert len(advice.decisions) == 1
        assert desk.spent.tokens == advice.prompt_tokens + advice.output_tokens > 4_000 + len(advice.prompt)


async def test_a_request_whose_worst_case_just_fits_is_sent_and_one_token_more_is_not(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        too_little = await desk.ask(a_market(), tokens_per_day_max=1)
        assert too_little.error_class == "BudgetSpent"
        worst = int(re.findall(r"may take (\d+) tokens", too_little.error)[0])
        short = await desk.ask(a_market(), tokens_per_day_max=worst - 1)
        assert short.error == f"the request may take {worst} tokens; {worst - 1} are left of the bot's day"
        assert (short.decisions, short.requests, desk.server.requests) == ((), 0, [])
        assert desk.spent.tokens == 0
        enough = await desk.ask(a_market(), tokens_per_day_max=worst)
        assert (enough.error, enough.requests) == ("", 1)
        assert 0 < desk.spent.tokens < worst


async def test_a_retry_must_fit_into_the_budget_too(tmp_path: Path) -> None:
    async with a_desk(tmp_path, Fault.NONSENSE) as desk:
        too_little = await desk.ask(a_market(), tokens_per_day_max=1)
        worst = int(re.findall(r"may take (\d+) tokens", too_little.error)[0])
        advice = await desk.ask(a_market(), tokens_per_day_max=worst + 100)
        assert advice.error_class == "BudgetSpent"
        assert (advice.requests, len(desk.server.requests)) == (1, 1)
        assert advice.reasoning.startswith("The market is a river")


async def test_a_days_cost_is_a_limit_too(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        advice = await desk.ask(a_market(), cost_usd_per_day_max=Decimal("0.016"), output_tokens_max=4_000)
        assert advice.error_class == "BudgetSpent", "4,000 tokens of answer alone are 0.016 USD"
        advice = await desk.ask(a_market(), cost_usd_per_day_max=Decimal("0.05"), output_tokens_max=4_000)
        assert advice.error == ""


async def test_a_prompt_that_is_too_long_is_not_sent(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        advice = await desk.ask(a_market(), prompt_tokens_max=1_000)
        assert desk.server.requests == []
    assert advice.error_class == "InvalidParam"
    assert "more than prompt_tokens_max 1000" in advice.error


async def test_a_template_that_fails_is_an_error_and_no_request(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        advice = await desk.ask(a_market(), template=Template("{{ positions[0].symbol }}"))
        assert desk.server.requests == []
    assert (advice.decisions, advice.error_class) == ((), "ConfigError")


async def test_no_more_requests_at_once_than_the_model_allows(tmp_path: Path) -> None:
    async with a_desk(tmp_path, latency_s=0.05) as desk:
        answers = await asyncio.gather(*(desk.ask(a_market(), concurrency=3) for _ in range(12)))
        assert desk.server.busiest == 3
    assert all(len(advice.decisions) == 1 for advice in answers)


async def test_no_text_of_an_advice_has_the_key_however_it_is_spelt(tmp_path: Path) -> None:
    spelt = "".join(f"\\u{ord(character):04x}" for character in KEY)
    sneaky = json.dumps([an_open(reasoning="@", invalidation_condition="@")]).replace("@", spelt)
    async with a_desk(tmp_path, answers=lambda _: sneaky) as desk:
        advice = await desk.ask(a_market())
    assert len(advice.decisions) == 1
    assert KEY not in repr(advice)
    assert "********" in repr(advice.decisions)


async def test_after_a_denial_the_key_is_looked_for_anew(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        assert (await desk.ask(a_market())).error == ""
        desk.server.key = "sk-canary-new"
        desk.keys.append("sk-canary-new")
        advice = await desk.ask(a_market())
        assert advice.error_class == "Denied"
        assert "canary" not in advice.error
        assert (await desk.ask(a_market())).error == ""
