"""The tracker in memory: people act on it, and it is read and written like a real one."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.memory import OURSELVES, MemoryTracker
from adapters.tracker import Finding, Gone, Health, LeaseLost, Step, Tracker
from mapping.changes import (
    AlarmFacts,
    Change,
    DropComment,
    EditStatus,
    MoveTo,
    PostComment,
    SetFields,
    SetLabels,
    StatusFacts,
)
from mapping.issue import Card, Column, Happened, Issue, IssueRef, Marker, Standing
from tests.mapping_house import REF, START, Clock

OTHER = IssueRef("github", "acme/shop#10")
FACTS = StatusFacts(None, None, (), (), (), "", "", (), (), False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker(clock: Clock) -> MemoryTracker:
    found = MemoryTracker("github", "markdown", ("alice",), clock)
    found.open(REF, "carol", "Broken", body="x", labels=["bug"], priority="Low")
    clock.now += timedelta(minutes=1)
    return found


def happened(tracker: MemoryTracker) -> list[tuple[str, str, str]]:
    return [(e.kind.value, e.value, e.by.name if e.by else "") for e in tracker.issue(REF).timeline]


def write(tracker: MemoryTracker, *changes: Change) -> None:
    tracker.apply({REF: changes}, lambda: True)


def test_it_fills_the_port(tracker: MemoryTracker) -> None:
    port: Tracker = tracker
    assert (port.name, port.dialect) == ("github", "markdown")


@pytest.mark.parametrize(
    ("name", "standing"),
    [
        ("alice", Standing.TEAM),
        ("carol", Standing.OUTSIDER),
        ("x[bot]", Standing.BOT),
        ("spark-integrator", Standing.SELF),
    ],
)
def test_standings(tracker: MemoryTracker, name: str, standing: Standing) -> None:
    """R25."""
    assert tracker.person(name).standing is standing


def test_an_issue_as_it_was_opened(tracker: MemoryTracker) -> None:
    issue = tracker.issue(REF)
    assert (issue.title, issue.body, issue.priority) == ("Broken", "x", "Low")
    assert issue.labels == {"bug"}
    assert (issue.author, issue.created_at, issue.card) == (tracker.person("carol"), START, Card())
    assert happened(tracker) == [("prioritized", "Low", "carol"), ("labeled", "bug", "carol")]
    with pytest.raises(ValueError, match="github:acme/shop#9 is open already"):
        tracker.open(REF, "carol", "Again")


def test_an_issue_from_before(tracker: MemoryTracker) -> None:
    then = START - timedelta(days=3)
    tracker.open(OTHER, "alice", "Dark mode", column=Column.IN_PROGRESS, at=then)
    issue = tracker.issue(OTHER)
    assert (issue.created_at, issue.updated_at) == (then, then)
    assert issue.card == Card("In Progress", Column.IN_PROGRESS, then)
    assert [found.ref for found in tracker.issues()] == [OTHER, REF]


def close_and_reopen(tracker: MemoryTracker) -> None:
    tracker.close(REF, "alice")
    tracker.reopen(REF, "carol")


ACTS: dict[str, tuple[Callable[[MemoryTracker], object], dict[str, Any], list[tuple[str, str, str]]]] = {
    "label": (
        lambda t: t.label(REF, "alice", add=["P1", "bug"], remove=["bug", "gone"]),
        {"labels": {"P1"}},
        [("labeled", "P1", "alice"), ("unlabeled", "bug", "alice")],
    ),
    "priority": (
        lambda t: t.prioritize(REF, "carol", "High"),
        {"priority": "High"},
        [("prioritized", "High", "carol")],
    ),
    "move": (
        lambda t: t.move(REF, "alice", Column.REVIEW),
        {"card": Card("Review", Column.REVIEW, START + timedelta(minutes=1))},
        [("moved", "Review", "alice")],
    ),
    "assign": (
        lambda t: t.assign(REF, "alice", ["alice", "carol"]),
        {},
        [("assigned", "alice", "alice"), ("assigned", "carol", "alice")],
    ),
    "close": (lambda t: t.close(REF, "alice"), {"closed_at": START + timedelta(minutes=1)}, [("closed", "", "alice")]),
    "reopen": (
        close_and_reopen,
        {"closed_at": None},
        [("closed", "", "alice"), ("reopened", "", "carol")],
    ),
    "edit_body": (
        lambda t: t.edit_body(REF, "y"),
        {"body": "y", "body_edited_at": START + timedelta(minutes=1)},
        [],
    ),
}


@pytest.mark.parametrize(("act", "state", "history"), ACTS.values(), ids=ACTS)
def test_what_people_do(tracker: MemoryTracker, act: Any, state: dict[str, Any], history: Any) -> None:
    act(tracker)
    issue = tracker.issue(REF)
    assert {key: getattr(issue, key) for key in state} == state
    assert happened(tracker)[2:] == history
    assert issue.updated_at == START + timedelta(minutes=1)
    assert len({event.id for event in issue.timeline}) == len(issue.timeline)


def test_assignees_are_replaced(tracker: MemoryTracker) -> None:
    tracker.assign(REF, "alice", ["alice", "carol"])
    tracker.assign(REF, "alice", ["carol"])
    assert tracker.issue(REF).assignees == (tracker.person("carol"),)


def test_comments(tracker: MemoryTracker, clock: Clock) -> None:
    first, second = tracker.comment(REF, "carol", "hello"), tracker.comment(REF, "alice", "hi", internal=True)
    clock.now += timedelta(minutes=1)
    tracker.edit(REF, first, "alice", "HELLO")
    one, two = tracker.issue(REF).comments
    assert (one.id, one.body, one.at, one.edited_at) == (first, "HELLO", START + timedelta(minutes=1), clock.now)
    assert (one.by, one.edited_by) == (tracker.person("carol"), tracker.person("alice"))
    assert (two.body, two.internal, two.edited_at) == ("hi", True, None)
    tracker.delete(REF, first)
    assert [comment.id for comment in tracker.issue(REF).comments] == [second]


def test_a_moved_issue_is_found_where_it_went(tracker: MemoryTracker) -> None:
    before = tracker.issue(REF)
    tracker.comment(REF, "carol", "hello")
    tracker.transfer(REF, "alice", OTHER)
    found = tracker.read([REF, OTHER, IssueRef("github", "acme/shop#99")])
    assert list(found.values())[::2] == [Gone("there is no such issue", OTHER), Gone("there is no such issue")]
    moved = found[OTHER]
    assert isinstance(moved, Issue)
    assert (moved.ref, moved.created_at, len(moved.comments)) == (OTHER, before.created_at, 1)
    assert [event.kind for event in moved.timeline] == [Happened.PRIORITIZED, Happened.LABELED, Happened.TRANSFERRED]
    with pytest.raises(KeyError):
        tracker.issue(REF)


def test_what_the_integrator_writes(tracker: MemoryTracker) -> None:
    write(
        tracker,
        SetLabels(frozenset({"P1", "emergency"}), frozenset({"bug"}), ("R24",)),
        MoveTo(Column.EMERGENCY_QUEUE, ("R21",)),
        SetFields({"priority": "High", "OKR impact": "none"}, ("R55",)),
    )
    issue = tracker.issue(REF)
    assert issue.labels == {"P1", "emergency"}
    assert (issue.priority, dict(issue.fields)) == ("High", {"OKR impact": "none"})
    assert issue.card is not None
    assert issue.card.column is Column.EMERGENCY_QUEUE
    assert {event.by for event in issue.timeline[2:]} == {OURSELVES}
    assert [event.kind.value for event in issue.timeline[2:]] == [
        "labeled",
        "labeled",
        "unlabeled",
        "moved",
        "prioritized",
    ]


def test_the_status_comment_and_its_memory(tracker: MemoryTracker) -> None:
    tracker.comment(REF, "carol", "hello")
    status = EditStatus(FACTS, {"a": 1}, None, ("R23",), "text")
    write(tracker, status)
    human, ours = tracker.issue(REF).comments
    assert (ours.body, ours.by, ours.marker) == ("text", OURSELVES, Marker("status", status.digest, {"a": 1}))
    again = replace(status, comment=ours.id, memo={"a": 2}, body="more")
    write(tracker, again)
    assert tracker.issue(REF).comments[0] == human
    edited = tracker.issue(REF).comments[1]
    assert (edited.id, edited.body, edited.marker) == (ours.id, "more", Marker("status", again.digest, {"a": 2}))
    tracker.edit(REF, ours.id, "alice", "mine now")
    assert tracker.issue(REF).comments[1].marker == Marker("status", "")
    write(tracker, replace(again, comment=ours.id))
    assert tracker.issue(REF).comments[1].edited_by == OURSELVES
    write(tracker, DropComment(ours.id, ("R23",)))
    assert tracker.issue(REF).comments == (human,)


def test_an_alarm_is_a_new_comment_with_its_own_marker(tracker: MemoryTracker, clock: Clock) -> None:
    facts = AlarmFacts(None, (), "team", (), False, False, "UTC")
    alarms = [PostComment(f"alarm-{n}", facts, {"alarms": n}, ("R70",), f"late {n}") for n in (1, 2)]
    write(tracker, EditStatus(FACTS, {}, None, (), "said"), *alarms)
    status, *ours = tracker.issue(REF).comments
    assert status.marker is not None and status.marker.key == "status"
    assert [(c.by, c.at, c.body, c.edited_at) for c in ours] == [
        (OURSELVES, clock.now, "late 1", None),
        (OURSELVES, clock.now, "late 2", None),
    ]
    assert [c.marker for c in ours] == [Marker(alarm.key, alarm.digest, alarm.memo) for alarm in alarms]


def test_an_outcome_names_what_was_done(tracker: MemoryTracker, clock: Clock) -> None:
    change = MoveTo(Column.BACKLOG, ("R21",))
    outcomes = tracker.apply({REF: [change]}, lambda: True)
    assert (outcomes[REF].applied, outcomes[REF].failed, outcomes[REF].updated_at) == ((change,), (), clock.now)


def test_without_a_lease_nothing_is_written(tracker: MemoryTracker) -> None:
    before = tracker.issue(REF)
    with pytest.raises(LeaseLost):
        tracker.apply({REF: [MoveTo(Column.BACKLOG, ())]}, lambda: False)
    assert tracker.issue(REF) == before


@pytest.mark.parametrize(
    ("others", "sizes", "cursors"),
    [
        (0, [1], [None]),
        (99, [100], [None]),
        (100, [100, 1], ["100", None]),
        (250, [100, 100, 51], ["100", "200", None]),
    ],
)
def test_pages(tracker: MemoryTracker, others: int, sizes: list[int], cursors: list[str | None]) -> None:
    for number in range(others):
        tracker.open(IssueRef("github", f"acme/shop#{number + 100}"), "carol", "x")
    pages = list(tracker.pages(None, None))
    assert [len(page.refs) for page in pages] == sizes
    assert [page.cursor for page in pages] == cursors
    assert {page.total for page in pages} == {others + 1}
    assert sorted(ref for page in pages for ref in page.refs) == [issue.ref for issue in tracker.issues()]
    assert list(tracker.pages(None, cursors[0])) == (pages[1:] if cursors[0] else pages)


def test_pages_of_what_is_open_and_was_updated(tracker: MemoryTracker, clock: Clock) -> None:
    tracker.open(OTHER, "carol", "x")
    assert [page.refs for page in tracker.pages(clock.now, None)] == [(OTHER,)]
    tracker.close(OTHER, "carol")
    assert [page.refs for page in tracker.pages(None, None)] == [(REF,)]
    tracker.close(REF, "carol")
    assert [page.refs for page in tracker.pages(None, None)] == [()]


def test_there_is_nothing_to_connect_or_prepare(tracker: MemoryTracker) -> None:
    assert list(tracker.doctor()) == [Finding(Health.OK, "github", "is in memory; nothing to connect")]
    assert list(tracker.prepare(dry_run=True)) == [Step("already there", "github is in memory")]


def test_people_who_act_at_once_lose_nothing() -> None:
    def slowly() -> datetime:
        time.sleep(0.001)
        return START

    tracker = MemoryTracker("github", "markdown", ("alice",), slowly)
    tracker.open(REF, "carol", "Broken")
    acts = [lambda: tracker.comment(REF, "carol", "x"), lambda: tracker.label(REF, "alice", add=["a"], remove=["a"])]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(act) for act in acts * 10]:
            done.result()
    assert len({comment.id for comment in tracker.issue(REF).comments}) == 10
    assert len(tracker.issue(REF).timeline) == 20
