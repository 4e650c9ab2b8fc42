"""What the database says of the work to be done, for Prometheus: measured when it asks, on indexes only."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integrator import metrics
from integrator.budgets import budgets_known
from integrator.lanes import Lane
from integrator.store import Store
from integrator.tables import agenda, trackers


def measure(store: Store, names: Collection[str]) -> None:
    """Set the gauges for these trackers; without a database they stay as they are."""
    now = store.now()

    def counts(conn: Connection) -> list[tuple[str, int, float, int, bool]]:
        parked = _parked(conn)
        held = set(conn.scalars(sa.select(trackers.c.name).where(trackers.c.not_before > now)))
        return [(name, *_due(conn, name, now), parked.get(name, 0), name in held) for name in names]

    try:
        measured = store.read(counts)
        told = {name: budgets_known(store, name) for name in names}
    except sa.exc.SQLAlchemyError:
        return
    for name, due, oldest, parked, held in measured:
        metrics.DUE.labels(name).set(due)
        metrics.OLDEST_DUE.labels(name).set(oldest)
        metrics.PARKED.labels(name).set(parked)
        metrics.HELD.labels(name).set(held)
    for name, known in told.items():
        for budget in known:
            metrics.BUDGET_LIMIT.labels(name, budget.of).set(budget.limit)
            metrics.BUDGET_LEFT.labels(name, budget.of).set(budget.limit if budget.resets_at <= now else budget.left)


def _due(conn: Connection, name: str, now: datetime) -> tuple[int, float]:
    """How many subjects of a tracker are due, and for how many seconds the first has been."""
    anything, only_timed = sa.true(), agenda.c.look_at.is_(None) | (agenda.c.look_at > now)
    queries = [_waiting(agenda.c.look_at, now, anything).where(agenda.c.lane == lane) for lane in Lane]
    queries.append(_waiting(agenda.c.timer_at, now, only_timed))
    rows = [conn.execute(query.where(agenda.c.tracker == name)).one() for query in queries]
    first = min((row.first for row in rows if row.first is not None), default=now)
    return sum(row.number for row in rows), (now - first).total_seconds()


def _waiting(column: sa.Column[datetime], now: datetime, counts: sa.ColumnElement[bool]) -> sa.Select[int, datetime]:
    number, first = sa.func.count().filter(counts).label("number"), sa.func.min(column).label("first")
    return sa.select(number, first).where(column <= now, agenda.c.parked_at.is_(None))


def _parked(conn: Connection) -> dict[str, int]:
    parked = sa.select(agenda.c.tracker, sa.func.count()).where(agenda.c.parked_at.is_not(None))
    return {row[0]: row[1] for row in conn.execute(parked.group_by(agenda.c.tracker)).all()}
