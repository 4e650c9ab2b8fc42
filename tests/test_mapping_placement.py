"""Where a card belongs, and when it is left alone (R21)."""

from collections.abc import Mapping
from typing import Any

import pytest

from mapping.issue import Card, Column, Happened, Marker, TimelineEvent
from mapping.placement import placement
from tests.mapping_house import Desk, an_issue, at, case_of, did, form, said

BACKLOG, IN_PROGRESS, REVIEW, DONE, QUEUE = Column
STOPPED = form(process="critical", workaround="none")
LEFT = "The card stays in %s, where it was put after it had been in the Emergency Queue."
MINOR = form(process="minor")
MOVED, REOPENED, LABELED = Happened.MOVED, Happened.REOPENED, Happened.LABELED


def card(column: Column | None = None, moved: float | None = None, name: str | None = None, **more: Any) -> Card:
    """A card in one of the five columns, in another one (`name`), or on no board."""
    return Card(name or (column.value if column else None), column, None if moved is None else at(moved), **more)


def moved(minutes: float, by: str, to: str) -> TimelineEvent:
    return did(minutes, by, MOVED, to)


def memo(placed: Column | None = None, minutes: float = 0, **more: Any) -> tuple[Any, ...]:
    """Our status comment, which remembers where we put the card and when."""
    placement = {"placed": placed.value, "placed_at": at(minutes).isoformat()} if placed else {}
    return (said(0, "us", "", marker=Marker("status", "d", {**placement, **more})),)


def placed(minutes: float, **more: Any) -> dict[str, Any]:
    return {"placed": QUEUE.value, "placed_at": at(minutes).isoformat(), **more}


BY_MISTAKE = (did(5, "bob", Happened.CLOSED), moved(6, "us", "Emergency Queue"), did(6, "us", REOPENED))

