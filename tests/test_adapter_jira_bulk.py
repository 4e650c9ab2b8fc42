"""Jira Cloud: what many issues have in common is written by bulk operations; whatever those don't do, by itself."""

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from adapters.jira import JiraTracker
from adapters.jira.bulk_task import Patience
from adapters.tracker import LeaseLost, Outcome, RateLimited, Unreachable
from mapping.changes import Acknowledge, AlarmFacts, Change, MoveTo, PostComment, SetFields, SetLabels
from mapping.issue import Column, Issue, IssueRef
from tests.adapter_jira_house import House, Start, houses, ref, status
from tests.contracts import Recorder
from tests.standins.jira.acme import with_screen, with_workflow
from tests.standins.jira.faults import FaultKind
from tests.standins.jira.state import CustomField, Transition
from tests.standins.jira.world import SYSTEM_SCREEN

QUICK = Patience(0.01, 0.05, 1)
QUEUE = MoveTo(Column.EMERGENCY_QUEUE, ("R21",))
LABEL = [SetLabels(frozenset({"P0"}), frozenset(), ())]
TRANSITION, EDIT = "POST api/3/bulk/issues/transition", "POST api/3/bulk/issues/fields"
FIELDS = (
    CustomField("customfield_10101", "Severity", "select", (("11", "P0"), ("12", "P1"), ("13", "P2"), ("14", "P3"))),
    CustomField("customfield_10102", "OKR impact", "textfield"),
    CustomField("customfield_10103", "Response due", "datetime"),
    CustomField("customfield_10104", "ETA", "textarea"),
    CustomField("customfield_10105", "Points", "float"),
)


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def company(start: Start, **how: Any) -> House:
    """A site that has the fields of a card, all on the edit screens."""
    house = start(**how)
    house.jira.world.fields = {field.id: field for field in FIELDS}
    for project in ("OPS", "WEB"):
        with_screen(house.jira, project, *SYSTEM_SCREEN, *house.jira.world.fields)
    return house


def opened(house: House, tracker: JiraTracker, issues: int, **how: Any) -> list[IssueRef]:
    """As many issues, read."""
    refs = [ref(house.jira.create_issue("OPS", "carol", f"no {n}", **how)) for n in range(issues)]
    tracker.read(refs)
    house.asked()
    return refs


def wanted(severity: str, **fields: str) -> tuple[Change, ...]:
    """A label, a column and fields."""
    labels = SetLabels(frozenset({severity, "emergency"}), frozenset({"old"}), ("R24",))
    return labels, QUEUE, SetFields({"Severity": severity, "OKR impact": "none"} | fields, ("R20",))


def bulks(asked: Sequence[str]) -> list[str]:
    """The bulk operations among requests; asking after one is `GET queue`."""
    return [("GET queue" if "queue" in one else one) for one in asked if "/bulk/" in one]


def sure(outcomes: Any, *, failed: int = 0) -> None:
    assert sum(bool(outcome.failed) for outcome in outcomes.values()) == failed, outcomes


def test_what_is_alike_takes_two_requests_an_operation(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 100, labels=["kept", "old"])
    work = {one: wanted("P0" if n % 2 else "P1") for n, one in enumerate(refs)}
    outcomes = tracker.apply(work, lambda: True)
    asked = house.asked()
    assert [*outcomes.values()] == [Outcome(applied=outcomes[one].applied) for one in work]
    assert all({*map(type, outcome.applied)} == {SetLabels, MoveTo, SetFields} for outcome in outcomes.values())
    assert bulks(asked) == [TRANSITION, "GET queue", EDIT, "GET queue", EDIT, "GET queue"]
    # Beside them the site's fields, and once for all issues of the type which ids the options of a list have.
    assert [one for one in asked if "/bulk/" not in one] == ["GET field", f"GET issue/{refs[0].key}/editmeta"]
    for n, one in enumerate(refs):
        seen, severity = house.jira.issue(one.key), "P0" if n % 2 else "P1"
        assert (seen.status, seen.labels) == ("Emergency Queue", tuple(sorted((severity, "emergency", "kept"))))
        assert seen.fields == {"Severity": severity, "OKR impact": "none"}
    bodies = [request.body for request in house.jira.requests if "/bulk/issues" in request.path]
    assert [body["sendBulkNotification"] for body in bodies] == [False] * 3


