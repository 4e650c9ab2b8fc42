"""The agenda: one row per issue is queue, retry schedule and timer wheel.

A row is due when its `look_at` (an event, a retry, a sweep) or its `timer_at` (the next instant at which a clock
could change something) has come. `seq` counts touches: a row touched while it was worked on stays due.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import TrackerError
from integrator import adopting, budgets
from integrator.creations import Creations
from integrator.inbox import Inbox
from integrator.lanes import Lane
from integrator.store import Store
from integrator.subjects import ANY_ROUND, Subject, subject_of
from integrator.tables import Instant, agenda, trackers
from integrator.touching import Row, Touching, putting_down, settling
from mapping.issue import BoardRef, IssueRef
from webhooks.delivery import Delivery, Touch

log = structlog.get_logger()

LEASE = timedelta(seconds=40)
MAX_ATTEMPTS = 10
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased subject: `seq` as it was then, the oldest read that may be believed, the delivery that told of it."""

    ref: Subject
    seq: int
    lane: Lane
    attempts: int
    floor: datetime | None
    shows: tuple[str, ...] = ()
    heard: str | None = None


class Agenda:
    """The agenda of all trackers, as one worker (`me`) sees it; `makes_rounds`: whether it takes those up, too."""

    def __init__(self, store: Store, me: str, policy_hash: str = "", makes_rounds: bool = False) -> None:
        self._store = store
        self._me = me
        self.policy_hash = policy_hash
        self._makes_rounds = makes_rounds
        self._touching, self._putting_down = Touching(store), putting_down()
        self._settling = settling()
        self.creations = Creations(store)
        self._inbox = Inbox(store, Lane.EVENT)

    # ------------------------------------------------------------------ putting on

    def accept(self, tracker: str, delivery: Delivery) -> bool:
        """Store a delivery and touch its issues in one transaction; False when its id was known already."""
        return self._inbox.accept(tracker, delivery)

    async def accepted(self, tracker: str, delivery: Delivery) -> bool:
        """The same on an event loop."""
        return await self._inbox.accepted(tracker, delivery)

    def touch(self, refs: Sequence[Subject], lane: Lane, at: datetime | None = None) -> None:
        """Put subjects on the agenda; the earlier time and the better lane win."""
        self._store.write(lambda conn: self.touch_with(conn, refs, lane, at))
        self._store.bell.ring()

    def touch_with(self, conn: Connection, refs: Sequence[Subject], lane: Lane, at: datetime | None = None) -> None:
        """The same within a transaction; who commits it rings the bell."""
        when = at or self._store.now()
        self._touching.touch(conn, [Row.of(ref, lane, when) for ref in refs])

    # ------------------------------------------------------------------ taking up

    def claim(
        self, tracker: str, limit: int, more: Mapping[Lane, int] = {}, lanes: Sequence[Lane] = tuple(Lane)
    ) -> list[Claim]:
        """Lease up to `limit` due issues of a tracker, of these lanes: events first, then due clocks, then sweeps.

        `more`: up to how many of these lanes. Sweeps wait for all else, and while only the reserve of the tracker's
        budget is left.
        """
        now = self._store.now()

        def work(conn: Connection) -> list[Claim]:
            adopting.check(conn, self.policy_hash)
            if self._held_until(conn, tracker, now):
                return []
            claims: list[Claim] = []
            for lane in lanes:
                most = max(limit, more.get(lane, 0))
                if lane is Lane.SWEEP and (claims or self._is_scarce(conn, tracker)):
                    break
                if len(claims) < most:
                    claims += self._claim_lane(conn, tracker, lane, now, most - len(claims))
            return claims

        return self._store.write(work)

    def _is_scarce(self, conn: Connection, tracker: str) -> bool:
        return budgets.is_scarce(self._store, conn, tracker)

    def _claim_lane(self, conn: Connection, tracker: str, lane: Lane, now: datetime, limit: int) -> list[Claim]:
        column = agenda.c.timer_at if lane is Lane.TIMER else agenda.c.look_at
        due = [agenda.c.tracker == tracker, column <= now]
        if lane is not Lane.TIMER:
            due += [agenda.c.lane == lane, agenda.c.parked_at.is_(None)]
        if not self._makes_rounds:
            due.append(agenda.c.subject.not_like(ANY_ROUND))
        if lane is Lane.SWEEP and self._has_issues_to_sweep(conn, tracker, now):
            due.append(agenda.c.subject != str(BoardRef(tracker)))  # it is looked at once they are, not in between
        free = agenda.c.lease_until.is_(None) | (agenda.c.lease_until <= now)
        rows = conn.execute(
            sa.select(agenda).where(*due, free).order_by(column).limit(limit).with_for_update(skip_locked=True)
        ).all()
        conn.execute(
            sa.update(agenda)
            .where(agenda.c.subject.in_([row.subject for row in rows]))
            .values(lease_until=now + LEASE, lease_by=self._me)
        )
        return [_claimed(row, lane) for row in rows]

    def _has_issues_to_sweep(self, conn: Connection, tracker: str, now: datetime) -> bool:
        due = agenda.c.tracker == tracker, agenda.c.lane == Lane.SWEEP, agenda.c.look_at <= now
        issues = agenda.c.subject != str(BoardRef(tracker)), agenda.c.subject.not_like(ANY_ROUND)
        query = sa.select(agenda.c.subject).where(*due, *issues, agenda.c.parked_at.is_(None))
        return conn.execute(query.limit(1)).first() is not None

    def take(self, board: BoardRef) -> Claim | None:
        """Lease a board, whether it is due or not; None while somebody else has it, who will look at it again."""
        now = self._store.now()
        free = agenda.c.lease_until.is_(None) | (agenda.c.lease_until <= now)

        def work(conn: Connection) -> Claim | None:
            adopting.check(conn, self.policy_hash)
            self.touch_with(conn, [board], Lane.EVENT, now)
            which = sa.select(agenda).where(agenda.c.subject == str(board), free)
            row = conn.execute(which.with_for_update(skip_locked=True)).first()
            lease = sa.update(agenda).where(agenda.c.subject == str(board))
            if row is not None:
                conn.execute(lease.values(lease_until=now + LEASE, lease_by=self._me))
            return None if row is None else _claimed(row, Lane.EVENT)

        return self._store.write(work)

    def renew(self, claims: Sequence[Claim]) -> set[Subject]:
        """Hold the leases for as long again; the issues whose lease is still ours."""
        now = self._store.now()

        def work(conn: Connection) -> set[Subject]:
            mine = self._mine(claims)
            conn.execute(sa.update(agenda).where(*mine).values(lease_until=now + LEASE))
            held = {subject_of(s) for s in conn.scalars(sa.select(agenda.c.subject).where(*mine))}
            self.creations.still_begun(conn, held)
            return held

        return self._store.write(work)

    def _mine(self, claims: Sequence[Claim]) -> tuple[Any, ...]:
        return agenda.c.subject.in_([str(claim.ref) for claim in claims]), agenda.c.lease_by == self._me

    # ------------------------------------------------------------------ putting down

    def done(  # noqa: PLR0913, PLR0917 - all that is known of a subject
        self,
        conn: Connection,
        claim: Claim,
        timer_at: datetime | None,
        floor: datetime | None,
        is_settling: bool = False,
        role: str = "",
    ) -> None:
        """The subject is as it should be. Touched meanwhile, it stays due; `timer_at` is when to look by itself.

        `is_settling`: what was created may not be seen yet in the next moments, so its intents last until then.
        `role` is what the issue means to its board.
        """
        conn.execute(
            self._putting_down,
            {
                "named": str(claim.ref),
                "by": self._me,
                "claimed": claim.seq,
                "again_at": timer_at,
                "answered": floor,
                "means": role,
            },
        )
        if not is_settling:
            conn.execute(self._settling, {"named": str(claim.ref)})

    def gone(self, conn: Connection, claim: Claim) -> None:
        """The issue no longer exists under this name."""
        conn.execute(sa.delete(agenda).where(*self._mine([claim]), agenda.c.seq == claim.seq))
        conn.execute(sa.update(agenda).where(*self._mine([claim])).values(lease_until=None, lease_by=None))

    def later(  # noqa: PLR0913, PLR0917 - why it waits, and what is known of it
        self,
        conn: Connection,
        claim: Claim,
        at: datetime,
        why: str | None = None,
        role: str | None = None,
        unless_touched: bool = False,
    ) -> None:
        """Nothing is wrong, but it is too early: look again then.

        `unless_touched`: at once if something happened meanwhile, which the reason for waiting may not be about.
        """
        known = {"last_error": why and why[:500], "role": role}
        also = {name: value for name, value in known.items() if value is not None}
        fresh = agenda.c.seq != claim.seq if unless_touched else sa.false()
        self._reschedule(conn, claim, at, fresh=fresh, also=also)

    def failed(self, conn: Connection, claim: Claim, error: str, timer_at: datetime | None = None) -> None:
        """It did not work: try again later, and later each time; after the last attempt it is parked.

        Touched meanwhile, it starts anew: what came in may be what mends it. A parked issue's clocks go on: it is
        looked at when they are due (`timer_at`), too.
        """
        attempts = claim.attempts + 1
        now = self._store.now()
        pause = _growing(attempts, LONGEST_RETRY) * random.uniform(0.8, 1.2)  # noqa: S311
        fresh = agenda.c.seq != claim.seq
        also = {
            "attempts": sa.case((fresh, agenda.c.attempts), else_=attempts),
            "parked_at": sa.case((fresh, sa.null()), else_=sa.literal(now, agenda.c.parked_at.type)),
            "last_error": error[:500],
            **({"timer_at": timer_at} if timer_at else {}),
        }
        if attempts < MAX_ATTEMPTS:
            del also["parked_at"]
        self._reschedule(conn, claim, now + pause, fresh=fresh, also=also)

    def _reschedule(self, conn: Connection, claim: Claim, at: datetime, fresh: Any, also: Mapping[str, Any]) -> None:
        now = self._store.now()
        values = {
            column.name: sa.case((column.is_(None) | (column > now) | fresh, column), else_=sa.literal(at, Instant))
            for column in (agenda.c.look_at, agenda.c.timer_at)
        }
        conn.execute(
            sa.update(agenda).where(*self._mine([claim])).values(values).values(lease_until=None, lease_by=None, **also)
        )

    def release(self, claims: Sequence[Claim]) -> None:
        """Give leases back untouched: somebody takes the issues up when they can be."""
        free = sa.update(agenda).where(*self._mine(claims)).values(lease_until=None, lease_by=None)
        self._store.write(lambda conn: conn.execute(free))

    def give_up(self, claims: Sequence[Claim]) -> None:
        """The same after something broke: what was being created may be there, and shows later."""

        def work(conn: Connection) -> None:
            mine = self._mine(claims)
            held = [subject_of(s) for s in conn.scalars(sa.select(agenda.c.subject).where(*mine))]
            self.creations.still_begun(conn, held)
            conn.execute(sa.update(agenda).where(*mine).values(lease_until=None, lease_by=None))

        self._store.write(work)

    def let_go(self, claims: Sequence[Claim]) -> set[Subject]:
        """Give back those of which something was heard since they were claimed: whoever is free takes them up."""
        claimed = {str(claim.ref): claim.seq for claim in claims}

        def work(conn: Connection) -> set[Subject]:
            rows = conn.execute(sa.select(agenda.c.subject, agenda.c.seq).where(*self._mine(claims), heard)).all()
            told = [row.subject for row in rows if row.seq != claimed[row.subject]]
            free = sa.update(agenda).where(agenda.c.subject.in_(told), agenda.c.lease_by == self._me)
            if told:
                conn.execute(free.values(lease_until=None, lease_by=None))
            return {subject_of(subject) for subject in told}

        heard = agenda.c.lane == Lane.EVENT
        return self._store.write(work) if claims else set()

    def free_leases(self) -> None:
        """Give all leases back: for a process that knows that it is the only one."""
        free = sa.update(agenda).where(agenda.c.lease_until.is_not(None)).values(lease_until=None, lease_by=None)
        self._store.write(lambda conn: conn.execute(free))

    def rose(self, conn: Connection, ref: IssueRef, floor: datetime | None) -> None:
        """We wrote to an issue for its board's sake: look at it again, not older than that."""
        self._touching.touch(conn, [Row.of(ref, Lane.EVENT, self._store.now(), Touch(ref, floor))])

    # ------------------------------------------------------------------ trackers and policy

    def hold(self, tracker: str, error: TrackerError) -> None:
        """Leave a whole tracker alone for as long as it asked; else for longer with each failure in a row."""
        self._store.write(lambda conn: self.hold_with(conn, tracker, error))

    def hold_with(self, conn: Connection, tracker: str, error: TrackerError) -> None:
        """The same within a transaction."""
        row = conn.execute(sa.select(trackers).where(trackers.c.name == tracker)).first()
        failures = (row.failures if row else 0) + 1
        until, why = error.retry_at or self._store.now() + _growing(failures, error.longest), str(error)
        if row is not None and row.not_before is not None and row.not_before > until:
            until, why = row.not_before, row.why or why  # another worker was told to wait for longer
        values = {"not_before": until, "why": why[:500], "failures": failures}
        insert = self._store.upsert(trackers).values(name=tracker, **values)
        conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))

    def answered(self, conn: Connection, tracker: str) -> None:
        """The tracker works; a pause that it asked another worker for meanwhile is kept."""
        over = trackers.c.name == tracker, trackers.c.not_before <= self._store.now()
        conn.execute(sa.delete(trackers).where(*over))

    def _held_until(self, conn: Connection, tracker: str, now: datetime) -> datetime | None:
        held = sa.select(trackers.c.not_before).where(trackers.c.name == tracker, trackers.c.not_before > now)
        return conn.execute(held).scalar()

    def adopt_policy(self) -> bool:
        """Make this worker's policy the current one; a new policy makes every known issue due, behind events."""
        return adopting.adopt(self._store, self.policy_hash, Lane.SWEEP)

    # ------------------------------------------------------------------ looking

    def next_due(self) -> datetime | None:
        """The earliest time at which anything is due."""
        earliest = sa.select(sa.func.min(agenda.c.look_at), sa.func.min(agenda.c.timer_at))
        row = self._store.read(lambda conn: conn.execute(earliest.where(agenda.c.parked_at.is_(None))).one())
        return min((at for at in row if at is not None), default=None)

    def is_busy(self) -> bool:
        """Whether anything is due now or being worked on."""
        now = self._store.now()
        due = (agenda.c.look_at <= now) | (agenda.c.timer_at <= now) | (agenda.c.lease_until > now)
        query = sa.select(agenda.c.subject).where(due, agenda.c.parked_at.is_(None)).limit(1)
        return self._store.read(lambda conn: conn.execute(query).first()) is not None

    def rows(self, parked: bool) -> list[dict[str, Any]]:
        """What is due now, or what is parked, for people to look at."""
        now = self._store.now()
        due = agenda.c.look_at.is_not(None) | (agenda.c.timer_at <= now)
        query = sa.select(agenda).where(*_chosen(parked, due)).order_by(agenda.c.lane, agenda.c.look_at)
        return [dict(row._mapping) for row in self._store.read(lambda conn: conn.execute(query).all())]

    def replay(self, refs: Sequence[Subject] | None) -> int:
        """Put parked issues (all, or these) back on the agenda; how many there were."""
        parked = [subject_of(row["subject"]) for row in self.rows(parked=True)]
        chosen = parked if refs is None else [ref for ref in parked if ref in refs]
        self.touch(chosen, Lane.EVENT)
        return len(chosen)


def _chosen(parked: bool, due: Any) -> tuple[Any, ...]:
    return (agenda.c.parked_at.is_not(None),) if parked else (due, agenda.c.parked_at.is_(None))


def _claimed(row: Any, lane: Lane) -> Claim:
    shows = tuple((row.shows or "").split())
    return Claim(subject_of(row.subject), row.seq, lane, row.attempts, row.floor, shows, row.heard)


def _growing(times: int, most: timedelta) -> timedelta:
    """A pause that doubles each time, and after hours of it is no longer than `most`."""
    return min(FIRST_RETRY * (1 << min(times - 1, 16)), most)
