"""The one path every issue takes, on bad days: stale reads, poison, outages, lost leases, half-done writes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.memory import MemoryTracker
from adapters.tracker import AccessDenied, Failing, Gone, LeaseLost, Outcome, RateLimited, Unreachable
from integrator.adopting import OtherPolicy
from integrator.agenda import LEASE, MAX_ATTEMPTS, Agenda, Claim
from integrator.creations import SETTLE
from integrator.lanes import Lane
from integrator.scenario import Clock
from integrator.store import Store
from integrator.tables import agenda, intents, journal, trackers
from integrator.texts import Texts
from integrator.todo import CHUNK, Todo, chunks
from integrator.worker import BATCH, BELIEVE_AFTER, CLOCKS, CUTS, LAG, REREAD, TO_WRITE, Worker
from mapping.changes import Change, DropComment, EditStatus, Plan, SetLabels
from mapping.issue import BoardRef, Column, Issue, IssueRef
from mapping.placement import ROBOT_WINDOW
from mapping.policy import Policy, Sla, Target
from mapping.severity import Severity
from webhooks.delivery import Delivery, Touch

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ONE, TWO, THREE = (IssueRef("github", f"acme/shop#{number}") for number in (1, 2, 3))
POISON = "poison"

# Promises for so long that no clock rings while a test watches retries.
YEAR = timedelta(weeks=52)
TARGETS = {severity: Target(response=YEAR, resolution=YEAR) for severity in Severity}
PATIENT = Policy(sla=Sla(triage=YEAR, at_risk_of={}), severities=TARGETS)


class Troubled(MemoryTracker):
    """A tracker in memory that keeps what it was asked, and fails as it is told.

    `trouble` is raised by the next read or write; `reads` and `writes` hold the issues of each call.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name, "markdown", ["alice"], clock)
        self.reads: list[list[IssueRef]] = []
        self.writes: list[dict[IssueRef, Sequence[Change]]] = []
        self.read_trouble: Exception | None = None
        self.write_trouble: Exception | None = None
        self.before_write: Callable[[], None] = lambda: None
        self.refused: set[type[Change]] = set()
        self.lagging: dict[IssueRef, Issue | Gone] = {}

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        self.reads.append(list(refs))
        if self.read_trouble is not None:
            trouble, self.read_trouble = self.read_trouble, None
            raise trouble
        found = {**super().read(refs), **{ref: old for ref, old in self.lagging.items() if ref in refs}}
        if any(isinstance(issue, Issue) and POISON in issue.title for issue in found.values()):
            raise ValueError("cannot be read")
        return found

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> Mapping[IssueRef, Outcome]:
        self.writes.append(dict(work))
        self.before_write()
        if self.write_trouble is not None:
            trouble, self.write_trouble = self.write_trouble, None
            raise trouble
        wanted = {ref: [c for c in changes if type(c) not in self.refused] for ref, changes in work.items()}
        done = super().apply(wanted, may_write)
        failed = {ref: [(c, "not today") for c in changes if type(c) in self.refused] for ref, changes in work.items()}
        return {ref: replace(done[ref], failed=tuple(failed[ref])) for ref in work}


class House:
    """A tracker, an agenda and a worker on one clock."""

    def __init__(self) -> None:
        self.clock = Clock(START)
        self.store = Store("sqlite://", self.clock)
        self.store.migrate()
        self.tasks = Agenda(self.store, "me")
        self.github = Troubled("github", self.clock)
        self.jira = Troubled("jira", self.clock)
        self.watched = True
        both = {"github": self.github, "jira": self.jira}
        self.worker = Worker(self.store, self.tasks, both, PATIENT, Texts(), lambda ref: self.watched)

    def open(self, *refs: IssueRef, title: str = "Checkout is down") -> None:
        for ref in refs:
            tracker = self.github if ref.tracker == "github" else self.jira
            tracker.open(ref, "carol", title)

    def row(self, ref: IssueRef | BoardRef = ONE) -> Any:
        return self.store.read(lambda conn: conn.execute(sa.select(agenda).where(agenda.c.subject == str(ref))).first())

    def all(self, table: sa.Table) -> Sequence[Any]:
        return self.store.read(lambda conn: conn.execute(sa.select(table)).all())

    def labels(self, ref: IssueRef = ONE) -> set[str]:
        return set(self.github.issue(ref).labels)

    def settle(self) -> None:
        """Let the clock run until nothing is due within the hour."""
        end = self.clock.at + timedelta(hours=1)
        while (due := self.tasks.next_due()) is not None and due < end:
            self.clock.at = max(self.clock.at, due) + timedelta(milliseconds=1)
            if self.worker.run_due() == 0:  # the tracker is held back
                self.clock.at += SECOND / 4


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.store.close()


