"""The file under a journal: bytes that are appended, flushed and replaced, held by one writer at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from adapters.errors import TradingError


class JournalBusy(TradingError):
    """Another process writes this journal."""


class LogFile(Protocol):
    """A file that is written at its end only. Every call raises ``OSError`` when the disk will not."""

    @property
    def name(self) -> str:
        """How people know it."""
        ...

    def read(self) -> bytes:
        """The whole content."""
        ...

    def cut(self, size: int) -> None:
        """Drop everything from this byte on; what is appended next begins there."""
        ...

    def append(self, data: bytes) -> None:
        """Write at the end. It survives the death of the process, and from the next ``sync`` on the machine's."""
        ...

    def sync(self) -> None:
        """Bring to the disk what was appended."""
        ...

    def prepare(self, data: bytes) -> None:
        """Write ``data`` beside the file, and bring it to the disk; the file itself is as it was."""
        ...

    def swap(self) -> None:
        """Let what was prepared take the file's place. A crash leaves the one or the other, whole."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class LockedFile:
    """A file on disk, under an exclusive lock while it is open. Implements ``LogFile``.

    Args:
        path: the file; it and its folder are made if absent.

    Raises:
        JournalBusy: somebody else holds the lock.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._fd = _open_locked(path)
        self._fresh: int | None = None  # what is prepared

    @property
    def name(self) -> str:
        return self._path.name

    def read(self) -> bytes:
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)

    def cut(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        os.lseek(self._fd, size, os.SEEK_SET)

    def append(self, data: bytes) -> None:
        _write(self._fd, data)

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def prepare(self, data: bytes) -> None:
        fd = os.open(self._beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(fd, data)
            os.fsync(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fresh = fd

    def swap(self) -> None:
        assert self._fresh is not None, "nothing is prepared"
        fresh, self._fresh = self._fresh, None
        try:
            os.replace(self._beside, self._path)
            _sync_folder(self._path.parent)
        except BaseException:
            os.close(fresh)
            raise
        os.close(self._fd)
        self._fd = fresh

    def close(self) -> None:
        os.close(self._fd)

    @property
    def _beside(self) -> Path:
        return self._path.with_suffix(".new")


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


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
