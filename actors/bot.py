"""A bot: one strategy, cycle after cycle. Look, decide, ask the wallet, leave a record.

It holds no key, knows no venue, and opens no connection but the one to its wallet. What it must remember between two
lives is small: the number of its last cycle. Everything else the wallet tells it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from actors.decision import Advisor
from actors.messages import (
    ActionLine,
    CycleRecord,
    Hello,
    Outcome,
    OutcomeKind,
    Refusal,
    Sight,
    Submit,
    Welcome,
)
from adapters.clock import Clock
from adapters.errors import Fenced, LinkError, TradingError
from adapters.model import BotId
from config.spec import BotSpec, HaltLevel
from risk.intent import Intent
from risk.plan import Plan, plan
from risk.verdict import Refused
from strategies.decision import AnyDecision
from strategies.strategy import Needs, Strategy, View, needs

_log = logging.getLogger(__name__)
_json = msgspec.json.Encoder(order="deterministic")
ALIVE_S = 2.0
RECORDS_KEPT = 1_000  # cycle records that wait for the recorder; the oldest go first


class BotWallet(Protocol):
    """A wallet, as a bot reaches it. Every call raises ``LinkError`` when the way is broken, ``Fenced`` for good."""

    @property
    def changed(self) -> asyncio.Event:
        """Set when the wallet says that something of the bot's changed, or the connection is new."""
        ...

    async def hello(self, hello: Hello) -> Welcome: ...

    async def observe(self) -> Sight: ...

    async def alive(self) -> None: ...

    async def submit(self, batch: Submit) -> Sequence[Outcome]: ...

    async def aclose(self) -> None: ...


class BotReport(msgspec.Struct, frozen=True):
    """How a bot does: its heartbeat."""

    bot: BotId
    epoch: int
    incarnation: int
    pid: int
    node: str
    cycle: int
    linked: bool  # whether it has its wallet
    note: str = ""  # why the last cycle did nothing
    decide_ms: float = 0.0
    submit_ms: float = 0.0


