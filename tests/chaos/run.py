"""One run: the fleet up, faults, healing, the orderly end, and the judgement over what is left on disk."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from actors.status import FleetStatus
from adapters.model import Symbol
from cluster.driver import connected
from tests.chaos import papers
from tests.chaos.fleet_file import NAME, Roster
from tests.chaos.halting import Operator
from tests.chaos.injection import RECOVERY_MAX_S, Injector
from tests.chaos.probes import Probes
from tests.chaos.result import Result
from tests.chaos.schedule import Draw
from tests.chaos.venue_record import read
from tests.chaos.verdict import AGREEMENT, Illness, Span, Trial, Violation, check_what_rests
from tests.ray.fleet import Account, Fleet

TELL_S = 5.0
WHOLE_MAX_S = 60.0
TRADES_AGAIN_MAX_S = 60.0
SPARE = 1.15  # instants planned for each fault that is wanted
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is asked of a run."""

    seed: int
    for_s: float
    faults: int
    roster: Roster


class Chaos:
    """One run in an empty home. Nothing of it is left when ``run`` returns or raises."""

    def __init__(self, folder: Path, settings: Settings, tell: Tell) -> None:
        self.fleet = Fleet(folder / "home")
        self._file = folder / "chaos.yaml"
        self._settings = settings
        self._tell = tell
        self._draw = Draw(settings.seed, settings.roster.actors)
        self._operator = Operator(self.fleet)
        self._own_halts = 0  # that the fleet put on by itself, and the operator took off
        self._violations: list[Violation] = []

    def run(self) -> Result:
        """See the module."""
        self._file.write_text(json.dumps(self._settings.roster.document(self._settings.seed)))
        try:
            self._tell("starting the fleet")
            up = self.fleet.run("up", str(self._file), "--wait-s", "180", timeout_s=240)
            assert up.returncode == 0, up.stderr
            with connected(self.fleet.home):
                injector = asyncio.run(self._connected())
            self._tell("ending the fleet")
            down = self.fleet.run("down", "--yes", "--wait-s", "60", timeout_s=120)
            if down.returncode:
                self._find("an orderly end", f"down: {down.returncode}: {down.stderr.strip()[-300:]}")
        finally:
            self.fleet.end()
        return self._judge(injector)

    # ── while it runs ────────────────────────────────────────────────────────────────────────────────────────────

    async def _connected(self) -> Injector:
        probes = Probes(self.fleet.home)
        injector = Injector(probes, self._draw)
        try:
            await self._hurt(probes, injector)
            await self._heal(probes)
            await self._stop(probes)
        finally:
            injector.release()
            await probes.aclose()
        return injector

    async def _hurt(self, probes: Probes, injector: Injector) -> None:
        settings = self._settings
        instants = self._draw.instants(round(settings.faults * SPARE), settings.for_s)
        halts = list(self._draw.halts(settings.for_s))
        beside = [
            asyncio.create_task(self._progress(probes, injector)),
            asyncio.create_task(self._mind_halts(probes)),
        ]
        try:
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                group.create_task(injector.run(instants, began))
                group.create_task(self._operator.run(halts, began))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _progress(self, probes: Probes, injector: Injector) -> None:
        began = time.monotonic()
        while True:
            status = await probes.status()
            ill = ", ".join(fault.actor for fault in injector.faults if fault.ended is None)
            self._tell(
                f"{time.monotonic() - began:4.0f} s: {len(injector.faults)} faults (not over: {ill or 'none'}),"
                f" {len(self._operator.completed_s)} halts · {_in_short(status)}"
            )
            await asyncio.sleep(TELL_S)

    async def _mind_halts(self, probes: Probes) -> None:
        """Halts that the fleet puts on by itself: an operator looks, and takes them off."""
        while True:
            status = await probes.status()
            own = {halt.scope for halt in status.halts if "chaos" not in halt.reason} if status else ()
            for scope in own:
                self._tell(f"lifting the fleet's own halt on {scope}")
                await self._operator.lift(scope)
                self._own_halts += 1
            await asyncio.sleep(TELL_S)

    async def _heal(self, probes: Probes) -> None:
        """No more faults: the fleet is whole and trades, on every wallet, by the exchange's word."""
        self._tell("healing")
        deadline = time.monotonic() + WHOLE_MAX_S
        status = await probes.status()
        while not _is_whole(status) and time.monotonic() < deadline:
            for scope in {halt.scope for halt in status.halts} if status else ():
                await self._operator.lift(scope)
            await asyncio.sleep(0.5)
            status = await probes.status()
        if not _is_whole(status):
            self._find(
                "the fleet recovers", f"not whole {WHOLE_MAX_S:g} s after the last fault: {_in_short(status)}"
            )
        healed = datetime.now(UTC)
        deadline = time.monotonic() + TRADES_AGAIN_MAX_S
        waiting = set(self._settings.roster.wallet_names)
        while waiting and time.monotonic() < deadline:
            for wallet in sorted(waiting):
                account = await self._account(wallet)
                if account and any(
                    not rests.order.reduce_only and rests.at > healed for rests in account.orders
                ):
                    waiting.remove(wallet)
            await asyncio.sleep(0.2)
        for wallet in sorted(waiting):
            self._find(
                "the fleet trades again", f"{wallet}: no entry accepted within {TRADES_AGAIN_MAX_S:g} s"
            )

    async def _stop(self, probes: Probes) -> None:
        """Every bot by its exit mode; then the status and the exchange say the same."""
        self._tell("stopping the bots")
        if not await self._operator.insist("bots", "stop", "ALL", "--wait-s", "60"):
            self._find("an orderly end", self._operator.refused[-1])
        deadline = time.monotonic() + 20
        wrong = ["the supervisor or the exchange did not answer"]
        while wrong and time.monotonic() < deadline:
            before, status, after = await self._accounts(), await probes.status(), await self._accounts()
            if status is not None and after is not None and before == after:
                wrong = [
                    text
                    for wallet, account in after.items()
                    for text in _differences(wallet, account, status)
                ]
        for text in wrong:
            self._find(AGREEMENT, f"status: {text}")

    async def _accounts(self) -> dict[str, Account] | None:
        read = {wallet: await self._account(wallet) for wallet in self._settings.roster.wallet_names}
        known = {wallet: account for wallet, account in read.items() if account is not None}
        return known if known.keys() == read.keys() else None

    async def _account(self, wallet: str) -> Account | None:
        try:
            return await asyncio.to_thread(self.fleet.account, wallet)
        except AssertionError:  # the exchange does not answer
            return None

    # ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self, injector: Injector) -> Result:
        roster, home = self._settings.roster, self.fleet.home
        record = read(home.paper / f"{NAME}.db")
        now = datetime.now(UTC)
        trial = Trial(
            roster,
            self._operator.halts,
            [
                Illness(actor=fault.actor, span=Span(start=fault.began, end=fault.ended or now))
                for fault in injector.faults
            ],
        )
        trial.hear(record.entries)
        for fault in injector.faults:
            if fault.recovery_s is None:
                text = f"{fault.actor} was not well {RECOVERY_MAX_S:g} s after a {fault.hurt} at {fault.began:%H:%M:%S}"
                self._find("the fleet recovers", text)
        for refused in self._operator.refused:
            self._find("commands under fire", refused)
        if not record.balance.is_balanced:
            self._find("trial balance", str(record.balance))
        self._violations += trial.violations.values()
        self._violations += check_what_rests(record.resting, trial)
        self._violations += papers.check_wallets(home, roster, record)
        self._violations += papers.check_store(home, roster, record)
        return Result(
            seed=self._settings.seed,
            for_s=self._settings.for_s,
            wanted=self._settings.faults,
            faults=injector.faults,
            missed=injector.missed,
            halts_s=self._operator.completed_s,
            own_halts=self._own_halts,
            violations=self._violations,
            orders=record.orders,
            fills=sum(1 for _ in record.fills),
            peak_usd=trial.peak_usd,
            limit_usd=roster.limit_usd,
            naked_s=trial.naked_max / timedelta(seconds=1),
        )

    def _find(self, promise: str, text: str) -> None:
        self._violations.append(Violation(promise=promise, text=text))


