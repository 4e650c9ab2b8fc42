"""What `sync` shows: a dry run's groups, bars on a terminal, and how long it waits for a tracker."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from adapters.memory import PAGE, MemoryTracker
from adapters.tracker import AccessDenied, Budget, Outcome, Page, RateLimited, Unreachable
from integrator import budgets, journal
from integrator.agenda import Agenda
from integrator.commands.bars import Bars, counting
from integrator.commands.differences import NAMED, Differences
from integrator.commands.run import Run, Since
from integrator.commands.summary import Summary, of
from integrator.lanes import Lane
from integrator.listing import TRIES
from integrator.scenario import Clock
from integrator.store import Store
from integrator.sync import Planned, waiting
from mapping.changes import DropComment, MoveTo, Plan, SetFields, SetLabels
from mapping.issue import BoardRef, Column, IssueRef
from tests.installation import wait_for

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def ref(number: int) -> IssueRef:
    return IssueRef("github", f"acme/shop#{number}")


# ---------------------------------------------------------------- a dry run


def test_a_dry_run_is_told_by_kinds_of_change_and_names_a_few(capsys: pytest.CaptureFixture[str]) -> None:
    told = Differences("github")
    label = SetLabels(frozenset({"P1"}), frozenset({"needs-triage"}), ("R24",))
    for number in range(1, NAMED + 31):
        told.add(Planned(ref(number), Plan((label, MoveTo(Column.EMERGENCY_QUEUE, ("R21",)))), "Backlog"))
    told.add(Planned(ref(98), Plan((SetFields({"Severity": "P1", "ETA": ""}, ()), DropComment("c1", ())))))
    told.add(Planned(ref(99), "KeyError: 'odd answer'"))
    told.add(Planned(ref(100), Plan()))
    told.print()
    out = capsys.readouterr().out
    names = "".join(f"      acme/shop#{number}\n" for number in range(1, NAMED + 1)) + "      …and 30 more\n"
    many = f" on {NAMED + 30} issues\n{names}"
    assert out == (
        f"github\n  + label P1{many}  - label needs-triage{many}  ~ move Backlog → Emergency Queue{many}"
        "  ~ field ETA on 1 issue\n      acme/shop#98 (cleared)\n"
        "  ~ field Severity on 1 issue\n      acme/shop#98 (P1)\n"
        "  - comment that is there twice on 1 issue\n      acme/shop#98\n"
        "  ! could not be planned: 1 issue\n      acme/shop#99 (KeyError: 'odd answer')\n"
        "  43 seen, 41 would change, 1 could not be planned\n"
    )


# ---------------------------------------------------------------- waiting for a tracker


class Moody(MemoryTracker):
    """A tracker of `issues` issues whose listing fails as it is told, page by page."""

    def __init__(self, clock: Clock, issues: int) -> None:
        super().__init__("github", "markdown", ["alice"], clock)
        self.moods: list[Exception | None] = []
        for number in range(1, issues + 1):
            self.open(ref(number), "carol", "Checkout is down")

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        for page in super().pages(since, cursor):
            if self.moods and (mood := self.moods.pop(0)) is not None:
                raise mood
            yield page


class House:
    def __init__(self) -> None:
        self.clock = Clock(START)
        self.store = Store("sqlite://", self.clock)
        self.store.migrate()
        self.tasks = Agenda(self.store, "me")
        self.tracker = Moody(self.clock, 2 * PAGE)

    def listed(self, *moods: Exception | None, until: Callable[[Run], bool], since: Since | None = None) -> Run:
        """A run whose listing went through these moods; the clock jumps over every pause."""
        self.tracker.moods = list(moods)
        run = Run(self.store, self.tasks, self.tracker, since or Since())
        run.start()

        def is_so() -> bool:
            run.look()
            if run.hold is not None:
                self.clock.at = run.hold.until
            return until(run)

        wait_for(is_so, lambda: f"{run.seen} seen, {run.hold}")
        run.lister.stop()
        run.lister.join(5)
        return run

    def work(self, least: int) -> None:
        """Put down what is due, until `least` issues are left."""
        for claim in self.tasks.claim("github", 2 * PAGE - least):
            self.store.write(lambda conn, claim=claim: self.tasks.done(conn, claim, None, None))  # type: ignore[misc]


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.store.close()


def test_a_pause_that_was_asked_for_is_waited_for_however_often(house: House) -> None:
    pauses = [RateLimited("slow down", START + timedelta(hours=hour)) for hour in range(1, TRIES + 2)]
    run = house.listed(*pauses, until=lambda run: run.lister.is_listed)
    assert run.seen == 2 * PAGE and run.gave_up is None
    assert house.clock() == START + timedelta(hours=TRIES + 1)


def test_one_that_goes_away_on_the_way_is_tried_again(house: House) -> None:
    run = house.listed(None, Unreachable("gone"), until=lambda run: run.lister.is_listed)
    assert run.seen == 2 * PAGE and run.gave_up is None


@pytest.mark.parametrize(
    ("moods", "tries"),
    [
        ([Unreachable("gone")], 1),
        ([AccessDenied("who are you?")], 1),
        ([ValueError("odd")], 1),
        ([None, *[Unreachable("gone")] * TRIES], TRIES),
    ],
)
def test_one_that_cannot_be_reached_is_given_up(house: House, moods: list[Exception | None], tries: int) -> None:
    run = house.listed(*moods, None, None, until=lambda run: run.is_over)
    assert str(run.gave_up) in {"gone", "who are you?", "odd"} and not run.lister.is_listed
    assert house.tracker.moods == [None, None]


def pause(house: House, run: Run, error: str = "no answer", workers: int = 1) -> None:
    """The last pause is over, and the next request fails, too, for each of these workers."""
    if run.hold is not None:
        house.clock.at = run.hold.until
    for _ in range(workers):
        house.tasks.hold("github", Unreachable(error))
        run.look()


def test_one_whose_work_fails_again_and_again_is_stuck_until_it_answers(house: House) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    for _ in range(TRIES):
        pause(house, run)
        assert not run.is_stuck and run.gave_up is None
    pause(house, run)
    assert run.is_stuck and str(run.gave_up) == "no answer"
    house.clock.at = run.hold.until if run.hold else house.clock.at
    house.store.write(lambda conn: house.tasks.answered(conn, "github"))
    run.look()
    assert not run.is_stuck and run.gave_up is None


def test_a_pause_that_many_workers_are_told_of_is_one(house: House) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    pause(house, run, workers=3 * TRIES)
    assert not run.is_stuck


def test_what_was_done_between_two_pauses_counts(house: House) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    for left in range(2 * PAGE - 10, 2 * PAGE - 10 - 3 * TRIES, -1):
        pause(house, run)
        house.clock.at = run.hold.until if run.hold else house.clock.at
        house.work(least=left)
        assert not run.is_stuck


def test_a_page_that_comes_while_it_looks_is_not_taken_for_work_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    page = [ref(number) for number in range(3 * PAGE, 4 * PAGE)]

    def then_a_page_comes(*asked: Any) -> tuple[int, bool]:
        found = waiting(*asked)
        house.tasks.touch(page, Lane.SWEEP)
        run.lister.issues.update(map(str, page))
        return found

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("integrator.commands.run.waiting", then_a_page_comes)
        run.look()
    for _ in range(2 * TRIES):
        pause(house, run)
        house.clock.at = run.hold.until if run.hold else house.clock.at
        house.work(least=2 * PAGE - 1)
        assert not run.is_stuck


def test_it_is_over_when_the_board_was_looked_at_after_the_issues(house: House) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    later = house.clock() + timedelta(minutes=1)
    house.tasks.touch([BoardRef("github")], Lane.SWEEP, later)
    house.work(least=0)
    run.look()
    assert (run.left, run.is_over) == (0, False)
    (claim,) = house.tasks.claim("github", 10)
    assert claim.ref == BoardRef("github"), "it is due at once"
    run.look()
    house.store.write(lambda conn: house.tasks.done(conn, claim, None, None))
    run.look()
    assert run.is_over


# ---------------------------------------------------------------- telling of it


def shown(house: House, run: Run, terminal: bool, quiet: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200, legacy_windows=False, color_system=None)
    with Bars(house.store, [run], quiet, console) as bars:
        bars.show()
    return out.getvalue()


def test_a_bar_tells_how_far_it_is_and_what_is_left_of_the_limit(house: House) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    house.work(least=120)
    run.look()
    told = Budget("graphql", 5000, 4312, START + timedelta(hours=1), START)
    house.store.write(lambda conn: budgets.note(house.store, conn, "github", [told]))
    drawn = shown(house, run, terminal=True)
    assert "80/200" in drawn and "4,312 of 5,000 graphql left" in drawn
    assert shown(house, run, terminal=False) == shown(house, run, terminal=True, quiet=True) == ""


@pytest.mark.parametrize(("total", "drawn"), [(None, "120/?"), (400, "120/400")])
def test_what_is_only_looked_through_is_counted_on_a_terminal(total: int | None, drawn: str) -> None:
    for terminal, quiet in ((True, False), (True, True), (False, False)):
        out = io.StringIO()
        console = Console(file=out, force_terminal=terminal, width=200, legacy_windows=False, color_system=None)
        with counting("github", quiet, console) as count:
            count(120, total)
        assert (drawn in out.getvalue()) is (terminal and not quiet)


@pytest.mark.parametrize("terminal", [True, False])
def test_what_it_waits_for_is_said(house: House, terminal: bool) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    told = Budget("graphql", 5000, 999, START + timedelta(hours=1), START)
    house.store.write(lambda conn: budgets.note(house.store, conn, "github", [told]))
    scarce = "waits until 10:00:00 UTC: what is left of its limit is for emergencies"
    assert scarce in shown(house, run, terminal)
    house.tasks.hold("github", RateLimited("slow down", START + timedelta(minutes=5)))
    run.look()
    assert "is held back until 09:05:00 UTC: slow down" in shown(house, run, terminal)
    if not terminal:
        assert shown(house, run, terminal).startswith("github is held back")


# ---------------------------------------------------------------- summing up


def test_every_issue_is_counted_once(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    run = house.listed(until=lambda run: run.lister.is_listed)
    house.work(least=50)
    for claim in house.tasks.claim("github", 20):
        house.store.write(lambda conn, claim=claim: house.tasks.failed(conn, claim, "no such label"))  # type: ignore[misc]
    summary = of(run, timedelta(seconds=12))
    summary.print(as_json=False)
    said = capsys.readouterr()
    assert said.out == "github: 200 seen, 0 changed, 150 unchanged, 20 failed, 30 still to do in 12 s\n"
    assert said.err.endswith(" …and 10 more: no such label\n")


def test_what_an_interrupted_run_left_is_counted_and_what_others_did_is_not(house: House) -> None:
    """A run over all issues left 200; another, about what changed lately, finds one of them and a new one."""
    house.listed(until=lambda run: run.lister.is_listed)
    house.clock.at += timedelta(hours=1)
    house.tracker.comment(ref(1), "carol", "Any news?")
    house.tracker.open(ref(2 * PAGE + 1), "carol", "Checkout is down")
    run = house.listed(until=lambda run: run.lister.is_listed, since=Since(house.clock.at))
    with house.store.engine.begin() as conn:
        for number in (1, 2 * PAGE + 1, 999):
            journal.note(conn, house.clock.at, ref(number), Outcome((SetFields({"ETA": ""}, ()),)))
    house.work(least=50)
    summary = of(run, timedelta(0))
    assert (summary.seen, summary.changed, summary.unchanged, summary.waiting) == (201, 1, 149, 51)


@pytest.mark.parametrize(
    ("took", "says"), [(0.2, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (90_000, "25 h 0 min")]
)
def test_the_time_taken_is_told_in_words(took: float, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    Summary("jira", 3, 1, 0, (), timedelta(seconds=took), None).print(as_json=False)
    assert capsys.readouterr().out == f"jira: 3 seen, 1 changed, 2 unchanged, 0 failed in {says}\n"


def test_of_many_reasons_the_first_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    failed = tuple((f"jira:OPS-{number}", f"reason {number:02}") for number in range(25))
    Summary("jira", 25, 0, 0, failed, timedelta(0), None).print(as_json=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == ["  jira:OPS-19: reason 19", "  …and 5 more reasons; --json tells all"]


def test_a_board_that_failed_is_told_and_is_no_issue(capsys: pytest.CaptureFixture[str]) -> None:
    failed = (("jira:board", "no filter"), ("jira:OPS-1", "locked"))
    Summary("jira", 3, 1, 0, failed, timedelta(0), None).print(as_json=False)
    said = capsys.readouterr()
    assert said.out == "jira: 3 seen, 1 changed, 1 unchanged, 1 failed in 0 s\n"
    assert "jira:board: no filter" in said.err
