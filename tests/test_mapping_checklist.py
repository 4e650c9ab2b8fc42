"""What the status comment tells of the work: checklists, roles, clocks, and acknowledgements that were forgotten."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from mapping.changes import EditStatus
from mapping.checklist import boxes, eta, forgotten, forgotten_at, last_said, latest, roles, shared_owner, text_of
from mapping.clocks import clocks
from mapping.issue import Card, Column, Comment, Happened, Issue, Marker
from mapping.plan import plan_issue
from mapping.policy import Policy, Roles, Sla
from tests.mapping_house import POLICY, Desk, an_issue, at, case_of, did, facts_in, form, plan_of, said

STOPPED = form(process="critical", workaround="none")
MAJOR = form(process="major", workaround="painful")
QUEUE = Column.EMERGENCY_QUEUE


def issue(*history: Comment, body: str = STOPPED, **more: Any) -> Issue:
    return an_issue(body=body, comments=history, **more)


def ticks(found: Issue, move_to: Column | None = None, policy: Policy = POLICY) -> str:
    """The boxes as x and dots."""
    return "".join("x" if box.ticked else "." for box in boxes(case_of(found, policy), policy, move_to))


ALL_OF_P0 = (
    said(1, "alice", "/warroom https://meet.example/1"),
    said(2, "alice", "we are on it"),
    said(3, "alice", "/ic @bob"),
    said(4, "alice", "/diagnosis the database is full"),
)


@pytest.mark.parametrize(
    ("found", "ticked"),
    [
        pytest.param(issue(), "....", id="R27-R31 nothing yet"),
        pytest.param(issue(ALL_OF_P0[0]), "x...", id="R27 war room"),
        pytest.param(issue(ALL_OF_P0[1]), ".x..", id="R28 the customer is told"),
        pytest.param(issue(said(2, "alice", "/sent")), ".x..", id="R28 told elsewhere"),
        pytest.param(issue(said(2, "alice", "/ack")), "....", id="R28 a command tells the customer nothing"),
        pytest.param(issue(said(2, "carol", "any news?")), "....", id="R28 the customer's own words"),
        pytest.param(issue(said(2, "alice", "note", internal=True)), "....", id="R28 an internal comment"),
        pytest.param(issue(ALL_OF_P0[2]), "..x.", id="R30 commander"),
        pytest.param(issue(ALL_OF_P0[3]), "...x", id="R31 diagnosis"),
        pytest.param(issue(*ALL_OF_P0), "xxxx", id="R27-R31 all"),
        pytest.param(issue(said(1, "carol", "/warroom x")), "....", id="R25 a stranger's command"),
        pytest.param(issue(said(1, "alice", "/warroom")), "....", id="R27 a misread command"),
        pytest.param(
            issue(
                said(2, "alice", "on it"), timeline=(did(5, "alice", Happened.CLOSED), did(9, "bob", Happened.REOPENED))
            ),
            "....",
            id="R28 reopened: told anew",
        ),
        pytest.param(issue(closed_at=at(5)), "", id="R27 closed"),
        pytest.param(issue(body=form(process="minor")), "", id="R9 no emergency"),
        pytest.param(issue(body=""), "", id="R24 undecided"),
        # P1
        pytest.param(issue(body=MAJOR), "..", id="R34-R36 nothing, and no board"),
        pytest.param(issue(body=MAJOR, card=Card("Backlog", Column.BACKLOG)), "...", id="R36 not in the queue"),
        pytest.param(issue(body=MAJOR, card=Card("Fire", QUEUE)), "..x", id="R36 in the queue"),
        pytest.param(issue(said(2, "alice", "tomorrow"), body=MAJOR), "..", id="R35 told, no time named"),
        pytest.param(issue(said(2, "alice", "/eta 4h"), body=MAJOR), "..", id="R35 a time named, nobody told"),
        pytest.param(issue(said(2, "alice", "tonight\n/eta 4h"), body=MAJOR), ".x", id="R35 both"),
    ],
)
def test_boxes(found: Issue, ticked: str) -> None:
    assert ticks(found) == ticked


def test_the_box_of_the_queue_is_of_the_column_to_come() -> None:
    """R36: the comment is written together with the move, and must not need a second edit."""
    found = issue(body=MAJOR, card=Card("Backlog", Column.BACKLOG))
    assert (ticks(found, QUEUE), ticks(found, Column.DONE)) == ("..x", "...")


ON_BOARD: dict[str, Any] = {"card": Card("Fire", QUEUE), "body": STOPPED}


def test_work_that_stood_still_once_did() -> None:
    """R29: told by the board's law, remembered on the issue, as long as this emergency lasts."""
    confirmed = issue(said(1, "alice", "/p0"), **ON_BOARD)
    (box,) = [box for box in boxes(case_of(confirmed), POLICY, None, True) if box.text == "planned work paused"]
    assert (box.ticked, ticks(confirmed), ticks(issue(said(1, "alice", "/p0")))) == (True, ".....", "....")
    plan = plan_issue(case_of(confirmed), POLICY, at(2), stands_still=True)
    (status,) = [change for change in plan.changes if isinstance(change, EditStatus)]
    assert [box.text for box in status.facts.boxes if box.ticked] == ["planned work paused"]
    written = said(2, "us", "", marker=Marker("status", status.digest, status.memo))
    again = replace(confirmed, comments=(*confirmed.comments, written))
    assert not [change for change in plan_of(again, minutes=2).changes if isinstance(change, EditStatus)]
    turns = (did(3, "bob", Happened.CLOSED), did(4, "bob", Happened.REOPENED))
    reopened = facts_in(plan_of(replace(again, timeline=turns), minutes=5))
    assert not any(box.ticked for box in reopened.boxes)


