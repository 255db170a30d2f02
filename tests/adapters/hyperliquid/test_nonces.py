"""Nonces only rise, whoever dies, and one process at a time gives them out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.clock import VirtualClock
from adapters.errors import ConfigError
from adapters.hyperliquid.nonces import BLOCK_MS, Nonces
from tests.builders import NOW

NOW_MS = int(NOW.timestamp() * 1000)


@given(st.lists(st.one_of(st.just("take"), st.just("die"), st.integers(-20_000, 20_000)), max_size=60))
def test_whatever_the_clock_does_and_however_often_it_restarts_nonces_rise(
    steps: list[str | int],
) -> None:
    with TemporaryDirectory() as folder:
        offset_ms, given_out = 0, [0]

        def born() -> Nonces:
            return Nonces(Path(folder) / "nonce", VirtualClock(NOW + timedelta(milliseconds=offset_ms)))

        nonces = born()
        for step in steps:
            if step == "take":
                given_out.append(nonces.take())
            else:
                nonces.close()
                offset_ms += step if isinstance(step, int) else 0
                nonces = born()
        nonces.close()
        assert given_out == sorted(set(given_out))
        assert all(nonce <= NOW_MS + 60 * 20_000 + 61 * BLOCK_MS for nonce in given_out)


def test_many_in_one_millisecond_are_all_different(tmp_path: Path) -> None:
    nonces = Nonces(tmp_path / "nonce", VirtualClock(NOW))
    assert [nonces.take() for _ in range(1_000)] == list(range(NOW_MS, NOW_MS + 1_000))


def test_the_disk_is_asked_once_a_block_and_not_once_a_nonce(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    nonces = Nonces(tmp_path / "nonce", clock)
    marks = set()
    for _ in range(BLOCK_MS // 100):
        nonces.take()
        marks.add((tmp_path / "nonce").read_bytes())
        clock.advance(0.1)
    assert len(marks) == 1


def test_the_successor_begins_above_all_that_may_have_been_used(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    dead = Nonces(tmp_path / "nonce", clock)
    last = dead.take()
    dead.close()
    assert last < Nonces(tmp_path / "nonce", clock).take() <= last + BLOCK_MS + 1


def test_two_processes_do_not_share_a_signer(tmp_path: Path) -> None:
    first = Nonces(tmp_path / "nonce", VirtualClock(NOW))
    with pytest.raises(ConfigError, match="another process"):
        Nonces(tmp_path / "nonce", VirtualClock(NOW))
    first.close()
    Nonces(tmp_path / "nonce", VirtualClock(NOW)).close()


def test_a_file_that_holds_something_else_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "nonce"
    path.write_text("my notes")
    with pytest.raises(ConfigError, match="holds no nonce"):
        Nonces(path, VirtualClock(NOW))
    assert path.read_text() == "my notes"
