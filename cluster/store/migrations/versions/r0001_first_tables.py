"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """From nothing."""
    op.create_table(
        "fleet",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.CheckConstraint("id = 1", name="one_fleet"),
    )
    op.create_table(
        "bots",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("wallet", sa.Text, nullable=False),
        sa.Column("wanted", sa.Boolean, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary),
    )
    op.create_table(
        "statuses",
        sa.Column("bot", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("incarnation", sa.BigInteger, nullable=False),
        sa.Column("crashes", sa.Text, nullable=False),
        sa.Column("retry_at", sa.String(32)),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "wallets",
        sa.Column("wallet", sa.Text, primary_key=True),
        sa.Column("incarnation", sa.BigInteger, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("socket", sa.Text, nullable=False),
    )
    op.create_table(
        "packages",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("package", sa.LargeBinary, nullable=False),
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "halt generation", "value": 0}])
    op.create_table(
        "latches",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column("wallet", sa.Text, primary_key=True),
        sa.Column("incarnation", sa.BigInteger, nullable=False),
        sa.Column("granted_usd", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("issued_usd", sa.Text, nullable=False),
    )
    op.create_table(
        "day_starts",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("equity_usd", sa.Text, nullable=False),
    )
    _create_records()


def _create_records() -> None:
    op.create_table(
        "cycles",
        sa.Column("bot", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("cycle", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_index("cycles_at", "cycles", ["at"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("digest", sa.String(32), nullable=False, unique=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("bot", sa.Text, nullable=False),
        sa.Column("wallet", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("events_at", "events", ["at"])
    op.create_index("events_bot_at", "events", ["bot", "at"])
    op.create_table(
        "equity",
        sa.Column("at", sa.String(32), primary_key=True),
        sa.Column("wallet", sa.Text, primary_key=True),
        sa.Column("equity_usd", sa.Text, nullable=False),
        sa.Column("exposure_usd", sa.Text, nullable=False),
    )
