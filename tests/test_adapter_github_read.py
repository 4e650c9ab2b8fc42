import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from adapters.github import Shared, marker
from adapters.github.issues import Unreadable
from adapters.tracker import AccessDenied, Gone, RateLimited, TrackerError, Unreachable
from mapping.issue import Card, Column, Happened, Issue, Marker, Standing
from tests.adapter_github_answers import (
    API,
    NOW,
    OPTIONS,
    SHOP,
    Json,
    actor,
    board,
    card,
    comment,
    connection,
    event,
    issue,
    labels,
    moved,
    read_answer,
    ref,
    scripted,
    tracker,
)

MARK = Marker("status", "d1", {"placed": "Emergency Queue"})
MARKED = marker.dump("Status", MARK)


def read_one(raw: Json, **changes: Any) -> Issue:
    with scripted() as github:
        github.people("alice").will(read_answer(raw))
        found = tracker(**changes).read([ref(raw["number"])])[ref(raw["number"])]
    assert isinstance(found, Issue)
    return found


def test_an_issue_as_it_is() -> None:
    raw = issue(
        7,
        labels={"nodes": [{"id": "LA_P0", "name": "P0"}]},
        assignees={"nodes": [actor("alice")]},
        closedAt="2026-11-23T08:29:00Z",
        lastEditedAt="2026-11-23T08:05:00Z",
    )
    found = read_one(raw)
    assert found.ref == ref(7)
    assert found.labels == {"P0"}
    assert (found.title, found.body, found.url) == (raw["title"], raw["body"], raw["url"])
    assert found.created_at == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert found.updated_at == datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    assert found.closed_at == datetime(2026, 11, 23, 8, 29, tzinfo=UTC)
    assert found.body_edited_at == datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
    assert [(p.id, p.standing) for p in found.assignees] == [("alice", Standing.TEAM)]
    assert found.author is not None
    assert (found.author.id, found.author.name) == ("carol", "Carol")


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (actor("spark-bot"), ("spark-bot", Standing.SELF)),
        (actor("old-spark"), ("old-spark", Standing.SELF)),
        (actor("Alice"), ("alice", Standing.TEAM)),
        (actor("carol"), ("carol", Standing.OUTSIDER)),
        (actor("dependabot", "Bot"), ("dependabot[bot]", Standing.BOT)),
        (actor("renovate[bot]"), ("renovate[bot]", Standing.BOT)),
        (actor("github-project-automation"), ("github-project-automation[bot]", Standing.BOT)),
        (actor("alice", "Bot"), ("alice[bot]", Standing.BOT)),  # a robot with a colleague's name
        (actor("spark-bot", "Bot"), ("spark-bot[bot]", Standing.BOT)),  # and one with ours
        (actor("mona", "Mannequin"), ("mona", Standing.OUTSIDER)),
        (None, None),
    ],
)
def test_whose_word_is_worth_what(who: Json | None, expected: tuple[str, Standing] | None) -> None:
    author = read_one(issue(7, author=who), former=["Old-Spark"]).author
    assert (author and (author.id, author.standing)) == expected


