"""The tables of today. ``migrations/`` leads there from every older version.

A value that is asked for by its parts has a column for each; the rest is kept whole, as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from actors.ledger_events import HaltCause
from actors.lifecycle import BotState
from actors.messages import CycleRecord
from cluster.store.columns import AsJson, AsText, UtcTime
from config.spec import BotSpec, FleetSpec, HaltLevel

METADATA = MetaData()

FLEET = Table(
    "fleet",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("spec", AsJson[FleetSpec](FleetSpec), nullable=False),  # without its bots
    CheckConstraint("id = 1", name="one_fleet"),
)

BOTS = Table(
    "bots",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("wallet", Text, nullable=False),
    Column("wanted", Boolean, nullable=False),
    Column("spec", AsJson[BotSpec](BotSpec), nullable=False),
    Column("checkpoint", LargeBinary),
)

# A removed bot's row stays: one of the same name goes on with its epochs, which wallets and records tell apart.
STATUSES = Table(
    "statuses",
    METADATA,
    Column("bot", Text, primary_key=True),
    Column("state", AsText(BotState), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("crashes", AsJson[tuple[datetime, ...]](tuple[datetime, ...]), nullable=False),
    Column("retry_at", UtcTime),
    Column("settled", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("alarm", Text, nullable=False, server_default=""),
)

WALLETS = Table(
    "wallets",
    METADATA,
    Column("wallet", Text, primary_key=True),
    Column("incarnation", BigInteger, nullable=False),
    Column("node", Text, nullable=False),
    Column("socket", Text, nullable=False),
)

PACKAGES = Table(
    "packages",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("package", LargeBinary, nullable=False),
)

COUNTERS = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),  # the last number given out
)

HALT_GENERATION = "halt generation"  # the counter that every change of a latch takes a number from

LATCHES = Table(
    "latches",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("level", AsText(HaltLevel), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", AsText(HaltCause), nullable=False, server_default=HaltCause.OPERATOR),
)

GRANTS = Table(
    "grants",
    METADATA,
    Column("wallet", Text, primary_key=True),
    Column("incarnation", BigInteger, nullable=False),
    Column("granted_usd", AsText(Decimal), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("issued_usd", AsText(Decimal), nullable=False),
    Column("held_by", BigInteger, nullable=False, server_default="0"),
)

DAY_STARTS = Table(
    "day_starts",
    METADATA,
    Column("day", Date, primary_key=True),  # of UTC
    Column("equity_usd", AsText(Decimal), nullable=False),
)

WALLET_DAY_STARTS = Table(
    "wallet_day_starts",
    METADATA,
    Column("day", Date, primary_key=True),  # of UTC
    Column("wallet", Text, primary_key=True),
    Column("equity_usd", AsText(Decimal), nullable=False),
)

PEAK = Table(
    "peak",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("equity_usd", AsText(Decimal), nullable=False),  # of the fleet, the highest
    CheckConstraint("id = 1", name="one_peak"),
)

LAST_EQUITIES = Table(
    "last_equities",
    METADATA,
    Column("wallet", Text, primary_key=True),
    Column("equity_usd", AsText(Decimal), nullable=False),
)

CYCLES = Table(
    "cycles",
    METADATA,
    Column("bot", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("cycle", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("record", AsJson[CycleRecord](CycleRecord), nullable=False),
    Index("cycles_at", "at"),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("digest", String(32), nullable=False, unique=True),  # of all the rest: the same event is kept once
    Column("at", UtcTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("bot", Text, nullable=False),
    Column("wallet", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", AsJson[Mapping[str, Any]](Mapping[str, Any]), nullable=False),
    Index("events_at", "at"),
    Index("events_bot_at", "bot", "at"),
)

EQUITY = Table(
    "equity",
    METADATA,
    Column("at", UtcTime, primary_key=True),
    Column("wallet", Text, primary_key=True),
    Column("equity_usd", AsText(Decimal), nullable=False),
    Column("exposure_usd", AsText(Decimal), nullable=False),
)

RECORDS = (CYCLES, EVENTS, EQUITY)  # what grows without end
