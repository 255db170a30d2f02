"""What the risk guard keeps: what is lent, and what a day began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, bindparam, delete, select

from actors.store import EquityMarks
from adapters.model import WalletId
from cluster.store.database import Database, RowValues, put, put_missing
from cluster.store.tables import DAY_STARTS, GRANTS, LAST_EQUITIES, PEAK, WALLET_DAY_STARTS
from risk.leases import Grant

_ALL_GRANTS = select(GRANTS)
_DAY_START = select(DAY_STARTS.c.equity_usd).where(DAY_STARTS.c.day == bindparam("day"))
_PEAK = select(PEAK.c.equity_usd)
_ALL_EQUITIES = select(LAST_EQUITIES)
_WALLET_DAY_START = select(WALLET_DAY_STARTS.c.equity_usd).where(
    WALLET_DAY_STARTS.c.day == bindparam("day"), WALLET_DAY_STARTS.c.wallet == bindparam("wallet")
)


class SqlGuard:
    """``GuardStore`` but for its numbers and latches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_grants(self) -> Mapping[WalletId, Grant]:
        rows = await self._database.read(lambda store: store.execute(_ALL_GRANTS).all())
        return {row.wallet: Grant(**row._asdict()) for row in rows}

    async def save_grant(self, grant: Grant) -> None:
        await self._database.write(lambda store: put(store, GRANTS, [asdict(grant)]))

    async def mark_equity(self, day: date, equity_usd: Decimal) -> EquityMarks:
        def mark(store: Connection) -> EquityMarks:
            put_missing(store, DAY_STARTS, [{"day": day, "equity_usd": equity_usd}])
            start = store.execute(_DAY_START, {"day": day}).scalar_one()
            peak = store.scalar(_PEAK)
            if peak is None or equity_usd > peak:
                put(store, PEAK, [{"id": 1, "equity_usd": equity_usd}])
            return EquityMarks(start, equity_usd if peak is None else max(peak, equity_usd))

        return await self._database.write(mark)

    async def restart_marks(self, day: date, equity_usd: Decimal) -> None:
        def restart(store: Connection) -> None:
            put(store, DAY_STARTS, [{"day": day, "equity_usd": equity_usd}])
            put(store, PEAK, [{"id": 1, "equity_usd": equity_usd}])
            store.execute(delete(WALLET_DAY_STARTS).where(WALLET_DAY_STARTS.c.day == day))

        await self._database.write(restart)

    async def load_equities(self) -> Mapping[WalletId, Decimal]:
        rows = await self._database.read(lambda store: store.execute(_ALL_EQUITIES).all())
        return {row.wallet: row.equity_usd for row in rows}

    async def save_equities(self, equities: Mapping[WalletId, Decimal]) -> None:
        rows: Sequence[RowValues] = [
            {"wallet": wallet, "equity_usd": equity} for wallet, equity in equities.items()
        ]
        await self._database.write(lambda store: put(store, LAST_EQUITIES, rows))

    async def wallet_day_start(self, day: date, wallet: WalletId, equity_usd: Decimal) -> Decimal:
        key = {"day": day, "wallet": wallet}

        def first(store: Connection) -> Decimal:
            put_missing(store, WALLET_DAY_STARTS, [{**key, "equity_usd": equity_usd}])
            kept: Decimal = store.execute(_WALLET_DAY_START, key).scalar_one()
            return kept

        return await self._database.write(first)
