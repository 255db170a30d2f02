import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cluster.ray_runtime.processes import Leader, end, family

# A leader with a child in its session and a grandchild in a session of its own; it says when they run.
_TREE = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.{answer})
nap = "import time; time.sleep(600)"
child = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', %r], start_new_session=True);" % nap
subprocess.Popen([sys.executable, "-c", child + " print(p.pid, flush=True); p.wait()"])
time.sleep(600)
"""


def _begin(answer: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _TREE.format(answer=answer)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


@pytest.fixture(params=["SIG_DFL", "SIG_IGN"])
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    with _begin(request.param) as process:
        leader = Leader.of(process.pid)
        yield process
        end([leader], grace_s=0)


def _wait_for_death(pid: int) -> None:
    deadline = time.monotonic() + 10
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        assert time.monotonic() < deadline


def test_a_family_has_every_descendant_whatever_its_session(process: subprocess.Popen[str]) -> None:
    assert len(family([Leader.of(process.pid)])) == 3


def test_nothing_is_left_whether_the_leader_obeys_or_not(process: subprocess.Popen[str]) -> None:
    leader = Leader.of(process.pid)
    members = family([leader])
    end([leader], grace_s=0.2)
    assert not family([leader])
    assert not any(_runs(pid) for pid in members)


def test_orphans_in_the_session_of_a_dead_leader_are_ended(process: subprocess.Popen[str]) -> None:
    leader = Leader.of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    _wait_for_death(process.pid)
    orphans = family([leader])
    assert len(orphans) == 2
    end([leader], grace_s=0)
    assert not any(_runs(pid) for pid in orphans)


def test_a_recycled_pid_is_never_killed(process: subprocess.Popen[str]) -> None:
    now = Leader.of(process.pid)
    for other in (replace(now, started=now.started - 1), replace(now, boot="another")):
        end([other], grace_s=0)
        assert not other.lives()
    assert now.lives()
    assert len(family([now])) == 3


def test_ending_nobody_is_no_work() -> None:
    end([], grace_s=0)


def _runs(pid: int) -> bool:
    try:
        return Leader.of(pid).lives()
    except ProcessLookupError:
        return False
