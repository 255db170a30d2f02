"""One fleet for all tests that can share it: real processes on a real Ray are slow to make."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray.fleet import USER_CODE, Fleet, all_up

CANARIES = {
    "variable": "c4n4ry-of-a-variable",
    "env file": "c4n4ry-of-an-env-file",
    "literal": "c4n4ry-in-the-yaml",
    "environment": "c4n4ry-that-nobody-asked-for",
}
FLEET = f"""
fleet: sailing
env_file: keys.env
market: {{source: synthetic, seed: 11, symbols: [BTC, ETH, SOL, ADA, XRP], step: 250ms, latency: 10ms}}
risk:
  gross_notional_usd_max: 60000
  daily_loss_pct_max: 50
  lease_ttl: 5s
  max_api_failures_in_window: 1000
decision: {{actors: 1, deadline: 10s}}
wallets:
  makers:
    venue: paper
    equity_usd: 20000
    key: ${{CANARY_KEY}}
    secret: {CANARIES["literal"]}
  holders:
    venue: paper
    equity_usd: 20000
    key: ${{CANARY_FROM_FILE}}
bots:
  - name: quoter_btc
    wallet: makers
    strategy: &quoter {{kind: quoter, symbol: BTC, spread_bps: 6, requote_bps: 2, levels: 2, size_usd: 200}}
  - name: quoter_eth
    wallet: makers
    strategy: {{<<: *quoter, symbol: ETH}}
  - name: quoter_sol
    wallet: makers
    strategy: {{<<: *quoter, symbol: SOL, levels: 1}}
    on_stop: flatten
  - name: holder_btc
    wallet: holders
    strategy: {{kind: "steady:Holder", symbol: BTC}}
    on_stop: keep
  - name: holder_eth
    wallet: holders
    strategy: {{kind: "steady:Holder", symbol: ETH}}
    on_stop: flatten
  - name: adviser
    wallet: holders
    strategy: {{kind: advised, executor: quant, candidates: [SOL], bar_interval: 1s}}
    on_stop: flatten
"""


@pytest.fixture
def user_folder(tmp_path: Path) -> Path:
    """A folder of a user's own, with his strategies."""
    shutil.copy(USER_CODE / "steady.py", tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def fleet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    shutil.copy(USER_CODE / "steady.py", folder)
    (folder / "keys.env").write_text(f"CANARY_FROM_FILE={CANARIES['env file']}\n")
    path = folder / "sailing.yaml"
    path.write_text(FLEET)
    return path


@pytest.fixture(scope="session")
def fleet(fleet_file: Path) -> Iterator[Fleet]:
    """The fleet, up."""
    environ = {"CANARY_KEY": CANARIES["variable"], "CANARY_UNUSED": CANARIES["environment"]}
    with tempfile.TemporaryDirectory(prefix="fleet") as folder:
        fleet = Fleet(Path(folder), environ)
        try:
            done = fleet.run("up", str(fleet_file), "--json")
            assert done.returncode == 0, done.stderr
            fleet.until(all_up, "the fleet is up")
            yield fleet
        finally:
            fleet.end()
