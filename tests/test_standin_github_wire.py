"""The stand-in GitHub's webhooks, its faults on the wire, and its strictness about what it doesn't know."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from github import GithubException, RateLimitExceededException

from tests.contracts import Recorder, find_contracts
from tests.openapi_contract import Description
from tests.standins.github.client import Clock, app_client, ask, client, errors
from tests.standins.github.faults import Kind
from tests.standins.github.server import GitHubStandIn

FOLDER = find_contracts()
needs_contracts = pytest.mark.skipif(FOLDER is None, reason="GitHub's description is not here: docs/contracts.md")
START = datetime(2026, 11, 23, 9, 0, 0, 0, UTC)
SHOP = "acme/shop"
SECRET = "It's a Secret to Everybody"


@pytest.fixture
def github(recorder: Recorder) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(Clock(START)) as github:
        recorder.register(github.url, "github")
        github.person("alice", "admin", member=True)
        github.person("carol")
        github.repository(SHOP, labels=["bug"])
        github.repository("acme/legacy")
        github.project()
        yield github


class Receiver:
    """Takes deliveries, and answers 202."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(202)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/github"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


# -- webhooks


def test_deliveries_are_signed_and_in_order(github: GitHubStandIn, receiver: Receiver) -> None:
    github.open_issue(SHOP, "carol", "Before anybody listened")
    github.connect(receiver.url, SECRET)
    number = github.open_issue(SHOP, "carol", "Down", None, ["bug"])
    app_client(github).get_repo(SHOP).get_issue(number).create_comment("On it")
    github.settle()
    seen = [(h["x-github-event"], json.loads(b)["action"], json.loads(b)["sender"]["login"]) for h, b in receiver.got]
    assert seen == [
        ("issues", "opened", "carol"),
        ("issues", "labeled", "carol"),
        ("issue_comment", "created", "spark-integrator[bot]"),
    ]
    for headers, body in receiver.got:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature-256"] == f"sha256={digest}"
        assert headers["content-type"] == "application/json"
        assert headers["x-github-hook-id"].isdigit()
    assert [a.status for a in github.deliveries[-1].attempts] == [202]


def test_a_form_is_signed_as_sent_and_an_unsigned_hook_is_not(github: GitHubStandIn, receiver: Receiver) -> None:
    app = github.install_app()
    github.connect(receiver.url, None, "form", app=app)
    github.open_issue(SHOP, "carol", "Dów&n=")
    github.settle()
    ((headers, body),) = receiver.got
    payload = json.loads(parse_qs(body.decode())["payload"][0])
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert "x-hub-signature-256" not in headers
    assert (payload["issue"]["title"], payload["installation"]["id"]) == ("Dów&n=", app.installation_id)


def test_a_redelivery_has_the_same_guid_and_body(github: GitHubStandIn, receiver: Receiver) -> None:
    github.connect(receiver.url, SECRET)
    github.open_issue(SHOP, "carol", "Down")
    github.close(SHOP, 1, "alice")
    github.redeliver(github.deliveries[0].guid)
    github.settle()
    assert [h["x-github-delivery"] for h, _ in receiver.got] == [
        *(d.guid for d in github.deliveries),
        github.deliveries[0].guid,
    ]
    assert receiver.got[0] == receiver.got[2]


def test_a_hook_made_by_the_api_is_pinged_and_hears_its_own_events(github: GitHubStandIn, receiver: Receiver) -> None:
    repo = client(github, "alice").get_repo(SHOP)
    config = {"url": receiver.url, "secret": SECRET, "content_type": "json"}
    hook = repo.create_hook("web", config, ["issues"], active=True)
    assert (hook.config["secret"], [h.id for h in repo.get_hooks()]) == ("********", [hook.id])
    with pytest.raises(GithubException, match="already exists"):
        repo.create_hook("web", config, ["issues"], active=True)
    github.comment(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "hears not")
    github.move_card(SHOP, 1, "alice", "Review")
    github.open_issue("acme/legacy", "carol", "Elsewhere")
    github.settle()
    assert [h["x-github-event"] for h, _ in receiver.got] == ["ping", "issues"]


