"""A board's law, kept by the one worker that has leased the board: read, decide, write, put down (R18, R20, R33)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import Gone, Outcome, Tracker
from integrator import journal
from integrator.agenda import Agenda, Claim
from integrator.doubt import Doubts
from integrator.heeding import heed, why_failed
from integrator.ledger import floors, on_board, stopping_work
from integrator.store import Store
from integrator.texts import Texts
from integrator.wording import created, in_words
from mapping.board import Board
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
class Boards:
    """Keeps the law of all boards. `every`: how long no move can go unseen; None: only what is told of is looked at."""

    store: Store
    agenda: Agenda
    trackers: Mapping[str, Tracker]
    policy: Policy
    texts: Texts
    every: timedelta | None = None
    doubts: Doubts = field(default_factory=Doubts)

    def keep(self, tracker: Tracker, claim: Claim, may_write: Callable[[], bool]) -> None:
        """One look at a board, and what follows from it."""
        ref = BoardRef(tracker.name)
        board = tracker.board(ref, on_board(self.store, tracker.name))
        now = self.store.now()
        if board is None:
            self.store.write(lambda conn: self.agenda.done(conn, claim, None, None))
        elif self._is_stale(board, now):
            self.store.write(lambda conn: self.agenda.later(conn, claim, now + REREAD))
        else:
            as_of = max([now, *(card.issue.updated_at for card in board.cards if card.issue is not None)])
            plan = plan_board(board, self.policy, as_of, self._elsewhere(tracker))
            outcomes, waiting = self._apply(tracker, claim, plan, now, may_write)
            again = (plan.look_again_at, *waiting.values(), now + self.every if self.every else None)
            timer_at = min((at for at in again if at is not None), default=None)
            self.store.write(lambda conn: self._settle(conn, tracker, claim, timer_at, outcomes))

    def _is_stale(self, board: Board, now: datetime) -> bool:
        """Some issue was read older than what was heard of it; after a while the tracker is believed all the same."""
        seen = {card.issue.ref: card.issue.updated_at for card in board.cards if card.issue is not None}
        heard = floors(self.store, list(seen))
        behind = [(ref, floor) for ref, floor in heard.items() if seen[ref] < floor]
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
        waiting = self.agenda.begin(creations, tracker.paces, dict.fromkeys(work, claim.lane))
        work = {ref: changes for ref, changes in work.items() if ref not in waiting}
        outcomes: dict[Subject, Outcome] = {}
        if work:
            outcomes |= dict(tracker.apply(work, may_write).items())
        if plan.cards:
            outcomes[BoardRef(tracker.name)] = tracker.arrange(BoardRef(tracker.name), plan.cards, may_write)
        return outcomes, waiting

    def _settle(
        self,
        conn: Connection,
        tracker: Tracker,
        claim: Claim,
        timer_at: datetime | None,
        outcomes: Mapping[Subject, Outcome],
    ) -> None:
        now = self.store.now()
        heed(self.store, self.agenda, conn, tracker, outcomes.values())
        for ref, outcome in outcomes.items():
            journal.note(conn, now, ref, outcome.applied, outcome.failed)
            for change in outcome.applied:
                log.info("changed", issue=str(ref), change=type(change).__name__, because=change.because)
            if isinstance(ref, IssueRef):
                self.agenda.rose(conn, ref, outcome.updated_at)
        failing = [outcome for outcome in outcomes.values() if outcome.failed]
        if not failing:
            self.agenda.done(conn, claim, timer_at, None)
            return
        why = why_failed(failing)
        log.warning("board not as it should be", board=str(claim.ref), why=why)
        pauses = [outcome.again_at(now) for outcome in failing]
        if None in pauses:
            self.agenda.failed(conn, claim, why, timer_at)
        else:
            self.agenda.later(conn, claim, max(at for at in pauses if at is not None), why)
