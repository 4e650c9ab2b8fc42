"""Backfill: every open issue of a tracker through the same path as an event, page by page, resumable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.tracker import Gone, Page, Tracker, TrackerError
from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.store import Store
from integrator.subjects import ANY_ROUND
from integrator.tables import agenda, journal, syncs, trackers
from integrator.todo import todo_for
from mapping.changes import Plan
from mapping.issue import BoardRef, Issue, IssueRef
from mapping.policy import Policy

RESUMABLE = timedelta(days=3)  # Jira forgets its cursors after a week

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_IS_DUE = agenda.c.look_at > _EVER  # not IS NOT NULL, for which SQLite would walk through every known issue
_IS_SWEPT = _IS_DUE & (agenda.c.lane == Lane.SWEEP)
_IS_UNTRIED = (agenda.c.attempts == 0) & agenda.c.parked_at.is_(None)


class Backfill:
    """One tracker's backfill. It goes on with an interrupted one that was asked for in the same words.

    `since`: only what was updated since then; `ago`: as the person said it, if that was how long ago. Then an
    interrupted one goes on with its own `since`. With another app.yaml it begins anew: it may name other places.
    """

    def __init__(
        self, store: Store, tasks: Agenda, tracker: Tracker, since: datetime | None = None, ago: str = ""
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._tracker = tracker
        self._since = since
        self._ago = ago
        self._scope = tasks.policy_hash
        self._begun_at = store.now()
        self._cursor: str | None = None
        self.resumes = False
        self.is_listed = False
        self._go_on()

    def _go_on(self) -> None:
        query = sa.select(syncs).where(syncs.c.tracker == self._tracker.name)
        row = self._store.read(lambda conn: conn.execute(query).first())
        if row is None or self._begun_at - row.begun_at > RESUMABLE:
            return
        if row.since == self._said or (self._ago and row.since.startswith(f"{self._scope} {self._ago} ")):
            self._begun_at, self._cursor, self.resumes = row.begun_at, row.cursor, True
            self.is_listed = row.cursor is None
            self._since = datetime.fromisoformat(row.since.rpartition(" ")[2]) if self._ago else self._since

    @property
    def _said(self) -> str:
        return f"{self._scope} {self._ago} {self._since.isoformat()}" if self._since else f"{self._scope} all"

    def pages(self) -> Iterator[Page]:
        """Put open issues on the agenda behind events and clocks, a page at a time; TrackerError: call it again."""
        if self.is_listed:
            return
        for page in self._tracker.pages(self._since, self._cursor):
            self._store.write(lambda conn, page=page: self._take(conn, page))  # type: ignore[misc]
            self._store.bell.ring()
            self._cursor, self.is_listed = page.cursor, page.cursor is None
            yield page

    def _take(self, conn: Connection, page: Page) -> None:
        """A page's issues and the cursor behind it in one transaction, so that nothing is skipped or repeated."""
        self._tasks.touch_with(conn, page.refs, Lane.SWEEP)
        values = {"since": self._said, "cursor": page.cursor, "begun_at": self._begun_at}
        insert = self._store.upsert(syncs).values(tracker=self._tracker.name, **values)
        conn.execute(insert.on_conflict_do_update(index_elements=["tracker"], set_=values))

    def finish(self) -> None:
        """Everything listed has been looked at; the next one begins anew."""
        mine = sa.delete(syncs).where(syncs.c.tracker == self._tracker.name)
        self._store.write(lambda conn: conn.execute(mine))


def backfill(store: Store, tasks: Agenda, tracker: Tracker, since: datetime | None) -> Iterator[Page]:
    """Put every open issue on the agenda, from where an interrupted run stopped."""
    run = Backfill(store, tasks, tracker, since)
    yield from run.pages()
    run.finish()


# ---------------------------------------------------------------- how far it is


@dataclass(frozen=True, slots=True)
class Hold:
    """A whole tracker left alone until then, and why; after how many failures in a row."""

    until: datetime
    why: str
    failures: int


def hold_of(store: Store, tracker: str) -> Hold | None:
    """What a tracker is held back for now."""
    held = sa.select(trackers).where(trackers.c.name == tracker, trackers.c.not_before > store.now())
    row = store.read(lambda conn: conn.execute(held).first())
    return Hold(row.not_before, row.why or "", row.failures) if row is not None else None


