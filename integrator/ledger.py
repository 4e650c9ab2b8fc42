"""What the agenda remembers of issues between two looks, for the law of boards: a cache, never planned from."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from integrator.store import Store
from integrator.tables import agenda
from mapping.issue import BoardRef, IssueRef, subject_of


class Role(StrEnum):
    """What an issue means to its board's law."""

    NONE = ""
    CARD = "card"  # stands in a limited column or in the Emergency Queue, or is paused
    EMERGENCY = "emergency"  # confirmed, stops nothing: it may drop planned work
    P0 = "p0"  # stops other work
    STILL = "still"  # of a board: all work on it is stopped


_PLANNED = "planned:"
MOST_PLANNED = 20  # issues; the field that names them holds no more


def planned(key_result: str) -> str:
    """The role of planned work for a key result."""
    return f"{_PLANNED}{key_result}"


def on_board(store: Store, tracker: str) -> list[IssueRef]:
    """The issues that mattered to their board when they were last seen."""
    roles = [Role.CARD, Role.EMERGENCY, Role.P0]
    return _in_role(store, agenda.c.tracker == tracker, agenda.c.role.in_(roles))


def to_drop(store: Store, tracker: str, key_results: Collection[str]) -> list[IssueRef]:
    """Planned work for these key results, where there is an emergency that may drop it."""
    here = agenda.c.tracker == tracker
    if not _in_role(store, here, agenda.c.role.in_([Role.EMERGENCY, Role.P0])):
        return []
    return _in_role(store, here, agenda.c.role.in_([planned(id_) for id_ in key_results]))[:MOST_PLANNED]


def stands_still(store: Store, tracker: str) -> bool:
    """Whether the last look at a board left no work on it that isn't stopped."""
    row = sa.select(agenda.c.role).where(agenda.c.subject == str(BoardRef(tracker)))
    return store.read(lambda conn: conn.scalar(row)) == Role.STILL


def stopping_work(store: Store) -> list[IssueRef]:
    """The confirmed, open P0s of all trackers, as last seen."""
    return _in_role(store, agenda.c.role == Role.P0)


def floors(store: Store, refs: Sequence[IssueRef]) -> dict[IssueRef, datetime]:
    """The time of last update that each of these issues is known to have reached."""
    known = sa.select(agenda.c.subject, agenda.c.floor).where(agenda.c.subject.in_([str(ref) for ref in refs]))
    rows = store.read(lambda conn: conn.execute(known.where(agenda.c.floor.is_not(None))).all())
    return {IssueRef.parse(row.subject): row.floor for row in rows}


def _in_role(store: Store, *which: Any) -> list[IssueRef]:
    rows = store.read(lambda conn: conn.scalars(sa.select(agenda.c.subject).where(*which)).all())
    return sorted(ref for ref in map(subject_of, rows) if isinstance(ref, IssueRef))