def everything(github: GitHubStandIn) -> None:
    """Every act that GitHub tells of."""
    github.open_issue(SHOP, "carol", "Down", None, ["bug"])
    comment = github.comment(SHOP, 1, "alice", "/p0")
    github.edit_comment(comment, "alice", "/p1")
    github.delete_comment(comment, "alice")
    github.label(SHOP, 1, "alice", "P0")
    github.unlabel(SHOP, 1, "alice", "bug")
    github.assign(SHOP, 1, "alice", "alice")
    github.unassign(SHOP, 1, "alice", "alice")
    github.edit_body(SHOP, 1, "carol", "No orders")
    github.retitle(SHOP, 1, "carol", "Checkout is down")
    github.move_card(SHOP, 1, "alice", "Review")
    github.move_card(SHOP, 1, "alice", None)
    github.close(SHOP, 1, "alice")
    github.reopen(SHOP, 1, "carol")
    github.comment(SHOP, github.open_pull(SHOP, "alice", "Mend it"), "alice", "on a pull request")
    github.transfer(SHOP, 1, "alice", "acme/legacy")


def everything_on_boards(github: GitHubStandIn) -> None:
    card = github.draft("An idea", "alice", "Done", "Some day")
    github.edit_draft(card, "alice", "Tomorrow")
    github.place_card(card, "alice", None)
    number = github.convert_draft(card, "alice", SHOP)
    for archived in (True, False):
        github.archive_card(SHOP, number, archived)
    github.remove_card(SHOP, number, "alice")
    field = github.issue_field("Effort", "number")
    for value in (3, None):
        github.acts.set_issue_fields(github._issue(SHOP, number), "alice", {field: value})


@cache
def payloads() -> Description:
    """GitHub's webhook bodies, each as an answer that can be judged as leniently as answers are."""
    assert FOLDER is not None
    document = json.loads((FOLDER / "github/rest.json").read_bytes())
    paths = {}
    for name, item in document["x-webhooks"].items():
        content = item["post"]["requestBody"]["content"]
        paths[f"/{name}"] = {"post": {"operationId": name, "responses": {"200": {"content": content}}}}
    return Description({"paths": paths, "components": document["components"]})


def faults(event: str, payload: dict[str, Any]) -> list[str]:
    name = "-".join(filter(None, (event, payload.get("action", "")))).replace("_", "-")
    operation = payloads().find("POST", f"/{name}")
    assert operation is not None, name
    return list(payloads().answer_faults(operation, 200, "application/json", json.dumps(payload).encode()))


@needs_contracts
def test_every_payload_is_as_github_describes_it(github: GitHubStandIn) -> None:
    everything(github)
    everything_on_boards(github)
    config = {"url": "https://x.example/hook", "content_type": "json"}
    client(github, "alice").get_repo(SHOP).create_hook("web", config, ["issues"])
    told = {(d.event, d.action) for d in github.deliveries}
    issue_acts = {"opened", "labeled", "unlabeled", "assigned", "unassigned", "edited", "closed", "reopened"}
    assert {action for event, action in told if event == "issues"} == issue_acts | {
        "transferred",
        "field_added",
        "field_removed",
    }
    card_acts = {"created", "edited", "reordered", "converted", "archived", "restored", "deleted"}
    assert {action for event, action in told if event == "projects_v2_item"} == card_acts
    assert {(d.event, d.action, f) for d in github.deliveries for f in faults(d.event, d.payload)} == set()


@needs_contracts
def test_a_payload_that_github_would_not_send_is_found(github: GitHubStandIn) -> None:
    github.open_issue(SHOP, "carol", "Down")
    payload = github.deliveries[0].payload
    payload["issue"]["number"] = "one"
    del payload["sender"]
    assert len(faults("issues", payload)) >= 1


