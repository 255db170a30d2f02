"""The journal on disk: whatever a crash leaves behind, what is read is a prefix of what was written, or nothing is."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.journal import FileJournal, JournalDamaged, open_or_set_aside
from actors.ledger_events import LeaseTaken, LedgerEvent, Seated
from actors.log_file import JournalBusy
from adapters.model import BotId
from tests.actors.builders import a_fill, an_intended, dec, intended_id

EVENTS: list[LedgerEvent] = [
    Seated(BotId("ann"), 1),
    an_intended(leg=1, size="0.5"),
    LeaseTaken(1, 2, dec("1234.56")),
    a_fill(1, intended_id(1), "0.25"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "main.journal"


def written(path: Path, events: list[LedgerEvent]) -> list[int]:
    """Writes the events; the file's size before each and after the last."""
    journal = FileJournal(path, sync=True)
    sizes = [0]
    for event in events:
        journal.append(event)
        sizes.append(path.stat().st_size)
    journal.close()
    return sizes


def read(path: Path) -> list[LedgerEvent]:
    journal = FileJournal(path, sync=False)
    journal.close()
    return journal.events


def test_what_was_appended_is_read_back(path: Path) -> None:
    written(path, EVENTS)
    assert read(path) == EVENTS


def test_several_events_of_one_append_are_as_many_records(path: Path) -> None:
    journal = FileJournal(path, sync=True)
    journal.append(*EVENTS)
    journal.close()
    assert read(path) == EVENTS


def test_a_tail_torn_at_any_byte_is_cut_and_writing_goes_on(path: Path) -> None:
    *_, before, end = written(path, EVENTS)
    whole = path.read_bytes()
    for size in range(before, end):
        path.write_bytes(whole[:size])
        assert read(path) == EVENTS[:-1], f"torn at byte {size}"
        assert path.stat().st_size == before
        written(path, EVENTS[-1:])
        assert read(path) == EVENTS


def test_a_tail_torn_in_its_body_but_of_full_length_is_cut(path: Path) -> None:
    *_, before, end = written(path, EVENTS)
    damaged = bytearray(path.read_bytes())
    damaged[end - 1] ^= 1
    path.write_bytes(damaged)
    assert read(path) == EVENTS[:-1]
    assert path.stat().st_size == before


@pytest.mark.parametrize("zeros", [1, 11, 12, 13, 4096])
def test_zeros_that_a_power_cut_left_behind_are_cut(path: Path, zeros: int) -> None:
    end = written(path, EVENTS)[-1]
    with path.open("ab") as file:
        file.write(bytes(zeros))
    assert read(path) == EVENTS
    assert path.stat().st_size == end


def test_damage_to_any_byte_before_the_last_record_is_refused(path: Path) -> None:
    last = written(path, EVENTS)[-2]
    whole = path.read_bytes()
    for at in range(last):
        damaged = bytearray(whole)
        damaged[at] ^= 0x80
        path.write_bytes(damaged)
        with pytest.raises(JournalDamaged, match="fails its checksum"):
            FileJournal(path, sync=False)
        assert path.read_bytes() == bytes(damaged), "what cannot be read is not touched"


def test_records_after_a_hole_of_zeros_are_refused(path: Path) -> None:
    sizes = written(path, EVENTS)
    damaged = bytearray(path.read_bytes())
    damaged[sizes[1] : sizes[2]] = bytes(sizes[2] - sizes[1])
    path.write_bytes(damaged)
    with pytest.raises(JournalDamaged, match="zeros"):
        FileJournal(path, sync=False)


def test_a_damaged_journal_is_not_held(path: Path) -> None:
    written(path, EVENTS)
    damaged = bytearray(path.read_bytes())
    damaged[3] ^= 1
    path.write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(JournalDamaged):
            FileJournal(path, sync=False)


def test_a_second_writer_is_shut_out_until_the_first_is_done(path: Path) -> None:
    first = FileJournal(path, sync=False)
    with pytest.raises(JournalBusy):
        FileJournal(path, sync=False)
    first.append(EVENTS[0])
    first.compact(EVENTS[:2])
    with pytest.raises(JournalBusy):
        FileJournal(path, sync=False)
    first.close()
    assert read(path) == EVENTS[:2]


