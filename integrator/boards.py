"""A board's law, kept by the one worker that has leased the board: read, decide, write, put down (R18, R20, R33)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import Gone, Outcome, Tracker
from integrator import journal
from integrator.agenda import Agenda, Claim
from integrator.ledger import floors, on_board, stopping_work
from integrator.store import Store
from integrator.texts import Texts
from integrator.wording import created, in_words
from mapping.board import Board
from mapping.case import Case
from mapping.changes import BoardPlan
from mapping.issue import BoardRef, Issue, IssueRef
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
            plan = plan_board(board, self.policy, now, self._elsewhere(tracker))
            outcomes = self._apply(tracker, ref, plan, now, may_write)
            self.store.write(lambda conn: self._settle(conn, claim, plan, outcomes))

    def _is_stale(self, board: Board, now: datetime) -> bool:
        """Some issue was read older than what was heard of it; after a while the tracker is believed all the same."""
        seen = {card.issue.ref: card.issue.updated_at for card in board.cards if card.issue is not None}
        heard = floors(self.store, list(seen))
        return any(seen[ref] < floor and now - floor < BELIEVE_AFTER for ref, floor in heard.items())

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
        self, tracker: Tracker, board: BoardRef, plan: BoardPlan, now: datetime, may_write: Callable[[], bool]
    ) -> Mapping[IssueRef | BoardRef, Outcome]:
        told = {ref: in_words(changes, tracker.dialect, now, self.texts) for ref, changes in plan.issues.items()}
        work = {ref: changes for ref, changes in told.items() if changes}
        self.agenda.begin([(issue, key) for issue, changes in work.items() for key in created(changes)])
        outcomes: dict[IssueRef | BoardRef, Outcome] = {}
        if work:
            outcomes |= dict(tracker.apply(work, may_write).items())
        if plan.cards:
            outcomes[board] = tracker.arrange(board, plan.cards, may_write)
        return outcomes

    def _settle(
        self, conn: Connection, claim: Claim, plan: BoardPlan, outcomes: Mapping[IssueRef | BoardRef, Outcome]
    ) -> None:
        now = self.store.now()
        self.agenda.answered(conn, claim.ref.tracker)
        for ref, outcome in outcomes.items():
            journal.note(conn, now, ref, outcome.applied, outcome.failed)
            for change in outcome.applied:
                log.info("changed", issue=str(ref), change=type(change).__name__, because=change.because)
            if isinstance(ref, IssueRef):
                self.agenda.rose(conn, ref, outcome.updated_at)
        again = (plan.look_again_at, now + self.every if self.every else None)
        timer_at = min((at for at in again if at is not None), default=None)
        if why := _why_failed(list(outcomes.values())):
            log.warning("board not as it should be", board=str(claim.ref), why=why)
            self.agenda.failed(conn, claim, why, timer_at)
        else:
            self.agenda.done(conn, claim, timer_at, None)


def _why_failed(outcomes: Sequence[Outcome]) -> str:
    failed = [pair for outcome in outcomes for pair in outcome.failed]
    return "; ".join(f"{type(change).__name__}: {error}" for change, error in failed)
