"""The operator's end of a fleet: connects to it and speaks to its supervisor and kill switch. Blocking."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from actors.kill_switch import HaltProgress
from actors.ledger_events import HaltCause, Latch
from actors.lifecycle import BotState
from actors.messages import CycleRecord
from actors.status import BotLineup, FleetStatus
from actors.store import Event, Latches
from adapters.errors import LinkError, TradingError
from adapters.model import BotId
from cluster.home import Home
from cluster.ray_runtime import boot, session
from config.spec import BotSpec, ExitMode, FleetSpec, HaltLevel
from risk.results import RoundTrip

POLL_S = 0.25
ANSWER_MAX_S = 15.0
_STOPPED = (BotState.IDLE, BotState.ERROR)
Tell = Callable[[FleetStatus], None]


class NotRunning(TradingError):
    """No fleet runs in this home."""


class Unknown(TradingError):
    """There is no bot, wallet, scope or cycle of that name."""


class Incomplete(TradingError):
    """Begun, and not complete within its time; the text names what is missing."""


class Fleet:
    """A running fleet, connected."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def deploy(
        self, fleet: FleetSpec, packages: Mapping[str, bytes], *, wait_s: float, tell: Tell
    ) -> FleetStatus:
        """Deploy and wait until every wanted bot runs. Raises ``Incomplete`` naming those that do not."""
        session.start_supervisor(self._home, fleet)
        self._ask("deploy", fleet, packages, timeout_s=wait_s)
        return self.wait_until_up([bot.name for bot in fleet.bots], wait_s=wait_s, tell=tell)

    def wait_until_up(self, names: Sequence[BotId], *, wait_s: float, tell: Tell) -> FleetStatus:
        """Wait until the bots run, or are halted, which is as far as they get under a halt."""
        deadline = time.monotonic() + wait_s
        while True:
            status = self.status()
            tell(status)
            missing = [bot for bot in status.bots if bot.name in names and not _is_up(bot)]
            late = [wallet.name for wallet in status.wallets if wallet.state != "READY"]
            if not missing and not late:
                return status
            if time.monotonic() > deadline or any(bot.state == BotState.ERROR for bot in missing):
                text = ", ".join(f"{bot.name} is {bot.state}: {bot.note or 'no word yet'}" for bot in missing)
                raise Incomplete(text or f"wallets are not ready: {', '.join(late)}")
            time.sleep(POLL_S)

    def status(self) -> FleetStatus:
        """The fleet at this instant."""
        status: FleetStatus | None = self._ask("status")
        if status is None:
            raise NotRunning("no fleet is deployed here: flotilla up FLEET")
        return status

    def spec(self, *, timeout_s: float = ANSWER_MAX_S) -> FleetSpec:
        """The fleet with its bots."""
        fleet: FleetSpec | None = self._ask("fleet", timeout_s=timeout_s)
        if fleet is None:
            raise NotRunning("no fleet is deployed here: flotilla up FLEET")
        return fleet

    def add(self, bots: Sequence[BotSpec], packages: Mapping[str, bytes]) -> None:
        """Add bots, all or none."""
        self._ask("add", bots, packages)

    def set_wanted(self, names: Sequence[BotId], wanted: bool, mode: ExitMode | None = None) -> None:
        """Start or stop bots."""
        self._ask("set_wanted", names, wanted, mode)

    def wait_until_down(self, names: Sequence[BotId], *, wait_s: float) -> None:
        """Wait until the bots' stops are complete."""
        deadline = time.monotonic() + wait_s
        while True:
            bots = {bot.name: bot for bot in self.status().bots}
            left = [name for name in names if name in bots and bots[name].state not in _STOPPED]
            if not left:
                return
            if time.monotonic() > deadline:
                raise Incomplete(f"not stopped within {wait_s:g} s: {', '.join(left)}")
            time.sleep(POLL_S)

    def remove(self, name: BotId) -> None:
        """Forget a bot that is down."""
        self._ask("remove", name)

    def reset(self, names: Sequence[BotId]) -> None:
        """Let bots in ERROR begin again."""
        self._ask("reset", names)

    def halt(self, scope: str, level: HaltLevel, reason: str, cause: HaltCause = HaltCause.OPERATOR) -> int:
        """Latch; answers with the generation. Needs the kill switch, and nobody else."""
        return int(self._ask_switch("trip", Latch(scope, level, 0, reason, cause)))

    def lift(self, scope: str, reason: str, generation: int | None = None) -> Latches:
        """Take a halt off, of that generation only if one is given; what is in force then."""
        latches: Latches = session.ask_kill_switch("lift", scope, reason, generation)
        return latches

    def halt_progress(self) -> HaltProgress:
        """How far the halts are."""
        progress: HaltProgress = self._ask_switch("progress")
        return progress

    def wait_until_halted(self, *, wait_s: float) -> HaltProgress:
        """Wait until no opening order can be accepted any more, and every wallet has shown at its venue that the
        halts hold. Raises ``Incomplete`` naming the wallets that have not, and why."""
        deadline = time.monotonic() + wait_s
        while True:
            progress = self.halt_progress()
            if progress.complete:
                return progress
            if time.monotonic() > deadline:
                left = "; ".join(
                    f"{wallet.wallet}: {wallet.detail or f'{wallet.orders} orders, {wallet.positions} positions'}"
                    for wallet in progress.wallets
                    if not wallet.complete
                )
                raise Incomplete(f"the halt is latched but not complete within {wait_s:g} s: {left}")
            time.sleep(POLL_S)

    def stop_all(self, *, wait_s: float, tell: Tell) -> None:
        """Stop every bot by its declared exit mode. Raises ``Incomplete``."""
        deadline = time.monotonic() + wait_s
        while True:
            left: Sequence[BotId] = self._ask("go_down")
            tell(self.status())
            if not left:
                return
            if time.monotonic() > deadline:
                raise Incomplete(f"not stopped within {wait_s:g} s: {', '.join(left)}")
            time.sleep(POLL_S)

    def cycles(self, bot: BotId, *, cycle: int | None = None, limit: int = 20) -> Sequence[CycleRecord]:
        """Cycle records, newest first."""
        records: Sequence[CycleRecord] = self._ask("read_cycles", bot, cycle, limit)
        return records

    def trips(self, bot: BotId) -> Sequence[RoundTrip]:
        """A bot's last round trips by its wallet's books, oldest first."""
        trips: Sequence[RoundTrip] = self._ask("read_trips", bot)
        return trips

    def events(self, *, bot: str | None = None, limit: int = 100) -> Sequence[Event]:
        """Lines of the fleet's life, newest first."""
        events: Sequence[Event] = self._ask("read_events", bot, limit)
        return events

    def _ask(self, method: str, *arguments: Any, timeout_s: float = ANSWER_MAX_S) -> Any:
        """Ask the supervisor."""
        return _insist(lambda: session.ask_supervisor(method, *arguments, timeout_s=timeout_s), timeout_s)

    def _ask_switch(self, method: str, *arguments: Any) -> Any:
        """Ask the kill switch what is safe to ask twice."""
        return _insist(lambda: session.ask_kill_switch(method, *arguments), ANSWER_MAX_S)


@contextmanager
def connected(home: Home) -> Iterator[Fleet]:
    """A connection to this home's fleet, or, inside a Ray job, to the fleet that runs the job."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    if session.IN_A_JOB not in os.environ and boot.running(home) is None:
        raise NotRunning(f"no fleet runs in {home.path}: flotilla up FLEET")
    with session.connection(home):
        yield Fleet(home)


def _insist(ask: Callable[[], Any], for_s: float) -> Any:
    """Ask once more after a moment, for as long: whoever was asked may just be on its way back."""
    deadline = time.monotonic() + for_s
    while True:
        try:
            return ask()
        except LinkError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)


def _is_up(bot: BotLineup) -> bool:
    return bot.state in (BotState.RUNNING, BotState.HALTED) or not bot.wanted
