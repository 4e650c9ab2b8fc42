"""Scenario files: every fault at its line, and every verb does what it says."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrator.scenario import VERBS, Clock, Event, Impossible, Scenario, Stage
from integrator.yaml_file import ConfigError, validated
from mapping.issue import Column, IssueRef, Standing

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
HEAD = "start: 2026-11-23T09:00:00Z\nteam: [alice]\nuntil: +1h\n"
NINE = IssueRef("github", "acme/shop#9")


def read(text: str) -> Scenario:
    return validated(Scenario, text, "day.yaml")


def event(**keys: Any) -> Event:
    return Event.model_validate({"at": "+0m", "by": "alice", **keys})


EVENT = HEAD + "events:\n- "
FAULTS = [
    ("team: [alice]\nuntil: +1h\n", "day.yaml start: is missing"),
    (HEAD.replace("+1h", "1h"), "day.yaml:3 until: '1h' is not an offset from the start; write for example +12m, +1h"),
    (HEAD + "evnets: []\n", "day.yaml:4 evnets: is not a key here; did you mean 'events'?"),
    (HEAD + "board:\n  Doing: []\n", "day.yaml:5 board.Doing: input should be 'Backlog'"),
    (HEAD + "issues:\n- {ref: shop-9, title: x, by: a}\n", "day.yaml:5 issues[0].ref: 'shop-9' does not name an iss"),
    (EVENT + "{at: +0m, by: a, open: jira:OPS-1, close: jira:OPS-1}\n", "day.yaml:5 events[0]: an event does exactly "),
    (EVENT + "{at: +0m, by: a}\n", "day.yaml:5 events[0]: an event does exactly one of open, comment, label"),
    (EVENT + "{at: +0m, open: jira:OPS-1}\n", "day.yaml:5 events[0]: says not who does it; add by: NAME"),
    (EVENT + "{at: soon, by: a, close: jira:OPS-1}\n", "day.yaml:5 events[0].at: 'soon' is not an offset"),
    (EVENT + "{at: +0m, by: a, move: jira:OPS-1, to: Doing}\n", "day.yaml:5 events[0]: to: 'Doing' is not a column;"),
    (EVENT + "{at: +0m, outage: long}\n", "day.yaml:5 events[0].outage: '+long' is not an offset"),
    (EVENT + "{at: +0m, by: a, transfer: jira:OPS-1}\n", "day.yaml:5 events[0]: 'None' does not name an issue;"),
    (
        EVENT + '{at: +0m, by: a, transfer: jira:OPS-1, to: "github:acme/shop#9"}\n',
        "day.yaml:5 events[0]: to: github:acme/shop#9 is in another tracker; an issue can't be transferred there",
    ),
]


@pytest.mark.parametrize(("text", "says"), FAULTS, ids=[says[:50] for _, says in FAULTS])
def test_a_fault_has_its_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+90s", timedelta(seconds=90)),
        ("+1h30m", timedelta(minutes=90)),
        ("-3d", timedelta(days=-3)),
        ("+2w1d", timedelta(days=15)),
        ("+0m", timedelta(0)),
    ],
)
def test_offsets(written: str, meant: timedelta) -> None:
    assert event(at=written, close="jira:OPS-1").at == meant


@pytest.mark.parametrize("wrong", ["1h", "+", "+h", "+1", "+1.5h", "+1h ", 60])
def test_what_is_no_offset(wrong: object) -> None:
    with pytest.raises(ValueError, match="is not an offset from the start"):
        event(at=wrong, close="jira:OPS-1")


def test_events_are_played_in_the_order_of_their_times() -> None:
    events = "events:\n- {at: +2h, by: a, close: jira:OPS-1}\n- {at: +1h, by: a, open: jira:OPS-1, title: x}\n"
    assert [e.verb for e in read(HEAD + events).events] == ["open", "close"]


def test_trackers_are_told_apart_by_how_their_issues_are_named() -> None:
    issues = 'issues:\n- {ref: "hub:acme/shop#3", title: x, by: a}\n'
    events = "events:\n- {at: +0m, by: a, open: ops:OPS-1, title: x}\n- {at: +1m, outage: 3h}\n"
    scenario = read(HEAD + issues + events)
    stage = Stage.set_up(scenario, Clock())
    assert {name: tracker.dialect for name, tracker in stage.trackers.items()} == {"hub": "markdown", "ops": "wiki"}
    assert [str(ref) for ref in stage.refs()] == ["hub:acme/shop#3"]


def staged() -> Stage:
    issues = 'issues:\n- {ref: "github:acme/shop#9", title: Old, by: carol, at: -3d, labels: [bug], priority: High}\n'
    board = 'board: {In Progress: ["github:acme/shop#9"]}\n'
    return Stage.set_up(read(HEAD + issues + board), Clock())


def test_the_stage_is_set_as_the_file_says() -> None:
    stage = staged()
    issue = stage.trackers["github"].issue(NINE)
    assert stage.clock() == START
    assert issue.created_at == START - timedelta(days=3)
    assert (set(issue.labels), issue.priority) == ({"bug"}, "High")
    assert issue.author is not None and issue.author.standing is Standing.OUTSIDER
    assert issue.card is not None and issue.card.column is Column.IN_PROGRESS


VERBS_DO: list[tuple[Mapping[str, Any], str, object]] = [
    ({"comment": str(NINE), "body": "hello", "internal": True}, "comments[-1].body", "hello"),
    ({"comment": str(NINE), "body": "hello", "internal": True}, "comments[-1].internal", True),
    ({"label": str(NINE), "add": ("P1",), "remove": ("bug",)}, "labels", {"P1"}),
    ({"move": str(NINE), "to": "Review"}, "card.column", Column.REVIEW),
    ({"assign": str(NINE), "to": ("alice", "bob")}, "assignees[1].name", "bob"),
    ({"assign": str(NINE), "to": "alice"}, "assignees[0].name", "alice"),
    ({"assign": str(NINE)}, "assignees", ()),
    ({"close": str(NINE)}, "closed_at", START),
    ({"reopen": str(NINE)}, "closed_at", None),
]


@pytest.mark.parametrize(("keys", "path", "value"), VERBS_DO)
def test_a_verb_does_what_it_says(keys: Mapping[str, Any], path: str, value: object) -> None:
    stage = staged()
    assert stage.play(event(**keys)) == NINE
    assert eval(f"issue.{path}", {"issue": stage.trackers["github"].issue(NINE)}) == value


def test_comments_are_edited_and_deleted_by_their_number() -> None:
    stage = staged()
    for body in ("one", "two", "three"):
        stage.play(event(comment=str(NINE), body=body))
    stage.play(event(edit=str(NINE), comment=2, body="2"))
    stage.play(event(delete=str(NINE), comment=1))
    stage.play(event(edit=str(NINE), body="first of what is left"))
    assert [c.body for c in stage.trackers["github"].issue(NINE).comments] == ["first of what is left", "three"]


def test_a_transferred_issue_is_told_of_by_its_new_name() -> None:
    stage = staged()
    assert stage.play(event(transfer=str(NINE), to="github:acme/web#1")) == IssueRef("github", "acme/web#1")


IMPOSSIBLE = [
    ({"close": "github:acme/shop#1"}, "close github:acme/shop#1: there is no such issue then"),
    ({"edit": str(NINE), "comment": 2}, "edit github:acme/shop#9: there is no such comment 2 on it then"),
    ({"delete": str(NINE)}, "delete github:acme/shop#9: there is no such comment 1 on it then"),
    ({"open": str(NINE), "title": "again"}, "github:acme/shop#9 is open already"),
]


@pytest.mark.parametrize(("keys", "says"), IMPOSSIBLE)
def test_what_cannot_happen_says_so(keys: Mapping[str, Any], says: str) -> None:
    with pytest.raises(Impossible, match=says):
        staged().play(event(**keys))


def test_every_verb_was_tried() -> None:
    tried = {verb for keys, *_ in VERBS_DO for verb in keys if verb in VERBS}
    assert tried | {"open", "edit", "delete", "transfer", "outage"} == set(VERBS)
