"""The supervisor: holds what is wanted against what is there, and takes the missing steps.

It owns no order and no money. It may be killed at any moment: what is wanted is in the store, what lives is found by
name, and nothing that lives is restarted. A command that returned is durable; one that failed may be repeated.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

from actors.bot_keeper import BotKeeper
from actors.ledger_events import HaltCause, Latch
from actors.lifecycle import BotEvent, BotState, BotStatus
from actors.messages import Admit, Retire
from actors.plan import Act, Step, plan
from actors.processes import BotLaunch, BotProcess, Processes
from actors.store import Event, FleetStore, Latches
from actors.wallet_keeper import WalletKeeper
from adapters.clock import Clock
from adapters.errors import ConfigError, Conflict, Fenced, LinkError, TradingError
from adapters.model import BotId, WalletId
from config.spec import BotSpec, ExitMode, FleetSpec

TICK_S = 0.2
SAVE_CYCLE_S = 5.0
_log = logging.getLogger(__name__)


class Supervisor:
    """One per fleet. ``start`` finds what there is, ``run`` ticks for ever, the rest are an operator's commands."""

    def __init__(
        self,
        *,
        store: FleetStore,
        processes: Processes,
        clock: Clock,
        identify: Callable[[BotSpec], str] = lambda spec: "",
    ) -> None:
        self.fleet: FleetSpec | None = None
        self.bots: dict[BotId, BotKeeper] = {}
        self.wallets: dict[WalletId, WalletKeeper] = {}
        self.latches = Latches(0, ())
        self._store = store
        self._processes = processes
        self._clock = clock
        self._identify = identify
        self._jitter = random.Random(0)  # noqa: S311  # spreads restarts, guards nothing
        self._tasks: set[asyncio.Task[None]] = set()
        self._events: list[Event] = []
        self._saved_cycle: dict[BotId, tuple[int, float]] = {}
        self._going_down = False

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Load what is wanted and adopt what lives. Raises what store and processes raise: call it again."""
        fleet = await self._store.load_fleet()
        if fleet is None:
            return
        await self._processes.start_services(fleet)
        self.fleet = fleet
        statuses = await self._store.load_statuses()
        for wallet in fleet.wallets:
            self._keep_wallet(wallet.name)
        for spec, wanted in await self._store.load_bots():
            status = statuses.get(spec.name) or BotStatus(bot=spec.name, since=self._clock.now())
            keeper = BotKeeper(spec=spec, wanted=wanted, status=status, clock=self._clock)
            self.bots[spec.name] = keeper
        await asyncio.gather(*map(self._adopt, self.bots.values()))

    async def run(self) -> None:
        """Tick for ever. A pass that fails is logged and followed by the next."""
        while True:
            try:
                await self.tick()
            except TradingError as error:
                _log.error("a pass failed: %s", error)
            await self._clock.sleep(TICK_S)

    async def tick(self) -> None:
        """One pass: look, plan, act. Steps run side by side, one per bot."""
        self.latches = await self._store.load_latches()
        free = [keeper for keeper in self.bots.values() if not keeper.busy]
        steps = plan(
            [
                (
                    keeper.spec,
                    keeper.status,
                    keeper.wanted and not self._going_down,
                    keeper.seen(
                        is_halted=self._is_halted(keeper.spec),
                        wallet_ready=self._wallet_of(keeper.spec).ready,
                    ),
                )
                for keeper in free
            ],
            now=self._clock.now(),
        )
        for step in steps:
            keeper = self.bots[step.bot]
            self._spawn(self._take(keeper, step, keeper.status))
        await self._flush()

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def deploy(self, fleet: FleetSpec) -> None:
        """Make the fleet what the file says. Raises ``Conflict`` when another fleet, or other bots, run here."""
        if self.fleet is not None:
            alike = _shape(fleet) == _shape(self.fleet)
            alive = bool(self.bots_alive())
            known = {name: keeper.spec for name, keeper in self.bots.items()}
            if alike and alive and all(known.get(spec.name) == spec for spec in fleet.bots):
                self._going_down = False
                return
            if alive or not alike:
                raise Conflict(
                    f"fleet {self.fleet.fleet!r} is already up, and differs from the file: add bots with"
                    " `flotilla bots add`, or end it with `flotilla down` first"
                )
        self._going_down = False
        await self._store.save_fleet(fleet)
        if self.fleet is None:
            await self.start()
            return
        self.fleet = replace(fleet, bots=())
        for wallet in fleet.wallets:
            self._keep_wallet(wallet.name)
        statuses = await self._store.load_statuses()
        for spec in fleet.bots:
            self._want(spec, statuses.get(spec.name))

    async def add(self, bots: Sequence[BotSpec]) -> None:
        """Add bots, all or none. Raises ``ConfigError`` for a name that is taken or a wallet that is unknown."""
        for spec in bots:
            if spec.wallet not in self.wallets:
                known = ", ".join(sorted(self.wallets)) or "none"
                raise ConfigError(f"bot {spec.name}: unknown wallet {spec.wallet!r}; there are: {known}")
        await self._store.add_bots(bots)
        statuses = await self._store.load_statuses()
        for spec in bots:
            self._want(spec, statuses.get(spec.name))
            self._tell("added", spec.name, f"on wallet {spec.wallet}")

    async def set_wanted(self, names: Sequence[BotId], wanted: bool, mode: ExitMode | None = None) -> None:
        """Want the bots to run, or to stop by ``mode`` (their declared one if ``None``)."""
        keepers = self._named(names)
        await self._store.set_wanted(names, wanted)
        for keeper in keepers:
            keeper.wanted = wanted
            keeper.exit_mode = None if wanted else mode

    async def remove(self, name: BotId) -> None:
        """Forget a bot that is down. Raises ``Conflict`` while it is not."""
        (keeper,) = self._named([name])
        if not keeper.is_down:
            raise Conflict(f"{name} is {keeper.status.state}: stop it first")
        await self._store.remove_bot(name)
        del self.bots[name]
        self._tell("removed", name, "")

    async def reset(self, names: Sequence[BotId]) -> None:
        """Let bots in ERROR begin again. Raises ``Conflict`` for one that is halted itself: lift that first."""
        keepers = self._named(names)
        latches = await self._store.load_latches()
        for keeper in keepers:
            own = f"bot:{keeper.spec.name}"
            if keeper.status.alarm or any(latch.scope == own for latch in latches.latches):
                raise Conflict(f"{own} is halted ({keeper.status.reason}): flotilla resume {own}")
        for keeper in keepers:
            if keeper.status.state in (BotState.ERROR, BotState.BACKOFF, BotState.IDLE):
                await self._move(keeper, BotEvent.RESET, "reset by the operator")

    async def go_down(self) -> Sequence[BotId]:
        """Stop every bot by its declared exit mode; the answer names those whose stop is not complete.

        When there is none, the fleet is forgotten, but for its halts and epochs: the next one is what its file says.
        """
        self._going_down = True
        left = self.bots_alive()
        if not left:
            await self._store.forget_fleet()
            for keeper in self.bots.values():
                keeper.wanted = False
        return left

    def bots_alive(self) -> list[BotId]:
        """Bots whose stop is not complete."""
        return [name for name, keeper in self.bots.items() if not keeper.is_down]

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _take(self, keeper: BotKeeper, step: Step, planned: BotStatus) -> None:
        if keeper.status is not planned:
            return  # it has moved on since; the next pass plans anew
        keeper.busy = True
        try:
            await self._act(keeper, step)
        except TradingError as error:
            _log.error("%s: %s failed: %s", step.bot, step.act, error)
        finally:
            keeper.busy = False

    async def _act(self, keeper: BotKeeper, step: Step) -> None:
        match step.act:
            case Act.START:
                await self._start(keeper)
            case Act.ASK_TO_STOP:
                await self._move(keeper, BotEvent.STOP, step.reason)
                if keeper.process is not None:
                    await keeper.process.stop()
            case Act.KILL:
                if keeper.process is not None:
                    keeper.release()
                    await keeper.process.kill()  # when that fails it is still there, and killed again
                    keeper.process = keeper.report = None
                await self._crash(keeper, step.reason)
            case Act.LATCH:
                await self._latch(keeper)
            case Act.RETIRE:
                await self._retire(keeper)
            case Act.FINISH:
                await self._move(keeper, BotEvent.STOPPED, f"exit mode {keeper.mode} holds")
            case Act.GIVE_UP:
                await self._move(keeper, BotEvent.GIVE_UP, step.reason)
            case Act.HALT:
                await self._move(keeper, BotEvent.HALT, "a halt is in force")
            case Act.LIFT:
                await self._move(keeper, BotEvent.LIFT, "the halt is lifted")

    async def _start(self, keeper: BotKeeper) -> None:
        assert self.fleet is not None
        await self._move(keeper, BotEvent.START, "")
        spec, status = keeper.spec, keeper.status
        try:
            await self._admit(keeper)
            saved = await self._store.load_checkpoint(spec.name)
            process = await self._processes.spawn_bot(
                BotLaunch(
                    spec=spec,
                    epoch=status.epoch,
                    incarnation=status.incarnation,
                    cycle=int(saved) if saved else 0,
                    decision_deadline_s=self.fleet.decision_deadline.total_seconds(),
                )
            )
        except TradingError as error:
            await self._crash(keeper, f"cannot start: {error}")
            return
        self._attend(keeper, process)

    async def _admit(self, keeper: BotKeeper) -> None:
        wallet = self._wallet_of(keeper.spec).process
        if wallet is None:
            raise Fenced(f"wallet {keeper.spec.wallet} is down")
        await wallet.admit(Admit(keeper.spec, keeper.status.epoch, self._identify(keeper.spec)))

    async def _retire(self, keeper: BotKeeper) -> None:
        wallet = self._wallet_of(keeper.spec).process
        if wallet is None:
            return
        retired = await wallet.retire(Retire(keeper.spec.name, keeper.mode))
        if retired.done:
            left = ", ".join(f"{size} {symbol}" for symbol, size in retired.positions.items())
            async with keeper.changing:  # the wallet has closed the epoch
                status = replace(keeper.status, settled=True, epoch=keeper.status.epoch + 1)
                await self._store.save_status(status)
                keeper.status = status
            text = f"{keeper.mode}: " + (f"stays open: {left}" if left else "nothing stays open")
            self._tell("retired", keeper.spec.name, text)

    async def _latch(self, keeper: BotKeeper) -> None:
        """Halt a bot whose strategy gave up, and leave by its exit mode, whichever comes through first."""
        assert self.fleet is not None
        level, reason = self.fleet.on_irrecoverable, keeper.status.alarm
        scope = f"bot:{keeper.spec.name}"
        try:
            await self._processes.trip(Latch(scope, level, 0, reason, HaltCause.IRRECOVERABLE))
            async with keeper.changing:
                status = replace(keeper.status, alarm="")
                await self._store.save_status(status)
                keeper.status = status
        finally:
            if keeper.status.state is BotState.ERROR and not keeper.status.settled:
                await self._retire(keeper)

    async def _fail(self, keeper: BotKeeper, reason: str) -> None:
        async with keeper.changing:
            status = keeper.status.failed(at=self._clock.now(), reason=reason)
            await self._store.save_status(status)
            keeper.status = status
        self._tell("irrecoverable", keeper.spec.name, reason, "critical")

    async def _crash(self, keeper: BotKeeper, reason: str) -> None:
        async with keeper.changing:
            status = keeper.status.crashed(
                keeper.spec.restart, at=self._clock.now(), reason=reason, jitter=self._jitter.random()
            )
            if status is keeper.status:
                return
            await self._store.save_status(status)
            keeper.status = status
        self._tell("crash", keeper.spec.name, reason, "warning")

    async def _move(self, keeper: BotKeeper, event: BotEvent, reason: str) -> None:
        async with keeper.changing:
            status = keeper.status.after(event, at=self._clock.now(), reason=reason)
            if status is keeper.status:
                return
            await self._store.save_status(status)
            keeper.status = status
        severity = "critical" if status.state is BotState.ERROR else "info"
        self._tell(status.state.lower(), keeper.spec.name, reason, severity)

    # ── news ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _on_beat(self, keeper: BotKeeper) -> None:
        report = keeper.report
        assert report is not None
        if keeper.status.state is BotState.STARTING:
            self._spawn(self._move(keeper, BotEvent.STARTED, f"pid {report.pid}"))
        cycle, at = self._saved_cycle.get(keeper.spec.name, (0, 0.0))
        now = self._clock.monotonic()
        if report.cycle != cycle and now - at > SAVE_CYCLE_S:
            self._saved_cycle[keeper.spec.name] = (report.cycle, now)
            self._spawn(self._store.save_checkpoint(keeper.spec.name, str(report.cycle).encode()))

    def _on_end(self, keeper: BotKeeper, reason: str) -> None:
        self._spawn(self._crash(keeper, reason or "it ended without being asked"))

    def _on_fail(self, keeper: BotKeeper, reason: str) -> None:
        self._spawn(self._fail(keeper, reason))

    def _attend(self, keeper: BotKeeper, process: BotProcess) -> None:
        keeper.attend(process, on_beat=self._on_beat, on_end=self._on_end, on_fail=self._on_fail)

    def _on_wallet_news(self, wallet: WalletId) -> Callable[[str, str], None]:
        def tell(event: str, text: str) -> None:
            severity = "warning" if event == "wallet_down" else "info"
            self._events.append(
                Event(at=self._clock.now(), event=event, severity=severity, wallet=wallet, text=text)
            )
            if event == "wallet_ready":
                self._spawn(self._readmit(wallet))

        return tell

    async def _readmit(self, wallet: WalletId) -> None:
        """A new incarnation of a wallet knows its books, but not who may sit there. Said until it answers or dies."""
        incarnation = self.wallets[wallet].incarnation
        unseated = deque(
            keeper
            for keeper in self.bots.values()
            if keeper.spec.wallet == wallet and (keeper.status.is_alive or not keeper.status.settled)
        )
        while unseated and self.wallets[wallet].incarnation == incarnation:
            keeper = unseated.popleft()
            try:
                await self._admit(keeper)
            except TradingError as error:
                _log.warning("%s is not seated again: %s", keeper.spec.name, error)
                if isinstance(error, LinkError):
                    unseated.append(keeper)
                    await self._clock.sleep(TICK_S)

    async def _adopt(self, keeper: BotKeeper) -> None:
        process = await self._processes.find_bot(keeper.spec.name)
        if process is None:
            if keeper.status.is_alive:
                await self._crash(keeper, "it was gone when the supervisor came back")
        elif process.incarnation != keeper.status.incarnation or not (
            keeper.status.is_alive or keeper.status.state is BotState.STOPPING
        ):
            await process.kill()  # a leftover that no status speaks of
        else:
            self._attend(keeper, process)
            self._tell("adopted", keeper.spec.name, f"incarnation {process.incarnation}")

    # ── small things ─────────────────────────────────────────────────────────────────────────────────────────────

    def _keep_wallet(self, name: WalletId) -> None:
        assert self.fleet is not None
        if name in self.wallets:
            return
        keeper = WalletKeeper(
            next(wallet for wallet in self.fleet.wallets if wallet.name == name),
            self.fleet.fleet,
            self.fleet.limits,
            processes=self._processes,
            store=self._store,
            clock=self._clock,
            on_news=self._on_wallet_news(name),
        )
        self.wallets[name] = keeper
        self._spawn(keeper.run())

    def _want(self, spec: BotSpec, known_status: BotStatus | None) -> None:
        known = self.bots.get(spec.name)
        if known is not None:
            known.spec, known.wanted, known.exit_mode = spec, True, None
            return
        status = known_status or BotStatus(bot=spec.name, since=self._clock.now())
        self.bots[spec.name] = BotKeeper(spec=spec, wanted=True, status=status, clock=self._clock)

    def _wallet_of(self, spec: BotSpec) -> WalletKeeper:
        return self.wallets[spec.wallet]

    def _is_halted(self, spec: BotSpec) -> bool:
        scopes = ("fleet", f"wallet:{spec.wallet}", f"bot:{spec.name}")
        return any(latch.scope in scopes for latch in self.latches.latches)

    def halts(self) -> tuple[Latch, ...]:
        """The halts in force."""
        return self.latches.latches

    def _named(self, names: Sequence[BotId]) -> list[BotKeeper]:
        unknown = [name for name in names if name not in self.bots]
        if unknown:
            known = ", ".join(sorted(self.bots)) or "none"
            raise ConfigError(f"no bot named {', '.join(unknown)}; there are: {known}")
        return [self.bots[name] for name in names]

    def _tell(self, event: str, bot: BotId, text: str, severity: str = "info") -> None:
        keeper = self.bots.get(bot)
        wallet = keeper.spec.wallet if keeper else ""
        self._events.append(
            Event(at=self._clock.now(), event=event, severity=severity, bot=bot, wallet=wallet, text=text)
        )

    async def _flush(self) -> None:
        events = tuple(self._events)
        if events:
            await self._store.add_events(events)
            del self._events[: len(events)]
            for event in events:
                _log.info("%s %s: %s", event.event, event.bot or event.wallet, event.text)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task failed", exc_info=error)


def _shape(fleet: FleetSpec) -> FleetSpec:
    return replace(fleet, bots=())
