"""``flotilla bots …``: single bots of a running fleet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from actors.lifecycle import BotState
from adapters.errors import ConfigError, Conflict
from adapters.model import BotId
from cluster.cli.options import AsJson, BotNames, WaitSeconds, home
from cluster.cli.output import console, print_json
from cluster.driver import Fleet, Unknown, connected
from cluster.home import Home
from cluster.keyring import MODELS, find, keep
from cluster.packages import packaged
from config.reading import read_bots
from config.spec import ExitMode

WAIT_S = 60.0
Mode = Annotated[ExitMode | None, typer.Option(help="Instead of the exit mode that the fleet file declares.")]

app = typer.Typer(help="Add, remove, start, stop, restart and reset bots.", no_args_is_help=True)


@app.command()
def add(
    bots_file: Annotated[
        Path, typer.Argument(help="A bots file: `bots:` as in a fleet file.", metavar="BOTS")
    ],
    wait_s: WaitSeconds = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Add bots to the running fleet, all or none, and return when they run."""
    where = home()
    with connected(where) as running:
        fleet = running.spec()
        loaded = read_bots(bots_file, fleet=fleet, environ=os.environ, search_path=[Path.cwd()])
        bots, packages = packaged(loaded.bots, loaded.package_folder)
        if loaded.model_keys:
            keep(where.secrets, MODELS, {**_known(where), **loaded.model_keys})
        running.add(bots, packages)
        names = [bot.name for bot in bots]
        running.wait_until_up(names, wait_s=wait_s, tell=lambda _: None)
        _tell("added", names, running, as_json=as_json)


@app.command()
def remove(names: BotNames, mode: Mode = None, wait_s: WaitSeconds = WAIT_S, as_json: AsJson = False) -> None:
    """Stop bots by their exit mode, then forget them."""
    with connected(home()) as running:
        bots = _named(running, names)
        running.set_wanted(bots, False, mode)
        running.wait_until_down(bots, wait_s=wait_s)
        for bot in bots:
            running.remove(bot)
        _tell("removed", bots, running, as_json=as_json)


@app.command()
def start(names: BotNames, wait_s: WaitSeconds = WAIT_S, as_json: AsJson = False) -> None:
    """Start bots that were stopped."""
    with connected(home()) as running:
        bots = _named(running, names)
        broken = [
            bot.name for bot in running.status().bots if bot.name in bots and bot.state == BotState.ERROR
        ]
        if broken:
            raise Conflict(f"in ERROR, reset first: flotilla bots reset {' '.join(broken)}")
        running.set_wanted(bots, True)
        running.wait_until_up(bots, wait_s=wait_s, tell=lambda _: None)
        _tell("started", bots, running, as_json=as_json)


@app.command()
def stop(names: BotNames, mode: Mode = None, wait_s: WaitSeconds = WAIT_S, as_json: AsJson = False) -> None:
    """Stop bots by their exit mode; the answer says what stays open."""
    with connected(home()) as running:
        bots = _named(running, names)
        running.set_wanted(bots, False, mode)
        running.wait_until_down(bots, wait_s=wait_s)
        _tell("stopped", bots, running, as_json=as_json)


@app.command()
def restart(names: BotNames, wait_s: WaitSeconds = WAIT_S, as_json: AsJson = False) -> None:
    """Give bots a new process; their positions and stops stay."""
    with connected(home()) as running:
        bots = _named(running, names)
        running.set_wanted(bots, False, ExitMode.KEEP)
        running.wait_until_down(bots, wait_s=wait_s)
        running.set_wanted(bots, True)
        running.wait_until_up(bots, wait_s=wait_s, tell=lambda _: None)
        _tell("restarted", bots, running, as_json=as_json)


@app.command()
def reset(names: BotNames, wait_s: WaitSeconds = WAIT_S, as_json: AsJson = False) -> None:
    """Let bots in ERROR begin again."""
    with connected(home()) as running:
        bots = _named(running, names)
        running.reset(bots)
        running.set_wanted(bots, True)
        running.wait_until_up(bots, wait_s=wait_s, tell=lambda _: None)
        _tell("reset", bots, running, as_json=as_json)


def _known(where: Home) -> Mapping[str, str]:
    """The keys of models that are kept already."""
    try:
        return find(where.secrets, MODELS)
    except ConfigError:
        return {}


def _named(running: Fleet, names: Sequence[str]) -> list[BotId]:
    known = [bot.name for bot in running.status().bots]
    if list(names) == ["ALL"]:
        return known
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Unknown(f"no bot named {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    return [BotId(name) for name in dict.fromkeys(names)]


def _tell(done: str, names: Sequence[BotId], running: Fleet, *, as_json: bool) -> None:
    bots = [bot for bot in running.status().bots if bot.name in names]
    if as_json:
        print_json({"done": done, "bots": bots or [{"name": name} for name in names]})
        return
    for name in names:
        held = next((dict(bot.positions) for bot in bots if bot.name == name), {})
        console.print(f"{name}: {done}" + (f"; stays open: {held}" if held and done == "stopped" else ""))
