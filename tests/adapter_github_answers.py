"""GitHub's answers as the adapter's tests script them: what an issue looks like, and a GraphQL endpoint on a script."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests
import responses

from adapters.github import GitHubTracker, Token
from mapping.issue import IssueRef

API = "https://api.github.com:443"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SHOP = "acme/shop"
PAGE = {"hasNextPage": False, "endCursor": None}
OPTIONS = ("Backlog", "In Progress", "Review", "Done", "Emergency Queue")

Json = dict[str, Any]
Reply = Json | tuple[int, Mapping[str, str], str | Json] | Exception
Handler = Reply | Callable[[Json], Reply]


def ref(number: int, repository: str = SHOP) -> IssueRef:
    return IssueRef("github", f"{repository}#{number}")


def actor(login: str | None, kind: str = "User") -> Json | None:
    return {"__typename": kind, "login": login} if login else None


def connection(nodes: Sequence[Json], cursor: str | None = None) -> Json:
    return {"pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor}, "nodes": list(nodes)}


def issue(number: int, **changes: Any) -> Json:
    """Fragment I of an issue that nothing happened to yet."""
    plain = {
        "id": f"I_{number}",
        "number": number,
        "title": "Checkout is down",
        "body": "Nobody can pay.",
        "url": f"https://github.com/{SHOP}/issues/{number}",
        "createdAt": "2026-11-23T08:00:00Z",
        "updatedAt": "2026-11-23T08:30:00Z",
        "closedAt": None,
        "lastEditedAt": None,
        "viewerDidAuthor": False,
        "author": actor("Carol"),
        "labels": {"nodes": []},
        "assignees": {"nodes": []},
        "comments": connection([]),
        "timelineItems": connection([]),
        "projectItems": {"nodes": []},
    }
    return plain | changes


def comment(name: str, by: Json | None, body: str = "Hello", **changes: Any) -> Json:
    plain = {
        "id": f"IC_{name}",
        "body": body,
        "createdAt": "2026-11-23T08:10:00Z",
        "lastEditedAt": None,
        "viewerDidAuthor": False,
        "author": by,
        "editor": None,
        "reactionGroups": [reaction("EYES")],
    }
    return plain | changes


def reaction(content: str, at: str | None = None, ours: bool = False) -> Json:
    """A group of reactions: `at` is when the first of them was given."""
    return {"content": content, "createdAt": at, "viewerHasReacted": ours}


def opened(number: int, body: str, by: str = "spark-bot", repository: str = SHOP, **changes: Any) -> Json:
    """Fragment O of an issue that somebody (usually we) opened because of another one."""
    plain = {
        "number": number,
        "createdAt": "2026-11-23T08:40:00Z",
        "closedAt": None,
        "viewerDidAuthor": by == "spark-bot",
        "author": actor(by),
        "body": body,
        "repository": {"nameWithOwner": repository},
    }
    return plain | changes


def mentioned(source: Json | None) -> Json:
    """Another issue (or, empty, a pull request) mentions this one."""
    return {"__typename": "CrossReferencedEvent", "source": source}


def event(kind: str, name: str = "1", by: Json | None = None, **rest: Any) -> Json:
    plain = {"__typename": kind, "id": f"E_{name}", "createdAt": "2026-11-23T08:20:00Z", "actor": by}
    return plain | rest


def moved(project: Json | None, to: str = "Done", came_from: str = "Review", **changes: Any) -> Json:
    """A card's Status was changed."""
    return event("ProjectV2ItemStatusChangedEvent", status=to, previousStatus=came_from, project=project, **changes)


def card(status: str | None, project: str = "PVT_1", archived: bool = False) -> Json:
    value = {"name": status, "updatedAt": "2026-11-23T08:25:00Z"} if status else None
    return {"id": "PVTI_1", "isArchived": archived, "project": {"id": project}, "fieldValueByName": value}


def board(options: Sequence[str] = OPTIONS, fields: Sequence[Json] = ()) -> Json:
    given = [{"id": f"o-{n}", "name": n, "color": "GRAY", "description": ""} for n in options]
    status = {"id": "F_1", "options": given}
    return {"projectV2": {"id": "PVT_1", "title": "Work", "field": status, "fields": {"nodes": list(fields)}}}


