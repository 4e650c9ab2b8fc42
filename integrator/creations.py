"""What is about to be created, noted before it is: a lost answer is looked into before anything is created again."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.tracker import Pace
from integrator import pacing
from integrator.lanes import OF_THE_PACE, Lane
from integrator.pacing import Wish
from integrator.store import Store
from integrator.subjects import Subject, subject_of
from integrator.tables import intents
from integrator.touching import intending
from mapping.issue import IssueRef

SETTLE = timedelta(seconds=10)


class Creations:
    """The intents of all workers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._intending = intending(store)

    def begin(
        self,
        creations: Sequence[tuple[IssueRef, str]],
        paces: Sequence[Pace] = (),
        lanes: Mapping[IssueRef, Lane] | None = None,
    ) -> dict[IssueRef, datetime]:
        """Note, durably, that something is about to be created, so that a lost answer is looked into.

        The answer is which issues have to wait, and until when, because their tracker takes no more just now: nothing
        is noted of them. `lanes` are those that they were claimed in.
        """
        now = self._store.now()

        def work(conn: Connection) -> dict[IssueRef, datetime]:
            waiting = self._paced(conn, creations, paces, lanes or {}) if paces else {}
            rows = [{"subject": str(ref), "key": key, "begun_at": now} for ref, key in creations if ref not in waiting]
            if rows:
                conn.execute(self._intending, rows)
            return waiting

        return self._store.write(work) if creations else {}

    def _paced(
        self,
        conn: Connection,
        creations: Sequence[tuple[IssueRef, str]],
        paces: Sequence[Pace],
        lanes: Mapping[IssueRef, Lane],
    ) -> dict[IssueRef, datetime]:
        number = Counter(ref for ref, _ in creations)
        lane = {ref: lanes.get(ref, Lane.EVENT) for ref in number}
        wishes = [Wish(str(ref), number[ref], lane[ref], OF_THE_PACE[lane[ref]]) for ref in number]
        waiting = pacing.ask(self._store, conn, creations[0][0].tracker, wishes, paces)
        return {ref: waiting[str(ref)] for ref in number if str(ref) in waiting}

    def unsettled(self, subjects: Collection[Subject]) -> dict[Subject, datetime]:
        """Issues on which a creation may have happened unseen, and when its outcome can be read."""
        wanted = intents.c.subject.in_([str(subject) for subject in subjects])
        rows = self._store.read(lambda conn: conn.execute(sa.select(intents).where(wanted)).all())
        now = self._store.now()
        return {subject_of(row.subject): row.begun_at + SETTLE for row in rows if row.begun_at + SETTLE > now}

    def still_begun(self, conn: Connection, subjects: Collection[Subject]) -> None:
        """Whatever is being created on these may be created only now."""
        about = intents.c.subject.in_([str(subject) for subject in subjects])
        conn.execute(sa.update(intents).where(about).values(begun_at=self._store.now()))
