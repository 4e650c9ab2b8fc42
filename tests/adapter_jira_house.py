"""A Jira stand-in with the adapter on it, for the adapter's tests."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.http import Deadlines
from adapters.jira import Basic, Bearer, JiraTracker
from adapters.tracker import Outcome
from mapping.changes import Change, DraftFacts, EditStatus, OpenIssue, PostDraft, RetrospectiveFacts, StatusFacts
from mapping.issue import Issue, IssueRef
from mapping.severity import Severity
from tests.contracts import Recorder
from tests.standins.jira.acme import acme
from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import Product

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FACTS = StatusFacts(None, None, (), (), (), "1 h", "4 h", (), (), False)
PRODUCTS: tuple[Product, ...] = ("cloud", "data-center")


class Clock:
    """A clock that every look moves on by a millisecond."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


class House:
    """A running site, and adapters for it; `asked` are the requests since the last look."""

    def __init__(self, jira: JiraStandIn, clock: Clock) -> None:
        self.jira = jira
        self.clock = clock
        self._looked = 0

    def tracker(self, by: str = "integrator", **how: Any) -> JiraTracker:
        email, token = self.jira.credentials(by)
        cloud = self.jira.cloud
        given: dict[str, Any] = {
            "name": "jira",
            "url": self.jira.url,
            "projects": ["OPS", "WEB"],
            "board": 81,
            "product": "cloud" if cloud else "data-center",
            "auth": Basic(email, token) if cloud else Bearer(token),
            "clock": self.clock,
            "deadlines": Deadlines(5, 5, 5),
        }
        return JiraTracker(**(given | how))

    def asked(self) -> list[str]:
        """`METHOD path` without what all paths begin with."""
        new = self.jira.requests[self._looked :]
        self._looked += len(new)
        return [f"{r.method} {r.path.removeprefix('/rest/').removeprefix('api/2/')}" for r in new]


Start = Callable[..., House]


def houses(recorder: Recorder) -> Iterator[Start]:
    """A function that starts sites; they are stopped at the end, and nothing they don't know may have been asked."""
    running: list[JiraStandIn] = []

    def begin(product: Product = "cloud", **how: Any) -> House:
        clock = Clock()
        jira = acme(product=product, clock=clock, **how).start()
        recorder.register(jira.url, "jira-cloud" if product == "cloud" else "jira-dc")
        running.append(jira)
        return House(jira, clock)

    yield begin
    for jira in running:
        jira.stop()
        assert jira.unexpected == []


def ref(key: str) -> IssueRef:
    return IssueRef("jira", key)


def read(tracker: JiraTracker, key: str) -> Issue:
    issue = tracker.read([ref(key)])[ref(key)]
    assert isinstance(issue, Issue)
    return issue


def write(tracker: JiraTracker, key: str, *changes: Change) -> Outcome:
    return tracker.apply({ref(key): changes}, lambda: True)[ref(key)]


def status(body: str = "h2. P0", comment: str | None = None, **memo: Any) -> EditStatus:
    return EditStatus(FACTS, memo, comment, (), body)


def opens(key: str, container: str = "", labels: tuple[str, ...] = ("retro",)) -> OpenIssue:
    """A retrospective of the issue, put into words."""
    times = START, START + timedelta(hours=2), START + timedelta(hours=26)
    facts = RetrospectiveFacts(ref(key), "Down", Severity.P0, *times, (), (), (), "UTC")
    words = {"title": "Retrospective of\nDown", "body": "h2. Five boxes"}
    return OpenIssue("retrospective@20261123T140000Z", facts, container, (), frozenset(labels), **words)


def draft(body: str = "Dear customer", comment: str | None = None, **places: str) -> PostDraft:
    """A message to the customer, put into words."""
    return PostDraft("draft@acknowledgement", DraftFacts("acknowledgement", places, (), None, "UTC"), comment, (), body)
