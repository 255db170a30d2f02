"""One bot as its supervisor holds it: specification, status, process, and the last that was heard of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from actors.bot import BotReport
from actors.lifecycle import BotState, BotStatus
from actors.plan import Seen
from actors.processes import BotProcess
from adapters.clock import Clock
from adapters.errors import LinkError
from config.spec import BotSpec, ExitMode
from strategies.strategy import Irrecoverable

BEAT_S = 1.0
BEAT_MAX_S = 2.0


@dataclass(slots=True, kw_only=True)
class BotKeeper:
    """See the module."""

    spec: BotSpec
    wanted: bool
    status: BotStatus
    clock: Clock
    process: BotProcess | None = None
    report: BotReport | None = None
    beat_at: float = 0.0  # monotonic
    exit_mode: ExitMode | None = None  # of a stop that an operator asked for, instead of the declared one
    busy: bool = False  # a step is being taken
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one change of the status at a time
    attending: asyncio.Task[None] | None = None

    def seen(self, *, is_halted: bool, wallet_ready: bool) -> Seen:
        """What the plan looks at."""
        return Seen(
            has_process=self.process is not None,
            beat_age_s=self.clock.monotonic() - self.beat_at if self.process else 0.0,
            is_halted=is_halted,
            wallet_ready=wallet_ready,
        )

    def attend(
        self,
        process: BotProcess,
        *,
        on_beat: Callable[[BotKeeper], None],
        on_end: Callable[[BotKeeper, str], None],
        on_fail: Callable[[BotKeeper, str], None],
    ) -> None:
        """Watch over the process from now on: its heartbeat, its death, and that its strategy gives up."""
        self.process, self.beat_at = process, self.clock.monotonic()
        self.attending = asyncio.create_task(self._attend(process, on_beat, on_end, on_fail))

    def release(self) -> None:
        """Stop watching, without touching the process."""
        if self.attending is not None:
            self.attending.cancel()

    @property
    def mode(self) -> ExitMode:
        """How it leaves."""
        return self.exit_mode or self.spec.on_stop

    @property
    def is_down(self) -> bool:
        """Whether its stop is complete: nothing runs, and its exit mode holds. A bot in ERROR has stopped as well."""
        has_stopped = self.status.state in (BotState.IDLE, BotState.ERROR) and self.status.settled
        return has_stopped and self.process is None

    async def _attend(
        self,
        process: BotProcess,
        on_beat: Callable[[BotKeeper], None],
        on_end: Callable[[BotKeeper, str], None],
        on_fail: Callable[[BotKeeper, str], None],
    ) -> None:
        beating = asyncio.create_task(self._beats(process, on_beat))
        tell = on_end
        try:
            reason = await process.ended()
        except Irrecoverable as error:
            tell, reason = on_fail, str(error)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        self.process = self.report = None
        tell(self, reason)

    async def _beats(self, process: BotProcess, on_beat: Callable[[BotKeeper], None]) -> None:
        while True:
            with contextlib.suppress(LinkError):
                self.report = await process.report(timeout_s=BEAT_MAX_S)
                self.beat_at = self.clock.monotonic()
                on_beat(self)
            await self.clock.sleep(BEAT_S if self.report else BEAT_S / 10)
