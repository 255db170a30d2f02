"""Whatever stands in a prompt's data or in a model's answer: no rule gives way, no other account is reached, and no
secret appears. The model here is as bad as can be: it does what the worst text in its prompt asks for."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.bot import Bot
from actors.decision import DecisionMember
from actors.in_process import InProcessWallet
from actors.messages import CycleRecord
from adapters.model import Symbol
from risk.intent import Purpose
from strategies.advice import Inquiry
from strategies.advised import Advised
from strategies.decision import Action, Decision
from strategies.llm.prompt import DATA_BEGIN, DATA_END, prompt
from strategies.strategy import Rebuff
from tests.actors.builders import Floor, a_bot_spec
from tests.actors.hostile import ANSWERS, TEXTS
from tests.actors.model_desk import GUARDS, KEY, PARAMS, Desk, a_desk
from tests.builders import BTC, NOW, a_snapshot, a_view
from tests.fakes import HandClock
from tests.strategies.llm.builders import an_open, as_text

PLANTED = "canary-of-the-environment-91c"
RULES = {"risk_params": PARAMS, "exec_guards": GUARDS}
GOOD = as_text(an_open(stop_loss=950, take_profit=1_200))


async def cycles(desk: Desk, count: int = 1) -> tuple[list[CycleRecord], Floor, Floor]:
    """A bot that follows the desk's model on a market at 1000, and another account that it must not touch."""
    clock = HandClock(NOW)
    own, other = Floor(clock=clock), Floor(clock=clock)
    spec = a_bot_spec(symbols=(BTC,), risk_params=PARAMS, exec_guards=GUARDS)
    await own.open(spec, hello=False)
    await other.open(hello=False)
    strategy = Advised(candidates=(BTC,), executor="llm", model=desk.model)
    bot = Bot(
        spec,
        1,
        strategy,
        wallet=InProcessWallet(own.wallet),
        advisor=DecisionMember(desk.advisor),
        clock=clock,
    )
    records = [record for _ in range(count) if (record := await bot.cycle()) is not None]
    return records, own, other


def broken_rules(record: CycleRecord) -> list[str]:
    """Which of the bot's hard rules an order broke that was sent, by a reckoning of its own."""
    sent = {action.cloid for action in record.actions if action.result in ("placed", "unknown")}
    broken = []
    for intent in (
        intent for intent in record.intents if intent.id in sent and intent.purpose is Purpose.OPEN
    ):
        assert intent.price is not None
        assert intent.stop_loss is not None
        assert intent.take_profit is not None
        sign = intent.side.sign
        entry = Decimal(1_001 if sign > 0 else 999)
        risk, reward = (entry - intent.stop_loss) * sign, (intent.take_profit - entry) * sign
        checks = {
            "symbol": intent.symbol == BTC,
            "size": intent.size * max(intent.price, entry) <= PARAMS.max_position_size_usd,
            "leverage": intent.leverage is not None and intent.leverage <= PARAMS.major_coin_leverage,
            "confidence": intent.confidence >= PARAMS.min_confidence,
            "stop": risk > 0,
            "reward": reward >= 3 * risk,
            "price": abs(intent.price - 1_000) < 50,
        }
        broken += [name for name, holds in checks.items() if not holds]
    return broken


def everything(desk: Desk, records: list[CycleRecord], log: pytest.LogCaptureFixture) -> str:
    """All that was sent to a model, recorded, or logged; bodies only, since the header bears the key."""
    return "\n".join((json.dumps(desk.server.requests), msgspec.json.encode(records).decode(), log.text))


def judge(
    desk: Desk, records: list[CycleRecord], own: Floor, other: Floor, log: pytest.LogCaptureFixture
) -> None:
    assert records
    assert [rule for record in records for rule in broken_rules(record)] == []
    assert own.at_venue() * 1_001 <= PARAMS.max_position_size_usd
    assert own.at_venue(Symbol("ETH")) == other.at_venue() == other.at_venue(Symbol("ETH")) == 0
    assert other.resting() == []
    if own.at_venue():
        assert own.resting(), "a position has its stop"
    said = everything(desk, records, log)
    assert KEY not in said
    assert PLANTED not in said
    assert all(record.advice is not None and record.advice.prompt_digest for record in records)


async def test_a_good_answer_does_get_through(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with a_desk(tmp_path, answers=lambda _: GOOD) as desk:
        records, own, other = await cycles(desk)
        judge(desk, records, own, other, caplog)
    assert own.at_venue() > 0


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
async def test_no_answer_gets_past_a_rule(
    answer: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    caplog.set_level(logging.DEBUG)
    async with a_desk(tmp_path, answers=lambda _: answer.replace("@KEY@", KEY)) as desk:
        records, own, other = await cycles(desk, 2)  # the second prompt has what the first answer said
        caplog_text = [
            record for record in caplog.records if record.name.startswith(("openai", "httpx", "httpcore"))
        ]
        assert all(KEY not in record.getMessage() for record in caplog_text)
        judge(desk, records, own, other, caplog)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_no_text_in_the_data_leaves_it_or_moves_a_rule(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    plain = Inquiry(executor="llm", view=a_view(), rules=RULES)
    hostile = a_view(
        rebuffs=(Rebuff(symbol=BTC, reason=text, detail=text),),
        absent={text: text},
        markets={BTC: a_snapshot(), Symbol(text): a_snapshot(symbol=Symbol(text))},
    )
    said = Decision(symbol=BTC, action=Action.HOLD, reasoning=text, invalidation_condition=text)
    inquiry = replace(plain, view=hostile, earlier=(said,))
    system, data = prompt(inquiry).messages
    assert system == prompt(plain).messages[0], "the instructions are not touched"
    assert data.content.startswith(f"{DATA_BEGIN}\n")
    assert data.content.endswith(f"\n{DATA_END}")
    assert data.content.count("<") == data.content.count(">") == 2
    assert data.content.isascii()
    shown = json.loads(data.content[len(DATA_BEGIN) : -len(DATA_END)])
    assert shown["candidates"] == ["BTC"]
    assert shown["rules"]["max_position_size_usd"] == 1_500
    assert len(data.content) < 6_000
    assert PLANTED not in system.content + data.content

    def obedient(messages: Sequence[Mapping[str, Any]]) -> str:
        return as_text(an_open(position_size_usd=900_000, leverage=1_000, stop_loss=1, reasoning=text))

    async with a_desk(tmp_path, answers=obedient) as desk:
        records, own, other = await cycles(desk, 2)
        judge(desk, records, own, other, caplog)
    assert own.at_venue() == 0


def test_the_sets_are_as_large_as_promised() -> None:
    assert len(set(TEXTS)) >= 25
    assert len(set(ANSWERS)) >= 25
