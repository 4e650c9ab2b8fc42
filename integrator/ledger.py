"""What the agenda remembers of issues between two looks, for the law of boards: a cache, never planned from."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from integrator.store import Store, agenda
from mapping.issue import IssueRef, subject_of


class Role(StrEnum):
    """What an issue means to its board's law."""

    NONE = ""
    CARD = "card"  # stands in a limited column or in the Emergency Queue, or is paused
    P0 = "p0"  # stops other work


def on_board(store: Store, tracker: str) -> list[IssueRef]:
    """The issues that mattered to their board when they were last seen."""
    return _in_role(store, agenda.c.tracker == tracker, agenda.c.role != "")


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
