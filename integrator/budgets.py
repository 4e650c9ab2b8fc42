"""What is left of the trackers' own limits, as whichever worker asked last was told."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.tracker import Budget
from integrator.store import Store
from integrator.tables import budgets

RESERVE = 0.2
"""The part of a limit that no backfill touches: it is for emergencies."""


def note(store: Store, conn: Connection, tracker: str, told: Sequence[Budget]) -> None:
    """Store what a tracker said, unless somebody stored something newer."""
    for budget in told:
        values = {
            "most": budget.limit,
            "remaining": budget.left,
            "resets_at": budget.resets_at,
            "seen_at": budget.seen_at,
        }
        insert = store.upsert(budgets).values(tracker=tracker, resource=budget.of, **values)
        newer = budgets.c.seen_at < insert.excluded.seen_at
        conn.execute(insert.on_conflict_do_update(index_elements=["tracker", "resource"], set_=values, where=newer))


def budgets_known(store: Store, tracker: str) -> tuple[Budget, ...]:
    """Each limit of a tracker as it was heard of last; it may have begun anew since."""
    known = sa.select(budgets).where(budgets.c.tracker == tracker).order_by(budgets.c.resource)
    rows = store.read(lambda conn: conn.execute(known).all())
    return tuple(Budget(row.resource, row.most, row.remaining, row.resets_at, row.seen_at) for row in rows)


def budget_of(store: Store, tracker: str) -> Budget | None:
    """The limit of which the smallest part is left; None: the tracker says nothing, or all began anew since."""
    known = [budget for budget in budgets_known(store, tracker) if budget.resets_at > store.now()]
    return min(known, key=lambda budget: budget.left / max(1, budget.limit), default=None)


def is_scarce(store: Store, conn: Connection, tracker: str) -> bool:
    """Whether only the reserve of some limit is left until it begins anew."""
    low = budgets.c.remaining < budgets.c.most * RESERVE
    query = sa.select(budgets.c.resource).where(budgets.c.tracker == tracker, budgets.c.resets_at > store.now(), low)
    return conn.execute(query.limit(1)).first() is not None
