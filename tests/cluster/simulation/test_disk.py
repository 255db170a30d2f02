"""The simulated disk keeps what a disk keeps; a journal on it recovers from every point at which a process dies."""

import errno
import random
from collections.abc import Callable

import pytest

from actors.journal import LogJournal
from actors.ledger_events import LedgerEvent, Seated
from actors.log_file import JournalBusy
from adapters.model import BotId
from cluster.simulation.disk import CrashPoint, Disk
from cluster.simulation.loop import Killed, Process, SimLoop

EVENTS: list[LedgerEvent] = [Seated(BotId("ann"), number) for number in range(1, 6)]
NAME = "main.journal"


def a_disk() -> tuple[Disk, list[str]]:
    bitten: list[str] = []
    return Disk(SimLoop(0), random.Random(1), bitten.append), bitten


def within(process: Process, work: Callable[[], object]) -> None:
    process.context.run(work)


def opened(disk: Disk, process: Process, *, sync: bool = True) -> LogJournal:
    journal: list[LogJournal] = []
    within(process, lambda: journal.append(LogJournal(disk.open(NAME), sync=sync)))
    return journal[0]


def test_what_was_synced_survives_a_power_loss_and_of_the_rest_a_prefix() -> None:
    for seed in range(50):
        disk = Disk(SimLoop(0), random.Random(seed), lambda _: None)
        first = Process("first", "h")
        journal = opened(disk, first, sync=False)
        journal.append(*EVENTS[:2])
        journal.flush()
        journal.append(*EVENTS[2:])
        disk.loop.kill(first)
        disk.lose_power()
        found = opened(disk, Process("second", "h")).events
        assert found[:2] == EVENTS[:2]
        assert found == EVENTS[: len(found)]


def test_the_death_of_a_process_alone_loses_nothing_that_was_written() -> None:
    disk, _ = a_disk()
    first = Process("first", "h")
    opened(disk, first, sync=False).append(*EVENTS)
    disk.loop.kill(first)
    assert opened(disk, Process("second", "h")).events == EVENTS


def test_a_second_process_is_shut_out_while_the_first_lives() -> None:
    disk, _ = a_disk()
    first, second = Process("first", "h"), Process("second", "h")
    opened(disk, first)
    with pytest.raises(JournalBusy, match="held by first"):
        opened(disk, second)
    disk.loop.kill(first)
    opened(disk, second)


@pytest.mark.parametrize("point", list(CrashPoint))
@pytest.mark.parametrize("nth", [1, 2])
def test_a_death_at_any_point_leaves_the_events_before_it(point: CrashPoint, nth: int) -> None:
    disk, bitten = a_disk()
    process = Process("first", "h")
    journal = opened(disk, process)
    disk.crash_points[NAME] = (point, nth)
    acknowledged: list[LedgerEvent] = []

    def work() -> None:
        for event in EVENTS:
            journal.append(event)
            acknowledged.append(event)
            journal.compact(acknowledged)

    with pytest.raises(Killed):
        within(process, work)
    assert not process.alive
    assert bitten == ["crash in journal"]
    found = opened(disk, Process("second", "h")).events
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) <= len(acknowledged) + 1


def test_a_full_disk_and_a_failing_sync_are_errors_of_the_system() -> None:
    disk, bitten = a_disk()
    journal = opened(disk, Process("first", "h"))
    disk.is_full = True
    with pytest.raises(OSError, match="no space") as full:
        journal.append(EVENTS[0])
    assert full.value.errno == errno.ENOSPC
    disk.is_full, disk.sync_fails = False, True
    with pytest.raises(OSError, match="open the journal anew"):
        journal.append(EVENTS[0])
    assert bitten == ["disk full"]
