"""A wallet's journal: an append-only file with one writer, written before anything is sent.

A record is a head and a MessagePack body; the head is the body's length and CRC-32, and a CRC-32 of these two, since
a damaged length would otherwise look like a torn tail and take all that follows along. A torn tail, which a crash in
the middle of an append leaves, is cut when the file is opened; so are zeros, which a power cut may leave. Damage
anywhere else is refused, since everything after it would be a guess.
"""

from __future__ import annotations

import errno
import logging
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from actors.ledger_events import LedgerEvent
from actors.log_file import LockedFile, LogFile
from adapters.errors import TradingError

COMPACT_AFTER = 50_000  # events: some ten megabytes
_LENGTH_AND_CRC = struct.Struct(">II")  # of the body
_HEAD_CRC = struct.Struct(">I")
_HEAD_BYTES = _LENGTH_AND_CRC.size + _HEAD_CRC.size
_log = logging.getLogger(__name__)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LedgerEvent)


class JournalDamaged(TradingError):
    """A record before the last one fails its checksum, or is none of ours: what follows would be a guess."""


class JournalFailed(TradingError):
    """The disk does not take what must be on it before anything is done."""


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


class LogJournal:
    """A journal in a log file.

    Args:
        log: the file, ours until ``close``.
        sync: whether every append is flushed to the disk before it returns. Without it an append survives the
            death of the process at once, and that of the machine from the next ``flush`` on.

    Raises:
        JournalDamaged: see the module.
    """

    def __init__(self, log: LogFile, *, sync: bool) -> None:
        self._log = log
        self._sync = sync
        self._appended = 0
        self._failed = False
        self._unsynced = False
        try:
            self.events, good = _read(log.read(), log.name)
            log.cut(good)
        except BaseException:
            log.close()
            raise

    def append(self, *events: LedgerEvent) -> None:
        """See ``Journal``. After an ``OSError`` nobody knows what the disk has, so nothing is appended any more."""
        if self._failed:
            raise OSError(errno.EIO, "an append failed before; open the journal anew", self._log.name)
        self._failed = True
        self._log.append(b"".join(map(_record, events)))
        if self._sync:
            self._log.sync()
        self._unsynced = not self._sync
        self._failed = False
        self._appended += len(events)

    def flush(self) -> None:
        """Bring what was appended without ``sync`` to the disk. Raises ``OSError``."""
        if self._unsynced:
            self._unsynced = False
            self._log.sync()

    @property
    def is_long(self) -> bool:
        return self._appended >= COMPACT_AFTER

    def compact(self, events: Iterable[LedgerEvent]) -> None:
        """Replace the whole content by ``events``; a crash at any moment leaves the old file or the new one."""
        self._log.prepare(b"".join(map(_record, events)))
        self._failed = True  # between here and the end, an append would not know to which file
        self._log.swap()
        self._failed = False
        self._appended = 0

    def close(self) -> None:
        self._log.close()


class FileJournal(LogJournal):
    """A journal on disk, held by an exclusive lock while it is open.

    Args:
        path: the file; its folder is made.
        sync: as in ``LogJournal``.

    Raises:
        JournalBusy: somebody else holds the lock.
        JournalDamaged: see the module.
    """

    def __init__(self, path: Path, *, sync: bool) -> None:
        super().__init__(LockedFile(path), sync=sync)


def open_or_set_aside(path: Path, *, sync: bool, number: int) -> FileJournal:
    """Open the journal; a damaged one is set aside under a name with ``number``, and a new one begun.

    The wallet then knows nothing of its predecessor, and reclaims. Raises ``JournalBusy``.
    """
    try:
        return FileJournal(path, sync=sync)
    except JournalDamaged:
        aside = path.with_name(f"{path.name}.damaged-{number}")
        _log.critical("%s is damaged: set aside as %s", path.name, aside.name, exc_info=True)
        path.replace(aside)
        return FileJournal(path, sync=sync)


def _record(event: LedgerEvent) -> bytes:
    body = _encoder.encode(event)
    head = _LENGTH_AND_CRC.pack(len(body), zlib.crc32(body))
    return head + _HEAD_CRC.pack(zlib.crc32(head)) + body


def _read(data: bytes, name: str) -> tuple[list[LedgerEvent], int]:
    size = len(data)
    events: list[LedgerEvent] = []
    at = 0
    while at + _HEAD_BYTES <= size and any(data[at : at + _HEAD_BYTES]):
        length, crc = _LENGTH_AND_CRC.unpack_from(data, at)
        (head_crc,) = _HEAD_CRC.unpack_from(data, at + _LENGTH_AND_CRC.size)
        is_head = zlib.crc32(data[at : at + _LENGTH_AND_CRC.size]) == head_crc
        end = at + _HEAD_BYTES + length
        body = data[at + _HEAD_BYTES : end]
        if not is_head or (end < size and zlib.crc32(body) != crc):
            raise JournalDamaged(f"{name}: the record at byte {at} of {size} fails its checksum")
        if zlib.crc32(body) != crc:
            break
        try:
            events.append(_decoder.decode(body))
        except msgspec.MsgspecError as error:
            raise JournalDamaged(
                f"{name}: the record at byte {at} of {size} is none of ours: {error}"
            ) from error
        at = end
    if any(data[at + _HEAD_BYTES :]) and not any(data[at : at + _HEAD_BYTES]):
        raise JournalDamaged(f"{name}: zeros at byte {at} of {size}, and records after them")
    return events, at
