"""The planned work that an emergency drops first, named on it by the law of its board (R51, R55)."""

from dataclasses import replace

import pytest

from mapping.changes import SetFields
from mapping.law import plan_board
from mapping.okr import DROP_FIRST
from tests.law_house import BACKLOG, DONE, IN_PROGRESS, REVIEW, Wall, ref


def named(wall: Wall, number: int) -> str:
    return wall.issue(number).fields.get(DROP_FIRST, "")


def planned() -> Wall:
    """Planned work for growth and for retention, some of it wrongly labelled."""
    wall = Wall()
    for number, column, labels in (
        (1, BACKLOG, ["kr:O2.KR2:+1"]),
        (2, IN_PROGRESS, ["kr:O2.KR2:+5%"]),
        (3, BACKLOG, ["kr:O1.KR1:+10%"]),
        (4, REVIEW, ["kr:KR2:+1"]),
        (5, BACKLOG, ["kr:O2.KR1:+1", "kr:O2.KR2:+1"]),
        (6, DONE, ["kr:O2.KR2:+9"]),
        (7, BACKLOG, []),
    ):
        wall.card(number, column, labels=labels)
    wall.close(6)
    wall.settle()
    return wall


@pytest.mark.parametrize("label", ["P0", "P1"])
def test_the_work_is_named_by_its_keys_alone(label: str) -> None:
    """G27: a title belongs to those who read the card."""
    wall = planned()
    wall.p0(9, label=label)
    wall.settle()
    assert named(wall, 9) == "acme/shop#1; acme/shop#2"


def test_it_follows_the_plans() -> None:
    wall = planned()
    wall.p0(9)
    wall.settle()
    wall.close(2)
    wall.label(3, remove="kr:O1.KR1:+10%", add="kr:O2.KR2:+3")
    wall.settle()
    assert named(wall, 9) == "acme/shop#1; acme/shop#3"
    for number in (1, 3):
        wall.label(number, remove=next(iter(wall.issue(number).labels)))
    wall.settle()
    assert named(wall, 9) == "O2.KR2"
    wall.close(9)
    wall.settle()
    assert named(wall, 9) == ""


def test_where_no_work_is_planned_the_key_results_are_named() -> None:
    wall = Wall()
    wall.p0(9)
    wall.settle()
    assert named(wall, 9) == "O2.KR2"


def test_an_emergency_that_drops_nothing_names_nothing() -> None:
    """Provisional, a downgraded one, and planned work that became an emergency itself."""
    wall = planned()
    wall.tracker.open(ref(8), "carol", "Checkout outage", column=BACKLOG)
    wall.label(1, add="P1")
    wall.settle()
    assert (named(wall, 8), named(wall, 1)) == ("", "acme/shop#2")
    wall.tracker.comment(ref(1), "alice", "/p2")
    wall.settle()
    assert named(wall, 1) == ""


def test_a_tracker_that_has_no_place_for_it_is_left_alone() -> None:
    wall = planned()
    wall.p0(9)
    board = wall.board
    closed_to_us = [replace(c, issue=replace(c.issue, writable=frozenset())) for c in board.cards if c.issue]
    plans = [plan_board(shown, wall.policy, wall.clock()) for shown in (board, replace(board, cards=closed_to_us))]
    fields = [[c for plan in one.issues.values() for c in plan if isinstance(c, SetFields)] for one in plans]
    assert [len(found) for found in fields] == [1, 0]
