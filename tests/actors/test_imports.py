"""What a bot's process loads is what makes it small."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["aiohttp", "alembic", "fastapi", "numpy", "pandas", "psutil", "pyarrow", "pydantic"]
HEAVY += ["httpx2", "jinja2", "json_repair", "openai"]
HEAVY += ["ray", "rich", "sqlalchemy", "tenacity", "typer", "yaml"]


@pytest.mark.parametrize(
    "modules",
    [
        "actors.bot, actors.wallet_client, strategies.registry, risk.plan",
        "actors.wallet, actors.wallet_service, actors.wallet_session, actors.journal, adapters.paper.client",
    ],
)
def test_neither_bots_nor_wallets_load_a_heavy_library(modules: str) -> None:
    code = f"import sys, {modules}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "msgspec" in loaded.split()
    assert not set(HEAVY) & set(loaded.split())