# ---------------------------------------------------------------- a good day


def test_an_issue_is_read_decided_on_and_written(house: House) -> None:
    house.open(ONE)
    house.tasks.touch([ONE], Lane.EVENT)
    assert house.worker.run_due() == 1
    assert house.labels() == {"P1", "emergency"}
    (comment,) = house.github.issue(ONE).comments
    assert "P1 High" in comment.body
    assert (house.row().look_at, house.row().lease_until, house.row().attempts) == (None, None, 0)
    written = [(line.change, line.error) for line in house.all(journal)]
    assert written == [("SetLabels", None), ("MoveTo", None), ("SetFields", None), ("EditStatus", None)]
    house.worker.run_due()  # the board
    assert house.worker.run_due() == 0
    house.tasks.touch([ONE], Lane.EVENT)
    assert house.worker.run_due() == 1
    assert len(house.github.writes) == 1


def test_a_backlog_is_read_in_batches_and_written_in_chunks(house: House) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, BATCH + 3)]
    house.open(*refs)
    house.tasks.touch(refs, Lane.EVENT)
    while house.worker.run_due():
        pass
    assert [len(batch) for batch in house.github.reads] == [BATCH]  # the last two came with the board
    assert [len(chunk) for chunk in house.github.writes] == [CHUNK, CHUNK, BATCH - 2 * CHUNK, 2]


@pytest.mark.parametrize("batch", [100, 130])
def test_a_backfill_is_read_and_written_as_much_at_a_time_as_suits_the_tracker(house: House, batch: int) -> None:
    house.github.batch = batch
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, batch + 3)]
    house.open(*refs)
    house.tasks.touch(refs, Lane.SWEEP)
    house.tasks.touch(refs[-1:], Lane.EVENT)
    while house.worker.run_due():
        pass
    assert [len(read) for read in house.github.reads] == [1, batch, 1]
    assert list(house.github.writes[0]) == refs[-1:]
    assert all(len(chunk) <= CHUNK for chunk in house.github.writes), "each of them says something"


def test_what_is_only_put_as_it_should_be_is_written_together_and_before_what_says_something() -> None:
    def todo(number: int, lane: Lane, *changes: Change) -> Todo:
        claim = Claim(IssueRef("jira", f"OPS-{number}"), 1, lane, 0, None)
        return Todo(claim, IssueRef("jira", f"OPS-{number}"), Plan(changes, None, None, frozenset()), "")

    label, drop = SetLabels(frozenset({"P0"}), frozenset(), ()), DropComment("1", ())
    alike = [todo(number, Lane.SWEEP, label) for number in range(300)]
    saying = [todo(number, Lane.SWEEP, label, drop) for number in range(300, 330)]
    urgent = [todo(number, Lane.EVENT, label) for number in range(400, 425)]
    cut = [len(chunk) for chunk in chunks([*saying, *alike, *urgent], 250)]
    assert cut == [CHUNK, 5, 250, 50, CHUNK, 10]


def test_due_clocks_are_looked_at_a_hundred_at_a_time(house: House) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, CLOCKS + 3)]
    house.open(*refs)
    house.tasks.touch(refs, Lane.SWEEP)
    while house.worker.run_due():
        pass
    house.github.reads.clear()
    house.clock.at += ROBOT_WINDOW
    while house.worker.run_due():
        pass
    assert [len(read) for read in house.github.reads] == [CLOCKS, 2]


def test_a_board_is_looked_at_when_no_issue_waits_to_be_swept(house: House) -> None:
    house.github.open(ONE, "alice", "Dark mode")
    house.tasks.touch([BoardRef("github")], Lane.SWEEP)
    house.clock.at += SECOND
    house.tasks.touch([ONE], Lane.SWEEP)
    claims = house.tasks.claim("github", 1)
    assert [claim.ref for claim in claims] == [ONE]
    assert Agenda(house.store, "other").claim("github", 1) == []
    house.tasks.release(claims)
    assert [house.worker.run_due(), house.worker.run_due()] == [1, 1]


