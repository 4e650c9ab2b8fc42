"""What limits mean for the work: what waits, for how long, what is done meanwhile, and that nothing is lost."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.memory import MemoryTracker
from adapters.tracker import AccessDenied, Budget, Outcome, Pace, RateLimited, TrackerError, Unreachable
from integrator.agenda import Agenda
from integrator.budgets import budget_of
from integrator.lanes import Lane
from integrator.scenario import Clock
from integrator.store import Store
from integrator.tables import agenda, creations, intents, trackers
from integrator.texts import Texts
from integrator.worker import Worker
from mapping.changes import Change, SetFields, SetLabels
from mapping.issue import BoardRef, Column, IssueRef
from tests.law_house import rules
from tests.postgres import database
from tests.test_worker import ONE, PATIENT, SECOND, START, THREE, TWO, House, house

__all__ = ["house"]

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PACES = (Pace(2, MINUTE), Pace(50, HOUR))


def said(house: House, ref: IssueRef) -> int:
    return len(house.github.issue(ref).comments)


# ---------------------------------------------------------------- the pace


def test_what_is_over_the_pace_waits_with_its_comment_and_has_its_label_at_once(house: House) -> None:
    house.github.paces = PACES
    house.open(ONE, TWO, THREE)
    house.tasks.touch([ONE, TWO, THREE], Lane.EVENT)
    house.worker.run_due()
    assert [said(house, ref) for ref in (ONE, TWO, THREE)] == [1, 1, 0]
    assert house.labels(THREE) == {"P1", "emergency"}
    assert {type(change) for change in house.github.writes[0][THREE]} == {SetLabels, SetFields}
    row = house.row(THREE)
    assert (row.look_at, row.attempts, row.lease_until) == (START + MINUTE, 0, None)
    assert [line.subject for line in house.all(intents)] == []
    house.clock.at = START + MINUTE
    house.worker.run_due()
    assert said(house, THREE) == 1
    assert house.row(THREE).look_at is None


def test_at_a_slow_pace_all_comes_to_the_same_end_and_each_is_looked_at_twice(house: House) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 13)]
    swift = House()
    for one in (house, swift):
        one.open(*refs)
        one.tasks.touch(refs, Lane.SWEEP)
    house.github.paces = PACES
    house.settle()
    swift.settle()
    for ref in refs:
        ours, theirs = house.github.issue(ref), swift.github.issue(ref)
        assert (ours.labels, len(ours.comments)) == (theirs.labels, 1)
        assert ours.card is not None
        assert theirs.card is not None
        assert ours.card.column is theirs.card.column
    looks = sum(ref in read for read in house.github.reads for ref in refs)
    assert looks <= 3 * len(refs)
    swift.store.close()


def test_an_event_goes_before_what_a_backfill_waits_for(house: House) -> None:
    house.github.paces = (Pace(5, MINUTE),)
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(10, 20)]
    house.open(*refs, ONE)
    house.tasks.touch(refs, Lane.SWEEP)
    house.worker.run_due()
    assert sum(said(house, ref) for ref in refs) == 3
    house.tasks.touch([ONE], Lane.EVENT)
    house.worker.run_due()
    assert said(house, ONE) == 1


def test_who_is_sent_back_waits_for_the_comment_that_says_why(house: House) -> None:
    github, clock = house.github, house.clock
    github.paces = (Pace(2, MINUTE),)
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 7)]
    for ref in refs:
        clock.at += SECOND
        github.open(ref, "alice", "Planned", column=Column.IN_PROGRESS)
    policy = rules({}, mode="enforce")
    worker = Worker(house.store, house.tasks, {"github": github}, policy, Texts())
    house.tasks.touch([BoardRef("github")], Lane.EVENT)
    for minute in range(3):
        worker.run_due()
        back = [ref for ref in refs if _column(github, ref) is Column.BACKLOG]
        assert back == [ref for ref in refs if said(house, ref)]
        assert len(back) == min(2 * (minute + 1), 5)
        clock.at += MINUTE
    assert [ref for ref in refs if _column(github, ref) is Column.IN_PROGRESS] == refs[:1]


def _column(github: MemoryTracker, ref: IssueRef) -> Column | None:
    card = github.issue(ref).card
    return card.column if card else None


# ---------------------------------------------------------------- pauses


class Pausing(MemoryTracker):
    """Makes what `allowed` says, and answers with `after` for the rest."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("github", "markdown", ["alice"], clock)
        self.allowed = 0
        self.after: Mapping[str, Any] = {}

    def apply(self, work: Mapping[IssueRef, Sequence[Change]], may_write: Any) -> Mapping[IssueRef, Outcome]:
        now = {ref: changes for at, (ref, changes) in enumerate(work.items()) if at < self.allowed}
        rest = {
            ref: Outcome(failed=tuple((c, "wait") for c in work[ref]), **self.after) for ref in work if ref not in now
        }
        return {**super().apply(now, may_write), **rest}