def test_only_its_user_may_read_it(path: Path) -> None:
    written(path, EVENTS)
    assert path.stat().st_mode & 0o077 == 0


def test_compacting_replaces_all_and_appends_follow(path: Path) -> None:
    written(path, EVENTS)
    journal = FileJournal(path, sync=True)
    journal.compact([EVENTS[2]])
    journal.append(EVENTS[0])
    journal.close()
    assert read(path) == [EVENTS[2], EVENTS[0]]


class Crash(Exception):
    """The process ended here."""


def steps_of_a_compaction() -> Iterator[tuple[str, int]]:
    yield from (("write", 1), ("fsync", 1), ("replace", 1), ("fsync", 2))


@pytest.mark.parametrize(("call", "nth"), list(steps_of_a_compaction()))
@pytest.mark.parametrize("is_done", [False, True])
def test_a_crash_in_a_compaction_leaves_the_old_file_or_the_new(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int, is_done: bool
) -> None:
    written(path, EVENTS)
    journal = FileJournal(path, sync=True)
    real, seen = getattr(os, call), 0

    def crashing(*arguments: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen != nth:
            return real(*arguments)
        if call == "write":
            real(arguments[0], bytes(arguments[1])[:7])
        elif is_done:
            real(*arguments)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(os, call, crashing)
        with pytest.raises(Crash):
            journal.compact([EVENTS[2]])
    journal.close()  # the process is gone, and its lock with it
    assert read(path) in (EVENTS, [EVENTS[2]])
    again = FileJournal(path, sync=True)
    again.compact([EVENTS[1]])
    again.close()
    assert read(path) == [EVENTS[1]]


def test_a_write_that_the_disk_takes_in_pieces_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:5]))
    written(path, EVENTS)
    assert read(path) == EVENTS


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_after_a_failed_append_nothing_is_appended_until_it_is_opened_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    journal = FileJournal(path, sync=True)
    journal.append(EVENTS[0])

    def full(*arguments: Any) -> None:
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="no space"):
            journal.append(EVENTS[1])
    with pytest.raises(OSError, match="open the journal anew"):
        journal.append(EVENTS[2])
    journal.close()
    assert read(path) in (EVENTS[:1], EVENTS[:2])


def test_it_is_long_after_many_appends_and_short_after_compacting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.journal.COMPACT_AFTER", 3)
    journal = FileJournal(path, sync=False)
    journal.append(EVENTS[0], EVENTS[1])
    lengths = [journal.is_long]
    journal.append(EVENTS[2])
    lengths.append(journal.is_long)
    journal.compact(EVENTS)
    lengths.append(journal.is_long)
    assert lengths == [False, True, False]
    journal.close()


@pytest.mark.parametrize(("sync", "at_append", "at_flush"), [(True, 2, 0), (False, 0, 1)])
def test_a_journal_in_groups_goes_to_the_disk_at_its_flush_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sync: bool, at_append: int, at_flush: int
) -> None:
    synced: list[int] = []
    journal = FileJournal(tmp_path / "group.journal", sync=sync)
    monkeypatch.setattr(os, "fdatasync", synced.append)
    journal.append(Seated(BotId("ann"), 1))
    journal.append(Seated(BotId("ann"), 2))
    assert len(synced) == at_append
    journal.flush()
    journal.flush()
    assert len(synced) == at_append + at_flush
    journal.close()


def test_a_damaged_journal_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    written(path, EVENTS)
    damaged = bytearray(path.read_bytes())
    damaged[20] ^= 1
    path.write_bytes(damaged)
    fresh = open_or_set_aside(path, sync=False, number=7)
    fresh.close()
    assert fresh.events == []
    assert path.with_name("main.journal.damaged-7").read_bytes() == damaged


def test_a_record_of_another_format_is_damage_and_not_a_crash(path: Path) -> None:
    body = msgspec.msgpack.encode({"type": "Alien"})
    head = struct.pack(">II", len(body), zlib.crc32(body))
    path.parent.mkdir()
    path.write_bytes(head + struct.pack(">I", zlib.crc32(head)) + body)
    with pytest.raises(JournalDamaged, match="none of ours"):
        read(path)
