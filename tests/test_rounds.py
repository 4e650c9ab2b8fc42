"""Rounds: made when they are due, a step at a time, by one worker; what they remember; what is their own trouble."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from adapters.memory import PAGE, MemoryTracker
from adapters.tracker import AccessDenied, Deliveries, Page, RateLimited, TrackerError, Undelivered, Unreachable
from integrator.agenda import LEASE, LONGEST_RETRY, MAX_ATTEMPTS, Agenda
from integrator.lanes import Lane
from integrator.rounds import AT_ONCE, AT_START, BREATHER, FIRST_LOOK, OVERLAP, SWEEPING, Every, Rounds, set_out
from integrator.scenario import Clock
from integrator.store import Store
from integrator.subjects import Round, RoundRef, subject_of
from integrator.tables import agenda, facts, trackers
from integrator.texts import Texts
from integrator.worker import Worker
from mapping.issue import BoardRef, IssueRef
from mapping.policy import Policy

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
REDELIVERY, RECONCILE, SWEEP = (RoundRef("github", kind) for kind in Round)
EVERY: Every = {Round.REDELIVERY: 5 * MINUTE, Round.RECONCILE: 10 * MINUTE, Round.SWEEP: DAY}


def ref(number: int) -> IssueRef:
    return IssueRef("github", f"acme/shop#{number}")


class Watched(MemoryTracker):
    """A tracker in memory that keeps what it was asked and whose deliveries the test makes up.

    `lost` are ids of deliveries that never arrived, `again` those that were asked for, each with when.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__("github", "markdown", ["alice"], clock)
        self.clock = clock
        self.asked: list[tuple[datetime | None, str | None]] = []
        self.looks: list[datetime] = []
        self.lost: list[str] = []
        self.again: list[str] = []
        self.refused = ""
        self.trouble: TrackerError | None = None
        self.tells_times = False

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        self._stumble()
        self.asked.append((since, cursor))
        for page in super().pages(since, cursor):
            times = {one: self.issue(one).updated_at for one in page.refs} if self.tells_times else {}
            yield replace(page, updated=times)

    def deliveries(self, since: datetime) -> Deliveries:
        self._stumble()
        self.looks.append(since)
        return Deliveries(tuple(Undelivered(one, f"/again/{one}") for one in self.lost), self.refused)

    def redeliver(self, missed: Undelivered) -> str:
        self._stumble()
        assert missed.again == f"/again/{missed.id}"
        self.again.append(missed.id)
        return "too old" if missed.id.startswith("old") else ""

    def _stumble(self) -> None:
        if self.trouble is not None:
            raise self.trouble


class House:
    """A tracker, an agenda and one worker that makes rounds, on one clock."""

    def __init__(self, every: Every = EVERY) -> None:
        self.clock = Clock(START)
        self.store = Store("sqlite://", self.clock)
        self.store.migrate()
        self.tracker = Watched(self.clock)
        self.every = every
        self.hire("me")
        set_out(self.store, ["github"], every)

    def hire(self, name: str) -> None:
        """From now on this one is the worker."""
        self.tasks = Agenda(self.store, name, makes_rounds=True)
        rounds = Rounds(self.store, self.tasks, self.every)
        self.worker = Worker(self.store, self.tasks, {"github": self.tracker}, Policy(), Texts(), rounds=rounds)

    def row(self, subject: object) -> Any:
        query = sa.select(agenda).where(agenda.c.subject == str(subject))
        return self.store.read(lambda conn: conn.execute(query).first())

    def subjects(self) -> set[str]:
        return set(self.store.read(lambda conn: conn.scalars(sa.select(agenda.c.subject)).all()))

    def kept(self, which: RoundRef) -> Mapping[str, Any]:
        query = sa.select(facts.c.value).where(facts.c.name == str(which))
        found: Mapping[str, Any] = json.loads(self.store.read(lambda conn: conn.execute(query).scalar_one()))
        return found

    def pass_by(self, span: timedelta) -> None:
        """Let the time go by, and whatever comes due be done."""
        end = self.clock.at + span
        while (due := self.tasks.next_due()) is not None and max(due, self.clock.at) <= end:
            self.clock.at = max(self.clock.at, due)
            if self.worker.run_due() == 0:
                self.clock.at += SECOND
        self.clock.at = max(self.clock.at, end)

    def open(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.tracker.open(ref(number), "carol", "How do I pay?")


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.store.close()


# -------------------------------------------------------------------------------------------------- names and times


@pytest.mark.parametrize(
    "name", ["github:!redelivery", "jira:!sweep", "github:board", "github:acme/shop#1", "jira:A-1"]
)
def test_a_subject_reads_as_it_is_written(name: str) -> None:
    assert str(subject_of(name)) == name


@pytest.mark.parametrize("name", ["github:!dance", "github:!", "Git Hub:board", "github"])
def test_what_names_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="does not name an issue"):
        subject_of(name)


