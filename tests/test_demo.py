"""The demo: it ends by itself, soon and well, and shows what it must."""

import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from adapters.memory import MemoryTracker
from integrator.demo import payloads
from integrator.scenario import Clock, Event
from mapping.issue import IssueRef
from tests.installation import PATIENCE
from webhooks import github as github_hooks
from webhooks import jira as jira_hooks
from webhooks.delivery import Delivery

COMMAND = [str(Path(sys.executable).with_name("integrator")), "demo"]
START = datetime(2026, 11, 23, 9, 0, 0, 500_000, tzinfo=UTC)
SHOP, OPS = IssueRef("github", "acme/shop#9"), IssueRef("jira", "OPS-7")


@pytest.fixture(scope="module")
def said() -> str:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("INTEGRATOR_")}
    done = subprocess.run(COMMAND, env=plain, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


MUST_SAY = [
    r"The service runs on http://127\.0\.0\.1:\d+, with SQLite and two trackers in memory",
    r"08:05  carol: open github:acme/shop#9 “Nobody can pay”",
    r"SetLabels +\+P0 \+emergency  \(because R24, business-stopped, revenue-at-risk\)",
    r"github:acme/shop#9 +MoveTo +Emergency Queue  \(because R21\)",
    r"EditStatus +P0, confirmed by alice",
    r"jira:OPS-7 +SetLabels +\+P1 \+emergency  \(because R24, major-without-easy-workaround\)",
    r"github:acme/shop#10 +SetLabels +\+P3  \(because R24, request, no-impact\)",
    r"SetLabels +\+needs-triage",
    r"12:00  the trackers cannot be reached until 12:20",
    r"12:20:00  jira:OPS-8 +SetLabels",
    r"MoveTo +Done",
    r"Backlog +┃ In Progress +┃ Review +┃ Done +┃ Emergency Queue",
    r"h3\. P1 High",
    r"\d+ signed deliveries taken, \d+ changes made; the service is ready\.",
]


@pytest.mark.parametrize("must", MUST_SAY)
def test_it_shows_what_it_must(said: str, must: str) -> None:
    assert re.search(must, said)


def test_a_customers_command_changes_nothing(said: str) -> None:
    after = said.split("08:09  carol: comment")[1].split("08:12", maxsplit=1)[0]
    assert "SetLabels" not in after and "confirmed" not in after


def test_nothing_happened_while_nobody_could_be_reached(said: str) -> None:
    assert not re.search(r"2026-11-23 12:(0[1-9]|1\d)", said)


def test_kept_it_runs_until_ctrl_c() -> None:
    with subprocess.Popen([*COMMAND, "--keep"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        address = next(m[1] for line in process.stdout if (m := re.search(r"Still running: (http\S+)/metrics", line)))
        assert requests.get(f"{address}/readyz", timeout=5).json() == {"status": "ready"}
        assert "integrator_deliveries_total" in requests.get(f"{address}/metrics", timeout=5).text
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest) == (0, ("stopped\n", ""))


VERBS: dict[str, dict[str, Any]] = {
    "open": {"title": "x"},
    "comment": {"body": "x"},
    "edit": {"comment": 1, "body": "y"},
    "delete": {"comment": 1},
    "label": {"add": ("bug",)},
    "assign": {"to": ("alice",)},
    "close": {},
    "reopen": {},
    "move": {"to": "Review"},
}


def _tracker(ref: IssueRef) -> MemoryTracker:
    tracker = MemoryTracker(ref.tracker, "markdown", ["alice"], Clock(START))
    tracker.open(ref, "carol", "Checkout is down", body="x")
    tracker.comment(ref, "carol", "hello")
    return tracker


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("ref", [SHOP, OPS], ids=["github", "jira"])
def test_its_deliveries_are_taken_by_the_real_receivers(ref: IssueRef, verb: str) -> None:
    event = Event.model_validate({"at": "+0m", "by": "alice", verb: str(ref)} | VERBS[verb])
    issue = _tracker(ref).issue(ref)
    make, receive = (payloads.github, github_hooks.receive) if ref is SHOP else (payloads.jira, jira_hooks.receive)
    post = make(event, issue, "s3cret")
    taken = receive(ref.tracker, post.headers, post.body, ["s3cret"])
    assert isinstance(taken, Delivery), taken
    assert [touch.ref for touch in taken.touches] == [ref]
    assert make(event, issue, "s3cret").headers != post.headers, "another delivery has another id"
