"""``replay``: a fleet file's bots over a recorded market, or recorded cycles run again; without a cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors.replay import replay as run
from actors.replay_result import ReplayResult
from adapters.errors import ConfigError
from adapters.market.source import open_source
from adapters.model import Symbol
from adapters.venue import MarketSource
from cluster.cli.audit_replay import again
from cluster.cli.options import AsJson
from cluster.cli.output import console, errors, print_json, usd
from config.reading import read_fleet
from config.spec import FleetSpec
from config.user_code import importable

PROBLEMS_SHOWN = 5
DataFile = Annotated[
    Path | None,
    typer.Option(
        "--data", help="A recording of one market, instead of the fleet file's own.", metavar="FILE"
    ),
]
DataSymbol = Annotated[
    str,
    typer.Option("--symbol", help="What FILE is a recording of; bots that trade anything else are left out."),
]

RecordedFleet = Annotated[Path | None, typer.Argument(help="The fleet file (YAML).", metavar="FLEET")]
AuditFolder = Annotated[
    Path | None,
    typer.Option("--from-audit", help="Run the cycles of audit --export DIR again.", metavar="DIR"),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    fleet: RecordedFleet = None,
    data: DataFile = None,
    symbol: DataSymbol = "",
    from_audit: AuditFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run the bots over recorded prices as fast as possible: the same code as in a fleet, on a virtual clock.

    With --from-audit, run recorded cycles again, and say at which cycle and field anything differs.
    """
    if (fleet is None) == (from_audit is None) or (from_audit is not None and (data or symbol)):
        raise ConfigError("give a fleet file, or --from-audit DIR alone")
    if from_audit is not None:
        again(from_audit, as_json=as_json)
        return
    assert fleet is not None, "one of the two is given"
    logging.getLogger("actors").addHandler(logging.NullHandler())  # what wallets warn of is in the result
    loaded = read_fleet(fleet, environ=os.environ, search_path=[Path.cwd()])
    with importable([loaded.package_folder] if loaded.package_folder else []):
        spec, source = _opened(loaded.spec, data, Symbol(symbol))
        with _progress(source) as tell:
            result = run(spec, source, on_progress=tell)
    if as_json:
        print_json(result)
        return
    console.print(_table(result))


def _opened(spec: FleetSpec, data: Path | None, symbol: Symbol) -> tuple[FleetSpec, MarketSource]:
    """The bots that are to run, and the market for them."""
    if data is None:
        if symbol:
            raise ConfigError("--symbol says what the file of --data is a recording of; give both")
        if not spec.market.files:
            raise ConfigError(
                f"fleet {spec.fleet}: its market is not recorded; name a recording with --data FILE"
            )
        return spec, open_source({name: Path(file) for name, file in spec.market.files.items()})
    traded = {name for bot in spec.bots for name in bot.symbols}
    if not symbol:
        if len(traded) != 1:
            names = ", ".join(sorted(traded)) or "none"
            raise ConfigError(f"{data} is of one market, the bots trade {names}; say which with --symbol")
        (symbol,) = traded
    bots = tuple(bot for bot in spec.bots if set(bot.symbols) <= {symbol})
    if not bots:
        raise ConfigError(
            f"no bot of fleet {spec.fleet} trades {symbol} alone; there are: {', '.join(sorted(traded))}"
        )
    return replace(spec, bots=bots), open_source({symbol: data})


@contextmanager
def _progress(source: MarketSource) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, silence elsewhere."""
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=len(source) if isinstance(source, Sized) else None)
        yield lambda events: bar.update(task, completed=events)


def _table(result: ReplayResult) -> Table:
    table = Table(title=f"replay of {result.fleet}", show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    refused = ", ".join(f"{rule} {count}" for rule, count in result.refusals.items())
    speed = f" ({result.bars_per_s:,.0f} bars/s)" if result.bars_per_s else ""
    for name, text in (
        ("from", f"{result.began_at:%Y-%m-%d %H:%M:%S}" if result.began_at else "-"),
        ("to", f"{result.ended_at:%Y-%m-%d %H:%M:%S}" if result.ended_at else "-"),
        ("bars", f"{result.bars:,}"),
        ("decisions", f"{result.decisions:,}"),
        ("orders", f"{result.orders:,} ({result.rejected:,} rejected by the venue)"),
        ("fills", f"{result.fills:,}"),
        ("round trips", f"{result.trades:,}"),
        ("refused by rule", refused or "none"),
        ("halts", ", ".join(f"{halt.scope}: {halt.reason}" for halt in result.halts) or "none"),
        ("problems", "\n".join(result.problems[-PROBLEMS_SHOWN:]) or "none"),
        ("fees $", usd(result.fees_usd)),
        ("PnL $", f"{result.pnl_usd:+,.2f}"),
        ("equity $", usd(result.equity_usd)),
        ("Sharpe, a year", _number(result.sharpe)),
        ("drawdown %", _number(result.drawdown_pct)),
        ("took", f"{result.seconds:.1f} s{speed}"),
        ("digest", result.digest[:16]),
    ):
        table.add_row(name, text)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
