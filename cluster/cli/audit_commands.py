"""``audit``, ``analyze``: what bots did, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from actors.analytics import PerformanceAnalysis, analyze_performance
from actors.cycle_story import story
from actors.messages import CycleRecord
from adapters.errors import ConfigError
from adapters.model import BotId
from cluster.audit_files import export
from cluster.cli.options import AsJson, Limit, home
from cluster.cli.output import console, print_json, signed, usd
from cluster.cli.story_text import story_text
from cluster.driver import Fleet, Unknown, connected
from cluster.plots import PLOTS, plot

EXPORT_MAX = 10_000  # cycles of one bot, the newest
BotName = Annotated[str, typer.Argument(help="The bot's name.", metavar="BOT")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (audit, analyze):
        app.command()(command)


def audit(
    bot: BotName,
    cycle: Annotated[int | None, typer.Option(help="One cycle, whole.", min=0)] = None,
    limit: Limit = 20,
    export_to: Annotated[
        Path | None,
        typer.Option(
            "--export", help="Write the cycles there, for replay --from-audit; BOT may be ALL.", metavar="DIR"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A bot's cycles: what it saw, asked, decided, was refused and did."""
    with connected(home()) as running:
        if export_to is not None:
            _export(running, bot, export_to, as_json=as_json)
            return
        _check(running, bot)
        records = running.cycles(BotId(bot), cycle=cycle, limit=limit)
    if cycle is not None and not records:
        raise Unknown(f"{bot} has no record of cycle {cycle}: cycles in which nothing was wanted leave none")
    stories = [story(record) for record in reversed(records)]
    if as_json:
        print_json(stories)
    elif cycle is not None:
        for told in stories:
            console.print(story_text(told))
    else:
        console.print(_cycles(bot, list(reversed(records))))


def analyze(
    bot: BotName,
    last: Annotated[
        int, typer.Option("--last", help="How many round trips and recorded cycles are looked at.", min=1)
    ] = 200,
    plot_to: Annotated[
        Path | None, typer.Option("--plot", help="Draw it: FILE.png or FILE.html.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a bot has come to lately: win rate, PnL, Sharpe ratio, how often it trades and is refused."""
    if plot_to is not None and plot_to.suffix not in PLOTS:
        raise ConfigError(f"--plot {plot_to}: write a file that ends in {' or '.join(PLOTS)}")
    with connected(home()) as running:
        _check(running, bot)
        trips = running.trips(BotId(bot))[-last:]
        records = running.cycles(BotId(bot), limit=last)
    found = analyze_performance(BotId(bot), trips, records, last)
    if plot_to is not None:
        plot(plot_to, found, trips)
    if as_json:
        print_json(found)
        return
    console.print(_analysis(found))
    if plot_to is not None:
        console.print(f"drawn to {plot_to}", soft_wrap=True)


def _check(running: Fleet, bot: str) -> None:
    if bot not in {known.name for known in running.spec().bots}:
        raise Unknown(f"no bot named {bot}")


def _export(running: Fleet, bot: str, folder: Path, *, as_json: bool) -> None:
    chosen = [spec for spec in running.spec().bots if bot in ("ALL", spec.name)]
    if not chosen:
        raise Unknown(f"no bot named {bot}")
    counts = {}
    for spec in chosen:
        records = running.cycles(spec.name, limit=EXPORT_MAX)
        export(folder, spec, records)
        counts[spec.name] = len(records)
    if as_json:
        print_json({"folder": str(folder), "cycles": counts})
        return
    for name, count in counts.items():
        console.print(f"{name}: {count} cycles in {folder / name}", soft_wrap=True)


def _analysis(found: PerformanceAnalysis) -> Table:
    table = Table(title=f"performance of {found.bot}", show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    ratio = _number(found.sharpe)
    if found.sharpe is not None:
        ratio += f" ({_number(found.sharpe_low)} to {_number(found.sharpe_high)}, 95 %)"
    for name, text in (
        ("round trips", str(found.trades)),
        ("win rate", _percent(found.win_rate)),
        ("PnL $", signed(found.pnl_usd)),
        ("Sharpe, a trade", ratio),
        ("round trips an hour", _number(found.trades_per_hour)),
        ("recorded cycles", f"{found.cycles} ({found.failed_cycles} failed)"),
        ("opens an hour", _number(found.opens_per_hour)),
        ("wishes", str(found.wishes)),
        ("rejected", _percent(found.rejection_rate)),
        ("by class", _counts(found.rejections)),
        ("advised only", _counts(found.advised)),
        ("decision to order ms", f"p50 {_number(found.order_ms_p50)}  p95 {_number(found.order_ms_p95)}"),
        ("language models $", usd(found.advice_usd)),
    ):
        table.add_row(name, text)
    return table


def _cycles(bot: str, records: Sequence[CycleRecord]) -> Table:
    table = Table(title=f"cycles of {bot}")
    for heading in ("epoch", "cycle", "time", "decisions", "actions", "refused by", "trouble"):
        table.add_column(heading)
    for record in records:
        table.add_row(
            str(record.epoch),
            str(record.cycle),
            f"{record.timestamp:%H:%M:%S.%f}"[:-3],
            ", ".join(str(decision.get("action", "quotes")) for decision in record.decisions),
            ", ".join(
                f"{action.action} {action.qty} {action.symbol}: {action.result}" for action in record.actions
            ),
            ", ".join(dict.fromkeys(refusal.rule for refusal in record.refusals)),
            record.error_message,
        )
    return table


def _counts(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f} %"
