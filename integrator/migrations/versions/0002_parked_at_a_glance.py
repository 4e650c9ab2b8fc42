"""An index of the few parked rows, so that counting them reads no others."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Only adds: the version before goes on working with it."""
    parked = sa.text("parked_at IS NOT NULL")
    op.create_index("agenda_parked", "agenda", ["parked_at"], sqlite_where=parked, postgresql_where=parked)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("agenda_parked", "agenda")