@pytest.mark.parametrize(
    ("raw", "mark", "body"),
    [
        (comment("1", actor("spark-bot"), MARKED, viewerDidAuthor=True), MARK, "Status"),
        (comment("1", actor("old-spark"), MARKED), MARK, "Status"),
        (comment("1", actor("carol"), MARKED), None, MARKED),
        (comment("1", actor("alice"), MARKED), None, MARKED),
        (comment("1", None, MARKED), None, MARKED),
        (comment("1", actor("spark-bot", "Bot"), MARKED), None, MARKED),
        (
            comment(
                "1", actor("spark-bot"), MARKED, viewerDidAuthor=True, lastEditedAt="2026-11-23T08:11:00Z",
                editor=actor("spark-bot"),
            ),
            MARK, "Status",
        ),
        (
            comment(
                "1", actor("spark-bot"), MARKED, viewerDidAuthor=True, lastEditedAt="2026-11-23T08:11:00Z",
                editor=actor("alice"),
            ),
            Marker("status", ""), "Status",
        ),
        (
            comment("1", actor("spark-bot"), MARKED, viewerDidAuthor=True, lastEditedAt="2026-11-23T08:11:00Z"),
            Marker("status", ""), "Status",
        ),
        (comment("1", actor("spark-bot"), "by hand", viewerDidAuthor=True), None, "by hand"),
    ],
)  # fmt: skip
def test_a_marker_counts_in_our_own_comments_and_only_its_key_where_others_edited(
    raw: Json, mark: Marker | None, body: str
) -> None:
    (found,) = read_one(issue(7, comments=connection([raw])), former=["old-spark"]).comments
    assert found.marker == mark
    assert found.body == body


EVENTS = [
    (event("LabeledEvent", label={"name": "P0"}), (Happened.LABELED, "P0")),
    (event("UnlabeledEvent", label={"name": "P0"}), (Happened.UNLABELED, "P0")),
    (event("AssignedEvent", assignee=actor("Alice")), (Happened.ASSIGNED, "alice")),
    (event("UnassignedEvent", assignee=None), (Happened.UNASSIGNED, "")),
    (event("ClosedEvent"), (Happened.CLOSED, "")),
    (event("ReopenedEvent"), (Happened.REOPENED, "")),
    (event("TransferredEvent", fromRepository={"nameWithOwner": "acme/old"}), (Happened.TRANSFERRED, "acme/old")),
    (event("TransferredEvent", fromRepository=None), (Happened.TRANSFERRED, "")),
    (moved({"id": "PVT_1"}), (Happened.MOVED, "Done")),
    (moved({"id": "PVT_2"}), None),
    (moved(None), None),
]


@pytest.mark.parametrize(("raw", "expected"), EVENTS)
def test_what_happened(raw: Json, expected: tuple[Happened, str] | None) -> None:
    timeline = read_one(issue(7, timelineItems=connection([raw]))).timeline
    assert [(e.kind, e.value) for e in timeline] == ([expected] if expected else [])


MOVED = datetime(2026, 11, 23, 8, 25, tzinfo=UTC)
ARCHIVED = "the card is archived on the project; restore it there"
NO_QUEUE = 'the project\'s Status field has no option "Emergency Queue"; run integrator init'


@pytest.mark.parametrize(
    ("cards", "options", "expected"),
    [
        ([], OPTIONS, Card()),
        ([card("Done", "PVT_2")], OPTIONS, Card()),
        ([card("in progress")], OPTIONS, Card("in progress", Column.IN_PROGRESS, MOVED)),
        ([card("Icebox")], OPTIONS, Card("Icebox", None, MOVED)),
        ([card(None)], OPTIONS, Card()),
        ([card("Done")], OPTIONS[:4], Card("Done", Column.DONE, MOVED, {Column.EMERGENCY_QUEUE: NO_QUEUE})),
        (
            [card("Done", archived=True)],
            OPTIONS,
            Card(
                "Done",
                Column.DONE,
                MOVED,
                dict.fromkeys(Column, "the card is archived on the project; restore it there"),
            ),
        ),
    ],
)
def test_where_the_card_stands(cards: list[Json], options: tuple[str, ...], expected: Card) -> None:
    with scripted() as github:
        raw = issue(7, projectItems={"nodes": cards})
        answer = read_answer(raw)
        answer["data"]["board"] = board(options)
        github.people().will(answer)
        found = tracker().read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    assert found.card == expected


def test_own_column_names() -> None:
    names = {**{c: c.value for c in Column}, Column.BACKLOG: "Planned"}
    found = read_one(issue(7, projectItems={"nodes": [card("planned")]}), columns=names)
    assert found.card is not None
    assert found.card.column is Column.BACKLOG
    assert set(found.card.barred) == {Column.BACKLOG}


