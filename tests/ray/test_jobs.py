"""A bot of a user's own code, added by a submitted job: it needs neither the job, nor the folder, nor Ray's copy."""

import shutil
from pathlib import Path

import pytest

from cluster.ray_runtime import boot
from tests.ray.fleet import USER_CODE, Fleet, Status, all_up, kill, named
from tests.ray.truth import await_agreement

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

BOTS = """
bots:
  - name: stranger
    wallet: makers
    strategy: {kind: "only_here:Holder", symbol: ADA, size_usd: 300}
    on_stop: flatten
"""


def _holds(status: Status) -> bool:
    return any(
        bot["name"] == "stranger" and bot["state"] == "RUNNING" and bot["open_orders"] == 2
        for bot in status["bots"]
    )


def _kill_and_await(fleet: Fleet) -> None:
    """SIGKILL of the bot's process, and another one that trades as it did."""
    pid = named(fleet.status()["bots"], "stranger")["pid"]
    kill(pid)
    fleet.until(
        lambda now: _holds(now) and named(now["bots"], "stranger")["pid"] not in (pid, None), "it is back"
    )


def test_a_bot_from_a_job_lives_without_the_job_its_folder_and_rays_copy(
    fleet: Fleet, fleet_file: Path, tmp_path: Path
) -> None:
    fleet.until(all_up, "the fleet is up")
    folder = tmp_path / "submitted"
    folder.mkdir()
    shutil.copy(USER_CODE / "steady.py", folder / "only_here.py")
    (folder / "bots.yaml").write_text(BOTS)
    try:
        done = fleet.ray(
            "job", "submit", "--working-dir", str(folder), "--", "flotilla", "bots", "add", "bots.yaml"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(folder)
        before = fleet.until(_holds, "the bot trades")
        others = [bot["pid"] for bot in before["bots"] if bot["name"] != "stranger"]

        _kill_and_await(fleet)

        survivor = named(fleet.status()["bots"], "stranger")["pid"]
        supervisor = fleet.status()["actors"]["supervisor"]["pid"]
        kill(supervisor)
        after = fleet.until(
            lambda now: all_up(now) and now["actors"]["supervisor"]["pid"] != supervisor, "it is adopted"
        )
        assert named(after["bots"], "stranger")["pid"] == survivor
        assert [bot["pid"] for bot in after["bots"] if bot["name"] != "stranger"] == others

        fleet.disconnect()
        boot.stop(fleet.home)  # as when the machine went down: Ray and all that it knew is gone
        assert fleet.run("up", str(fleet_file), "--json").returncode == 0
        again = fleet.until(lambda now: all_up(now) and _holds(now), "it is back, from the store's copy")
        assert len(again["bots"]) == len(others) + 1
        await_agreement(fleet)
    finally:
        fleet.run("bots", "remove", "stranger")
