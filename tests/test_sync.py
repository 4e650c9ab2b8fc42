"""Backfill: resumed where it stopped, honest in its summary, and harmless as a dry run."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.memory import PAGE, MemoryTracker
from adapters.tracker import Page, Unreachable
from integrator.agenda import Agenda, Lane
from integrator.config import Config
from integrator.scenario import Clock
from integrator.store import Store, agenda, syncs
from integrator.sync import Progress, backfill, dry_run, plans, unfinished
from mapping.changes import Plan
from mapping.issue import IssueRef
from tests.connected import P0_FORM, P0_WIKI, REPO, Company, company
from tests.contracts import Recorder
from tests.here import Done, run
from tests.installation import wait_for
from tests.standins.github.faults import Kind
from tests.standins.jira.state import TEAM

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

    def backfill(self, since: datetime | None = None) -> list[Progress]:
        return list(backfill(self.store, self.tasks, self.tracker, since))

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
    progress = house.backfill()
    everyone = {str(ref(number)) for number in range(1, 2 * PAGE + 51)} - {str(ref(7))}
    assert house.on_agenda() == everyone
    assert [(step.seen, step.total) for step in progress] == [(PAGE, 249), (2 * PAGE, 249), (249, 249)]
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


def test_an_abandoned_page_is_repeated_at_most(house: House) -> None:
    for _ in backfill(house.store, house.tasks, house.tracker, None):
        break
    house.backfill()
    assert house.tracker.asked[-1] == (None, str(PAGE))


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
    assert [step.seen for step in house.backfill()] == [0]
    assert house.cursor() is None and house.on_agenda() == set()


def test_a_dry_run_plans_and_touches_nothing(house: House) -> None:
    house.tracker = Paged(house.clock, 3)
    before = house.tracker.issues()
    planned = dict(dry_run(house.tracker, Config(), None, START))
    assert all(isinstance(plan, Plan) and plan.changes for plan in planned.values())
    assert list(planned) == [ref(number) for number in (1, 2, 3)]
    assert house.tracker.issues() == before and house.on_agenda() == set()
    assert dict(plans(house.tracker, Config(), [], START)) == {}


def test_what_cannot_be_planned_says_why(house: House) -> None:
    house.tracker.transfer(ref(1), "alice", ref(999))
    told = dict(plans(house.tracker, Config(), [ref(1), ref(998)], START))
    assert told == {
        ref(1): "there is no such issue; it is now github:acme/shop#999",
        ref(998): "there is no such issue",
    }


def test_what_is_unfinished_is_counted_and_what_failed_is_named(house: House) -> None:
    house.tasks.touch([ref(1), ref(2), ref(3), IssueRef("jira", "OPS-1")], Lane.SWEEP)
    assert unfinished(house.store, "github") == (3, [])
    one, two, _ = sorted(house.tasks.claim("github", 3), key=lambda claim: claim.ref)
    house.store.write(lambda conn: house.tasks.failed(conn, one, "no such label"))
    house.store.write(lambda conn: house.tasks.done(conn, two, None, None))
    assert unfinished(house.store, "github") == (1, [("github:acme/shop#1", "no such label")])


# ---------------------------------------------------------------- the command


@pytest.fixture
def acme(tmp_path: Path, recorder: Recorder) -> Iterator[Company]:
    with company(tmp_path, recorder) as running:
        yield running


def here(acme: Company, *arguments: str) -> Done:
    return run(acme.integrator.folder, acme.integrator.environ, "sync", *arguments)


def test_a_dry_run_writes_nothing_anywhere(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    acme.github.open_issue(REPO, "alice", "Dark mode", "")
    key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
    done = here(acme, "--dry-run")
    assert "3 issues seen, 2 would change; nothing was written" in done.out
    assert f"github:{REPO}#1:\n  labels +P0 +emergency  (because R24, business-stopped)" in done.out
    assert f"jira:{key}:" in done.out
    assert [
        request.path for request in acme.github.requests if request.is_write and "access_tokens" not in request.path
    ] == []
    assert [
        r.path for r in acme.jira.requests if r.method == "PUT" or r.path.endswith(("/comment", "/transitions"))
    ] == []
    assert not (acme.integrator.folder / "integrator.db").exists()
    lines = here(acme, "--dry-run", "--tracker", "jira", "--json").out.splitlines()
    (told,) = map(json.loads, lines)
    assert told["issue"] == f"jira:{key}"
    assert [change["change"] for change in told["changes"]] == ["SetLabels", "MoveTo", "SetFields", "EditStatus"]


def test_the_summary_counts_and_names_what_failed(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    acme.github.open_issue(REPO, "alice", "Dark mode", "")
    here(acme, "--tracker", "github")
    acme.github.open_issue(REPO, "carol", "Nobody can log in", P0_FORM)
    done = here(acme, "--json", "--threads", "1")
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {"tracker": "github", "seen": 3, "changed": 1, "unchanged": 2, "failed": []},
        {"tracker": "jira", "seen": 0, "changed": 0, "unchanged": 0, "failed": []},
    ]
    assert (done.code, done.err) == (0, "")


def test_since_and_tracker_choose(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    done = here(acme, "--tracker", "github", "--since", "2999-01-01")
    assert done.out == "github: 0 seen, 0 changed, 0 unchanged, 0 failed\n"
    assert here(acme, "--tracker", "github", "--since", "3d").out.startswith("github: 1 seen")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--since", "yesterday"], "'yesterday' is no time; write for example 2026-11-01, 2026-11-01T09:00Z or 3d"),
        (["--tracker", "gitlab"], "there is no 'gitlab' in app.yaml; there is github, jira"),
        (["--threads", "0"], "0 is not in the range 1<=x<=64"),
    ],
)
def test_what_is_chosen_wrongly_is_wrong_usage(acme: Company, wrong: list[str], says: str) -> None:
    done = here(acme, *wrong)
    assert (done.code, done.out) == (2, "")
    assert says in done.err and "Traceback" not in done.err


def test_what_failed_is_named_and_the_exit_code_is_1(acme: Company) -> None:
    key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
    acme.jira.world.grant("integrator", TEAM - {"EDIT_ISSUES"}, "OPS")
    done = here(acme, "--tracker", "jira")
    assert done.code == 1
    assert done.out == "jira: 1 seen, 1 changed, 0 unchanged, 1 failed\n"
    assert f"  jira:{key}: SetLabels: " in done.err


def test_a_tracker_that_asks_for_a_pause_is_waited_for_and_that_is_said(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)

    def reads_an_issue(method: str, path: str, body: Any) -> bool:
        return path == "/graphql" and "timelineItems" in body["query"]

    fault = acme.github.fault(reads_an_issue, Kind.SECONDARY_LIMIT, retry_after=1)
    done = here(acme, "--tracker", "github")
    assert (done.code, done.out) == (0, "github: 1 seen, 1 changed, 0 unchanged, 0 failed\n")
    assert "github is held back until " in done.err and fault.hits == 1


def test_overtaken_by_a_newer_policy_it_says_so(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    fault = acme.github.fault(lambda method, path, body: path == "/graphql", Kind.DELAY, times=1000, seconds=0.5)

    def overtake() -> None:
        wait_for(lambda: fault.hits > 0, lambda: "nothing was asked")
        store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
        Agenda(store, "other", "newer").adopt_policy()
        store.close()

    other = threading.Thread(target=overtake)
    other.start()
    done = here(acme, "--tracker", "github")
    other.join()
    fault.times = 0
    assert (done.code, done.out) == (1, "")
    assert "another process works with a newer app.yaml on this database; run sync again" in done.err