def test_a_card_names_no_issue_and_says_from_where_to_where(github: GitHubStandIn) -> None:
    everything(github)
    moves = [d.payload for d in github.deliveries if (d.event, d.action) == ("projects_v2_item", "edited")]
    changes = [m["changes"]["field_value"] for m in moves]
    assert [(c["from"] and c["from"]["name"], c["to"] and c["to"]["name"]) for c in changes] == [
        (None, "Review"),
        ("Review", None),
    ]
    assert {"repository", "issue"}.isdisjoint(moves[0])
    assert moves[0]["projects_v2_item"]["content_node_id"].startswith("I_")


def test_a_persons_project_tells_nobody(github: GitHubStandIn) -> None:
    github.project("alice", 2, owner_kind="User")
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review", project=2)
    assert {d.event for d in github.deliveries} == {"issues"}


# -- faults

Act = Callable[[GitHubStandIn], None]


def add_comment(github: GitHubStandIn) -> None:
    client(github, "alice", timeout=1).get_repo(SHOP).get_issue(1).create_comment("once")


FAULTS: dict[Kind, tuple[type[Exception] | tuple[type[Exception], ...], int]] = {
    Kind.RESET_BEFORE: (requests.ConnectionError, 0),
    Kind.RESET_AFTER: (requests.ConnectionError, 1),
    Kind.BAD_GATEWAY_BEFORE: (GithubException, 0),
    Kind.BAD_GATEWAY_AFTER: (GithubException, 1),
    Kind.TOO_MANY: (GithubException, 0),
    Kind.SECONDARY_LIMIT: (RateLimitExceededException, 0),
    Kind.PRIMARY_LIMIT: (RateLimitExceededException, 0),
    Kind.SILENT_BEFORE: (requests.ReadTimeout, 0),
    Kind.SILENT_AFTER: (requests.ReadTimeout, 1),
    Kind.TRUNCATED: (requests.exceptions.RequestException, 1),
    Kind.DELAY: (requests.ReadTimeout, 1),
}


@pytest.mark.broken_answers
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_strikes_once_before_or_after_the_work(kind: Kind, github: GitHubStandIn) -> None:
    error, comments = FAULTS[kind]
    github.open_issue(SHOP, "carol", "Down")
    fault = github.fault(lambda method, path, body: path.endswith("/comments"), kind, retry_after=1, seconds=1.05)
    with pytest.raises(error):
        add_comment(github)
    assert (fault.hits, len(github.issue(SHOP, 1).comments)) == (1, comments)
    add_comment(github)
    assert len(github.issue(SHOP, 1).comments) == comments + 1


@pytest.mark.broken_answers
def test_garbage_has_the_status_of_a_good_answer(github: GitHubStandIn) -> None:
    github.open_issue(SHOP, "carol", "Down")
    github.fault(lambda method, *_: method == "POST", Kind.GARBAGE)
    comment = client(github, "alice").get_repo(SHOP).get_issue(1).create_comment("once")
    assert set(comment.raw_data) == {"data"}  # PyGithub takes what is no JSON for a text
    assert len(github.issue(SHOP, 1).comments) == 1


@pytest.mark.broken_answers
def test_a_drip_defeats_the_read_timeout(github: GitHubStandIn) -> None:
    github.fault(lambda *_: True, Kind.DRIP, seconds=0.2)
    headers = {"Authorization": f"token {github.token('alice')}"}
    began = time.monotonic()
    with requests.get(f"{github.url}/repos/{SHOP}", headers=headers, timeout=0.5, stream=True) as answer:
        assert len(answer.raw.read(4)) == 4
    assert time.monotonic() - began > 0.55


@pytest.mark.parametrize("retry_after", [None, 30])
def test_a_limit_says_or_does_not_say_how_long(retry_after: int | None, github: GitHubStandIn) -> None:
    github.fault(lambda *_: True, Kind.TOO_MANY, retry_after=retry_after)
    answer = requests.get(f"{github.url}/user", timeout=5)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, retry_after and str(retry_after))