def test_a_project_that_cannot_be_seen_bars_all_columns() -> None:
    with scripted() as github:
        error = {"type": "NOT_FOUND", "path": ["board", "projectV2"], "message": "Could not resolve"}
        answer = read_answer(issue(7)) | {"errors": [error]}
        answer["data"]["board"] = {"projectV2": None}
        github.people().will(answer)
        found = tracker().read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    assert found.card is not None
    assert set(found.card.barred) == set(Column)
    assert "acme/1" in found.card.barred[Column.DONE]


def test_without_a_project_there_is_no_card_and_nothing_about_it_is_asked() -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)))
        found = tracker(project=None).read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    assert found.card is None
    assert not re.search("project|PROJECT", github.queries[0])


def test_a_hundred_issues_are_one_request_and_the_ids_come_along() -> None:
    numbers = list(range(1, 101))
    with scripted() as github:
        github.people("alice").will(read_answer(*map(issue, numbers)), read_answer(*map(issue, numbers)))
        ours = tracker()
        found = ours.read([ref(n) for n in numbers] * 2)
        assert github.count == 2  # with the one about the team
        again = ours.read([ref(n) for n in numbers])
        assert github.count == 3
    assert found == again
    assert all(isinstance(i, Issue) for i in found.values())
    assert "board:" in github.queries[0]
    assert "board:" not in github.queries[1]
    assert github.headers[0]["User-Agent"] == "spark-integrator"
    assert github.headers[0]["X-GitHub-Api-Version"] == "2022-11-28"


def test_two_repositories_are_still_one_request() -> None:
    with scripted() as github:
        answer = read_answer(issue(1), r1={"nameWithOwner": "acme/web", "labels": labels(), "i1": issue(1)})
        github.people().people(repository="acme/web").will(answer)
        found = tracker(repositories=[SHOP, "acme/web"]).read([ref(1), ref(1, "acme/web")])
    assert [type(i) for i in found.values()] == [Issue, Issue]
    assert len(github.queries) == 1
    assert (
        github.asked[0]["variables"] | {"o0": "acme", "n0": "shop", "o1": "acme", "n1": "web"}
        == github.asked[0]["variables"]
    )


def test_long_histories_are_read_on_and_only_those() -> None:
    many = [comment(str(n), actor("carol")) for n in range(250)]
    labelled = [event("LabeledEvent", str(n), label={"name": "P0"}) for n in range(130)]
    raw = issue(7, comments=connection(many[:100], "c1"), timelineItems=connection(labelled[:100], "t1"))
    with scripted() as github:
        github.people().will(
            read_answer(raw, issue(8)),
            {"data": {"m0": {"comments": connection(many[100:200], "c2")},
                      "m1": {"timelineItems": connection(labelled[100:])}}},
            {"data": {"m0": {"comments": connection(many[200:])}}},
        )  # fmt: skip
        found = tracker().read([ref(7), ref(8)])[ref(7)]
    assert isinstance(found, Issue)
    assert [c.id for c in found.comments] == [c["id"] for c in many]
    assert [e.id for e in found.timeline] == [e["id"] for e in labelled]
    assert [body["variables"] for body in github.asked[1:]] == [
        {"i0": "I_7", "c0": "c1", "i1": "I_7", "c1": "t1"},
        {"i0": "I_7", "c0": "c2"},
    ]


def _too_slow(body: Json) -> Any:
    asked = [int(n) for n in re.findall(r"issue\(number: (\d+)\)", body["query"])]
    return (502, {}, "<html>") if len(asked) > 3 else read_answer(*map(issue, asked))


def test_a_question_that_is_too_big_is_halved() -> None:
    with scripted() as github:
        github.people().will(*[_too_slow] * 7)
        found = tracker().read([ref(n) for n in range(1, 11)])
    assert sorted(found) == sorted(ref(n) for n in range(1, 11))
    assert all(isinstance(i, Issue) for i in found.values())


