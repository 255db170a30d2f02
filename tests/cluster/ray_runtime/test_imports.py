"""What a process pays for by calling an actor: Ray imports the module of the actor's host to make a handle."""

import subprocess
import sys

import pytest

HEAVY = ("sqlalchemy", "alembic", "pydantic", "pyarrow", "typer", "rich", "openai", "httpx2", "json_repair")


@pytest.mark.parametrize(
    "host", ["bot_host", "wallet_host", "market_hosts", "decision_hosts", "guard_hosts", "recorder_host"]
)
def test_whoever_calls_an_actor_of_the_trading_path_imports_nothing_heavy(host: str) -> None:
    code = f"import sys, cluster.ray_runtime.{host}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
