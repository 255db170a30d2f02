"""No bad file gets through, and each is told in one screen that names the file, the key and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.problems import COLUMNS_MAX, FleetFileError
from config.reading import read_fleet
from tests.config.bad_files import BAD_FILES, SECRET, BadFile


def refusal_of(bad: BadFile, folder: Path) -> str:
    path = folder / f"{bad.name}.yaml"
    path.write_bytes(bad.content)
    for name, content in bad.beside.items():
        (folder / name).write_bytes(content)
    with pytest.raises(FleetFileError) as raised:
        read_fleet(path, environ={})
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    return str(raised.value)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_a_bad_file_is_refused_in_one_screen(
    bad: BadFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refusal_of(bad, tmp_path)
    lines = message.splitlines()
    for words in bad.expect:
        assert words in message
    assert f"{bad.name}.yaml" in message or any(name in message for name in bad.beside)
    assert len(lines) <= 25
    assert all(len(line) <= COLUMNS_MAX for line in lines)
    assert SECRET not in message
    assert message.isprintable() or all(line.isprintable() for line in lines)
    assert not any(line.endswith((": ", ":")) for line in lines)


def test_the_table_has_each_case_once_and_enough_of_them() -> None:
    names = [bad.name for bad in BAD_FILES]
    assert len(names) == len(set(names)) >= 70


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match="is a folder"):
        read_fleet(tmp_path, environ={})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match=r"gone\.yaml: does not exist"):
        read_fleet(tmp_path / "gone.yaml", environ={})


def test_a_device_is_refused() -> None:
    with pytest.raises(FleetFileError, match="no regular file"):
        read_fleet(Path("/dev/zero"), environ={})


def test_a_file_name_that_is_too_long_for_the_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match="cannot be read"):
        read_fleet(tmp_path / ("x" * 300), environ={})


def test_a_secret_of_the_environment_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text("fleet: ${KEY}\nwallets: {alpha: {key: '${KEY}', mode: '${KEY}', nope: 1}}\n")
    with pytest.raises(FleetFileError) as raised:
        read_fleet(path, environ={"KEY": SECRET})
    assert SECRET not in repr(raised.value)
    assert "wallets.alpha.mode" in str(raised.value)