def test_only_a_p0_that_counts_has_stopped_work() -> None:
    for found in (issue(**ON_BOARD), issue(body=MAJOR, card=Card("Fire", QUEUE))):
        plan = plan_issue(case_of(found), POLICY, at(2), stands_still=True)
        (status,) = [change for change in plan.changes if isinstance(change, EditStatus)]
        assert "stood_still" not in status.memo
        assert not [box for box in status.facts.boxes if box.text == "planned work paused" and box.ticked]


def test_a_p1_whose_owner_has_other_work_says_so() -> None:
    """R8, R34: as long as the comment of the board's law says it."""
    says = "bob also has acme/shop#2; whoever owns a P1 has nothing else."
    told = said(1, "us", "", marker=Marker("owner@1", "d", {"says": says}))
    owned: dict[str, Any] = {"body": MAJOR, "assignees": (case_of(issue()).issue.author,)}
    facts = facts_in(plan_of(issue(told, **owned), minutes=2))
    assert (facts.flags, [box.ticked for box in facts.boxes]) == ((says,), [False, False])
    assert facts_in(plan_of(issue(**owned), minutes=2)).boxes[0].ticked
    for over in (issue(told, said(2, "alice", "/p0"), **owned), issue(told, closed_at=at(3), **owned)):
        assert shared_owner(case_of(over)) == ""


@pytest.mark.parametrize(("names", "ticked"), [((), ".."), (("alice",), "x."), (("alice", "bob"), "..")])
def test_a_p1_has_one_owner(names: tuple[str, ...], ticked: str) -> None:
    """R8, R34."""
    people = tuple(case_of(issue(body=MAJOR)).issue.author for _ in names)
    assert ticks(issue(body=MAJOR, assignees=people)) == ticked


OWNED = Policy(roles=Roles(product_owner=("erin", "frank")))


@pytest.mark.parametrize(
    ("found", "who"),
    [
        pytest.param(issue(), {"product owner": "erin, frank"}, id="R71 only the policy's"),
        pytest.param(
            issue(said(1, "bob", "/ic @zoe\n/engineer yann\n/comms [~x.y]")),
            {
                "incident commander": "zoe",
                "engineer": "yann",
                "comms lead": "x.y",
                "product owner": "erin, frank",
            },
            id="R71 all named",
        ),
        pytest.param(
            issue(said(1, "bob", "/comms @zoe"), said(2, "bob", "/comms @yann")),
            {"comms lead": "yann", "product owner": "erin, frank"},
            id="R71 the newest",
        ),
        pytest.param(
            issue(assignees=(an_issue("alice").author, an_issue("bob").author)),
            {"engineer": "alice", "product owner": "erin, frank"},
            id="R71 the assignee, unless named",
        ),
        pytest.param(issue(said(1, "bob", "/ic @zoe"), closed_at=at(9)), {}, id="R71 closed"),
    ],
)
def test_roles(found: Issue, who: dict[str, str]) -> None:
    assert dict(roles(case_of(found, OWNED), OWNED)) == who


def test_nobody_is_named_by_default() -> None:
    assert list(roles(case_of(issue()), POLICY)) == []


BERLIN = Policy(sla=Sla(time_zone="Europe/Berlin"))


