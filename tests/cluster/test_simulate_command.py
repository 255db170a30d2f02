"""``flotilla simulate-faults``, as an operator or a script runs it."""

import json

import pytest

from cluster.cli import simulate_command
from cluster.cli.app import run
from cluster.exit_codes import ExitCode
from cluster.simulation import run as running
from cluster.simulation.shrink import shrink
from tests.cluster.simulation.planted import FORGETFUL_SEED, ForgetfulParts


def test_the_json_tells_what_ran_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate-faults", "--seeds", "3:5", "--jobs", "1", "--json"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert found["schedules"] == 2
    assert found["violations"] == []
    assert found["simulated_hours"] == pytest.approx(2 * 46 / 3600, rel=0.2)
    assert len(found["digest"]) == 32
    assert found["accepts"] > 0
    assert all(isinstance(count, int) and count > 0 for count in found["faults"].values())


def test_people_are_shown_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate-faults", "--seeds", "3:4", "--only", "0"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "schedules" in shown
    assert "simulated hours" in shown


def test_a_broken_promise_is_told_with_its_trace_and_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        running, "_run_one", lambda seed, **options: running.run_seed(seed, ForgetfulParts(), **options)
    )
    monkeypatch.setattr(
        simulate_command, "shrink", lambda result, **options: shrink(result, ForgetfulParts(), **options)
    )
    seeds = f"{FORGETFUL_SEED}:{FORGETFUL_SEED + 1}"
    assert run(["simulate-faults", "--seeds", seeds, "--json"]) == ExitCode.VIOLATED
    (failure,) = json.loads(capsys.readouterr().out)["violations"]
    assert failure["seed"] == FORGETFUL_SEED
    assert failure["invariant"] == "I5"
    assert failure["replay"].startswith(f"flotilla simulate-faults --seeds {seeds} --only ")
    assert failure["trace"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "a:b"], "must be two numbers"),
        (["--seeds", "5:5"], "names no seed"),
        (["--only", "x"], "must be numbers with commas"),
    ],
)
def test_a_wrong_command_is_refused_with_the_reason(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate-faults", *arguments]) == ExitCode.BAD_INPUT
    assert told in capsys.readouterr().err.replace("\n", " ")