def test_an_enterprise_server_without_the_event_is_asked_without_it_from_then_on() -> None:
    refusal = {
        "errors": [{"message": "Argument 'itemTypes' has an invalid value (PROJECT_V2_ITEM_STATUS_CHANGED_EVENT)"}]
    }
    with scripted() as github:
        github.people().will(refusal, read_answer(issue(7)), read_answer(issue(7)))
        ours = tracker()
        assert isinstance(ours.read([ref(7)])[ref(7)], Issue)
        ours.read([ref(7)])
    assert ["STATUS_CHANGED" in query for query in github.queries] == [True, False, False]


LIMITED = {"message": "You have exceeded a secondary rate limit."}
JUDGED: list[tuple[int, Mapping[str, str], Any, type[TrackerError], str, int | None]] = [
    (401, {}, {"message": "Bad credentials"}, AccessDenied, "Bad credentials", None),
    (403, {"x-accepted-github-permissions": "issues=read"}, {"message": "Resource not accessible"}, AccessDenied,
     "issues=read", None),
    (403, {"retry-after": "30"}, LIMITED, RateLimited, "secondary", 30),
    (403, {}, LIMITED, RateLimited, "secondary", 60),
    (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 1234)},
     {"message": "API rate limit exceeded"}, RateLimited, "rate limit", 1234),
    (429, {"retry-after": "Mon, 23 Nov 2026 09:05:00 GMT"}, {}, RateLimited, "429", 300),
    (429, {"retry-after": "soon"}, "", RateLimited, "429", 60),
    (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 600)},
     {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}, RateLimited, "rate limit", 600),
    (200, {}, {"errors": [{"type": "INSUFFICIENT_SCOPES", "message": "needs read:project"}]}, AccessDenied,
     "read:project", None),
    (200, {}, "<html>sorry</html>", Unreachable, "no sense", None),
    (200, {}, "{broken", Unreachable, "no sense", None),
    (200, {}, [], Unreachable, "no GraphQL answer", None),
    (200, {}, {"message": "?"}, Unreachable, "no GraphQL answer", None),
    (200, {}, {"errors": [{"message": "Something went wrong while executing your query."}]}, Unreachable,
     "gave up", None),
    (200, {}, {"errors": [{"message": "Field 'x' doesn't exist"}]}, TrackerError, "Field 'x'", None),
    (404, {}, {"message": "Not Found"}, TrackerError, "Not Found", None),
    (500, {}, {}, Unreachable, "500", None),
    (502, {}, "<html>", Unreachable, "502", None),
    (503, {}, {"message": "No server"}, Unreachable, "503", None),
]  # fmt: skip


@pytest.mark.broken_answers
@pytest.mark.parametrize(("status", "headers", "body", "error", "says", "pause"), JUDGED)
def test_refusals_and_failures(
    status: int, headers: Mapping[str, str], body: Any, error: type[TrackerError], says: str, pause: int | None
) -> None:
    with scripted() as github:
        github.will((status, headers, body))
        with pytest.raises(error, match=re.escape(says)) as raised:
            tracker().read([ref(7)])
    assert type(raised.value) is error or issubclass(type(raised.value), error)
    assert raised.value.retry_at == (NOW + timedelta(seconds=pause) if pause else None)


@pytest.mark.parametrize("failure", [requests.ConnectionError("reset"), requests.ReadTimeout("silence")])
def test_no_answer_is_unreachable(failure: Exception) -> None:
    with scripted() as github:
        github.will(failure)
        with pytest.raises(Unreachable):
            tracker().read([ref(7), ref(8)])
        assert len(github.asked) == 1, "it asked a silent host for less"


def not_found(number: int) -> Json:
    return {"type": "NOT_FOUND", "path": ["r0", f"i{number}"], "message": "Could not resolve to an Issue"}


def rest_issue(html_url: str, number: int, **more: Any) -> Json:
    return {"number": number, "html_url": html_url, **more}


