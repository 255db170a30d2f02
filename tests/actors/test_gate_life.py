"""The performance gate through a bot's life: seen in the view, slower cycles, and the same after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from actors.bot_record import TRIPS_KEPT
from actors.ledger import replayed
from actors.ledger_events import RecordLine, Summary
from actors.messages import Admit
from risk.limits import Features
from strategies.strategy import GateState, PerformanceGate, View
from tests.actors.builders import ANN, Floor, a_bot_spec, a_close, an_open, dec, refusal_of
from tests.actors.test_bot import a_life
from tests.actors.test_features import GUARDS, lose

SPEC = a_bot_spec(exec_guards=GUARDS)


@pytest.fixture
async def floor(tmp_path: Path) -> Floor:
    floor = Floor(tmp_path / "main.journal")
    await floor.open(SPEC)
    return floor


async def reborn(floor: Floor) -> None:
    floor.born()
    await floor.wallet.start()
    await floor.wallet.renew(floor.lender)
    floor.show(999, 1001)
    floor.wallet.admit(Admit(SPEC, 1))
    floor.hello()


async def test_a_pause_survives_the_wallets_restart_and_ends_when_it_would_have(floor: Floor) -> None:
    await lose(floor)
    before = floor.look().gate
    assert before.state is GateState.PAUSED
    assert before.until is not None
    await reborn(floor)
    assert floor.look().gate == before
    (outcome,) = await floor.submit(an_open(90))
    assert refusal_of(outcome).rule == "performance_pause"
    floor.advance((before.until - floor.clock.now()).total_seconds() + 0.01)
    await reborn(floor)
    assert floor.look().gate.state is GateState.SLOWED


async def test_a_gate_that_time_lifted_stays_so_until_there_is_new_evidence(floor: Floor) -> None:
    await lose(floor)
    floor.advance(40 * 60)
    await reborn(floor)
    gate = floor.look().gate
    assert gate.state is GateState.OPEN
    assert gate.sharpe is not None
    assert gate.sharpe < GUARDS.sharpe_pause_threshold, "the ratio is as bad as ever"
    await lose(floor, times=1, first=5)
    assert floor.look().gate.state is GateState.PAUSED


async def test_new_limits_are_judged_by_at_once(floor: Floor) -> None:
    await lose(floor)
    patient = replace(GUARDS, sharpe_pause_threshold=-100.0)
    floor.wallet.admit(Admit(replace(SPEC, exec_guards=patient), 1))
    assert floor.look().gate.state is GateState.OPEN
    floor.wallet.admit(Admit(SPEC, 1))
    assert floor.look().gate.state is GateState.PAUSED
    floor.wallet.admit(Admit(replace(SPEC, exec_guards=None), 1))
    assert floor.look().gate == PerformanceGate(min_confidence=0)


async def test_a_compacted_journal_keeps_results_and_times(floor: Floor) -> None:
    await lose(floor)
    books = floor.wallet.ledger
    again = replayed([books.summary()])
    assert again.record(ANN).trips == books.record(ANN).trips
    assert again.record(ANN).performance() == books.record(ANN).performance()


def test_a_journal_of_before_the_gate_has_results_without_times() -> None:
    old = RecordLine(ANN, 1, dec(-9), dec(1), 0, 3, (dec(-2), dec(-3), dec(-4)))
    summary = Summary((), (), (), (old,), (), 0, replayed([]).lease, (), (), 0, ())
    found = replayed([summary]).record(ANN)
    assert [trip.pnl_usd for trip in found.trips] == [-2, -3, -4]
    assert {trip.at.year for trip in found.trips} == {1970}, "too long ago to shut any gate"
    assert found.performance().sharpe == pytest.approx(-3)


def test_more_round_trips_are_kept_than_any_window_asks_for() -> None:
    assert TRIPS_KEPT >= 2 * 100


async def test_a_slowed_bot_cycles_at_longer_intervals_and_its_strategy_sees_why() -> None:
    seen: list[View] = []

    def watch(view: View) -> tuple[()]:
        seen.append(view)
        return ()

    for features, factor in ((Features(), 3.0), (Features(gating_thresholds=False), 1.0)):
        guards = replace(GUARDS, slowdown_interval_multiple=3.0, pause_duration_on_breach=timedelta(0))
        spec = a_bot_spec(exec_guards=guards, features=features, decision_interval=timedelta(seconds=4))
        life = await a_life(watch, spec=spec)
        await life.bot.cycle()
        assert life.bot.interval_s == 4
        await life.bot.cycle()
        for leg in range(3):
            await life.floor.submit(an_open(10 * leg, price=dec(1010 - leg)))
            life.floor.show(995 - leg, 997 - leg)
            await life.floor.submit(a_close(10 * leg + 1))
            await life.floor.pass_()
            life.floor.show(999, 1001)
        await life.bot.cycle()
        assert seen[-1].gate.state is GateState.SLOWED
        assert life.bot.interval_s == 4 * factor
