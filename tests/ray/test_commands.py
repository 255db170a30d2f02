"""Commands that a running fleet refuses: the right exit code, one screen, and nothing changed."""

from pathlib import Path

import pytest

from cluster.exit_codes import ExitCode
from tests.ray.fleet import Fleet, Status, all_up

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

BOT = "bots:\n  - {{name: {name}, wallet: {wallet}, strategy: {{kind: quoter, symbol: {symbol}}}}}\n"
OTHER = """
fleet: pirates
wallets: {alpha: {venue: paper}}
bots: [{name: one, wallet: alpha, strategy: hold}]
"""


def _what_must_not_change(status: Status) -> object:
    bots = [(bot["name"], bot["pid"], bot["wanted"]) for bot in status["bots"]]
    wallets = [(wallet["name"], wallet["pid"]) for wallet in status["wallets"]]
    return status["fleet"], bots, wallets, status["halts"]


def test_commands_that_make_no_sense_here_change_nothing(
    fleet: Fleet, fleet_file: Path, tmp_path: Path
) -> None:
    before = _what_must_not_change(fleet.until(all_up, "the fleet is up"))
    for name, bots in {
        "taken": BOT.format(name="quoter_btc", wallet="makers", symbol="XRP"),
        "unknown_wallet": BOT.format(name="fresh", wallet="nowhere", symbol="XRP"),
        "owned": BOT.format(name="fresh", wallet="makers", symbol="BTC"),
        "half": BOT.format(name="good", wallet="makers", symbol="XRP") + "  - {name: bad}\n",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(bots)
    (tmp_path / "other.yaml").write_text(OTHER)
    changed = fleet_file.with_name("changed.yaml")
    changed.write_text(fleet_file.read_text().replace("size_usd: 200", "size_usd: 150"))

    for command, code, words in (
        (f"bots add {tmp_path}/taken.yaml", ExitCode.BAD_INPUT, "quoter_btc"),
        (f"bots add {tmp_path}/unknown_wallet.yaml", ExitCode.BAD_INPUT, "nowhere"),
        (f"bots add {tmp_path}/owned.yaml", ExitCode.BAD_INPUT, "shared_symbol"),
        (f"bots add {tmp_path}/half.yaml", ExitCode.BAD_INPUT, "bots[1]"),
        ("bots stop NOBODY", ExitCode.NOT_FOUND, "NOBODY"),
        ("bots remove quoter_btc NOBODY", ExitCode.NOT_FOUND, "NOBODY"),
        ("audit NOBODY", ExitCode.NOT_FOUND, "NOBODY"),
        ("logs NOBODY", ExitCode.NOT_FOUND, "NOBODY"),
        ("halt nonsense-scope", ExitCode.NOT_FOUND, "nonsense-scope"),
        ("halt bot:NOBODY", ExitCode.NOT_FOUND, "bot:NOBODY"),
        ("resume fleet --yes", ExitCode.NOT_FOUND, "fleet"),
        (f"up {tmp_path}/other.yaml", ExitCode.REFUSED, "sailing"),
        (f"up {changed}", ExitCode.REFUSED, "down"),
    ):
        done = fleet.run(*command.split())
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stderr}"
        assert words in done.stderr, command
        assert len(done.stderr.splitlines()) <= 25, command
        assert "Traceback" not in done.stderr, command
    declined = fleet.run("down", stdin="n\n")
    assert declined.returncode == ExitCode.REFUSED
    assert _what_must_not_change(fleet.status()) == before
