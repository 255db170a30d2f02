"""What an operator's programs rely on: what ``up`` and ``status`` print, and Ray's own commands against the fleet."""

import json
import urllib.request
from decimal import Decimal
from pathlib import Path

import pytest

from tests.ray.fleet import Fleet, all_up, named

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

BOT = {
    "name", "state", "epoch", "incarnation", "pid", "node", "heartbeat_age_s", "strategy", "wallets", "positions",
    "open_orders", "pnl_usd",
}  # fmt: skip
WALLET = {"name", "venue", "mode", "pid", "node", "equity_usd", "exposure_usd", "lease"}
ACTORS = {"supervisor", "risk_guard", "kill_switch", "recorder", "market_data", "exchange", "decision"}


def test_up_says_where_the_dashboard_is_and_repeating_it_changes_nothing(
    fleet: Fleet, fleet_file: Path
) -> None:
    before = fleet.until(all_up, "the fleet is up")
    printed = fleet.ask("up", str(fleet_file))
    assert printed["fleet"] == "sailing"
    with urllib.request.urlopen(printed["dashboard"], timeout=10) as page:
        assert page.status == 200
    after = fleet.status()
    assert [bot["pid"] for bot in before["bots"]] == [bot["pid"] for bot in after["bots"]]


def test_status_has_what_programs_rely_on(fleet: Fleet) -> None:
    fleet.until(
        lambda now: all_up(now) and all(bot["heartbeat_age_s"] < 3 for bot in now["bots"]), "hearts beat"
    )
    status = fleet.ask("status")
    assert {"fleet", "bots", "wallets", "actors", "totals", "halts"} <= status.keys()
    assert status["halts"] == []
    assert [bot["name"] for bot in status["bots"]] == sorted(
        ["quoter_btc", "quoter_eth", "quoter_sol", "holder_btc", "holder_eth", "adviser"]
    )
    for bot in status["bots"]:
        assert bot.keys() >= BOT
        assert bot["state"] == "RUNNING"
        assert bot["epoch"] >= bot["incarnation"] >= 1
        assert Path(f"/proc/{bot['pid']}").exists()
        assert bot["node"]
        assert 0 <= bot["heartbeat_age_s"] < 10
    for wallet in status["wallets"]:
        assert wallet.keys() >= WALLET
        assert (wallet["venue"], wallet["mode"]) == ("paper", "paper")
        assert 15_000 < wallet["equity_usd"] < 25_000
        assert 0 <= wallet["exposure_usd"] <= wallet["lease"]["budget_usd"]
    assert status["actors"].keys() >= ACTORS
    pids = [line["pid"] for line in [*status["bots"], *status["wallets"], *status["actors"].values()]]
    assert len(set(pids)) == len(pids)
    assert all(actor["incarnation"] >= 1 for actor in status["actors"].values())
    totals = status["totals"]
    assert totals["equity_usd"] == pytest.approx(sum(wallet["equity_usd"] for wallet in status["wallets"]))


def test_a_quoter_has_its_orders_at_the_exchange_and_a_holder_its_position_with_stop_and_target(
    fleet: Fleet,
) -> None:
    fleet.until(lambda now: named(now["bots"], "quoter_btc")["open_orders"] >= 2, "quotes rest")
    fleet.until(lambda now: named(now["bots"], "holder_btc")["open_orders"] == 2, "stop and target rest")
    held = named(fleet.status()["bots"], "holder_btc")["positions"]["BTC"]
    orders = fleet.account("holders").orders_of("holder_btc")
    assert sorted(report.order.type for report in orders) == ["stop", "take_profit"]
    assert {report.order.size for report in orders} == {Decimal(held)}
    assert fleet.account("makers").orders_of("quoter_btc")


def test_rays_own_commands_reach_the_fleet(fleet: Fleet, tmp_path: Path) -> None:
    listed = fleet.ray("list", "actors", "--format", "json", "--limit", "1000")
    assert listed.returncode == 0, listed.stderr
    names = {actor["name"] for actor in json.loads(listed.stdout) if actor["state"] == "ALIVE"}
    assert {"supervisor", "kill_switch", "wallet:makers", "bot:quoter_btc"} <= names
    status = fleet.ray("status")
    assert status.returncode == 0
    assert " node_" in status.stdout
    (tmp_path / "mine.txt").write_text("from my folder")
    done = fleet.ray("job", "submit", "--working-dir", str(tmp_path), "--", "flotilla", "status", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"fleet":"sailing"' in done.stdout
