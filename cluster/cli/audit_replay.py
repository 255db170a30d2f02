"""``replay --from-audit``: recorded cycles run again, one after the other, and compared."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typer
from rich.table import Table

from actors.rerun import Difference, rerun
from adapters.errors import ConfigError
from cluster.audit_files import exported
from cluster.cli.output import console, print_json
from cluster.exit_codes import ExitCode
from config.user_code import importable
from strategies.registry import build

SHOWN = 20


def again(folder: Path, *, as_json: bool) -> None:
    """Run every cycle of an export. Ends with ``DIFFERS`` when one came out otherwise.

    Raises:
        ConfigError: there is no export, a strategy cannot be built, or a record keeps no view.
    """
    differences: list[Difference] = []
    cycles = 0
    with importable([Path.cwd()]):
        for spec, records in exported(folder):
            strategy = build(spec.strategy.kind, spec.strategy.fields)
            for record in records:
                try:
                    differences += rerun(spec, strategy, record)
                except ValueError as error:
                    raise ConfigError(f"{spec.name}, cycle {record.cycle}: {error}") from error
                cycles += 1
    differing = len({(one.bot, one.epoch, one.cycle) for one in differences})
    if as_json:
        print_json(
            {
                "cycles": cycles,
                "differing": differing,
                "differences": [msgspec.to_builtins(one) for one in differences],
            }
        )
    else:
        if differences:
            console.print(_table(differences))
        console.print(f"{cycles} cycles run again, {differing} came out otherwise")
    if differences:
        raise typer.Exit(ExitCode.DIFFERS)


def _table(differences: list[Difference]) -> Table:
    table = Table(title=f"the first {min(SHOWN, len(differences))} of {len(differences)} differences")
    for heading in ("bot", "epoch", "cycle", "field", "recorded", "again"):
        table.add_column(heading)
    for one in differences[:SHOWN]:
        table.add_row(one.bot, str(one.epoch), str(one.cycle), one.field, str(one.recorded), str(one.again))
    return table
