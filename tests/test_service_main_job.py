"""The main job on the real process: a signed webhook becomes a triaged issue on the board, in few requests."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connected import P0_FORM, P0_WIKI, P2_FORM, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import wait_for


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Company]:
    with company(tmp_path_factory.mktemp("acme"), recorder) as running:
        running.integrator.start()
        running.connect()
        _warm_up(running)
        yield running


def _warm_up(acme: Company) -> None:
    """A first issue on each tracker: tokens and ids are cached from here on."""
    number = acme.github.open_issue(REPO, "alice", "Planned work", P2_FORM)
    key = acme.jira.create_issue("OPS", "alice", "Planned work", P0_WIKI, (), None)
    wait_for(lambda: acme.github.issue(REPO, number).column == "Backlog", acme.integrator.log)
    wait_for(lambda: "P0" in acme.jira.issue(key).labels, acme.integrator.log)
    _settle(acme)


def _settle(acme: Company) -> None:
    """Wait until the trackers have told everything and nothing is asked or written any more."""
    acme.github.settle()
    acme.jira.settle()
    seen = -1
    while (count := len(acme.github.requests) + len(acme.jira.requests)) != seen:
        seen = count
        time.sleep(0.7)


def test_github_form_with_a_stopped_business_is_a_p0(acme: Company) -> None:
    before = len(acme.github.requests)
    begun = time.monotonic()
    number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    wait_for(lambda: _is_handled(acme, number), acme.integrator.log)
    took = time.monotonic() - begun
    done = acme.github.issue(REPO, number)
    assert done.labels == {"P0", "emergency"}
    assert done.column == "Emergency Queue"
    (status,) = done.comments
    assert "business-stopped" in status.body and "process: critical, workaround: none" in status.body
    writes_end = max(i for i, r in enumerate(acme.github.requests) if r.is_write)
    spent = list(acme.github.requests[before : writes_end + 1])
    assert len(spent) <= 4, [(r.method, r.path) for r in spent]
    assert took < 2.0
    _settle(acme)
    echoes = acme.github.requests[writes_end + 1 :]
    assert not [r for r in echoes if r.is_write], "our own writes caused a second round of writes"
    print(f"GitHub: {len(spent)} requests, {took:.2f} s; {len(echoes)} re-reads for echoes and verification")


def _is_handled(acme: Company, number: int) -> bool:
    issue = acme.github.issue(REPO, number)
    return issue.column == "Emergency Queue" and len(issue.comments) == 1 and "P0" in issue.labels


def test_jira_description_with_a_stopped_business_is_a_p0(acme: Company) -> None:
    before = len(acme.jira.requests)
    begun = time.monotonic()
    key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
    wait_for(lambda: acme.jira.issue(key).status == "Emergency Queue", acme.integrator.log)
    wait_for(lambda: "P0" in acme.jira.issue(key).labels, acme.integrator.log)
    took = time.monotonic() - begun
    done = acme.jira.issue(key)
    assert set(done.labels) == {"P0", "emergency"}
    (status,) = done.comments
    assert "business-stopped" in status.body
    writes = [i for i, r in enumerate(acme.jira.requests) if _writes(r.method, r.path)]
    spent = acme.jira.requests[before : max(writes) + 1]
    assert len(spent) <= 5, [(r.method, r.path) for r in spent]
    assert took < 2.0
    _settle(acme)
    echoes = acme.jira.requests[max(writes) + 1 :]
    assert not [r for r in echoes if _writes(r.method, r.path)]
    print(f"Jira: {len(spent)} requests, {took:.2f} s; {len(echoes)} re-reads for echoes and verification")


def _writes(method: str, path: str) -> bool:
    return method in {"PUT", "DELETE"} or (method == "POST" and not path.endswith(("/bulkfetch", "/search/jql")))


def test_existing_issues_are_taken_up_by_sync(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder) as acme:
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
        done = acme.integrator.run("sync")
        assert "github: 1 seen, 1 changed" in done.stdout
        assert _is_handled(acme, number)
        assert acme.jira.issue(key).status == "Emergency Queue"
        again = acme.integrator.run("sync")
        assert "github: 1 seen, 0 changed" in again.stdout
        assert "jira: 1 seen, 0 changed" in again.stdout


def test_what_followed_from_a_delivery_is_found_in_the_log_by_its_id(acme: Company) -> None:
    number = acme.github.open_issue(REPO, "carol", "Nobody can pay again", P0_FORM)
    delivery = acme.github.deliveries[-1].guid
    wait_for(lambda: _is_handled(acme, number), acme.integrator.log)
    _settle(acme)
    lines = [json.loads(line) for line in acme.integrator.log().splitlines() if line.startswith("{")]
    changed = [line for line in lines if line["event"] == "changed" and line.get("issue") == f"github:{REPO}#{number}"]
    assert {line.get("delivery") for line in changed} == {delivery}