@pytest.mark.parametrize(("severities", "requests"), [(1, 9), (2, 11), (3, 13), (4, 15)])
def test_requests_for_five_hundred_issues_with_the_read(start: Start, severities: int, requests: int) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    sure(tracker.apply({one: wanted("P0") for one in opened(house, tracker, 5)}, lambda: True))
    assert tracker.batch == 500
    refs = opened(house, tracker, tracker.batch)
    tracker.read(refs)
    sure(tracker.apply({one: wanted(f"P{n % severities}") for n, one in enumerate(refs)}, lambda: True))
    assert len(house.asked()) == requests


def test_few_issues_are_written_one_by_one(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 4)
    sure(tracker.apply({one: wanted("P0") for one in refs}, lambda: True))
    assert bulks(house.asked()) == []
    assert {house.jira.issue(one.key).status for one in refs} == {"Emergency Queue"}


def test_data_center_has_no_bulk_operations(start: Start) -> None:
    house = company(start, product="data-center")
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    assert tracker.batch == 100
    sure(tracker.apply({one: wanted("P0") for one in refs}, lambda: True))
    assert bulks(house.asked()) == []


def test_values_of_each_kind_arrive_and_are_cleared(start: Start) -> None:
    house = company(start)
    put = {"Severity": "P1", "OKR impact": "reduced 20%", "Response due": "2026-11-23T10:30Z", "Points": "3"}
    tracker = house.tracker(patience=QUICK, fields=list(put))
    refs = opened(house, tracker, 5, priority="Low")
    sure(tracker.apply({one: [SetFields(put | {"priority": "High"}, ())] for one in refs}, lambda: True))
    assert EDIT in house.asked()
    issues = tracker.read(refs)
    told = [(i.priority, *i.fields.values()) for i in issues.values() if isinstance(i, Issue)]
    assert told == [("High", "P1", "reduced 20%", "2026-11-23T10:30:00.000+0000", "3")] * 5
    house.asked()
    cleared = SetFields({"Severity": "", "OKR impact": "", "Response due": ""}, ())
    sure(tracker.apply({one: [cleared] for one in refs}, lambda: True))
    assert bulks(house.asked()) == [EDIT, "GET queue"]
    assert [dict(house.jira.issue(one.key).fields) for one in refs] == [
        {"Severity": None, "OKR impact": None, "Response due": None, "Points": 3.0}
    ] * 5


ALONE: dict[str, tuple[Change, ...]] = {
    "a comment": (*wanted("P0"), status()),
    "a long text": (SetFields({"ETA": "2026-11-23T10:30Z"}, ()),),
    "a list without that option": (SetFields({"Severity": "P9"}, ()),),
    "a field that Jira lacks": (SetFields({"Threatens": "O1.KR1"}, ()),),
    "a label that belongs to the move": (
        SetLabels(frozenset({"paused"}), frozenset(), ("R33",)),
        MoveTo(Column.BACKLOG, ("R33",)),
    ),
    "clearing a number": (SetFields({"Points": ""}, ()),),
}


@pytest.mark.parametrize("what", ALONE)
def test_what_cannot_go_in_bulk_goes_as_ever(start: Start, what: str) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    sure(tracker.apply(dict.fromkeys(refs, ALONE[what]), lambda: True))
    assert bulks(house.asked()) == []


