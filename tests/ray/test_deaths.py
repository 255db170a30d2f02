"""SIGKILL of each kind of process while orders rest and positions are open: soon the fleet is whole again."""

import os
import signal
import time

import pytest

from tests.ray.fleet import Fleet, Status, all_up, kill, named
from tests.ray.truth import await_agreement

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

WHOLE_WITHIN_S = 20
VICTIMS = [
    "bot:quoter_btc",
    "bot:holder_btc",
    "wallet:makers",
    "wallet:holders",
    "risk_guard",
    "kill_switch",
    "supervisor",
    "recorder",
    "market_data",
    "decision",
    "exchange",
]


def _processes(status: Status) -> dict[str, tuple[int, int]]:
    """Name to (pid, incarnation), of every process."""
    found = {name: (line["pid"], line["incarnation"]) for name, line in status["actors"].items()}
    for kind in ("bot", "wallet"):
        for line in status[f"{kind}s"]:
            found[f"{kind}:{line['name']}"] = (line["pid"], line["incarnation"])
    return found


def _is_busy(status: Status) -> bool:
    """Quotes rest, and both holders have their position with stop and target."""
    quoters = [bot for bot in status["bots"] if bot["strategy"] == "quoter"]
    holders = [bot for bot in status["bots"] if bot["name"].startswith("holder")]
    return all(bot["open_orders"] for bot in quoters) and all(bot["open_orders"] == 2 for bot in holders)


@pytest.mark.parametrize("victim", VICTIMS)
def test_the_fleet_is_whole_again_after_a_sigkill(fleet: Fleet, victim: str) -> None:
    before = _processes(fleet.until(lambda now: all_up(now) and _is_busy(now), "the fleet is busy"))
    pid, incarnation = before[victim]

    def is_whole(now: Status) -> bool:
        newcomer = _processes(now).get(victim, (None, 0))
        return newcomer[0] not in (pid, None) and all_up(now) and _is_busy(now)

    kill(pid)
    killed = time.monotonic()
    after = _processes(fleet.until(is_whole, f"whole after the death of {victim}", within_s=WHOLE_WITHIN_S))
    print(f"{victim}: whole after {time.monotonic() - killed:.1f} s")
    await_agreement(fleet)

    now = _processes(fleet.status())
    assert after.pop(victim)[1] == incarnation + 1
    assert {name: line for name, line in before.items() if name != victim} == after
    assert now[victim][1] == incarnation + 1, "it died again"


def test_a_bot_that_is_deaf_while_the_supervisor_dies_is_replaced_by_the_next_one(fleet: Fleet) -> None:
    before = fleet.until(all_up, "the fleet is up")
    pid = named(before["bots"], "adviser")["pid"]
    os.kill(pid, signal.SIGSTOP)
    kill(before["actors"]["supervisor"]["pid"])
    fleet.until(
        lambda now: all_up(now) and named(now["bots"], "adviser")["pid"] not in (pid, None),
        "the deaf bot is replaced",
        within_s=45,
    )
