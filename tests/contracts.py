"""The contract recorder: every HTTP exchange of the suite, judged by the platforms' official descriptions.

Where the descriptions come from: docs/contracts.md.
"""

import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.graphql_contract import Schema
from tests.openapi_contract import Description, Operation, schema_faults

Kind = Literal["github", "jira-cloud", "jira-dc"]
Send = Callable[..., requests.Response]

ROOT = Path(__file__).resolve().parent.parent
_FILES = (
    "github/rest.json",
    "github/schema.graphql",
    "github/schema.extra.graphql",
    "jira/platform.json",
    "jira/software.json",
    "jira/adf.json",
)
_BROKEN = 500  # from this status on, and at 429, an answer is a fault and says nothing about shapes


def find_contracts(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder with the official descriptions; None where any of them is missing."""
    folder = Path(environ.get("CONTRACTS_DIR") or ROOT.parent / "shared" / "contracts")
    return folder if all((folder / name).is_file() for name in _FILES) else None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came back. `media` is a content type without its parameters; `status` None: no answer."""

    kind: Kind
    method: str
    url: str
    media: str = ""
    body: bytes = b""
    status: int | None = None
    answer_media: str = ""
    answer: bytes = b""

    @property
    def path(self) -> str:
        """The path as the descriptions name it, still percent-encoded: without /api/v3 or a site's own prefix."""
        path = urlsplit(self.url).path
        if self.kind == "github":
            return re.sub(r"^/api(/v3)?(?=/)", "", path)
        return path[max(path.find("/rest/"), 0) :]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with an exchange; `outside` names an operation that the descriptions don't hold."""

    faults: tuple[str, ...] = ()
    outside: str | None = None


class Contracts:
    """The official descriptions, each loaded when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loading = threading.RLock()

    def judge(self, exchange: Exchange, answers: bool = True) -> Verdict:
        """Judge one exchange; without `answers` its request only."""
        github, graphql, jira, adf = self.load(exchange)
        if graphql:
            return Verdict(tuple(_graphql_faults(graphql, exchange, answers)))
        path = exchange.path.replace("/rest/api/2/", "/rest/api/3/", 1) if jira else exchange.path
        for description in github or jira:
            operation = description.find(exchange.method, path)
            if operation:
                faults = [*_rest_faults(description, operation, exchange, answers)]
                faults += _text_faults(operation, exchange, adf) if jira else ()
                return Verdict(tuple(faults))
        return Verdict(outside=f"{exchange.method} {_nameless(exchange.path)}")

    def load(self, exchange: Exchange) -> tuple[list[Description], Schema | None, list[Description], Any]:
        """What an exchange is judged by: GitHub's REST or GraphQL description, or Jira's two and its documents'."""
        with self._loading:  # cached properties have no lock of their own
            if exchange.kind != "github":
                return [], None, self._jira, self._adf
            return self._github, self._graphql if exchange.path == "/graphql" else None, [], None

    @cached_property
    def _github(self) -> list[Description]:
        return [Description(self._load("github/rest.json"))]

    @cached_property
    def _jira(self) -> list[Description]:
        return [Description(self._load("jira/platform.json")), Description(self._load("jira/software.json"))]

    @cached_property
    def _graphql(self) -> Schema:
        names = ("github/schema.graphql", "github/schema.extra.graphql")
        return Schema("\n".join((self._folder / name).read_text("utf-8") for name in names))

    @cached_property
    def _adf(self) -> Any:
        return self._load("jira/adf.json")

    def _load(self, name: str) -> Any:
        return json.loads((self._folder / name).read_bytes())


def _rest_faults(description: Description, op: Operation, exchange: Exchange, answers: bool) -> Iterator[str]:
    query = parse_qsl(urlsplit(exchange.url).query, keep_blank_values=True)
    yield from description.request_faults(op, query, exchange.media, exchange.body)
    if answers and exchange.status is not None:
        yield from description.answer_faults(op, exchange.status, exchange.answer_media, exchange.answer)


def _graphql_faults(schema: Schema, exchange: Exchange, answers: bool) -> Iterator[str]:
    if exchange.method != "POST":
        yield "GraphQL takes POST only"
        return
    body, answer = _json(exchange.body), _json(exchange.answer)
    yield from schema.request_faults(body)
    if answers and exchange.status == requests.codes.ok and answer is not None and isinstance(body, dict):
        yield from schema.answer_faults(body, answer)


def _text_faults(op: Operation, exchange: Exchange, adf: Any) -> Iterator[str]:
    """Long texts are strings on v2 and documents (ADF) on v3; the description itself leaves them open."""
    document = "/rest/api/3/" in exchange.url
    for where, text in _long_texts(op.id, _json(exchange.body)):
        if document:
            yield from schema_faults(f"body.{where}", adf, text)
        elif not isinstance(text, str):
            yield f"body.{where}: v2 takes a string, not a document"


def _long_texts(operation: str, body: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(body, dict):
        return
    if operation in {"addComment", "updateComment"} and "body" in body:
        yield "body", body["body"]
    if operation in {"createIssue", "editIssue", "doTransition"}:
        fields, update = body.get("fields") or {}, body.get("update") or {}
        yield from ((f"fields.{name}", fields[name]) for name in ("description", "environment") if fields.get(name))
        for act in update.get("comment", ()) if isinstance(update, dict) else ():
            yield from ((f"update.comment.{verb}", how["body"]) for verb, how in act.items() if "body" in how)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _nameless(path: str) -> str:
    """A path without what differs from issue to issue, so that a listing stays short."""
    path = re.sub(r"^/(repos)/[^/]+/[^/]+", r"/\1/{owner}/{repo}", path)
    path = re.sub(r"^/(orgs|users)/[^/]+", r"/\1/{name}", path)
    return re.sub(r"(?<!/api)/(\d+|[A-Z][A-Z0-9_]*-\d+)(?=/|$)", "/{n}", path)


@dataclass
class Tally:
    """What a session's recorder saw, as it is told at the end."""

    judged: int = 0
    faulty: int = 0
    seconds: float = 0.0
    outside: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Take in what another process saw."""
        self.judged += other.judged
        self.faulty += other.faulty
        self.seconds += other.seconds
        self.outside += other.outside
        self.strangers += other.strangers

    def lines(self) -> Iterator[str]:
        """The session's report, in a few lines."""
        each = 1000 * self.seconds / self.judged if self.judged else 0.0
        yield f"{self.judged} exchanges judged ({each:.1f} ms each), {self.faulty} against the official descriptions"
        if self.outside:
            yield f"{self.outside.total()} more called operations that the descriptions here don't hold:"
            yield from (f"  {name} ({count})" for name, count in sorted(self.outside.items()))
        if self.strangers:
            yield "to hosts that no test registered as GitHub or Jira, so not judged:"
            yield from (f"  {host} ({count})" for host, count in sorted(self.strangers.items()))


_PUBLIC: dict[str, Kind] = {"api.github.com": "github", "api.atlassian.com": "jira-cloud"}


class Recorder:
    """Judges every exchange that it is shown, from any thread; `drain` gives the violations since the last time."""

    def __init__(self, contracts: Contracts | None) -> None:
        self.contracts = contracts
        self.tally = Tally()
        self.answers_are_broken = False
        self._hosts = dict(_PUBLIC)
        self._violations: list[str] = []
        self._lock = threading.Lock()

    def register(self, base_url: str, kind: Kind) -> None:
        """Say that what this process sends to a base URL is meant for a tracker of this kind.

        A stand-in whose clients live in other processes calls `judge` with every exchange instead.
        """
        self._hosts[urlsplit(base_url).netloc] = kind

    def forget(self) -> None:
        """Take all registrations back: the next server may be given the port of one that has gone."""
        self._hosts = dict(_PUBLIC)

    def judge(self, exchange: Exchange) -> None:
        """Judge an exchange; the test that is running fails if it violates a description."""
        if self.contracts is None:
            return
        self.contracts.load(exchange)
        began = time.thread_time()
        broken = self.answers_are_broken or exchange.status == requests.codes.too_many_requests
        verdict = self.contracts.judge(exchange, answers=not broken and (exchange.status or 0) < _BROKEN)
        with self._lock:
            self.tally.seconds += time.thread_time() - began
            self.tally.judged += verdict.outside is None
            self.tally.faulty += bool(verdict.faults)
            if verdict.outside:
                self.tally.outside[verdict.outside] += 1
            self._violations += [f"{exchange.method} {exchange.path}: {fault}" for fault in verdict.faults]

    def drain(self) -> list[str]:
        """The violations since the last call, each once."""
        with self._lock:
            found, self._violations = list(dict.fromkeys(self._violations)), []
        return found

    def watching(self, send: Send) -> Send:
        """`requests.Session.send`, with every exchange shown to this recorder."""

        def watched(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            try:
                response = send(session, request, **kwargs)
            except requests.RequestException:
                self._see(request, None)
                raise
            self._see(request, response.history[0] if response.history else response)
            return response

        return watched

    def _see(self, request: requests.PreparedRequest, response: requests.Response | None) -> None:
        host = urlsplit(request.url or "").netloc
        kind = self._kind(host)
        if kind is not None:
            self.judge(_exchange(kind, request, response))
        elif self.contracts is not None:
            with self._lock:
                self.tally.strangers[host.partition(":")[0]] += 1

    def _kind(self, host: str) -> Kind | None:
        if host in self._hosts:
            return self._hosts[host]
        name = host.partition(":")[0]
        return "jira-cloud" if name.endswith(".atlassian.net") else self._hosts.get(name)


def _exchange(kind: Kind, request: requests.PreparedRequest, response: requests.Response | None) -> Exchange:
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    asked = (kind, request.method or "", request.url or "", _media(request.headers), body)
    # An answer that is streamed and not read yet can't be judged without taking it from its reader.
    if response is None or getattr(response, "_content", b"") is False:
        return Exchange(*asked)
    return Exchange(*asked, response.status_code, _media(response.headers), response.content)


def _media(headers: Mapping[str, str | bytes]) -> str:
    value = headers.get("Content-Type") or ""
    return (value if isinstance(value, str) else value.decode("latin-1")).partition(";")[0].strip().lower()
