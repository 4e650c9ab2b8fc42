"""Every answer of `POST /webhooks/<tracker>`, and that nothing is stored that should not be."""

import asyncio
import hashlib
import hmac
import http.client
import io
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication

import pytest
from flask import Flask
from flask.testing import FlaskClient
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]
from structlog.testing import capture_logs
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from mapping.issue import IssueRef
from tests.rsgi_client import PIECE, Exchange, Headers, RsgiClient, Scope
from webhooks import github, jira
from webhooks.delivery import Delivery, NotStored
from webhooks.payload import FORM, JSON
from webhooks.receiver import BODY_TAKES, LARGEST, PATIENCE, Receiver, Reception
from webhooks.rsgi import LARGE_AT_ONCE, Door
from webhooks.wsgi import blueprint

Client = FlaskClient | RsgiClient

PAYLOADS = Path(__file__).parent / "payloads"
CURRENT, PREVIOUS = "current secret", "previous secret"
OURS = {"acme/shop", "acme/billing", "OPS", "PAY"}
ISSUE = (PAYLOADS / "github" / "issues.opened__issue_form.json").read_bytes()
JIRA_ISSUE = (PAYLOADS / "jira" / "issue_updated__transition.json").read_bytes()


@dataclass
class Shelf:
    """Keeps deliveries in a list, once each, until it is full."""

    kept: list[tuple[str, Delivery]] = field(default_factory=list)
    counted: list[tuple[str, str, str]] = field(default_factory=list)
    full: bool = False

    def accept(self, tracker: str, delivery: Delivery) -> bool:
        if self.full:
            raise NotStored("disk full at /var/lib/secret-place", retry_after=7)
        new = all(delivery.id != other.id for _, other in self.kept)
        if new:
            self.kept.append((tracker, delivery))
        return new

    def heard(self, tracker: str, event: str, answer: str) -> None:
        self.counted.append((tracker, event, answer))


def spelled(ref: IssueRef) -> IssueRef:
    """As app.yaml has it: in small letters, on GitHub."""
    return IssueRef(ref.tracker, ref.key.lower()) if ref.tracker == "github" else ref


def receivers() -> dict[str, Receiver]:
    def watches(ref: IssueRef) -> bool:
        return ref.container in OURS

    return {
        "github": Receiver("github", github.receive, (CURRENT, PREVIOUS), watches, spelled),
        "jira": Receiver("jira", jira.receive, (CURRENT, PREVIOUS), watches, spelled),
    }


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def app(shelf: Shelf) -> Flask:
    app = Flask(__name__)
    app.register_blueprint(blueprint(Reception(receivers(), shelf.heard), shelf.accept))
    return app


@pytest.fixture(params=["wsgi", "rsgi"])
def client(request: pytest.FixtureRequest, app: Flask, shelf: Shelf) -> Client:
    """Both ways in."""
    if request.param == "wsgi":
        return app.test_client()
    return door(shelf, others=app)


@pytest.fixture
def wsgi(app: Flask) -> FlaskClient:
    return app.test_client()


def signature(body: bytes, secret: str = CURRENT) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def from_github(body: bytes, **change: str | None) -> dict[str, str]:
    headers: dict[str, str | None] = {
        "Content-Type": JSON,
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": "guid-1",
        "X-Hub-Signature-256": signature(body),
    }
    headers |= {name.replace("_", "-"): value for name, value in change.items()}
    return {name: value for name, value in headers.items() if value is not None}


def from_jira(body: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=UTF-8",
        "X-Hub-Signature": signature(body),
        "X-Atlassian-Webhook-Identifier": "guid-2",
    }


def payload(tracker: str, case: str) -> bytes:
    return (PAYLOADS / tracker / f"{case}.json").read_bytes()


def answered(response: TestResponse, status: int, **document: str) -> None:
    assert (response.status_code, response.get_json()) == (status, document)


