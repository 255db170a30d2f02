"""The recorder's part of the store."""

from datetime import timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy.exc import StatementError

from actors.messages import CycleRecord
from actors.store import EquityPoint, Event, RecordStore
from adapters.model import BotId, WalletId
from cluster.store.sql import SqlStore
from tests.cluster.store.builders import NOON, a_cycle, an_event

MOMO = BotId("momo")


def a_point(after_s: float = 0.0, *, wallet: str = "main", equity: str = "10000.10") -> EquityPoint:
    return EquityPoint(
        at=NOON + timedelta(seconds=after_s),
        wallet=WalletId(wallet),
        equity_usd=Decimal(equity),
        exposure_usd=Decimal(0),
    )


def test_a_record_of_before_views_were_kept_is_still_read() -> None:
    """New fields have values of their own, so that an old store needs no rewriting."""
    young = {"advice", "intents", "view", "contexts", "halt", "limits"}
    old = {name: value for name, value in msgspec.to_builtins(a_cycle()).items() if name not in young}
    old["refusals"] = [{key: one[key] for key in one if key != "is_enforced"} for one in old["refusals"]]
    old["actions"] = [{key: one[key] for key in one if key != "order_id"} for one in old["actions"]]
    assert msgspec.convert(old, CycleRecord) == a_cycle()


async def test_a_cycle_comes_back_whole(store: SqlStore) -> None:
    recorder: RecordStore = store
    await recorder.add_cycles([a_cycle()])
    assert await recorder.cycles(MOMO) == [a_cycle()]


async def test_a_cycle_that_is_told_twice_is_kept_as_first_told(store: SqlStore) -> None:
    await store.add_cycles([a_cycle(1)])
    await store.add_cycles([a_cycle(1, error_message="again"), a_cycle(2), a_cycle(2)])
    assert await store.cycles(MOMO) == [a_cycle(2), a_cycle(1)]


async def test_the_newest_cycle_comes_first_and_a_later_epoch_is_newer(store: SqlStore) -> None:
    await store.add_cycles([a_cycle(1, epoch=2), *(a_cycle(number) for number in range(1, 12))])
    await store.add_cycles([a_cycle(1, bot="other")])
    newest = await store.cycles(MOMO, limit=3)
    assert [(record.epoch, record.cycle) for record in newest] == [(2, 1), (1, 11), (1, 10)]
    assert await store.cycles(MOMO, cycle=1) == [a_cycle(1, epoch=2), a_cycle(1)]
    assert await store.cycles(BotId("nobody")) == []


async def test_events_are_the_newest_first_and_those_of_one_instant_in_the_order_of_telling(
    store: SqlStore,
) -> None:
    await store.add_events([an_event("second", after_s=2), an_event("first"), an_event("third", after_s=2)])
    assert [event.text for event in await store.events()] == ["third", "second", "first"]
    assert [event.text for event in await store.events(limit=1)] == ["third"]


async def test_events_of_one_bot(store: SqlStore) -> None:
    of_the_fleet = Event(
        at=NOON, event="halt", severity="critical", data={"level": "flatten", "wallets": ["main"]}
    )
    await store.add_events([an_event(bot="momo"), an_event(bot="other"), of_the_fleet])
    assert await store.events(bot="momo") == [an_event(bot="momo")]
    assert await store.events(bot="") == [of_the_fleet]


async def test_an_event_that_is_told_twice_is_kept_once(store: SqlStore) -> None:
    await store.add_events([an_event("a")])
    await store.add_events([an_event("a"), an_event("b")])
    assert [event.text for event in await store.events()] == ["b", "a"]


async def test_equity_since_a_time_oldest_first(store: SqlStore) -> None:
    await store.add_equity([a_point(2), a_point(0), a_point(1, wallet="spare"), a_point(1)])
    await store.add_equity([a_point(1)])
    in_new_york = (NOON + timedelta(seconds=1)).astimezone(timezone(-timedelta(hours=5)))
    assert await store.equity(since=in_new_york) == [a_point(1), a_point(1, wallet="spare"), a_point(2)]


async def test_nothing_to_add_is_nothing(store: SqlStore) -> None:
    await store.add_cycles([])
    await store.add_events([])
    await store.add_equity([])
    assert await store.events() == []


async def test_a_time_without_a_zone_is_refused(store: SqlStore) -> None:
    with pytest.raises(StatementError, match="without a time zone"):
        await store.equity(since=NOON.replace(tzinfo=None))


async def test_pruning_forgets_what_is_older_and_only_that(store: SqlStore) -> None:
    numbers = range(1, 1202)
    await store.add_cycles([a_cycle(number) for number in numbers])
    await store.add_events([an_event(after_s=number) for number in numbers])
    await store.add_equity([a_point(number) for number in numbers])
    await store.prune(before=NOON + timedelta(seconds=1200))
    assert [record.cycle for record in await store.cycles(MOMO)] == [1201, 1200]
    assert await store.events() == [an_event(after_s=1201), an_event(after_s=1200)]
    assert await store.equity(since=NOON) == [a_point(1200), a_point(1201)]