def test_what_needs_nothing_is_put_down_even_when_told_to_stop(house: House) -> None:
    house.github.open(ONE, "alice", "Dark mode")
    house.open(TWO)
    house.tasks.touch([ONE, TWO], Lane.SWEEP)

    class Telling(Troubled):
        def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
            house.worker.stop()
            return super().read(refs)

    house.github.__class__ = Telling
    house.worker.run_due()
    assert house.github.writes == []
    assert house.row(ONE).look_at is None and house.row(TWO).look_at is not None


def test_a_sweep_that_finds_nothing_new_has_the_board_looked_at_once_a_minute(house: House) -> None:
    house.github.open(ONE, "alice", "Dark mode", column=Column.IN_PROGRESS)
    house.tasks.touch([ONE], Lane.SWEEP)
    assert [house.worker.run_due(), house.worker.run_due()] == [1, 0]
    house.clock.at += 59 * SECOND
    assert house.worker.run_due() == 0
    house.clock.at += SECOND
    assert house.worker.run_due() == 1
    house.tasks.touch([ONE], Lane.EVENT)
    assert [house.worker.run_due(), house.worker.run_due()] == [1, 1], "an event has the board looked at now"


def test_a_clock_that_changes_nothing_lifts_no_board_over_a_backfill(house: House) -> None:
    house.github.open(ONE, "alice", "Dark mode", column=Column.IN_PROGRESS)
    house.tasks.touch([ONE], Lane.SWEEP)
    (claim,) = house.tasks.claim("github", 1)
    house.store.write(lambda conn: house.tasks.done(conn, claim, START, None))
    house.tasks.touch([BoardRef("github")], Lane.SWEEP, START + SECOND)
    assert house.worker.run_due() == 1
    board = house.row(BoardRef("github"))
    assert (board.lane, board.look_at) == (Lane.SWEEP, START + SECOND)


def test_nothing_that_nobody_claimed_is_written(house: House) -> None:
    house.github.open(ONE, "alice", "Dark mode")
    house.tasks.touch([ONE], Lane.SWEEP)
    assert house.worker.run_due() == 1
    assert house.github.writes == [] and house.row().look_at is None


# ---------------------------------------------------------------- reads that lag


def _heard(house: House, floor: datetime, shows: tuple[str, ...] = ()) -> None:
    house.tasks.accept("github", Delivery(f"{floor} {shows}", "issues", (Touch(ONE, floor, shows),)))


def test_an_older_read_is_tried_again_until_it_is_as_new(house: House) -> None:
    house.open(ONE)
    _heard(house, START + 3 * SECOND)
    house.clock.at += 3 * SECOND
    assert house.worker.run_due() == 1
    assert house.github.writes == []
    assert house.row().look_at == house.clock.at + REREAD
    assert house.row().attempts == 0
    house.github.edit_body(ONE, "new")
    house.clock.at += REREAD
    house.worker.run_due()
    assert house.labels() == {"P1", "emergency"}


def test_after_a_minute_the_tracker_is_believed_all_the_same(house: House) -> None:
    house.open(ONE)
    _heard(house, START + SECOND)
    for _ in range(int(BELIEVE_AFTER / REREAD)):
        house.worker.run_due()
        assert house.github.writes == []
        house.clock.at += REREAD
    house.worker.run_due()
    assert house.labels() == {"P1", "emergency"}


def test_a_read_of_the_same_second_must_show_what_was_told(house: House) -> None:
    house.open(ONE)
    _heard(house, START, ("comment:c1=True",))
    house.worker.run_due()
    assert house.github.writes == []
    house.github.comment(ONE, "alice", "/p0")  # its id is c2: the first one is the issue's own event
    _heard(house, START, (f"comment:{house.github.issue(ONE).comments[0].id}=True",))
    house.github.comment(ONE, "carol", "me too")
    house.clock.at += LAG
    house.worker.run_due()
    assert house.labels() == {"P0", "emergency"}


