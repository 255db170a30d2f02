"""``drill``: a halt for practice, measured and lifted again."""

from __future__ import annotations

import getpass
import time
from collections.abc import Collection
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from actors.halt_times import HaltTimes, StepTimes
from actors.kill_switch import HaltProgress
from actors.ledger_events import HaltCause
from actors.lifecycle import BotState
from adapters.errors import Conflict
from adapters.model import BotId, WalletId
from cluster.cli.halt_commands import FLEET, check_scope
from cluster.cli.options import AsJson, WaitSeconds, home
from cluster.cli.output import console, print_json
from cluster.driver import POLL_S, Fleet, Incomplete, connected
from config.spec import FleetSpec, HaltLevel

WAIT_S = 60.0


class Lift(msgspec.Struct, frozen=True):
    """How the fleet came back, in seconds from the lifting."""

    generation: int
    lifted_s: float  # on disk
    gates_s: float | None  # every wallet has opened its gate
    trading_s: float  # every bot runs, and every wallet may add exposure


class Drill(msgspec.Struct, frozen=True):
    """What was measured."""

    scope: str
    level: HaltLevel
    halt: HaltTimes
    lift: Lift


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(drill)


def drill(
    scope: Annotated[str, typer.Option(help="fleet, wallet:NAME or bot:NAME.")] = FLEET,
    level: Annotated[
        HaltLevel, typer.Option(help="Each level includes the ones before it.")
    ] = HaltLevel.FLATTEN,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait_s: WaitSeconds = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Halt a paper fleet for practice, measure every step, lift the halt, and wait until it trades again.

    It lifts no halt but its own, and only when it was verified: interrupted, it leaves it in force and says so.
    """
    with connected(home()) as running:
        fleet = running.spec()
        check_scope(fleet, scope)
        _check_ready(fleet, running)
        if not yes and not typer.confirm(f"Halt {scope} at {level} for a drill, and lift it again?"):
            raise Conflict("nothing was halted")
        busy = {BotId(bot.name) for bot in running.status().bots if bot.state == BotState.RUNNING}
        try:
            halted = _halt(running, scope, level, wait_s)
        except KeyboardInterrupt:
            raise Incomplete(f"interrupted: the halt stays in force until: flotilla resume {scope}") from None
        lift = _lift(running, scope, halted.generation, busy, wait_s)
    report = Drill(scope, level, halted, lift)
    if as_json:
        print_json(report)
        return
    console.print(_table(report))
    console.print(
        f"on disk after {_ms(halted.latched_s)}; lifted after {_ms(lift.lifted_s)},"
        f" gates open after {_ms(lift.gates_s)}, trading again after {_ms(lift.trading_s)}",
        soft_wrap=True,
    )


def _check_ready(fleet: FleetSpec, running: Fleet) -> None:
    real = [wallet.name for wallet in fleet.wallets if wallet.mode != "paper"]
    if real:
        raise Conflict(f"a drill is for paper only, and these wallets are not: {', '.join(real)}")
    latches = running.halt_progress().latches
    if latches:
        raise Conflict(f"a halt is in force already: {', '.join(latch.scope for latch in latches)}")


def _halt(running: Fleet, scope: str, level: HaltLevel, wait_s: float) -> HaltTimes:
    """Halt, and see it verified. Raises ``Incomplete`` and leaves the halt as it is, if it is not."""
    generation = running.halt(scope, level, f"drill ({getpass.getuser()})", HaltCause.DRILL)
    try:
        progress = running.wait_until_halted(wait_s=wait_s)
    except Incomplete as error:
        raise Incomplete(f"{error}; it stays in force until: flotilla resume {scope}") from error
    is_ours = any(latch.scope == scope and latch.cause is HaltCause.DRILL for latch in progress.latches)
    if progress.generation != generation or progress.times is None or not is_ours:
        raise Incomplete(
            f"{_others(progress)}; the drill measured nothing, and what it set, if anything, stays in force"
        )
    return progress.times


def _others(progress: HaltProgress) -> str:
    others = [latch for latch in progress.latches if latch.cause is not HaltCause.DRILL]
    text = ", ".join(f"{latch.scope} ({latch.reason})" for latch in others)
    return f"another halt came in between: {text}" if text else "the halts changed in between"


def _lift(running: Fleet, scope: str, generation: int, busy: Collection[BotId], wait_s: float) -> Lift:
    """Take the drill's own halt off, and wait for the fleet. Raises ``Incomplete`` naming who does not trade."""
    began = time.monotonic()
    lifted = running.lift(scope, f"the drill is over ({getpass.getuser()})", generation)
    if any(latch.scope == scope for latch in lifted.latches):
        raise Incomplete(f"{scope} was halted again meanwhile, and not by the drill: it stays")
    while missing := _missing(running, lifted.generation, busy):
        if time.monotonic() > began + wait_s:
            raise Incomplete(f"the halt is lifted, but within {wait_s:g} s not trading again: {missing}")
        time.sleep(POLL_S)
    trading_s = round(time.monotonic() - began, 3)
    times = running.halt_progress().times
    return Lift(
        generation=lifted.generation,
        lifted_s=times.latched_s if times else trading_s,
        gates_s=times.overall.gate_s if times else None,
        trading_s=trading_s,
    )


def _missing(running: Fleet, generation: int, busy: Collection[BotId]) -> str:
    """Who does not trade yet."""
    progress = running.halt_progress()
    status = running.status()
    wallets: list[WalletId] = [
        wallet.wallet for wallet in progress.wallets if wallet.generation < generation
    ] + [wallet.name for wallet in status.wallets if not (wallet.lease and wallet.lease.left_s > 0)]
    bots = [bot.name for bot in status.bots if bot.name in busy and bot.state != BotState.RUNNING]
    return ", ".join(dict.fromkeys((*wallets, *bots)))


def _table(report: Drill) -> Table:
    table = Table(title=f"drill: {report.scope} at {report.level}")
    table.add_column("wallet", no_wrap=True)
    for heading in ("gate shut", "book empty", "flat", "verified"):
        table.add_column(heading, justify="right", no_wrap=True)
    for wallet, times in report.halt.wallets.items():
        table.add_row(wallet, *_cells(times))
    table.add_section()
    table.add_row("slowest", *_cells(report.halt.overall))
    return table


def _cells(times: StepTimes) -> list[str]:
    return [_ms(step) for step in (times.gate_s, times.empty_s, times.flat_s, times.verified_s)]


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.0f} ms"
