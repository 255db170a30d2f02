"""Every state, wanted or not, as the supervisor may see it: one step, or none, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from actors.lifecycle import STARTING_MAX, BotState, BotStatus
from actors.plan import Act, Seen, next_step, plan
from adapters.model import BotId
from config.spec import BotSpec
from tests.actors.builders import a_bot_spec
from tests.builders import BOT, NOW

S = BotState
SPEC: BotSpec = a_bot_spec(BOT)
LONG_AGO = NOW - timedelta(hours=1)
ALIVE = Seen(has_process=True, beat_age_s=0.5)
GONE = Seen()
UP = replace(ALIVE, is_halted=True)
NO_WALLET = Seen(wallet_ready=False)


def a_status(state: BotState, **changes: Any) -> BotStatus:
    base = BotStatus(bot=BOT, state=state, since=NOW, settled=state is S.IDLE)
    return replace(base, **changes)


CASES: list[tuple[BotStatus, bool, Seen, Act | None]] = [
    (a_status(S.IDLE), True, GONE, Act.START),
    (a_status(S.IDLE), True, NO_WALLET, None),
    (a_status(S.IDLE), False, GONE, None),
    (a_status(S.IDLE, settled=False), False, GONE, Act.RETIRE),
    (a_status(S.IDLE, settled=False), False, NO_WALLET, None),
    (a_status(S.STARTING), True, ALIVE, None),
    (a_status(S.STARTING), True, GONE, None),
    (a_status(S.STARTING), False, ALIVE, Act.ASK_TO_STOP),
    (a_status(S.STARTING, since=NOW - STARTING_MAX), True, replace(ALIVE, beat_age_s=60.0), Act.KILL),
    (a_status(S.STARTING, since=NOW - STARTING_MAX), True, ALIVE, None),  # a new supervisor has just found it
    (a_status(S.STARTING, since=NOW - STARTING_MAX), True, GONE, Act.KILL),
    (a_status(S.RUNNING), True, ALIVE, None),
    (a_status(S.RUNNING), True, replace(ALIVE, wallet_ready=False), None),
    (a_status(S.RUNNING), True, GONE, Act.KILL),
    (a_status(S.RUNNING), False, ALIVE, Act.ASK_TO_STOP),
    (a_status(S.RUNNING), True, replace(ALIVE, beat_age_s=10.0), None),
    (a_status(S.RUNNING), True, replace(ALIVE, beat_age_s=10.1), Act.KILL),
    (a_status(S.RUNNING), True, UP, Act.HALT),
    (a_status(S.RUNNING), False, UP, Act.ASK_TO_STOP),
    (a_status(S.HALTED), True, UP, None),
    (a_status(S.HALTED), True, ALIVE, Act.LIFT),
    (a_status(S.HALTED), True, GONE, Act.KILL),
    (a_status(S.HALTED), True, replace(UP, beat_age_s=10.1), Act.KILL),
    (a_status(S.HALTED), False, UP, Act.ASK_TO_STOP),
    (a_status(S.BACKOFF), True, GONE, Act.START),
    (a_status(S.BACKOFF), True, NO_WALLET, None),
    (a_status(S.BACKOFF, retry_at=NOW + timedelta(seconds=1)), True, GONE, None),
    (a_status(S.BACKOFF, retry_at=NOW), True, GONE, Act.START),
    (a_status(S.BACKOFF, crashes=(NOW,) * 3), True, GONE, Act.START),
    (a_status(S.BACKOFF, crashes=(NOW,) * 4), True, GONE, Act.GIVE_UP),
    (a_status(S.BACKOFF, crashes=(LONG_AGO,) * 4), True, GONE, Act.START),
    (a_status(S.BACKOFF, crashes=(NOW,) * 4), False, GONE, Act.ASK_TO_STOP),
    (a_status(S.STOPPING), False, ALIVE, None),
    (a_status(S.STOPPING), True, ALIVE, None),
    (a_status(S.STOPPING, since=NOW - SPEC.stop_grace), False, ALIVE, Act.KILL),
    (a_status(S.STOPPING), False, GONE, Act.RETIRE),
    (a_status(S.STOPPING), True, GONE, Act.RETIRE),
    (a_status(S.STOPPING), False, NO_WALLET, None),
    (a_status(S.STOPPING, settled=True), False, GONE, Act.FINISH),
    (a_status(S.STOPPING, settled=True), False, NO_WALLET, Act.FINISH),
    (a_status(S.ERROR), True, ALIVE, Act.KILL),
    (a_status(S.ERROR), True, GONE, Act.RETIRE),
    (a_status(S.ERROR), True, NO_WALLET, None),
    (a_status(S.ERROR, settled=True), True, GONE, None),
    (a_status(S.ERROR, settled=True), False, GONE, None),
    (a_status(S.ERROR, alarm="it gave up"), True, GONE, Act.LATCH),
    (a_status(S.ERROR, alarm="it gave up", settled=True), False, NO_WALLET, Act.LATCH),
    (a_status(S.ERROR, alarm="it gave up"), True, ALIVE, Act.KILL),
    (a_status(S.STOPPING, alarm="it gave up"), False, GONE, Act.LATCH),
    (a_status(S.IDLE, alarm="it gave up"), True, GONE, Act.LATCH),
]


@pytest.mark.parametrize(("status", "wanted", "seen", "act"), CASES)
def test_the_next_step(status: BotStatus, wanted: bool, seen: Seen, act: Act | None) -> None:
    step = next_step(SPEC, status, wanted, seen, NOW)
    assert (step.act if step else None) is act
    assert step is None or step.bot == BOT


def test_the_table_has_every_state_wanted_and_not() -> None:
    assert {(status.state, wanted) for status, wanted, _, _ in CASES} == set(product(S, (True, False)))


def test_a_step_says_why() -> None:
    deaf = next_step(SPEC, a_status(S.RUNNING), True, replace(ALIVE, beat_age_s=12.34), NOW)
    assert deaf is not None
    assert deaf.reason == "no heartbeat for 12.3 s"
    worn = a_status(S.BACKOFF, crashes=(NOW,) * 4, reason="ValueError: boom")
    given_up = next_step(SPEC, worn, True, GONE, NOW)
    assert given_up is not None
    assert given_up.reason == "4 deaths in a row: ValueError: boom"


def test_stops_come_before_starts() -> None:
    states = [
        (a_status(S.IDLE), True, GONE),
        (a_status(S.BACKOFF, crashes=(NOW,) * 4), True, GONE),
        (a_status(S.RUNNING), True, UP),
        (a_status(S.RUNNING), False, ALIVE),
        (a_status(S.STOPPING), False, GONE),
        (a_status(S.RUNNING), True, replace(ALIVE, beat_age_s=99)),
        (a_status(S.RUNNING), True, ALIVE),
    ]
    bots = [
        (a_bot_spec(BotId(f"bot-{number}")), status, wanted, seen)
        for number, (status, wanted, seen) in enumerate(states)
    ]
    steps = plan(bots, now=NOW)
    assert [(step.act, step.bot) for step in steps] == [
        (Act.KILL, "bot-5"),
        (Act.ASK_TO_STOP, "bot-3"),
        (Act.RETIRE, "bot-4"),
        (Act.GIVE_UP, "bot-1"),
        (Act.HALT, "bot-2"),
        (Act.START, "bot-0"),
    ]
    assert plan(bots, now=NOW) == steps
