"""Who held a grant last, and what each wallet's day began with."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From grants whose holder was always the enlisted incarnation."""
    op.add_column("grants", sa.Column("held_by", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE grants SET held_by = incarnation"))
    op.create_table(
        "wallet_day_starts",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("wallet", sa.Text, primary_key=True),
        sa.Column("equity_usd", sa.Text, nullable=False),
    )
