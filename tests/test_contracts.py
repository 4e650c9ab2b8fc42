import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contracts import ROOT, Contracts, Exchange, Kind, Recorder, find_contracts

FOLDER = find_contracts()
needs_contracts = pytest.mark.skipif(FOLDER is None, reason="the official descriptions are not here: docs/contracts.md")

GITHUB = "https://api.github.com"
CLOUD = "https://acme.atlassian.net"
CENTER = "http://127.0.0.1:1/jira"
ISSUE = f"{GITHUB}/repos/acme/shop/issues/12"
PARAGRAPH = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "x"}]}],
}
LABEL = {
    "id": 1,
    "node_id": "L1",
    "url": f"{GITHUB}/l/P0",
    "name": "P0",
    "description": None,
    "color": "f00",
    "default": False,
}
ADD_COMMENT = (
    "mutation($id: ID!, $body: String!) { addComment(input: {subjectId: $id, body: $body}) { subject { id } } }"
)
READ_ISSUE = "query($id: ID!) { node(id: $id) { __typename ... on Issue { number title state closedAt } } }"


def sent(
    kind: Kind, method: str, url: str, body: Any = None, status: int | None = None, answer: Any = None
) -> Exchange:
    media = "" if body is None else "application/json"
    raw = b"" if body is None else json.dumps(body).encode()
    return Exchange(kind, method, url, media, raw, status, "application/json", json.dumps(answer).encode())


def graphql(query: str, variables: Any, answer: Any = None) -> Exchange:
    return sent("github", "POST", f"{GITHUB}/graphql", {"query": query, "variables": variables}, 200, answer)


def node(**fields: Any) -> dict[str, Any]:
    return {"data": {"node": {"__typename": "Issue", "number": 1, "title": "t", "state": "OPEN", **fields}}}


