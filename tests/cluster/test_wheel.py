"""The wheel is what a user installs: it must hold everything that the program needs, and start from anywhere."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the tree."""
    work = tmp_path_factory.mktemp("wheel")
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.is_file() and not name.startswith("tests/"):
            (work / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, work / "src" / name)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work / "dist")],
        cwd=work / "src",
        capture_output=True,
        check=True,
    )
    (built,) = (work / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_every_package_its_data_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    for wanted in (
        "adapters/paper/exchange.py",
        "strategies/momentum.py",
        "risk/rules.py",
        "config/fleet.schema.json",
        "config/demo.yaml",
        "actors/supervisor.py",
        "cluster/cli/entry.py",
        "cluster/ray_runtime/bot_host.py",
        "cluster/store/migrations/env.py",
        "adapters/py.typed",
    ):
        assert wanted in names
    assert any(name.startswith("cluster/store/migrations/versions/r0001") for name in names)
    assert not [name for name in names if name.startswith("tests/")]


def test_flotilla_starts_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from cluster.cli.entry import main; main()"

    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(site), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "supervised fleet of trading bots" in done.stdout
    where = "import sys; sys.path.insert(0, sys.argv[1]); import cluster.cli.app as app; print(app.__file__)"
    origin = subprocess.run(
        [sys.executable, "-I", "-c", where, str(site)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert origin.stdout.startswith(str(site))
