"""Retention: deliveries and journal lines that are old enough are deleted, a little at a time.

Ids follow the order of commits, so the oldest lines are found at the front of the primary key, and no index on time
costs every delivery a write.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integrator.store import Store
from integrator.tables import deliveries, journal

YOUNGEST = timedelta(days=7)
"""GitHub Enterprise Server redelivers what is seven days old (github.com: three), with the id it had."""

BATCH = 500
REST = 0.05  # seconds in which deliveries that waited for SQLite's one writer get in
AGES = {"deliveries": deliveries.c.received_at, "journal": journal.c.at}


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many lines of each kind went, or would go."""

    deliveries: int = 0
    journal: int = 0


def prune(store: Store, before: datetime) -> Pruned:
    """Delete what is older than `before`."""
    return Pruned(**{name: sum(_batches(store, age, before)) for name, age in AGES.items()})


def prunable(store: Store, before: datetime) -> Pruned:
    """How much is older than `before`."""
    return store.read(lambda conn: Pruned(**{name: _count(conn, age, before) for name, age in AGES.items()}))


def _count(conn: Connection, age: sa.Column[datetime], before: datetime) -> int:
    return conn.execute(sa.select(sa.func.count()).select_from(age.table).where(age < before)).scalar_one()


def _batches(store: Store, age: sa.Column[datetime], before: datetime) -> Iterator[int]:
    """Delete from the oldest id on, until a whole batch is too young; after each batch, how many went."""
    last = 0
    while True:
        rows = store.read(partial(_front, age, last))
        old = [row[0] for row in rows if row[1] < before]
        if not old:
            return
        last = rows[-1][0]
        store.write(partial(_delete, age.table, old))
        yield len(old)
        time.sleep(REST)


def _front(age: sa.Column[datetime], after: int, conn: Connection) -> Sequence[sa.Row[int, datetime]]:
    ids = age.table.c.id
    return conn.execute(sa.select(ids, age).where(ids > after).order_by(ids).limit(BATCH)).all()


def _delete(table: sa.Table, ids: Sequence[int], conn: Connection) -> None:
    conn.execute(sa.delete(table).where(table.c.id.in_(ids)))
