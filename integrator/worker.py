"""The one path every issue takes: claim, read, decide, write, put down.

A batch is one tracker's. Whatever goes wrong with the tracker holds the tracker back and costs the issues nothing;
whatever goes wrong with an issue is that issue's alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import Failing, Gone, LeaseLost, Outcome, Tracker, TrackerError
from integrator import journal, metrics
from integrator.agenda import LEASE, Agenda, Claim
from integrator.boards import Boards, Look
from integrator.doubt import Doubts
from integrator.heeding import heed, why_failed
from integrator.lanes import Lane
from integrator.ledger import stands_still, stopping_work
from integrator.logs import about
from integrator.rounds import Rounds
from integrator.store import Store
from integrator.subjects import RoundRef, Subject
from integrator.texts import Texts
from integrator.todo import Todo, as_of, chunks, role_of
from integrator.wording import created, in_words, wordless
from mapping.case import Case
from mapping.changes import Change, OpenIssue
from mapping.freshness import is_shown
from mapping.issue import BoardRef, Issue, IssueRef
from mapping.plan import plan_issue, stops_work
from mapping.policy import Policy

log = structlog.get_logger()

BATCH = 50
CLOCKS = 100  # due clocks looked at together: both trackers show a hundred issues in a request, and few need a write
CUTS = 3  # times that a batch is cut before a tracker which fails on all of its parts is taken to be down
ALSO = 10  # issues that the read of a board serves beside
BOARD_AFTER = timedelta(seconds=60)
REREAD = timedelta(seconds=1)
BELIEVE_AFTER = timedelta(seconds=60)
LAG = timedelta(seconds=10)
TO_WRITE = timedelta(seconds=25)


class Worker:
    """Works on what is due, a batch at a time: of all `trackers`, or only of those named in `works_on`.

    It takes up these `lanes` only: of several workers one leaves backfills alone, to be free for an emergency.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a worker works with
        self,
        store: Store,
        agenda: Agenda,
        trackers: Mapping[str, Tracker],
        policy: Policy,
        texts: Texts,
        watches: Callable[[IssueRef], bool] = lambda ref: True,
        look_at_boards: timedelta | None = None,
        works_on: Sequence[str] = (),
        lanes: Sequence[Lane] = tuple(Lane),
        rounds: Rounds | None = None,
    ) -> None:
        self._store = store
        self._agenda = agenda
        self._trackers = trackers
        self._works_on = tuple(works_on or trackers)
        self._rounds = rounds
        self._lanes = tuple(lanes)
        self._policy = policy
        self._texts = texts
        self._watches = watches
        self._doubts = Doubts()
        self._boards = Boards(store, agenda, trackers, policy, texts, look_at_boards)
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

    def _renew(self, claims: Sequence[Claim]) -> set[Subject]:
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
        return sum(self._run_batch(self._trackers[name]) for name in self._works_on)

    def _run_batch(self, tracker: Tracker) -> int:
        until = self._store.now() + LEASE
        more = {Lane.TIMER: CLOCKS, Lane.SWEEP: tracker.batch}
        claims = self._agenda.claim(tracker.name, BATCH, more, self._lanes)
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
            if (failure := self._tried(tracker, claims)) is not None:
                self._sift(tracker, claims, failure)
        except LeaseLost as error:
            if not self._stopping:
                log.warning("leases lost", tracker=tracker.name, issues=len(claims), error=str(error))
            self._agenda.give_up(claims)
        except TrackerError as error:
            log.warning("tracker held back", tracker=tracker.name, error=str(error), kind=type(error).__name__)
            metrics.TRACKER_ERRORS.labels(tracker.name, type(error).__name__).inc()
            self._agenda.hold(tracker.name, error)
            self._agenda.give_up(claims)

    def _tried(self, tracker: Tracker, claims: Sequence[Claim]) -> Failing | None:
        """Work on these, and put down what breaks; the tracker's failure where it may be about some of them."""
        try:
            self._work_on(tracker, claims)
        except Failing as failure:
            return failure
        except TrackerError:
            raise
        except Exception as error:
            if len(claims) > 1:
                failures = [self._tried(tracker, half) for half in _halves(claims)]
                return next(filter(None, failures), None)
            log.exception("issue failed", **about(claims[0]))
            self._fail(claims[0], f"{type(error).__name__}: {error}")
        return None

    def _sift(self, tracker: Tracker, claims: Sequence[Claim], failure: Failing) -> None:
        """Find those that the tracker fails on. What it fails on while it works for others is at fault itself.

        Where it works for none of a few portions it is down: that is raised, unless they have all failed before.
        """
        failing, works, cuts = [claims], False, 0
        while any(len(some) > 1 for some in failing) and (works or cuts < CUTS):
            halves = [half for some in failing for half in _halves(some)]
            failing = [half for half in halves if self._tried(tracker, half) is not None]
            works, cuts = works or len(failing) < len(halves), cuts + 1
        left = [claim for some in failing for claim in some]
        if not works and not all(claim.attempts for claim in left):
            raise failure
        for claim in left:
            log.warning("the tracker fails on it", **about(claim), error=str(failure))
            self._fail(claim, str(failure))

    def _fail(self, claim: Claim, why: str) -> None:
        self._store.write(lambda conn: self._agenda.failed(conn, claim, why))

    def _work_on(self, tracker: Tracker, claims: Sequence[Claim]) -> None:
        self._go_on()
        ready = self._postpone_unsettled(claims)
        look, broken = self._look_at_board(tracker, ready)
        self._work_on_issues(tracker, {claim.ref: claim for claim in ready if isinstance(claim.ref, IssueRef)}, look)
        if broken is not None:
            raise broken
        for claim in ready:
            if isinstance(claim.ref, RoundRef) and self._rounds is not None:
                self._go_on()
                self._rounds.make(tracker, claim, claim.ref, self.may_write)

    def _look_at_board(self, tracker: Tracker, ready: Sequence[Claim]) -> tuple[Look, Exception | None]:
        """The board comes first, because its read serves the issues too; what is wrong with it is none of their fault.

        Backfills are read by themselves: they are too many for it.
        """
        events = [claim.ref for claim in ready if isinstance(claim.ref, IssueRef) and claim.lane is Lane.EVENT]
        told = [ref for ref in events if ref.container]  # a bare id is looked up by itself
        look = Look({}, frozenset())
        for claim in ready:
            if isinstance(claim.ref, BoardRef):
                self._go_on()
                try:
                    look = self._boards.keep(tracker, claim, self.may_write, told[:ALSO])
                except LeaseLost:
                    raise
                except Exception as error:
                    return look, error
        return look, None

    def _stop_work(self, tracker: Tracker, cases: Mapping[IssueRef, Case]) -> None:
        """A P0 that nobody knew of stops all work before anything is said of it, so that its checklist tells (R29)."""
        stopping = [ref for ref, case in cases.items() if stops_work(case) and case.issue.card is not None]
        known = stopping_work(self._store) if stopping else []
        new = [ref for ref in stopping if ref not in known]
        claim = self._agenda.take(BoardRef(tracker.name)) if new else None
        if claim is None:
            return
        self._held = [*self._held, claim]
        try:
            self._boards.keep(tracker, claim, self.may_write, new, untouched=new)
        except Exception as error:
            self._agenda.release([claim])  # it is due: whatever this is, it is met again by itself
            if isinstance(error, LeaseLost):
                raise
            log.warning("work not stopped yet", tracker=tracker.name, error=str(error))

    def _work_on_issues(self, tracker: Tracker, ready: Mapping[IssueRef, Claim], look: Look) -> None:
        self._agenda.release([claim for ref, claim in ready.items() if ref in look.written])
        ready = {ref: claim for ref, claim in ready.items() if ref not in look.written}
        unread = [ref for ref in ready if ref not in look.issues]
        found = {**look.issues, **(tracker.read(unread) if unread else {})}
        cases: dict[IssueRef, Case] = {}
        for ref, claim in ready.items():
            issue = found[ref]
            if isinstance(issue, Gone) and issue.moved_to is None and self._is_too_new(claim):
                self._postpone(claim, self._store.now() + REREAD)
            elif isinstance(issue, Gone):
                self._forget(claim, issue)
            elif self._is_stale(claim, issue):
                self._postpone(claim, self._store.now() + REREAD)
            else:
                cases[ref] = Case.of(issue, self._policy)
        self._stop_work(tracker, cases)
        todos = [self._todo(ready[ref], ref, case) for ref, case in cases.items()]
        self._write(tracker, [todo for todo in todos if not todo.plan.changes])
        wanted = [todo for todo in todos if todo.plan.changes]
        for chunk in chunks(wanted, tracker.batch):
            self._go_on()
            told = self._agenda.let_go([todo.claim for todo in wanted if todo.claim.lane is Lane.SWEEP])
            self._write(tracker, [todo for todo in chunk if todo.ref not in told])

    def _todo(self, claim: Claim, ref: IssueRef, case: Case) -> Todo:
        still = stops_work(case) and stands_still(self._store, ref.tracker)
        plan = plan_issue(case, self._policy, as_of(case.issue, self._store.now()), still)
        return Todo(claim, ref, plan, role_of(case, self._policy))

    def _go_on(self) -> None:
        if self._stopping:
            raise LeaseLost

    def _postpone_unsettled(self, claims: Sequence[Claim]) -> list[Claim]:
        """Leave alone, until its outcome can be read, an issue on which something may just have been created."""
        unsettled = self._agenda.creations.unsettled([claim.ref for claim in claims])
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
        age = self._doubts.age(claim.ref, claim.floor, self._store.now())
        if issue.updated_at < claim.floor:
            return age < BELIEVE_AFTER
        return age < LAG and not is_shown(claim.shows, issue)

    def _is_too_new(self, claim: Claim) -> bool:
        """We heard of the issue so lately that not finding it may only be the tracker's lag."""
        return claim.floor is not None and self._doubts.age(claim.ref, claim.floor, self._store.now()) < LAG

    def _write(self, tracker: Tracker, todos: Sequence[Todo]) -> None:
        """Apply a chunk of plans under leases renewed for it, noting first what will be created."""
        if not todos:
            return
        held = self._renew([todo.claim for todo in todos])
        mine = [todo for todo in todos if todo.claim.ref in held]
        now = self._store.now()
        told = {todo.ref: in_words(todo.plan.changes, tracker.dialect, now, self._texts) for todo in mine}
        work = {ref: changes for ref, changes in told.items() if changes}
        waiting = self._begin(tracker, mine, work)
        work |= {ref: wordless(work[ref]) for ref in waiting}
        work = {ref: changes for ref, changes in work.items() if changes}
        outcomes = self._applied(tracker, work) if work else {}

        def put_down(conn: Connection) -> None:
            self._settle(conn, tracker, mine, outcomes, waiting)
            for todo in mine:
                self._touch_others(conn, todo)

        self._store.write(put_down)
        if any(todo.plan.touch for todo in mine):
            self._store.bell.ring()

    def _begin(
        self, tracker: Tracker, todos: Sequence[Todo], work: Mapping[IssueRef, Sequence[Change]]
    ) -> Mapping[IssueRef, datetime]:
        """Note what will be created; the issues for which the tracker takes no more just now, and until when."""
        lanes = {todo.ref: todo.claim.lane for todo in todos}
        creations = [(ref, key) for ref, changes in work.items() for key in created(changes)]
        return self._agenda.creations.begin(creations, tracker.paces, lanes)

    def _touch_others(self, conn: Connection, todo: Todo) -> None:
        """What else may have to change now; a P0 that stops all work concerns all boards (R33).

        Where only time has passed, or a backfill finds nothing new, boards are looked at once a minute, not each time.
        """
        touch = set(todo.plan.touch)
        if self._policy.pause.scope == "all" and any(isinstance(subject, BoardRef) for subject in touch):
            touch |= {BoardRef(name) for name in self._trackers}
        lane = Lane.SWEEP if todo.claim.lane is Lane.SWEEP else Lane.EVENT
        boards = sorted((subject for subject in touch if isinstance(subject, BoardRef)), key=str)
        self._agenda.touch_with(conn, sorted(touch - set(boards), key=str), lane)
        if todo.claim.lane is Lane.EVENT or todo.plan.changes:
            self._agenda.touch_with(conn, boards, lane)
        else:
            self._agenda.touch_with(conn, boards, Lane.SWEEP, self._store.now() + BOARD_AFTER)

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
        self,
        conn: Connection,
        tracker: Tracker,
        todos: Sequence[Todo],
        outcomes: Mapping[IssueRef, Outcome],
        waiting: Mapping[IssueRef, datetime],
    ) -> None:
        now = self._store.now()
        heed(self._store, self._agenda, conn, tracker, outcomes.values())
        for todo in todos:
            ref = todo.ref
            outcome = outcomes.get(ref, Outcome())
            journal.tell(conn, now, todo.claim, ref, outcome)
            if outcome.is_interrupted:
                self._agenda.later(conn, todo.claim, now, role=todo.role, unless_touched=True)
            elif outcome.failed:
                self._try_again(conn, todo, outcome, now)
            elif ref in waiting:
                self._agenda.later(conn, todo.claim, waiting[ref], role=todo.role, unless_touched=True)
            else:
                opened = any(isinstance(change, OpenIssue) for change in outcome.applied)
                self._agenda.done(
                    conn, todo.claim, todo.again_at, outcome.updated_at, is_settling=opened, role=todo.role
                )

    def _try_again(self, conn: Connection, todo: Todo, outcome: Outcome, now: datetime) -> None:
        why = why_failed([outcome])
        self._agenda.creations.still_begun(conn, [todo.ref])
        log.warning("not changed", **about(todo.claim), why=why)
        if (at := outcome.again_at(now)) is not None:
            self._agenda.later(conn, todo.claim, at, why, todo.role)
        else:
            self._agenda.failed(conn, todo.claim, why, todo.plan.look_again_at)


def _halves(claims: Sequence[Claim]) -> Iterator[Sequence[Claim]]:
    """Two halves; one alone is as it is."""
    middle = len(claims) // 2
    yield from filter(None, (claims[:middle], claims[middle:]))
