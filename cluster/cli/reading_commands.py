"""``check``, ``logs``, ``doctor``: commands that only look."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cluster.cli.options import AsJson, FleetPath, Limit, home
from cluster.cli.output import console, print_json
from cluster.doctor import examine
from cluster.driver import Unknown, connected
from cluster.exit_codes import ExitCode
from cluster.json_logs import log_file
from config.reading import read_fleet
from config.settings import render


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (check, logs, doctor):
        app.command()(command)


def check(fleet: FleetPath, as_json: AsJson = False) -> None:
    """Validate a fleet file and print every setting in force, secrets masked."""
    loaded = read_fleet(fleet, environ=os.environ, search_path=[Path.cwd()])
    if as_json:
        print_json(loaded.settings)
        return
    typer.echo(render(loaded.settings), nl=False)


def logs(
    name: Annotated[
        str, typer.Argument(help="A bot, wallet:NAME or an actor; nothing for the fleet's life.")
    ] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """What happened: the fleet's life from the store, or one actor's own log lines from this machine."""
    where = home()
    for candidate in (name, f"bot:{name}"):
        path = log_file(where.logs, candidate)
        if name and path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()[-limit:]
            for line in lines:
                typer.echo(line if as_json else _plain(json.loads(line)))
            return
    with connected(where) as running:
        events = running.events(bot=name or None, limit=limit)
        if name and not events:
            raise Unknown(f"nothing is logged under {name!r}")
    for event in reversed(events):
        if as_json:
            print_json(event)
        else:
            who = event.bot or event.wallet or "fleet"
            typer.echo(
                f"{event.at:%Y-%m-%d %H:%M:%S} {event.severity:<8} {event.event:<13} {who}: {event.text}"
            )


def doctor(as_json: AsJson = False) -> None:
    """Is this machine fit to run a fleet?"""
    findings = examine(home())
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            mark = "[green]ok[/]  " if finding.ok else "[red]BAD[/] "
            console.print(f"{mark} {finding.subject}: {finding.text}", highlight=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def _plain(line: Mapping[str, Any]) -> str:
    error = f"\n{line['error']}" if "error" in line else ""
    return f"{line['at']} {line['level']:<8} {line['text']}{error}"
