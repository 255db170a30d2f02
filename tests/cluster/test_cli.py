"""The command line without a fleet: bad files and bad commands, each with its exit code, and nothing changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.cli.app import run
from cluster.exit_codes import ExitCode
from tests.config.bad_files import BAD_FILES, SECRET, BadFile

LINES_MAX = 25
GOOD = """
fleet: good
wallets: {alpha: {venue: paper}}
bots: [{name: one, wallet: alpha, strategy: hold}]
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that is not there: after every command here, it still is not."""
    path = tmp_path / "home"
    monkeypatch.setenv("FLOTILLA_HOME", str(path))
    monkeypatch.chdir(tmp_path)
    yield path
    assert not path.exists()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize("command", ["check", "up"])
@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_a_bad_fleet_file_is_refused_in_one_screen_and_nothing_is_started(
    bad: BadFile, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{bad.name}.yaml"
    path.write_bytes(bad.content)
    for name, content in bad.beside.items():
        (tmp_path / name).write_bytes(content)
    assert run([command, str(path)]) == ExitCode.BAD_INPUT
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) <= LINES_MAX
    assert "Traceback" not in shown.err
    assert path.name in shown.err or any(name in shown.err for name in bad.beside)
    assert SECRET not in shown.err


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("status", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("status --json", ExitCode.NOT_RUNNING, "flotilla up"),
        ("halt", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("halt nonsense-scope", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("resume --yes", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("bots stop NOBODY", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("bots add good.yaml", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("logs", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("audit one", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("env", ExitCode.NOT_RUNNING, "no fleet runs"),
        ("up", ExitCode.BAD_INPUT, "FLEET"),
        ("up gone.yaml", ExitCode.BAD_INPUT, "gone.yaml"),
        ("up .", ExitCode.BAD_INPUT, "folder"),
        ("check gone.yaml", ExitCode.BAD_INPUT, "gone.yaml"),
        ("check good.yaml --nonsense", ExitCode.BAD_INPUT, "--nonsense"),
        ("up good.yaml --wait-s soon", ExitCode.BAD_INPUT, "valid number"),
        ("up good.yaml --wait-s -1", ExitCode.BAD_INPUT, "wait"),
        ("demo good.yaml --for 60", ExitCode.BAD_INPUT, "60"),
        ("demo good.yaml --for -3s", ExitCode.BAD_INPUT, "-3s"),
        ("halt fleet --level softly", ExitCode.BAD_INPUT, "softly"),
        ("bots stop one --mode gently", ExitCode.BAD_INPUT, "gently"),
        ("bots stop", ExitCode.BAD_INPUT, "BOT"),
        ("bots fly", ExitCode.BAD_INPUT, "fly"),
        ("nonsense", ExitCode.BAD_INPUT, "nonsense"),
        ("--nonsense", ExitCode.BAD_INPUT, "--nonsense"),
        ("logs --limit 0", ExitCode.BAD_INPUT, "--limit"),
        ("audit one --cycle -1", ExitCode.BAD_INPUT, "--cycle"),
    ],
)
def test_a_bad_command_has_its_exit_code_and_says_why(
    command: str, code: ExitCode, words: str, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command.split()) == code
    shown = capsys.readouterr()
    assert words in shown.err
    assert len(shown.err.splitlines()) <= LINES_MAX
    assert "Traceback" not in shown.err


def test_down_without_a_fleet_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["down", "--yes"]) == ExitCode.NOT_RUNNING
    assert "no fleet runs" in capsys.readouterr().err


def test_a_good_file_is_checked_without_starting_anything(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(good)]) == ExitCode.OK
    assert "one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["status"], 3), (["check", "gone.yaml"], 2), (["nonsense"], 2)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_the_exit_codes_are_those_of_the_process(arguments: list[str], code: int, tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "cluster", *arguments],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert (done.stdout if code == 0 else done.stderr).strip()
