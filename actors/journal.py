"""A wallet's journal: an append-only file with one writer, written before anything is sent.

A record is a head and a MessagePack body; the head is the body's length and CRC-32, and a CRC-32 of these two, since
a damaged length would otherwise look like a torn tail and take all that follows along. A torn tail, which a crash in
the middle of an append leaves, is cut when the file is opened; so are zeros, which a power cut may leave. Damage
anywhere else is refused, since everything after it would be a guess.
"""

from __future__ import annotations

import errno
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
_LENGTH_AND_CRC = struct.Struct(">II")  # of the body
_HEAD_CRC = struct.Struct(">I")
_HEAD_BYTES = _LENGTH_AND_CRC.size + _HEAD_CRC.size
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
            death of the process at once, and that of the machine from the next ``flush`` on.

    Raises:
        JournalBusy: somebody else holds the lock.
        JournalDamaged: see the module.
    """

    def __init__(self, path: Path, *, sync: bool) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._sync = sync
        self._appended = 0
        self._failed = False
        self._unsynced = False
        self._fd = _open_locked(path)
        try:
            self.events, good = _read(self._fd, path)
            os.ftruncate(self._fd, good)
            os.lseek(self._fd, good, os.SEEK_SET)
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, *events: LedgerEvent) -> None:
        """See ``Journal``. After an ``OSError`` nobody knows what the disk has, so nothing is appended any more."""
        if self._failed:
            raise OSError(errno.EIO, "an append failed before; open the journal anew", str(self._path))
        self._failed = True
        _write(self._fd, b"".join(map(_record, events)))
        if self._sync:
            os.fdatasync(self._fd)
        self._unsynced = not self._sync
        self._failed = False
        self._appended += len(events)

    def flush(self) -> None:
        """Bring what was appended without ``sync`` to the disk. Raises ``OSError``."""
        if self._unsynced:
            self._unsynced = False
            os.fdatasync(self._fd)

    @property
    def is_long(self) -> bool:
        return self._appended >= COMPACT_AFTER

    def compact(self, events: Iterable[LedgerEvent]) -> None:
        """Replace the whole content by ``events``; a crash at any moment leaves the old file or the new one."""
        fresh = self._path.with_suffix(".new")
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(fd, b"".join(map(_record, events)))
            os.fsync(fd)
            self._failed = True  # between here and the end, an append would not know to which file
            os.replace(fresh, self._path)
            _sync_folder(self._path.parent)
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd = fd
        self._failed = False
        self._appended = 0

    def close(self) -> None:
        os.close(self._fd)


def _record(event: LedgerEvent) -> bytes:
    body = _encoder.encode(event)
    head = _LENGTH_AND_CRC.pack(len(body), zlib.crc32(body))
    return head + _HEAD_CRC.pack(zlib.crc32(head)) + body


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


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
    while at + _HEAD_BYTES <= size and any(data[at : at + _HEAD_BYTES]):
        length, crc = _LENGTH_AND_CRC.unpack_from(data, at)
        (head_crc,) = _HEAD_CRC.unpack_from(data, at + _LENGTH_AND_CRC.size)
        is_head = zlib.crc32(data[at : at + _LENGTH_AND_CRC.size]) == head_crc
        end = at + _HEAD_BYTES + length
        body = data[at + _HEAD_BYTES : end]
        if not is_head or (end < size and zlib.crc32(body) != crc):
            raise JournalDamaged(f"{path.name}: the record at byte {at} of {size} fails its checksum")
        if zlib.crc32(body) != crc:
            break
        events.append(_decoder.decode(body))
        at = end
    if any(data[at + _HEAD_BYTES :]) and not any(data[at : at + _HEAD_BYTES]):
        raise JournalDamaged(f"{path.name}: zeros at byte {at} of {size}, and records after them")
    return events, at
