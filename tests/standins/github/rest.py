"""The REST API: a table of the requests that the stand-in knows. Whatever is not in it is an error that tests see."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlencode

from tests.standins.github.access import Access, App, Caller, Refused
from tests.standins.github.acts import Acts
from tests.standins.github.board import Board
from tests.standins.github.faults import Answer
from tests.standins.github.records import Comment, Issue, Label, Repository
from tests.standins.github.shapes import Json, Shapes
from tests.standins.github.webhooks import Hub
from tests.standins.github.world import View, World

DOCS = "https://docs.github.com/rest"


class Unexpected(Exception):
    """A request that the stand-in was not made for: perhaps a mistake of the client, perhaps a gap here."""


@dataclass
class Call:
    """One request and all that answers it. `view` is what reads see, which may be a moment old; writes see `now`.

    `searched` is what searches find, which may be older still. `lists_items`: whether REST knows boards at all.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    authorization: str | None
    api: str
    world: World
    view: View
    access: Access
    acts: Acts
    board: Board
    hub: Hub
    quotas: Callable[[], Json]
    searched: View
    lists_items: bool = True

    @cached_property
    def caller(self) -> Caller:
        return self.access.caller(self.authorization)

    @cached_property
    def app(self) -> App:
        return self.access.app(self.authorization)

    @property
    def shapes(self) -> Shapes:
        return Shapes(self.view, self.api)

    @property
    def by(self) -> str:
        return self.caller.login

    def repository(self, owner: str, name: str) -> Repository:
        found = self.world.repositories.get(f"{owner}/{name}".lower())
        if found is None or not self.access.sees(self.caller, found):
            raise Refused(404, "Not Found")
        return found

    def issue(self, repo: Repository, number: str) -> Issue:
        found = self.view.numbered(repo, int(number))
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def comment(self, repo: Repository, number: str) -> tuple[Comment, Issue]:
        comment = self.view.comment(int(number))
        issue = self.view.issue(comment.issue_id) if comment else None
        if comment is None or issue is None or issue.repo_id != repo.id:
            raise Refused(404, "Not Found")
        return comment, issue

    def label(self, repo: Repository, name: str) -> Label:
        found = self.world.label_named(repo, name)
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def require(self, repo: Repository, role: str, app_permission: str = "issues", level: str = "write") -> None:
        self.access.require(self.caller, repo, role, app_permission, level)


Handler = Callable[..., Answer]


@dataclass(frozen=True)
class Route:
    """`query` and `body` are all the names that the request may carry."""

    method: str
    template: str
    handler: Handler
    query: frozenset[str] = frozenset()
    body: frozenset[str] = frozenset()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        text = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", self.template)
        text = re.sub(r"\{(number|project_number|\w+_id)\}", r"(?P<\1>[0-9]+)", text)
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text))


def route(method: str, template: str, handler: Handler, query: str = "", body: str = "") -> Route:
    return Route(method, template, handler, frozenset(query.split()), frozenset(body.split()))


def ok(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    text = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    return Answer(status, text, dict(headers or {}))


def invalid(resource: str, field: str, code: str, message: str | None = None) -> Answer:
    fault = {"resource": resource, "field": field, "code": code} | ({"message": message} if message else {})
    body = {"message": "Validation Failed", "errors": [fault], "documentation_url": DOCS, "status": "422"}
    return ok(body, 422)


def refusal(status: int, message: str) -> Answer:
    return ok({"message": message, "documentation_url": DOCS, "status": str(status)}, status)


def answer(call: Call, routes: Sequence[Route]) -> Answer:
    """Find the route, hold the request against it, run it. Unexpected: the request is none that is known."""
    for each in routes:
        found = each.pattern.fullmatch(call.path) if each.method == call.method else None
        if found is None:
            continue
        _hold(call, each)
        names = {name: unquote(value) for name, value in found.groupdict().items()}
        try:
            with call.world.lock:
                return each.handler(call, **names)
        except Refused as no:
            return refusal(no.status, no.message)
    raise Unexpected(f"{call.method} {call.path} is not known")


def _hold(call: Call, each: Route) -> None:
    """Names that the route doesn't have are a mistake of the client or a gap of the stand-in: never passed over."""
    if strange := set(call.query) - each.query:
        raise Unexpected(f"{call.method} {call.path}: unknown parameters {sorted(strange)}")
    if isinstance(call.body, Mapping) and (strange := set(call.body) - each.body):
        raise Unexpected(f"{call.method} {call.path}: unknown keys {sorted(strange)}")


def paged(call: Call, rows: Sequence[Any], write: Callable[[Any], Any]) -> Answer:
    """`page` and `per_page` (30 unless asked for, at most 100), with the Link header that clients follow."""
    size = min(int(call.query.get("per_page", 30)), 100)
    number = int(call.query.get("page", 1))
    last = max(1, -(-len(rows) // size))

    def link(to: int, rel: str) -> str:
        query = urlencode({**call.query, "per_page": size, "page": to})
        return f'<{call.api}{call.path}?{query}>; rel="{rel}"'

    links = [link(number - 1, "prev")] if number > 1 else []
    if number < last:
        links += [link(number + 1, "next"), link(last, "last")]
    shown = rows[(number - 1) * size : number * size]
    return ok([write(x) for x in shown], headers={"Link": ", ".join(links)} if links else {})
