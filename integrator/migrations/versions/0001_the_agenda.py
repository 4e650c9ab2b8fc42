"""The first tables: agenda, trackers, deliveries, intents, journal, syncs, facts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create them. Instants are microseconds since 1970."""
    op.create_table(
        "agenda",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("tracker", sa.Text, nullable=False),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("look_at", sa.BigInteger),
        sa.Column("timer_at", sa.BigInteger),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("floor", sa.BigInteger),
        sa.Column("shows", sa.Text),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("lease_by", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("parked_at", sa.BigInteger),
        sa.Column("last_error", sa.Text),
    )
    op.create_index("agenda_look", "agenda", ["tracker", "lane", "look_at"])
    op.create_index("agenda_timer", "agenda", ["tracker", "timer_at"])
    op.create_table(
        "trackers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("not_before", sa.BigInteger),
        sa.Column("why", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("tracker", sa.Text, nullable=False),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("subjects", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tracker", "delivery"),
    )
    op.create_table(
        "intents",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
    )
    op.create_index("journal_subject", "journal", ["subject", "id"])
    op.create_table(
        "syncs",
        sa.Column("tracker", sa.Text, primary_key=True),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them: the trackers hold the truth, `integrator sync` builds everything again."""
    for table in ("facts", "syncs", "journal", "intents", "deliveries", "trackers", "agenda"):
        op.drop_table(table)