@pytest.mark.broken_answers
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, {"message": "Not Found"}, Gone("no such issue, or no access to it")),
        (410, {"message": "This issue was deleted"}, Gone("deleted")),
        (
            200,
            rest_issue("https://github.com/acme/shop/pull/8", 8, pull_request={"url": "x"}),
            Gone("a pull request, not an issue"),
        ),
    ],
)
def test_an_issue_that_is_missing_does_not_stop_the_others(status: int, body: Json, expected: Gone) -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7), None, numbers=[7, 8]) | {"errors": [not_found(8)]})
        github.mock.get(f"{API}/repos/acme/shop/issues/8", json=body, status=status)
        found = tracker().read([ref(7), ref(8)])
    assert isinstance(found[ref(7)], Issue)
    assert found[ref(8)] == expected


@pytest.mark.broken_answers
def test_a_transferred_issue_is_followed() -> None:
    with scripted() as github:
        github.will(read_answer(None, numbers=[8]) | {"errors": [not_found(8)]})
        there = "https://api.github.com/repositories/42/issues/3"
        github.mock.get(f"{API}/repos/acme/shop/issues/8", status=301, headers={"Location": there}, json={})
        moved = rest_issue("https://github.com/acme/web/issues/3", 3)
        github.mock.get(f"{API}/repositories/42/issues/3", json=moved)
        found = tracker().read([ref(8)])[ref(8)]
    assert found == Gone("moved to acme/web#3", ref(3, "acme/web"))


@pytest.mark.broken_answers
def test_an_issue_that_only_one_of_two_doors_shows_yet_is_tried_again_soon() -> None:
    with scripted() as github:
        github.will(read_answer(None, numbers=[8]) | {"errors": [not_found(8)]})
        github.mock.get(f"{API}/repos/acme/shop/issues/8", json=rest_issue("https://github.com/acme/shop/issues/8", 8))
        with pytest.raises(Unreachable) as raised:
            tracker().read([ref(8)])
    assert raised.value.retry_at == NOW + timedelta(seconds=2)


def test_a_renamed_repository_moves_its_issues() -> None:
    with scripted() as github:
        answer = read_answer(issue(7))
        answer["data"]["r0"]["nameWithOwner"] = "acme/store"
        github.will(answer)
        assert tracker().read([ref(7)])[ref(7)] == Gone("moved to acme/store#7", ref(7, "acme/store"))


def test_lost_access_to_a_repository_is_not_taken_for_deleted_issues() -> None:
    error = {"type": "NOT_FOUND", "path": ["r0"], "message": "Could not resolve to a Repository"}
    with scripted() as github:
        github.will({"data": {"viewer": {"login": "spark-bot"}, "board": board(), "r0": None}, "errors": [error]})
        with pytest.raises(Unreadable, match="acme/shop"):
            tracker().read([ref(7)])


def test_a_repository_that_is_not_ours_is_just_gone() -> None:
    error = {"type": "NOT_FOUND", "path": ["r0"], "message": "Could not resolve to a Repository"}
    with scripted() as github:
        github.will({"data": {"viewer": {"login": "spark-bot"}, "board": board(), "r0": None}, "errors": [error]})
        assert isinstance(tracker(repositories=["acme/web"]).read([ref(7)])[ref(7)], Gone)


def test_a_failure_inside_an_issue_is_asked_again_and_never_believed() -> None:
    broken = issue(8, labels=None)
    error = {"path": ["r0", "i8", "labels"], "message": "Something went wrong"}
    with scripted() as github:
        github.people().will(
            read_answer(issue(7), broken) | {"errors": [error]}, read_answer(issue(7)), read_answer(issue(8))
        )
        found = tracker().read([ref(7), ref(8)])
    assert [type(i) for i in found.values()] == [Issue, Issue]


