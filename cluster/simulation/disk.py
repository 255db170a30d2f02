"""A host's disk: what was written, what of it was synced, and what a crash leaves of the rest."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from actors.log_file import JournalBusy
from cluster.simulation.loop import Process, SimLoop, current


class CrashPoint(StrEnum):
    """Where in an append or a compaction the process dies."""

    BEFORE_APPEND = "before_append"
    TORN_APPEND = "torn_append"
    BEFORE_SYNC = "before_sync"
    AFTER_SYNC = "after_sync"
    BEFORE_SWAP = "before_swap"
    AFTER_SWAP = "after_swap"


@dataclass(slots=True)
class SimFile:
    """One file's content."""

    name: str
    data: bytearray = field(default_factory=bytearray)  # what a reader of the running machine sees
    synced: int = 0  # bytes of it that a power cut leaves in any case
    writer: Process | None = None  # who holds the lock
    is_synced: bool = True  # whether its writer syncs every append before it goes on

    @property
    def durable(self) -> int:
        """Bytes that count as written ahead, by the journal's own promise."""
        return self.synced if self.is_synced else len(self.data)


@dataclass(slots=True)
class Disk:
    """One host's files, and what is wrong with the disk."""

    loop: SimLoop
    random: random.Random
    bite: Callable[[str], None]
    files: dict[str, SimFile] = field(default_factory=dict)
    is_full: bool = False
    sync_fails: bool = False
    crash_points: dict[str, tuple[CrashPoint, int]] = field(
        default_factory=dict
    )  # by file: where, at the how manieth

    def open(self, name: str, *, is_synced: bool = True) -> DiskLog:
        """A file under the lock of the running process. Raises ``JournalBusy`` while another process holds it."""
        file = self.files.setdefault(name, SimFile(name))
        file.is_synced = is_synced
        process = current()
        if file.writer is not None and file.writer.alive and file.writer is not process:
            raise JournalBusy(f"{name} is held by {file.writer}")
        file.writer = process
        return DiskLog(self, file)

    def lose_power(self) -> None:
        """Of what was not synced, any prefix may be left."""
        for file in self.files.values():
            unsynced = len(file.data) - file.synced
            if unsynced:
                self.bite("torn by power loss")
                del file.data[file.synced + self.random.randint(0, unsynced) :]
                file.synced = len(file.data)

    def reaches(self, file: SimFile, point: CrashPoint) -> bool:
        """Whether the process shall die here, this time."""
        planned = self.crash_points.get(file.name)
        if planned is None or planned[0] is not point:
            return False
        if planned[1] > 1:
            self.crash_points[file.name] = (point, planned[1] - 1)
            return False
        del self.crash_points[file.name]
        self.bite("crash in journal")
        return True


class DiskLog:
    """One open file. Implements ``LogFile``."""

    def __init__(self, disk: Disk, file: SimFile) -> None:
        self._disk = disk
        self._file = file
        self._fresh: bytes | None = None

    @property
    def name(self) -> str:
        return self._file.name

    def read(self) -> bytes:
        return bytes(self._file.data)

    def cut(self, size: int) -> None:
        del self._file.data[size:]
        self._file.synced = min(self._file.synced, size)

    def append(self, data: bytes) -> None:
        disk, file = self._disk, self._file
        self._die_at(CrashPoint.BEFORE_APPEND)
        if disk.is_full:
            disk.bite("disk full")
            file.data += data[: disk.random.randint(0, len(data))]
            raise OSError(errno.ENOSPC, "no space left on device", file.name)
        if disk.reaches(file, CrashPoint.TORN_APPEND):
            file.data += data[: disk.random.randint(0, len(data))]
            disk.loop.exit(current())
        file.data += data
        self._die_at(CrashPoint.BEFORE_SYNC)

    def sync(self) -> None:
        if self._disk.sync_fails:
            self._disk.bite("fsync fails")
            raise OSError(errno.EIO, "input/output error", self._file.name)
        self._file.synced = len(self._file.data)
        self._die_at(CrashPoint.AFTER_SYNC)

    def prepare(self, data: bytes) -> None:
        if self._disk.is_full:
            self._disk.bite("disk full")
            raise OSError(errno.ENOSPC, "no space left on device", self._file.name)
        if self._disk.sync_fails:
            self._disk.bite("fsync fails")
            raise OSError(errno.EIO, "input/output error", self._file.name)
        self._fresh = data

    def swap(self) -> None:
        assert self._fresh is not None, "nothing is prepared"
        self._die_at(CrashPoint.BEFORE_SWAP)
        fresh, self._fresh = self._fresh, None
        self._file.data[:] = fresh
        self._file.synced = len(fresh)
        self._die_at(CrashPoint.AFTER_SWAP)

    def close(self) -> None:
        self._file.writer = None

    def _die_at(self, point: CrashPoint) -> None:
        if self._disk.reaches(self._file, point):
            self._disk.loop.exit(current())