def test_an_issue_that_is_not_there_yet_is_waited_for(house: House) -> None:
    _heard(house, START)
    house.worker.run_due()
    assert house.row().look_at == START + REREAD
    house.open(ONE)
    house.clock.at += REREAD
    house.worker.run_due()
    assert house.labels() == {"P1", "emergency"}


def test_an_issue_that_is_not_there_at_last_is_forgotten(house: House) -> None:
    _heard(house, START)
    house.worker.run_due()
    house.clock.at += LAG
    house.worker.run_due()
    assert house.row() is None


@pytest.mark.parametrize("watched", [True, False])
def test_an_issue_that_moved_goes_on_where_it_is_watched(house: House, watched: bool) -> None:
    house.watched = watched
    house.open(ONE)
    house.github.transfer(ONE, "alice", TWO)
    house.tasks.touch([ONE], Lane.EVENT)
    house.worker.run_due()
    assert house.row(ONE) is None
    assert (house.row(TWO) is not None) is watched
    house.worker.run_due()
    assert (house.labels(TWO) == {"P1", "emergency"}) is watched


# ---------------------------------------------------------------- what may have been created


def test_a_lost_answer_is_looked_into_before_anything_is_created_again(house: House) -> None:
    house.open(ONE)
    house.tasks.touch([ONE], Lane.EVENT)
    house.github.write_trouble = Unreachable("the answer was lost")
    house.worker.run_due()
    (intent,) = house.all(intents)
    assert (intent.subject, intent.key) == (str(ONE), "status")
    house.clock.at += 6 * SECOND  # the hold is over, the creation is not settled yet
    house.worker.run_due()
    assert house.github.reads == [[ONE]]
    assert house.row().look_at == START + SETTLE
    house.clock.at = START + SETTLE
    house.worker.run_due()
    assert house.labels() == {"P1", "emergency"}
    assert len(house.github.issue(ONE).comments) == 1
    assert house.all(intents) == []


def test_an_edit_of_what_is_there_is_no_creation(house: House) -> None:
    house.open(ONE)
    house.tasks.touch([ONE], Lane.EVENT)
    house.worker.run_due()
    house.github.comment(ONE, "alice", "/p0")
    house.tasks.touch([ONE], Lane.EVENT)
    house.github.before_write = lambda: _none(house.all(intents))
    house.worker.run_due()
    assert len(house.github.writes) == 2
    assert any(isinstance(change, EditStatus) and change.comment for change in house.github.writes[1][ONE])


def _none(found: Sequence[Any]) -> None:
    assert not found


# ---------------------------------------------------------------- trouble with one issue


def test_a_poisonous_issue_is_alone_with_it(house: House) -> None:
    house.open(ONE, THREE)
    house.open(TWO, title=POISON)
    house.tasks.touch([ONE, TWO, THREE], Lane.EVENT)
    house.worker.run_due()
    assert house.labels(ONE) == house.labels(THREE) == {"P1", "emergency"}
    assert (house.row(TWO).attempts, house.row(TWO).last_error) == (1, "ValueError: cannot be read")
    assert house.row(TWO).look_at > START
    assert house.row(ONE).attempts == house.row(THREE).attempts == 0
    assert house.all(trackers) == []


class Broken(Troubled):
    """It answers 500 to whatever names one of these issues, or (`down`) to everything."""

    bad: frozenset[IssueRef] = frozenset()
    down = False

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        found = super().read(refs)
        if self.down or not self.bad.isdisjoint(refs):
            raise Failing("HTTP 500")
        return found


@pytest.mark.parametrize("bad", [{TWO}, {ONE, TWO, THREE}, {IssueRef("github", f"acme/shop#{n}") for n in (3, 20, 40)}])
def test_what_a_tracker_fails_on_is_found_and_the_others_go_on(house: House, bad: set[IssueRef]) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, BATCH + 1)]
    house.open(*refs)
    house.tasks.touch(refs, Lane.EVENT)
    house.github.__class__, house.github.bad = Broken, frozenset(bad)  # type: ignore[attr-defined]
    house.worker.run_due()
    assert {ref for ref in refs if house.labels(ref) != {"P1", "emergency"}} == bad
    assert {ref for ref in refs if house.row(ref).attempts} == bad
    assert house.all(trackers) == []
    house.settle()
    assert all(house.row(ref).parked_at for ref in bad)


