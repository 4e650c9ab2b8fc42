"""A board's law, kept by the one worker that has leased the board: read, decide, write, put down (R18, R20, R33)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import Gone, Outcome, Tracker, TrackerError
from integrator import journal
from integrator.agenda import Agenda, Claim
from integrator.doubt import Doubts
from integrator.heeding import heed, why_failed
from integrator.ledger import Role, floors, on_board, stopping_work, to_drop
from integrator.logs import about
from integrator.store import Store
from integrator.texts import Texts
from integrator.wording import created, in_words
from mapping.case import Case
from mapping.changes import BoardPlan
from mapping.issue import BoardRef, Issue, IssueRef, Subject
from mapping.law import plan_board
from mapping.plan import stops_work
from mapping.policy import Policy

log = structlog.get_logger()

REREAD = timedelta(seconds=1)
BELIEVE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a board has read, and to which of these issues it has written since."""

    issues: Mapping[IssueRef, Issue]
    written: frozenset[IssueRef]


@dataclass(frozen=True, slots=True)
class Boards:
    """Keeps the law of all boards. `every`: how long no move can go unseen; None: only what is told of is looked at."""

    store: Store
    agenda: Agenda
    trackers: Mapping[str, Tracker]
    policy: Policy
    texts: Texts
    every: timedelta | None = None
    doubts: Doubts = field(default_factory=Doubts)

    def keep(
        self,
        tracker: Tracker,
        claim: Claim,
        may_write: Callable[[], bool],
        also: Sequence[IssueRef] = (),
        untouched: Collection[IssueRef] = (),
    ) -> Look:
        """One look at a board and at the issues `also`, and what follows from it; nothing is written to `untouched`."""
        known = [*on_board(self.store, tracker.name), *self._to_drop(tracker), *also]
        board = tracker.board(BoardRef(tracker.name), list(dict.fromkeys(known)))
        now = self.store.now()
        if board is None:
            self.store.write(lambda conn: self.agenda.done(conn, claim, None, None))
            return Look({}, frozenset())
        issues = {card.issue.ref: card.issue for card in board.cards if card.issue is not None}
        if self._is_stale(issues, now):
            self.store.write(lambda conn: self.agenda.later(conn, claim, now + REREAD))
            return Look(issues, frozenset())
        as_of = max([now, *(issue.updated_at for issue in issues.values())])
        plan = plan_board(board, self.policy, as_of, self._elsewhere(tracker))
        plan = replace(plan, issues={ref: changes for ref, changes in plan.issues.items() if ref not in untouched})
        outcomes, waiting = self._apply(tracker, claim, plan, now, may_write)
        again = (plan.look_again_at, *waiting.values(), now + self.every if self.every else None)
        timer_at = min((at for at in again if at is not None), default=None)
        role = Role.STILL if plan.stops_work and not waiting else Role.NONE
        self.store.write(lambda conn: self._settle(conn, tracker, claim, timer_at, outcomes, role))
        return Look(issues, frozenset(ref for ref in outcomes if isinstance(ref, IssueRef)))

    def _to_drop(self, tracker: Tracker) -> list[IssueRef]:
        """Planned work that an emergency may drop: it stands in columns that the law doesn't look at."""
        named = [id_ for row in self.policy.okr.matrix for id_ in row.drop or ()]
        ids = {id_ for name in named for id_ in self.policy.okr.under(name)}
        return to_drop(self.store, tracker.name, ids)

    def _is_stale(self, issues: Mapping[IssueRef, Issue], now: datetime) -> bool:
        """Some issue was read older than what was heard of it; after a while the tracker is believed all the same."""
        heard = floors(self.store, list(issues))
        behind = [(ref, floor) for ref, floor in heard.items() if issues[ref].updated_at < floor]
        return any(self.doubts.age(ref, floor, now) < BELIEVE_AFTER for ref, floor in behind)

    def _elsewhere(self, tracker: Tracker) -> list[Case]:
        """The P0s of the other trackers, where these stop work here, too."""
        if self.policy.pause.scope != "all":
            return []
        others = {name for name in self.trackers if name != tracker.name}
        refs = [ref for ref in stopping_work(self.store) if ref.tracker in others]
        found: dict[IssueRef, Issue | Gone] = {}
        for name in sorted({ref.tracker for ref in refs}):
            found |= self.trackers[name].read([ref for ref in refs if ref.tracker == name])
        cases = [Case.of(issue, self.policy) for issue in found.values() if isinstance(issue, Issue)]
        return [case for case in cases if stops_work(case)]

    def _apply(
        self, tracker: Tracker, claim: Claim, plan: BoardPlan, now: datetime, may_write: Callable[[], bool]
    ) -> tuple[Mapping[Subject, Outcome], Mapping[IssueRef, datetime]]:
        """What came of it, and which issues' comments have to wait: their cards wait with them."""
        told = {ref: in_words(changes, tracker.dialect, now, self.texts) for ref, changes in plan.issues.items()}
        work = {ref: changes for ref, changes in told.items() if changes}
        creations = [(issue, key) for issue, changes in work.items() for key in created(changes)]
        waiting = self.agenda.creations.begin(creations, tracker.paces, dict.fromkeys(work, claim.lane))
        work = {ref: changes for ref, changes in work.items() if ref not in waiting}
        outcomes: dict[Subject, Outcome] = {}
        if work:
            outcomes |= dict(tracker.apply(work, may_write).items())
        if plan.cards:
            outcomes[BoardRef(tracker.name)] = self._arranged(tracker, plan, may_write, bool(outcomes))
        return outcomes, waiting

    @staticmethod
    def _arranged(tracker: Tracker, plan: BoardPlan, may_write: Callable[[], bool], has_written: bool) -> Outcome:
        """What came of placing cards. What stops it is raised, unless that would hide what was written before."""
        try:
            return tracker.arrange(BoardRef(tracker.name), plan.cards, may_write)
        except TrackerError as stop:
            if not has_written:
                raise
            return Outcome(failed=tuple((card, str(stop)) for card in plan.cards), stopped=stop)

    def _settle(  # noqa: PLR0913, PLR0917 - all that is known of a look
        self,
        conn: Connection,
        tracker: Tracker,
        claim: Claim,
        timer_at: datetime | None,
        outcomes: Mapping[Subject, Outcome],
        role: Role,
    ) -> None:
        now = self.store.now()
        heed(self.store, self.agenda, conn, tracker, outcomes.values())
        for ref, outcome in outcomes.items():
            journal.tell(conn, now, claim, ref, outcome)
            if isinstance(ref, IssueRef):
                self.agenda.rose(conn, ref, outcome.updated_at)
        failing = [outcome for outcome in outcomes.values() if outcome.failed]
        if not failing:
            self.agenda.done(conn, claim, timer_at, None, role=role)
            return
        why = why_failed(failing)
        if not all(outcome.is_interrupted for outcome in failing):
            log.warning("board not as it should be", **about(claim), why=why)
        pauses = [outcome.again_at(now) for outcome in failing]
        if None in pauses:
            self.agenda.failed(conn, claim, why, timer_at)
        else:
            self.agenda.later(conn, claim, max(at for at in pauses if at is not None), why)
