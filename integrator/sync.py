"""Backfill: every open issue of a tracker through the same path as an event, page by page, resumable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.tracker import Gone, Tracker
from integrator.agenda import Agenda, Lane
from integrator.store import Store, agenda, syncs
from integrator.worker import todo_for
from mapping.changes import Plan
from mapping.issue import IssueRef
from mapping.policy import Policy


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tracker's backfill is: issues seen so far, and all of them if the tracker says."""

    tracker: str
    seen: int
    total: int | None
    refs: tuple[IssueRef, ...]


def backfill(store: Store, tasks: Agenda, tracker: Tracker, since: datetime | None) -> Iterator[Progress]:
    """Put every open issue on the agenda behind events and clocks; an interrupted run goes on where it stopped.

    The cursor is saved after the page's issues are on the agenda, so an interruption repeats at most one page.
    """
    cursor = _resume(store, tracker.name, since)
    seen = 0
    for page in tracker.pages(since, cursor):
        tasks.touch(page.refs, Lane.SWEEP)
        _remember(store, tracker.name, since, page.cursor)
        seen += len(page.refs)
        yield Progress(tracker.name, seen, page.total, page.refs)


def dry_run(
    tracker: Tracker, policy: Policy, since: datetime | None, now: datetime
) -> Iterator[tuple[IssueRef, Plan | str]]:
    """What a backfill would change, issue by issue; a text says why an issue could not be planned."""
    for page in tracker.pages(since, None):
        yield from plans(tracker, policy, page.refs, now)


def plans(
    tracker: Tracker, policy: Policy, refs: Sequence[IssueRef], now: datetime
) -> Iterator[tuple[IssueRef, Plan | str]]:
    """The plan of each issue, read now and not carried out."""
    for ref, issue in tracker.read(refs).items() if refs else ():
        if isinstance(issue, Gone):
            yield ref, f"{issue.why}; it is now {issue.moved_to}" if issue.moved_to else issue.why
        else:
            yield ref, todo_for(issue, policy, now)


def unfinished(store: Store, tracker: str) -> tuple[int, list[tuple[str, str]]]:
    """How many issues still wait to be looked at, and those that failed, with the reason."""

    def work(conn: Connection) -> tuple[int, list[tuple[str, str]]]:
        mine = agenda.c.tracker == tracker
        waiting = agenda.c.look_at.is_not(None) & (agenda.c.attempts == 0) & agenda.c.parked_at.is_(None)
        count = conn.execute(sa.select(sa.func.count()).select_from(agenda).where(mine, waiting)).scalar_one()
        failing = sa.select(agenda.c.subject, agenda.c.last_error).where(mine, agenda.c.attempts > 0)
        return count, [(row.subject, row.last_error or "") for row in conn.execute(failing)]

    return store.read(work)


def _resume(store: Store, tracker: str, since: datetime | None) -> str | None:
    row = store.read(lambda conn: conn.execute(sa.select(syncs).where(syncs.c.tracker == tracker)).first())
    return row.cursor if row is not None and row.since == _key(since) else None


def _remember(store: Store, tracker: str, since: datetime | None, cursor: str | None) -> None:
    values = {"since": _key(since), "cursor": cursor, "begun_at": store.now()}

    def work(conn: Connection) -> None:
        if cursor is None:
            conn.execute(sa.delete(syncs).where(syncs.c.tracker == tracker))
            return
        insert = store.upsert(syncs).values(tracker=tracker, **values)
        conn.execute(insert.on_conflict_do_update(index_elements=["tracker"], set_=values))

    store.write(work)


def _key(since: datetime | None) -> str:
    return since.isoformat() if since else "all"