def field(name: str, kind: str = "TEXT", options: Sequence[str] = (), **changes: Any) -> Json:
    """A field of the project, as the PROJECT part shows it."""
    plain: Json = {"id": f"F_{name}", "name": name, "dataType": kind}
    plain |= {"options": [{"id": f"o-{n}", "name": n} for n in options]} if kind == "SINGLE_SELECT" else {}
    return plain | changes


def labels(*names: str) -> Json:
    return connection([{"id": f"LA_{name}", "name": name} for name in names])


def read_answer(*issues: Json | None, numbers: Sequence[int] = (), **rest: Any) -> Json:
    """The answer to a read of one repository; `numbers` names the aliases where an issue is null."""
    shown = dict(zip(numbers or [i["number"] for i in issues if i], issues, strict=True))
    aliases = {f"i{number}": value for number, value in shown.items()}
    repository = {"nameWithOwner": SHOP, "labels": labels("P0", "P1", "emergency"), **aliases}
    return {"data": {"viewer": {"login": "spark-bot"}, "board": board(), "r0": repository, **rest}}


class GitHub:
    """api.github.com on a script: GraphQL requests are answered in turn, REST by path. Keeps what it was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.asked: list[Json] = []
        self.script: list[Handler] = []
        self.headers: list[Mapping[str, str]] = []
        mock.add_callback("POST", f"{API}/graphql", self._graphql, content_type="application/json")

    def will(self, *handlers: Handler) -> "GitHub":
        self.script += handlers
        return self

    def people(self, *logins: str, repository: str = SHOP, status: int = 200) -> "GitHub":
        body = [{"login": login} for login in logins] if status == 200 else {"message": "Must have push access"}
        self.mock.get(f"{API}/repos/{repository}/collaborators", json=body, status=status)
        return self

    @property
    def queries(self) -> list[str]:
        return [body["query"] for body in self.asked]

    @property
    def count(self) -> int:
        return len(self.mock.calls)

    def _graphql(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], str]:
        body = json.loads(request.body or "")
        self.asked.append(body)
        self.headers.append(request.headers)
        assert self.script, f"nobody expected {body['query']}"
        handler = self.script.pop(0)
        reply = handler(body) if callable(handler) else handler
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, tuple):
            status, headers, text = reply
            return status, headers, text if isinstance(text, str) else json.dumps(text)
        return 200, {}, json.dumps(_only_asked(reply, body["query"]))


def _only_asked(reply: Json, query: str) -> Json:
    """The parts of a canned read answer that this query asked for."""
    if not isinstance(reply.get("data"), dict) or "query Read" not in query:
        return reply
    parts = {name: part for name, part in reply["data"].items() if name != "board" or "board: " in query}
    with_labels = "labels(first: 100) { pageInfo" in query
    for name, part in parts.items():
        if name.startswith("r") and part is not None:
            kept = {k: _without_cards(v, query) for k, v in part.items() if k != "labels" or with_labels}
            parts[name] = kept
    return {**reply, "data": parts}


def _without_cards(value: Any, query: str) -> Any:
    if isinstance(value, dict) and "projectItems" not in query:
        return {k: v for k, v in value.items() if k != "projectItems"}
    return value


@contextmanager
def scripted() -> Iterator[GitHub]:
    """GitHub on a script; whatever it wasn't asked in the end is a failure."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        github = GitHub(mock)
        yield github
        assert not github.script, f"{len(github.script)} answers were never asked for"


def tracker(**changes: Any) -> GitHubTracker:
    plain: Json = {
        "name": "github",
        "repositories": [SHOP],
        "project": ("acme", 1),
        "auth": Token("ghp_secret"),
        "clock": lambda: NOW,
        "labels": [("P0", "b60205", "Critical"), ("P1", "d93f0b", "High"), ("emergency", "b60205", "")],
    }
    return GitHubTracker(**(plain | changes))
