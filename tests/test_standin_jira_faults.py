"""The stand-in Jira's deliveries and faults: what travels, what is signed, what breaks and what then was done."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from tests.contracts import Contracts, Recorder, find_contracts
from tests.standins.jira.acme import acme
from tests.standins.jira.client import Clock, asking
from tests.standins.jira.faults import FaultKind
from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import Product

PRODUCTS: tuple[Product, ...] = ("cloud", "data-center")
START = datetime(2026, 11, 23, 9, 0, 0, 123456, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture(params=PRODUCTS)
def site(request: pytest.FixtureRequest, clock: Clock, recorder: Recorder) -> Iterator[JiraStandIn]:
    with acme(product=request.param, clock=clock, retry_pause=0.01) as site:
        recorder.register(site.url, "jira-cloud" if site.cloud else "jira-dc")
        yield site
    assert site.unexpected == []


@pytest.fixture
def contracts() -> Contracts:
    folder = find_contracts()
    if folder is None:
        pytest.skip("the official descriptions are not here (CONTRACTS_DIR); see docs/contracts.md")
    return Contracts(folder)


def test_deliveries_have_the_platforms_shapes(site: JiraStandIn) -> None:
    key = site.create_issue("OPS", "carol", "One", labels=["form"])
    first = site.comment(key, "alice", "Hello")
    site.transition(key, "alice", "In Progress")
    site.assign(key, "alice", "bob")
    site.delete_comment(key, "alice", first)
    bodies = [delivery.json for delivery in site.deliveries]
    told = [
        (b["webhookEvent"], b.get("issue_event_type_name"), "changelog" in b, "user" in b, "issue" in b) for b in bodies
    ]
    if site.cloud:
        assert told == [
            ("jira:issue_created", "issue_created", True, True, True),
            ("comment_created", None, False, False, True),
            ("jira:issue_updated", "issue_generic", True, True, True),
            ("jira:issue_updated", "issue_assigned", True, True, True),
            ("comment_deleted", None, False, False, True),
        ]
        assert set(bodies[1]["issue"]["fields"]) == {
            "summary",
            "issuetype",
            "project",
            "assignee",
            "priority",
            "status",
        }
        assert bodies[0]["changelog"]["items"][0]["field"] == "Status"
    else:
        assert told == [
            ("jira:issue_created", "issue_created", False, True, True),
            ("comment_created", None, False, False, False),
            ("jira:issue_updated", "issue_commented", False, True, True),
            ("jira:issue_updated", "issue_work_started", True, True, True),
            ("jira:issue_updated", "issue_assigned", True, True, True),
            ("comment_deleted", None, False, False, False),
            ("jira:issue_updated", "issue_comment_deleted", False, True, True),
        ]
        assert f"/issue/{site.issue(key).id}/comment/" in bodies[1]["comment"]["self"]
    assert bodies[0]["timestamp"] == int(START.timestamp() * 1000)
    assert bodies[0]["issue"]["fields"]["status"]["statusCategory"]["name"] == "New"
    assert "/rest/api/2/" in bodies[0]["issue"]["self"]


class Listener(BaseHTTPRequestHandler):
    """Answers 503 first and 202 then, and keeps what it was sent."""

    got: list[tuple[dict[str, str], bytes]] = []  # noqa: RUF012 - emptied by the test that uses it

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(503 if len(self.got) == 1 else 202)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


def test_deliveries_are_signed_posted_and_tried_again(site: JiraStandIn) -> None:
    Listener.got.clear()
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True).start()
    site.create_issue("OPS", "carol", "Before connecting: told to nobody")
    site.connect(f"http://127.0.0.1:{receiver.server_port}/webhooks/jira", "secret")
    asking(site)("PUT", "api/2/issue/OPS-1", {"fields": {"labels": ["P0"]}})
    site.settle()
    site.redeliver(site.deliveries[1].id)
    site.settle()
    receiver.shutdown()
    receiver.server_close()
    heads, sent = zip(*Listener.got, strict=True)
    assert set(sent) == {site.deliveries[1].body}
    assert all(
        h["x-hub-signature"] == "sha256=" + hmac.new(b"secret", b, hashlib.sha256).hexdigest() for h, b in Listener.got
    )
    assert site.deliveries[1].attempts == ([503, 202, 202] if site.cloud else [503, 202])
    retries = [None, "1", None] if site.cloud else [None, None]
    assert [h.get("x-atlassian-webhook-retry") for h in heads] == retries
    assert {h.get("x-atlassian-webhook-identifier") for h in heads} == {site.deliveries[1].id if site.cloud else None}


# What the client meets, and whether the comment is there afterwards.
FAULTS: list[tuple[FaultKind, type[Exception] | int, int]] = [
    ("reset-before", requests.ConnectionError, 0),
    ("reset-after", requests.ConnectionError, 1),
    ("502-before", 502, 0),
    ("502-after", 502, 1),
    ("429", 429, 0),
    ("429-bare", 429, 0),
    ("503", 503, 0),
    ("drip", requests.ReadTimeout, 1),
    ("truncated", requests.exceptions.ChunkedEncodingError, 1),
    ("garbage", requests.exceptions.JSONDecodeError, 1),
    ("timeout", requests.ReadTimeout, 0),
    ("timeout-after", requests.ReadTimeout, 1),
    ("delay", 201, 1),
]


@pytest.mark.broken_answers
@pytest.mark.parametrize(("kind", "meets", "comments"), FAULTS)
def test_faults(recorder: Recorder, kind: FaultKind, meets: type[Exception] | int, comments: int) -> None:
    with acme() as site:
        recorder.register(site.url, "jira-cloud")
        key = site.create_issue("OPS", "carol", "One")
        path = f"/rest/api/2/issue/{key}/comment"
        fault = site.fault(lambda m, p, b: (m, p, b) == ("POST", path, {"body": "x"}), kind, seconds=0.3, retry_after=7)
        post: dict[str, Any] = {"json": {"body": "x"}, "auth": site.credentials("integrator"), "timeout": 0.2}
        if kind == "delay":
            post["timeout"] = 5
        if isinstance(meets, int):
            answer = requests.post(site.url + path, **post)
            assert answer.status_code == meets
            assert answer.headers.get("Retry-After") == ("7" if kind in ("429", "503") else None)
            assert answer.headers.get("RateLimit-Reason") == ("jira-burst-based" if kind == "429" else None)
        else:
            with pytest.raises(meets):
                requests.post(site.url + path, **post).json()
        assert fault.used == 1
        assert len(site.issue(key).comments) == comments
        post["timeout"] = 5
        assert requests.post(site.url + path, **post).status_code == 201
        assert [r.fault for r in site.requests] == [kind, None]


def test_stopping_frees_the_port_and_ends_slow_answers(clock: Clock) -> None:
    site = acme(clock=clock).start()
    port = int(site.url.rpartition(":")[2])
    site.fault(lambda *_: True, "timeout", seconds=60)
    hanging = threading.Thread(target=_expect_no_answer, args=(site.url,))
    hanging.start()
    while not site.requests:
        time.sleep(0.005)
    site.stop()
    hanging.join(timeout=5)
    assert not hanging.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    site.create_issue("OPS", "carol", "Opened while the API was away")
    with site.start(port):
        assert site.url.endswith(f":{port}")
        assert asking(site)("GET", "api/2/issue/OPS-1")["key"] == "OPS-1"


def _expect_no_answer(url: str) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/rest/api/2/myself", timeout=30)


def test_clients_in_other_processes_are_judged_too(contracts: Contracts) -> None:
    recorder = Recorder(contracts)
    with acme().judged_by(recorder) as site:
        site.create_issue("OPS", "carol", "One")
        proof = base64.b64encode(":".join(site.credentials("integrator")).encode()).decode()
        connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=5)
        for transition in ("51", 51):
            body = json.dumps({"transition": {"id": transition}})
            head = {"Authorization": f"Basic {proof}", "Content-Type": "application/json"}
            connection.request("POST", "/rest/api/2/issue/OPS-1/transitions", body, head)
            connection.getresponse().read()
        connection.close()
    assert recorder.tally.judged == 2
    assert len(recorder.drain()) == 1