def test_stored_then_already_had(client: Client, shelf: Shelf) -> None:
    for says in ("stored", "already had", "already had"):
        answered(client.post("/webhooks/github", data=ISSUE, headers=from_github(ISSUE)), 202, answer=says)
    answered(client.post("/webhooks/jira", data=JIRA_ISSUE, headers=from_jira(JIRA_ISSUE)), 202, answer="stored")
    assert [(tracker, delivery.id, str(delivery.touches[0].ref)) for tracker, delivery in shelf.kept] == [
        ("github", "guid-1", "github:acme/shop#12"),
        ("jira", "acme.atlassian.net:guid-2", "jira:OPS-7"),
    ]
    assert shelf.counted == [
        ("github", "issues.opened", "stored"),
        ("github", "issues.opened", "already had"),
        ("github", "issues.opened", "already had"),
        ("jira", "jira:issue_updated", "stored"),
    ]


def test_second_accepted_secret(client: Client, shelf: Shelf) -> None:
    headers = from_github(ISSUE, X_Hub_Signature_256=signature(ISSUE, PREVIOUS))
    answered(client.post("/webhooks/github", data=ISSUE, headers=headers), 202, answer="stored")
    assert len(shelf.kept) == 1


def test_form_encoded_body_is_verified_as_it_was_sent(client: Client, shelf: Shelf) -> None:
    body = urlencode({"payload": ISSUE.decode()}).encode()
    response = client.post("/webhooks/github", data=body, headers=from_github(body, Content_Type=FORM))
    answered(response, 202, answer="stored")
    assert str(shelf.kept[0][1].touches[0].ref) == "github:acme/shop#12"


@dataclass(frozen=True)
class Refused:
    """A request that must leave nothing behind: how it differs from a good one, and its answer."""

    status: int
    error: str
    says: str
    body: bytes = ISSUE
    signed: bytes | None = None
    change: dict[str, str | None] = field(default_factory=dict)
    path: str = "/webhooks/github"