def test_at_first_lost_deliveries_and_changes_are_looked_for_and_the_sweep_waits_a_day(house: House) -> None:
    assert {name: house.row(name).timer_at - START for name in sorted(house.subjects())} == {
        "github:!reconcile": AT_START,
        "github:!redelivery": AT_START,
        "github:!sweep": DAY,
    }
    house.pass_by(20 * MINUTE)
    assert house.tracker.looks[:2] == [START + AT_START - FIRST_LOOK, START + AT_START - OVERLAP]
    assert house.tracker.asked[:2] == [
        (START + AT_START - 10 * MINUTE - OVERLAP, None),
        (START + AT_START - OVERLAP, None),
    ]
    assert (len(house.tracker.looks), len(house.tracker.asked)) == (4, 2)


def test_a_process_that_starts_looks_for_lost_deliveries_and_leaves_the_rest_as_it_is(house: House) -> None:
    house.pass_by(MINUTE)
    before = {which: house.row(which).timer_at for which in (RECONCILE, SWEEP)}
    for _ in range(3):
        set_out(house.store, ["github"], EVERY)
        house.clock.at += SECOND / 10
    assert house.row(REDELIVERY).timer_at == START + MINUTE + AT_START
    assert {which: house.row(which).timer_at for which in (RECONCILE, SWEEP)} == before
    house.pass_by(MINUTE)
    assert len(house.tracker.looks) == 2, "processes that start together make one round"


def test_what_is_off_or_no_longer_configured_is_forgotten_and_what_is_sooner_now_is_sooner(house: House) -> None:
    set_out(house.store, ["github", "jira"], EVERY)
    set_out(house.store, ["github"], {Round.SWEEP: 60 * MINUTE})
    assert house.subjects() == {str(SWEEP)}
    assert house.row(SWEEP).timer_at == START + 60 * MINUTE


def test_who_makes_no_rounds_leaves_them_to_others(house: House) -> None:
    house.clock.at += 2 * DAY
    house.tasks.touch([ref(1)], Lane.SWEEP)
    assert [claim.ref for claim in Agenda(house.store, "sync").claim("github", 9)] == [ref(1)]
    assert {claim.ref for claim in house.tasks.claim("github", 9)} == {REDELIVERY, RECONCILE, SWEEP}


def test_a_new_policy_has_issues_looked_at_and_no_rounds_made(house: House) -> None:
    house.tasks.touch([ref(1), BoardRef("github")], Lane.TIMER, START + DAY)
    assert Agenda(house.store, "me", "another").adopt_policy()
    due = [row["subject"] for row in house.tasks.rows(parked=False)]
    assert due == ["github:acme/shop#1", "github:board"]


# -------------------------------------------------------------------------------------------------- lost deliveries


def test_what_was_lost_is_asked_for_in_its_order_with_a_breather_in_between(house: House) -> None:
    house.tracker.lost = [f"{number}" for number in range(2 * AT_ONCE + 5)]
    house.clock.at += AT_START
    for turn in (AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 5):
        house.worker.run_due()
        house.worker.run_due()
        assert house.tracker.again == house.tracker.lost[:turn]
        house.clock.at += BREATHER
    assert len(house.tracker.looks) == 1, "what is known to be lost is not looked for again"
    assert house.row(REDELIVERY).timer_at == house.clock.at - BREATHER + EVERY[Round.REDELIVERY]


def test_a_delivery_that_never_comes_through_is_given_up_and_that_is_said_once(house: House) -> None:
    house.tracker.lost = ["a", "old b"]
    with capture_logs() as logs:
        house.pass_by(60 * MINUTE)
    assert sorted(house.tracker.again) == ["a"] * 3 + ["old b"] * 3
    told = [line["delivery"] for line in logs if line["event"] == "delivery given up"]
    assert told == ["a", "old b"]
    house.tracker.lost = []
    house.pass_by(5 * MINUTE)
    assert house.kept(REDELIVERY)["asked"] == {}, "what is no longer told of needs no memory"


@pytest.mark.parametrize("refused_at", ["look", "ask"])
def test_without_the_permission_that_is_said_once_and_nothing_is_parked(house: House, refused_at: str) -> None:
    house.tracker.lost = ["a", "b"]
    if refused_at == "look":
        house.tracker.lost, house.tracker.refused = [], "hooks can't be looked at"
    else:
        house.tracker.redeliver = _forbidden  # type: ignore[method-assign]
    with capture_logs() as logs:
        house.pass_by(60 * MINUTE)
    told = [line["why"] for line in logs if line["event"] == "deliveries are not sent again"]
    assert told == ["hooks can't be looked at"]
    assert len(house.tracker.looks) == 12
    assert house.tasks.rows(parked=True) == []
    assert (house.row(REDELIVERY).attempts, house.row(REDELIVERY).last_error) == (0, None)


