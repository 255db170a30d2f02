"""Keys planted wherever an operator may put them: they are found nowhere else."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.ray_runtime import boot
from cluster.ray_runtime.processes import Leader, family
from tests.ray.conftest import CANARIES
from tests.ray.fleet import Fleet, all_up

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]


def _found(content: bytes) -> list[str]:
    return [where for where, canary in CANARIES.items() if canary.encode() in content]


def _files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _pids(fleet: Fleet) -> frozenset[int]:
    leaders = [
        Leader(**json.loads(file.read_text()))
        for file in sorted(fleet.home.run.glob("ray-*.json"))
        if file.name != fleet.home.ray_address_file.name
    ]
    return family(leaders)


def test_nothing_that_is_printed_shows_a_key(fleet: Fleet, fleet_file: Path) -> None:
    fleet.until(all_up, "the fleet is up")
    wrong = fleet_file.with_name("wrong.yaml")
    wrong.write_text(
        fleet_file.read_text().replace("daily_loss_pct_max: 50", "daily_loss_pct_max: ${CANARY_KEY}")
    )
    wallets_log = ["logs", "wallet:makers"]  # empty while nothing troubles the wallet: it notes nothing else
    commands = [
        ["status"], ["status", "--json"], ["check", str(fleet_file)], ["check", str(fleet_file), "--json"],
        ["check", str(wrong)], ["up", str(wrong)], ["logs"], wallets_log, ["logs", "supervisor"],
        ["audit", "quoter_btc"], ["doctor"], ["env"],
    ]  # fmt: skip
    with ThreadPoolExecutor(3) as pool:
        for command, done in zip(
            commands, pool.map(lambda command: fleet.run(*command), commands), strict=True
        ):
            said = done.stdout + done.stderr
            assert not _found(said.encode()), command
            assert said or (command == wallets_log and done.returncode == 0), command


def test_ray_knows_no_key(fleet: Fleet) -> None:
    listed = fleet.ray("list", "actors", "--detail", "--format", "json", "--limit", "1000")
    assert "bot:quoter_btc" in listed.stdout
    assert not _found(listed.stdout.encode())
    address = boot.running(fleet.home)
    assert address is not None
    request = urllib.request.Request(
        f"{address.dashboard}/api/v0/actors?detail=1&limit=1000",
        headers={"Authorization": f"Bearer {fleet.home.token_path.read_text()}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        body = answer.read()
    assert b"bot:quoter_btc" in body
    assert not _found(body)


def test_no_file_of_the_fleet_holds_a_key(fleet: Fleet) -> None:
    files = list(_files(fleet.home.path, fleet.home.runtime))
    assert any(path.suffix == ".journal" for path in files)
    assert any("session_" in str(path) for path in files)
    for path in files:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # rotated meanwhile
        assert not _found(content), path


def test_no_process_of_the_fleet_bears_a_key(fleet: Fleet) -> None:
    pids = _pids(fleet)
    assert len(pids) > 15
    for pid in pids:
        for name in ("cmdline", "environ"):
            try:
                content = Path(f"/proc/{pid}/{name}").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile
            assert not _found(content), f"{pid} {name}"