def test_a_tracker_that_fails_on_everything_is_down_and_no_issue_pays_for_it(house: House) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, BATCH + 1)]
    house.open(*refs)
    house.tasks.touch(refs, Lane.EVENT)
    house.github.__class__, house.github.down = Broken, True  # type: ignore[attr-defined]
    for held in range(1, 4):
        house.worker.run_due()
        assert len(house.github.reads) == held * (2 ** (CUTS + 1) - 1)
        (row,) = house.all(trackers)
        assert (row.failures, row.why) == (held, "HTTP 500")
        house.clock.at = row.not_before
    assert not any(house.row(ref).attempts for ref in refs)
    house.github.down = False  # type: ignore[attr-defined]
    house.settle()
    assert all(house.labels(ref) == {"P1", "emergency"} for ref in refs)


def test_an_event_on_an_issue_of_a_backfill_waits_for_none_of_its_batch(house: House) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 3 * CHUNK)]
    house.open(*refs)
    house.tasks.touch(refs, Lane.SWEEP)
    last = refs[-1]

    def told() -> None:
        if len(house.github.writes) == 1:
            house.github.comment(last, "alice", "/p0")
            house.tasks.touch([last], Lane.EVENT)

    house.github.before_write = told
    house.worker.run_due()
    assert [len(chunk) for chunk in house.github.writes] == [CHUNK, CHUNK, CHUNK - 2]
    assert not any(last in chunk for chunk in house.github.writes)
    house.worker.run_due()
    assert list(house.github.writes[3]) == [last] and "P0" in house.labels(last)


def test_a_poisonous_issue_is_found_by_halves(house: House) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, BATCH + 1)]
    house.open(*[ref for ref in refs if ref != TWO])
    house.open(TWO, title=POISON)
    house.tasks.touch(refs, Lane.EVENT)
    house.worker.run_due()
    assert [ref for ref in refs if house.row(ref).attempts] == [TWO]
    assert len(house.github.reads) <= 1 + 2 * BATCH.bit_length()


def test_an_issue_that_breaks_in_writing_is_alone_with_it_and_nothing_is_done_twice(house: House) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, CHUNK + 1)]
    house.open(*refs)
    house.tasks.touch(refs, Lane.EVENT)

    def trouble() -> None:
        if TWO in house.github.writes[-1]:
            house.github.write_trouble = KeyError("odd answer")

    house.github.before_write = trouble
    house.settle()
    assert [ref for ref in refs if house.labels(ref) != {"P1", "emergency"}] == [TWO]
    assert all(len(house.github.issue(ref).comments) == 1 for ref in refs if ref != TWO)
    assert (house.row(TWO).parked_at is not None, house.row(TWO).attempts) == (True, MAX_ATTEMPTS)
    assert "KeyError: 'odd answer'" in house.row(TWO).last_error


def test_what_only_partly_worked_is_tried_again_and_only_the_rest(house: House) -> None:
    house.open(ONE)
    house.tasks.touch([ONE], Lane.EVENT)
    house.github.refused = {SetLabels}
    house.worker.run_due()
    written = [(line.change, line.error) for line in house.all(journal)]
    assert written == [("MoveTo", None), ("SetFields", None), ("EditStatus", None), ("SetLabels", "not today")]
    assert (house.row().attempts, house.row().last_error) == (1, "SetLabels: not today")
    house.github.refused = set()
    house.settle()
    assert house.labels() == {"P1", "emergency"}
    assert {type(change) for work in house.github.writes[1:] for change in work[ONE]} == {SetLabels}
    assert house.row().attempts == 0


# ---------------------------------------------------------------- trouble with a tracker


