"""The tables that people read."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from rich.console import Console

from actors.status import BotLineup, FleetStatus, Totals
from adapters.model import ZERO, BotId, WalletId
from cluster.cli import output
from strategies.strategy import GateState, PerformanceGate
from tests.builders import NOW


def a_bot(budget: Decimal | None) -> BotLineup:
    return BotLineup(
        name=BotId("ann"),
        state="RUNNING",
        epoch=1,
        incarnation=1,
        pid=1,
        node=None,
        heartbeat_age_s=0.1,
        strategy="hold",
        wallets=(WalletId("main"),),
        positions={},
        open_orders=0,
        pnl_usd=ZERO,
        trades=0,
        cycle=1,
        wanted=True,
        crashes=0,
        note="",
        exposure_usd=Decimal(312),
        budget_usd=budget,
    )


def shown(*bots: BotLineup, monkeypatch: pytest.MonkeyPatch, width: int = 150) -> str:
    console = Console(width=width, force_terminal=False)
    monkeypatch.setattr(output, "console", console)
    totals = Totals(bots=len(bots), running=0, equity_usd=ZERO, exposure_usd=ZERO, pnl_usd=ZERO)
    status = FleetStatus(fleet="desk", bots=bots, wallets=(), actors={}, totals=totals, halts=())
    with console.capture() as text:
        console.print(*output.fleet_tables(status))
    return text.get()


def test_a_bots_budget_stands_beside_what_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(a_bot(Decimal("4202.33")), monkeypatch=monkeypatch)
    assert "budget $" in text
    assert "312.00 of 4,202.33" in text


def test_a_narrow_terminal_shows_the_budget_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(a_bot(Decimal("4202.33")), monkeypatch=monkeypatch, width=80)
    assert " 4,202.33 " in text
    assert "312.00" not in text


def test_a_fleet_without_a_portfolio_has_no_such_column(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(a_bot(None), monkeypatch=monkeypatch)
    assert "ann" in text
    assert "budget $" not in text


def test_a_gate_that_is_not_open_has_its_line() -> None:
    totals = Totals(bots=2, running=0, equity_usd=ZERO, exposure_usd=ZERO, pnl_usd=ZERO)
    gate = PerformanceGate(state=GateState.PAUSED, sharpe=-0.81, until=NOW, is_enforced=False)
    bots = (a_bot(None), msgspec.structs.replace(a_bot(None), name=BotId("ben"), gate=gate))
    status = FleetStatus(fleet="desk", bots=bots, wallets=(), actors={}, totals=totals, halts=())
    (line,) = output.gate_lines(status)
    assert line.plain == "GATE ben: paused until 12:00:30 (Sharpe -0.81, advice only)"