ROWS: list[tuple[str, dict[str, Any], Column | None, str]] = [
    # an emergency goes to its queue
    ("no board", {"body": STOPPED, "card": None}, None, ""),
    ("P0, not on the board", {"body": STOPPED, "card": card()}, QUEUE, ""),
    ("P0 in the backlog", {"body": STOPPED, "card": card(BACKLOG, 0)}, QUEUE, ""),
    ("P0 in a column of the board's own", {"body": STOPPED, "card": card(None, 0, "Ideas")}, QUEUE, ""),
    ("P0 in the queue", {"body": STOPPED, "card": card(QUEUE, 0)}, None, ""),
    ("P1", {"title": "outage", "card": card(BACKLOG, 0)}, QUEUE, ""),
    (
        "barred",
        {"body": STOPPED, "card": card(BACKLOG, 0, barred={QUEUE: "There is no way there."})},
        None,
        "There is no way there.",
    ),
    ("another one barred", {"body": STOPPED, "card": card(BACKLOG, 0, barred={DONE: "no"})}, QUEUE, ""),
    # what is no emergency
    ("P2, not on the board", {"body": MINOR, "card": card()}, BACKLOG, ""),
    ("P3, not on the board", {"body": form(kind="request"), "card": card()}, BACKLOG, ""),
    ("P2 where it is", {"body": MINOR, "card": card(REVIEW, 0)}, None, ""),
    ("P2 in a column of the board's own", {"body": MINOR, "card": card(None, 0, "Ideas")}, None, ""),
    ("undecided, not on the board", {"card": card()}, None, ""),
    # left over in the queue
    ("P2 left over in the queue", {"body": MINOR, "card": card(QUEUE, 1), "comments": memo(QUEUE, 1)}, BACKLOG, ""),
    ("undecided, left over in the queue", {"card": card(QUEUE, 1), "comments": memo(QUEUE, 1)}, None, ""),
    (
        "P2 left over in the queue, with our comment lost",
        {"body": MINOR, "card": card(QUEUE, 1), "timeline": (moved(1, "us", "Emergency Queue"),)},
        BACKLOG,
        "",
    ),
    ("P2 in the queue, not by us", {"body": MINOR, "card": card(QUEUE, 1)}, None, ""),
    (
        "P2 in the queue, after we put it elsewhere",
        {"body": MINOR, "card": card(QUEUE, 1), "comments": memo(BACKLOG, 1)},
        None,
        "",
    ),
    (
        "P2 in the queue, where a person put it",
        {
            "body": MINOR,
            "card": card(QUEUE, 9),
            "comments": memo(QUEUE, 1),
            "timeline": (moved(9, "bob", "Emergency Queue"),),
        },
        None,
        "",
    ),
    # chosen by a person
    (
        "moved by the team",
        {"body": STOPPED, "card": card(IN_PROGRESS, 5), "timeline": (moved(5, "bob", "In Progress"),)},
        None,
        "The card stays in In Progress, where bob put it.",
    ),
    (
        "moved by an outsider",
        {"body": STOPPED, "card": card(IN_PROGRESS, 5), "timeline": (moved(5, "carol", "In Progress"),)},
        None,
        "The card stays in In Progress, where carol put it.",
    ),
    (
        "taken off the board by a person",
        {"body": STOPPED, "card": card(), "timeline": (moved(5, "bob", ""),)},
        None,
        "The card stays in no column, where bob put it.",
    ),
    (
        "moved by a bot",
        {"body": STOPPED, "card": card(IN_PROGRESS, 5), "timeline": (moved(5, "x[bot]", "In Progress"),)},
        QUEUE,
        "",
    ),
    (
        "moved by nobody",
        {"body": STOPPED, "card": card(IN_PROGRESS, 5), "timeline": (moved(5, "ghost", "In Progress"),)},
        QUEUE,
        "",
    ),
    (
        "moved by a person, then by a bot",
        {
            "body": STOPPED,
            "card": card(REVIEW, 6),
            "timeline": (moved(5, "bob", "In Progress"), moved(6, "x[bot]", "Review")),
        },
        QUEUE,
        "",
    ),
    (
        "moved by a person before it was an emergency",
        {
            "card": card(IN_PROGRESS, 5),
            "timeline": (moved(5, "bob", "In Progress"),),
            "comments": (said(7, "alice", "/p0"),),
        },
        QUEUE,
        "",
    ),
    (
        "moved by a person before it was reopened",
        {
            "body": STOPPED,
            "card": card(IN_PROGRESS, 5),
            "timeline": (moved(5, "bob", "In Progress"), did(7, "bob", REOPENED)),
        },
        QUEUE,
        "",
    ),
    (
        "moved by a person after it was reopened",
        {
            "body": STOPPED,
            "card": card(IN_PROGRESS, 9),
            "timeline": (did(7, "bob", REOPENED), moved(9, "bob", "In Progress")),
        },
        None,
        "The card stays in In Progress, where bob put it.",
    ),
    # moved after we put it into the queue, the tracker doesn't say by whom
    (
        "moved long after us",
        {"body": STOPPED, "card": card(REVIEW, 9), "comments": memo(QUEUE, 1)},
        None,
        LEFT % "Review",
    ),
    (
        "moved long after us, where we never put it there",
        {"body": STOPPED, "card": card(REVIEW, 9), "comments": memo(BACKLOG, 1)},
        QUEUE,
        "",
    ),
    (
        "moved by a robot right after us",
        {"body": STOPPED, "card": card(BACKLOG, 1.1), "comments": memo(QUEUE, 1)},
        QUEUE,
        "",
    ),
    (
        "moved by a robot in our own second",
        {"body": STOPPED, "card": card(BACKLOG, 1 - 0.9 / 60), "comments": memo(QUEUE, 1)},
        QUEUE,
        "",
    ),
    (
        "moved at the end of the window",
        {"body": STOPPED, "card": card(BACKLOG, 1.25), "comments": memo(QUEUE, 1)},
        None,
        LEFT % "Backlog",
    ),
    (
        "moved by a robot again",
        {"body": STOPPED, "card": card(BACKLOG, 1.1), "comments": memo(QUEUE, 1, undone=True)},
        None,
        LEFT % "Backlog",
    ),
    ("our write was lost", {"body": STOPPED, "card": card(BACKLOG, 0), "comments": memo(QUEUE, 1)}, QUEUE, ""),
    (
        "the tracker doesn't say when it was moved",
        {"body": STOPPED, "card": card(BACKLOG), "comments": memo(QUEUE, 1)},
        None,
        LEFT % "Backlog",
    ),
    ("off the board after us", {"body": STOPPED, "card": card(), "comments": memo(QUEUE, 1)}, QUEUE, ""),
    # no status comment to remember it: our labels do
    (
        "moved after our label",
        {"body": STOPPED, "card": card(REVIEW, 9), "timeline": (did(1, "us", LABELED, "P0"),)},
        None,
        LEFT % "Review",
    ),
    (
        "moved after our label of another severity",
        {"card": card(REVIEW, 9), "timeline": (did(1, "us", LABELED, "P2"),), "comments": (said(5, "bob", "/p0"),)},
        QUEUE,
        "",
    ),
    (
        "moved by a robot again, in our own second",
        {"body": STOPPED, "card": card(BACKLOG, 1 - 0.9 / 60), "comments": memo(QUEUE, 1, undone=True)},
        None,
        LEFT % "Backlog",
    ),
    (
        "moved after our own move",
        {"body": STOPPED, "card": card(REVIEW, 9), "timeline": (moved(1, "us", "Emergency Queue"),)},
        None,
        LEFT % "Review",
    ),
    (
        "moved before our label",
        {"body": STOPPED, "card": card(REVIEW, 0.5), "timeline": (did(1, "us", LABELED, "P0"),)},
        QUEUE,
        "",
    ),
    (
        "moved right after our label",
        {"body": STOPPED, "card": card(REVIEW, 1.1), "timeline": (did(1, "us", LABELED, "P0"),)},
        QUEUE,
        "",
    ),
    (
        "moved after somebody's label",
        {
            "body": STOPPED,
            "card": card(REVIEW, 9),
            "timeline": (did(1, "carol", LABELED, "P0"), did(1, "ghost", LABELED, "P1")),
        },
        QUEUE,
        "",
    ),
    (
        "moved at an unknown time after our label",
        {"body": STOPPED, "card": card(REVIEW), "timeline": (did(1, "us", LABELED, "P0"),)},
        QUEUE,
        "",
    ),
    # closed
    ("closed", {"body": STOPPED, "card": card(QUEUE, 1), "closed_at": at(5)}, DONE, ""),
    ("closed P2", {"body": MINOR, "card": card(REVIEW, 1), "closed_at": at(5)}, DONE, ""),
    ("closed, undecided", {"card": card(REVIEW), "closed_at": at(5)}, DONE, ""),
    ("closed in Done", {"card": card(DONE, 1), "closed_at": at(5)}, None, ""),
    ("closed, not on the board", {"body": STOPPED, "card": card(), "closed_at": at(5)}, None, ""),
    ("closed, moved afterwards", {"body": STOPPED, "card": card(REVIEW, 6), "closed_at": at(5)}, None, ""),
    (
        "closed while our move was under way",
        {"card": card(QUEUE, 6), "closed_at": at(5), "timeline": (moved(6, "us", "Emergency Queue"),)},
        DONE,
        "",
    ),
    (
        "closed while our move was under way, and moved afterwards",
        {
            "card": card(REVIEW, 7),
            "closed_at": at(5),
            "timeline": (moved(6, "us", "Emergency Queue"), moved(7, "bob", "Review")),
        },
        None,
        "",
    ),
    (
        "closed while our move was under way, as only our memo tells",
        {"card": card(QUEUE, 1.1), "closed_at": at(1), "comments": memo(QUEUE, 0.9)},
        DONE,
        "",
    ),
    (
        "closed, moved where we had put it before",
        {"card": card(QUEUE, 9), "closed_at": at(5), "comments": memo(QUEUE, 1)},
        None,
        "",
    ),
    (
        "reopened by our own move while somebody closed it",
        {"body": STOPPED, "card": card(QUEUE, 6), "timeline": BY_MISTAKE},
        DONE,
        "",
    ),
    (
        "closed, Done is barred",
        {"card": card(REVIEW, 1, barred={DONE: "A screen is in the way."}), "closed_at": at(5)},
        None,
        "A screen is in the way.",
    ),
    # reopened
    (
        "reopened P0 in Done",
        {"body": STOPPED, "card": card(DONE, 5), "timeline": (did(7, "bob", REOPENED),), "comments": memo(DONE, 5)},
        QUEUE,
        "",
    ),
    (
        "reopened P0 that a built-in workflow put into Done",
        {"body": STOPPED, "card": card(DONE, 5), "timeline": (did(7, "bob", REOPENED),), "comments": memo(QUEUE, 1)},
        QUEUE,
        "",
    ),
    (
        "reopened P2 in Done",
        {"body": MINOR, "card": card(DONE, 5), "timeline": (did(7, "bob", REOPENED),)},
        BACKLOG,
        "",
    ),
    (
        "reopened P2, put into Done again",
        {"body": MINOR, "card": card(DONE, 9), "timeline": (did(7, "bob", REOPENED),)},
        None,
        "",
    ),
    (
        "reopened P2 in Done at an unknown time",
        {"body": MINOR, "card": card(DONE), "timeline": (did(7, "bob", REOPENED),)},
        None,
        "",
    ),
    (
        "reopened P2 elsewhere",
        {"body": MINOR, "card": card(REVIEW, 5), "timeline": (did(7, "bob", REOPENED),)},
        None,
        "",
    ),
    ("open P2 in Done", {"body": MINOR, "card": card(DONE, 5)}, None, ""),
]


