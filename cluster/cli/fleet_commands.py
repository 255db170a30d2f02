"""``up``, ``down``, ``status``, ``env``, ``demo``: a fleet as a whole."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from actors.lifecycle import BotState
from actors.status import FleetStatus
from adapters.errors import ConfigError, Conflict, LinkError
from cluster.cli.options import AsJson, FleetPath, WaitSeconds, home
from cluster.cli.output import console, errors, fleet_tables, gate_lines, halt_lines, print_json, total_line
from cluster.driver import Fleet, Incomplete, NotRunning, connected
from cluster.home import Home
from cluster.keyring import MODELS, keep
from cluster.packages import packaged
from cluster.ray_runtime import boot
from config.durations import parse_duration
from config.reading import read_fleet
from config.spec import FleetSpec

UP_S = 120.0
DOWN_S = 60.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, env, demo):
        app.command()(command)


def up(
    fleet: FleetPath,
    wait_s: WaitSeconds = UP_S,
    live: Annotated[
        bool, typer.Option("--live", help="Trade with real money where the file says so.")
    ] = False,
    control_node: Annotated[
        bool,
        typer.Option(help="Give the actors a Ray node of their own, which outlives the head's processes."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Start Ray if need be, deploy the fleet, and return when every wanted bot runs."""
    spec, packages, secrets = _read(fleet, live=live)
    where = home()
    began = time.monotonic()
    with _progress("starting Ray", quiet=as_json) as tell:
        address = boot.start(where, os.environ, control_node=control_node)
        _keep(where, secrets)
        with connected(where) as running:
            tell("starting actors")
            reached = running.deploy(
                spec, packages, wait_s=wait_s, tell=lambda status: tell(total_line(status))
            )
    if as_json:
        print_json(
            {
                "fleet": reached.fleet,
                "dashboard": address.dashboard,
                "address": address.gcs,
                "home": str(where.path),
                "took_s": round(time.monotonic() - began, 3),
                "bots": [{"name": bot.name, "state": bot.state, "pid": bot.pid} for bot in reached.bots],
                "wallets": [{"name": wallet.name, "state": wallet.state} for wallet in reached.wallets],
                "halts": reached.halts,
            }
        )
        return
    console.print(total_line(reached))
    for line in halt_lines(reached):
        console.print(line)
    console.print(f"Ray dashboard: {address.dashboard}   token: {where.token_path}", soft_wrap=True)