def _is_whole(status: FleetStatus | None) -> bool:
    return (
        status is not None
        and not status.halts
        and all(bot.state == "RUNNING" for bot in status.bots)
        and all(
            wallet.state == "READY" and wallet.lease and wallet.lease.left_s > 0 for wallet in status.wallets
        )
    )


def _in_short(status: FleetStatus | None) -> str:
    if status is None:
        return "the supervisor does not answer"
    ready = sum(wallet.state == "READY" for wallet in status.wallets)
    halts = "".join(f" · {halt.level} on {halt.scope}" for halt in status.halts)
    return (
        f"{status.totals.running} of {status.totals.bots} bots run, {ready} of {len(status.wallets)} wallets ready,"
        f" {sum(wallet.orders_sent for wallet in status.wallets)} orders sent{halts}"
    )


def _differences(wallet: str, account: Account, status: FleetStatus) -> list[str]:
    books: dict[Symbol, Decimal] = {}
    for bot in status.bots:
        if bot.wallets == (wallet,):
            for symbol, size in bot.positions.items():
                books[symbol] = books.get(symbol, Decimal(0)) + size
    ours = {symbol: size for symbol, size in books.items() if size}
    line = next(line for line in status.wallets if line.name == wallet)
    found = []
    if ours != dict(account.positions):
        found.append(f"{wallet}: the books hold {ours}, the exchange {dict(account.positions)}")
    if dict(line.venue_positions) != dict(account.positions):
        found.append(
            f"{wallet}: it last read {dict(line.venue_positions)}, the exchange holds {account.positions}"
        )
    if line.unknown_orders:
        found.append(f"{wallet}: {line.unknown_orders} orders of unknown outcome")
    return found


def tell_on_stderr(text: str) -> None:
    """One line of progress."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)