@pytest.mark.parametrize(
    ("body", "when"),
    [
        pytest.param("/eta 2h", at(125), id="R35 how long from the command, given at 9:05"),
        pytest.param("/eta 15:00", at(5 * 60), id="R35 a time of the team's day"),
        pytest.param("/eta 09:30", at(23 * 60 + 30), id="R35 a time that is over today"),
        pytest.param("/eta 2h\n/eta 3h", at(185), id="R35 the last"),
        pytest.param("/ack", None, id="R35 none"),
        pytest.param("/eta soon", None, id="R35 misread"),
    ],
)
def test_eta(body: str, when: datetime | None) -> None:
    assert eta(case_of(issue(said(5, "alice", body)), BERLIN), BERLIN) == when


def test_the_last_of_a_command() -> None:
    case = case_of(issue(said(1, "alice", "/rca a"), said(2, "bob", "/rca b\n/ack")))
    assert (text_of(last_said(case, "rca")), text_of(last_said(case, "ack")), text_of(None)) == ("b", "", "")
    assert last_said(case, "eta") is None


# ---------------------------------------------------------------------- clocks


def test_the_newest_cycle_of_each_clock() -> None:
    """In the order in which people think of them, with what ended them."""
    found = issue(
        said(5, "alice", "on it"),
        said(30, "alice", "going on"),
        timeline=(did(50, "alice", Happened.CLOSED), did(100, "carol", Happened.REOPENED)),
    )
    told = list(latest(clocks(case_of(found), POLICY, at(101))))
    assert [(clock.name, clock.state) for clock in told] == [
        ("triage", "missed"),
        ("response", "running"),
        ("next_update", "met"),
        ("resolution", "running"),
    ]
    assert (told[1].due_at, told[1].stopped_at, told[2].stopped_at) == (at(160), None, at(50))


# ---------------------------------------------------------------------- acknowledged and forgotten

SILENT = "Acknowledged by bob at 10:05, and nothing was heard since."


@pytest.mark.parametrize(
    ("found", "minutes", "flag"),
    [
        pytest.param(issue(), 99, "", id="nobody acknowledged it"),
        pytest.param(issue(said(5, "bob", "/ack")), 34.9, "", id="there is time"),
        pytest.param(issue(said(5, "bob", "/ack")), 35, SILENT, id="forgotten, at the minute"),
        pytest.param(issue(said(5, "bob", "/ack"), said(9, "alice", "on it")), 99, "", id="somebody said something"),
        pytest.param(issue(said(5, "bob", "on it\n/ack")), 99, SILENT, id="not before it"),
        pytest.param(issue(said(5, "bob", "/ack"), said(9, "alice", "/ic @bob")), 99, SILENT, id="a command is not it"),
        pytest.param(issue(said(5, "bob", "/ack"), said(80, "bob", "/ack")), 99, "", id="acknowledged again"),
        pytest.param(issue(said(5, "bob", "/ack"), closed_at=at(9)), 99, "", id="closed"),
    ],
)
def test_forgotten(found: Issue, minutes: float, flag: str) -> None:
    assert forgotten(case_of(found, BERLIN), BERLIN, at(minutes)) == flag


@pytest.mark.parametrize(("minutes", "when"), [(5, [at(35)]), (34, [at(35)]), (35, []), (99, [])])
def test_when_it_will_be_forgotten(minutes: float, when: list[datetime]) -> None:
    found = issue(said(5, "bob", "/ack"))
    assert list(forgotten_at(case_of(found), POLICY, at(minutes))) == when
    assert list(forgotten_at(case_of(issue()), POLICY, at(minutes))) == []


def test_the_status_comment_says_so_at_that_minute() -> None:
    """The agenda looks again when the acknowledgement expires."""
    policy = Policy(sla=Sla(ack_expires=POLICY.sla.ack_expires / 3))
    found = issue(said(1, "bob", "/p1\n/ack"), body=MAJOR)
    assert plan_of(found, policy, 2).look_again_at == at(11)
    assert facts_in(plan_of(found, policy, 10.9)).flags == ()
    assert len(facts_in(plan_of(found, policy, 11)).flags) == 1


def test_a_desk_from_the_first_word_to_the_last() -> None:
    """R27-R31: the boxes are ticked in the comment as it happens."""
    desk = Desk()
    desk.tracker.open(an_issue().ref, "carol", "Down", body=STOPPED)
    shown = []
    for body in ("", "/warroom x", "on it", "/ic @bob", "/diagnosis y"):
        desk.later()
        if body:
            desk.tracker.comment(an_issue().ref, "alice", body)
        desk.work()
        assert desk.case.status is not None
        shown.append(desk.case.status.body.count("[x]"))
    assert shown == [0, 1, 2, 3, 4]