@pytest.mark.parametrize("doing", ["read_trouble", "write_trouble"])
@pytest.mark.parametrize(
    ("trouble", "held_for"),
    [
        (Unreachable("no answer"), 5),
        (AccessDenied("the token is refused"), 5),
        (RateLimited("slow down", START + 77 * SECOND), 77),
    ],
)
def test_a_trackers_trouble_holds_it_back_and_costs_no_attempts(
    house: House, doing: str, trouble: Exception, held_for: int
) -> None:
    other = IssueRef("jira", "OPS-7")
    house.open(ONE, TWO, other)
    house.tasks.touch([ONE, TWO, other], Lane.EVENT)
    setattr(house.github, doing, trouble)
    assert house.worker.run_due() == 3
    assert house.jira.issue(other).labels == {"P1", "emergency"}
    (held,) = house.all(trackers)
    assert (held.name, held.not_before, held.why) == ("github", START + held_for * SECOND, str(trouble))
    for ref in (ONE, TWO):
        assert (house.row(ref).attempts, house.row(ref).lease_until) == (0, None)
    house.clock.at += (held_for - 1) * SECOND
    house.worker.run_due()
    assert len(house.github.reads) == 1
    house.settle()
    assert house.labels(ONE) == house.labels(TWO) == {"P1", "emergency"}
    assert house.all(trackers) == []


# ---------------------------------------------------------------- leases


def test_lost_leases_are_given_back_and_hold_nobody(house: House) -> None:
    house.open(ONE, TWO)
    house.tasks.touch([ONE, TWO], Lane.EVENT)
    house.github.write_trouble = LeaseLost()
    house.worker.run_due()
    assert house.all(trackers) == []
    for ref in (ONE, TWO):
        assert (house.row(ref).lease_until, house.row(ref).attempts, house.row(ref).look_at) == (None, 0, START)
    house.settle()
    assert house.labels(ONE) == house.labels(TWO) == {"P1", "emergency"}


def test_no_write_is_begun_on_an_old_lease(house: House) -> None:
    house.open(ONE)
    house.tasks.touch([ONE], Lane.EVENT)
    said: list[bool] = []

    def slowly() -> None:
        house.clock.at = START + LEASE - TO_WRITE
        said.append(house.worker.may_write())
        house.clock.at += timedelta(microseconds=1)
        said.append(house.worker.may_write())

    house.github.before_write = slowly
    house.worker.run_due()
    assert said == [True, False]
    assert house.labels() == set()
    house.github.before_write = lambda: None
    house.settle()
    assert house.labels() == {"P1", "emergency"}


def test_the_heart_keeps_leases_young_during_a_slow_batch(house: House) -> None:
    house.open(ONE)
    house.tasks.touch([ONE], Lane.EVENT)

    def slowly() -> None:
        for _ in range(10):
            house.clock.at += 15 * SECOND
            house.worker.beat()
            assert Agenda(house.store, "other").claim("github", 10) == []

    house.github.before_write = slowly
    house.worker.run_due()
    assert house.labels() == {"P1", "emergency"}


def test_a_heart_that_stood_still_does_not_bring_a_lost_lease_back(house: House) -> None:
    """Two of a batch: one was taken by another worker while this one was frozen. It must not write beside it."""
    house.open(ONE, TWO)
    house.tasks.touch([ONE, TWO], Lane.EVENT)
    said: list[bool] = []

    def frozen() -> None:
        house.clock.at += LEASE
        assert len(Agenda(house.store, "other").claim("github", 1)) == 1
        house.worker.beat()
        said.append(house.worker.may_write())

    house.github.before_write = frozen
    house.worker.run_due()
    assert said == [False]
    assert house.labels(ONE) == house.labels(TWO) == set()


def test_what_another_worker_took_is_left_out_of_the_write(house: House) -> None:
    house.open(ONE, TWO)
    house.tasks.touch([ONE, TWO], Lane.EVENT)

    class Thief(Troubled):
        def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
            house.clock.at += LEASE
            assert len(Agenda(house.store, "other").claim("github", 1)) == 1
            return super().read(refs)

    house.github.__class__ = Thief
    house.worker.run_due()
    ((taken,),) = [[ref for ref in (ONE, TWO) if house.row(ref).lease_by == "other"]]
    assert [set(work) for work in house.github.writes] == [{ONE, TWO} - {taken}]


def test_a_heart_without_a_batch_does_nothing(house: House) -> None:
    house.worker.beat()
    assert not house.worker.may_write()


# ---------------------------------------------------------------- clocks and policies


def test_a_newer_policy_stops_the_worker(house: House) -> None:
    Agenda(house.store, "new", "new").adopt_policy()
    old = Worker(house.store, Agenda(house.store, "old", "old"), {"github": house.github}, Policy(), Texts())
    with pytest.raises(OtherPolicy):
        old.run_due()
