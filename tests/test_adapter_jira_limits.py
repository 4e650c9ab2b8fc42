"""Jira's limits: one issue's slows that issue, one kind of request's that kind, the quota all; what is left is told."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import requests

from adapters.jira import errors
from adapters.jira.limits import Limits
from adapters.tracker import Budget, Outcome, RateLimited
from mapping.changes import AlarmFacts, Change, MoveTo, PostComment, SetLabels
from mapping.issue import Column
from tests.adapter_jira_house import House, Start, houses, read, ref, status
from tests.contracts import Recorder

LABEL = SetLabels(frozenset({"P0"}), frozenset(), ())
ALARM = PostComment("alarm-1", AlarmFacts(None, (), "team", (), False, False, "UTC"), {"alarms": 1}, (), "Late.")
QUEUE = MoveTo(Column.EMERGENCY_QUEUE, ())
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def written(house: House, *plans: Sequence[Change]) -> list[Outcome]:
    """What came of the changes of as many new issues."""
    tracker = house.tracker()
    keys = [house.jira.create_issue("OPS", "alice", f"no {n}") for n in range(len(plans))]
    tracker.read([ref(key) for key in keys])
    house.asked()
    outcomes = tracker.apply({ref(key): plan for key, plan in zip(keys, plans, strict=True)}, lambda: True)
    return [outcomes[ref(key)] for key in keys]


def is_about(at: datetime | None, house: House, seconds: float) -> bool:
    return at is not None and abs(at - house.clock() - seconds * SECOND) < SECOND


def test_a_busy_issue_waits_as_long_as_jira_says_and_the_others_go_on(start: Start) -> None:
    house = start()
    house.jira.fault(lambda m, *_: m == "PUT", "429", reason="jira-per-issue-on-write", retry_after=7)
    first, second = written(house, [LABEL], [LABEL])
    assert (first.applied, second.applied) == ((), (LABEL,))
    assert "jira-per-issue-on-write" in first.failed[0][1]
    assert is_about(first.retry_at, house, 7)
    assert (first.stopped, second.retry_at) == (None, None)


def test_a_busy_issue_keeps_what_was_done_before(start: Start) -> None:
    house = start()
    house.jira.fault(lambda m, *_: m == "PUT", "429", reason="jira-per-issue-on-write", retry_after=7)
    (outcome,) = written(house, [status(n=1), LABEL])
    assert [type(change).__name__ for change in outcome.applied] == ["EditStatus"]
    assert [change for change, _ in outcome.failed] == [LABEL]
    assert is_about(outcome.retry_at, house, 7)


def test_a_busy_endpoint_is_asked_once_and_everything_else_is_done(start: Start) -> None:
    house = start()
    house.jira.fault(lambda m, path, _: path.endswith("/comment"), "429", times=9, retry_after=5)
    outcomes = written(house, [status(n=1), QUEUE], [status(n=1), LABEL], [LABEL])
    asked = house.asked()
    assert len([line for line in asked if line.endswith("comment")]) == 1
    assert [outcome.applied for outcome in outcomes] == [(QUEUE,), (LABEL,), (LABEL,)]
    assert [is_about(outcome.retry_at, house, 5) for outcome in outcomes] == [True, True, False]
    assert not any(outcome.stopped for outcome in outcomes)


def test_no_status_remembers_an_alarm_that_was_not_said(start: Start) -> None:
    house = start()
    tracker, key = house.tracker(), house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    tracker.apply({ref(key): [status(n=1)]}, lambda: True)
    comment = read(tracker, key).comments[0].id
    house.jira.fault(lambda m, path, _: m == "POST" and path.endswith("/comment"), "429", retry_after=5)
    plan: list[Change] = [ALARM, status(comment=comment, n=2), LABEL]
    outcome = tracker.apply({ref(key): plan}, lambda: True)[ref(key)]
    assert outcome.applied == (LABEL,)
    assert [change for change, _ in outcome.failed] == plan[:2]


def test_a_busy_endpoint_in_a_read_holds_the_tracker_and_is_left_alone_until_then(start: Start) -> None:
    house = start()
    tracker, key = house.tracker(), house.jira.create_issue("OPS", "alice", "x")
    house.jira.fault(lambda _, path, __: "bulkfetch" in path, "429", retry_after=5)
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            tracker.read([ref(key)])
        assert is_about(caught.value.retry_at, house, 5)
    assert house.asked().count("POST issue/bulkfetch") == 1


def test_the_quota_stops_everything_and_keeps_what_was_done(start: Start) -> None:
    house = start()
    house.jira.fault(lambda _, path, __: path.endswith("OPS-2"), "429", reason="jira-quota-global-based", retry_after=9)
    outcomes = written(house, [LABEL], [LABEL], [LABEL])
    assert [len(outcome.applied) for outcome in outcomes] == [1, 0, 0]
    assert len(house.asked()) == 2
    assert outcomes[0].stopped is None
    for outcome in outcomes[1:]:
        assert isinstance(outcome.stopped, RateLimited)
        assert is_about(outcome.stopped.retry_at, house, 9)


REASONS = {
    "jira-per-issue-on-write": errors.IssueBusy,
    "jira-burst-based": errors.EndpointBusy,
    "jira-quota-global-based": RateLimited,
    "jira-quota-tenant-based": RateLimited,
    "": RateLimited,
}


@pytest.mark.parametrize("reason", REASONS)
def test_what_a_reason_means(reason: str) -> None:
    answer = answered(429, {"RateLimit-Reason": reason, "Retry-After": "4"})
    with pytest.raises(RateLimited) as caught:
        errors.judge(answer, NOW)
    assert type(caught.value) is REASONS[reason]
    assert caught.value.retry_at == NOW + 4 * SECOND


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "4"}, 4),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "Mon, 23 Nov 2026 09:01:00 GMT"}, 60),
        ({"Retry-After": "soon"}, 30),
        ({"X-RateLimit-Reset": "2026-11-23T09:10Z"}, 600),
        ({"X-RateLimit-Reset": "2026-11-23T09:10:00"}, 600),
        ({"X-RateLimit-Reset": "2026-11-23T09:10Z", "Date": "Mon, 23 Nov 2026 09:05:00 GMT"}, 300),
        ({"X-RateLimit-Reset": "2026-11-23T09:10Z", "Date": "today"}, 600),
        ({"X-RateLimit-Reset": "later"}, 30),
        ({}, 30),
    ],
)
def test_when_to_ask_again(headers: dict[str, str], seconds: float) -> None:
    with pytest.raises(RateLimited) as caught:
        errors.judge(answered(429, headers), NOW)
    assert caught.value.retry_at == NOW + seconds * SECOND


def answered(code: int, headers: dict[str, str]) -> requests.Response:
    answer = requests.Response()
    answer.status_code = code
    answer.headers.update(headers)
    answer.request = requests.Request("PUT", "https://acme.atlassian.net/rest/api/2/issue/OPS-1").prepare()
    answer._content = b""
    return answer


ALL = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "42", "X-RateLimit-Reset": "2026-11-23T10:00:00+01:00"}


@pytest.mark.parametrize("missing", ["", *ALL])
def test_what_is_left_is_told_where_jira_says_all_of_it(missing: str) -> None:
    limits = Limits()
    assert limits.told == ()
    limits.heard({name: value for name, value in ALL.items() if name != missing}, NOW)
    assert limits.told == (() if missing else (Budget("requests", 100, 42, NOW, NOW),))


PATHS = [
    ("api/2/issue/OPS-1/comment", "api/2/issue/WEB-22/comment", True),
    ("api/2/issue/OPS-1/comment/10000", "api/2/issue/OPS-1/comment/10001", True),
    ("api/2/issue/OPS-1/comment", "api/2/issue/OPS-1/comment/10001", False),
    ("api/2/issue/OPS-1", "api/2/issue/OPS-2/transitions", False),
    ("agile/1.0/board/81/issue", "agile/1.0/board/81/configuration", False),
]


@pytest.mark.parametrize(("busy", "asked", "same"), PATHS)
def test_requests_of_one_kind(busy: str, asked: str, same: bool) -> None:
    limits = Limits()
    limits.leave("POST", busy, errors.EndpointBusy("busy", NOW + SECOND))
    limits.check("GET", asked, NOW)
    limits.check("POST", asked, NOW + SECOND)
    if not same:
        limits.check("POST", asked, NOW)
        return
    with pytest.raises(errors.EndpointBusy, match="busy"):
        limits.check("POST", asked, NOW)
