"""Which delivery told of a subject last, for the log lines about what followed from it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Only adds: the version before goes on working with it."""
    op.add_column("agenda", sa.Column("heard", sa.Text))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("agenda", "heard")
