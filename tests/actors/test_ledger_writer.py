"""A disk that fails opens nothing, and stops no cancel and no close; what was not written is written when it can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.journal import FileJournal, JournalFailed
from actors.ledger import replayed
from actors.ledger_events import Latch
from actors.ledger_writer import MEND_S
from actors.messages import Admit, Engage
from adapters.model import ZERO, OrderType
from config.spec import HaltLevel
from tests.actors.builders import ANN, Floor, a_bot_spec, a_close, a_quote_intent, an_open, dec
from tests.actors.test_ledger import state_of


class FullDisk:
    """A disk that can be filled and emptied."""

    def __init__(self, floor: Floor, patch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        journal = floor.journal
        for name in ("append", "compact"):
            patch.setattr(journal, name, self._guarded(getattr(journal, name)))

    def _guarded(self, work: Callable[..., None]) -> Callable[..., None]:
        def guarded(*written: Any) -> None:
            if self.is_full:
                raise OSError(28, "no space left on device")
            work(*written)

        return guarded


@pytest.fixture
async def floor(tmp_path: Path) -> Floor:
    floor = Floor(tmp_path / "main.journal")
    await floor.open()
    await floor.submit(an_open(0, "2"), a_quote_intent(1, "980"))
    await floor.pass_()
    return floor


@pytest.fixture
def disk(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    disk = FullDisk(floor, monkeypatch)
    disk.is_full = True
    return disk


async def test_nothing_is_opened(floor: Floor, disk: FullDisk) -> None:
    sent = len(floor.venue.asked("place"))
    with pytest.raises(JournalFailed):
        await floor.submit(a_quote_intent(7, "970"))
    assert len(floor.venue.asked("place")) == sent


async def test_no_lease_is_taken(floor: Floor, disk: FullDisk) -> None:
    held = floor.wallet.report().lease
    with pytest.raises(JournalFailed):
        await floor.wallet.renew(floor.lender)
    assert floor.wallet.report().lease == held


async def test_a_halt_holds_at_once_and_is_not_taken_before_it_is_on_disk(
    floor: Floor, disk: FullDisk
) -> None:
    engage = Engage((Latch("fleet", HaltLevel.CANCEL_ALL, 1),), 1)
    for _ in range(2):
        with pytest.raises(JournalFailed):
            await floor.wallet.engage(engage)
        assert floor.look().halt is HaltLevel.CANCEL_ALL
    disk.is_full = False
    floor.advance(MEND_S)
    assert (await floor.wallet.engage(engage)).generation == floor.wallet.ledger.generation == 1


async def test_nobody_is_seated_anew(floor: Floor, disk: FullDisk) -> None:
    with pytest.raises(JournalFailed):
        floor.wallet.admit(Admit(a_bot_spec(), 2))
    assert floor.wallet.ledger.record(ANN).epoch == 1


async def test_cancels_and_closes_go_through(floor: Floor, disk: FullDisk) -> None:
    await floor.submit(a_close(8, "2"), cancels=[a_quote_intent(1).id])
    await floor.pass_()
    assert floor.is_flat()
    assert floor.wallet.ledger.net(a_close().symbol) == ZERO


async def test_a_position_keeps_its_stop(floor: Floor, disk: FullDisk) -> None:
    await floor.submit(a_close(8, "0.5"))
    floor.advance(10)
    floor.show(999, 1001)
    await floor.wallet.refresh_account()
    await floor.pass_()
    (stop,) = floor.resting(OrderType.STOP)
    assert stop.size == floor.held() == dec("1.5")


async def test_it_is_a_reason_to_be_halted(floor: Floor, disk: FullDisk) -> None:
    with pytest.raises(JournalFailed):
        await floor.wallet.renew(floor.lender)
    floor.wallet.look_out()
    assert floor.look().halt is HaltLevel.REDUCE_ONLY


async def test_what_was_not_written_is_written_when_there_is_room(floor: Floor, disk: FullDisk) -> None:
    await floor.submit(a_close(8, "0.5"))
    disk.is_full = False
    floor.advance(MEND_S)
    await floor.submit(a_quote_intent(9, "960"))
    assert floor.path is not None
    assert isinstance(floor.journal, FileJournal)
    floor.journal.close()
    written = FileJournal(floor.path, sync=False)
    assert state_of(replayed(written.events)) == state_of(floor.wallet.ledger)


async def test_a_full_disk_is_not_tried_at_every_event(
    floor: Floor, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def count(events: object) -> None:
        tried.append(events)
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(floor.journal, "compact", count)
    for leg in range(5):
        await floor.submit(a_close(10 + leg, "0.1"))
    assert len(tried) <= 1
