"""The drill, through the command line: halted, verified, measured, lifted, and trading again."""

import pytest

from tests.ray.fleet import Fleet, Status, all_up
from tests.ray.truth import WALLETS

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]
STEPS = ("gate_s", "empty_s", "flat_s", "verified_s")


def _is_trading(status: Status) -> bool:
    return all_up(status) and all(
        bot["open_orders"] for bot in status["bots"] if bot["name"].startswith(("quoter", "holder"))
    )


def test_a_drill_measures_every_step_and_leaves_the_fleet_as_it_was(fleet: Fleet) -> None:
    before = fleet.until(_is_trading, "positions are open and orders rest")

    drill = fleet.ask("drill", "--yes")
    assert (drill["scope"], drill["level"]) == ("fleet", "flatten")
    halt, lift = drill["halt"], drill["lift"]
    assert sorted(halt["wallets"]) == sorted(WALLETS)
    for times in halt["wallets"].values():
        gate, empty, flat, verified = (times[step] for step in STEPS)
        assert halt["latched_s"] <= gate <= empty <= verified
        assert gate <= flat <= verified
    assert halt["overall"]["gate_s"] < 2.0
    assert halt["overall"] == {step: max(times[step] for times in halt["wallets"].values()) for step in STEPS}
    assert lift["generation"] > halt["generation"]
    assert lift["lifted_s"] <= lift["gates_s"] <= lift["trading_s"]
    after = fleet.until(_is_trading, "it trades again")
    assert not after["halts"]
    assert [bot["pid"] for bot in after["bots"]] == [bot["pid"] for bot in before["bots"]]

    told = fleet.run("drill", "--yes", "--scope", "bot:quoter_btc", "--level", "reduce_only")
    assert told.returncode == 0, told.stderr
    assert "slowest" in told.stdout
    assert "trading again after" in told.stdout


def test_a_drill_is_refused_where_it_must_not_be(fleet: Fleet) -> None:
    assert fleet.run("drill", "--yes", "--scope", "bot:nobody").returncode == 4
    assert fleet.run("drill", stdin="n\n").returncode == 5
    fleet.ask("halt", "bot:adviser", "--level", "pause_entries")
    try:
        refused = fleet.run("drill", "--yes")
        assert refused.returncode == 5
        assert "bot:adviser" in refused.stderr
        assert [latch["scope"] for latch in fleet.status()["halts"]] == ["bot:adviser"]
    finally:
        fleet.ask("resume", "bot:adviser", "--yes")
    fleet.until(_is_trading, "it trades on")
