"""``flotilla simulate hyperliquid``, as somebody types it."""

import json
import signal
import socket
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from cluster.cli.app import run
from cluster.exit_codes import ExitCode

ADDRESS = "0x" + "ab" * 20


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_when_told_to(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "cluster", "simulate", "hyperliquid", "--port", "0", "--json"]
    command += ["--coins", "BTC,ETH", "--fund", f"{ADDRESS}=5000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        question = json.dumps({"type": "clearinghouseState", "user": ADDRESS}).encode()
        with urlopen(Request(f"{url}/info", question)) as answer:
            assert json.load(answer)["withdrawable"] == "5000.0"
        process.send_signal(number)
        assert process.wait(30) == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--host", "0.0.0.0"], "--allow-remote"),
        (["--fund", "me=100"], "40 hex digits"),
        (["--fund", f"{ADDRESS}=much"], "must be dollars"),
        (["--fund", f"{ADDRESS}=-1"], "more than nothing"),
        (["--market", "BTC"], "must be two things"),
        (["--market", "BTC=/nowhere.csv"], "/nowhere.csv"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", "hyperliquid", "--port", "0", *arguments]) == ExitCode.BAD_INPUT
    assert text in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["simulate", "hyperliquid", "--coins", "BTC", "--port", port]) == ExitCode.BAD_INPUT
    assert "cannot listen" in capsys.readouterr().err