def test_graphql_says_rate_limited_with_status_200(github: GitHubStandIn) -> None:
    github.fault(lambda method, path, body: "viewer" in body["query"], Kind.GRAPHQL_RATE_LIMITED)
    gh = client(github, "alice")
    assert [e["type"] for e in errors(gh, "{ viewer { login } }")] == ["RATE_LIMITED"]
    assert ask(gh, "{ viewer { login } }") == {"viewer": {"login": "alice"}}


def test_an_hours_allowance_ends_and_returns(github: GitHubStandIn, recorder: Recorder) -> None:
    github.quotas["core"].limit = 1
    gh = client(github, "alice")
    gh.get_repo(SHOP)
    with pytest.raises(RateLimitExceededException):
        gh.get_repo(SHOP)
    assert gh.get_rate_limit().resources.core.remaining == 0
    clock = github.world.clock
    assert isinstance(clock, Clock)
    clock.pass_by(3600)
    gh.get_repo(SHOP)


# -- what it doesn't know

UNKNOWN: dict[str, tuple[str, str, Any]] = {
    "a path": ("GET", "/repos/acme/shop/milestones", None),
    "a method": ("DELETE", "/repos/acme/shop", None),
    "a parameter": ("GET", "/repos/acme/shop/issues?filter=all", None),
    "a key": ("POST", "/repos/acme/shop/issues", {"title": "x", "severity": "P0"}),
    "a filter": ("GET", "/orgs/acme/projectsV2/1/items?q=assignee:alice", None),
    "a field": ("POST", "/graphql", {"query": '{ repository(owner: "acme", name: "shop") { severity } }'}),
    "an argument": ("POST", "/graphql", {"query": '{ user(login: "alice", id: 1) { id } }'}),
    "an input field": (
        "POST",
        "/graphql",
        {"query": 'mutation { closeIssue(input: {issueId: "x", why: "y"}) { clientMutationId } }'},
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_it_does_not_know_is_an_error_and_remembered(name: str) -> None:
    method, path, body = UNKNOWN[name]
    with GitHubStandIn() as github:  # not registered: these requests are wrong on purpose
        github.person("alice", "write")
        github.repository(SHOP)
        github.project()
        headers = {"Authorization": f"bearer {github.token('alice')}"}
        answer = requests.request(method, github.url + path, json=body, headers=headers, timeout=5)
        assert answer.status_code == (200 if path == "/graphql" else 404)
        assert "errors" in answer.json() or "does not know" in answer.json()["message"]
        assert len(github.unexpected) == 1
        assert (github.requests[-1].path, github.requests[-1].body) == (path.partition("?")[0], body)


def test_old_servers_take_no_option_ids(github: GitHubStandIn) -> None:
    github.option_ids = False
    query = 'query { __type(name: "ProjectV2SingleSelectFieldOptionInput") { inputFields { name } } }'
    fields = ask(client(github, "alice"), query)["__type"]["inputFields"]
    assert {f["name"] for f in fields} == {"name", "color", "description"}


def test_credentials_are_asked_for(github: GitHubStandIn) -> None:
    for headers in ({}, {"Authorization": "token wrong"}):
        assert requests.get(f"{github.url}/repos/{SHOP}", headers=headers, timeout=5).status_code == 401
        asked = {"query": "{ viewer { login } }"}
        assert requests.post(f"{github.url}/graphql", json=asked, headers=headers, timeout=5).status_code == 401


def test_requests_are_remembered(github: GitHubStandIn) -> None:
    gh = client(github, "alice", github.enterprise_url)
    ask(gh, 'query { me: viewer { login } repository(owner: "acme", name: "shop") { id } }')
    gh.get_repo(SHOP).create_label("P0", "ff0000")
    kept = [(r.method, r.path, r.status, r.operation, r.fields, r.is_write) for r in github.requests]
    assert kept == [
        ("POST", "/graphql", 200, "query", (("me", "viewer"), ("repository", "repository")), False),
        ("GET", f"/repos/{SHOP}", 200, "", (), False),
        ("POST", f"/repos/{SHOP}/labels", 201, "", (), True),
    ]
