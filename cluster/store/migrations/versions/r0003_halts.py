"""Why a halt was set, what a loss is measured from, and whose end the kill switch must still hear of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From halts that were all an operator's or the day's loss."""
    op.add_column("latches", sa.Column("cause", sa.Text, nullable=False, server_default="operator"))
    op.add_column("statuses", sa.Column("alarm", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "peak",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("equity_usd", sa.Text, nullable=False),
        sa.CheckConstraint("id = 1", name="one_peak"),
    )
    op.create_table(
        "last_equities",
        sa.Column("wallet", sa.Text, primary_key=True),
        sa.Column("equity_usd", sa.Text, nullable=False),
    )
