"""A bot's life: states, events, and the one table that joins them.

IDLE ─start─► STARTING ─started─► RUNNING ◄─lift── HALTED
  ▲             │crash              │crash ─halt──►  │
  │             ▼                   ▼                │
  │          BACKOFF ─start─► …   BACKOFF ◄──────────┘
  │             │give up
  │             ▼
  ├──reset── ERROR            any live state ─stop─► STOPPING ─stopped─► IDLE
              ▲
              └─fail── any live state: its strategy must not go on
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from actors.order_state import IllegalTransition
from adapters.model import BotId
from config.spec import RestartPolicy


class BotState(StrEnum):
    """Where a bot stands."""

    IDLE = "IDLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"  # asked to go; ends when its exit mode holds at the venue
    BACKOFF = "BACKOFF"  # died, will be started again
    ERROR = "ERROR"  # died too often: an operator resets it
    HALTED = "HALTED"  # alive under a halt: it may not add risk


class BotEvent(StrEnum):
    """What can happen to a bot."""

    START = "start"
    STARTED = "started"
    STOP = "stop"
    STOPPED = "stopped"
    CRASH = "crash"
    GIVE_UP = "give_up"
    FAIL = "fail"  # its strategy raised ``Irrecoverable``
    RESET = "reset"
    HALT = "halt"
    LIFT = "lift"


_S, _E = BotState, BotEvent
TRANSITIONS: Mapping[tuple[BotState, BotEvent], BotState] = MappingProxyType(
    {
        (_S.IDLE, _E.START): _S.STARTING,
        (_S.IDLE, _E.CRASH): _S.IDLE,  # the process of a stopped bot ends
        (_S.IDLE, _E.RESET): _S.IDLE,
        (_S.IDLE, _E.FAIL): _S.IDLE,  # the last word of a stopped bot
        (_S.IDLE, _E.STARTED): _S.IDLE,  # its first word comes after its end
        (_S.STARTING, _E.STARTED): _S.RUNNING,
        (_S.STARTING, _E.CRASH): _S.BACKOFF,
        (_S.STARTING, _E.FAIL): _S.ERROR,
        (_S.STARTING, _E.STOP): _S.STOPPING,
        (_S.RUNNING, _E.STARTED): _S.RUNNING,  # a new supervisor finds it alive
        (_S.RUNNING, _E.CRASH): _S.BACKOFF,
        (_S.RUNNING, _E.FAIL): _S.ERROR,
        (_S.RUNNING, _E.STOP): _S.STOPPING,
        (_S.RUNNING, _E.HALT): _S.HALTED,
        (_S.HALTED, _E.STARTED): _S.HALTED,
        (_S.HALTED, _E.LIFT): _S.RUNNING,
        (_S.HALTED, _E.CRASH): _S.BACKOFF,
        (_S.HALTED, _E.FAIL): _S.ERROR,
        (_S.HALTED, _E.STOP): _S.STOPPING,
        (_S.BACKOFF, _E.START): _S.STARTING,
        (_S.BACKOFF, _E.CRASH): _S.BACKOFF,  # told twice
        (_S.BACKOFF, _E.FAIL): _S.ERROR,
        (_S.BACKOFF, _E.STARTED): _S.BACKOFF,  # its first word comes after its end
        (_S.BACKOFF, _E.STOP): _S.STOPPING,
        (_S.BACKOFF, _E.GIVE_UP): _S.ERROR,
        (_S.BACKOFF, _E.RESET): _S.IDLE,
        (_S.STOPPING, _E.STARTED): _S.STOPPING,  # it came up after it was asked to go
        (_S.STOPPING, _E.CRASH): _S.STOPPING,  # how it goes does not matter
        (_S.STOPPING, _E.STOP): _S.STOPPING,
        (_S.STOPPING, _E.FAIL): _S.STOPPING,
        (_S.STOPPING, _E.STOPPED): _S.IDLE,
        (_S.ERROR, _E.CRASH): _S.ERROR,
        (_S.ERROR, _E.STARTED): _S.ERROR,
        (_S.ERROR, _E.FAIL): _S.ERROR,
        (_S.ERROR, _E.RESET): _S.IDLE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStatus:
    """One bot's state, with what decides its next step."""

    bot: BotId
    state: BotState = BotState.IDLE
    since: datetime
    epoch: int = 0  # wallets refuse any older one
    incarnation: int = 0  # processes started so far
    crashes: tuple[datetime, ...] = ()  # within the policy's window
    retry_at: datetime | None = None
    settled: bool = True  # nothing of its exit mode is left to do at the wallet
    reason: str = ""
    alarm: str = ""  # why its strategy gave up, until the kill switch has latched the bot

    def after(self, event: BotEvent, *, at: datetime, reason: str = "") -> BotStatus:
        """The status that the event leads to. Raises ``IllegalTransition`` for a pair without a row."""
        target = TRANSITIONS.get((self.state, event))
        if target is None:
            raise IllegalTransition(f"{self.bot}: {event} while {self.state}")
        if target is self.state:
            return self  # late news restarts no timer
        fresh = event is BotEvent.START
        return replace(
            self,
            state=target,
            since=at,
            reason=reason,
            epoch=self.epoch + fresh,
            incarnation=self.incarnation + fresh,
            settled=self.settled and not fresh,
            retry_at=None,
            crashes=() if event in (BotEvent.RESET, BotEvent.STOPPED) else self.crashes,
        )

    def crashed(self, policy: RestartPolicy, *, at: datetime, reason: str, jitter: float) -> BotStatus:
        """After a death: backoff that grows by four with every death in the window.

        Args:
            jitter: 0 to 1; the wait is between 1 and 1.25 times the backoff.
        """
        status = self.after(BotEvent.CRASH, at=at, reason=reason)
        if status is self:
            return self
        crashes = (*(crash for crash in self.crashes if at - crash <= policy.window), at)
        wait = min(policy.backoff * 4 ** (len(crashes) - 1), policy.backoff_max)
        return replace(status, crashes=crashes, retry_at=at + wait * (1 + jitter / 4))

    def failed(self, *, at: datetime, reason: str) -> BotStatus:
        """After its strategy gave up: the kill switch must be told, even if we die now."""
        return replace(self.after(BotEvent.FAIL, at=at, reason=reason), alarm=reason)

    @property
    def is_alive(self) -> bool:
        """Whether a process of it should exist."""
        return self.state in (BotState.STARTING, BotState.RUNNING, BotState.HALTED)


def gave_up(status: BotStatus, policy: RestartPolicy, now: datetime) -> bool:
    """Whether it died more often within the window than the policy allows."""
    return len([crash for crash in status.crashes if now - crash <= policy.window]) > policy.crashes_max


STARTING_MAX = timedelta(seconds=60)  # a process that has not said a word by then never will