@pytest.mark.parametrize(("issue", "move_to", "flag"), [row[1:] for row in ROWS], ids=[f"R21 {row[0]}" for row in ROWS])
def test_placement(issue: Mapping[str, Any], move_to: Column | None, flag: str) -> None:
    place = placement(case_of(an_issue(**issue)), at(60))
    assert (place.move_to, place.flag) == (move_to, flag)


@pytest.mark.parametrize(
    ("issue", "remembers"),
    [
        pytest.param({"card": card(BACKLOG, 0)}, placed(60), id="R21 a move"),
        pytest.param(
            {"card": card(BACKLOG, 1.1), "comments": memo(QUEUE, 1)}, placed(60, undone=True), id="R21 the second move"
        ),
        pytest.param({"card": card(BACKLOG, 0), "comments": memo(QUEUE, 1)}, placed(60), id="R21 a move that was lost"),
        pytest.param(
            {"card": card(QUEUE, 1), "comments": memo(QUEUE, 1, undone=True)},
            placed(1, undone=True),
            id="R21 nothing to do",
        ),
        pytest.param({"card": card(REVIEW, 9), "comments": memo(QUEUE, 1)}, placed(1), id="R21 left alone"),
        pytest.param({"card": card(REVIEW, 9, barred={QUEUE: "no"})}, {}, id="R21 barred"),
        pytest.param({"card": None, "comments": memo(QUEUE, 1, other="x")}, placed(1), id="R21 no board any more"),
    ],
)
def test_what_is_remembered(issue: Mapping[str, Any], remembers: dict[str, Any]) -> None:
    assert placement(case_of(an_issue(body=STOPPED, **issue)), at(60)).memo == remembers


