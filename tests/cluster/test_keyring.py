"""Secrets lie in files of their own, for their owner's eyes only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from adapters.errors import ConfigError
from cluster.keyring import find, keep


def test_what_is_kept_is_found_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    keep(tmp_path, "wallet-main", {"key": "0xabc"})

    assert find(tmp_path, "wallet-main") == {"key": "0xabc"}
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_new_key_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "wallet-main.new").write_text("half a file, left by a crash")
    keep(tmp_path, "wallet-main", {"key": "old", "secret": "old"})  # pragma: allowlist secret
    keep(tmp_path, "wallet-main", {"key": "new"})

    assert find(tmp_path, "wallet-main") == {"key": "new"}


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, "wallet-main", {"key": "0xabc"})
    (tmp_path / "wallet-main.json").chmod(0o640)

    with pytest.raises(ConfigError, match="chmod 600") as raised:
        find(tmp_path, "wallet-main")
    assert "0xabc" not in str(raised.value)


def test_a_machine_without_the_file_says_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"wallet-main\.json is missing"):
        find(tmp_path, "wallet-main")


def test_a_damaged_file_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "wallet-main.json").touch(0o600)
    (tmp_path / "wallet-main.json").write_text('{"key": "0xabc"')

    with pytest.raises(ConfigError, match="cannot be read") as raised:
        find(tmp_path, "wallet-main")
    assert "0xabc" not in str(raised.value)