def test_an_issue_that_github_fails_on_stops_only_itself() -> None:
    error = {"path": ["r0", "i8", "labels"], "message": "Something went wrong"}
    with scripted() as github:
        github.will(read_answer(issue(8, labels=None)) | {"errors": [error]})
        with pytest.raises(Unreadable, match="shop#8"):
            tracker().read([ref(8)])


def test_a_refusal_inside_an_issue_names_the_permission() -> None:
    error = {"type": "FORBIDDEN", "path": ["r0", "i7", "projectItems"], "message": "Resource not accessible"}
    with scripted() as github:
        github.will(read_answer(None, numbers=[7]) | {"errors": [error]})
        with pytest.raises(Unreadable, match="Projects: read"):
            tracker().read([ref(7)])


@pytest.mark.parametrize("key", ["shop#7", "acme/..#7", "acme/shop#0", "12", "OPS-7", "acme/shop/x#7"])
def test_what_names_no_github_issue_is_not_asked_for(key: str) -> None:
    strange = ref(1).__class__("github", key)
    with scripted() as github:
        assert tracker().read([strange])[strange] == Gone("not the name of a GitHub issue")
        assert github.count == 0


@pytest.mark.broken_answers
def test_where_the_team_is_not_told_nobody_is_team_and_nobody_asks_again() -> None:
    shared = Shared()
    with scripted() as github:
        github.people(status=403).will(read_answer(issue(7, author=actor("alice"))), read_answer(issue(7)))
        found = tracker(shared=shared).read([ref(7)])[ref(7)]
        tracker(shared=shared).read([ref(7)])
        assert github.count == 3
    assert isinstance(found, Issue)
    assert found.author is not None
    assert found.author.standing is Standing.OUTSIDER


def test_the_team_is_asked_again_after_five_minutes() -> None:
    now = NOW
    with scripted() as github:
        github.people("alice").will(*[read_answer(issue(7))] * 3)
        ours = tracker(clock=lambda: now)
        ours.read([ref(7)])
        now = NOW + timedelta(minutes=4)
        ours.read([ref(7)])
        assert github.count == 3
        now = NOW + timedelta(minutes=6)
        ours.read([ref(7)])
        assert github.count == 5


def open_issues(numbers: list[int], cursor: str | None = None) -> Json:
    page = {"totalCount": 150, "pageInfo": {"hasNextPage": bool(cursor), "endCursor": cursor}}
    return {"data": {"repository": {"issues": page | {"nodes": [{"number": n} for n in numbers]}}}}


def test_open_issues_page_by_page_and_from_any_cursor_on() -> None:
    answers = [open_issues([1, 2], "c1"), open_issues([3]), open_issues([9])]
    with scripted() as github:
        github.will(*answers)
        ours = tracker(repositories=[SHOP, "acme/web"])
        pages = list(ours.pages(NOW, None))
        asked = [body["variables"] for body in github.asked]
        github.will(*answers[1:], answers[2])
        resumed = list(ours.pages(None, pages[0].cursor))
        last = list(ours.pages(None, pages[1].cursor))
    assert [r.key for page in pages for r in page.refs] == ["acme/shop#1", "acme/shop#2", "acme/shop#3", "acme/web#9"]
    assert pages[-1].cursor is None
    assert resumed == pages[1:]
    assert last == pages[2:]
    assert [(v["name"], v["after"]) for v in asked] == [("shop", None), ("shop", "c1"), ("web", None)]
    assert asked[0]["since"] == "2026-11-23T09:00:00+00:00"


def test_one_repository_tells_its_total() -> None:
    with scripted() as github:
        github.will(open_issues([1]))
        assert [page.total for page in tracker().pages(None, None)] == [150]


def test_a_repository_that_cannot_be_listed_is_named() -> None:
    with scripted() as github:
        github.will(
            {"data": {"repository": None}, "errors": [{"type": "NOT_FOUND", "path": ["repository"], "message": ""}]}
        )
        with pytest.raises(AccessDenied, match="acme/shop"):
            list(tracker().pages(None, None))
