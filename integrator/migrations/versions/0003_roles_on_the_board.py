"""What an issue means to its board's law, as last seen: a cache of what searches may not know of yet."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Only adds: the version before goes on working with it."""
    op.add_column("agenda", sa.Column("role", sa.Text, nullable=False, server_default=""))
    on_board = sa.text("role <> ''")
    op.create_index("agenda_role", "agenda", ["role"], sqlite_where=on_board, postgresql_where=on_board)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("agenda_role", "agenda")
    op.drop_column("agenda", "role")
