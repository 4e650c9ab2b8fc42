"""Rounds: what one worker of the fleet does again and again for a tracker, so that nothing stays lost.

Redelivery asks for webhook deliveries that never arrived, reconcile looks for what changed without being told of, and
the sweep passes all open issues by. Each is a row of the agenda beside the issues: its `timer_at` says when it is next,
its lease that nobody else makes it. What has to be remembered from one to the next is a fact in the database.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import AccessDenied, LeaseLost, Page, RateLimited, Tracker, TrackerError, Undelivered, Unreachable
from integrator import metrics
from integrator.agenda import Agenda, Claim
from integrator.lanes import Lane
from integrator.ledger import floors
from integrator.store import Store
from integrator.subjects import ANY_ROUND, Round, RoundRef
from integrator.tables import Instant, agenda, facts
from mapping.issue import IssueRef

log = structlog.get_logger()

AT_START = timedelta(seconds=2)  # by then a starting process listens, and those that start together make one round
OVERLAP = timedelta(minutes=10)  # searches lag, deliveries are listed late, and clocks differ
FIRST_LOOK = timedelta(days=3)  # as far back as github.com sends deliveries again
ASKS = 3  # times that a delivery is asked for
AT_ONCE = 20  # deliveries asked for before others get their turn
BREATHER = timedelta(seconds=10)
SWEEPING = timedelta(seconds=15)  # between two pages of a sweep, and while other backfills wait

Every = Mapping[Round, timedelta]
S = TypeVar("S", "Walk", "Asking")


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk through a tracker's pages is; `last` is when the one before it began."""

    last: str = ""
    began: str = ""
    since: str = ""
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Which deliveries were asked for how often, and which still have to be: pairs of id and address."""

    last: str = ""
    asked: Mapping[str, int] = field(default_factory=dict)
    waiting: tuple[tuple[str, str], ...] = ()
    refused: str = ""


def set_out(store: Store, trackers: Iterable[str], every: Every) -> None:
    """Have these rounds on the agenda and no others: redelivery soon, the others when they are due."""
    now, soon = store.now(), store.now() + AT_START
    first = {kind: now + span if kind is Round.SWEEP else soon for kind, span in every.items()}
    latest = {kind: soon if kind is Round.REDELIVERY else now + span for kind, span in every.items()}
    wanted = [RoundRef(name, kind) for name in sorted(trackers) for kind in every]

    def work(conn: Connection) -> None:
        others = agenda.c.subject.like(ANY_ROUND) & agenda.c.subject.not_in(list(map(str, wanted)))
        conn.execute(sa.delete(agenda).where(others))
        for ref in wanted:
            row = {"subject": str(ref), "tracker": ref.tracker, "lane": Lane.TIMER, "seq": 1, "attempts": 0}
            insert = store.upsert(agenda).values(row | {"timer_at": first[ref.round]})
            soonest = sa.literal(latest[ref.round], Instant)
            sooner = sa.case((agenda.c.timer_at > soonest, soonest), else_=agenda.c.timer_at)
            conn.execute(insert.on_conflict_do_update(index_elements=["subject"], set_={"timer_at": sooner}))

    store.write(work)


@dataclass(frozen=True, slots=True)
class Rounds:
    """Makes rounds, each of them so often."""

    store: Store
    agenda: Agenda
    every: Every

    def make(self, tracker: Tracker, claim: Claim, ref: RoundRef, may_write: Callable[[], bool]) -> None:
        """One step of a round. What goes wrong is its own trouble, unless the tracker is down or wants a pause."""
        try:
            if ref.round is Round.REDELIVERY:
                self._redeliver(tracker, claim, ref, may_write)
            elif ref.round is Round.RECONCILE or not self._are_others_sweeping(tracker.name):
                self._walk(tracker, claim, ref)
            else:
                self.store.write(lambda conn: self.agenda.done(conn, claim, self.store.now() + SWEEPING, None))
        except (Unreachable, RateLimited, LeaseLost):
            raise
        except TrackerError as error:
            log.warning("round failed", round=str(ref), error=str(error))
            self.store.write(lambda conn, why=str(error): self._failed(conn, claim, ref, why))  # type: ignore[misc]

    def _failed(self, conn: Connection, claim: Claim, ref: RoundRef, why: str) -> None:
        """Tried again later, from the start: the tracker may have forgotten the cursor."""
        if ref.round is not Round.REDELIVERY:
            self._remember(conn, ref, Walk(self._recall(conn, ref, Walk).last))
        self.agenda.failed(conn, claim, why)

    # ------------------------------------------------------------------ walking through pages

    def _walk(self, tracker: Tracker, claim: Claim, ref: RoundRef) -> None:
        """Take one page; the next is another turn, so that nothing waits for a long walk."""
        now = self.store.now()
        walk = self.store.read(lambda conn: self._recall(conn, ref, Walk))
        if not walk.began:
            walk = replace(walk, began=now.isoformat(), since=self._since(ref.round, walk.last, now))
        since = datetime.fromisoformat(walk.since) if walk.since else None
        page = next(tracker.pages(since, walk.cursor))
        unseen = sorted(self._unseen(page))

        def put_down(conn: Connection) -> None:
            self.agenda.answered(conn, tracker.name)
            self.agenda.touch_with(conn, unseen, Lane.SWEEP)
            if page.cursor is None:
                self._end(conn, claim, ref, Walk(last=walk.began))
            else:
                self._remember(conn, ref, replace(walk, cursor=page.cursor))
                self.agenda.done(conn, claim, now + (SWEEPING if ref.round is Round.SWEEP else timedelta()), None)

        self.store.write(put_down)
        self.store.bell.ring()

    def _since(self, kind: Round, last: str, now: datetime) -> str:
        """From when on changes are looked for; empty: all open issues."""
        if kind is Round.SWEEP:
            return ""
        before = datetime.fromisoformat(last) if last else now - self.every[kind]
        return (before - OVERLAP).isoformat()

    def _unseen(self, page: Page) -> set[IssueRef]:
        """Whatever was not heard of as new as the page knows it."""
        heard = floors(self.store, list(page.updated))
        return {ref for ref in page.refs if ref not in heard or heard[ref] < page.updated[ref]}

    def _are_others_sweeping(self, tracker: str) -> bool:
        """Whether a backfill waits to be worked on: this one comes after it, and after its own last page."""
        swept = (agenda.c.tracker == tracker) & (agenda.c.lane == Lane.SWEEP) & agenda.c.parked_at.is_(None)
        query = sa.select(agenda.c.subject).where(swept, agenda.c.look_at <= self.store.now()).limit(1)
        return self.store.read(lambda conn: conn.execute(query).first()) is not None

    # ------------------------------------------------------------------ deliveries

    def _redeliver(self, tracker: Tracker, claim: Claim, ref: RoundRef, may_write: Callable[[], bool]) -> None:
        """Look at what never arrived, unless that is known from the last turn, and ask for some of it."""
        now = self.store.now()
        asking = self.store.read(lambda conn: self._recall(conn, ref, Asking))
        if not asking.waiting:
            asking = self._look(tracker, asking, now)
        asking, stop = self._ask(tracker, asking, may_write)

        def put_down(conn: Connection) -> None:
            if stop is None:
                self.agenda.answered(conn, tracker.name)
            if not asking.waiting:
                self._end(conn, claim, ref, asking)
                return
            self._remember(conn, ref, asking)
            if stop is None:
                self.agenda.done(conn, claim, self.store.now() + BREATHER, None)

        self.store.write(put_down)
        if stop is not None:
            raise stop

    def _look(self, tracker: Tracker, asking: Asking, now: datetime) -> Asking:
        """What has to be asked for, now. What can't be looked at is said once, and so is what is given up."""
        since = datetime.fromisoformat(asking.last) - OVERLAP if asking.last else now - FIRST_LOOK
        found = tracker.deliveries(since)
        asked = {one.id: asking.asked[one.id] for one in found.missed if one.id in asking.asked}
        for one in (one for one, times in asked.items() if times == ASKS):
            log.warning("delivery given up", tracker=tracker.name, delivery=one, times=ASKS)
            asked[one] = ASKS + 1
        waiting = tuple((one.id, one.again) for one in found.missed if asked.get(one.id, 0) < ASKS)
        return _said(replace(asking, last=now.isoformat(), asked=asked, waiting=waiting), tracker, found.refused)

    def _ask(
        self, tracker: Tracker, asking: Asking, may_write: Callable[[], bool]
    ) -> tuple[Asking, TrackerError | None]:
        """Ask for some of it, without the permission for none; and what stopped it.

        One that the tracker fails on was asked for, too: else it would hold up those behind it for ever.
        """
        for one in (Undelivered(*pair) for pair in asking.waiting[:AT_ONCE]):
            if not may_write():
                return asking, LeaseLost()
            stop: TrackerError | None = None
            try:
                why = tracker.redeliver(one)
            except AccessDenied as refusal:
                return _said(replace(asking, waiting=()), tracker, str(refusal)), None
            except Unreachable as failure:
                stop, why = failure, str(failure)
            except TrackerError as pause:
                return asking, pause
            log.info("delivery asked for again", tracker=tracker.name, delivery=one.id, refused=why)
            metrics.REDELIVERIES.labels(tracker.name, "refused" if why else "asked").inc()
            asked = {**asking.asked, one.id: asking.asked.get(one.id, 0) + 1}
            asking = replace(asking, asked=asked, waiting=asking.waiting[1:])
            if stop is not None:
                return asking, stop
        return asking, None

    # ------------------------------------------------------------------ from one to the next

    def _end(self, conn: Connection, claim: Claim, ref: RoundRef, state: Walk | Asking) -> None:
        self._remember(conn, ref, state)
        self.agenda.done(conn, claim, self.store.now() + self.every[ref.round], None)
        metrics.ROUNDS.labels(ref.tracker, ref.round.value).inc()

    @staticmethod
    def _recall(conn: Connection, ref: RoundRef, kind: type[S]) -> S:
        """What was remembered, but for what only another version knows."""
        text = conn.execute(sa.select(facts.c.value).where(facts.c.name == str(ref))).scalar()
        kept = json.loads(text) if text else {}
        return kind(**{each.name: kept[each.name] for each in fields(kind) if each.name in kept})

    def _remember(self, conn: Connection, ref: RoundRef, state: Walk | Asking) -> None:
        value = {"value": json.dumps(asdict(state))}
        insert = self.store.upsert(facts).values(name=str(ref), **value)
        conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_=value))


def _said(asking: Asking, tracker: Tracker, refused: str) -> Asking:
    """Say why deliveries can't be looked at or asked for, unless that was said last."""
    if not refused or refused == asking.refused:
        return asking
    log.warning("deliveries are not sent again", tracker=tracker.name, why=refused)
    return replace(asking, refused=refused)
