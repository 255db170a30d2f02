"""Each switch of a bot's ``features`` does what it says, at its wallet and in the bot itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actors.messages import OutcomeKind
from adapters.errors import Temporary
from adapters.model import OrderType
from config.spec import BotSpec, HaltLevel
from risk.limits import ExecGuards, Features, RiskParams
from strategies.strategy import GateState
from tests.actors.builders import Floor, a_bot_spec, a_close, an_open, dec, refusal_of
from tests.actors.test_bot import LONG, a_life, once
from tests.builders import BTC, ETH
from tests.fakes import Fault

GUARDS = ExecGuards(
    max_new_positions_per_cycle=9,
    cooldown_after_close=timedelta(0),
    btceth_position_value_min_equity_multiple=dec(0),
    sharpe_trades_min=3,
)


def a_spec(features: Features, **changes: Any) -> BotSpec:
    return a_bot_spec(features=features, exec_guards=GUARDS, **changes)


async def a_floor(features: Features) -> Floor:
    floor = Floor()
    await floor.open(a_spec(features))
    return floor


async def lose(floor: Floor, times: int = 3, first: int = 0) -> None:
    """Round trips of different losses."""
    for leg in range(first, first + times):
        floor.advance(11)
        await floor.wallet.refresh_account()
        floor.show(999, 1001)
        await floor.submit(an_open(10 * leg))
        floor.show(995 - leg, 997 - leg)
        await floor.submit(a_close(10 * leg + 1))
        await floor.pass_()
        floor.show(999, 1001)


async def test_multi_decision_off_carries_out_one_decision_of_a_cycle() -> None:
    twice = (LONG, replace(LONG, symbol=ETH, stop_loss=dec(90), take_profit=dec(120)))
    for features, placed in ((Features(), 2), (Features(multi_decision=False), 1)):
        life = await a_life(once(*twice), spec=a_spec(features), symbols=(BTC, ETH))
        record = await life.bot.cycle()
        assert record is not None
        assert [action.result for action in record.actions] == ["placed"] * placed
        assert [refusal.rule for refusal in record.refusals] == ["multi_decision"] * (2 - placed)


async def test_sl_tp_orchestration_off_leaves_the_protective_stop_and_no_target() -> None:
    floor = await a_floor(Features())
    await floor.submit(an_open())
    assert [order.trigger for order in floor.resting(OrderType.STOP)] == [dec(900)]
    assert [order.trigger for order in floor.resting(OrderType.TAKE_PROFIT)] == [dec(1200)]
    floor = await a_floor(Features(sl_tp_orchestration=False))
    await floor.submit(an_open())
    assert [order.trigger for order in floor.resting(OrderType.STOP)] == [dec(951)]  # 5 % from 1001
    assert floor.resting(OrderType.TAKE_PROFIT) == []


async def test_idempotent_retries_off_sends_an_order_once() -> None:
    for features, sent in ((Features(), 3), (Features(idempotent_retries=False), 1)):
        floor = await a_floor(features)
        floor.venue.script("place", *[Fault(Temporary("503"))] * 5)
        (outcome,) = await floor.submit(an_open())
        assert outcome.kind is OutcomeKind.UNKNOWN, "it is resolved by proof, with or without retries"
        orders = [order for order in floor.venue.asked("place") if not order.reduce_only]
        assert len(orders) == sent


async def test_gating_thresholds_off_shows_the_gate_and_lets_pass() -> None:
    floor = await a_floor(Features())
    await lose(floor)
    (outcome,) = await floor.submit(an_open(90))
    assert refusal_of(outcome).rule == "performance_pause"
    floor = await a_floor(Features(gating_thresholds=False))
    await lose(floor)
    (outcome,) = await floor.submit(an_open(90))
    assert outcome.kind is OutcomeKind.PLACED
    assert [(told.rule, told.is_enforced) for told in outcome.advised] == [("performance_pause", False)]
    gate = floor.look().gate
    assert (gate.state, gate.is_enforced) == (GateState.PAUSED, False)


async def test_shadow_mode_records_what_it_would_have_refused() -> None:
    strict = RiskParams(
        min_confidence=90, max_position_size_usd=dec(1_000_000), max_order_size_usd=dec(1_000_000)
    )
    doubtful = replace(LONG, confidence=20)
    life = await a_life(once(doubtful), spec=a_spec(Features(), risk_params=strict))
    record = await life.bot.cycle()
    assert record is not None
    assert [action.result for action in record.actions] == ["refused: min_confidence"]
    life = await a_life(once(doubtful), spec=a_spec(Features(shadow_mode=True), risk_params=strict))
    record = await life.bot.cycle()
    assert record is not None
    assert [action.result for action in record.actions] == ["placed"]
    assert [(told.rule, told.is_enforced) for told in record.refusals] == [("min_confidence", False)]


@pytest.mark.parametrize("trouble", ["halt", "lease", "collar"])
async def test_the_wallets_own_safety_holds_in_shadow_mode(trouble: str) -> None:
    floor = await a_floor(Features(shadow_mode=True))
    intent = an_open()
    if trouble == "halt":
        await floor.halt(HaltLevel.PAUSE_ENTRIES)
    elif trouble == "lease":
        floor.lender.budget_usd = dec(0)
        await floor.wallet.renew(floor.lender)
    else:
        intent = replace(intent, price=dec(1100))
    (outcome,) = await floor.submit(intent)
    assert refusal_of(outcome).rule == {"halt": "halted", "lease": "lease", "collar": "price_collar"}[trouble]


async def test_close_decisions_are_carried_out_whatever_is_switched() -> None:
    off = Features(
        multi_decision=False, sl_tp_orchestration=False, idempotent_retries=False, gating_thresholds=False
    )
    floor = await a_floor(off)
    await floor.submit(an_open())
    (outcome,) = await floor.submit(a_close())
    assert outcome.filled == 1
