"""The stand-in GitHub: a real HTTP server on 127.0.0.1, for the real client libraries."""

import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.contracts import Exchange, Recorder
from tests.standins.github import rest_admin, rest_boards, rest_deliveries, rest_issues
from tests.standins.github.access import App, Refused
from tests.standins.github.faults import Answer, Fault, Kind, Match, instead, send
from tests.standins.github.graph_base import Asking
from tests.standins.github.graph_run import run
from tests.standins.github.planners import Planners
from tests.standins.github.rest import Call, Unexpected, answer, ok, refusal
from tests.standins.github.shapes import Json
from tests.standins.github.webhooks import Delivery, Hook, Target, signed
from tests.standins.github.world import Clock, View

ROUTES = (*rest_admin.ROUTES, *rest_deliveries.ROUTES, *rest_issues.ROUTES, *rest_boards.ROUTES)


def real_time() -> datetime:
    return datetime.now(UTC)


@dataclass
class Request:
    """One request as it came, and the status that went back (0: none). `path` is without `/api/v3`.

    For GraphQL: the operation, and alias and field of everything asked for at the root.
    """

    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int = 0
    operation: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def is_write(self) -> bool:
        return self.operation == "mutation" if self.path == "/graphql" else self.method != "GET"


@dataclass
class Quota:
    """An hour's allowance of one kind of request."""

    clock: Clock
    limit: int = 5000
    used: int = 0
    since: datetime | None = None

    def spend(self, cost: int) -> None:
        now = self.clock()
        if self.since is None or now >= self.since + timedelta(hours=1):
            self.since, self.used = now, 0
        self.used = min(self.limit, self.used + cost)

    @property
    def resets_at(self) -> datetime:
        return (self.since or self.clock()) + timedelta(hours=1)

    @property
    def left(self) -> int:
        return self.limit - self.used if self.clock() < self.resets_at else self.limit

    def shown(self) -> Json:
        reset = int(self.resets_at.timestamp())
        return {"limit": self.limit, "used": self.limit - self.left, "remaining": self.left, "reset": reset}

    def headers(self, resource: str) -> dict[str, str]:
        return {f"x-ratelimit-{name}": str(v) for name, v in self.shown().items()} | {"x-ratelimit-resource": resource}