VIOLATIONS = {
    "wrong body": (
        sent("github", "POST", f"{ISSUE}/labels", {"labels": "P0"}),
        "body.labels: 'P0' is not of type 'array'",
    ),
    "body missing": (sent("github", "POST", f"{ISSUE}/comments"), "its body must be application/json"),
    "body unwanted": (sent("github", "GET", ISSUE, {"a": 1}), "takes no body"),
    "form instead of JSON": (
        Exchange("github", "POST", f"{ISSUE}/labels", "application/x-www-form-urlencoded", b"a=b"),
        "not application/x-www-form-urlencoded",
    ),
    "truncated body": (
        Exchange("github", "POST", f"{ISSUE}/labels", "application/json", b'["P'),
        "its body is no JSON",
    ),
    "unknown parameter": (sent("github", "GET", f"{ISSUE}/labels?perpage=9"), "there is no query parameter perpage"),
    "parameter of another type": (
        sent("github", "GET", f"{ISSUE}/labels?per_page=all"),
        "'all' is not of type 'integer'",
    ),
    "parameter twice": (sent("github", "GET", f"{ISSUE}/labels?page=1&page=2"), "is given 2 times"),
    "parameter missing": (sent("github", "GET", f"{GITHUB}/search/issues"), "query parameter q is missing"),
    "no number": (sent("github", "GET", f"{GITHUB}/repos/acme/shop/issues/None"), "path parameter issue_number"),
    "Enterprise prefix": (sent("github", "GET", "https://ghe.example/api/v3/rate_limit?a=1"), "no query parameter a"),
    "answer without a required key": (sent("github", "GET", f"{ISSUE}/labels", None, 200, [{"id": 1}]), "answer 200"),
    "answer of another status": (
        sent("github", "POST", f"{ISSUE}/labels", {"labels": ["P0"]}, 201, [LABEL]),
        "it answered 201",
    ),
    "transition id as a number": (
        sent("jira-cloud", "POST", f"{CLOUD}/rest/api/3/issue/OPS-7/transitions", {"transition": {"id": 21}}),
        "body.transition.id: 21 is not of type 'string'",
    ),
    "startAt in the new search": (
        sent("jira-cloud", "POST", f"{CLOUD}/rest/api/3/search/jql", {"jql": "project = OPS", "startAt": 50}),
        "'startAt' was unexpected",
    ),
    "text where v3 takes a document": (
        sent("jira-cloud", "POST", f"{CLOUD}/rest/api/3/issue/OPS-7/comment", {"body": "hello"}),
        "body.body: 'hello' is not of type 'object'",
    ),
    "document where v2 takes text": (
        sent("jira-dc", "PUT", f"{CENTER}/rest/api/2/issue/OPS-7", {"fields": {"description": PARAGRAPH}}),
        "v2 takes a string",
    ),
    "no such node in a document": (
        sent("jira-cloud", "POST", f"{CLOUD}/rest/api/3/issue/OPS-7/comment", {"body": {**PARAGRAPH, "content": [{}]}}),
        "body.body",
    ),
    "board parameter": (
        sent("jira-dc", "GET", f"{CENTER}/rest/agile/1.0/board/81/issue?limit=1"),
        "there is no query parameter limit",
    ),
    "GraphQL: unknown field": (graphql("{ viewer { nickname } }", {}), "Cannot query field 'nickname'"),
    "GraphQL: unreadable": (graphql("{ viewer {", {}), "can't be read"),
    "GraphQL: no query": (sent("github", "POST", f"{GITHUB}/graphql", {"q": 1}), "holds no query"),
    "GraphQL: by GET": (sent("github", "GET", f"{GITHUB}/graphql"), "POST only"),
    "GraphQL: which operation": (
        graphql("query a { viewer { id } } query b { viewer { id } }", {}),
        "does not name one",
    ),
    "GraphQL: missing variable": (graphql(ADD_COMMENT, {"id": "I1"}), "'$body'"),
    "GraphQL: null variable": (graphql(ADD_COMMENT, {"id": "I1", "body": None}), "'$body'"),
    "GraphQL: undeclared variable": (graphql(READ_ISSUE, {"id": "I1", "n": 1}), "variable $n is sent and not declared"),
    "GraphQL: answer with an unasked key": (
        graphql(READ_ISSUE, {"id": "I1"}, node(closedAt=None, x=1)),
        "data.node.x: nobody",
    ),
    "GraphQL: answer lacks a key": (graphql(READ_ISSUE, {"id": "I1"}, node()), "data.node.closedAt: it was asked for"),
    "GraphQL: answer with another type": (
        graphql(READ_ISSUE, {"id": "I1"}, node(closedAt=None, number="1")),
        "data.node.number: '1' is no Int",
    ),
    "GraphQL: no such enum value": (
        graphql(READ_ISSUE, {"id": "I1"}, node(closedAt=None, state="open")),
        "data.node.state: 'open' is no IssueState",
    ),
    "GraphQL: neither data nor errors": (
        graphql(READ_ISSUE, {"id": "I1"}, {"message": "x"}),
        "neither data nor errors",
    ),
}

FINE = {
    "labels": sent("github", "POST", f"{ISSUE}/labels", {"labels": ["P0"]}, 200, [LABEL]),
    "an extra key in an answer": sent("github", "GET", f"{ISSUE}/labels", None, 200, [{**LABEL, "rationale": "x"}]),
    "a null in an answer": sent("github", "GET", f"{ISSUE}/labels", None, 200, [{**LABEL, "name": None}]),
    "no answer": sent("github", "GET", f"{ISSUE}/labels"),
    "a server's fault": sent("github", "GET", f"{ISSUE}/labels", None, 502, {"oops": 1}),
    "a failure not described": sent("github", "GET", f"{ISSUE}/labels", None, 418, {"oops": 1}),
    "a truncated answer": Exchange("github", "GET", f"{ISSUE}/labels", "", b"", 200, "application/json", b'[{"id"'),
    "an answer that is no JSON": Exchange("github", "GET", f"{ISSUE}/labels", "", b"", 200, "text/html", b"<html>"),
    "an encoded slash": sent("github", "DELETE", f"{ISSUE}/labels/severity%2FP0", None, 404, {"message": "no"}),
    "a path in a path": sent("github", "GET", f"{GITHUB}/repos/a/b/contents/.github/ISSUE_TEMPLATE/x.yml"),
    "a list in one parameter": sent("jira-cloud", "GET", f"{CLOUD}/rest/api/3/issue/OPS-7?fields=summary,labels"),
    "a list in several": sent("jira-cloud", "GET", f"{CLOUD}/rest/api/3/issue/OPS-7?fields=summary&fields=labels"),
    "a boolean as Python writes it": sent("jira-cloud", "GET", f"{CLOUD}/rest/api/3/issue/OPS-7?failFast=True"),
    "a document on v3": sent("jira-cloud", "POST", f"{CLOUD}/rest/api/3/issue/OPS-7/comment", {"body": PARAGRAPH}),
    "a string on v2": sent("jira-dc", "POST", f"{CENTER}/rest/api/2/issue/OPS-7/comment", {"body": "hello"}),
    "through Atlassian's gateway": sent("jira-cloud", "GET", "https://api.atlassian.com/ex/jira/1/rest/api/3/myself"),
    "GraphQL": graphql(READ_ISSUE, {"id": "I1"}, node(closedAt=None)),
    "GraphQL: another type of node": graphql(READ_ISSUE, {"id": "P1"}, {"data": {"node": {"__typename": "Project"}}}),
    "GraphQL: only errors": graphql(READ_ISSUE, {"id": "I1"}, {"errors": [{"message": "RATE_LIMITED"}]}),
    "GraphQL: data beside errors": graphql(READ_ISSUE, {"id": "I1"}, {"data": {"node": None}, "errors": []}),
}

