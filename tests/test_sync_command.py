"""`sync` as people and scripts meet it: both stand-ins, what it says, and how it ends."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrator.agenda import Agenda
from integrator.store import Store
from tests.connected import P0_FORM, P0_WIKI, REPO, Company, company
from tests.contracts import Recorder
from tests.here import Done, run
from tests.installation import wait_for
from tests.standins.github.faults import Kind
from tests.standins.github.server import Request
from tests.standins.jira.state import TEAM


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
    assert f"github\n  + label P0 on 1 issue\n      {REPO}#1\n" in done.out
    assert f"  ~ move no column → Emergency Queue on 1 issue\n      {REPO}#1\n" in done.out
    assert (
        f"  + status comment on 1 issue\n      {key} (P0 Critical, provisional)\n  1 seen, 1 would change\n" in done.out
    )
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
    told = [json.loads(line) for line in done.out.splitlines()]
    assert all(0 <= one.pop("seconds") < 30 for one in told)
    assert told == [
        {"tracker": "github", "seen": 3, "changed": 1, "unchanged": 2, "failed": [], "waiting": 0},
        {"tracker": "jira", "seen": 0, "changed": 0, "unchanged": 0, "failed": [], "waiting": 0},
    ]
    assert (done.code, done.err) == (0, "")


PAGES = 3
ONCE = ("/app/installations/50000002/access_tokens", "/orgs/acme/issue-fields", "/repos/acme/shop/collaborators")


def test_hundreds_of_issues_cost_two_requests_a_hundred(acme: Company) -> None:
    for number in range(100 * PAGES):
        acme.github.open_issue(REPO, "alice", f"Feature {number}")
    for again in range(2):
        before = len(acme.github.requests)
        done = here(acme, "--tracker", "github")
        asked = Counter(_kind(request) for request in acme.github.requests[before:])
        assert asked == {"query Open": PAGES, "query Read": PAGES, **dict.fromkeys(ONCE, 1)}
        assert done.out.startswith("github: 300 seen, 0 changed, 300 unchanged, 0 failed in "), again


def test_what_hundreds_of_issues_need_is_written_twenty_at_a_time(acme: Company) -> None:
    for number in range(100 * PAGES):
        acme.github.open_issue(REPO, "carol", f"Slow {number}")
    done = here(acme, "--tracker", "github")
    asked = Counter(_kind(request) for request in acme.github.requests)
    assert asked == {"query Open": PAGES, "query Read": PAGES, "mutation Apply": 5 * PAGES, **dict.fromkeys(ONCE, 1)}
    assert done.out.startswith("github: 300 seen, 300 changed, 0 unchanged, 0 failed in ")


def _kind(request: Request) -> str:
    return " ".join(str(request.body["query"]).split("(")[0].split()) if request.path == "/graphql" else request.path


def test_a_tracker_that_is_down_stops_no_other(acme: Company) -> None:
    acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
    acme.github.fault(lambda *_: True, Kind.RESET_BEFORE, times=1000)
    done = here(acme)
    assert done.code == 3
    github, jira = done.out.splitlines()
    assert github.startswith("github: 0 seen, ") and jira.startswith("jira: 1 seen, 1 changed, ")
    assert "not everything was reached; `integrator sync` goes on from there" in done.err
    assert "github: no answer from 127.0.0.1" in done.err
    silent = here(acme, "--json")
    assert (silent.code, silent.err) == (3, "")
    assert ["not_reached" in json.loads(line) for line in silent.out.splitlines()] == [True, False]


def test_a_dry_run_goes_on_where_one_tracker_is_down(acme: Company) -> None:
    acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
    acme.github.fault(lambda *_: True, Kind.RESET_BEFORE, times=1000)
    done = here(acme, "--dry-run")
    assert (done.code, "1 issues seen, 1 would change" in done.out) == (3, True)
    assert done.err.startswith("github: no answer from 127.0.0.1")


def test_a_tracker_that_lets_nobody_in_is_no_outage(acme: Company) -> None:
    acme.integrator.environ["INTEGRATOR_JIRA_TOKEN"] = "wrong"
    done = here(acme, "--tracker", "jira")
    assert (done.code, done.out.startswith("jira: 0 seen")) == (1, True)
    assert "jira: " in done.err and "Traceback" not in done.err


def test_since_and_tracker_choose(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    done = here(acme, "--tracker", "github", "--since", "2999-01-01")
    assert done.out.startswith("github: 0 seen, 0 changed, 0 unchanged, 0 failed in ")
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
    assert done.out.startswith("jira: 1 seen, 0 changed, 0 unchanged, 1 failed in ")
    assert f"  jira:{key}: SetLabels: " in done.err


def test_a_tracker_that_asks_for_a_pause_is_waited_for_and_that_is_said(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)

    def reads_an_issue(method: str, path: str, body: Any) -> bool:
        return path == "/graphql" and "timelineItems" in body["query"]

    fault = acme.github.fault(reads_an_issue, Kind.SECONDARY_LIMIT, retry_after=1)
    done = here(acme, "--tracker", "github")
    assert done.code == 0 and done.out.startswith("github: 1 seen, 1 changed, 0 unchanged, 0 failed in ")
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
