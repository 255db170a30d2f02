"""A local Ray of one's own, beside another fleet's: real processes, so the tests share them and run in order."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.home import Home
from cluster.ray_runtime import boot
from cluster.ray_runtime.processes import Leader, family

pytestmark = [pytest.mark.ray, pytest.mark.slow]

_PLANTED = "a-planted-secret"

_DRIVER = """
import os, sys, ray
ray.init(namespace="test", logging_level="ERROR", log_to_driver=False)

class Sleeper:
    def about(self):
        return {"pid": os.getpid(), "python": sys.executable, "environ": dict(os.environ)}

options = dict(name=sys.argv[1], lifetime="detached", num_cpus=0, get_if_exists=True)
sleeper = ray.remote(Sleeper).options(label_selector={"role": "control"}, **options).remote()
import json; print(json.dumps(ray.get(sleeper.about.remote(), timeout=30)))
"""


@pytest.fixture(scope="module")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Home]]:
    home, other = Home(tmp_path_factory.mktemp("fleet")), Home(tmp_path_factory.mktemp("other"))
    environ = {**os.environ, "HL_KEY": _PLANTED}
    other.ray_store.mkdir(parents=True)
    (other.ray_store / "session_name").write_text("session_of_a_crashed_run")
    with ThreadPoolExecutor() as pool:
        started = [pool.submit(boot.start, home, environ, control_node=True)]
        started += [pool.submit(boot.start, other, environ, control_node=False)]
    try:
        for start in started:
            start.result()
        yield home, other
    finally:
        boot.stop(home)
        boot.stop(other)


@pytest.fixture(scope="module")
def home(fleets: tuple[Home, Home]) -> Home:
    return fleets[0]


@pytest.fixture(scope="module")
def other(fleets: tuple[Home, Home]) -> Home:
    return fleets[1]


def _run(home: Home, *command: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """The command with what ``environment`` names, and nothing else that speaks of Ray."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ |= dict(boot.environment(home)) | changed
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=90)


def _ray(home: Home, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    return _run(home, sys.executable, "-m", "ray.scripts.scripts", *arguments, **changed)


def _sleeper(home: Home, name: str) -> Mapping[str, object]:
    """What the detached actor of that name says; it is made where it does not live."""
    done = _run(home, sys.executable, "-c", _DRIVER, name)
    assert done.returncode == 0, done.stderr
    found: Mapping[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def _leaders(home: Home) -> dict[str, Leader]:
    return {
        node: Leader(**json.loads(file.read_text()))
        for node in ("head", "control")
        if (file := home.run / f"ray-{node}.json").exists()
    }


def _kill(leader: Leader) -> None:
    os.kill(leader.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while leader.lives():
        assert time.monotonic() < deadline


def test_it_answers_where_it_says(home: Home, other: Home) -> None:
    address = boot.running(home)
    assert address is not None
    assert address != boot.running(other)
    assert (home.runtime / "head" / address.session / "logs").is_dir()
    assert " node_" in _ray(home, "status").stdout


def test_starting_what_runs_changes_nothing(home: Home) -> None:
    before = boot.running(home), _leaders(home)
    assert boot.start(home, {}, control_node=True) == before[0]
    assert (boot.running(home), _leaders(home)) == before


def test_the_tables_of_a_crashed_run_are_not_taken_up(other: Home) -> None:
    address = boot.running(other)
    assert address is not None
    assert address.session == (other.ray_store / "session_name").read_text() != "session_of_a_crashed_run"


def test_no_terminal_reaches_it(home: Home) -> None:
    for leader in _leaders(home).values():
        assert os.getsid(leader.pid) == leader.pid != os.getsid(0)


def test_actors_live_beside_the_head_and_see_no_secret(home: Home) -> None:
    about = _sleeper(home, "bot-of-one")
    assert about["pid"] in family([_leaders(home)["control"]])
    assert _PLANTED not in json.dumps(about)
    environ = about["environ"]
    assert isinstance(environ, dict)
    assert environ["FLOTILLA_HOME"] == str(home.path)


def test_each_fleets_commands_reach_its_own_ray(home: Home, other: Home) -> None:
    _sleeper(other, "bot-of-other")
    questions: list[tuple[Home, list[str]]] = [(home, []), (home, ["--detail"]), (other, [])]
    with ThreadPoolExecutor() as pool:
        answers = pool.map(
            lambda question: _ray(question[0], "list", "actors", *question[1]).stdout, questions
        )
    for (fleet, _), listed in zip(questions, answers, strict=True):
        assert ("bot-of-one" in listed) is (fleet is home)
        assert ("bot-of-other" in listed) is (fleet is other)


def test_a_job_finds_this_python_and_this_fleet(home: Home, other: Home, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("from my folder")
    script = (
        "import os, sys, ray; ray.init(logging_level='ERROR');"
        "context = ray.get_runtime_context();"
        "print(sys.executable, context.gcs_address, os.environ['FLOTILLA_HOME'], open('mine.txt').read())"
    )
    done = _ray(home, "job", "submit", "--working-dir", str(tmp_path), "--", "python", "-c", script)
    address = boot.running(home)
    assert address is not None
    python = Path(sys.executable).parent / "python"
    assert f"{python} {address.gcs} {home.path} from my folder" in done.stdout, done.stdout + done.stderr


def test_nobody_is_heard_without_the_token(home: Home) -> None:
    questions = [
        ("status", {"RAY_AUTH_MODE": "disabled"}),
        ("list actors", {"RAY_AUTH_TOKEN": "0" * 64}),
        ("status", {"RAY_AUTH_TOKEN_PATH": "/nonexistent"}),
    ]
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda question: _ray(home, *question[0].split(), **question[1]), questions)
    for question, refused in zip(questions, answers, strict=True):
        assert refused.returncode != 0, question
        assert "bot-of-one" not in refused.stdout
        assert "token" in (refused.stdout + refused.stderr).lower()


def test_a_lost_head_comes_back_and_the_actors_never_notice(home: Home) -> None:
    address, before = boot.running(home), _sleeper(home, "bot-of-one")["pid"]
    _kill(_leaders(home)["head"])
    assert boot.start(home, os.environ, control_node=True) == address
    assert _sleeper(home, "bot-of-one")["pid"] == before


def test_stopping_leaves_nothing_behind_and_touches_no_other_fleet(home: Home, other: Home) -> None:
    leaders = _leaders(home).values()
    assert len(family(leaders)) > 10
    boot.stop(home)
    assert not family(leaders)
    assert not home.runtime.exists()
    assert not home.ray_store.exists()
    assert boot.running(home) is None
    with pytest.raises(boot.RayNotStarted):
        boot.environment(home)
    boot.stop(home)
    assert boot.running(other) is not None
    assert "bot-of-other" in _ray(other, "list", "actors").stdout
