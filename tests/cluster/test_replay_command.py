"""``flotilla replay``, as an operator or a script runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.app import run
from cluster.exit_codes import ExitCode

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "config/examples/replay.yaml"
BARS = ROOT / "config/examples/replay_btc_1m.csv"
TWO_MARKETS = """
fleet: two
market: {source: synthetic, symbols: [BTC, ETH]}
wallets: {alpha: {venue: paper}}
bots:
  - {name: one, wallet: alpha, strategy: {kind: momentum, symbol: BTC}}
  - {name: two, wallet: alpha, strategy: {kind: momentum, symbol: ETH}}
"""
OWN_STRATEGY = """
fleet: own
wallets: {alpha: {venue: paper}}
bots: [{name: one, wallet: alpha, strategy: {kind: "mine:Mine", symbol: BTC}}]
"""
OWN_MODULE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Mine:
    symbol: str

    def decide(self, view):
        return 1 / 0
"""


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What the command prints with ``--json``."""
    assert run(["replay", *arguments, "--json"]) == ExitCode.OK
    shown = capsys.readouterr()
    assert shown.err == ""
    found: dict[str, Any] = json.loads(shown.out)
    return found


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = ExitCode.BAD_INPUT) -> str:
    """The one line that it ends with."""
    assert run(["replay", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    return shown.err


def test_the_example_replays_its_own_market(capsys: pytest.CaptureFixture[str]) -> None:
    result = printed(capsys, str(EXAMPLE))
    assert result["bars"] == result["events"] == 480
    assert result["fills"] > 0
    assert set(result) >= {
        "decisions", "orders", "refusals", "fees_usd", "equity_usd", "sharpe", "drawdown_pct", "pnl_usd", "trades",
        "digest", "seconds", "bars_per_s",
    }  # fmt: skip
    assert len(result["digest"]) == 64


def test_a_file_given_by_hand_stands_in_for_the_fleets_market(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = BARS.read_text().splitlines()[:101]
    (tmp_path / "other.csv").write_text("\n".join(lines))
    assert printed(capsys, str(EXAMPLE), "--data", str(tmp_path / "other.csv"))["bars"] == 100


def test_people_get_a_table_and_no_progress_bar_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["replay", str(EXAMPLE)]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "drawdown" in shown.out
    assert shown.err == ""


def test_of_two_markets_the_file_must_be_said_to_be_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fleet = tmp_path / "two.yaml"
    fleet.write_text(TWO_MARKETS)
    assert "BTC, ETH; say which with --symbol" in refusal(capsys, str(fleet), "--data", str(BARS))
    assert "not recorded" in refusal(capsys, str(fleet))
    assert "give both" in refusal(capsys, str(EXAMPLE), "--symbol", "BTC")
    assert "no bot" in refusal(capsys, str(fleet), "--data", str(BARS), "--symbol", "SOL")
    result = printed(capsys, str(fleet), "--data", str(BARS), "--symbol", "BTC")
    assert [bot["bot"] for bot in result["bots"]] == ["one"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\x00\x01\x02\x03", "row|unknown|empty|column|UTF-8"),
        (b"timestamp,open,high,low,close\n1,2,3,4,5\n", "no column volume"),
        (b"timestamp,open,high,low,close,volume\n2026-01-05,1,2,3,4,5\n2026-01-06,1,2,1,2,5\n", "row 2: high 2"),
        (b"1723161256275110000 {\"stream\": \"btcusdt@unknown\", \"data\": {}}\n", "no depth, quote or trade"),
    ],
)  # fmt: skip
def test_a_bad_recording_is_bad_input_and_named(
    content: bytes | None, told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "bad.csv"
    if content is not None:
        data.write_bytes(content)
    error = refusal(capsys, str(EXAMPLE), "--data", str(data))
    assert "bad.csv" in error
    assert any(text in error for text in told.split("|"))


def test_ones_own_strategy_is_found_and_its_error_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "fleet.yaml").write_text(OWN_STRATEGY)
    (tmp_path / "mine.py").write_text(OWN_MODULE)
    error = refusal(capsys, str(tmp_path / "fleet.yaml"), "--data", str(BARS), code=ExitCode.FAILED)
    assert "bot one, cycle 1 at 2026-01-05 00:01:00" in error
    assert "ZeroDivisionError" in error


def test_two_processes_with_other_hash_seeds_come_to_the_same_digest(tmp_path: Path) -> None:
    digests = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "cluster", "replay", str(EXAMPLE), "--json"],
            env=os.environ | {"PYTHONHASHSEED": seed, "FLOTILLA_HOME": str(tmp_path)},
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        digests.add(json.loads(done.stdout)["digest"])
    assert len(digests) == 1
