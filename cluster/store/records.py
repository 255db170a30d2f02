"""What the recorder keeps, for people: cycles, events, equity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from hashlib import blake2b

import msgspec
from sqlalchemy import Connection, Table, delete, select, tuple_

from actors.messages import CycleRecord
from actors.store import EquityPoint, Event
from adapters.model import BotId
from cluster.store.database import Database, RowValues, put_missing
from cluster.store.tables import CYCLES, EQUITY, EVENTS, RECORDS

_PRUNED_AT_ONCE = 500  # rows a transaction: a halt never waits for a day's records to go


class SqlRecords:
    """``RecordStore``. Everything may be told twice: each record is kept once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_cycles(self, records: Sequence[CycleRecord]) -> None:
        rows = [_cycle_row(record) for record in records]
        await self._database.write(lambda store: put_missing(store, CYCLES, rows))

    async def cycles(self, bot: BotId, *, cycle: int | None = None, limit: int = 50) -> Sequence[CycleRecord]:
        query = select(CYCLES.c.record).where(CYCLES.c.bot == bot)
        if cycle is not None:
            query = query.where(CYCLES.c.cycle == cycle)
        newest = query.order_by(CYCLES.c.epoch.desc(), CYCLES.c.cycle.desc()).limit(limit)
        return await self._database.read(lambda store: store.scalars(newest).all())

    async def add_events(self, events: Sequence[Event]) -> None:
        rows = [_event_row(event) for event in events]
        await self._database.write(lambda store: put_missing(store, EVENTS, rows))

    async def events(self, *, bot: str | None = None, limit: int = 100) -> Sequence[Event]:
        query = select(*(EVENTS.c[name] for name in Event.__struct_fields__))
        if bot is not None:
            query = query.where(EVENTS.c.bot == bot)
        newest = query.order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc()).limit(limit)
        rows = await self._database.read(lambda store: store.execute(newest).all())
        return [Event(**row._asdict()) for row in rows]

    async def add_equity(self, points: Sequence[EquityPoint]) -> None:
        rows = [msgspec.structs.asdict(point) for point in points]
        await self._database.write(lambda store: put_missing(store, EQUITY, rows))

    async def equity(self, *, since: datetime) -> Sequence[EquityPoint]:
        """Points of ``since`` and after, oldest first."""
        query = select(EQUITY).where(EQUITY.c.at >= since).order_by(EQUITY.c.at, EQUITY.c.wallet)
        rows = await self._database.read(lambda store: store.execute(query).all())
        return [EquityPoint(**row._asdict()) for row in rows]

    async def prune(self, *, before: datetime) -> None:
        """Forget the cycles, events and equity of earlier than this, in small steps."""
        for table in RECORDS:
            while await self._database.write(partial(_prune_some, table=table, before=before)):
                pass


def _cycle_row(record: CycleRecord) -> RowValues:
    return {
        "bot": record.bot,
        "epoch": record.epoch,
        "cycle": record.cycle,
        "at": record.timestamp,
        "record": record,
    }


def _event_row(event: Event) -> RowValues:
    digest = blake2b(msgspec.json.encode(event, order="deterministic"), digest_size=16).hexdigest()
    return {**msgspec.structs.asdict(event), "digest": digest}


def _prune_some(store: Connection, table: Table, before: datetime) -> bool:
    key = tuple_(*table.primary_key)
    some = select(*table.primary_key).where(table.c.at < before).limit(_PRUNED_AT_ONCE)
    return store.execute(delete(table).where(key.in_(some))).rowcount > 0
