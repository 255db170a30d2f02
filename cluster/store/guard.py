"""What the risk guard keeps: what is lent, and what a day began with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, select

from adapters.model import WalletId
from cluster.store.database import Database, put, put_missing
from cluster.store.tables import DAY_STARTS, GRANTS
from risk.leases import Grant


class SqlGuard:
    """``GuardStore`` but for its numbers and latches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_grants(self) -> Mapping[WalletId, Grant]:
        rows = await self._database.read(lambda store: store.execute(select(GRANTS)).all())
        return {row.wallet: Grant(**row._asdict()) for row in rows}

    async def save_grant(self, grant: Grant) -> None:
        await self._database.write(lambda store: put(store, GRANTS, [asdict(grant)]))

    async def day_start_equity(self, day: date, equity_usd: Decimal) -> Decimal:
        def first(store: Connection) -> Decimal:
            put_missing(store, DAY_STARTS, [{"day": day, "equity_usd": equity_usd}])
            kept: Decimal = store.execute(
                select(DAY_STARTS.c.equity_usd).where(DAY_STARTS.c.day == day)
            ).scalar_one()
            return kept

        return await self._database.write(first)