def waiting(store: Store, tracker: str, heard_by: datetime) -> tuple[int, bool]:
    """How many issues of a backfill still wait to be looked at, and whether their board does.

    What came in later than `heard_by` is not counted: somewhere something always happens.
    """
    heard = _IS_DUE & (agenda.c.lane != Lane.SWEEP) & (agenda.c.look_at <= heard_by)
    is_board = (agenda.c.subject == str(BoardRef(tracker))).label("is_board")
    rows = sa.select(is_board, sa.func.count()).where(
        agenda.c.tracker == tracker,
        agenda.c.lane.in_(list(Lane)),
        _IS_SWEPT | heard,
        _IS_UNTRIED,
        agenda.c.subject.not_like(ANY_ROUND),
    )
    counts = store.read(lambda conn: conn.execute(rows.group_by(is_board)).all())
    found = {bool(board): count for board, count in counts}
    return found.get(False, 0), found.get(True, 0) > 0


def last_line(store: Store) -> int:
    """The journal's newest line."""
    return store.read(lambda conn: conn.execute(sa.select(sa.func.max(journal.c.id))).scalar()) or 0


def left_over(store: Store, tracker: str) -> set[str]:
    """The issues that an interrupted backfill has left."""
    return set(store.read(lambda conn: conn.scalars(_unfinished(tracker)).all())) - {str(BoardRef(tracker))}


def changed(store: Store, tracker: str, after_line: int) -> set[str]:
    """What was changed since then, but for what failed in part, or is not done yet."""
    lines = sa.select(journal.c.subject).where(
        journal.c.id > after_line,
        journal.c.error.is_(None),
        journal.c.subject.startswith(f"{tracker}:", autoescape=True),
        journal.c.subject.not_in(_failing(tracker).with_only_columns(agenda.c.subject)),
        journal.c.subject.not_in(_unfinished(tracker)),
    )
    return set(store.read(lambda conn: conn.scalars(lines.distinct()).all()))


def failed(store: Store, tracker: str, since: datetime) -> Iterator[tuple[str, str]]:
    """What failed, and why; what was given up on before is not told again."""
    again = agenda.c.parked_at.is_(None) | (agenda.c.parked_at >= since)
    query = _failing(tracker).where(again).order_by(agenda.c.subject)
    for row in store.read(lambda conn: conn.execute(query).all()):
        yield row.subject, row.last_error or ""


def _unfinished(tracker: str) -> sa.Select[str]:
    mine = agenda.c.subject.not_like(ANY_ROUND), agenda.c.tracker == tracker
    return sa.select(agenda.c.subject).where(*mine, _IS_SWEPT, _IS_UNTRIED)


def _failing(tracker: str) -> sa.Select[tuple[str, str]]:
    mine = agenda.c.subject.not_like(ANY_ROUND), agenda.c.tracker == tracker
    return sa.select(agenda.c.subject, agenda.c.last_error).where(*mine, agenda.c.attempts > 0)


# ---------------------------------------------------------------- looking ahead


@dataclass(frozen=True, slots=True)
class Planned:
    """What would change on an issue whose card is in `column`; a text says why it could not be planned."""

    ref: IssueRef
    plan: Plan | str
    column: str = ""


def plans(
    tracker: Tracker, policy: Policy, refs: Sequence[IssueRef], now: datetime
) -> Iterator[tuple[IssueRef, Plan | str]]:
    """The plan of each issue, read now and not carried out."""
    for planned in look_ahead(tracker, policy, refs, now):
        yield planned.ref, planned.plan


def look_ahead(tracker: Tracker, policy: Policy, refs: Sequence[IssueRef], now: datetime) -> Iterator[Planned]:
    """What would change on each of these issues."""
    for ref, issue in _read(tracker, refs):
        if isinstance(issue, str):
            yield Planned(ref, issue)
        elif isinstance(issue, Gone):
            yield Planned(ref, f"{issue.why}; it is now {issue.moved_to}" if issue.moved_to else issue.why)
        else:
            yield _plan(ref, issue, policy, now)


def _plan(ref: IssueRef, issue: Issue, policy: Policy, now: datetime) -> Planned:
    try:
        return Planned(ref, todo_for(issue, policy, now), (issue.card.name if issue.card else "") or "")
    except Exception as error:
        return Planned(ref, f"{type(error).__name__}: {error}")


def _read(tracker: Tracker, refs: Sequence[IssueRef]) -> Iterator[tuple[IssueRef, Issue | Gone | str]]:
    """The issues; where reading breaks, half of them at a time, so that one that can't be read is alone with it."""
    try:
        found = tracker.read(refs) if refs else {}
    except TrackerError:
        raise
    except Exception as error:
        if len(refs) == 1:
            yield refs[0], f"{type(error).__name__}: {error}"
            return
        yield from _read(tracker, refs[: len(refs) // 2])
        yield from _read(tracker, refs[len(refs) // 2 :])
        return
    yield from found.items()