def test_an_acknowledgement_is_each_issues_own(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    comments = {one: house.jira.comment(one.key, "alice", "/ack") for one in opened(house, tracker, 6)}
    tracker.read([*comments])
    house.asked()
    sure(tracker.apply({one: [*LABEL, Acknowledge((said,), ())] for one, said in comments.items()}, lambda: True))
    assert house.asked() == [f"PUT issue/{one.key}" for one in comments]


def test_comments_that_the_property_does_not_list_are_taken_along(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    alarm = PostComment("alarm-1", AlarmFacts(None, (), "team", (), False, False, "UTC"), {}, (), "Late.")
    for one in refs:
        sure(tracker.apply({one: [alarm]}, lambda: True))
    issues = tracker.read(refs)
    assert all(len(issue.comments) == 1 for issue in issues.values() if isinstance(issue, Issue))
    house.asked()
    sure(tracker.apply(dict.fromkeys(refs, LABEL), lambda: True))
    assert bulks(house.asked()) == []
    assert all("alarm-1" in house.jira.issue(one.key).properties["spark-integrator"]["comments"] for one in refs)


def test_the_property_waits_for_no_bulk_edit_but_moves_go_together(start: Start) -> None:
    house = company(start)
    del house.jira.world.fields["customfield_10102"]
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    sure(tracker.apply({one: wanted("P0") for one in refs}, lambda: True))
    asked = house.asked()
    assert bulks(asked) == [TRANSITION, "GET queue"]
    assert [one for one in asked if one.startswith("PUT")] == [f"PUT issue/{one.key}" for one in refs]
    assert house.jira.issue(refs[0].key).properties["spark-integrator"]["fields"] == {"OKR impact": {"text": "none"}}


def test_what_differs_is_edited_one_by_one_and_the_rest_together(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 12)
    own = {n: {"Response due": f"2026-11-23T10:{n:02}Z"} for n in (0, 1)}
    sure(tracker.apply({one: wanted("P0", **own.get(n, {})) for n, one in enumerate(refs)}, lambda: True))
    asked = house.asked()
    assert bulks(asked) == [TRANSITION, "GET queue", EDIT, "GET queue"]
    assert [one for one in asked if one.startswith("PUT")] == [f"PUT issue/{one.key}" for one in refs[:2]]


def test_an_emergency_in_a_backfill_is_written_before_what_can_wait_together(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    *rest, fresh = opened(house, tracker, 8)
    sure(tracker.apply({one: wanted("P1") for one in rest} | {fresh: (*wanted("P0"), status())}, lambda: True))
    asked = [one for one in house.asked() if not one.startswith("GET")]
    assert asked == [
        f"POST issue/{fresh.key}/comment",
        f"POST issue/{fresh.key}/transitions",
        f"PUT issue/{fresh.key}",
        TRANSITION,
        EDIT,
    ]


def test_a_transition_with_a_screen_is_taken_by_itself(start: Start) -> None:
    house = company(start)
    with_workflow(house.jira, "OPS", Transition("51", "Raise alarm", "10005", screen=True))
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    sure(tracker.apply({one: wanted("P0") for one in refs}, lambda: True))
    asked = house.asked()
    assert bulks(asked) == [EDIT, "GET queue"]
    assert asked.count(f"POST issue/{refs[0].key}/transitions") == 1


def test_issues_on_different_ways_move_in_one_request(start: Start) -> None:
    house = company(start)
    with_workflow(house.jira, "WEB", Transition("7", "Alarm", "10005"), Transition("8", "Put back", "10001"))
    tracker = house.tracker(patience=QUICK)
    refs = [ref(house.jira.create_issue(project, "carol", "x")) for project in ("OPS", "WEB") for _ in range(3)]
    tracker.read(refs)
    sure(tracker.apply({one: [QUEUE] for one in refs}, lambda: True))
    ways = [r.body["bulkTransitionInputs"] for r in house.jira.requests if r.path.endswith("issues/transition")]
    assert [{way["transitionId"]: len(way["selectedIssueIdsOrKeys"]) for way in one} for one in ways] == [
        {"51": 3, "7": 3}
    ]


def test_what_jira_does_not_do_in_bulk_to_an_issue_it_is_asked_to_do_by_itself(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 8)
    house.jira.bulk_fails = {refs[2].key: "It is locked."}
    house.jira.delete_issue(refs[5].key, "ada")
    outcomes = tracker.apply({one: wanted("P0") for one in refs}, lambda: True)
    sure(outcomes, failed=1)
    assert {why for _, why in outcomes[refs[5]].failed} == {
        "Issue does not exist or you do not have permission to see it."
    }
    asked = [one for one in house.asked() if "/bulk/" not in one and not one.startswith("GET")]
    alone = [
        asked_one
        for one in (refs[2], refs[5])
        for asked_one in (f"POST issue/{one.key}/transitions", f"PUT issue/{one.key}")
    ]
    assert asked == alone
    assert house.jira.issue(refs[2].key).labels == ("P0", "emergency")


def test_a_field_off_the_screen_ends_in_the_property_and_is_not_tried_in_bulk_again(start: Start) -> None:
    house = company(start)
    with_screen(house.jira, "OPS", "labels", "customfield_10101")
    tracker = house.tracker(patience=QUICK, fields=["Severity", "OKR impact"])
    refs = opened(house, tracker, 6)
    sure(tracker.apply({one: [SetFields({"OKR impact": "none"}, ())] for one in refs}, lambda: True))
    assert bulks(house.asked()) == [EDIT, "GET queue"]
    assert house.jira.issue(refs[5].key).properties["spark-integrator"]["fields"] == {"OKR impact": {"text": "none"}}
    tracker.read(refs)
    sure(tracker.apply({one: [SetFields({"OKR impact": "suspended"}, ())] for one in refs}, lambda: True))
    assert bulks(house.asked()) == []


def test_what_did_not_last_is_not_done_in_bulk_again(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 5)
    for times, expected in enumerate([[EDIT, "GET queue"], [], [EDIT, "GET queue"]]):
        tracker.read(refs)
        house.asked()
        sure(tracker.apply(dict.fromkeys(refs, LABEL), lambda: True))
        assert bulks(house.asked()) == expected, times


@pytest.mark.parametrize("ends", ["FAILED", "DEAD", "CANCELLED"])
def test_a_task_that_ends_badly_fails_for_the_issues_it_did_not_get_to(start: Start, ends: str) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 8)
    house.jira.bulk_ends, house.jira.bulk_gets_to = ends, 3
    house.jira.bulk_fails = {refs[0].key: "It is locked."}
    outcomes = tracker.apply({one: [QUEUE, *LABEL] for one in refs}, lambda: True)
    sure(outcomes, failed=6)
    whys = [why for outcome in outcomes.values() for _, why in outcome.failed]
    assert all(f"ended as {ends}" in why for why in whys)
    assert ["It is locked." in why for why in whys] == [True, False, False, False, False, False]
    # The labels were put all the same, one by one: for a while nothing is done in bulk.
    assert {house.jira.issue(one.key).labels for one in refs} == {("P0",)}
    tracker.read(refs)
    house.asked()
    sure(tracker.apply({one: [QUEUE] for one in refs}, lambda: True))
    assert bulks(house.asked()) == []


def test_a_task_that_takes_too_long_fails_and_is_looked_at_again(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=Patience(0.01, 0.05, 0.1, each=0.02))
    refs = opened(house, tracker, 5)
    house.jira.bulk_takes = math.inf
    outcomes = tracker.apply({one: [QUEUE] for one in refs}, lambda: True)
    sure(outcomes, failed=5)
    assert "was not done after 0.2 s" in outcomes[refs[0]].failed[0][1]
    assert len(bulks(house.asked())) <= 8


def test_a_task_is_asked_after_when_those_before_it_were_done(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=Patience(0.02, 1, 5))
    house.jira.bulk_takes = 0.3
    asked = []
    for _ in range(3):
        sure(tracker.apply({one: [QUEUE] for one in opened(house, tracker, 5)}, lambda: True))
        asked.append(len(bulks(house.asked())) - 1)
    assert max(asked[1:]) <= 2 < asked[0]


@pytest.mark.broken_answers
@pytest.mark.parametrize("refused", ["permission", "400", "401", "404"])
def test_where_jira_takes_no_bulk_operation_everything_is_written_one_by_one(start: Start, refused: Any) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    if refused == "permission":
        house.jira.world.grant("integrator", frozenset(), "")
    else:
        house.jira.fault(lambda _, path, __: "/bulk/issues" in path, refused, times=9, reason="no")
    sure(tracker.apply({one: wanted("P0") for one in refs}, lambda: True))
    # A body that is wrong says nothing about other operations.
    assert bulks(house.asked()) == ([TRANSITION, EDIT] if refused == "400" else [TRANSITION])
    assert tracker.batch == (500 if refused == "400" else 100)
    assert {house.jira.issue(one.key).status for one in refs} == {"Emergency Queue"}
    for hour, tried in ((9, []), (10, [EDIT])):
        house.clock.at = house.clock.at.replace(hour=hour)
        tracker.read(refs)
        house.asked()
        sure(tracker.apply({one: wanted(f"P{hour % 4}") for one in refs}, lambda: True))
        assert bulks(house.asked()) == tried


WHEN: dict[str, tuple[str, str]] = {"handed over": ("POST", "/bulk/issues"), "asked after": ("GET", "/bulk/queue")}


@pytest.mark.broken_answers
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("kind", ["reset-before", "reset-after", "502-after", "truncated", "garbage", "429"])
def test_a_task_whose_end_is_not_known_is_looked_at_again(start: Start, when: str, kind: FaultKind) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    method, path = WHEN[when]
    house.jira.fault(lambda m, p, _: m == method and path in p, kind, reason="jira-quota-global-based")
    with pytest.raises(RateLimited if kind == "429" else Unreachable):
        tracker.apply(dict.fromkeys(refs, LABEL), lambda: True)
    issues = tracker.read(refs)
    # Where Jira had the task it is done, and nothing is left to do; else it is done now.
    there = {one for one, issue in issues.items() if "P0" in getattr(issue, "labels", ())}
    assert there in (set(), set(refs))
    assert (there == set()) == (when == "handed over" and kind in {"reset-before", "429"})
    sure(tracker.apply(dict.fromkeys(refs, LABEL), lambda: True))
    assert all(len(house.jira.issue(one.key).histories) == 1 for one in refs)


def test_too_many_bulk_operations_at_once_make_no_one_ask_for_each_issue(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    house.jira.fault(lambda _, path, __: "/bulk/issues" in path, "429", reason="jira-burst-based")
    outcomes = tracker.apply(dict.fromkeys(refs, LABEL), lambda: True)
    assert house.asked() == [EDIT]
    (retry_at,) = {outcome.retry_at for outcome in outcomes.values()}
    assert retry_at is not None and not any(outcome.stopped for outcome in outcomes.values())
    house.clock.at = retry_at
    tracker.read(refs)
    house.asked()
    sure(tracker.apply(dict.fromkeys(refs, LABEL), lambda: True))
    assert bulks(house.asked()) == [EDIT, "GET queue"]


def test_a_task_that_may_not_be_asked_after_just_now_is_waited_for(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    house.jira.fault(lambda _, path, __: "/bulk/queue" in path, "429", retry_after="1", reason="jira-burst-based")

    def a_second_later() -> bool:
        house.clock.at += timedelta(seconds=1)
        return True

    sure(tracker.apply(dict.fromkeys(refs, LABEL), a_second_later))
    assert bulks(house.asked()) == [EDIT, "GET queue", "GET queue"]


def test_what_was_done_before_the_tracker_stopped_is_told(start: Start) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    house.jira.fault(lambda _, path, __: "issues/fields" in path, "502-before")
    outcomes = tracker.apply({one: [QUEUE, *LABEL] for one in refs}, lambda: True)
    assert all((outcome.applied, [c for c, _ in outcome.failed]) == ((QUEUE,), LABEL) for outcome in outcomes.values())
    assert not [one for one in house.asked() if one.startswith("PUT")]


@pytest.mark.parametrize(("answers", "asked"), [([False], []), ([True, False], [EDIT])])
def test_nothing_is_begun_or_waited_for_without_time_left(start: Start, answers: list[bool], asked: list[str]) -> None:
    house = company(start)
    tracker = house.tracker(patience=QUICK)
    refs = opened(house, tracker, 6)
    left = iter(answers)
    with pytest.raises(LeaseLost):
        tracker.apply(dict.fromkeys(refs, LABEL), lambda: next(left))
    assert house.asked() == asked
