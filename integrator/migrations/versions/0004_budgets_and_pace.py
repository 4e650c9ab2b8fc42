"""What is left of the trackers' limits, and what was created lately: shared by all workers."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Only adds: the version before goes on working with it."""
    op.create_table(
        "budgets",
        sa.Column("tracker", sa.Text, primary_key=True),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("most", sa.BigInteger, nullable=False),
        sa.Column("remaining", sa.BigInteger, nullable=False),
        sa.Column("resets_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "creations",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("tracker", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("begun", sa.Boolean, nullable=False),
    )
    op.create_index("creations_pace", "creations", ["tracker", "at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("creations")
    op.drop_table("budgets")
