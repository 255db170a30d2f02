from __future__ import annotations

from pathlib import Path

import pytest

from cluster.build import OUR_NAMES, code_digest, digest_of


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for name in OUR_NAMES:
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "part.py").write_text(f"'''{name}'''\n")
    return tmp_path


@pytest.mark.parametrize("name", OUR_NAMES)
def test_one_changed_line_anywhere_is_another_build(code: Path, name: str) -> None:
    before = digest_of(code)
    (code / name / "inner" / "part.py").write_text("'''changed'''\n")
    assert digest_of(code) != before


def test_a_module_more_or_a_moved_one_is_another_build(code: Path) -> None:
    before = digest_of(code)
    (code / "risk" / "more.py").touch()
    more = digest_of(code)
    (code / "risk" / "more.py").rename(code / "risk" / "other.py")
    assert len({before, more, digest_of(code)}) == 3


def test_what_is_no_module_of_ours_changes_nothing(code: Path) -> None:
    before = digest_of(code)
    (code / "risk" / "notes.txt").write_text("no code")
    (code / "own.py").write_text("a user's")
    assert digest_of(code) == before


def test_this_process_has_a_build() -> None:
    assert len(code_digest()) == 16
    assert code_digest() == digest_of(Path(__file__).resolve().parents[2])
