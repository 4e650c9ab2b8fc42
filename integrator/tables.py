"""The database's tables, as the migrations leave them.

Nothing in them is irreplaceable: an agenda, an audit journal and caches. The trackers hold the truth.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """An aware instant as microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


class Instant(sa.TypeDecorator[datetime]):
    """An aware instant, kept as microseconds since 1970 so that both engines compare it alike."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Instant to number."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Number to instant."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = sa.MetaData()
_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")

agenda = sa.Table(
    "agenda",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("tracker", sa.Text, nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("look_at", Instant),
    sa.Column("timer_at", Instant),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("floor", Instant),
    sa.Column("shows", sa.Text),
    sa.Column("lease_until", Instant),
    sa.Column("lease_by", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("parked_at", Instant),
    sa.Column("last_error", sa.Text),
    sa.Column("role", sa.Text, nullable=False, server_default=""),
    sa.Column("heard", sa.Text),
    sa.Index("agenda_look", "tracker", "lane", "look_at"),
    sa.Index("agenda_timer", "tracker", "timer_at"),
)
_parked = agenda.c.parked_at.is_not(None)
_on_board = agenda.c.role != ""
sa.Index("agenda_role", agenda.c.role, sqlite_where=_on_board, postgresql_where=_on_board)
sa.Index("agenda_parked", agenda.c.parked_at, sqlite_where=_parked, postgresql_where=_parked)

trackers = sa.Table(
    "trackers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("not_before", Instant),
    sa.Column("why", sa.Text),
    sa.Column("failures", sa.Integer, nullable=False),
)

budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("tracker", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("most", sa.BigInteger, nullable=False),
    sa.Column("remaining", sa.BigInteger, nullable=False),
    sa.Column("resets_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
)

creations = sa.Table(
    "creations",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("tracker", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("begun", sa.Boolean, nullable=False),
    sa.Index("creations_pace", "tracker", "at"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("tracker", sa.Text, nullable=False),
    sa.Column("delivery", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("subjects", sa.Text, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.UniqueConstraint("tracker", "delivery"),
)

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("begun_at", Instant, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("change", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("error", sa.Text),
    sa.Index("journal_subject", "subject", "id"),
)

syncs = sa.Table(
    "syncs",
    metadata,
    sa.Column("tracker", sa.Text, primary_key=True),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("cursor", sa.Text),
    sa.Column("begun_at", Instant, nullable=False),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
