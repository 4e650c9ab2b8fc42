"""The one path every issue takes: claim, read, decide, write, put down.

A batch is one tracker's. Whatever goes wrong with the tracker holds the tracker back and costs the issues nothing;
whatever goes wrong with an issue is that issue's alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import Dialect, Gone, LeaseLost, Outcome, Tracker, TrackerError
from integrator import journal, metrics
from integrator.agenda import LEASE, Agenda, Claim, Lane
from integrator.store import Store
from integrator.texts import Texts
from mapping.case import Case
from mapping.changes import Change, EditStatus, OpenIssue, Plan, PostComment, PostDraft
from mapping.freshness import is_shown
from mapping.issue import Issue, IssueRef
from mapping.plan import plan_issue
from mapping.policy import Policy

log = structlog.get_logger()

BATCH = 50
CHUNK = 20
REREAD = timedelta(seconds=1)
BELIEVE_AFTER = timedelta(seconds=60)
LAG = timedelta(seconds=10)
TO_WRITE = timedelta(seconds=25)


@dataclass(frozen=True, slots=True)
class Todo:
    """A claimed issue as it was read, and what the plan wants of it."""

    claim: Claim
    issue: Issue
    plan: Plan


def todo_for(issue: Issue, policy: Policy, now: datetime) -> Plan:
    """What should be true of an issue, as the differences to what is."""
    return plan_issue(Case.of(issue, policy), policy, now)


def in_words(changes: Sequence[Change], dialect: Dialect, now: datetime, texts: Texts) -> tuple[Change, ...]:
    """The changes with their facts put into words, in the tracker's markup."""
    return tuple(_in_words(change, dialect, now, texts) for change in changes)


def _in_words(change: Change, dialect: Dialect, now: datetime, texts: Texts) -> Change:
    match change:
        case EditStatus():
            return replace(change, body=texts.status(change.facts, dialect, now))
        case PostComment():
            return replace(change, body=texts.alarm(change.facts, dialect, now))
        case PostDraft():
            return replace(change, body=texts.draft(change.facts, dialect, now))
        case OpenIssue():
            told = texts.retrospective(change.facts, dialect, now)
            return replace(change, title=told.subject, body=told.body)
        case _:
            return change