class GitHubStandIn(Planners):
    """GitHub for a test: `with GitHubStandIn() as github`. Clients go to `url`, or to `enterprise_url` (GHES' layout).

    `lag`: API reads see issues, comments and cards as they were so many seconds ago; `search_lag`: REST finds cards as
    they were so many seconds ago; `lists_items`: whether it knows boards at all, as older GHES don't.
    `references_after`: so many seconds after a text mentioned an issue, that issue shows it. `option_ids`: whether
    updateProjectV2Field takes an option's id. `unexpected`: whatever the stand-in was not made for.
    """

    def __init__(self, clock: Clock = real_time) -> None:
        super().__init__(clock)
        self.lag = 0.0
        self.search_lag = 0.0
        self.lists_items = True
        self.option_ids = True
        self.requests: list[Request] = []
        self.unexpected: list[str] = []
        self.faults: list[Fault] = []
        self.quotas = {"core": Quota(clock), "graphql": Quota(clock), "search": Quota(clock, 30)}
        self.closing = threading.Event()
        self._recorder: Recorder | None = None
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.enterprise_url = f"{self.url}/api/v3"
        self.acts.api = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def judged_by(self, recorder: Recorder) -> None:
        """Show every exchange to the contract recorder: for clients in other processes, which it can't see itself."""
        self._recorder = recorder

    def judge(self, exchange: Exchange, answer: Answer, fault: Fault | None) -> None:
        """A fault's answer is no answer of GitHub's; only its request is judged."""
        if self._recorder is not None:
            status = answer.status if fault is None or fault.kind is Kind.DELAY else None
            judged = replace(exchange, status=status, answer_media="application/json", answer=answer.body)
            self._recorder.judge(judged)

    def stop(self) -> None:
        self.closing.set()
        self.hub.close()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    # -- webhooks

    @property
    def deliveries(self) -> list[Delivery]:
        return self.hub.deliveries

    def connect(
        self,
        url: str,
        secret: str | None,
        content_type: str = "json",
        repo: str = "*",
        app: App | None = None,
    ) -> Hook:
        """Deliveries from now on are posted there, in order: an organisation's hook, with `app` that app's own."""
        installation = {"id": app.installation_id, "node_id": "MDIzOkludGVncmF0aW9u"} if app else None
        target: Target = "integration" if app else "organization"
        return self.hub.add_hook(
            target, repo, url, secret, content_type, ("*",), self.world.now(), installation=installation
        )

    def redeliver(self, guid: str) -> None:
        self.hub.redeliver(guid)

    def settle(self) -> None:
        """Wait until every delivery queued so far was posted and answered."""
        self.hub.settle()

    def signed(self, guid: str, hook: Hook) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery, for a test that posts it itself."""
        return signed(hook, next(d for d in self.deliveries if d.guid == guid))

    # -- knobs

    @property
    def status_events(self) -> bool:
        return self.board.status_events

    @status_events.setter
    def status_events(self, written: bool) -> None:
        self.board.status_events = written

    @property
    def references_after(self) -> float:
        return self.acts.references_after

    @references_after.setter
    def references_after(self, seconds: float) -> None:
        self.acts.references_after = seconds

    def fault(
        self, match: Match, kind: Kind, times: int = 1, retry_after: int | None = None, seconds: float = 1.0
    ) -> Fault:
        """The next `times` requests for which `match(method, path, body)` is true go wrong; `hits` counts them."""
        made = Fault(match, kind, times, retry_after, seconds)
        self.faults.append(made)
        return made

    # -- answering

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], raw: bytes
    ) -> tuple[Request, Answer, Fault | None]:
        """What goes back, and the fault that is to spoil it."""
        given = {name.lower(): value for name, value in headers.items()}
        parts = urlsplit(target)
        path = "/graphql" if parts.path == "/api/graphql" else parts.path.removeprefix("/api/v3")
        api = self.enterprise_url if parts.path.startswith("/api/") else self.url
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body, is_json = _json(raw)
        request = Request(self.world.instant(), method, path, query, body)
        with self.world.lock:
            self.requests.append(request)
            fault = next((f for f in self.faults if f.strikes(method, path, body)), None)
        self.board.run_due()
        early = instead(fault, self.world.clock) if fault else None
        if early is not None:
            return request, early, fault
        if not is_json:
            return request, refusal(400, "Problems parsing JSON"), fault
        return request, self._work(request, given.get("authorization"), api, fault.kind if fault else None), fault

    def _work(self, request: Request, authorization: str | None, api: str, fault: Kind | None) -> Answer:
        resource = "graphql" if request.path == "/graphql" else "core"
        quota = self.quotas[resource]
        try:
            if quota.left <= 0 and request.path != "/rate_limit":
                done = self._limited(resource)
            elif resource == "graphql":
                done = self._graphql(request, authorization, fault)
            else:
                done = self._rest(request, authorization, api)
        except Refused as no:
            done = refusal(no.status, no.message)
        except Unexpected as strange:
            self.unexpected.append(str(strange))
            done = refusal(404, f"The stand-in does not know this: {strange}")
        except Exception as bug:
            self.unexpected.append(f"{request.method} {request.path}: {bug!r}")
            done = refusal(500, f"The stand-in failed: {bug!r}")
        request.status = done.status
        return Answer(done.status, done.body, quota.headers(resource) | done.headers)

    def _limited(self, resource: str) -> Answer:
        message = "API rate limit exceeded"
        if resource == "graphql":
            return ok({"errors": [{"type": "RATE_LIMITED", "message": message}]})
        return refusal(403, message)

    def _rest(self, request: Request, authorization: str | None, api: str) -> Answer:
        if request.path != "/rate_limit":
            self.quotas["core"].spend(1)
        view = View.behind(self.world, self.lag if request.method == "GET" else 0)
        call = Call(
            method=request.method,
            path=request.path,
            query=request.query,
            body=request.body if request.body is not None else {},
            authorization=authorization,
            api=api,
            world=self.world,
            view=view,
            access=self.access,
            acts=self.acts,
            board=self.board,
            hub=self.hub,
            quotas=lambda: {name: quota.shown() for name, quota in self.quotas.items()},
            searched=View.behind(self.world, max(self.lag, self.search_lag)),
            lists_items=self.lists_items,
        )
        with self.world.lock:
            return answer(call, ROUTES)

    def _graphql(self, request: Request, authorization: str | None, fault: Kind | None) -> Answer:
        if request.method != "POST":
            raise Unexpected(f"{request.method} /graphql")
        caller, quota = self.access.caller(authorization), self.quotas["graphql"]
        quota.spend(1)
        shown = {"limit": quota.limit, "remaining": quota.left, "used": quota.used, "resetAt": quota.resets_at}
        with self.world.lock:
            view = View.behind(self.world, self.lag)
            asking = Asking(self.world, view, caller, self.access, self.acts, self.board, shown)
            asking.after = fault is Kind.PARTIAL_AFTER
            is_broken = fault in {Kind.PARTIAL_BEFORE, Kind.PARTIAL_AFTER}
            reply = run(asking, request.body, self.option_ids, is_broken)
        quota.spend(asking.cost - 1)
        request.operation, request.fields = reply.operation, reply.fields
        self.unexpected += [f"GraphQL: {x}" for x in reply.strange]
        return ok(reply.body, 200 if "data" in reply.body or "errors" in reply.body else 400)


def _json(raw: bytes) -> tuple[Any, bool]:
    if not raw:
        return None, True
    try:
        return json.loads(raw), True
    except ValueError:
        return None, False


class _Server(ThreadingHTTPServer):
    """Keeps its connections, so that closing it ends them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, github: GitHubStandIn) -> None:
        self.github = github
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's fault."""

    def hang_up(self) -> None:
        for connection in tuple(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        patience = time.monotonic() + 2
        while self.open and time.monotonic() < patience:
            time.sleep(0.005)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:  # killed while it asked
            self.close_connection = True
            return
        github = self.server.github
        request, answer, fault = github.answer(self.command, self.path, dict(self.headers), raw)
        answer.headers.setdefault("Date", format_datetime(github.world.clock(), usegmt=True))
        request.status = send(self, answer, fault, github.closing)
        media = (self.headers.get("Content-Type") or "").partition(";")[0]
        github.judge(Exchange("github", self.command, github.url + self.path, media, raw), answer, fault)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's own names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        """Nothing: `requests` tells it all."""
