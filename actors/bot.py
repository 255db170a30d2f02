"""A bot: one strategy, cycle after cycle. Look, decide, ask the wallet, leave a record.

It holds no key, knows no venue, and opens no connection but the one to its wallet. What it must remember between two
lives is small: the number of its last cycle. Everything else the wallet tells it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from actors.cycle_record import CycleEnd, cycle_record, house_of, rebuffs_of
from actors.decision import Advisor
from actors.kpis import Counting, Kpis, opens_per_hour_max
from actors.messages import CycleRecord, Hello, Outcome, Sight, Submit, Welcome
from adapters.clock import Clock
from adapters.errors import Fenced, LinkError, TradingError
from adapters.model import BotId
from config.spec import BotSpec, HaltLevel
from risk.first_line import FirstLine, House, Line
from risk.limits import WalletLimits
from risk.plan import Plan, plan
from strategies.advice import Advice, Inquiry
from strategies.decision import AnyDecision
from strategies.strategy import GateState, Needs, PerformanceGate, Rebuff, Strategy, View, needs

_log = logging.getLogger(__name__)
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
    kpis: Kpis = Kpis()


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
        self._rules = {"risk_params": spec.risk_params, "exec_guards": spec.exec_guards}
        self._advice = Advice()  # the last there was
        self._wallet = wallet
        self._advisor = advisor
        self._clock = clock
        self._welcome: Welcome | None = None
        self._gate = PerformanceGate()  # as last told
        self._rebuffs: tuple[Rebuff, ...] = ()
        self._counting = Counting(opens_per_hour_max(spec))
        self._stopping = asyncio.Event()

    @property
    def linked(self) -> bool:
        """Whether the wallet has welcomed it."""
        return self._welcome is not None

    @property
    def interval_s(self) -> float:
        """From one cycle to the next: longer while its performance gate is slowed."""
        slowed = self._gate.state is GateState.SLOWED and self._gate.is_enforced
        return self.spec.decision_interval.total_seconds() * (self._gate.interval_multiple if slowed else 1)

    def stop(self) -> None:
        """Ask it to end after the cycle it is in."""
        self._stopping.set()
        self._wallet.changed.set()

    async def run(self) -> None:
        """Cycle until stopped. Raises whatever the strategy raises; ``Fenced`` ends it quietly."""
        rests_long = self.interval_s > ALIVE_S or self._needs.executor is not None
        living = asyncio.create_task(self._live()) if rests_long else None
        try:
            while not self._stopping.is_set():
                began = self._clock.monotonic()
                await self.cycle()
                await self._rest(self.interval_s - (self._clock.monotonic() - began))
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
        missing = [
            symbol
            for symbol in self._needs.symbols
            if symbol not in sight.markets and f"market {symbol}" not in sight.absent
        ]
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
        wishes = self._plan(view, decisions, sight.halt) if decisions else Plan()
        outcomes, trouble = await self._submit(wishes)
        self.decide_ms = (decided - began) * 1000
        self.submit_ms = (self._clock.monotonic() - decided) * 1000
        self._count(wishes, outcomes)
        trouble = trouble or advice_trouble
        was_asked = self._needs.executor is not None and bool(self._advice.prompt_digest)
        if not (decisions or wishes.cancels or trouble or was_asked):
            return None
        record = cycle_record(
            CycleEnd(
                view=view,
                decisions=decisions,
                wishes=wishes,
                outcomes=outcomes,
                error=trouble,
                advice=self._advice if self._needs.executor is not None else None,
                halt=sight.halt,
                limits=self._limits,
                decide_ms=self.decide_ms,
                submit_ms=self.submit_ms,
            ),
            epoch=self.epoch,
        )
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
            kpis=self._counting.kpis(self._clock.monotonic()),
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
        self._gate = sight.gate
        return View(
            now=self._clock.now(),
            bot=self.spec.name,
            cycle=self.cycle_number,
            account=sight.account,
            candidates=self._needs.symbols,
            positions=sight.positions,
            orders=sight.orders,
            markets=sight.markets,
            instruments=self._welcome.instruments,
            recently_closed=sight.recently_closed,
            performance=replace(sight.performance, rejection_rate=self._counting.rejection_rate),
            gate=sight.gate,
            budget=sight.budget,
            rebuffs=self._rebuffs,
            absent=sight.absent,
        )

    async def _advised(self, view: View) -> tuple[View, str]:
        if self._needs.executor is None or self._advisor is None:
            return view, ""
        try:
            self._advice = await self._advisor.advise(self._inquiry(view, self._needs.executor))
        except TradingError as error:
            self.note = f"no advice: {error}"
            self._advice = Advice(error=str(error), error_class=type(error).__name__)
        else:
            self.note = f"no advice: {self._advice.error}" if self._advice.error else ""
        trouble = f"{self._advice.error_class}: {self._advice.error}" if self._advice.error else ""
        return replace(view, advice=self._advice.decisions), trouble

    def _inquiry(self, view: View, executor: str) -> Inquiry:
        return Inquiry(
            executor=executor,
            view=view,
            model=self._needs.model,
            rules=self._rules,
            earlier=self._advice.decisions,
        )

    def _plan(self, view: View, decisions: Sequence[AnyDecision], halt: HaltLevel | None) -> Plan:
        house = house_of(self.spec, self._limits, halt)
        return plan(view, decisions, epoch=self.epoch, house=house, line=self.line(view, house))

    def line(self, view: View, house: House) -> Line:
        """What its wishes pass before they are submitted."""
        return FirstLine(view, house)

    @property
    def _limits(self) -> WalletLimits:
        assert self._welcome is not None
        return self._welcome.limits

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

    def _count(self, wishes: Plan, outcomes: Sequence[Outcome]) -> None:
        self._counting.take(
            wishes.intents,
            wishes.refusals,
            outcomes,
            order_ms=self.submit_ms,
            now=self._clock.monotonic(),
        )
        rebuffs = rebuffs_of(wishes, outcomes)
        if wishes.intents or rebuffs:
            self._rebuffs = rebuffs

    async def _live(self) -> None:
        """A sign of life for the wallet while a cycle is far away: a silent bot's entries are cancelled."""
        while True:
            await self._clock.sleep(ALIVE_S)
            if self._welcome is not None:
                with contextlib.suppress(TradingError):  # the next cycle finds out, and says so
                    await self._wallet.alive()

    async def _rest(self, seconds: float) -> None:
        """Until the next interval, or until the wallet says that something changed, but a quarter of it at least."""
        least_s = self.interval_s / 4
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
