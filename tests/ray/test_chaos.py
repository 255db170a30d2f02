"""A minute of ``make chaos`` on a small fleet: real deaths and freezes, judged by the exchange's own history."""

import json
import subprocess
import sys

import pytest

from tests.ray.fleet import PROJECT

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(400)]
COMMAND = "-m tests.chaos --for 60 --faults 15 --seed 3 --wallets 2 --seats 3 --json"


def test_a_minute_of_random_deaths_and_freezes_breaks_no_promise() -> None:
    with subprocess.Popen(
        [sys.executable, *COMMAND.split()],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            printed, told = run.communicate(timeout=300)
        except BaseException:
            run.terminate()  # it takes its fleet along
            run.communicate(timeout=60)
            raise
    assert printed, told
    result = json.loads(printed)
    print(json.dumps(result["recovery"], indent=1))
    assert result["violations"] == []
    assert result["faults"] >= 15
    assert result["orders"] > 100
    assert run.returncode == 0
