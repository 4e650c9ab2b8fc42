"""The work limit (R18): who was there first stays, the newcomer goes back and is told, people are not fought."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from mapping.board import Board, BoardCard, Kind
from mapping.changes import BoardFacts, BoardPlan, DropComment, MoveCard, MoveTo, PostComment
from mapping.issue import Card, Column, IssueRef
from mapping.law import plan_board
from mapping.policy import Policy
from tests.law_house import (
    BACKLOG,
    BOARD,
    DONE,
    IN_PROGRESS,
    QUEUE,
    REVIEW,
    Wall,
    facts_for,
    minutes,
    ref,
    rules,
)
from tests.mapping_house import START, an_issue


def test_a_board_as_it_should_be_is_left_alone() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2, REVIEW)
    wall.card(3, REVIEW)
    assert wall.plan() == BoardPlan({})


def test_the_newcomer_goes_back_to_where_it_came_from_and_is_told_why() -> None:
    """R18."""
    wall = Wall()
    wall.card(1)
    wall.card(2, REVIEW)
    wall.move(2, IN_PROGRESS)
    plan = wall.keep()
    facts = BoardFacts("In Progress", 1, ("acme/shop#1",), "Review")
    memo = {"returned_at": wall.clock().isoformat()}
    told = PostComment("wip@2026-11-23T09:03:00+00:00", facts, memo, ("R18",))
    assert plan == BoardPlan({ref(2): (told, MoveTo(REVIEW, ("R18",)))})
    assert (wall.where(1), wall.where(2)) == (IN_PROGRESS, REVIEW)
    assert "acme/shop#1" in wall.issue(2).comments[0].body


def test_several_newcomers() -> None:
    wall = Wall()
    for number in (1, 2, 3):
        wall.card(number)
    wall.keep()
    assert [wall.where(number) for number in (1, 2, 3)] == [IN_PROGRESS, BACKLOG, BACKLOG]
    assert [wall.said(number) for number in (1, 2, 3)] == [[], ["wip"], ["wip"]]


def test_a_limit_of_two() -> None:
    wall = Wall(rules(limits={"In Progress": 2}))
    for number in (1, 2, 3):
        wall.card(number)
    plan = wall.keep()
    assert facts_for(plan, 3) == BoardFacts("In Progress", 2, ("acme/shop#1", "acme/shop#2"), "Backlog")
    assert [wall.where(number) for number in (1, 2, 3)] == [IN_PROGRESS, IN_PROGRESS, BACKLOG]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_two_at_the_same_time(order: Sequence[int]) -> None:
    """R18: then the lower issue stays, whatever the order on the board; drafts come after issues."""
    wall = Wall()
    draft = wall.other(Kind.DRAFT)
    for number in order:
        wall.card(number, at=wall.clock())
        wall.later(-1)
    wall.keep()
    assert [wall.where(number) for number in (1, 2, 3, draft)] == [IN_PROGRESS, BACKLOG, BACKLOG, BACKLOG]


def test_numbers_are_compared_as_numbers_and_across_repositories() -> None:
    wall = Wall()
    far, near = IssueRef("github", "acme/shop#10"), IssueRef("github", "acme/attic#9")
    for issue in (far, near):
        wall.tracker.open(issue, "alice", "x", column=IN_PROGRESS, at=START)
    assert list(wall.keep().issues) == [far]


def test_without_a_time_a_card_was_there_before_everybody() -> None:
    first, late = (an_issue(by="alice", ref=ref(number)) for number in (7, 3))
    cards = (
        BoardCard("late", Kind.ISSUE, "x", Card("In Progress", IN_PROGRESS, START), late),
        BoardCard("first", Kind.ISSUE, "x", Card("In Progress", IN_PROGRESS), first),
    )
    assert list(plan_board(Board(BOARD, cards), Policy(), START).issues) == [ref(3)]


def test_a_card_read_twice_counts_once() -> None:
    wall = Wall()
    wall.card(1)
    board = wall.board
    assert plan_board(replace(board, cards=(*board.cards, *board.cards)), wall.policy, START) == BoardPlan({})


# ------------------------------------------------------------------------------------------------------ what counts


def emergency_by_choice(wall: Wall) -> None:
    wall.p0(1, IN_PROGRESS, label="P1")


def closed_there(wall: Wall) -> None:
    wall.card(1)
    wall.close(1)


def reopened_by_hand_in_done(wall: Wall) -> None:
    """Closed, and then moved in by somebody."""
    wall.card(1, REVIEW)
    wall.close(1)
    wall.move(1, IN_PROGRESS)


COUNTS: dict[str, tuple[Callable[[Wall], object], bool]] = {
    "an issue": (lambda wall: wall.card(1), True),
    "a draft": (lambda wall: wall.other(Kind.DRAFT), True),
    "what can't be seen": (lambda wall: wall.other(Kind.HIDDEN), True),
    "a pull request": (lambda wall: wall.other(Kind.PULL_REQUEST), False),
    "an emergency": (emergency_by_choice, False),
    "what closed there and is about to leave": (closed_there, False),
    "what was closed before it was moved in": (reopened_by_hand_in_done, True),
}


@pytest.mark.parametrize(("first", "counts"), COUNTS.values(), ids=COUNTS)
def test_what_counts(first: Callable[[Wall], object], counts: bool) -> None:
    """R18, R21."""
    wall = Wall()
    first(wall)
    wall.card(2)
    wall.keep()
    assert wall.where(2) is (BACKLOG if counts else IN_PROGRESS)


def test_what_cannot_be_seen_counts_first_and_is_never_moved() -> None:
    """R18. It has no name, and a draft's title is not told to the issue's readers."""
    wall = Wall()
    wall.card(1)
    hidden = wall.other(Kind.HIDDEN)
    another = wall.other(Kind.HIDDEN)
    draft = wall.other(Kind.DRAFT)
    plan = wall.keep()
    assert [wall.where(card) for card in (1, hidden, another, draft)] == [BACKLOG, IN_PROGRESS, IN_PROGRESS, BACKLOG]
    assert facts_for(plan, 1).in_the_way == ("an item that can't be seen from here",) * 2


def test_an_issue_that_could_not_be_read_is_like_one_that_cannot_be_seen() -> None:
    card = Card("In Progress", IN_PROGRESS, minutes(5))
    board = Board(BOARD, (BoardCard("a", Kind.ISSUE, "x", card), BoardCard("b", Kind.HIDDEN, "", card)))
    assert plan_board(board, Policy(), minutes(9)) == BoardPlan({})


def test_a_draft_goes_back_without_a_word() -> None:
    wall = Wall()
    wall.card(1)
    draft = wall.other(Kind.DRAFT)
    assert wall.keep() == BoardPlan({}, (MoveCard(draft, BACKLOG, False, ("R18",)),))


def test_a_draft_in_the_way() -> None:
    wall = Wall()
    wall.other(Kind.DRAFT)
    wall.card(2)
    assert facts_for(wall.keep(), 2).in_the_way == ("a draft on the board",)


# ------------------------------------------------------------------------------------------------------ where it goes

LIMITED = rules(limits={"In Progress": 1, "Review": 1})


def from_review(wall: Wall) -> None:
    wall.card(2, REVIEW)
    wall.move(2, IN_PROGRESS)


def from_a_full_review(wall: Wall) -> None:
    from_review(wall)
    wall.card(3, REVIEW)


def from_the_queue(wall: Wall) -> None:
    wall.card(2, QUEUE)
    wall.move(2, IN_PROGRESS)


def from_done(wall: Wall) -> None:
    wall.card(2, DONE)
    wall.move(2, IN_PROGRESS)


def from_done_and_closed(wall: Wall) -> None:
    wall.card(2, DONE)
    wall.close(2)
    wall.move(2, IN_PROGRESS)


def from_where_it_may_not_return(wall: Wall) -> None:
    from_review(wall)
    wall.barred[2] = {REVIEW: "no transition leads there"}


WAYS: dict[str, tuple[Callable[[Wall], object], Column]] = {
    "where it came from": (from_review, REVIEW),
    "full itself": (from_a_full_review, BACKLOG),
    "the emergencies' place": (from_the_queue, BACKLOG),
    "Done, but open": (from_done, BACKLOG),
    "Done, and closed": (from_done_and_closed, DONE),
    "barred by the tracker": (from_where_it_may_not_return, BACKLOG),
    "unknown": (lambda wall: wall.card(2), BACKLOG),
}


@pytest.mark.parametrize(("came", "goes"), WAYS.values(), ids=WAYS)
def test_where_a_newcomer_goes(came: Callable[[Wall], object], goes: Column) -> None:
    """R18: to the column it came from; unknown, full or not for it: Backlog."""
    wall = Wall(LIMITED)
    wall.card(1)
    came(wall)
    wall.keep()
    assert wall.where(2) is goes


def test_a_full_column_takes_only_as_many_back_as_it_has_room_for() -> None:
    wall = Wall(LIMITED)
    wall.card(1)
    for number in (2, 3):
        wall.card(number, REVIEW)
        wall.move(number, IN_PROGRESS)
    wall.keep()
    assert [wall.where(number) for number in (1, 2, 3)] == [IN_PROGRESS, REVIEW, BACKLOG]


def test_where_nothing_tells_where_it_came_from() -> None:
    wall = Wall(tells_moves=False)
    wall.card(1)
    from_review(wall)
    wall.keep()
    assert wall.where(2) is BACKLOG


def test_what_cannot_be_moved_back_stays_and_says_why() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2)
    wall.barred[2] = {BACKLOG: "the workflow has no way there"}
    plan = wall.keep()
    facts = BoardFacts("In Progress", 1, ("acme/shop#1",), "", "the workflow has no way there")
    assert plan == BoardPlan({ref(2): (PostComment("wip@2026-11-23T09:02:00+00:00", facts, {}, ("R18",)),)})
    assert "the workflow has no way there" in wall.issue(2).comments[0].body


# ------------------------------------------------------------------------------------------------------ modes, scopes


def test_warned_of_once_and_left() -> None:
    wall = Wall(rules(mode="warn"))
    wall.card(1)
    wall.card(2)
    assert facts_for(wall.keep(), 2) == BoardFacts("In Progress", 1, ("acme/shop#1",), "")
    assert wall.where(2) is IN_PROGRESS
    wall.other(Kind.DRAFT)
    assert wall.keep() == BoardPlan({})
    wall.move(2, BACKLOG)
    wall.move(2, IN_PROGRESS)
    wall.keep()
    assert wall.said(2) == ["wip", "wip"]


def test_what_came_before_our_time_is_not_announced_but_a_move_is_explained() -> None:
    for mode, said in (("warn", []), ("enforce", ["wip"])):
        wall = Wall(rules(since=minutes(9), mode=mode))
        wall.card(1)
        wall.card(2)
        wall.later(20)
        wall.keep()
        assert wall.said(2) == said


def test_off() -> None:
    wall = Wall(rules(mode="off"))
    wall.card(1)
    wall.card(2)
    assert wall.plan() == BoardPlan({})


def test_no_limits() -> None:
    wall = Wall(rules(limits={}))
    wall.card(1)
    wall.card(2)
    assert wall.plan() == BoardPlan({})


@pytest.mark.parametrize("column", ["Backlog", "Done", "Emergency Queue"])
def test_only_columns_of_work_are_limited(column: str) -> None:
    with pytest.raises(ValidationError, match=f"{column} can't be limited; In Progress and Review can"):
        rules(limits={column: 3})


def test_by_assignee() -> None:
    """What nobody is assigned to counts together; what two are assigned to counts for both."""
    wall = Wall(rules(scope="assignee"))
    owners = {1: ["alice"], 2: ["bob"], 3: ["alice", "bob"], 4: [], 5: [], 6: ["carol"]}
    for number, names in owners.items():
        wall.card(number)
        wall.assign(number, *names)
    theirs = wall.other(Kind.DRAFT, owners=["carol"])
    plan = wall.keep()
    stay = [number for number in owners if wall.where(number) is IN_PROGRESS]
    assert (stay, wall.where(theirs)) == ([1, 2, 4, 6], BACKLOG)
    assert facts_for(plan, 3).in_the_way == ("acme/shop#1", "acme/shop#2")
    assert facts_for(plan, 5).in_the_way == ("acme/shop#4",)


# ------------------------------------------------------------------------------------------------------ again and again


def test_told_again_each_time() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2, BACKLOG)
    for times in (1, 2, 3):
        wall.move(2, IN_PROGRESS)
        wall.keep()
        assert (wall.where(2), wall.said(2)) == (BACKLOG, ["wip"] * times)


def pushed(wall: Wall, times: int, every: float = 5) -> None:
    for _ in range(times):
        wall.move(2, IN_PROGRESS, after=every)
        wall.keep()


def test_after_three_returns_within_an_hour_it_is_left() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2, BACKLOG)
    pushed(wall, 3)
    wall.move(2, IN_PROGRESS)
    facts = facts_for(wall.keep(), 2)
    assert (facts.back_to, facts.why) == ("", "It was sent back 3 times within an hour, so it is left where it is.")
    assert wall.where(2) is IN_PROGRESS
    wall.later(600)
    assert wall.plan() == BoardPlan({})
    assert wall.plan().look_again_at is None


def test_moved_in_again_when_the_hour_is_over_it_is_sent_back() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2, BACKLOG)
    pushed(wall, 4)
    wall.move(2, BACKLOG)
    wall.later(60)
    pushed(wall, 1)
    assert wall.where(2) is BACKLOG


@pytest.mark.parametrize(("every", "left"), [(18, True), (25, False)])
def test_the_hour_slides(every: float, left: bool) -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2, BACKLOG)
    pushed(wall, 4, every)
    assert (wall.where(2) is IN_PROGRESS) is left


def test_sent_back_always() -> None:
    wall = Wall(rules(returns=0))
    wall.card(1)
    wall.card(2, BACKLOG)
    pushed(wall, 8)
    assert wall.where(2) is BACKLOG


def test_what_is_left_takes_room() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2, BACKLOG)
    pushed(wall, 4)
    wall.card(3)
    assert facts_for(wall.keep(), 3).in_the_way == ("acme/shop#1",)
    wall.move(1, REVIEW)
    wall.move(3, IN_PROGRESS)
    assert facts_for(wall.keep(), 3).in_the_way == ("acme/shop#2",)


def test_deleted_comments_are_not_counted() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2, BACKLOG)
    pushed(wall, 3)
    wall.tracker.delete(ref(2), wall.issue(2).comments[0].id)
    pushed(wall, 1)
    assert wall.where(2) is BACKLOG


def test_a_move_that_got_lost_is_made_without_another_comment() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2)
    plan = wall.plan()
    wall.apply(BoardPlan({ref(2): plan.issues[ref(2)][:1]}))
    wall.later(5)
    assert wall.keep() == BoardPlan({ref(2): (MoveTo(BACKLOG, ("R18",)),)})


def test_of_two_comments_about_the_same_the_first_is_enough() -> None:
    wall = Wall()
    wall.card(1)
    wall.card(2)
    plan = wall.plan()
    told = BoardPlan({ref(2): plan.issues[ref(2)][:1]})
    wall.apply(told)
    wall.apply(told)
    _, again = wall.issue(2).comments
    assert wall.keep() == BoardPlan({ref(2): (MoveTo(BACKLOG, ("R18",)), DropComment(again.id, ("R18",)))})


def test_long_after_the_fact_the_same_ones_stay() -> None:
    """Two at once, from two workers or found by a sweep: what counts is when they came, not when they were seen."""
    wall = Wall()
    wall.card(2)
    wall.card(1)
    assert wall.plan().issues.keys() == {ref(1)}
    wall.clock.now += timedelta(days=3)
    assert wall.plan().issues.keys() == {ref(1)}