def _forbidden(missed: Undelivered) -> str:
    raise AccessDenied("hooks can't be looked at")


def test_one_that_the_tracker_fails_on_holds_up_no_other(house: House) -> None:
    house.tracker.lost = [f"{number}" for number in range(6)]
    redeliver = house.tracker.redeliver

    def failing(missed: Undelivered) -> str:
        said = redeliver(missed)
        if missed.id == "3":
            raise Unreachable("GitHub answered 502")
        return said

    house.tracker.redeliver = failing  # type: ignore[method-assign]
    held = 0
    for _ in range(6 * 60):
        house.pass_by(MINUTE)
        held += house.store.read(lambda conn: conn.execute(sa.select(trackers)).first()) is not None
    assert Counter(house.tracker.again) == dict.fromkeys(house.tracker.lost, 3)
    assert held <= 3


def test_a_pause_in_the_midst_of_asking_costs_no_delivery_an_asking(house: House) -> None:
    house.tracker.lost = ["a", "b", "c"]
    redeliver, pauses = house.tracker.redeliver, [RateLimited("slow down", house.clock.at + AT_START + MINUTE)]

    def limited(missed: Undelivered) -> str:
        if missed.id == "b" and pauses:
            raise pauses.pop()
        return redeliver(missed)

    house.tracker.redeliver = limited  # type: ignore[method-assign]
    house.pass_by(2 * MINUTE)
    assert house.tracker.again == ["a", "b", "c"]


def test_a_lease_that_runs_out_ends_the_asking(house: House) -> None:
    house.tracker.lost = ["a", "b"]
    house.clock.at += AT_START
    house.worker.stop()
    house.worker.run_due()
    assert house.tracker.again == []
    assert house.row(REDELIVERY).lease_until is None


# ------------------------------------------------------------------------------------------------ walks through pages


def test_reconcile_finds_what_nobody_told_of_also_what_was_closed(house: House) -> None:
    house.open([1, 2, 3])
    house.pass_by(45 * MINUTE)
    house.tracker.label(ref(1), "alice", ["P1"])
    house.tracker.close(ref(2), "alice")
    before = house.row(ref(3)).seq
    house.pass_by(10 * MINUTE)
    assert house.tracker.issue(ref(1)).labels >= {"P1", "emergency"}
    assert house.row(ref(2)).timer_at is None or house.row(ref(2)).timer_at > house.clock.at
    assert house.row(ref(3)).seq == before, "what did not change is not touched"


def test_reconcile_leaves_alone_what_was_heard_of_as_new_as_it_is(house: House) -> None:
    house.tracker.tells_times = True
    house.open([1, 2])
    tasks, now = house.tasks, house.clock.at
    house.store.write(lambda conn: tasks.rose(conn, ref(1), now))
    house.store.write(lambda conn: tasks.rose(conn, ref(2), now - SECOND))
    house.worker.run_due()
    house.clock.at += SECOND
    house.tracker.label(ref(2), "alice", ["P1"])
    seen = {number: house.row(ref(number)).seq for number in (1, 2)}
    house.clock.at += AT_START
    house.worker.run_due()
    assert {number: house.row(ref(number)).seq - seen[number] for number in (1, 2)} == {1: 0, 2: 1}


def test_a_long_reconcile_takes_a_page_a_turn_and_goes_on_where_it_was(house: House) -> None:
    house.open(range(1, 2 * PAGE + 51))
    house.clock.at += AT_START
    house.worker.run_due()
    assert [cursor for _, cursor in house.tracker.asked] == [None]
    house.hire("another")
    house.pass_by(MINUTE)
    since = START + AT_START - 20 * MINUTE
    assert house.tracker.asked == [(since, None), (since, str(PAGE)), (since, str(2 * PAGE))]
    assert len(house.subjects()) == len(EVERY) + 2 * PAGE + 50
    assert house.kept(RECONCILE) == {"last": (START + AT_START).isoformat(), "began": "", "since": "", "cursor": None}


def test_the_sweep_repairs_what_nobody_told_of(house: House) -> None:
    house.open([1])
    house.tracker.label(ref(1), "alice", ["P1"])
    house.pass_by(MINUTE)
    assert "emergency" in house.tracker.issue(ref(1)).labels
    house.tracker.label(ref(1), "alice", remove=["emergency"])
    rewound = replace(house.tracker.issue(ref(1)), updated_at=START, timeline=house.tracker.issue(ref(1)).timeline[:-1])
    house.tracker._issues[ref(1)] = rewound
    set_out(house.store, ["github"], {Round.SWEEP: DAY})
    house.pass_by(DAY)
    assert "emergency" in house.tracker.issue(ref(1)).labels
    assert house.tracker.asked[-1] == (None, None)
    assert house.row(SWEEP).timer_at > house.clock.at


