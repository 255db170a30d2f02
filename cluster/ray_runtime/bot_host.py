"""The host of a bot. It imports what a bot needs and nothing else: that is what keeps a thousand of them small."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

from actors.bot import Bot, BotReport
from actors.decision import Advisor, DecisionMember
from actors.messages import WALLET_LINK
from actors.processes import BotLaunch
from actors.wallet_client import WalletClient
from adapters.errors import ConfigError, TradingError
from cluster.build import code_digest
from cluster.ray_runtime.host import Host, node_id
from cluster.ray_runtime.links import dial
from cluster.ray_runtime.naming import wallet_name
from cluster.ray_runtime.remote import RemoteAdvisor, RemoteRecorder
from config.identity import identity
from strategies.executors import is_own_executor
from strategies.registry import build
from strategies.strategy import Irrecoverable, Strategy, needs

_log = logging.getLogger(__name__)


class BotHost(Host):
    """One bot. Its end is told to whoever waits in ``ended``; the process then waits to be killed."""

    gives_up = True

    async def begin(self) -> Coroutine[Any, Any, None]:
        launch: BotLaunch
        (launch,) = self.arguments
        self.incarnation = launch.incarnation
        spec = launch.spec
        strategy = build(spec.strategy.kind, spec.strategy.fields)
        self.bot = Bot(
            spec,
            launch.epoch,
            strategy,
            wallet=WalletClient(dial(wallet_name(spec.wallet), WALLET_LINK, self.clock), self.clock),
            advisor=_advisor(strategy, launch.decision_deadline_s),
            clock=self.clock,
            cycle=launch.cycle,
            identity=identity(spec, code_digest()),
        )
        self.recorder = RemoteRecorder()
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.recording = asyncio.create_task(self._record())
        return self.bot.run()

    async def start(self) -> None:
        try:
            await super().start()
        except ConfigError as error:
            self.end = asyncio.get_running_loop().create_future()
            self.end.set_result(f"its strategy cannot be built: {error}")
            self.started.set()

    async def report(self) -> BotReport:
        """The heartbeat."""
        await self.started.wait()
        return self.bot.report(incarnation=self.incarnation, pid=os.getpid(), node=node_id())

    async def stop(self) -> None:
        """Ask it to end after the cycle it is in."""
        await self.started.wait()
        self.bot.stop()

    async def ended(self) -> str:
        """Wait for the bot's end; why it ended. Raises ``Irrecoverable`` when its strategy did."""
        await self.started.wait()
        return await asyncio.shield(self.end)

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        reason = ""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Irrecoverable as error:
            _log.critical("the strategy gave up: %s", error)
            await self._flush()
            self.end.set_exception(Irrecoverable(str(error)))  # its own class may be known here only
            return
        except Exception as error:
            _log.exception("the bot ended with an error")
            reason = f"{type(error).__name__}: {error}"
        await self._flush()
        self.end.set_result(reason or self.bot.note)

    async def _record(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._flush()

    async def _flush(self) -> None:
        records = self.bot.records[:]
        if records:
            try:
                await self.recorder.cycles(records)
            except TradingError as error:
                _log.warning("recorder: %s", error)
            else:
                del self.bot.records[: len(records)]


def _advisor(strategy: Strategy, deadline_s: float) -> Advisor:
    """The Decision pool; a user's own executor stays where the rest of his code is, in this process."""
    executor = needs(strategy).executor
    own = executor is not None and is_own_executor(executor)
    return DecisionMember() if own else RemoteAdvisor(deadline_s)
