"""``halt`` and ``resume``."""

from __future__ import annotations

import getpass
from contextlib import suppress
from typing import Annotated

import typer

from adapters.errors import Conflict, LinkError
from cluster.cli.options import AsJson, WaitSeconds, home
from cluster.cli.output import console, print_json
from cluster.driver import Incomplete, Unknown, connected
from config.spec import FleetSpec, HaltLevel

FLEET = "fleet"
SPEC_MAX_S = 3.0
Scope = Annotated[str, typer.Argument(help="fleet, wallet:NAME or bot:NAME.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(halt)
    app.command()(resume)


def halt(
    scope: Scope = FLEET,
    level: Annotated[
        HaltLevel, typer.Option(help="Each level includes the ones before it.")
    ] = HaltLevel.FLATTEN,
    reason: Annotated[str, typer.Option(help="Kept with the latch.")] = "operator",
    wait: Annotated[bool, typer.Option(help="Return only when the venue shows that it holds.")] = True,
    wait_s: WaitSeconds = 30.0,
    as_json: AsJson = False,
) -> None:
    """Latch a halt, push it to every wallet, and verify it at the venue. It survives every restart."""
    with connected(home()) as running:
        if scope != FLEET:  # halting all of it must work whoever else is away
            with suppress(LinkError):
                check_scope(running.spec(timeout_s=SPEC_MAX_S), scope)
        generation = running.halt(scope, level, f"{reason} ({getpass.getuser()})")
        progress = running.wait_until_halted(wait_s=wait_s) if wait else running.halt_progress()
    if wait and scope not in {latch.scope for latch in progress.latches}:
        raise Incomplete(f"{scope}: the halt was latched, and lifted by somebody before it was verified")
    if as_json:
        print_json({"generation": generation, "complete": progress.complete, "wallets": progress.wallets})
        return
    console.print(
        f"{scope}: {level} is latched" + (", and holds at every venue" if progress.complete else "")
    )


def resume(
    scope: Scope = FLEET,
    reason: Annotated[str, typer.Option(help="Kept in the log.")] = "operator",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a halt off. Nothing but this command ever does."""
    with connected(home()) as running:
        latched = {latch.scope for latch in running.halt_progress().latches}
        if scope not in latched:
            raise Unknown(f"no halt on {scope}; in force: {', '.join(sorted(latched)) or 'none'}")
        if not yes and not typer.confirm(f"Let {scope} trade again?"):
            raise Conflict("the halt stays")
        generation = running.lift(scope, f"{reason} ({getpass.getuser()})").generation
    if as_json:
        print_json({"generation": generation, "scope": scope, "lifted": True})
        return
    console.print(f"{scope}: the halt is lifted")


def check_scope(fleet: FleetSpec, scope: str) -> None:
    """Raise ``Unknown`` for a scope that the fleet does not have."""
    scopes = [FLEET, *(f"wallet:{w.name}" for w in fleet.wallets), *(f"bot:{b.name}" for b in fleet.bots)]
    if scope not in scopes:
        raise Unknown(f"no scope {scope!r}; there are: {', '.join(scopes)}")