REFUSED = {
    "forged": Refused(
        401, "matches no accepted secret", "unauthorized", change={"X_Hub_Signature_256": signature(ISSUE, "guess")}
    ),
    "unsigned": Refused(401, "not signed", "unauthorized", change={"X_Hub_Signature_256": None}),
    "signed as Jira does": Refused(
        401, "not signed", "unauthorized", change={"X_Hub_Signature_256": None, "X_Hub_Signature": signature(ISSUE)}
    ),
    "non-ascii signature": Refused(
        401, "matches no accepted secret", "unauthorized", change={"X_Hub_Signature_256": "sha256=ÿé"}
    ),
    "truncated": Refused(401, "matches no accepted secret", "unauthorized", body=ISSUE[:-20], signed=ISSUE),
    "truncated before it was signed": Refused(400, "not JSON", "malformed", body=ISSUE[:-20]),
    "empty": Refused(400, "not JSON", "malformed", body=b""),
    "not JSON": Refused(400, "not JSON", "malformed", body=b"Hello, World!"),
    "no issue": Refused(400, "payload's issue is missing", "malformed", body=b'{"action": "opened"}'),
    "no delivery id": Refused(400, "X-GitHub-Delivery", "malformed", change={"X_GitHub_Delivery": None}),
    "no event": Refused(400, "X-GitHub-Event", "malformed", change={"X_GitHub_Event": None}),
    "text": Refused(415, "content type", "wrong content type", change={"Content_Type": "text/plain"}),
    "multipart": Refused(
        415, "content type", "wrong content type", change={"Content_Type": "multipart/form-data; boundary=x"}
    ),
    "no content type": Refused(415, "content type", "wrong content type", change={"Content_Type": None}),
    "26 MB": Refused(413, "larger than 26214400 bytes", "too large", body=b" " * 26 * 1024 * 1024),
    "one byte over": Refused(413, "larger than 26214400 bytes", "too large", body=b" " * (LARGEST + 1)),
    "just not over, and no JSON": Refused(400, "not JSON", "malformed", body=b" " * LARGEST),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_stored(case: str, client: Client, shelf: Shelf) -> None:
    row = REFUSED[case]
    headers = from_github(row.body if row.signed is None else row.signed, **row.change)
    response = client.post(row.path, data=row.body, headers=headers)
    assert response.status_code == row.status
    assert response.mimetype == "application/json"
    assert list(response.get_json()) == ["error"]
    assert row.error in response.get_json()["error"]
    assert not shelf.kept
    assert shelf.counted == [("github", "unknown", row.says)]


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("terminated", [True, False])
def test_a_body_of_no_declared_length(extra: int, terminated: bool, wsgi: FlaskClient, shelf: Shelf) -> None:
    """A server that doesn't promise an end to the stream can't be trusted with one: the body is taken as empty."""
    body = b" " * (LARGEST + extra)
    response = wsgi.post(
        "/webhooks/github",
        input_stream=io.BytesIO(body),
        headers=from_github(body, Transfer_Encoding="chunked"),
        environ_overrides={"wsgi.input_terminated": True} if terminated else {},
    )
    assert response.status_code == ((413 if extra else 400) if terminated else 401)
    assert not shelf.kept


def test_a_body_that_ends_before_its_declared_length(wsgi: FlaskClient, shelf: Shelf) -> None:
    more = {"CONTENT_LENGTH": str(len(ISSUE) + 10)}
    stream = io.BytesIO(ISSUE)
    response = wsgi.post("/webhooks/github", input_stream=stream, headers=from_github(ISSUE), environ_overrides=more)
    answered(response, 400, error="the body ended early")
    assert not shelf.kept


HEARD = {
    ("github", "ping", "ping__organization"): "ping",
    ("github", "issue_comment", "issue_comment.created__on_pull_request"): "issue_comment.created",
    ("github", "teleport", "teleport.started__unknown_event"): "unknown",
    ("github", "issues", "issues.beamed_up__unknown_action"): "unknown",
    ("github", "issues", "issues.labeled__user_repository"): "issues.labeled",
    ("jira", "", "user_deleted__anomalous"): "user_deleted",
    ("jira", "", "teleport_started__unknown_event"): "unknown",
}


@pytest.mark.parametrize(("tracker", "event", "case"), HEARD)
def test_heard_and_ignored(tracker: str, event: str, case: str, client: Client, shelf: Shelf) -> None:
    body = payload(tracker, case)
    headers = from_github(body, X_GitHub_Event=event) if tracker == "github" else from_jira(body)
    response = client.post(f"/webhooks/{tracker}", data=body, headers=headers)
    assert (response.status_code, response.get_json()["answer"]) == (202, "ignored")
    assert response.get_json()["because"]
    assert not shelf.kept
    assert shelf.counted == [(tracker, HEARD[tracker, event, case], "ignored")]


def test_only_the_issues_that_are_ours_are_handed_on(client: Client, shelf: Shelf) -> None:
    moved = json.loads(payload("github", "issues.transferred__to_another_repository"))
    moved["changes"]["new_repository"]["full_name"] = "elsewhere/shop"
    body = json.dumps(moved).encode()
    answered(client.post("/webhooks/github", data=body, headers=from_github(body)), 202, answer="stored")
    assert [str(touch.ref) for touch in shelf.kept[0][1].touches] == ["github:acme/shop#12"]


def test_an_issue_named_by_its_id_alone_is_handed_on(client: Client, shelf: Shelf) -> None:
    body = payload("jira", "comment_created__data_center_without_issue")
    answered(client.post("/webhooks/jira", data=body, headers=from_jira(body)), 202, answer="stored")
    assert [str(touch.ref) for touch in shelf.kept[0][1].touches] == ["jira:10007"]


def test_not_stored_says_when_to_try_again(client: Client, shelf: Shelf) -> None:
    shelf.full = True
    response = client.post("/webhooks/github", data=ISSUE, headers=from_github(ISSUE))
    answered(response, 503, error="it could not be stored; send it again")
    assert response.headers["Retry-After"] == "7"
    assert shelf.counted == [("github", "issues.opened", "not stored")]
    shelf.full = False
    answered(client.post("/webhooks/github", data=ISSUE, headers=from_github(ISSUE)), 202, answer="stored")


@pytest.mark.parametrize("name", ["gitlab", "GitHub", "%3Cscript%3Ealert(1)", "x" * 500])
def test_unknown_tracker(name: str, client: Client, shelf: Shelf) -> None:
    response = client.post(f"/webhooks/{name}", data=ISSUE, headers=from_github(ISSUE))
    assert response.status_code == 404
    assert response.get_json()["error"].startswith("no tracker is called")
    assert "<" not in response.text
    assert len(response.text) < 120
    assert shelf.counted == [("unknown", "unknown", "unknown tracker")]


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_only_post(method: str, client: Client, shelf: Shelf) -> None:
    response = getattr(client, method)("/webhooks/github")
    assert response.status_code == 405
    assert not shelf.counted


def test_one_line_is_logged_and_it_keeps_the_secrets(client: Client) -> None:
    body = payload("github", "teleport.started__unknown_event")
    forged = from_github(ISSUE, X_Hub_Signature_256=signature(ISSUE, "guess"))
    with capture_logs() as lines:
        client.post("/webhooks/github", data=ISSUE, headers=from_github(ISSUE))
        client.post("/webhooks/github", data=body, headers=from_github(body, X_GitHub_Event="teleport"))
        client.post("/webhooks/github", data=ISSUE, headers=forged)
    assert [(line["log_level"], line["event_name"], line["delivery"], line["answer"]) for line in lines] == [
        ("info", "issues.opened", "guid-1", "stored"),
        ("info", "teleport.started", "guid-1", "ignored"),
        ("warning", "", "", "unauthorized"),
    ]
    written = json.dumps(lines)
    for hidden in (CURRENT, PREVIOUS, signature(ISSUE), signature(ISSUE, "guess"), "Checkout is down"):
        assert hidden not in written


def test_the_line_names_what_a_delivery_is_about(client: Client, shelf: Shelf) -> None:
    card = payload("github", "projects_v2_item.edited__without_values")
    strange = ISSUE.replace(b"acme/shop", b"acme/toys")
    with capture_logs() as lines:
        client.post("/webhooks/github", data=ISSUE, headers=from_github(ISSUE))
        client.post("/webhooks/jira", data=JIRA_ISSUE, headers=from_jira(JIRA_ISSUE))
        client.post("/webhooks/github", data=card, headers=from_github(card, X_GitHub_Event="projects_v2_item"))
        client.post("/webhooks/github", data=strange, headers=from_github(strange))
        shelf.full = True
        client.post("/webhooks/github", data=ISSUE, headers=from_github(ISSUE))
    assert [(line["answer"], line.get("issue"), line.get("board")) for line in lines] == [
        ("stored", "github:acme/shop#12", None),
        ("stored", "jira:OPS-7", None),
        ("already had", None, "github:board"),
        ("ignored", "github:acme/toys#12", None),
        ("not stored", "github:acme/shop#12", None),
    ]


def test_a_receiver_never_shows_its_secrets() -> None:
    assert CURRENT not in repr(receivers())


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    """The app behind a real server on a free port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(5)


def posted(port: int, body: bytes, chunked: bool) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    pieces = (body[at : at + 2**20] for at in range(0, len(body), 2**20))
    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
    connection.request("POST", "/webhooks/github", pieces, from_github(body) | length, encode_chunked=chunked)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


@pytest.mark.parametrize("chunked", [True, False])
def test_over_a_socket(chunked: bool, port: int, shelf: Shelf) -> None:
    """The sender of a large body, busy sending, still hears the answer."""
    assert posted(port, b" " * 26 * 1024 * 1024, chunked)[0] == 413
    assert not shelf.kept
    assert posted(port, ISSUE, chunked) == (202, {"answer": "stored"})
    assert len(shelf.kept) == 1


class Endless:
    """A body without end that counts what was taken of it."""

    taken = 0

    def read(self, size: int) -> bytes:
        self.taken += size
        return b" " * size


@pytest.mark.parametrize(
    ("declared", "at_most"),
    [
        ({"wsgi.input_terminated": True}, PATIENCE),
        ({"CONTENT_LENGTH": str(PATIENCE + 1)}, 0),
        ({"CONTENT_LENGTH": str(10**15), "wsgi.input_terminated": True}, 0),
    ],
)
def test_patience_ends(declared: dict[str, Any], at_most: int, wsgi: FlaskClient, shelf: Shelf) -> None:
    stream = Endless()
    overrides = {"wsgi.input": stream, **declared}
    response = wsgi.post("/webhooks/github", headers=from_github(b""), environ_overrides=overrides)
    assert response.status_code == 413
    assert stream.taken <= at_most
    assert not shelf.kept


def door(
    shelf: Shelf,
    accept: Callable[[str, Delivery], Awaitable[bool]] | None = None,
    others: WSGIApplication | None = None,
    body_takes: float = BODY_TAKES,
) -> RsgiClient:
    async def onto_the_shelf(tracker: str, delivery: Delivery) -> bool:
        return shelf.accept(tracker, delivery)

    received, others = Reception(receivers(), shelf.heard), others or Flask(__name__)
    return RsgiClient(Door(received, accept or onto_the_shelf, others, body_takes))


PIECEMEAL = {
    "as large as may be": (b" " * LARGEST, None, 400, LARGEST),
    "a byte too large, read on": (b" " * (LARGEST + 1), None, 413, LARGEST + PIECE),
    "nobody listens any more": (b" " * (PATIENCE + 2 * PIECE), None, 413, PATIENCE + PIECE),
    "cut off": (b"abc", ProtocolClosed(), 400, PIECE),
    "garbled": (b"", ProtocolError(), 400, 0),
}


@pytest.mark.parametrize("case", PIECEMEAL)
def test_granian_hands_a_body_of_no_declared_length_over_in_pieces(case: str, shelf: Shelf) -> None:
    body, error, status, taken = PIECEMEAL[case]
    exchange = Exchange(body, error)
    assert door(shelf).exchange("POST", "/webhooks/github", exchange, from_github(body)).status_code == status
    assert exchange.taken == taken
    assert not shelf.kept


def test_granian_hands_a_body_of_no_declared_length_over(shelf: Shelf) -> None:
    answer = door(shelf).exchange("POST", "/webhooks/github", Exchange(ISSUE), from_github(ISSUE))
    answered(answer, 202, answer="stored")


@pytest.mark.parametrize(("declared", "status"), [(LARGEST, 400), (LARGEST + 1, 400), (PATIENCE + 1, 413)])
def test_a_body_that_ends_before_its_declared_length_from_granian(declared: int, status: int, shelf: Shelf) -> None:
    exchange = Exchange(b"", ProtocolClosed())
    headers = from_github(b"", Content_Length=str(declared))
    assert door(shelf).exchange("POST", "/webhooks/github", exchange, headers).status_code == status
    assert shelf.counted == [("github", "unknown", "malformed" if status == 400 else "too large")]


def test_a_fault_of_ours_is_logged_and_shows_nothing_of_itself(shelf: Shelf) -> None:
    async def accept(tracker: str, delivery: Delivery) -> bool:
        raise RuntimeError("hidden detail")

    with capture_logs() as lines:
        answer = door(shelf, accept).post("/webhooks/github", data=ISSUE, headers=from_github(ISSUE))
    answered(answer, 500, error="internal server error")
    assert [(line["event"], line["log_level"], line["path"]) for line in lines] == [
        ("a request failed", "error", "/webhooks/github")
    ]


def test_a_body_that_does_not_come_is_not_waited_for(shelf: Shelf) -> None:
    class Slow(Exchange):
        async def __call__(self) -> bytes:
            await asyncio.sleep(60)
            return self.body

    quick = door(shelf, body_takes=0.05)
    answer = quick.exchange("POST", "/webhooks/github", Slow(ISSUE), from_github(ISSUE, Content_Length=str(len(ISSUE))))
    answered(answer, 408, error="the body was not there in 0.05 s")
    assert answer.headers["Connection"] == "close"
    assert shelf.counted == [("github", "unknown", "too slow")]


def test_few_large_bodies_are_read_at_once(shelf: Shelf) -> None:
    together: list[int] = []

    class Large(Exchange):
        async def __call__(self) -> bytes:
            together.append(together[-1] + 1 if together else 1)
            await asyncio.sleep(0.01)
            together.append(together[-1] - 1)
            return b"{}"

    async def many() -> None:
        app = door(shelf)._door
        declared = Headers({"content-length": str(LARGEST)})
        scopes = [(Scope("POST", "/webhooks/github", declared), Large(b"")) for _ in range(3 * LARGE_AT_ONCE)]
        await asyncio.gather(*(app.__rsgi__(*one) for one in scopes))

    asyncio.run(many())
    assert max(together) == LARGE_AT_ONCE


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whether_the_process_lives_is_told_without_a_thread(method: str, shelf: Shelf) -> None:
    def nobody(environ: object, start: object) -> list[bytes]:
        raise AssertionError("it was asked of Flask")

    answer = door(shelf, others=nobody).exchange(method, "/healthz", Exchange(b""), {})
    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})


def test_a_path_that_is_none_is_not_found(shelf: Shelf) -> None:
    with capture_logs() as lines:
        answered(door(shelf).exchange("GET", "//[", Exchange(b""), {}), 404, error="not found")
    assert lines == []
