"""The odd shapes of Jira's answers, one by one, without a site."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from adapters.jira import Basic, Bearer, JiraTracker
from adapters.jira.board import Layout, board_of
from adapters.jira.edit import value_of
from adapters.jira.fields import Field
from adapters.jira.history import Context, items_of, moment, timeline
from adapters.jira.length import CUT, LONGEST_TEXT, fitting
from adapters.jira.markers import believed
from adapters.jira.parse import text_of
from adapters.jira.people import People
from adapters.tracker import AccessDenied, Gone, RateLimited, TrackerError, Unreachable
from mapping.issue import Column, Issue, IssueRef, Marker, Standing

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SITE = "https://acme.atlassian.net"
GATEWAY = "https://api.atlassian.com/ex/jira/11111111-2222"
ALICE = {"accountId": "a1", "displayName": "Alice", "accountType": "atlassian"}
ME = {"accountId": "me", "displayName": "Robot", "accountType": "atlassian", "timeZone": "UTC"}
REF = IssueRef("jira", "OPS-7")
SAID = "2026-11-23T08:00:00.000+0000"


def tracker(url: str = SITE, **how: Any) -> JiraTracker:
    given: dict[str, Any] = {"auth": Basic("bot@acme.example", "s3cret-token"), "board": None}
    return JiraTracker(name="jira", url=url, projects=["OPS"], clock=lambda: NOW, **(given | how))


def issue(**fields: Any) -> dict[str, Any]:
    status = {"id": "1", "name": "To Do", "statusCategory": {"key": "new"}}
    usual = {"summary": "x", "reporter": ALICE, "created": SAID, "updated": SAID, "status": status}
    return {"id": "10007", "key": "OPS-7", "fields": usual | fields}


def answering(api: responses.RequestsMock, url: str, found: Mapping[str, Any], team: list[Any]) -> None:
    api.post(f"{url}/rest/api/2/issue/bulkfetch", json={"issues": [found], "issueErrors": []})
    api.get(f"{url}/rest/api/2/myself", json=ME)
    api.get(f"{url}/rest/api/2/user/assignable/search", json=team)


def test_scoped_token_keeps_the_gateway_and_links_to_the_site() -> None:
    with responses.RequestsMock() as api:
        answering(api, GATEWAY, issue(), [ALICE])
        api.get(f"{GATEWAY}/rest/api/2/serverInfo", json={"baseUrl": SITE})
        read = tracker(GATEWAY).read([REF])[REF]
    assert isinstance(read, Issue)
    assert read.url == f"{SITE}/browse/OPS-7"
    assert read.author is not None
    assert read.author.standing is Standing.TEAM


def test_projects_with_more_people_than_jira_lists() -> None:
    crowd = [{"accountId": f"c{n}"} for n in range(1000)]
    bob = {"accountId": "b1", "displayName": "Bob", "accountType": "atlassian"}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        api.post(f"{SITE}/rest/api/2/issue/bulkfetch", json={"issues": [issue(assignee=bob)]})
        api.get(f"{SITE}/rest/api/2/myself", json=ME)
        users = f"{SITE}/rest/api/2/user/assignable/search?project=OPS"
        api.get(f"{users}&startAt=0&maxResults=1000", json=crowd)
        api.get(f"{users}&startAt=1000&maxResults=1000", json=[])
        api.get(f"{users}&accountId=a1", json=[ALICE])
        api.get(f"{users}&accountId=b1", json=[])
        reader = tracker()
        for _ in range(2):
            read = reader.read([REF])[REF]
        assert len(api.calls) == 7
    assert isinstance(read, Issue)
    assert read.author is not None
    assert (read.author.standing, read.assignees[0].standing) == (Standing.TEAM, Standing.OUTSIDER)


def test_screen_that_did_not_come_along_is_asked_for_once() -> None:
    target = {"id": "5", "name": "Emergency Queue"}
    ways = [{"id": "51", "name": "Raise", "to": target, "hasScreen": True}]
    needed = {
        "required": True,
        "name": "Root cause",
        "key": "customfield_1",
        "operations": ["set"],
        "schema": {"type": "string"},
    }
    fields = {"customfield_1": needed, "customfield_2": {**needed, "name": "Team", "hasDefaultValue": True}}
    board = {"columnConfig": {"columns": [{"name": "Emergency Queue", "statuses": [{"id": "5"}]}]}}
    with responses.RequestsMock() as api:
        answering(api, SITE, {**issue(), "transitions": ways}, [ALICE])
        api.get(f"{SITE}/rest/agile/1.0/board/81/configuration", json=board)
        api.get(
            f"{SITE}/rest/api/2/issue/OPS-7/transitions?expand=transitions.fields",
            json={"transitions": [{**ways[0], "fields": fields}]},
        )
        reader = tracker(board=81)
        for _ in range(2):
            read = reader.read([REF])[REF]
        assert len(api.calls) == 6
    assert isinstance(read, Issue)
    assert read.card is not None
    assert 'asks for "Root cause"' in read.card.barred[Column.EMERGENCY_QUEUE]


LOGIN = "<html><title>Log in</title><form>s3cret</form></html>"
ANSWERS: list[tuple[dict[str, Any], type[TrackerError], str]] = [
    ({"status": 200, "body": LOGIN}, Unreachable, "a page instead of data"),
    ({"status": 200, "json": [1, 2]}, Unreachable, "has not the expected shape"),
    ({"status": 200, "body": ""}, Unreachable, "has not the expected shape"),
    ({"status": 302, "headers": {"Location": "https://sso.acme.example/?jwt=1"}}, Unreachable, "to sso.acme.example:"),
    ({"status": 401, "body": LOGIN}, AccessDenied, "does not accept the credentials"),
    ({"status": 403, "json": {"errorMessages": ["Not on the allowlist"]}}, AccessDenied, "Not on the allowlist"),
    ({"status": 403, "headers": {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE"}}, AccessDenied, "CAPTCHA"),
    (
        {"status": 200, "json": {"issues": []}, "headers": {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}},
        AccessDenied,
        "does not accept the credentials",
    ),
    ({"status": 400, "json": {"errorMessages": None, "errors": []}}, TrackerError, "gave no reason"),
    ({"status": 400, "json": 7}, TrackerError, "gave no reason"),
    ({"status": 400, "json": {"message": "a\nb" + "c" * 1000}}, TrackerError, "a bccc"),
    ({"status": 500, "body": LOGIN}, Unreachable, "failed at POST api/2/issue/bulkfetch"),
    ({"status": 503, "body": LOGIN}, Unreachable, "HTTP 503"),
    ({"status": 429, "headers": {"Retry-After": "soon"}}, RateLimited, "asked for a pause"),
]


@pytest.mark.broken_answers
@pytest.mark.parametrize(("answer", "kind", "says"), ANSWERS, ids=[f"{a['status']}-{s[:16]}" for a, _, s in ANSWERS])
def test_answers_that_are_no_success(answer: dict[str, Any], kind: type[TrackerError], says: str) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        api.post(f"{SITE}/rest/api/2/issue/bulkfetch", **answer)
        api.get(f"{SITE}/rest/api/2/myself", json=ME)
        with pytest.raises(kind) as caught:
            tracker().read([REF])
    said = str(caught.value)
    assert says in said
    assert len(said) < 600
    assert not any(secret in said for secret in ("s3cret", "jwt", "Basic ", "bot@acme"))


PAUSES = [
    ({"Retry-After": "1847"}, 1847.0),
    ({"Retry-After": "1.5"}, 1.5),
    ({"Retry-After": "0"}, 1.0),
    ({"Retry-After": "Mon, 23 Nov 2026 09:05:00 GMT"}, 300.0),
    ({"Retry-After": "Mon, 23 Nov 2020 09:05:00 GMT"}, 1.0),
    ({"Retry-After": "99999999999999999999"}, 30.0),
    ({"X-RateLimit-Reset": "2026-11-23T09:10:00Z"}, 600.0),
    ({}, 30.0),
]


@pytest.mark.parametrize(("headers", "seconds"), PAUSES)
def test_pause_is_as_long_as_jira_says(headers: dict[str, str], seconds: float) -> None:
    with responses.RequestsMock() as api:
        api.post(f"{SITE}/rest/api/2/issue/bulkfetch", status=429, headers=headers)
        with pytest.raises(RateLimited) as caught:
            tracker().read([REF])
    assert caught.value.retry_at == NOW + timedelta(seconds=seconds)


def test_one_unreadable_issue_is_not_an_error_of_the_tracker() -> None:
    with responses.RequestsMock() as api:
        api.post(f"{SITE}/rest/api/2/issue/bulkfetch", json={"issues": [{"id": "1", "key": "OPS-7", "fields": {}}]})
        api.get(f"{SITE}/rest/api/2/myself", json=ME)
        with pytest.raises(ValueError, match="about OPS-7 has not the expected shape"):
            tracker().read([REF])


def test_expired_token_does_not_make_issues_vanish() -> None:
    with responses.RequestsMock() as api:
        headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
        api.get(f"{SITE}/rest/api/2/issue/OPS-7", status=404, headers=headers)
        with pytest.raises(AccessDenied):
            tracker(product="data-center", auth=Bearer("t")).read([REF])
    with responses.RequestsMock() as api:
        api.get(f"{SITE}/rest/api/2/issue/OPS-7", status=404)
        assert isinstance(tracker(product="data-center", auth=Bearer("t")).read([REF])[REF], Gone)


CAROL = {"accountId": "c1"}
MARK, KEY_ONLY = Marker("status", "d", {"a": 1}), Marker("status", "")
BELIEVED = [
    ({"author": ME, "updateAuthor": ME}, MARK),
    ({"author": ME}, MARK),
    ({"author": ME, "updateAuthor": CAROL}, KEY_ONLY),
    ({"author": CAROL, "updateAuthor": ME}, None),
    ({"author": CAROL}, None),
    ({"author": {"accountId": "former"}, "updateAuthor": ME}, MARK),
    ({"author": {"displayName": "Robot"}}, None),
    ({}, None),
]


@pytest.mark.parametrize(("comment", "counts"), BELIEVED)
def test_marker_counts_only_where_nobody_else_wrote(comment: dict[str, Any], counts: Marker | None) -> None:
    assert believed(MARK, comment, People(frozenset({"me", "former"}), lambda _: True)) == counts


BOARD = board_of(
    1, {"columnConfig": {"columns": [{"name": "Backlog"}, {"name": "Doing", "statuses": [{"id": "3"}, {"id": "4"}]}]}}
)
ITEMS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (
        {"field": "labels", "from": None, "fromString": "a b", "to": None, "toString": "b c"},
        [("unlabeled", "a"), ("labeled", "c")],
    ),
    ({"field": "labels", "fieldId": "labels", "fromString": "", "toString": "P0"}, [("labeled", "P0")]),
    ({"field": "Status", "from": "1", "to": "3", "fromString": "To Do", "toString": "Busy"}, [("moved", "Doing")]),
    ({"field": "status", "fieldId": "status", "from": "3", "to": "4", "fromString": "x", "toString": "y"}, []),
    (
        {"field": "status", "from": "3", "to": "9", "fromString": "x", "toString": "Gone"},
        [("moved", "Gone"), ("closed", "")],
    ),
    ({"field": "priority", "from": "4", "fromString": "Low", "to": "2", "toString": "High"}, [("prioritized", "High")]),
    ({"field": "assignee", "from": None, "to": "a1", "toString": "Alice"}, [("assigned", "a1")]),
    ({"field": "assignee", "from": "a1", "to": "b2"}, [("unassigned", "a1"), ("assigned", "b2")]),
    ({"field": "Key", "fromString": "OPS-1", "toString": "WEB-2"}, [("transferred", "WEB-2")]),
    ({"field": "Sprint", "fieldId": "customfield_10107", "to": "3", "toString": "Sprint 3"}, []),
    ({}, []),
]


@pytest.mark.parametrize(("item", "expected"), ITEMS, ids=[f"{n}-{i.get('field')}" for n, (i, _) in enumerate(ITEMS)])
def test_changelog_items(item: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    people = People(frozenset({"me"}), lambda _: True)
    layout = Layout(BOARD, {column: column.value for column in Column})
    histories = [{"id": "1", "created": "2019-02-16T13:12:10.037-0800", "items": [item]}] * 2
    events = list(timeline(items_of(histories, people), Context(people, layout, lambda status: status == "9")))
    assert [(event.kind.value, event.value) for event in events] == expected
    assert {event.at for event in events} <= {datetime(2019, 2, 16, 21, 12, 10, 37000, tzinfo=UTC)}
    assert len({event.id for event in events}) == len(events)


def test_a_move_is_one_transfer() -> None:
    people = People(frozenset(), lambda _: True)
    items = [
        {"field": "project", "to": "2", "toString": "Web"},
        {"field": "Key", "toString": "WEB-2"},
        {"field": "Workflow"},
    ]
    history = [{"id": "1", "created": SAID, "items": items}]
    events = timeline(items_of(history, people), Context(people, None, lambda _: False))
    assert [event.value for event in events] == ["WEB-2"]


TEXTS: list[tuple[Any, str]] = [
    (None, ""),
    (True, "yes"),
    (500.0, "500"),
    (0.5, "0.5"),
    ({"value": "High", "id": "1"}, "High"),
    ({"value": "EU", "child": {"value": "Berlin"}}, "EU - Berlin"),
    ([{"name": "a"}, {"displayName": "B"}, None], "a, B"),
    ({"unknown": 1}, ""),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_text_of_a_value(value: Any, text: str) -> None:
    assert text_of(value) == text


VALUES: list[tuple[Field, str, Any]] = [
    (Field("f", "F"), "x", "x"),
    (Field("f", "F"), "", None),
    (Field("f", "F", "number"), "2.5", 2.5),
    (Field("f", "F", "option"), "none", {"value": "none"}),
    (Field("f", "F", "priority"), "High", {"name": "High"}),
    (Field("f", "F", "array", "option"), "a, b c", [{"value": "a"}, {"value": "b c"}]),
    (Field("f", "F", "array", "string"), "a b", ["a", "b"]),
    (Field("f", "F", "array", "string"), "", []),
]


@pytest.mark.parametrize(("field", "text", "value"), VALUES)
def test_value_of_a_text(field: Field, text: str, value: Any) -> None:
    assert value_of(field, text) == value


@pytest.mark.parametrize("sign", ["x", "\N{FIRE}"])
def test_long_text_is_cut_where_jira_counts(sign: str) -> None:
    long = fitting(sign * 40_000)
    assert LONGEST_TEXT - 2 <= len(long.encode("utf-16-le")) // 2 <= LONGEST_TEXT
    assert long.endswith(CUT)
    assert fitting(sign * 16_000) == sign * 16_000
    json.dumps(long).encode()


def test_moment_reads_what_jira_writes() -> None:
    assert moment("2026-11-23T10:00:00.123+0100") == datetime(2026, 11, 23, 9, 0, 0, 123000, tzinfo=UTC)
