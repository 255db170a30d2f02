"""What commands print: tables for people, JSON for programs, and one line for what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from actors.lifecycle import BotState
from actors.status import FleetStatus
from strategies.strategy import GateState

console = Console()
errors = Console(stderr=True)
WIDE = 110  # columns from which every column of a table fits
_JSON = msgspec.json.Encoder(order="deterministic", decimal_format="number")
_STATE_STYLES = {
    BotState.RUNNING: "green",
    BotState.HALTED: "yellow",
    BotState.STARTING: "cyan",
    BotState.STOPPING: "cyan",
    BotState.BACKOFF: "magenta",
    BotState.ERROR: "bold red",
    BotState.IDLE: "dim",
}


def print_json(value: Any) -> None:
    """One JSON document; decimals as numbers, keys in a stable order."""
    sys.stdout.write(_JSON.encode(value).decode() + "\n")


def usd(amount: Decimal | None) -> str:
    """Money for people."""
    return "?" if amount is None else f"{amount:,.2f}"


def signed(amount: Decimal) -> Text:
    """Money that may be lost, in colour."""
    return Text(f"{amount:+,.2f}", style="green" if amount > 0 else "red" if amount < 0 else "dim")


def age(seconds: float | None) -> Text:
    """A heartbeat's age; old ones stand out."""
    if seconds is None:
        return Text("-", style="dim")
    return Text(f"{seconds:.1f}s", style="red" if seconds > 5 else "")


def fleet_tables(status: FleetStatus) -> Iterable[Table]:
    """The fleet as two tables, bots and wallets; a narrow terminal gets the columns that matter most."""
    wide = console.width >= WIDE
    bots = Table(title=f"fleet {status.fleet}")
    bots.add_column("bot", no_wrap=True)
    if wide:
        bots.add_column("strategy", no_wrap=True)
        bots.add_column("wallet", no_wrap=True)
    bots.add_column("state", no_wrap=True)
    budgeted = any(bot.budget_usd is not None for bot in status.bots)
    budget = ("budget $",) if budgeted else ()
    for heading in ("position", *budget, "orders", "trades", "PnL $", "heartbeat"):
        bots.add_column(heading, justify="right", no_wrap=True)
    if wide:
        bots.add_column("note", overflow="ellipsis", max_width=40, no_wrap=True)
    for bot in status.bots:
        held = ", ".join(f"{size.normalize():f} {symbol}" for symbol, size in bot.positions.items())
        about = [bot.strategy, ", ".join(bot.wallets)] if wide else []
        used = f"{usd(bot.exposure_usd)} of " if wide else ""
        bots.add_row(
            bot.name,
            *about,
            Text(bot.state, style=_STATE_STYLES[BotState(bot.state)]),
            held or "flat",
            *([used + usd(bot.budget_usd)] if budgeted else []),
            str(bot.open_orders),
            str(bot.trades),
            signed(bot.pnl_usd),
            age(bot.heartbeat_age_s),
            *([bot.note] if wide else []),
        )
    wallets = Table()
    for heading in ("wallet", "venue", "mode", "state") if wide else ("wallet", "state"):
        wallets.add_column(heading, no_wrap=True)
    for heading in ("equity $", "exposure $", "lease $", "lease left"):
        wallets.add_column(heading, justify="right", no_wrap=True)
    for wallet in status.wallets:
        wallets.add_row(
            wallet.name,
            *([wallet.venue, wallet.mode] if wide else []),
            wallet.state,
            usd(wallet.equity_usd),
            usd(wallet.exposure_usd),
            usd(wallet.lease.budget_usd) if wallet.lease else "none",
            f"{wallet.lease.left_s:.1f}s" if wallet.lease else "-",
        )
    return bots, wallets


def halt_lines(status: FleetStatus) -> Iterable[Text]:
    """The halts in force, if any."""
    for latch in status.halts:
        yield Text(f"HALT {latch.scope}: {latch.level} ({latch.reason})", style="bold red")


def gate_lines(status: FleetStatus) -> Iterable[Text]:
    """Bots whose performance gate is not open."""
    for bot in status.bots:
        gate = bot.gate
        if gate.state is not GateState.OPEN:
            until = f"{gate.until:%H:%M:%S}" if gate.until else "?"
            effect = "" if gate.is_enforced else ", advice only"
            ratio = "?" if gate.sharpe is None else f"{gate.sharpe:.2f}"
            yield Text(
                f"GATE {bot.name}: {gate.state} until {until} (Sharpe {ratio}{effect})", style="yellow"
            )


def total_line(status: FleetStatus) -> str:
    """The fleet in one line."""
    totals = status.totals
    return (
        f"{totals.running} of {totals.bots} bots running · equity {usd(totals.equity_usd)} USD"
        f" · exposure {usd(totals.exposure_usd)} USD · PnL {totals.pnl_usd:+,.2f} USD"
    )