class Worker:
    """Works on what is due, a batch at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a worker works with
        self,
        store: Store,
        agenda: Agenda,
        trackers: Mapping[str, Tracker],
        policy: Policy,
        texts: Texts,
        watches: Callable[[IssueRef], bool] = lambda ref: True,
    ) -> None:
        self._store = store
        self._agenda = agenda
        self._trackers = trackers
        self._policy = policy
        self._texts = texts
        self._watches = watches
        self._held: Sequence[Claim] = ()
        self._held_until = store.now()
        self._dropped: Sequence[Claim] = ()
        self._stopping = False

    def may_write(self) -> bool:
        """Whether the leases last long enough to begin a write that takes its whole deadline."""
        return not self._stopping and self._held_until - self._store.now() >= TO_WRITE

    def stop(self) -> None:
        """Begin no further request; what is at hand is given back. Called from another thread."""
        self._stopping = True

    def give_back(self) -> None:
        """Give the leases of the batch at hand back, when its worker can't: it is still in a request."""
        self._agenda.release(self._held)

    def beat(self) -> None:
        """Renew the leases of the batch at hand; called every few seconds from another thread.

        Leases that ran out stay so: somebody else may work on some of the batch since.
        """
        if (held := self._held) and self._store.now() < self._held_until:
            self._renew(held)

    def _renew(self, claims: Sequence[Claim]) -> set[IssueRef]:
        until = self._store.now() + LEASE
        mine = self._agenda.renew(claims)
        if mine:
            self._held_until = until
        return mine

    def run_due(self) -> int:
        """One batch of every tracker that has something due; how many issues were taken up."""
        if self._dropped:
            self._agenda.release(self._dropped)
            self._dropped = ()
        return sum(self._run_batch(tracker) for tracker in self._trackers.values())

    def _run_batch(self, tracker: Tracker) -> int:
        until = self._store.now() + LEASE
        claims = self._agenda.claim(tracker.name, BATCH)
        if not claims:
            return 0
        self._held, self._held_until = claims, until
        try:
            self._guarded(tracker, claims)
        except Exception:
            self._dropped = claims  # the database is gone: their leases are given back when it is there again
            raise
        finally:
            self._held = ()
        return len(claims)

    def _guarded(self, tracker: Tracker, claims: Sequence[Claim]) -> None:
        """Work on a batch; one that breaks is taken apart, so that one bad issue never holds up another."""
        try:
            self._work_on(tracker, claims)
        except LeaseLost as error:
            if not self._stopping:
                log.warning("leases lost", tracker=tracker.name, issues=len(claims), error=str(error))
            self._agenda.release(claims)
        except TrackerError as error:
            log.warning("tracker held back", tracker=tracker.name, error=str(error), kind=type(error).__name__)
            metrics.TRACKER_ERRORS.labels(tracker.name, type(error).__name__).inc()
            self._agenda.hold(tracker.name, error.retry_at, str(error))
            self._agenda.release(claims)
        except Exception as error:
            if len(claims) > 1:
                for claim in claims:
                    self._guarded(tracker, [claim])
                return
            log.exception("issue failed", issue=str(claims[0].ref))
            why = f"{type(error).__name__}: {error}"
            self._store.write(lambda conn: self._agenda.failed(conn, claims[0], why))

    def _work_on(self, tracker: Tracker, claims: Sequence[Claim]) -> None:
        self._go_on()
        ready = self._postpone_unsettled(claims)
        found = tracker.read([claim.ref for claim in ready]) if ready else {}
        todos: list[Todo] = []
        for claim in ready:
            issue = found[claim.ref]
            if isinstance(issue, Gone) and issue.moved_to is None and self._is_too_new(claim):
                self._postpone(claim, self._store.now() + REREAD)
            elif isinstance(issue, Gone):
                self._forget(claim, issue)
            elif self._is_stale(claim, issue):
                self._postpone(claim, self._store.now() + REREAD)
            else:
                todos.append(Todo(claim, issue, todo_for(issue, self._policy, self._store.now())))
        for start in range(0, len(todos), CHUNK):
            self._go_on()
            self._write(tracker, todos[start : start + CHUNK])

    def _go_on(self) -> None:
        if self._stopping:
            raise LeaseLost

    def _postpone_unsettled(self, claims: Sequence[Claim]) -> list[Claim]:
        """Leave alone, until its outcome can be read, an issue on which something may just have been created."""
        unsettled = self._agenda.unsettled(claims)
        for claim in claims:
            if claim.ref in unsettled:
                self._postpone(claim, unsettled[claim.ref])
        return [claim for claim in claims if claim.ref not in unsettled]

    def _postpone(self, claim: Claim, at: datetime) -> None:
        self._store.write(lambda conn: self._agenda.later(conn, claim, at))

    def _forget(self, claim: Claim, gone: Gone) -> None:
        """The issue is not under this name any more; where it went, it goes on."""
        if gone.moved_to is not None and self._watches(gone.moved_to):
            self._agenda.touch([gone.moved_to], Lane.EVENT)
        self._store.write(lambda conn: self._agenda.gone(conn, claim))

    def _is_stale(self, claim: Claim, issue: Issue) -> bool:
        """The read is older than what we have heard already; after a while the tracker is believed all the same."""
        if claim.floor is None or issue.updated_at > claim.floor:
            return False
        age = self._store.now() - claim.floor
        if issue.updated_at < claim.floor:
            return age < BELIEVE_AFTER
        return age < LAG and not is_shown(claim.shows, issue)

    def _is_too_new(self, claim: Claim) -> bool:
        """We heard of the issue so lately that not finding it may only be the tracker's lag."""
        return claim.floor is not None and self._store.now() - claim.floor < LAG

    def _write(self, tracker: Tracker, todos: Sequence[Todo]) -> None:
        """Apply a chunk of plans under leases renewed for it, noting first what will be created."""
        held = self._renew([todo.claim for todo in todos])
        mine = [todo for todo in todos if todo.claim.ref in held]
        now = self._store.now()
        told = {todo.claim.ref: in_words(todo.plan.changes, tracker.dialect, now, self._texts) for todo in mine}
        work = {ref: changes for ref, changes in told.items() if changes}
        self._agenda.begin([(ref, key) for ref, changes in work.items() for key in _created(changes)])
        outcomes = self._applied(tracker, work) if work else {}
        self._store.write(lambda conn: self._settle(conn, tracker, mine, outcomes))
        for todo in mine:
            self._agenda.touch(sorted(todo.plan.touch), todo.claim.lane)

    def _applied(self, tracker: Tracker, work: Mapping[IssueRef, Sequence[Change]]) -> Mapping[IssueRef, Outcome]:
        """What came of the changes. When writing breaks, each issue is tried again at a time of its own."""
        try:
            return tracker.apply(work, self.may_write)
        except TrackerError:
            raise
        except Exception as error:
            log.exception("writing broke", tracker=tracker.name, issues=[str(ref) for ref in work])
            why = f"{type(error).__name__}: {error}"
            return {ref: Outcome(failed=tuple((change, why) for change in changes)) for ref, changes in work.items()}

    def _settle(
        self, conn: Connection, tracker: Tracker, todos: Sequence[Todo], outcomes: Mapping[IssueRef, Outcome]
    ) -> None:
        now = self._store.now()
        self._agenda.answered(conn, tracker.name)
        for todo in todos:
            ref = todo.claim.ref
            outcome = outcomes[ref] if todo.plan.changes else Outcome()
            journal.note(conn, now, ref, outcome.applied, outcome.failed)
            for change in outcome.applied:
                metrics.CHANGES.labels(tracker.name, type(change).__name__).inc()
                log.info("changed", issue=str(ref), change=type(change).__name__, because=change.because)
            if outcome.failed:
                why = "; ".join(f"{type(change).__name__}: {error}" for change, error in outcome.failed)
                log.warning("not changed", issue=str(ref), why=why)
                self._agenda.failed(conn, todo.claim, why)
            else:
                opened = any(isinstance(change, OpenIssue) for change in outcome.applied)
                self._agenda.done(conn, todo.claim, todo.plan.look_again_at, outcome.updated_at, is_settling=opened)


def _created(changes: Sequence[Change]) -> list[str]:
    """The marker keys of the comments and issues that these changes would create."""
    said = [change for change in changes if isinstance(change, EditStatus | PostComment | PostDraft)]
    opened = [change.key for change in changes if isinstance(change, OpenIssue)]
    return [*(change.key for change in said if change.comment is None), *opened]
