"""Deliveries, many times over, in any order, forged or broken: the real process takes each as interface.md says."""

import random
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.connected import P0_FORM, P0_WIKI, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import SECRET, wait_for
from tests.standins.github.webhooks import Hook


@pytest.fixture(scope="module", params=["granian", "waitress"])
def acme(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, recorder: Recorder
) -> Iterator[Company]:
    with company(tmp_path_factory.mktemp("acme"), recorder) as running:
        running.integrator.start("--server", request.param)
        yield running


def _hook(acme: Company) -> Hook:
    """A hook whose deliveries the test posts itself."""
    return acme.github.connect("http://127.0.0.1:9/", SECRET)


def _stored(acme: Company) -> int:
    with sqlite3.connect(acme.integrator.folder / "integrator.db") as conn:
        (count,) = conn.execute("SELECT count(*) FROM deliveries").fetchone()
    return int(count)


def test_twenty_times_in_any_order_from_four_threads(acme: Company) -> None:
    number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    acme.github.comment(REPO, number, "carol", "Please hurry!")
    acme.github.label(REPO, number, "alice", "P1")
    acme.github.unlabel(REPO, number, "alice", "P1")
    acme.github.label(REPO, number, "alice", "P1")
    key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
    acme.jira.comment(key, "carol", "Please hurry!")
    posts = [_github_post(acme, d.guid) for d in acme.github.deliveries]
    posts += [("jira", d.headers(SECRET, 0), d.body) for d in acme.jira.deliveries]
    repeated = posts * 20
    random.Random(7).shuffle(repeated)
    with ThreadPoolExecutor(4) as four:
        answers = list(four.map(lambda post: acme.integrator.post(*post), repeated))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted({answer.json()["answer"] for answer in answers}) == ["already had", "stored"]
    assert sum(answer.json()["answer"] == "stored" for answer in answers) == len(posts)
    wait_for(acme.integrator.is_settled, acme.integrator.log)
    done = acme.github.issue(REPO, number)
    assert done.labels == {"P1", "emergency"}
    assert done.column == "Emergency Queue"
    assert [c.author for c in done.comments] == ["carol", "spark-integrator[bot]"]
    seen = acme.jira.issue(key)
    assert (set(seen.labels), seen.status, len(seen.comments)) == ({"P0", "emergency"}, "Emergency Queue", 2)
    again = acme.integrator.run("plan", f"github:{REPO}#{number}", f"jira:{key}").stdout
    assert again.count("nothing to change") == 2


def _github_post(acme: Company, guid: str) -> tuple[str, dict[str, str], bytes]:
    headers, body = acme.github.signed(guid, _hook(acme))
    return "github", headers, body


def test_what_is_no_delivery_is_answered_and_not_stored(acme: Company) -> None:
    acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    _, headers, body = _github_post(acme, acme.github.deliveries[-1].guid)
    before = _stored(acme)
    unsigned = {key: value for key, value in headers.items() if key != "X-Hub-Signature-256"}
    signed_as_jira = {**unsigned, "X-Hub-Signature": headers["X-Hub-Signature-256"]}
    table = [
        (401, "github", unsigned, body),
        (401, "github", {**headers, "X-Hub-Signature-256": "sha256=" + "0" * 64}, body),
        (401, "github", headers, body[:-1]),
        (401, "github", signed_as_jira, body),
        (401, "jira", {**unsigned, "X-Hub-Signature": "sha1=abc"}, body),
        (404, "gitlab", headers, body),
        (413, "github", headers, b"x" * 26 * 1024 * 1024),
        (415, "github", {**headers, "Content-Type": "text/xml"}, body),
    ]
    for status, tracker, given, sent in table:
        answer = acme.integrator.post(tracker, given, sent)
        assert answer.status_code == status, (tracker, answer.text)
        assert "Traceback" not in answer.text
    assert requests.get(f"{acme.integrator.url}/webhooks/github", timeout=5).status_code == 405
    assert _stored(acme) == before
    assert acme.integrator.post("github", headers, body).json()["answer"] == "stored"
    assert "Traceback" not in acme.integrator.log()


def test_a_label_set_by_a_person_survives_every_later_event(acme: Company, tmp_path: Path) -> None:
    acme.github.connect(f"{acme.integrator.url}/webhooks/github", SECRET)
    number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    wait_for(lambda: "P0" in acme.github.issue(REPO, number).labels, acme.integrator.log)
    acme.github.unlabel(REPO, number, "alice", "P0")
    acme.github.label(REPO, number, "alice", "P2")
    wait_for(lambda: acme.github.issue(REPO, number).labels == {"P2"}, acme.integrator.log)
    acme.github.edit_body(REPO, number, "carol", P0_FORM + "\nIt is really, really down. A data breach!")
    acme.github.comment(REPO, number, "carol", "/p0")
    acme.github.label(REPO, number, "renovate[bot]", "P0")
    acme.github.close(REPO, number, "alice")
    acme.github.reopen(REPO, number, "carol")
    acme.github.settle()
    wait_for(acme.integrator.is_settled, acme.integrator.log)
    assert acme.github.issue(REPO, number).labels == {"P2"}


def test_a_status_comment_that_somebody_edited_is_written_anew_and_stays_the_only_one(acme: Company) -> None:
    acme.github.connect(f"{acme.integrator.url}/webhooks/github", SECRET)
    acme.jira.connect(f"{acme.integrator.url}/webhooks/jira", SECRET)
    number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
    wait_for(lambda: len(acme.github.issue(REPO, number).comments) == 1, acme.integrator.log)
    wait_for(lambda: len(acme.jira.issue(key).comments) == 1, acme.integrator.log)
    wait_for(acme.integrator.is_settled, acme.integrator.log)
    (ours,) = acme.github.issue(REPO, number).comments
    acme.github.edit_comment(ours.id, "alice", ours.body.replace("P0 Critical", "All is well"))
    (theirs,) = acme.jira.issue(key).comments
    acme.jira.edit_comment(key, "alice", theirs.id, "All is well")
    wait_for(lambda: "P0 Critical" in acme.github.issue(REPO, number).comments[0].body, acme.integrator.log)
    wait_for(lambda: "P0 Critical" in str(acme.jira.issue(key).comments[0].body), acme.integrator.log)
    wait_for(acme.integrator.is_settled, acme.integrator.log)
    assert len(acme.github.issue(REPO, number).comments) == 1
    assert len(acme.jira.issue(key).comments) == 1
