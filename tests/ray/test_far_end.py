"""Between machines the messages of a socket go by Ray call: the same requests, errors, deadlines and notices."""

import json
import subprocess
import sys

import pytest

from tests.ray.fleet import PROJECT, Fleet, all_up

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_wallet_and_the_exchange_speak_the_same_over_ray_calls(fleet: Fleet) -> None:
    fleet.until(all_up, "the fleet is up")

    done = subprocess.run(
        [sys.executable, "-m", "tests.ray.far_end"],
        cwd=PROJECT,
        env=fleet.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["wallet"], seen["engaged"], seen["ready"]) == ("makers", "makers", True)
    assert "epoch 0 is not seated" in seen["fenced"]
    assert seen["stale_is_refused"]
    assert seen["markets"] == ["ADA", "BTC", "ETH", "SOL", "XRP"]
    assert seen["quotes"] > 20
