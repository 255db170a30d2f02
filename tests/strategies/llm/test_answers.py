"""What a model says becomes decisions, or one error that keeps its words."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from strategies.decision import Action, Decision
from strategies.llm.answers import LENGTH_MAX, AnswerUnusable, read_answer
from strategies.llm.contract import SCHEMA, TEXT_MAX
from tests.builders import BTC, ETH
from tests.strategies.llm.builders import SYMBOLS, an_open, as_text, without

OPEN = as_text(an_open())
LONG = Decision(
    symbol=BTC,
    action=Action.OPEN_LONG,
    leverage=3,
    position_size_usd=Decimal("1000.1"),
    stop_loss=Decimal(950),
    take_profit=Decimal(1150),
    confidence=80,
    reasoning="up",
)
HOLD = '{"symbol": "ETH", "action": "hold", "confidence": 5}'


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        (OPEN, ""),
        (json.dumps({"reasoning": "I think", "decisions": [an_open()]}), "I think"),
        (json.dumps({"decisions": [an_open()], "extra": 1}), ""),
        (json.dumps(an_open()), ""),
        (f"Let me think [1].\n```json\n{OPEN}\n```\nDone.", "Let me think [1].\n```json\n```\nDone."),
        (f"<think>it's a [b]mess</think> {OPEN}", "<think>it's a [b]mess</think>"),
        (f"candidates: [] so {OPEN}", "candidates: [] so"),
        (OPEN.replace('"', "“"), ""),
        (OPEN.replace('"', "'"), ""),
        (OPEN[:-2] + ",}]", ""),
        (OPEN[:-1] + ",]", ""),
        (OPEN.replace('"leverage"', "leverage"), ""),
        (OPEN.replace("[", "［").replace("]", "］").replace(":", "："), ""),
        (OPEN.replace(': 3,', ': 3, // three times\n'), ""),
        (OPEN.replace("null", "None"), ""),
        (OPEN + " and then " + as_text(an_open(symbol="ETH")), "and then " + as_text(an_open(symbol="ETH"))),
    ],
)  # fmt: skip
def test_a_decision_is_found_in_whatever_stands_around_it(text: str, reasoning: str) -> None:
    answer = read_answer(text, SYMBOLS)
    assert answer.decisions == (LONG,)
    assert answer.reasoning.replace("\n\n", "\n") == reasoning


@pytest.mark.parametrize(
    "text", ["[]", '{"decisions": []}', "I wait.\n[]", '{"reasoning": "x", "decisions": []}']
)
def test_no_decision_is_an_answer_too(text: str) -> None:
    assert read_answer(text, SYMBOLS).decisions == ()


@pytest.mark.parametrize(
    "number", ["1000.1", "0.1", "123456.789012345678901", "1e3", "1E+3", "1000", "0.000000001", "7.0"]
)
@pytest.mark.parametrize("end", ["]", ",]"])
def test_numbers_keep_every_digit_also_through_a_repair(number: str, end: str) -> None:
    text = OPEN.replace("1000.1", number)[:-1] + end
    (decision,) = read_answer(text, SYMBOLS).decisions
    assert isinstance(decision, Decision)
    assert decision.position_size_usd is not None
    assert str(decision.position_size_usd) == str(Decimal(number))


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (an_open(symbol="DOGE"), "symbol: must be one of BTC, ETH"),
        (an_open(symbol="btc"), "symbol"),
        (an_open(symbol=["BTC"]), "symbol"),
        (without(an_open(), "symbol"), "symbol"),
        (an_open(action="buy"), "action: must be one of open_long"),
        (an_open(action=None), "action"),
        (an_open(action=["open_long"]), "action"),
        *((without(an_open(), key), f"{key}: is required for open_long") for key in
          ("leverage", "position_size_usd", "stop_loss", "take_profit", "confidence")),
        (an_open(leverage=None), "leverage: is required"),
        (an_open(leverage=0), "leverage: must be a whole number from 1"),
        (an_open(leverage=2.5), "leverage: must be a whole number"),
        (an_open(leverage=True), "leverage: must be a whole number, without quotes"),
        (an_open(leverage="3"), "leverage"),
        (an_open(leverage=10**9), "leverage"),
        (an_open(confidence=101), "confidence: must be a whole number from 0 to 100"),
        (an_open(confidence=-1), "confidence"),
        (an_open(confidence=0.8), "confidence"),
        (an_open(confidence=True), "confidence"),
        (an_open(confidence="80"), "confidence"),
        (an_open(position_size_usd=-5), "position_size_usd: must not be negative"),
        (an_open(position_size_usd=0), "position_size_usd: must be above 0"),
        (an_open(position_size_usd=False), "position_size_usd: must be a number"),
        (an_open(position_size_usd="1,000"), "position_size_usd: must be a number"),
        (an_open(position_size_usd=[1]), "position_size_usd: must be a number"),
        (an_open(position_size_usd=1e30), "is no sensible number"),
        (an_open(stop_loss=1e-30), "is no sensible number"),
        (an_open(entry_price=0), "entry_price: must be above 0; null for none"),
        (an_open(risk_usd=-1), "risk_usd: must not be negative"),
        (an_open(reasoning=5), "reasoning: must be text"),
        (an_open(invalidation_condition=["x"]), "invalidation_condition: must be text"),
        ({"symbol": "BTC", "action": "close_long", "position_size_usd": 0}, "position_size_usd: must be above 0"),
        ({"symbol": "BTC", "action": "hold", "stop_loss": -1}, "stop_loss: must not be negative"),
        ({"symbol": "BTC", "action": "hold", "stop_loss": True}, "stop_loss: must be a number"),
    ],
)  # fmt: skip
def test_what_breaks_the_contract_is_refused_by_its_place(item: dict[str, Any], problem: str) -> None:
    with pytest.raises(AnswerUnusable) as caught:
        read_answer(as_text(item), SYMBOLS)
    assert problem in str(caught.value)
    assert caught.value.reasoning


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no complete JSON array"),
        ("no", "no complete JSON array"),
        ('{"error": "busy"}', "no complete JSON array"),
        ("[1, 2]", "is no object"),
        ("[[" + OPEN + "]]", "is no object"),
        (OPEN[:-5], "no complete JSON array"),
        (OPEN[:90], "no complete JSON array"),
        (f"[{HOLD}, " + OPEN[1:90], "no complete JSON array"),
        ("[" * 50_000, "no complete JSON array"),
        ("[" * 20 + "]" * 20, "no complete JSON array"),
        ('{"a":' * 10_000, "no complete JSON array"),
        ("[' " * 20_000, "no complete JSON array"),
        ("x" * (LENGTH_MAX + 1), "characters"),
        (OPEN.replace("950", "NaN"), "NaN in it is no number"),
        (OPEN.replace("950", "Infinity"), "Infinity in it is no number"),
        (OPEN.replace("950", "-Infinity"), "-Infinity in it is no number"),
        (OPEN.replace("950", "1e999999999"), "no sensible number"),
        (OPEN.replace("950", "1e-999999999"), "no sensible number"),
        (OPEN.replace("950", "9" * 41), "absurdly long"),
        (OPEN.replace("950", "9" * 5_000), "absurdly long"),
        (OPEN.replace("950", "1e9999999999999999999"), "absurdly large"),
        (OPEN.replace(": 80", ': 80, "confidence": 99'), "stands twice"),
        (OPEN.replace(": 80", ': 80, "confidence": 99')[:-1] + ",]", "stands twice"),
        (as_text(an_open(), an_open(action="close_long")), "a second decision on it"),
        (OPEN.replace("1000.1", "1,000"), "position_size_usd: must be a number"),
        (OPEN.replace("1000.1", "$1000.5"), "no complete JSON array"),
        (OPEN.replace("1000.1", "1000.5 k"), "no complete JSON array"),
        (OPEN.replace("1000.1", "1 000.5"), "no complete JSON array"),
        (OPEN.replace("1000.1", "true"), "position_size_usd: must be a number"),
    ],
)
def test_what_is_no_answer_is_refused_cleanly_and_soon(text: str, problem: str) -> None:
    began = time.perf_counter()
    with pytest.raises(AnswerUnusable) as caught:
        read_answer(text, SYMBOLS)
    assert problem in str(caught.value)
    assert time.perf_counter() - began < 2
    assert len(caught.value.reasoning) <= 16_000


def test_one_bad_decision_voids_all() -> None:
    with pytest.raises(AnswerUnusable, match=r"decisions\[1\]\.symbol"):
        read_answer(as_text(an_open(), an_open(symbol="XRP")), SYMBOLS)


def test_amounts_that_mean_nothing_for_an_action_are_dropped() -> None:
    zeros = {"leverage": 0, "position_size_usd": 0, "stop_loss": 0, "take_profit": 0, "confidence": 0}
    (decision,) = read_answer(as_text({"symbol": "ETH", "action": "wait", **zeros}), SYMBOLS).decisions
    assert decision == Decision(symbol=ETH, action=Action.WAIT, confidence=0)


@pytest.mark.parametrize(("size", "closed"), [(None, None), (12.5, Decimal("12.5"))])
def test_a_close_names_its_size_or_closes_all(size: float | None, closed: Decimal | None) -> None:
    close = {"symbol": "BTC", "action": "close_short", "position_size_usd": size}
    (decision,) = read_answer(as_text(close), SYMBOLS).decisions
    assert decision == Decision(symbol=BTC, action=Action.CLOSE_SHORT, position_size_usd=closed)


def test_long_and_invisible_text_is_cut_and_cleaned() -> None:
    item = an_open(reasoning="a\u202eb\x00c\u200bd" + "x" * 5_000)
    (decision,) = read_answer(as_text(item), SYMBOLS).decisions
    assert decision.reasoning.startswith("abcdx")
    assert len(decision.reasoning) == TEXT_MAX


def test_the_schema_has_the_contracts_fields_and_no_others() -> None:
    names = set(SCHEMA["properties"]["decisions"]["items"]["properties"])
    assert names == set(Decision.__dataclass_fields__) == set(an_open())