@pytest.fixture
def pausing(house: House) -> Iterator[Pausing]:
    """The house's tracker is this one."""
    tracker = Pausing(house.clock)
    house.worker = Worker(house.store, house.tasks, {"github": tracker}, PATIENT, Texts())
    for ref in (ONE, TWO):
        tracker.open(ref, "carol", "Checkout is down")
    yield tracker


def test_one_issue_that_is_to_be_left_alone_waits_alone_and_loses_no_attempt(house: House, pausing: Pausing) -> None:
    pausing.allowed, pausing.after = 1, {"retry_at": START + 7 * SECOND}
    house.tasks.touch([ONE, TWO], Lane.EVENT)
    house.worker.run_due()
    row = house.row(TWO)
    assert (row.look_at, row.attempts, row.parked_at) == (START + 7 * SECOND, 0, None)
    assert "wait" in row.last_error
    assert house.all(trackers) == []
    house.clock.at = START + 7 * SECOND
    pausing.allowed = 9
    house.settle()
    assert (house.row(TWO).look_at, house.row(TWO).last_error) == (None, None)


STOPS: list[tuple[TrackerError, timedelta, timedelta]] = [
    (RateLimited("asks for a pause", START + 90 * SECOND), 90 * SECOND, 90 * SECOND),
    (Unreachable("gone"), timedelta(), 5 * SECOND),
    (AccessDenied("no"), timedelta(), 5 * SECOND),
]


@pytest.mark.parametrize(("stop", "issue_waits", "tracker_waits"), STOPS)
def test_what_stopped_the_tracker_half_way_holds_it_and_costs_no_attempt(
    house: House, pausing: Pausing, stop: TrackerError, issue_waits: timedelta, tracker_waits: timedelta
) -> None:
    pausing.allowed, pausing.after = 1, {"stopped": stop}
    house.tasks.touch([ONE, TWO], Lane.EVENT)
    house.worker.run_due()
    assert (house.row(ONE).look_at, house.row(TWO).look_at) == (None, START + issue_waits)
    assert house.row(TWO).attempts == 0
    (held,) = house.all(trackers)
    assert (held.not_before, held.why, held.failures) == (START + tracker_waits, str(stop), 1)
    assert house.tasks.claim("github", 10) == []
    pausing.allowed = 9
    for _ in range(4):
        house.clock.at += 30 * SECOND
        house.worker.run_due()
    assert house.row(TWO).look_at is None
    assert house.all(trackers) == []


def test_what_the_tracker_said_of_its_limits_is_stored_when_a_batch_is_put_down(house: House) -> None:
    house.open(ONE)
    told = Budget("graphql", 5000, 4999, START + HOUR, START)
    house.github.budgets = (told,)
    house.tasks.touch([ONE], Lane.EVENT)
    house.worker.run_due()
    assert budget_of(house.store, "github") == told


def test_a_worker_that_leaves_backfills_alone_takes_up_events(house: House) -> None:
    ready = Worker(
        house.store,
        house.tasks,
        {"github": house.github},
        PATIENT,
        Texts(),
        lanes=(Lane.EVENT, Lane.TIMER),
    )
    house.open(ONE, TWO)
    house.tasks.touch([ONE], Lane.SWEEP)
    assert ready.run_due() == 0
    house.tasks.touch([TWO], Lane.EVENT)
    assert ready.run_due() == 1
    assert house.row(ONE).look_at == START


# ---------------------------------------------------------------- a fleet


def test_two_workers_on_postgresql_keep_the_pace_together() -> None:
    url, clock = database(), Clock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    github = MemoryTracker("github", "markdown", ["alice"], clock)
    github.paces = (Pace(6, MINUTE),)
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 21)]
    for ref in refs:
        github.open(ref, "carol", "Checkout is down")
    stores = [Store(url, clock) for _ in range(2)]
    stores[0].migrate()
    tasks = [Agenda(store, f"worker {at}") for at, store in enumerate(stores)]
    tasks[0].touch(refs, Lane.EVENT)
    workers = [
        Worker(store, own, {"github": github}, PATIENT, Texts()) for store, own in zip(stores, tasks, strict=True)
    ]
    for minute in range(1, 5):
        _together(workers)
        assert sum(len(github.issue(ref).comments) for ref in refs) == min(6 * minute, 20)
        assert all("P1" in github.issue(ref).labels for ref in refs)
        clock.at += MINUTE
    left = sa.select(sa.func.count()).select_from(agenda).where(agenda.c.look_at.is_not(None))
    assert stores[0].read(lambda conn: conn.execute(left).scalar_one()) == 0
    kept = sa.select(creations.c.begun)
    assert all(stores[0].read(lambda conn: list(conn.scalars(kept))))
    for store in stores:
        store.close()


def _together(workers: Sequence[Worker]) -> None:
    """Each works in a thread of its own until nothing is due."""

    def work(worker: Worker) -> None:
        while worker.run_due():
            pass

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
