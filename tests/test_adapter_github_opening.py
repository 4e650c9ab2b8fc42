"""Issues opened because of others, on a scripted GitHub: what is asked, what counts, what is left alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from graphql import OperationDefinitionNode, parse

from adapters.github import Shared, documents, marker
from adapters.github.marker import Origin
from adapters.tracker import LeaseLost, Outcome, RateLimited, Unreachable
from mapping.changes import OpenIssue, RetrospectiveFacts
from mapping.issue import Issue, IssueRef, Opened
from mapping.severity import Severity
from tests.adapter_github_answers import (
    API,
    NOW,
    GitHub,
    Json,
    actor,
    connection,
    event,
    issue,
    labels,
    mentioned,
    opened,
    read_answer,
    ref,
    scripted,
    tracker,
)
from tests.standins.github.graph_cost import node_count
from tests.standins.github.graph_run import NODE_LIMIT, schema
from tests.test_adapter_github_apply import LABELS, LIMIT, aliases, always, failing, rest_label, works

ISSUE = ref(7)
CREATED = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # issue 7, as answers tell it
RESOLVED = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)
KEY = "retrospective@20261123T084000Z"
FACTS = RetrospectiveFacts(ISSUE, "", Severity.P0, CREATED, RESOLVED, RESOLVED, (), (), (), "UTC")
WANTED = frozenset({"Emergency", "retrospective"})
OPEN = OpenIssue(KEY, FACTS, "", ("R39",), WANTED, "Retrospective of acme/shop#7", "Of acme/shop#7\n\n- [ ] Root cause")
ELSEWHERE = OpenIssue(KEY, FACTS, "acme/retros", ("R39",), WANTED, OPEN.title, OPEN.body)


def body(of: IssueRef = ISSUE, key: str = KEY, created: datetime = CREATED, text: str = OPEN.body) -> str:
    return marker.dump_origin(text, Origin(key, of, created))


def one(number: int, at: str = "2026-11-23T08:40:00+00:00", closed: str | None = None, key: str = KEY) -> Opened:
    return Opened(key, ref(number), datetime.fromisoformat(at), datetime.fromisoformat(closed) if closed else None)


def read_with(*sources: Json | None, errors: Sequence[Json] = (), **changes: Any) -> Issue:
    """Issue 7 as it is read when these issues mention it."""
    events = [mentioned(source) for source in sources]
    raw = issue(7, **({"timelineItems": connection(events)} | changes))
    with scripted() as github:
        github.people("alice").will(read_answer(raw) | ({"errors": errors} if errors else {}))
        found = tracker(former=["old-spark"]).read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    return found


# -- reading

LATER, CLOSED = "2026-11-23T08:50:00Z", "2026-11-23T08:55:00Z"


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([opened(31, body())], [one(31)]),
        ([opened(31, body(), closedAt=CLOSED)], [one(31, closed=CLOSED)]),
        ([opened(31, body() + "\n\nIt was DNS.")], [one(31)]),
        ([opened(31, body(ref(7, "ACME/Shop")))], [one(31)]),
        ([opened(31, body(ref(3, "acme/old")))], [one(31)]),  # 7 came from there, created at the same time
        ([opened(31, body(), by="old-spark")], [one(31)]),
        ([opened(31, body(), createdAt=LATER), opened(32, body())], [one(32), one(31, LATER)]),
        ([opened(31, body()), opened(31, body())], [one(31)]),
        ([opened(31, body(), by="carol")], []),
        ([opened(31, body(), by="alice")], []),
        ([opened(31, body(), author=None, viewerDidAuthor=False)], []),
        ([opened(31, body(), author=actor("spark-bot", "Bot"), viewerDidAuthor=False)], []),
        ([opened(31, body(ref(12)))], []),
        ([opened(31, body(ref(7, "acme/old"), created=CREATED + timedelta(seconds=1)))], []),
        ([opened(31, "See acme/shop#7")], []),
        ([opened(31, "")], []),
        ([{}, None, opened(31, body())], [one(31)]),  # a pull request, and something that can't be seen
    ],
)
def test_what_was_opened_because_of_an_issue(sources: list[Json | None], expected: list[Opened]) -> None:
    found = read_with(*sources)
    assert list(found.opened) == expected
    assert found.timeline == ()


def test_one_in_another_repository_has_its_name_from_there() -> None:
    assert [o.ref for o in read_with(opened(4, body(), repository="acme/retros")).opened] == [ref(4, "acme/retros")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"body": body(ref(3)), "viewerDidAuthor": True}, (OPEN.body, ref(3))),
        ({"body": body(ref(3)) + "\r\nIt was DNS.", "viewerDidAuthor": True, "lastEditedAt": LATER},
         (OPEN.body + "\r\nIt was DNS.", ref(3))),
        ({"body": body(IssueRef("octo", "acme/shop#3")), "viewerDidAuthor": True}, (OPEN.body, ref(3))),
        ({"body": body(ref(3)), "author": actor("old-spark")}, (OPEN.body, ref(3))),
        ({"body": body(ref(3)), "author": actor("carol")}, (body(ref(3)), None)),
        ({"body": body(ref(3)), "author": None}, (body(ref(3)), None)),
        ({"body": "By hand", "viewerDidAuthor": True}, ("By hand", None)),
        ({"body": None, "viewerDidAuthor": True}, ("", None)),
    ],
)  # fmt: skip
def test_what_an_issue_of_ours_was_opened_for(raw: Json, expected: tuple[str, IssueRef | None]) -> None:
    found = read_with(**raw)
    assert (found.body, found.opened_for) == expected


def test_a_mention_on_a_later_page_counts() -> None:
    labelled = [event("LabeledEvent", str(n), label={"name": "P0"}) for n in range(100)]
    with scripted() as github:
        github.people().will(
            read_answer(issue(7, timelineItems=connection(labelled, "t1"))),
            {"data": {"m0": {"timelineItems": connection([mentioned(opened(31, body()))])}}},
        )
        found = tracker().read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    assert (found.opened, len(found.timeline)) == ((one(31),), 100)


FORBIDDEN = {
    "type": "FORBIDDEN",
    "path": ["r0", "i7", "timelineItems", "nodes", 0, "source"],
    "message": "Resource not accessible by integration",
}


@pytest.mark.broken_answers
def test_a_mention_from_where_we_may_not_look_is_nobodys_fault() -> None:
    raw = connection([None, mentioned(opened(31, body()))])  # type: ignore[list-item]
    assert read_with(timelineItems=raw, errors=[FORBIDDEN]).opened == (one(31),)


@pytest.mark.broken_answers
def test_a_failure_behind_a_refusal_is_not_believed() -> None:
    failed = {"path": ["r0", "i7", "labels"], "message": "Something went wrong"}
    with scripted() as github:
        github.people().will(
            read_answer(issue(7, labels=None), issue(8)) | {"errors": [FORBIDDEN, failed]},
            read_answer(issue(7, labels={"nodes": [{"id": "LA_P0", "name": "P0"}]})),
            read_answer(issue(8)),
        )
        found = tracker().read([ref(7), ref(8)])[ref(7)]
    assert isinstance(found, Issue)
    assert found.labels == {"P0"}


def test_a_hundred_issues_stay_far_below_githubs_limit_of_nodes() -> None:
    asked = documents.Asked(moves=True, cards=True, fields=["Severity"] * 20, project=True)
    text = documents.read([range(100)], [True], asked)
    tree = parse(text)
    operation = next(d for d in tree.definitions if isinstance(d, OperationDefinitionNode))
    nodes, requests = node_count(schema(True), tree, operation, {})
    assert nodes == 100 * (100 + 20 + 100 + 100 + 20) + 100 + 100  # and the labels, and the project's fields
    assert nodes < NODE_LIMIT / 10
    assert requests == 100 * 5 + 2


# -- writing


def place(*issues: Json, names: Sequence[str] = ("P0", "emergency"), **changes: Any) -> Json:
    """A repository as it is looked at before an issue is opened there."""
    return {"id": "R_1", "labels": labels(*names), "issues": {"nodes": list(issues)}} | changes


def looked(*places: Json | None, errors: Sequence[Json] = ()) -> Json:
    data = {f"r{at}": where for at, where in enumerate(places)}
    return {"data": data} | ({"errors": list(errors)} if errors else {})


def opening(github: GitHub, *answers: Any, change: OpenIssue = OPEN, shared: Shared | None = None) -> Outcome:
    """Read issue 7, then open one because of it."""
    github.people().will(read_answer(issue(7)), *answers)
    ours = tracker(shared=shared or Shared())
    ours.read([ref(7)])
    return ours.apply({ref(7): [LABELS, change]}, always)[ref(7)]


def sent(github: GitHub) -> list[tuple[str, Json]]:
    return [(name, given) for _, name, given in aliases(github.asked[-1])]


def test_an_issue_is_opened_with_the_others_after_a_look() -> None:
    with scripted() as github:
        outcome = opening(github, looked(place()), works)
        assert github.count == 4  # read, team, look, write
    assert outcome.applied == (LABELS, OPEN)
    assert github.asked[1]["variables"] == {"o0": "acme", "n0": "shop", "s0": RESOLVED.isoformat()}
    name, given = sent(github)[-1]
    assert name == "createIssue"
    assert given == {"repositoryId": "R_1", "title": OPEN.title, "body": body(), "labelIds": ["LA_emergency"]}
    assert given["body"].startswith(OPEN.body)
    assert '"for": "github:acme/shop#7"' in given["body"]
    assert KEY in given["body"]


def test_issues_for_several_go_through_one_look_and_one_write() -> None:
    more = OpenIssue(KEY, FACTS, "", (), frozenset(), "Of 8", "acme/shop#8")
    with scripted() as github:
        github.people().will(read_answer(issue(7), issue(8)), looked(place(id="R_2"), place()), works)
        ours = tracker()
        ours.read([ref(7), ref(8)])
        outcomes = ours.apply({ref(7): [ELSEWHERE], ref(8): [more]}, always)
        assert github.count == 4
    assert [outcome.failed for outcome in outcomes.values()] == [(), ()]
    assert [given["repositoryId"] for _, given in sent(github)] == ["R_2", "R_1"]
    assert {k: v for k, v in github.asked[1]["variables"].items() if k[0] == "n"} == {"n0": "retros", "n1": "shop"}


def test_what_was_opened_shows_before_github_shows_it_and_is_forgotten_after_a_while() -> None:
    now = NOW
    with scripted() as github:
        github.people().will(read_answer(issue(7)), looked(place()), works, *[read_answer(issue(7))] * 2)
        ours = tracker(clock=lambda: now)
        ours.read([ref(7)])
        ours.apply({ref(7): [OPEN]}, always)
        soon = ours.read([ref(7)])[ref(7)]
        now += timedelta(minutes=11)
        later = ours.read([ref(7)])[ref(7)]
    assert isinstance(soon, Issue)
    assert isinstance(later, Issue)
    assert (soon.opened, later.opened) == ((one(31, "2026-11-23T09:00:05Z"),), ())


def test_what_github_shows_counts_for_more_than_what_we_remember() -> None:
    shared = Shared()
    shared.openings.add(ref(7), one(31), NOW)
    shared.openings.add(ref(7), one(30), NOW)
    shown = opened(31, body(), closedAt=CLOSED, repository="acme/shop")
    with scripted() as github:
        github.people().will(read_answer(issue(7, timelineItems=connection([mentioned(shown)]))))
        found = tracker(shared=shared).read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    assert found.opened == (one(30), one(31, closed=CLOSED))


def test_one_that_is_there_already_is_remembered_and_not_opened_again() -> None:
    shared = Shared()
    with scripted() as github:
        outcome = opening(github, looked(place(opened(31, body()))), works, shared=shared)
        assert [name for name, _ in sent(github)] == ["addLabelsToLabelable"]
    assert outcome.applied == (LABELS, OPEN)
    assert shared.openings.joined(ref(7), (), NOW) == (one(31),)


@pytest.mark.parametrize(
    "there",
    [
        opened(31, body(), by="carol"),
        opened(31, body(), by="alice"),
        opened(31, body(key="retrospective@20261122T084000Z")),
        opened(31, body(ref(8))),  # of an import: created in the same second
        opened(31, "Of acme/shop#7"),
    ],
)
def test_somebody_elses_issue_and_one_of_another_are_not_taken_for_it(there: Json) -> None:
    with scripted() as github:
        opening(github, looked(place(there)), works)
        assert [name for name, _ in sent(github)] == ["addLabelsToLabelable", "createIssue"]


@pytest.mark.broken_answers
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (looked(None, errors=[{"type": "NOT_FOUND", "path": ["r0"], "message": "Could not resolve"}]), "not resolve"),
        (looked(None, errors=[{"type": "FORBIDDEN", "path": ["r0"], "message": "SAML"}]), "SAML"),
        (looked(None), "can't be seen"),
        (looked(place(issues=None), errors=[{"path": ["r0", "issues"], "message": "Something broke"}]), "broke"),
    ],
)
def test_a_repository_that_cannot_be_looked_at_fails_the_opening_only(answer: Json, says: str) -> None:
    with scripted() as github:
        outcome = opening(github, answer, works, change=ELSEWHERE)
    assert outcome.applied == (LABELS,)
    ((change, why),) = outcome.failed
    assert change is ELSEWHERE
    assert why.startswith("no issue can be opened in acme/retros: ")
    assert says in why


def test_a_refused_opening_fails_alone() -> None:
    refused = failing("createIssue", "Issues are disabled for this repo", "UNPROCESSABLE")
    with scripted() as github:
        outcome = opening(github, looked(place()), refused)
    assert (outcome.applied, outcome.failed) == ((LABELS,), ((OPEN, "Issues are disabled for this repo"),))


@pytest.mark.broken_answers
@pytest.mark.parametrize(
    "answer",
    [
        requests.ReadTimeout("silence"),
        requests.ConnectionError("reset"),
        (502, {}, "<html>"),
        (200, {}, "cut {"),
    ],
)
def test_when_nobody_knows_whether_it_was_opened_that_is_raised(answer: Any) -> None:
    with scripted() as github, pytest.raises(Unreachable):
        opening(github, looked(place()), answer)


@pytest.mark.parametrize(
    ("says", "kind"), [("Something went wrong while executing your query.", None), ("Timeout", "SERVICE_UNAVAILABLE")]
)
def test_what_github_fails_on_while_it_opens_is_that_issues_trouble(says: str, kind: str | None) -> None:
    answer = failing("createIssue", says, kind) if kind else failing("createIssue", says)
    with scripted() as github:
        outcome = opening(github, looked(place()), answer)
    assert OPEN not in outcome.applied
    assert (outcome.failed, outcome.stopped) == (((OPEN, says),), None)


@pytest.mark.broken_answers
@pytest.mark.parametrize(("answer", "error"), [(LIMIT, RateLimited), ((502, {}, "<html>"), Unreachable)])
def test_without_a_look_nothing_is_written(answer: Any, error: type[Exception]) -> None:
    with scripted() as github, pytest.raises(error):
        opening(github, answer)


def test_an_answer_without_the_issue_is_no_failure() -> None:
    def silent(asked: Json) -> Any:
        reply: Any = works(asked)
        return {"data": {k: v if "issue" not in v else {"issue": None} for k, v in reply["data"].items()}}

    with scripted() as github:
        assert opening(github, looked(place()), silent).failed == ()


def test_labels_that_the_first_hundred_hide_are_looked_for_and_missing_ones_left_out() -> None:
    hundred = labels(*[f"l{n}" for n in range(100)]) | {"pageInfo": {"hasNextPage": True, "endCursor": "c"}}
    with scripted() as github:
        listed = github.mock.get(f"{API}/repos/acme/retros/labels", json=[rest_label("emergency")])
        created = github.mock.post(f"{API}/repos/acme/retros/labels", json=rest_label("x"), status=201)
        outcome = opening(github, looked(place(labels=hundred)), works, change=ELSEWHERE)
        assert (listed.call_count, created.call_count) == (1, 0)
    assert outcome.failed == ()
    assert sent(github)[-1][1]["labelIds"] == ["LA_emergency"]


def test_no_issue_is_opened_when_the_lease_has_no_time_left() -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), looked(place()))
        ours = tracker()
        ours.read([ref(7)])
        with pytest.raises(LeaseLost):
            ours.apply({ref(7): [OPEN]}, lambda: False)


def test_plain_work_is_written_without_a_look() -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), works)
        ours = tracker()
        ours.read([ref(7)])
        ours.apply({ref(7): [LABELS]}, always)
        assert github.count == 3
