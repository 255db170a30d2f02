from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.lifecycle import TRANSITIONS, BotEvent, BotState, BotStatus, gave_up
from actors.order_state import IllegalTransition
from config.spec import RestartPolicy
from tests.builders import BOT, NOW

S, E = BotState, BotEvent
POLICY = RestartPolicy()

ROWS = {
    S.IDLE: {E.START: S.STARTING, E.CRASH: S.IDLE, E.RESET: S.IDLE, E.STARTED: S.IDLE, E.FAIL: S.IDLE},
    S.STARTING: {E.STARTED: S.RUNNING, E.CRASH: S.BACKOFF, E.STOP: S.STOPPING, E.FAIL: S.ERROR},
    S.RUNNING: {
        E.STARTED: S.RUNNING,
        E.CRASH: S.BACKOFF,
        E.STOP: S.STOPPING,
        E.HALT: S.HALTED,
        E.FAIL: S.ERROR,
    },
    S.HALTED: {
        E.STARTED: S.HALTED,
        E.LIFT: S.RUNNING,
        E.CRASH: S.BACKOFF,
        E.STOP: S.STOPPING,
        E.FAIL: S.ERROR,
    },
    S.BACKOFF: {
        E.START: S.STARTING,
        E.CRASH: S.BACKOFF,
        E.STARTED: S.BACKOFF,
        E.STOP: S.STOPPING,
        E.GIVE_UP: S.ERROR,
        E.RESET: S.IDLE,
        E.FAIL: S.ERROR,
    },
    S.STOPPING: {
        E.STARTED: S.STOPPING,
        E.CRASH: S.STOPPING,
        E.STOP: S.STOPPING,
        E.STOPPED: S.IDLE,
        E.FAIL: S.STOPPING,
    },
    S.ERROR: {E.CRASH: S.ERROR, E.STARTED: S.ERROR, E.RESET: S.IDLE, E.FAIL: S.ERROR},
}


def a_status(state: BotState = S.IDLE) -> BotStatus:
    return BotStatus(bot=BOT, state=state, since=NOW, epoch=3, incarnation=4)


@pytest.mark.parametrize(("state", "event"), list(product(S, E)))
def test_each_pair_leads_where_the_drawing_says_or_raises(state: BotState, event: BotEvent) -> None:
    target = ROWS[state].get(event)
    assert TRANSITIONS.get((state, event)) is target
    if target is None:
        with pytest.raises(IllegalTransition, match=f"{event} while {state}"):
            a_status(state).after(event, at=NOW)
    else:
        assert a_status(state).after(event, at=NOW).state is target


@pytest.mark.parametrize(
    ("state", "event"), [(s, e) for s, rows in ROWS.items() for e, target in rows.items() if target is s]
)
def test_late_news_restarts_no_timer(state: BotState, event: BotEvent) -> None:
    status = a_status(state)
    assert status.after(event, at=NOW + timedelta(hours=1), reason="late") is status


@pytest.mark.parametrize("state", list(S))
def test_a_death_has_a_row_in_every_state(state: BotState) -> None:
    assert (state, E.CRASH) in TRANSITIONS


def test_each_start_is_a_new_epoch_and_a_new_process() -> None:
    started = a_status().after(E.START, at=NOW)
    assert (started.epoch, started.incarnation, started.settled) == (4, 5, False)
    running = started.after(E.STARTED, at=NOW)
    assert (running.epoch, running.incarnation, running.settled) == (4, 5, False)


def test_backoff_grows_by_four_up_to_its_largest() -> None:
    policy = RestartPolicy(backoff=timedelta(seconds=1), backoff_max=timedelta(seconds=20), crashes_max=9)
    status, waits = a_status(S.RUNNING), []
    for _ in range(4):
        status = status.crashed(policy, at=NOW, reason="boom", jitter=0.0)
        assert status.retry_at is not None
        waits.append((status.retry_at - NOW).total_seconds())
        status = status.after(E.START, at=NOW)
        assert status.retry_at is None
    assert waits == [1, 4, 16, 20]


@given(st.floats(0, 1))
def test_jitter_only_lengthens_a_wait_by_up_to_a_quarter(jitter: float) -> None:
    status = a_status(S.RUNNING).crashed(POLICY, at=NOW, reason="", jitter=jitter)
    assert status.retry_at is not None
    assert POLICY.backoff <= status.retry_at - NOW <= POLICY.backoff * 1.25


def test_deaths_outside_the_window_are_forgotten() -> None:
    status = a_status(S.RUNNING).crashed(POLICY, at=NOW, reason="", jitter=0)
    later = NOW + POLICY.window + timedelta(seconds=1)
    status = status.after(E.START, at=NOW).crashed(POLICY, at=later, reason="", jitter=0)
    assert status.crashes == (later,)
    assert status.retry_at == later + POLICY.backoff


def test_one_more_death_than_allowed_within_the_window_is_too_many() -> None:
    status = a_status(S.RUNNING)
    for second in range(POLICY.crashes_max + 1):
        assert not gave_up(status, POLICY, NOW + timedelta(seconds=second))
        status = status.crashed(POLICY, at=NOW + timedelta(seconds=second), reason="", jitter=0)
        status = status if second == POLICY.crashes_max else status.after(E.START, at=NOW)
    assert gave_up(status, POLICY, NOW + timedelta(seconds=POLICY.crashes_max))
    assert not gave_up(status, POLICY, NOW + POLICY.window + timedelta(seconds=9))


def test_a_death_that_is_told_twice_counts_once() -> None:
    status = a_status(S.RUNNING).crashed(POLICY, at=NOW, reason="boom", jitter=0)
    assert status.crashed(POLICY, at=NOW, reason="again", jitter=0) is status


@pytest.mark.parametrize(
    ("state", "event"), [(S.STOPPING, E.STOPPED), (S.ERROR, E.RESET), (S.BACKOFF, E.RESET)]
)
def test_a_clean_stop_and_a_reset_forget_the_deaths(state: BotState, event: BotEvent) -> None:
    dead = BotStatus(bot=BOT, state=state, since=NOW, crashes=(NOW,))
    assert dead.after(event, at=NOW).crashes == ()


def test_alive_is_where_a_process_should_exist() -> None:
    assert {state for state in S if a_status(state).is_alive} == {S.STARTING, S.RUNNING, S.HALTED}
