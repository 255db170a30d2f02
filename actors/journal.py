"""A wallet's journal: an append-only file with one writer, written before anything is sent.

A record is its length, its CRC-32 and a MessagePack body. A torn tail, which a crash in the middle of an append
leaves, is cut when the file is opened; damage anywhere else is refused, since everything after it would be a guess.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from actors.ledger_events import LedgerEvent
from adapters.errors import TradingError

COMPACT_AFTER = 50_000  # events: some ten megabytes
_HEAD = struct.Struct(">II")  # length and CRC-32 of the body
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LedgerEvent)


class JournalDamaged(TradingError):
    """A record before the last one fails its checksum: rebuild from the venue instead of guessing."""


class JournalBusy(TradingError):
    """Another process writes this journal."""


class Journal(Protocol):
    """Where a wallet writes what it is about to do."""

    def append(self, *events: LedgerEvent) -> None:
        """Durable when it returns, as far as the journal promises durability."""
        ...

    @property
    def is_long(self) -> bool:
        """Whether it is time to compact."""
        ...

    def compact(self, events: Iterable[LedgerEvent]) -> None:
        """Replace the whole content by ``events``."""
        ...

    def close(self) -> None: ...


class MemoryJournal:
    """A journal that lasts as long as its process, for replay."""

    def append(self, *events: LedgerEvent) -> None:
        """Nothing outlives the process, so nothing is kept."""

    is_long = False

    def compact(self, events: Iterable[LedgerEvent]) -> None:
        """There is nothing to compact."""

    def close(self) -> None: ...


class FileJournal:
    """A journal on disk, held by an exclusive lock while it is open.

    Args:
        path: the file; its folder is made.
        sync: whether every append is flushed to the disk before it returns. Without it an append survives the
            death of the process but not of the machine.

    Raises:
        JournalBusy: somebody else holds the lock.
        JournalDamaged: see the module.
    """

    def __init__(self, path: Path, *, sync: bool) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._sync = sync
        self._appended = 0
        self._fd = _open_locked(path)
        self.events, good = _read(self._fd, path)
        os.ftruncate(self._fd, good)
        os.lseek(self._fd, good, os.SEEK_SET)

    def append(self, *events: LedgerEvent) -> None:
        os.write(self._fd, b"".join(map(_record, events)))
        self._appended += len(events)
        if self._sync:
            os.fdatasync(self._fd)

    @property
    def is_long(self) -> bool:
        return self._appended >= COMPACT_AFTER

    def compact(self, events: Iterable[LedgerEvent]) -> None:
        """Replace the whole content by ``events``; a crash at any moment leaves the old file or the new one."""
        fresh = self._path.with_suffix(".new")
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(fd, b"".join(map(_record, events)))
        os.fsync(fd)
        os.replace(fresh, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        os.close(self._fd)
        self._fd = fd
        self._appended = 0

    def close(self) -> None:
        os.close(self._fd)


def _record(event: LedgerEvent) -> bytes:
    body = _encoder.encode(event)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def _open_locked(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise JournalBusy(f"{path.name} is held by another process") from None
        if path.exists() and os.fstat(fd).st_ino == path.stat().st_ino:
            return fd
        os.close(fd)  # it was replaced between open and lock


def _read(fd: int, path: Path) -> tuple[list[LedgerEvent], int]:
    size = os.fstat(fd).st_size
    data = os.pread(fd, size, 0)
    events: list[LedgerEvent] = []
    at = 0
    while at + _HEAD.size <= size:
        length, crc = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + length
        body = data[at + _HEAD.size : end]
        if end > size or zlib.crc32(body) != crc:
            if end < size and zlib.crc32(body) != crc:
                raise JournalDamaged(f"{path.name}: the record at byte {at} of {size} fails its checksum")
            break
        events.append(_decoder.decode(body))
        at = end
    return events, at