def test_the_sweep_is_slow_and_comes_after_other_backfills(house: House) -> None:
    every = {Round.SWEEP: DAY}
    set_out(house.store, ["github"], every)
    house.open(range(1, PAGE + 2))
    house.clock.at += DAY
    house.tasks.touch([ref(7)], Lane.SWEEP)
    held = [*house.tasks.claim("github", 9), *house.tasks.claim("github", 9)]
    assert [claim.ref for claim in held] == [SWEEP, ref(7)]
    house.tasks.release(held)
    busy, until = agenda.c.subject == str(ref(7)), house.clock.at + LEASE
    house.store.write(lambda conn: conn.execute(sa.update(agenda).where(busy).values(lease_until=until)))
    house.worker.run_due()
    assert house.tracker.asked == [], "a backfill is still at work"
    assert house.row(SWEEP).timer_at == house.clock.at + SWEEPING
    house.store.write(lambda conn: conn.execute(sa.delete(agenda).where(busy)))
    house.clock.at += SWEEPING
    house.worker.run_due()
    assert house.tracker.asked == [(None, None)]
    assert house.row(SWEEP).timer_at == house.clock.at + SWEEPING
    house.pass_by(10 * MINUTE)
    assert house.tracker.asked == [(None, None), (None, str(PAGE))]


# ---------------------------------------------------------------------------------------------------- what goes wrong


def test_a_tracker_that_is_down_holds_everything_back_and_costs_the_round_nothing(house: House) -> None:
    house.tracker.trouble = Unreachable("gone")
    house.pass_by(AT_START)
    assert house.store.read(lambda conn: conn.execute(sa.select(trackers.c.why)).scalar()) == "gone"
    assert {house.row(which).attempts for which in (REDELIVERY, RECONCILE)} == {0}
    house.tracker.trouble = None
    house.pass_by(MINUTE)
    assert (len(house.tracker.looks), len(house.tracker.asked)) == (1, 1)


def test_a_refused_round_harms_no_issue_and_mends_itself(house: House) -> None:
    house.open([1])
    house.tracker.label(ref(1), "alice", ["P1"])
    house.tracker.trouble = AccessDenied("one repository can't be seen")
    house.clock.at += AT_START
    house.tasks.touch([ref(1)], Lane.EVENT)
    house.worker.run_due()
    assert "emergency" in house.tracker.issue(ref(1)).labels
    assert house.store.read(lambda conn: conn.execute(sa.select(trackers)).all()) == []
    assert (house.row(RECONCILE).attempts, house.row(RECONCILE).last_error) == (1, "one repository can't be seen")
    house.pass_by(MAX_ATTEMPTS * LONGEST_RETRY)
    parked = {row["subject"] for row in house.tasks.rows(parked=True)}
    assert parked == {str(REDELIVERY), str(RECONCILE)}
    house.tracker.trouble = None
    house.clock.at += 2 * LONGEST_RETRY
    house.worker.run_due()
    assert house.tasks.rows(parked=True) == []
    assert (len(house.tracker.asked), len(house.tracker.looks)) == (1, 1)


def test_a_cursor_that_the_tracker_forgot_is_begun_anew(house: House) -> None:
    house.open(range(1, PAGE + 2))
    house.clock.at += AT_START
    house.worker.run_due()
    assert house.kept(RECONCILE)["cursor"] == str(PAGE)
    house.tracker.trouble = TrackerError("the page token is invalid")
    house.worker.run_due()
    assert house.kept(RECONCILE) == {"last": "", "began": "", "since": "", "cursor": None}
    house.tracker.trouble = None
    house.pass_by(MINUTE)
    assert [cursor for _, cursor in house.tracker.asked] == [None, None, str(PAGE)]


def test_what_another_version_remembered_is_passed_over(house: House) -> None:
    row = {"name": str(RECONCILE), "value": json.dumps({"last": START.isoformat(), "mood": "good"})}
    house.store.write(lambda conn: conn.execute(sa.insert(facts).values(row)))
    house.pass_by(MINUTE)
    assert house.tracker.asked == [(START - OVERLAP, None)]


def test_a_parked_round_can_be_put_back(house: House) -> None:
    house.tracker.trouble = AccessDenied("no")
    house.pass_by(MAX_ATTEMPTS * LONGEST_RETRY)
    house.tracker.trouble = None
    assert house.tasks.replay([RECONCILE]) == 1
    house.worker.run_due()
    assert len(house.tracker.asked) == 1
    assert house.row(RECONCILE).look_at is None and house.row(RECONCILE).timer_at > house.clock.at
