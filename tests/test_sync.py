"""Backfill: resumed where it stopped, honest in its summary, and harmless as a dry run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.memory import PAGE, MemoryTracker
from adapters.tracker import Gone, Page, Unreachable
from integrator.agenda import MAX_ATTEMPTS, Agenda
from integrator.config import Config
from integrator.lanes import Lane
from integrator.scenario import Clock
from integrator.store import Store, Unwritable
from integrator.sync import RESUMABLE, Backfill, backfill, failed, look_ahead, plans, waiting
from integrator.tables import agenda, syncs
from mapping.changes import Plan
from mapping.issue import BoardRef, Issue, IssueRef

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def ref(number: int) -> IssueRef:
    return IssueRef("github", f"acme/shop#{number}")


class Paged(MemoryTracker):
    """A tracker in memory that keeps what it was asked for and goes away before page `stops_before` (from 0)."""

    def __init__(self, clock: Clock, issues: int) -> None:
        super().__init__("github", "markdown", ["alice"], clock)
        self.asked: list[tuple[datetime | None, str | None]] = []
        self.stops_before: int | None = None
        for number in range(1, issues + 1):
            self.open(ref(number), "carol", "Checkout is down", at=START - number * DAY)

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        self.asked.append((since, cursor))
        for number, page in enumerate(super().pages(since, cursor)):
            if number == self.stops_before:
                raise Unreachable("gone")
            yield page


class House:
    def __init__(self, issues: int) -> None:
        self.clock = Clock(START)
        self.store = Store("sqlite://", self.clock)
        self.store.migrate()
        self.tasks = Agenda(self.store, "me")
        self.tracker = Paged(self.clock, issues)

    def backfill(self, since: datetime | None = None) -> list[Page]:
        return list(backfill(self.store, self.tasks, self.tracker, since))

    def run(self, since: datetime | None = None, ago: str = "") -> Backfill:
        return Backfill(self.store, self.tasks, self.tracker, since, ago)

    def waiting(self) -> tuple[int, bool]:
        return waiting(self.store, "github", self.clock())

    def on_agenda(self) -> set[str]:
        return set(self.store.read(lambda conn: conn.scalars(sa.select(agenda.c.subject)).all()))

    def cursor(self) -> str | None:
        return self.store.read(lambda conn: conn.execute(sa.select(syncs.c.cursor)).scalar())


@pytest.fixture
def house() -> Iterator[House]:
    made = House(2 * PAGE + 50)
    yield made
    made.store.close()


def test_every_open_issue_comes_on_the_agenda_behind_everything_else(house: House) -> None:
    house.tracker.close(ref(7), "alice")
    pages = house.backfill()
    everyone = {str(ref(number)) for number in range(1, 2 * PAGE + 51)} - {str(ref(7))}
    assert house.on_agenda() == everyone
    assert [(len(page.refs), page.total) for page in pages] == [(PAGE, 249), (PAGE, 249), (49, 249)]
    assert {claim.lane for claim in house.tasks.claim("github", 500)} == {Lane.SWEEP}
    assert house.cursor() is None


def test_an_interrupted_one_goes_on_after_the_last_page_that_was_taken(house: House) -> None:
    house.tracker.stops_before = 1
    with pytest.raises(Unreachable):
        house.backfill()
    assert len(house.on_agenda()) == PAGE
    house.tracker.stops_before = None
    house.backfill()
    assert house.tracker.asked == [(None, None), (None, str(PAGE))]
    assert len(house.on_agenda()) == 2 * PAGE + 50
    house.backfill()
    assert house.tracker.asked[-1] == (None, None)


def test_no_page_is_repeated_or_skipped_wherever_it_was_left(house: House) -> None:
    for _ in house.run().pages():
        break
    run = house.run()
    assert run.resumes and not run.is_listed
    assert [len(page.refs) for page in run.pages()] == [PAGE, 50]
    assert house.tracker.asked == [(None, None), (None, str(PAGE))]


def test_what_was_listed_is_not_listed_again_before_it_is_all_looked_at(house: House) -> None:
    list(house.run().pages())
    again = house.run()
    assert (again.resumes, again.is_listed, list(again.pages())) == (True, True, [])
    assert len(house.tracker.asked) == 1
    again.finish()
    assert not house.run().resumes


def test_with_another_app_yaml_it_begins_anew(house: House) -> None:
    list(house.run().pages())
    other = Agenda(house.store, "me", policy_hash="it names another repository")
    again = Backfill(house.store, other, house.tracker)
    assert (again.resumes, again.is_listed) == (False, False)
    assert len(list(again.pages())) == 3


def test_a_page_is_on_the_agenda_with_its_cursor_or_not_at_all(house: House) -> None:
    class Full(Agenda):
        def touch_with(self, conn: Any, refs: Any, lane: Lane, at: datetime | None = None) -> None:
            super().touch_with(conn, refs, lane, at)
            raise Unwritable("the disk is full")

    with pytest.raises(Unwritable):
        list(Backfill(house.store, Full(house.store, "me"), house.tracker).pages())
    assert house.on_agenda() == set() and house.cursor() is None


@pytest.mark.parametrize(
    ("after", "ago", "resumes"),
    [
        (timedelta(hours=30), "3d", True),
        (timedelta(hours=30), "4d", False),
        (timedelta(0), "", False),
        (RESUMABLE, "3d", True),
        (RESUMABLE + timedelta(seconds=1), "3d", False),
    ],
)
def test_how_long_ago_belongs_to_the_run_that_was_interrupted(
    house: House, after: timedelta, ago: str, resumes: bool
) -> None:
    for _ in house.run(START - 200 * DAY, "3d").pages():
        break
    house.clock.at += after
    run = house.run(house.clock() - 200 * DAY, ago)
    assert run.resumes is resumes
    next(run.pages())
    since = START - 200 * DAY if resumes else house.clock() - 200 * DAY
    assert house.tracker.asked[-1] == (since, str(PAGE) if resumes else None)


def test_another_since_starts_from_the_beginning(house: House) -> None:
    house.tracker.stops_before = 1
    with pytest.raises(Unreachable):
        house.backfill(START - 240 * DAY)
    house.tracker.stops_before = None
    house.backfill(START - 3 * DAY)
    assert house.tracker.asked == [(START - 240 * DAY, None), (START - 3 * DAY, None)]


def test_since_leaves_out_what_was_not_updated(house: House) -> None:
    house.backfill(START - 3 * DAY)
    assert house.on_agenda() == {str(ref(number)) for number in (1, 2, 3)}


def test_a_tracker_without_issues_is_done_at_once(house: House) -> None:
    house.tracker = Paged(house.clock, 0)
    assert [page.refs for page in house.backfill()] == [()]
    assert house.cursor() is None and house.on_agenda() == set()


def test_looking_ahead_plans_and_touches_nothing(house: House) -> None:
    house.tracker = Paged(house.clock, 3)
    before, refs = house.tracker.issues(), [ref(number) for number in (1, 2, 3)]
    planned = {one.ref: one.plan for one in look_ahead(house.tracker, Config(), refs, START)}
    assert all(isinstance(plan, Plan) and plan.changes for plan in planned.values())
    assert list(planned) == refs
    assert house.tracker.issues() == before and house.on_agenda() == set()
    assert dict(plans(house.tracker, Config(), [], START)) == {}


def test_what_cannot_be_planned_says_why(house: House) -> None:
    house.tracker.transfer(ref(1), "alice", ref(999))
    told = dict(plans(house.tracker, Config(), [ref(1), ref(998)], START))
    assert told == {
        ref(1): "there is no such issue; it is now github:acme/shop#999",
        ref(998): "there is no such issue",
    }


def test_one_that_cannot_be_read_is_alone_with_it(house: House) -> None:
    class Broken(Paged):
        def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
            if ref(5) in refs:
                raise KeyError("odd answer")
            return super().read(refs)

    house.tracker = Broken(house.clock, 9)
    refs = [ref(number) for number in range(1, 10)]
    told = {one.ref: one.plan for one in look_ahead(house.tracker, Config(), refs, START)}
    assert [name for name, plan in told.items() if isinstance(plan, str)] == [ref(5)]
    assert told[ref(5)] == "KeyError: 'odd answer'" and len(told) == 9


def test_what_waits_is_counted_and_what_failed_is_named(house: House) -> None:
    house.tasks.touch([ref(1), ref(2), ref(3), IssueRef("jira", "OPS-1")], Lane.SWEEP)
    assert house.waiting() == (3, False)
    one, two, _ = sorted(house.tasks.claim("github", 3), key=lambda claim: str(claim.ref))
    house.store.write(lambda conn: house.tasks.failed(conn, one, "no such label"))
    house.store.write(lambda conn: house.tasks.done(conn, two, None, None))
    assert house.waiting() == (1, False)
    assert list(failed(house.store, "github", START)) == [("github:acme/shop#1", "no such label")]


def test_what_comes_in_later_is_not_waited_for_but_what_came_before_is(house: House) -> None:
    house.tasks.touch([ref(1)], Lane.SWEEP, START + DAY)
    house.tasks.touch([ref(2)], Lane.EVENT, START)
    house.tasks.touch([ref(3)], Lane.EVENT, START + timedelta(seconds=1))
    house.tasks.touch([BoardRef("github")], Lane.SWEEP)
    assert house.waiting() == (2, True)


def test_what_was_given_up_before_is_not_told_as_a_failure_of_this_run(house: House) -> None:
    house.tasks.touch([ref(1), ref(2)], Lane.SWEEP)
    first, second = house.tasks.claim("github", 2)
    for claim in (replace(first, attempts=MAX_ATTEMPTS), second):
        house.store.write(lambda conn, claim=claim: house.tasks.failed(conn, claim, "no"))  # type: ignore[misc]
    assert len(list(failed(house.store, "github", START))) == 2
    assert [name for name, _ in failed(house.store, "github", START + DAY)] == [str(second.ref)]