OUTSIDE = {
    sent("github", "GET", f"{GITHUB}/repos/acme/shop/issues/nothing"): "GET /repos/{owner}/{repo}/issues/nothing",
    sent("github", "GET", f"{GITHUB}/repos/acme/shop/nothing/3"): "GET /repos/{owner}/{repo}/nothing/{n}",
    sent("github", "PUT", ISSUE): "PUT /repos/{owner}/{repo}/issues/{n}",
    sent("github", "GET", f"{GITHUB}/orgs/acme/nothing"): "GET /orgs/{name}/nothing",
    sent("jira-dc", "POST", f"{CENTER}/rest/api/2/nothing", {"jql": ""}): "POST /rest/api/2/nothing",
    sent("jira-cloud", "PATCH", f"{CLOUD}/rest/api/3/issue/OPS-7"): "PATCH /rest/api/3/issue/{n}",
    sent("jira-cloud", "GET", f"{CLOUD}/rest/api/3/issue/nothing"): "GET /rest/api/3/issue/nothing",
}


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    assert FOLDER is not None
    return Contracts(FOLDER)


@needs_contracts
@pytest.mark.parametrize(("exchange", "says"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_is_caught(contracts: Contracts, exchange: Exchange, says: str) -> None:
    faults = contracts.judge(exchange).faults
    assert len(faults) == 1
    assert says in faults[0]


@needs_contracts
@pytest.mark.parametrize("exchange", FINE.values(), ids=FINE)
def test_what_is_allowed_passes(contracts: Contracts, exchange: Exchange) -> None:
    verdict = contracts.judge(exchange)
    assert verdict.faults == ()
    assert verdict.outside is None


@needs_contracts
@pytest.mark.parametrize(("exchange", "listed"), OUTSIDE.items(), ids=OUTSIDE.values())
def test_an_operation_outside_the_descriptions_is_listed(contracts: Contracts, exchange: Exchange, listed: str) -> None:
    verdict = contracts.judge(exchange)
    assert verdict.outside == listed
    assert verdict.faults == ()


class _Server(BaseHTTPRequestHandler):
    """Answers everything with an empty list; /user is elsewhere now."""

    def do_GET(self) -> None:
        moved = self.path == "/user"
        body = b"[]"
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "/rate_limit")
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def watched(contracts: Contracts, server: str, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A recorder of the test's own, so that what it finds fails no test; only it knows the server."""
    recorder = Recorder(contracts)
    recorder.register(server, "github")
    monkeypatch.setattr(requests.Session, "send", recorder.watching(requests.Session.send))
    return recorder


@needs_contracts
def test_a_real_exchange_is_seen_with_its_answer(watched: Recorder, server: str) -> None:
    requests.get(f"{server}/rate_limit", timeout=5)
    assert watched.drain() == ["GET /rate_limit: answer 200: [] is not of type 'object'"]
    assert watched.drain() == []
    assert watched.tally.judged == 1


@needs_contracts
def test_every_hop_of_a_redirect_is_judged_alone(watched: Recorder, server: str) -> None:
    requests.get(f"{server}/user", timeout=5)
    assert watched.drain() == ["GET /rate_limit: answer 200: [] is not of type 'object'"]
    assert watched.tally.judged == 2


@needs_contracts
def test_threads_are_seen_too(watched: Recorder, server: str) -> None:
    def ask() -> None:
        for number in range(5):
            requests.get(f"{server}/repos/a/b/issues/{number}/labels?page=x", timeout=5)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watched.tally.judged == 20
    assert len(watched.drain()) == 5


@needs_contracts
def test_a_request_without_an_answer_is_judged(watched: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    watched.register(url, "github")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/rate_limit?a=1", timeout=5)
    assert watched.drain() == ["GET /rate_limit: there is no query parameter a; there are none"]


@needs_contracts
@pytest.mark.parametrize("how", ["marked", "429", "503"])
def test_answers_that_are_broken_on_purpose_are_not_judged(contracts: Contracts, how: str) -> None:
    recorder = Recorder(contracts)
    recorder.answers_are_broken = how == "marked"
    status = 200 if how == "marked" else int(how)
    recorder.judge(sent("github", "GET", f"{ISSUE}/labels?a=1", None, status, {"oops": 1}))
    assert recorder.drain() == [
        "GET /repos/acme/shop/issues/12/labels: there is no query parameter a; there are per_page, page"
    ]


def test_without_the_descriptions_nothing_is_judged(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(None)
    recorder.register(server, "github")
    monkeypatch.setattr(requests.Session, "send", recorder.watching(requests.Session.send))
    requests.get(f"{server}/nowhere", timeout=5)
    assert recorder.drain() == []


def test_a_folder_that_lacks_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "github").mkdir()
    (tmp_path / "github" / "rest.json").write_text("{}")
    assert find_contracts({"CONTRACTS_DIR": str(tmp_path)}) is None


INNER = """
import socket, threading
import pytest, requests, responses

@responses.activate
def test_violates():
    responses.get("https://api.github.com:443/rate_limit", json=[])
    requests.get("https://api.github.com:443/rate_limit")

@responses.activate
def test_lists():
    responses.get("https://api.github.com/nothing", body="z")
    responses.get("https://elsewhere.example/", body="z")
    requests.get("https://api.github.com/nothing")
    requests.get("https://elsewhere.example/")

@pytest.mark.broken_answers
@responses.activate
def test_breaks():
    responses.get("https://api.github.com/rate_limit", json=[])
    requests.get("https://api.github.com/rate_limit")

def test_reaches_out():
    thread = threading.Thread(target=reach)
    thread.start(); thread.join()

def reach():
    try:
        socket.create_connection(("tracker.example", 443), timeout=1)
    except OSError:
        return
"""


@pytest.fixture
def run_inner(tmp_path: Path) -> Callable[..., str]:
    """Runs a small suite of its own under this suite's conftest; answers with what it printed."""

    def run(*options: str, **environ: str) -> str:
        (tmp_path / "test_inner.py").write_text(INNER)
        command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-rA", *options, "test_inner.py"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    return run


@needs_contracts
@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "distributed"])
def test_the_test_that_violates_fails_and_the_end_tells(
    run_inner: Callable[..., str], options: tuple[str, ...]
) -> None:
    said = run_inner(*options)
    assert "ERROR test_inner.py::test_violates - Failed: GET /rate_limit: answer 200: [] is not of type" in said
    assert "ERROR test_inner.py::test_reaches_out - Failed: a test tried to reach tracker.example" in said
    assert said.count("\nERROR ") == 2
    assert "contracts: 2 exchanges judged" in said
    assert "1 against the official descriptions" in said
    assert "  GET /nothing (1)" in said
    assert "  elsewhere.example (1)" in said


def test_without_the_descriptions_one_line_says_so(run_inner: Callable[..., str], tmp_path: Path) -> None:
    said = run_inner(CONTRACTS_DIR=str(tmp_path))
    assert said.count("contracts:") == 1
    assert "contracts: not checked: the official descriptions are not here" in said
    assert "ERROR test_inner.py::test_violates" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_can_be_reached(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection((host, listener.getsockname()[1]), timeout=5).close()
