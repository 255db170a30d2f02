import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.home import Home, UnsafeFolder


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    for folder in (home.sockets, home.runtime):
        if folder.is_dir():
            folder.rmdir()


def test_the_environment_names_the_home(tmp_path: Path) -> None:
    assert Home.from_environment({"FLOTILLA_HOME": str(tmp_path)}).path == tmp_path.resolve()


@pytest.mark.parametrize("environ", [{}, {"FLOTILLA_HOME": ""}])
def test_an_unnamed_home_lies_in_the_users_own_folder(environ: dict[str, str]) -> None:
    assert Home.from_environment(environ).path == (Path.home() / ".flotilla").resolve()


def test_two_spellings_of_a_folder_are_one_home(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Home(tmp_path / "link").runtime == Home(tmp_path / "x" / ".." / "real").runtime


def test_two_homes_share_no_sockets(tmp_path: Path) -> None:
    assert Home(tmp_path / "a").sockets != Home(tmp_path / "b").sockets


def test_the_folders_are_for_their_owner_only(home: Home) -> None:
    home.path.mkdir(mode=0o755)
    home.make_folders()
    for folder in (
        home.path,
        home.state,
        home.journals,
        home.paper,
        home.logs,
        home.run,
        home.runtime,
        home.sockets,
    ):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_a_link_in_place_of_a_folder_is_refused(home: Home, tmp_path: Path) -> None:
    home.path.mkdir()
    home.state.symlink_to(tmp_path)
    with pytest.raises(UnsafeFolder, match="state"):
        home.make_folders()


def test_a_socket_and_rays_own_files_fit_into_a_sockets_path_however_long_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2**32 - 2)
    home = Home(tmp_path / ("deep/" * 60))
    rays = (
        home.runtime / "control" / "session_2000-01-01_00-00-00_000000_4194304" / "sockets" / "plasma_store"
    )
    for path in (home.sockets / ("n" * 60), rays):
        assert len(os.fsencode(path)) <= 107


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("sqlite:///state/fleet.db", "sqlite:///{home}/state/fleet.db"),
        ("sqlite+pysqlite:///fleet.db?timeout=5", "sqlite+pysqlite:///{home}/fleet.db?timeout=5"),
        ("sqlite:////var/lib/fleet.db", "sqlite:////var/lib/fleet.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql://host/state/fleet", "postgresql://host/state/fleet"),
    ],
)
def test_only_a_relative_sqlite_file_is_taken_from_the_home(home: Home, url: str, resolved: str) -> None:
    assert home.store_url(url) == resolved.format(home=home.path)
