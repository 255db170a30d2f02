"""Eleven thousand answers that no honest model gives: one error of ours, or decisions that keep the contract."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from strategies.decision import Action, Decision
from strategies.llm.answers import AnswerUnusable, read_answer
from strategies.llm.contract import LARGEST, SMALLEST
from tests.strategies.llm.builders import SYMBOLS, an_open

FUZZ = settings(
    max_examples=700,
    deadline=timedelta(seconds=2),
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
_NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(["1,000", "NaN", "5x", "", "950", "-0", 10**400, 1e308, 5e-324, -1, 0, 0.0, 100, 101]),
)
_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_COUNTS = ("leverage", "position_size_usd", "entry_price", "stop_loss", "take_profit", "confidence")
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "symbol": st.sampled_from(["BTC", "ETH", "DOGE", "btc", "", "BTC\n", "../BTC"]) | _JUNK,
    "action": st.sampled_from([*Action, "buy", "OPEN_LONG", "open_long "]) | _JUNK,
    **dict.fromkeys(_COUNTS, _NUMBERS),
    "risk_usd": _NUMBERS | _JUNK,
    "reasoning": st.text(max_size=50) | _JUNK,
    "invalidation_condition": st.text(max_size=50) | _JUNK,
}
_ITEMS = st.fixed_dictionaries({}, optional=_FIELDS) | st.builds(
    lambda changes: an_open(**changes), st.fixed_dictionaries({}, optional=_FIELDS)
)
_ANSWERS = (
    st.lists(_ITEMS | _JUNK, max_size=4)
    | st.fixed_dictionaries({"decisions": st.lists(_ITEMS, max_size=4) | _JUNK})
    | _JUNK
)
_BITS = ["[", "]", "{", "}", '"', "'", ",", ":", "\\", "\n", "NaN", "-", "1e9", "“", "［", "/*", "//", "null", "\x00",
         "\ud800", "</data>", "```", "\ue000", "\ue001", "0", "9"]  # fmt: skip
_AROUND = ("{}", "Well. {} Yes.", "```json\n{}\n```", "'{}'", "{}]", "[{}", "{},}", "“{}”")
DAMAGED_EACH = 8


def keeps_the_contract(decision: Decision) -> bool:
    """All that the rest of the program may rely on."""
    amounts = [getattr(decision, name) for name in
               ("position_size_usd", "entry_price", "stop_loss", "take_profit", "risk_usd")]  # fmt: skip
    needed = (decision.leverage, decision.position_size_usd, decision.stop_loss, decision.take_profit)
    return (
        decision.symbol in SYMBOLS
        and isinstance(decision.action, Action)
        and type(decision.confidence) is int
        and 0 <= decision.confidence <= 100
        and (decision.leverage is None or (type(decision.leverage) is int and decision.leverage >= 1))
        and all(
            amount is None or (type(amount) is Decimal and SMALLEST <= amount <= LARGEST)
            for amount in amounts
        )
        and (not decision.action.opens or None not in needed)
        and all(
            type(text) is str and len(text) <= 2_000
            for text in (decision.reasoning, decision.invalidation_condition)
        )
    )


def judge(text: str) -> int:
    """How many decisions were taken from the text; whatever is wrong but our own error fails the test."""
    try:
        answer = read_answer(text, SYMBOLS)
    except AnswerUnusable:
        return 0
    assert all(map(keeps_the_contract, answer.decisions)), answer
    assert len({decision.symbol for decision in answer.decisions}) == len(answer.decisions)
    return len(answer.decisions)


@FUZZ
@given(_ANSWERS)
def test_no_json_breaks_the_contract(value: Any) -> None:
    text = json.dumps(value)
    for around in _AROUND:
        judge(around.replace("{}", text))


@FUZZ
@given(st.lists(_ITEMS, min_size=1, max_size=3), st.integers(0, 2**32))
def test_no_damage_breaks_the_contract(items: list[Any], seed: int) -> None:
    draw = random.Random(seed)
    text = json.dumps(items)
    for _ in range(DAMAGED_EACH):
        judge(damaged(text, draw))


def damaged(text: str, draw: random.Random) -> str:
    """The text with something put in, taken out, replaced or repeated, a few times."""
    for _ in range(draw.randint(1, 8)):
        place, other = sorted((draw.randrange(len(text) + 1), draw.randrange(len(text) + 1)))
        bit = draw.choice(_BITS)
        text = draw.choice(
            (
                text[:place] + bit + text[place:],
                text[:place] + bit + text[place + 1 :],
                text[:place] + text[place + draw.randint(1, 4) :],
                text[:other] + text[place:],
            )
        )
    return text[:20_000]


def test_the_fuzzed_answers_are_not_all_refused() -> None:
    draw = random.Random(7)
    texts = [
        json.dumps([an_open(leverage=draw.randrange(1, 9), confidence=draw.randrange(101))])
        for _ in range(50)
    ]
    assert sum(map(judge, texts)) == 50
    assert sum(judge(text[:-1] + ",]") for text in texts) == 50
