"""What the supervisor keeps: the fleet, its bots and wallets, their states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from actors.lifecycle import BotState, BotStatus
from actors.store import WalletPlace
from adapters.errors import ConfigError
from adapters.model import BotId, WalletId
from cluster.store.database import Database, RowValues, count_up, put, put_missing
from cluster.store.tables import (
    BOTS,
    COUNTERS,
    DAY_STARTS,
    FLEET,
    GRANTS,
    LAST_EQUITIES,
    PACKAGES,
    PEAK,
    STATUSES,
    WALLETS,
)
from config.spec import BotSpec, FleetSpec

_ALL_BOTS = select(BOTS.c.spec, BOTS.c.wanted).order_by(BOTS.c.name)
_ALL_STATUSES = select(STATUSES).join(BOTS, BOTS.c.name == STATUSES.c.bot)
_ALL_WALLETS = select(WALLETS)
_CHECKPOINT = select(BOTS.c.checkpoint).where(BOTS.c.name == bindparam("bot"))
_CHANGE_CHECKPOINT = (
    update(BOTS).where(BOTS.c.name == bindparam("bot")).values(checkpoint=bindparam("checkpoint"))
)
_BLANK = {"state": BotState.IDLE, "crashes": (), "retry_at": None, "reason": "", "alarm": ""}


class SqlFleet:
    """``FleetStore`` but for its events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_fleet(self) -> FleetSpec | None:
        return await self._database.read(lambda store: store.scalar(select(FLEET.c.spec)))

    async def save_fleet(self, fleet: FleetSpec) -> None:
        """Keep the fleet. What was lent to a wallet that it has not is free again, and nobody looks for that wallet."""
        wallets = [wallet.name for wallet in fleet.wallets]

        def save(store: Connection) -> None:
            put(store, FLEET, [{"id": 1, "spec": replace(fleet, bots=())}])
            for table in (WALLETS, GRANTS):
                store.execute(delete(table).where(table.c.wallet.not_in(wallets)))
            if store.execute(delete(LAST_EQUITIES).where(LAST_EQUITIES.c.wallet.not_in(wallets))).rowcount:
                for marks in (DAY_STARTS, PEAK):  # of another fleet: what is missing now was not lost
                    store.execute(delete(marks))
            put(store, BOTS, [_bot_row(bot) for bot in fleet.bots])

        await self._database.write(save)

    async def forget_fleet(self) -> None:
        def forget(store: Connection) -> None:
            store.execute(delete(FLEET))
            store.execute(delete(BOTS))
            store.execute(update(STATUSES).values(_BLANK))

        await self._database.write(forget)

    async def load_bots(self) -> Sequence[tuple[BotSpec, bool]]:
        rows = await self._database.read(lambda store: store.execute(_ALL_BOTS).all())
        return [(row.spec, row.wanted) for row in rows]

    async def add_bots(self, bots: Sequence[BotSpec]) -> None:
        names = [bot.name for bot in bots]

        def add(store: Connection) -> None:
            taken = set(store.scalars(select(BOTS.c.name).where(BOTS.c.name.in_(names))))
            taken.update(name for name in names if names.count(name) > 1)
            if taken:
                raise ConfigError(f"there is a bot of this name already: {', '.join(sorted(taken))}")
            put(store, BOTS, [_bot_row(bot) for bot in bots])

        await self._database.write(add)

    async def remove_bot(self, bot: BotId) -> None:
        """Forget the bot and its checkpoint; of its status the epoch and incarnation stay."""

        def remove(store: Connection) -> None:
            store.execute(delete(BOTS).where(BOTS.c.name == bot))
            store.execute(update(STATUSES).where(STATUSES.c.bot == bot).values(_BLANK))

        await self._database.write(remove)

    async def set_wanted(self, bots: Sequence[BotId], wanted: bool) -> None:
        change = update(BOTS).where(BOTS.c.name.in_(bots)).values(wanted=wanted)
        await self._database.write(lambda store: store.execute(change))

    async def load_statuses(self) -> Mapping[BotId, BotStatus]:
        rows = await self._database.read(lambda store: store.execute(_ALL_STATUSES).all())
        return {row.bot: BotStatus(**row._asdict()) for row in rows}

    async def save_status(self, status: BotStatus) -> None:
        row = {field.name: getattr(status, field.name) for field in fields(status)}
        await self._database.write(lambda store: put(store, STATUSES, [row]))

    async def load_checkpoint(self, bot: BotId) -> bytes | None:
        return await self._database.read(lambda store: store.scalar(_CHECKPOINT, {"bot": bot}))

    async def save_checkpoint(self, bot: BotId, checkpoint: bytes) -> None:
        change = {"bot": bot, "checkpoint": checkpoint}
        await self._database.write(lambda store: store.execute(_CHANGE_CHECKPOINT, change))

    async def load_wallets(self) -> Mapping[WalletId, WalletPlace]:
        rows = await self._database.read(lambda store: store.execute(_ALL_WALLETS).all())
        return {row.wallet: WalletPlace(**row._asdict()) for row in rows}

    async def save_wallet(self, place: WalletPlace) -> None:
        """Keep the place, unless a newer incarnation's is there."""

        def save(store: Connection) -> None:
            older = (WALLETS.c.wallet == place.wallet, WALLETS.c.incarnation <= place.incarnation)
            store.execute(delete(WALLETS).where(*older))
            put_missing(store, WALLETS, [msgspec.structs.asdict(place)])

        await self._database.write(save)

    async def next_number(self, counter: str) -> int:
        return await self._database.write(lambda store: count_up(store, COUNTERS, counter))

    async def load_package(self, digest: str) -> bytes | None:
        query = select(PACKAGES.c.package).where(PACKAGES.c.digest == digest)
        return await self._database.read(lambda store: store.scalar(query))

    async def save_package(self, digest: str, package: bytes) -> None:
        row: dict[str, Any] = {"digest": digest, "package": package}
        await self._database.write(lambda store: put_missing(store, PACKAGES, [row]))


def _bot_row(bot: BotSpec) -> RowValues:
    return {"name": bot.name, "wallet": bot.wallet, "wanted": True, "spec": bot}