def test_a_robot_is_undone_once() -> None:
    """R21: a built-in workflow moves the card right after us, and again; the second time it has its way."""
    desk = Desk()
    desk.tracker.open(an_issue().ref, "carol", "x", body=STOPPED)
    columns = []
    for _ in range(4):
        desk.work()
        desk.later(0.1)
        if desk.issue.card != Card() and desk.issue.card is not None and desk.issue.card.column is QUEUE:
            desk.tracker.move(desk.issue.ref, "workflow[bot]", BACKLOG)
        columns.append(desk.issue.card.column if desk.issue.card else None)
        desk.later(0.15)
    desk.work()
    assert columns == [BACKLOG] * 4
    assert sum(e.value == QUEUE.value for e in desk.issue.timeline) == 2
    assert desk.case.status is not None
    assert "The card stays in Backlog" in desk.case.status.body


def test_an_emergencys_way_over_the_board() -> None:
    """R21: reported, closed, moved by a built-in workflow, reopened, downgraded."""
    desk = Desk()
    ref = an_issue().ref
    desk.tracker.open(ref, "carol", "x", body=STOPPED)
    columns = []

    def work() -> None:
        desk.work()
        columns.append(desk.issue.card.column if desk.issue.card else None)
        desk.later(30)

    work()
    desk.tracker.close(ref, "alice")
    desk.tracker.move(ref, "workflow[bot]", DONE)
    work()
    desk.tracker.reopen(ref, "carol")
    work()
    desk.tracker.close(ref, "alice")
    desk.later(1)
    work()
    desk.tracker.reopen(ref, "carol")
    work()
    desk.tracker.comment(ref, "alice", "/p2")
    work()
    desk.tracker.comment(ref, "alice", "/p1")
    work()
    assert columns == [QUEUE, DONE, QUEUE, DONE, QUEUE, BACKLOG, QUEUE]
