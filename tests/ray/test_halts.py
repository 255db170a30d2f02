"""The halt, by the exchange's word: flat, verified, and there until an operator takes it off."""

import time
from pathlib import Path

import pytest

from tests.ray.fleet import Fleet, Status, all_up, kill
from tests.ray.truth import WALLETS

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]


def _is_trading(status: Status) -> bool:
    return all_up(status) and all(
        bot["open_orders"] for bot in status["bots"] if bot["name"].startswith(("quoter", "holder"))
    )


def _is_halted(status: Status) -> bool:
    return all(bot["state"] == "HALTED" for bot in status["bots"]) and bool(status["halts"])


def _check_flat(fleet: Fleet, *, for_s: float = 0) -> None:
    """Flat and without orders at the exchange, and still so after a while."""
    until = time.monotonic() + for_s
    while True:
        for wallet in WALLETS:
            account = fleet.account(wallet)
            assert not account.positions
            assert not account.orders
        if time.monotonic() >= until:
            return
        time.sleep(0.2)


def test_a_flatten_holds_through_deaths_and_a_new_start_until_it_is_lifted(
    fleet: Fleet, fleet_file: Path
) -> None:
    fleet.until(_is_trading, "positions are open and orders rest")

    printed = fleet.ask("halt", "fleet", "--level", "flatten", "--reason", "a test")
    _check_flat(fleet)
    assert printed["complete"] is True
    assert sorted(wallet["wallet"] for wallet in printed["wallets"]) == sorted(WALLETS)
    for wallet in printed["wallets"]:
        assert wallet["complete"] is True
        assert (wallet["orders"], wallet["positions"], wallet["unknown"]) == (0, 0, 0)
    halted = fleet.until(_is_halted, "every bot is HALTED", within_s=5)
    assert [(latch["scope"], latch["level"]) for latch in halted["halts"]] == [("fleet", "flatten")]
    _check_flat(fleet, for_s=3)

    kill(halted["actors"]["kill_switch"]["pid"])
    kill(halted["actors"]["supervisor"]["pid"])
    back = fleet.until(
        lambda now: _is_halted(now) and {"kill_switch", "supervisor"} <= now["actors"].keys(), "halted still"
    )
    assert [bot["pid"] for bot in back["bots"]] == [bot["pid"] for bot in halted["bots"]]
    _check_flat(fleet, for_s=2)

    fleet.disconnect()
    fleet.ask("down", "--yes")
    assert fleet.run("status").returncode == 3
    up = fleet.ask("up", str(fleet_file))
    assert [latch["scope"] for latch in up["halts"]] == ["fleet"]
    again = fleet.until(_is_halted, "halted after a new start")
    assert [latch["reason"] for latch in again["halts"]] == [latch["reason"] for latch in halted["halts"]]
    _check_flat(fleet, for_s=3)

    unasked = fleet.run("resume")
    assert unasked.returncode != 0
    assert fleet.status()["halts"]
    assert fleet.ask("resume", "--yes")["lifted"] is True
    fleet.until(_is_trading, "it trades again")
    assert fleet.run("resume", "--yes").returncode == 4