class Bot:
    """One bot's life, from ``run`` until it is told to stop, is fenced, or its strategy raises."""

    def __init__(
        self,
        spec: BotSpec,
        epoch: int,
        strategy: Strategy,
        *,
        wallet: BotWallet,
        advisor: Advisor | None,
        clock: Clock,
        cycle: int = 0,
        identity: str = "",
    ) -> None:
        self.identity = identity
        self.spec = spec
        self.epoch = epoch
        self.cycle_number = cycle
        self.records: list[CycleRecord] = []
        self.note = "starting"
        self.decide_ms = self.submit_ms = 0.0
        self._strategy = strategy
        self._needs: Needs = needs(strategy)
        self._wallet = wallet
        self._advisor = advisor
        self._clock = clock
        self._welcome: Welcome | None = None
        self._stopping = asyncio.Event()

    @property
    def linked(self) -> bool:
        """Whether the wallet has welcomed it."""
        return self._welcome is not None

    def stop(self) -> None:
        """Ask it to end after the cycle it is in."""
        self._stopping.set()
        self._wallet.changed.set()

    async def run(self) -> None:
        """Cycle until stopped. Raises whatever the strategy raises; ``Fenced`` ends it quietly."""
        interval_s = self.spec.decision_interval.total_seconds()
        rests_long = interval_s > ALIVE_S or self._needs.executor is not None
        living = asyncio.create_task(self._live()) if rests_long else None
        try:
            while not self._stopping.is_set():
                began = self._clock.monotonic()
                await self.cycle()
                await self._rest(interval_s - (self._clock.monotonic() - began))
        except Fenced as error:
            self.note = str(error)
            _log.warning("fenced: %s", error)
        finally:
            if living is not None:
                living.cancel()
                await asyncio.gather(living, return_exceptions=True)

    async def cycle(self) -> CycleRecord | None:
        """One look, one decision, one batch. ``None`` when there was nothing to look at, or nothing was wanted."""
        try:
            sight = await self._look()
        except LinkError as error:
            self._welcome, self.note = None, f"no wallet: {error}"
            return None
        except Fenced:
            raise
        except TradingError as error:
            self.note = f"wallet: {error}"
            return None
        if sight.halt is not None and sight.halt.rank >= HaltLevel.CANCEL_ALL.rank:
            self.note = f"halted: {sight.halt}"
            return None
        missing = [symbol for symbol in self._needs.symbols if symbol not in sight.markets]
        if missing:
            self.note = f"waiting for market data of {', '.join(missing)}"
            return None
        self.note = ""
        self.cycle_number += 1
        view = self._view(sight)
        began = self._clock.monotonic()
        view, advice_trouble = await self._advised(view)
        decisions = tuple(self._strategy.decide(view))
        decided = self._clock.monotonic()
        wishes = self._plan(view, decisions) if decisions else Plan()
        outcomes, trouble = await self._submit(wishes)
        self.decide_ms = (decided - began) * 1000
        self.submit_ms = (self._clock.monotonic() - decided) * 1000
        trouble = trouble or advice_trouble
        if not (decisions or wishes.cancels or trouble):
            return None
        record = self._record(view, decisions, wishes, outcomes, trouble)
        self.records.append(record)
        del self.records[:-RECORDS_KEPT]
        return record

    def report(self, *, incarnation: int, pid: int, node: str) -> BotReport:
        """The heartbeat."""
        return BotReport(
            bot=self.spec.name,
            epoch=self.epoch,
            incarnation=incarnation,
            pid=pid,
            node=node,
            cycle=self.cycle_number,
            linked=self.linked,
            note=self.note,
            decide_ms=self.decide_ms,
            submit_ms=self.submit_ms,
        )

    async def _look(self) -> Sight:
        if self._welcome is None:
            self._welcome = await self._wallet.hello(
                Hello(
                    self.spec.name,
                    self.epoch,
                    self._needs.indicators,
                    self._needs.bar_interval.total_seconds(),
                    self.identity,
                )
            )
        self._wallet.changed.clear()
        return await self._wallet.observe()

    def _view(self, sight: Sight) -> View:
        assert self._welcome is not None
        return View(
            now=self._clock.now(),
            bot=self.spec.name,
            cycle=self.cycle_number,
            account=sight.account,
            positions=sight.positions,
            orders=sight.orders,
            markets=sight.markets,
            instruments=self._welcome.instruments,
            recently_closed=sight.recently_closed,
            performance=sight.performance,
            budget=sight.budget,
        )

    async def _advised(self, view: View) -> tuple[View, str]:
        if self._needs.executor is None or self._advisor is None:
            return view, ""
        try:
            advice = await self._advisor.advise(self._needs.executor, view)
        except TradingError as error:
            self.note = f"no advice: {error}"
            return view, f"{type(error).__name__}: {error}"
        return replace(view, advice=tuple(advice)), ""

    def _plan(self, view: View, decisions: Sequence[AnyDecision]) -> Plan:
        limits = self.spec
        return plan(view, decisions, epoch=self.epoch, params=limits.risk_params, guards=limits.exec_guards)

    async def _submit(self, wishes: Plan) -> tuple[Sequence[Outcome], str]:
        if not (wishes.intents or wishes.cancels):
            return (), ""
        batch = Submit(self.spec.name, self.epoch, wishes.cancels, wishes.intents)
        try:
            return await self._wallet.submit(batch), ""
        except Fenced:
            raise
        except TradingError as error:
            self.note = f"submit: {error}"
            return (), f"{type(error).__name__}: {error}"

    def _record(
        self,
        view: View,
        decisions: Sequence[AnyDecision],
        wishes: Plan,
        outcomes: Sequence[Outcome],
        error: str,
    ) -> CycleRecord:
        by_id = {intent.id: intent for intent in wishes.intents}
        refused = tuple(_refusal(refusal) for refusal in wishes.refusals)
        refused += tuple(outcome.refusal for outcome in outcomes if outcome.refusal)
        return CycleRecord(
            bot=self.spec.name,
            epoch=self.epoch,
            cycle=self.cycle_number,
            timestamp=view.now,
            view_digest=digest(view),
            decisions=tuple(msgspec.to_builtins(decision) for decision in decisions),
            refusals=refused,
            actions=tuple(_action(by_id[outcome.id], outcome) for outcome in outcomes),
            success=not error,
            error_message=error,
            decide_ms=round(self.decide_ms, 3),
            submit_ms=round(self.submit_ms, 3),
        )

    async def _live(self) -> None:
        """A sign of life for the wallet while a cycle is far away: a silent bot's entries are cancelled."""
        while True:
            await self._clock.sleep(ALIVE_S)
            if self._welcome is not None:
                with contextlib.suppress(TradingError):  # the next cycle finds out, and says so
                    await self._wallet.alive()

    async def _rest(self, seconds: float) -> None:
        """Until the next interval, or until the wallet says that something changed, but a quarter of it at least."""
        least_s = self.spec.decision_interval.total_seconds() / 4
        await self._sleep(min(seconds, least_s), unless=self._stopping)
        if seconds > least_s and not self._stopping.is_set():
            await self._sleep(seconds - least_s, unless=self._wallet.changed)

    async def _sleep(self, seconds: float, *, unless: asyncio.Event) -> None:
        wake = asyncio.create_task(unless.wait())
        sleep = asyncio.create_task(self._clock.sleep(max(0.0, seconds)))
        try:
            await asyncio.wait({wake, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (wake, sleep):
                task.cancel()
            await asyncio.gather(wake, sleep, return_exceptions=True)


def digest(view: Any) -> str:
    """Sixteen hex digits of a view, the same on every machine."""
    return hashlib.blake2b(_json.encode(view), digest_size=8).hexdigest()


def _refusal(refused: Refused) -> Refusal:
    return Refusal(refused.symbol, refused.rule, refused.detail, refused.limit, refused.value)


def _action(intent: Intent, outcome: Outcome) -> ActionLine:
    result = str(outcome.kind)
    if outcome.kind is OutcomeKind.REFUSED and outcome.refusal:
        result = f"refused: {outcome.refusal.rule}"
    return ActionLine(
        symbol=intent.symbol,
        action=f"{intent.purpose} {intent.side}",
        qty=outcome.filled or intent.size,
        price=outcome.average_price or intent.price,
        cloid=intent.id,
        result=result,
        error_class=outcome.error_class,
        error_detail=outcome.error_detail,
    )