def down(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait_s: WaitSeconds = DOWN_S,
    force: Annotated[
        bool, typer.Option(help="End the processes even if their bots cannot be stopped by their exit mode.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stop every bot by its declared exit mode, then end the fleet's processes."""
    where = home()
    if not yes and not typer.confirm(f"Stop the fleet of {where.path}?"):
        raise Conflict("nothing was stopped")
    with _progress("stopping bots", quiet=as_json) as tell:
        last = _stop(where, wait_s=wait_s, force=force, tell=lambda status: tell(_left(status)))
        tell("ending Ray")
        boot.stop(where)
    positions = {bot.name: bot.positions for bot in last.bots if bot.positions} if last else {}
    if as_json:
        print_json({"fleet": last.fleet if last else None, "down": True, "positions_left": positions})
    else:
        left = ", ".join(f"{name}: {dict(held)}" for name, held in positions.items())
        console.print(
            f"the fleet is down; {f'stays open by its exit mode: {left}' if left else 'nothing is open'}"
        )


def status(as_json: AsJson = False) -> None:
    """Bots, wallets, actors, totals and halts."""
    with connected(home()) as running:
        now = running.status()
    if as_json:
        print_json(now)
        return
    for table in fleet_tables(now):
        console.print(table)
    for line in (*halt_lines(now), *gate_lines(now)):
        console.print(line)
    console.print(total_line(now))


def env(as_json: AsJson = False) -> None:
    """What Ray's own commands need to reach this fleet: eval "$(flotilla env)"."""
    where = home()
    if boot.running(where) is None:
        raise NotRunning(f"no fleet runs in {where.path}: flotilla up FLEET")
    variables = boot.environment(where)
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def demo(
    fleet: FleetPath,
    for_: Annotated[str, typer.Option("--for", help="End by itself after this long, such as 60s.")] = "",
    wait_s: WaitSeconds = UP_S,
    as_json: AsJson = False,
) -> None:
    """Run a fleet in the foreground with a live table; Ctrl-C stops everything in order."""
    spec, packages, secrets = _read(fleet, live=False)
    try:
        seconds = parse_duration(for_).total_seconds() if for_ else float("inf")
    except ValueError as error:
        raise ConfigError(f"--for {for_}: {error}") from error
    where = home()
    with _progress("starting Ray", quiet=as_json) as tell:
        address = boot.start(where, os.environ, control_node=False)
        _keep(where, secrets)
    try:
        with connected(where) as running:
            with _progress("starting actors", quiet=as_json) as tell:
                running.deploy(spec, packages, wait_s=wait_s, tell=lambda now: tell(total_line(now)))
            if not as_json:
                console.print(
                    f"Ray dashboard: {address.dashboard}   token: {where.token_path}", soft_wrap=True
                )
            try:
                _watch(running, seconds, quiet=as_json)
            except KeyboardInterrupt:
                errors.print("stopping in order; a second Ctrl-C ends at once")
            with _progress("stopping bots", quiet=as_json) as tell:
                running.stop_all(wait_s=DOWN_S, tell=lambda now: tell(_left(now)))
            last = running.status()
    finally:
        boot.stop(where)
    if as_json:
        print_json(last)
        return
    for table in fleet_tables(last):
        console.print(table)
    traded = sum(bot.trades for bot in last.bots)
    console.print(f"{total_line(last)} · {traded} round trips · stopped in order")


def _watch(running: Fleet, seconds: float, *, quiet: bool) -> None:
    ends = time.monotonic() + seconds
    with Live(console=console, refresh_per_second=4, transient=True, redirect_stdout=False) as screen:
        while time.monotonic() < ends:
            now = running.status()
            if not quiet:
                screen.update(Group(*fleet_tables(now), *halt_lines(now), *gate_lines(now), total_line(now)))
            time.sleep(min(1.0, max(0.0, ends - time.monotonic())))


def _stop(
    where: Home, *, wait_s: float, force: bool, tell: Callable[[FleetStatus], None]
) -> FleetStatus | None:
    try:
        with connected(where) as running:
            running.stop_all(wait_s=wait_s, tell=tell)
            return running.status()
    except (Incomplete, NotRunning, LinkError):
        if not force:
            raise
        return None


def _left(status: FleetStatus) -> str:
    left = [bot.name for bot in status.bots if bot.state not in (BotState.IDLE, BotState.ERROR)]
    return f"stopping {len(left)} bots" if left else "all bots are down"


def _read(path: Path, *, live: bool) -> tuple[FleetSpec, dict[str, bytes], Mapping[str, Mapping[str, str]]]:
    """The fleet, its bots' own code, and the secrets that go to this machine's own folder, by owner."""
    loaded = read_fleet(path, environ=os.environ, search_path=[Path.cwd()])
    real = [wallet.name for wallet in loaded.spec.wallets if wallet.mode == "live"]
    if real and not live:
        raise ConfigError(
            f"{path}: {', '.join(real)} would trade real money; say so: flotilla up --live {path}"
        )
    bots, packages = packaged(loaded.spec.bots, loaded.package_folder)
    spec = replace(loaded.spec, bots=bots, store=home().store_url(loaded.spec.store))
    secrets = {f"wallet-{wallet}": values for wallet, values in loaded.secrets.items()}
    return spec, dict(packages), {**secrets, MODELS: loaded.model_keys}


def _keep(where: Home, secrets: Mapping[str, Mapping[str, str]]) -> None:
    for owner, values in secrets.items():
        keep(where.secrets, owner, values)


class _progress:  # noqa: N801  # reads as a statement
    """A spinner with a changing text, on a terminal; silence elsewhere."""

    def __init__(self, text: str, *, quiet: bool) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(
            *columns, console=errors, transient=True, redirect_stdout=False, disable=quiet
        )
        self._task = self._progress.add_task(text)

    def __enter__(self) -> Callable[[str], None]:
        self._progress.start()
        return lambda text: self._progress.update(self._task, description=text)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
