"""The supervisor's judgement: from what is wanted and what is seen to the steps that are missing.

Pure and level-triggered: a step that was lost is planned again on the next pass. Stops come before starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from actors.lifecycle import STARTING_MAX, BotState, BotStatus, gave_up
from adapters.model import BotId
from config.spec import BotSpec


class Act(StrEnum):
    """What the supervisor does to one bot. In the order in which a pass takes them."""

    KILL = "kill"
    LATCH = "latch"  # have the kill switch halt it: its strategy gave up
    ASK_TO_STOP = "ask_to_stop"
    RETIRE = "retire"  # end its epoch at the wallet and see its exit mode through
    FINISH = "finish"  # its stop is complete
    GIVE_UP = "give_up"
    HALT = "halt"
    LIFT = "lift"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the supervisor sees of one bot."""

    has_process: bool = False
    beat_age_s: float = 0.0  # since it last answered, or since it was started
    is_halted: bool = False  # a latch covers it
    wallet_ready: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act on one bot."""

    bot: BotId
    act: Act
    reason: str = ""


def plan(bots: Iterable[tuple[BotSpec, BotStatus, bool, Seen]], *, now: datetime) -> list[Step]:
    """The missing steps of one pass.

    Args:
        bots: specification, status, whether it is wanted, and what is seen of it.
        now: wall time, for waits that outlive a process.
    """
    steps = [
        step for spec, status, wanted, seen in bots if (step := next_step(spec, status, wanted, seen, now))
    ]
    order = list(Act)
    return sorted(steps, key=lambda step: order.index(step.act))


def next_step(spec: BotSpec, status: BotStatus, wanted: bool, seen: Seen, now: datetime) -> Step | None:
    """The one step that brings this bot nearer to what is wanted."""

    def step(act: Act, reason: str = "") -> Step:
        return Step(bot=spec.name, act=act, reason=reason)

    waited = now - status.since
    watched = not seen.has_process or seen.beat_age_s >= STARTING_MAX.total_seconds()  # by this supervisor
    deaf = seen.beat_age_s > spec.heartbeat_timeout.total_seconds()
    match status.state:
        case BotState.STOPPING | BotState.ERROR if seen.has_process:
            stubborn = waited >= spec.stop_grace or status.state is BotState.ERROR
            return step(Act.KILL, "its grace is over") if stubborn else None
        case _ if status.alarm and not seen.has_process:
            return step(Act.LATCH, status.alarm)
        case BotState.STOPPING if status.settled:
            return step(Act.FINISH)
        case BotState.STOPPING | BotState.ERROR if not status.settled and seen.wallet_ready:
            return step(Act.RETIRE)
        case BotState.STOPPING | BotState.ERROR:
            return None
        case BotState.STARTING | BotState.RUNNING | BotState.HALTED | BotState.BACKOFF if not wanted:
            return step(Act.ASK_TO_STOP, "not wanted any more")
        case BotState.STARTING if waited >= STARTING_MAX and watched:
            return step(Act.KILL, f"no sign of life within {STARTING_MAX.total_seconds():g} s of its start")
        case BotState.RUNNING | BotState.HALTED if not seen.has_process:
            return step(Act.KILL, "its process is gone")
        case BotState.RUNNING | BotState.HALTED if deaf:
            return step(Act.KILL, f"no heartbeat for {seen.beat_age_s:.1f} s")
        case BotState.RUNNING if seen.is_halted:
            return step(Act.HALT)
        case BotState.HALTED if not seen.is_halted:
            return step(Act.LIFT)
        case BotState.BACKOFF if gave_up(status, spec.restart, now):
            return step(Act.GIVE_UP, f"{len(status.crashes)} deaths in a row: {status.reason}")
        case BotState.BACKOFF if seen.wallet_ready and (status.retry_at is None or now >= status.retry_at):
            return step(Act.START)
        case BotState.IDLE if wanted and seen.wallet_ready:
            return step(Act.START)
        case BotState.IDLE if not wanted and not status.settled and seen.wallet_ready:
            return step(Act.RETIRE)  # it was reset before its exit mode was seen through
    return None
