"""``flotilla simulate llm``, as somebody types it."""

import json
import os
import signal
import subprocess
import sys

import pytest
from openai import AuthenticationError, OpenAI

from cluster.cli.app import run
from cluster.exit_codes import ExitCode


def test_the_official_client_talks_to_it_and_it_ends_when_told_to() -> None:
    command = [sys.executable, "-m", "cluster", "simulate", "llm", "--port", "0", "--json", "--latency", "0"]
    command += ["--key-from", "DOOR_KEY"]
    environ = os.environ | {"DOOR_KEY": "open sesame"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with OpenAI(base_url=url, api_key="open sesame", max_retries=0) as client:  # pragma: allowlist secret
            assert [model.id for model in client.models.list()] == ["scripted-trader"]
            answer = client.chat.completions.create(
                model="scripted-trader", messages=[{"role": "user", "content": "hello"}]
            )
        assert json.loads(answer.choices[0].message.content or "")["decisions"] == []
        assert answer.usage is not None
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
        with (
            OpenAI(base_url=url, api_key="wrong", max_retries=0) as stranger,  # pragma: allowlist secret
            pytest.raises(AuthenticationError),
        ):
            stranger.models.list()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--host", "0.0.0.0"], "--allow-remote"),
        (["--key-from", "NO_SUCH_VARIABLE_HERE"], "is not set"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", "llm", "--port", "0", *arguments]) == ExitCode.BAD_INPUT
    assert text in capsys.readouterr().err
