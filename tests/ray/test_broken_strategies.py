"""Strategies that raise or hang, added to a fleet of healthy ones: they fall alone."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.ray.fleet import Fleet, Status, named

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

BROKEN = """
bots:
  - name: raiser
    wallet: holders
    strategy: {kind: "steady:Raiser", symbol: ADA}
    decision_interval: 100ms
    restart: {backoff: 500ms, backoff_max: 30s, crashes_max: 2, window: 5m}
  - name: spinner
    wallet: holders
    strategy: {kind: "steady:Spinner", symbol: XRP}
    decision_interval: 100ms
    heartbeat_timeout: 3s
    restart: {crashes_max: 100}
  - name: sleeper
    wallet: makers
    strategy: {kind: "steady:Sleeper", symbol: XRP}
    decision_interval: 100ms
    heartbeat_timeout: 3s
    restart: {crashes_max: 100}
"""
NAMES = ("raiser", "spinner", "sleeper")


def _healthy(status: Status) -> dict[str, tuple[int, int]]:
    return {
        bot["name"]: (bot["pid"], bot["incarnation"]) for bot in status["bots"] if bot["name"] not in NAMES
    }


def test_broken_strategies_fall_alone(fleet: Fleet, user_folder: Path) -> None:
    before = fleet.until(lambda now: all(bot["state"] == "RUNNING" for bot in now["bots"]), "all run")
    (user_folder / "bots.yaml").write_text(BROKEN)
    fleet.run("bots", "add", str(user_folder / "bots.yaml"), "--wait-s", "15")
    try:
        fleet.until(
            lambda now: (
                named(now["bots"], "raiser")["state"] == "ERROR"
                and all(named(now["bots"], name)["incarnation"] >= 3 for name in ("spinner", "sleeper"))
            ),
            "the one that raises is given up, the ones that hang are replaced",
            within_s=60,
        )
        story = [e for e in _events(fleet, "raiser") if e["event"] in ("starting", "crash", "error")]
        assert [event["event"] for event in story] == ["starting", "crash"] * 3 + ["error"]
        assert [event["severity"] for event in story].count("critical") == 1
        assert "the strategy is broken" in story[-1]["text"]
        times = [datetime.fromisoformat(event["at"]) for event in story]
        assert times[2] - times[1] >= timedelta(seconds=0.5)
        assert times[4] - times[3] >= timedelta(seconds=2), "the wait has grown by four"
        for name in ("spinner", "sleeper"):
            deaf = [event["text"] for event in _events(fleet, name) if event["event"] == "crash"]
            assert deaf
            assert all("no heartbeat" in text for text in deaf)
        assert _healthy(fleet.status()) == _healthy(before)
    finally:
        fleet.run("bots", "remove", *NAMES, "--json")
    after = fleet.status()
    assert _healthy(after) == _healthy(before)
    assert not {bot["name"] for bot in after["bots"]} & set(NAMES)


def _events(fleet: Fleet, bot: str) -> list[dict[str, str]]:
    """The bot's life, oldest first."""
    printed = fleet.run("logs", "--limit", "1000", "--json").stdout
    return [event for event in map(json.loads, printed.splitlines()) if event["bot"] == bot]
