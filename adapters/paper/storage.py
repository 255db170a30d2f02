"""The exchange's own memory: one SQLite file that a SIGKILL at any instant leaves whole.

Every call is one transaction, written before anybody hears of it. WAL with ``synchronous=NORMAL`` survives the death
of the process; the death of the machine may cost the newest transactions, never the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from adapters.errors import ConfigError, OutcomeUnknown
from adapters.model import Fill, OrderReport, Symbol
from adapters.paper.ledger import House, Ledger
from adapters.paper.state import Changes, InFlight, Working
from adapters.venue import UserEvent

FILLS_PER_PAGE = 500
HISTORY_KEPT = 200_000  # events; some 70 megabytes

_TABLES = """
CREATE TABLE IF NOT EXISTS house (id INTEGER PRIMARY KEY CHECK (id = 0), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS market (symbol TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placed (
    account TEXT, id TEXT, change INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fill (
    account TEXT, sequence INTEGER, body BLOB NOT NULL, PRIMARY KEY (account, sequence)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS in_flight (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS history (number INTEGER PRIMARY KEY, account TEXT NOT NULL, fill INTEGER, report BLOB);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRow:
    """The house's ledgers and the counters of the exchange."""

    house: House
    numbered: int  # the last number given to an order or command
    changed: int  # the last number given to a change of an order: the order in which orders finished


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account without its orders."""

    name: str
    ledger: Ledger
    leverage: dict[Symbol, int]
    fill_count: int
    liquidation_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRow:
    """What outlives a market's depth, which is stale after a restart."""

    symbol: Symbol
    price: Decimal
    context_mark: Decimal | None
    funded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """All that was in the file; orders in the order of their last change."""

    house: HouseRow
    accounts: tuple[AccountRow, ...]
    markets: tuple[MarketRow, ...]
    orders: tuple[Working, ...]
    in_flight: tuple[InFlight, ...]


class PaperStorage:
    """One exchange's file. One process at a time, one thread at a time.

    Args:
        path: created if absent; its folder must exist.

    Raises:
        ConfigError: another exchange has the file open, or it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            self._db.close()
            raise ConfigError(f"{path} cannot be used as a paper exchange's file: {error}") from error

    def load(self) -> Saved | None:
        """What was saved last; None from a new file."""
        house = self._db.execute("SELECT body FROM house").fetchone()
        if house is None:
            return None
        return Saved(
            house=_HOUSE.decode(house[0]),
            accounts=tuple(map(_ACCOUNT.decode, self._bodies("SELECT body FROM account ORDER BY name"))),
            markets=tuple(map(_MARKET.decode, self._bodies("SELECT body FROM market ORDER BY symbol"))),
            orders=tuple(map(_WORKING.decode, self._bodies("SELECT body FROM placed ORDER BY change"))),
            in_flight=tuple(
                map(_IN_FLIGHT.decode, self._bodies("SELECT body FROM in_flight ORDER BY number"))
            ),
        )

    def save(
        self,
        changes: Changes,
        *,
        house: HouseRow,
        accounts: Sequence[AccountRow],
        markets: Sequence[MarketRow],
    ) -> None:
        """Write what one call has changed, all or nothing.

        Args:
            changes: orders, fills and commands in flight.
            house: as it is now.
            accounts: the changed ones.
            markets: the changed ones.

        Raises:
            OutcomeUnknown: nothing was written; the changes are still to be saved.
        """
        first = house.changed - len(changes.orders) + 1
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT OR REPLACE INTO house VALUES (0, ?)", (_encode(house),))
            db.executemany(
                "INSERT OR REPLACE INTO account VALUES (?, ?)",
                [(row.name, _encode(row)) for row in accounts],
            )
            db.executemany(
                "INSERT OR REPLACE INTO market VALUES (?, ?)",
                [(row.symbol, _encode(row)) for row in markets],
            )
            db.executemany(
                "INSERT OR REPLACE INTO placed VALUES (?, ?, ?, ?)",
                [(*key, first + n, _encode(order)) for n, (key, order) in enumerate(changes.orders.items())],
            )
            db.executemany("DELETE FROM placed WHERE account = ? AND id = ?", changes.forgotten)
            db.executemany(
                "INSERT INTO fill VALUES (?, ?, ?)",
                [(account, fill.sequence, _encode(fill)) for account, fill in changes.fills],
            )
            db.executemany(
                "INSERT INTO in_flight VALUES (?, ?)", [(sent.number, _encode(sent)) for sent in changes.sent]
            )
            db.executemany("DELETE FROM in_flight WHERE number = ?", [(n,) for n in changes.landed])
            db.executemany(
                "INSERT INTO history (account, fill, report) VALUES (?, ?, ?)",
                [
                    (account, event.sequence, None)
                    if isinstance(event, Fill)
                    else (account, None, _encode(event))
                    for account, event in changes.history
                ],
            )
            db.execute(
                "DELETE FROM history WHERE number <= (SELECT max(number) FROM history) - ?", (HISTORY_KEPT,)
            )
            db.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):  # where BEGIN itself failed there is nothing to roll back
                db.execute("ROLLBACK")
            raise OutcomeUnknown(f"the paper exchange could not store it: {error}", venue="paper") from error

    def fills_since(self, account: str, sequence: int) -> list[Fill]:
        """The next page of an account's fills numbered above ``sequence``."""
        rows = self._db.execute(
            "SELECT body FROM fill WHERE account = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (account, sequence, FILLS_PER_PAGE),
        )
        return [_FILL.decode(row[0]) for row in rows]

    def history(self) -> Iterator[tuple[int, str, UserEvent]]:
        """What was told to any account, in the order in which it happened: (number, account, event).

        Numbers count from 1 without gaps; the newest ``HISTORY_KEPT`` are kept.
        """
        rows = self._db.execute(
            "SELECT number, history.account, report, body FROM history LEFT JOIN fill"
            " ON fill.account = history.account AND fill.sequence = history.fill ORDER BY number"
        )
        for number, account, report, fill in rows:
            yield number, account, _FILL.decode(fill) if report is None else _REPORT.decode(report)

    def close(self) -> None:
        self._db.close()

    def _bodies(self, query: str) -> list[bytes]:
        return [row[0] for row in self._db.execute(query)]


_encode = msgspec.json.encode
_HOUSE = msgspec.json.Decoder(HouseRow)
_ACCOUNT = msgspec.json.Decoder(AccountRow)
_MARKET = msgspec.json.Decoder(MarketRow)
_WORKING = msgspec.json.Decoder(Working)
_IN_FLIGHT = msgspec.json.Decoder(InFlight)
_FILL = msgspec.json.Decoder(Fill)
_REPORT = msgspec.json.Decoder(OrderReport)
