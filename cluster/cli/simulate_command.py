"""``simulate-faults``: the production fleet on a virtual clock, with faults, many times over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from adapters.errors import ConfigError
from cluster.cli.options import AsJson
from cluster.cli.output import console, errors, print_json
from cluster.exit_codes import ExitCode
from cluster.simulation.report import Failure, Report, report
from cluster.simulation.run import run_seeds
from cluster.simulation.shrink import shrink
from cluster.simulation.world import HORIZON_S, Result

SHRUNK_MAX = 3  # failures that are made smaller; the others are told as they came
Seeds = Annotated[str, typer.Option("--seeds", help="First seed and the one after the last.", metavar="A:B")]
Jobs = Annotated[int, typer.Option("--jobs", help="Processes to run in; 0 takes one for each core.", min=0)]
Only = Annotated[
    str, typer.Option("--only", help="Numbers of the faults that shall happen; 0 for none.", metavar="3,7")
]
Horizon = Annotated[
    float, typer.Option("--horizon", help="Virtual seconds until everything heals.", min=1.0, max=HORIZON_S)
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="simulate-faults")(simulate_faults)


def simulate_faults(
    seeds: Seeds = "0:100",
    jobs: Jobs = 0,
    only: Only = "",
    horizon: Horizon = HORIZON_S,
    as_json: AsJson = False,
) -> None:
    """Run the fleet with injected faults: crashes, freezes, partitions, lost messages, bad clocks and disks.

    Every promise is checked at the venue's own ledger. The same seed gives the same run. Exit code 7: a promise broke.
    """
    chosen = _seeds(seeds)
    numbers = _numbers(only)
    with _progress(len(chosen)) as tell:
        results = run_seeds(
            chosen, jobs=jobs or os.cpu_count() or 1, only=numbers, horizon_s=horizon, on_result=tell
        )
    failed = [result for result in results if result.violation is not None]
    found = report(results, [shrink(result, horizon_s=horizon) for result in failed[:SHRUNK_MAX]])
    if as_json:
        print_json(found)
    else:
        console.print(_table(found))
        for failure in found.violations:
            _tell(failure)
    if failed:
        raise typer.Exit(ExitCode.VIOLATED)


def _seeds(text: str) -> range:
    first, colon, end = text.partition(":")
    try:
        chosen = range(int(first), int(end) if colon else int(first) + 1)
    except ValueError as error:
        raise ConfigError(f"--seeds {text!r}: must be two numbers, as in 0:100") from error
    if not chosen:
        raise ConfigError(f"--seeds {text!r}: names no seed; the second number is the one after the last")
    return chosen


def _numbers(text: str) -> frozenset[int] | None:
    if not text:
        return None
    try:
        return frozenset(int(number) for number in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--only {text!r}: must be numbers with commas between them, as in 3,7") from error


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Result], None]]:
    """A bar on a terminal, silence elsewhere."""
    columns = (
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[broken]}"),
    )
    broken = 0
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=total, broken="")

        def tell(result: Result) -> None:
            nonlocal broken
            broken += result.violation is not None
            bar.update(task, advance=1, broken=f"{broken} broken" if broken else "")

        yield tell


def _table(found: Report) -> Table:
    table = Table(title="simulated faults", show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, text in (
        ("seeds", found.seeds),
        ("schedules", f"{found.schedules:,}"),
        ("violations", f"{len(found.violations):,}"),
        ("simulated hours", f"{found.simulated_hours:,.2f}"),
        ("orders accepted", f"{found.accepts:,}"),
        ("digest", found.digest),
    ):
        table.add_row(name, text)
    table.add_section()
    for kind, count in found.faults.items():
        table.add_row(kind, f"{count:,}")
    return table


def _tell(failure: Failure) -> None:
    console.print(f"\nseed {failure.seed}: {failure.invariant} at {failure.at_s} s", style="bold red")
    console.print(failure.detail, markup=False, highlight=False)
    for line in (*failure.trace, "with these faults:", *failure.faults, "again with:", failure.replay):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
