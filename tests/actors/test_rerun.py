"""Recorded cycles run again: the same, or where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from actors.cycle_story import story
from actors.messages import AdviceLine, CycleRecord
from actors.recorded import packed_view, unpacked_view
from actors.rerun import rerun
from adapters.errors import ExchangeDown
from adapters.model import Symbol
from config.spec import BotSpec, HaltLevel
from risk.limits import ExecGuards, Features, RiskParams
from strategies.decision import Action, AnyDecision, Decision
from strategies.strategy import View
from tests.actors.builders import a_bot_spec, dec
from tests.actors.test_bot import LONG, Counsel, Life, Scripted, a_life
from tests.builders import BTC, ETH

GUARDS = ExecGuards(
    max_new_positions_per_cycle=1,
    cooldown_after_close=timedelta(0),
    btceth_position_value_min_equity_multiple=dec(0),
)
ETH_LONG = replace(LONG, symbol=ETH, stop_loss=dec(90), take_profit=dec(120))
Decide = Callable[[View], Sequence[AnyDecision]]


def always(*decisions: AnyDecision) -> Decide:
    return lambda view: decisions


def stored(record: CycleRecord) -> CycleRecord:
    """As it comes back from the store or an export."""
    return msgspec.json.decode(msgspec.json.encode(record), type=CycleRecord)


async def a_record(decide: Decide, **changes: Any) -> tuple[BotSpec, CycleRecord, Life]:
    spec = a_bot_spec(**{"exec_guards": GUARDS} | changes)
    life = await a_life(decide, spec=spec, symbols=(BTC, ETH))
    record = await life.bot.cycle()
    assert record is not None
    return spec, stored(record), life


def again(spec: BotSpec, record: CycleRecord, decide: Decide) -> list[str]:
    return [one.field for one in rerun(spec, Scripted(decide_=decide, symbols=(BTC, ETH)), record)]


@pytest.mark.parametrize(
    ("decide", "changes"),
    [
        (always(LONG), {}),
        (always(LONG, ETH_LONG), {}),
        (always(replace(LONG, leverage=99)), {}),
        (always(Decision(symbol=BTC, action=Action.CLOSE_LONG)), {}),
        (always(Decision(symbol=BTC, action=Action.HOLD, reasoning="wait and see")), {}),
        (always(LONG, ETH_LONG), {"features": Features(shadow_mode=True)}),
        (always(LONG, ETH_LONG), {"features": Features(multi_decision=False), "exec_guards": None}),
        (always(replace(LONG, position_size_usd=None)), {}),
    ],
)
async def test_a_cycle_run_again_gives_the_same(decide: Decide, changes: dict[str, Any]) -> None:
    spec, record, _ = await a_record(decide, **changes)
    assert again(spec, record, decide) == []


async def test_a_refusal_by_the_wallet_is_run_again_from_what_it_saw() -> None:
    spec = a_bot_spec(risk_params=RiskParams(max_same_orders=1, max_position_size_usd=dec(10_000)))
    life = await a_life(always(LONG), spec=spec, symbols=(BTC,))
    await life.bot.cycle()
    record = await life.bot.cycle()
    assert record is not None
    assert [refusal.rule for refusal in record.refusals] == ["duplicate_order"]
    record = stored(record)
    assert len(record.contexts) == 1
    assert again(spec, record, always(LONG)) == []
    without = msgspec.structs.replace(record, contexts={})
    assert again(spec, without, always(LONG)) == ["refusals"]


async def test_a_cycle_under_a_halt_is_run_again_under_it() -> None:
    life = await a_life(always(LONG), spec=a_bot_spec(), symbols=(BTC,))
    await life.floor.halt(HaltLevel.PAUSE_ENTRIES)
    record = await life.bot.cycle()
    assert record is not None
    assert record.halt is HaltLevel.PAUSE_ENTRIES
    assert again(a_bot_spec(), stored(record), always(LONG)) == []
    assert again(a_bot_spec(), msgspec.structs.replace(record, halt=None), always(LONG)) == [
        "refusals",
        "orders",
    ]


async def test_what_a_venue_answered_is_taken_as_it_was() -> None:
    three = replace(GUARDS, max_new_positions_per_cycle=3)
    life = await a_life(always(LONG, ETH_LONG), spec=a_bot_spec(exec_guards=three), symbols=(BTC, ETH))
    life.floor.venue.fail("place", ExchangeDown("maintenance"))
    record = await life.bot.cycle()
    assert record is not None
    assert [refusal.rule for refusal in record.refusals] == ["exchange_down"]
    assert again(a_bot_spec(exec_guards=three), stored(record), always(LONG, ETH_LONG)) == []


async def test_advice_is_part_of_what_was_seen() -> None:
    spec = a_bot_spec()
    follow: Decide = lambda view: view.advice  # noqa: E731
    life = await a_life(follow, spec=spec, advisor=Counsel((LONG,)), executor="quant", symbols=(BTC,))
    record = await life.bot.cycle()
    assert record is not None
    assert again(spec, stored(record), follow) == []


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        (always(replace(LONG, stop_loss=dec(901))), ["decisions[0].stop_loss", "orders[0].stop_loss"]),
        (always(replace(LONG, reasoning="because")), ["decisions[0].reasoning"]),
        (always(replace(LONG, leverage=99)), ["decisions[0].leverage", "refusals", "orders"]),
        (always(), ["decisions", "orders"]),
    ],
)
async def test_what_came_out_otherwise_is_named_by_cycle_and_field(
    changed: Decide, fields: list[str]
) -> None:
    spec, record, _ = await a_record(always(LONG))
    assert again(spec, record, changed) == fields
    (first, *_) = rerun(spec, Scripted(decide_=changed, symbols=(BTC, ETH)), record)
    assert (first.bot, first.epoch, first.cycle) == (spec.name, 1, 11)


async def test_a_view_that_was_tampered_with_shows() -> None:
    spec, record, _ = await a_record(always(LONG))
    view = unpacked_view(record.view)
    other = replace(view, account=replace(view.account, equity_usd=dec(1)))
    forged = msgspec.structs.replace(record, view=packed_view(other))
    assert "view_digest" in again(spec, forged, always(LONG))


async def test_other_limits_show() -> None:
    _, record, _ = await a_record(always(LONG))
    stricter = a_bot_spec(exec_guards=GUARDS, risk_params=RiskParams(min_confidence=101))
    assert again(stricter, record, always(LONG)) == ["refusals", "orders"]


async def test_a_record_without_its_view_cannot_be_run_again() -> None:
    spec, record, _ = await a_record(always(LONG))
    old = msgspec.structs.replace(record, view=b"")
    with pytest.raises(ValueError, match="no recording"):
        rerun(spec, Scripted(decide_=always(LONG)), old)


# the story of a cycle

SEED_FIELDS = {
    "timestamp",
    "trader_id",
    "cycle",
    "input_prompt_digest",
    "cot_trace",
    "decisions",
    "account_snapshot",
    "positions_snapshot",
    "candidates",
    "market_snap_digest",
    "actions",
    "success",
    "error_message",
}
ACTION_FIELDS = {
    "symbol",
    "action",
    "qty",
    "price",
    "order_id",
    "cloid",
    "result",
    "error_class",
    "error_detail",
}


async def test_a_story_has_every_field_under_its_name() -> None:
    spec, record, _ = await a_record(always(LONG))
    told = story(record)
    assert told.keys() >= SEED_FIELDS
    assert set(told["actions"][0]) == ACTION_FIELDS
    assert (told["trader_id"], told["cycle"], told["success"]) == (spec.name, 11, True)
    assert told["account_snapshot"]["equity_usd"] == "1000000"
    assert told["candidates"] == ["BTC", "ETH"]
    market = told["market_snap_digest"]["BTC"]
    assert (market["bid"], market["ask"], market["open_interest"]) == ("999", "1001", "1000000")
    assert told["decisions"][0]["reasoning"] == "why not"
    assert told["actions"][0]["cloid"] == record.intents[0].id
    assert told["gate"]["state"] == "open"
    assert told["input_prompt_digest"] == record.view_digest


async def test_positions_are_in_the_story_of_a_bot_that_has_some() -> None:
    close = Decision(symbol=BTC, action=Action.CLOSE_LONG)
    turns = [(LONG,), (close,)]
    life = await a_life(lambda view: turns.pop(0), spec=a_bot_spec(), symbols=(Symbol("BTC"),))
    await life.bot.cycle()
    record = await life.bot.cycle()
    assert record is not None
    assert story(record)["positions_snapshot"]["BTC"]["size"] == "0.499"


async def test_what_a_model_said_is_in_the_story() -> None:
    spec, record, _ = await a_record(always(LONG))
    line = AdviceLine(
        prompt_digest="ab" * 32, prompt="You trade.", reasoning="Up.", model="m", prompt_tokens=9
    )
    told = story(msgspec.structs.replace(record, advice=line))
    assert (told["input_prompt_digest"], told["cot_trace"], told["input_prompt"]) == (
        "ab" * 32,
        "Up.",
        "You trade.",
    )
    assert told["advice"]["model"] == "m"
    assert "prompt" not in told["advice"]
    assert spec.name == told["trader_id"]


async def test_the_story_of_an_old_record_has_empty_snapshots() -> None:
    _, record, _ = await a_record(always(LONG))
    told = story(msgspec.structs.replace(record, view=b""))
    assert told.keys() >= SEED_FIELDS
    assert (told["account_snapshot"], told["market_snap_digest"]) == ({}, {})
