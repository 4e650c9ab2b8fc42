"""A P0 stops planned work and gives it back exactly (R4, R29, R33); a P1 stops nothing (R37)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mapping.board import Kind
from mapping.case import Case
from mapping.changes import BoardFacts, BoardPlan, DropComment, MoveCard, MoveTo, PostComment, SetLabels
from mapping.issue import Happened, Issue, IssueRef
from mapping.law import plan_board
from mapping.policy import Policy
from tests.law_house import (
    BACKLOG,
    IN_PROGRESS,
    LABEL_ONLY,
    PAUSED,
    QUEUE,
    REVIEW,
    Wall,
    facts_for,
    ref,
    rules,
)
from tests.mapping_house import an_issue, did

MARK = SetLabels(frozenset({PAUSED}), frozenset(), ("R33",))
UNMARK = SetLabels(frozenset(), frozenset({PAUSED}), ("R33",))
BOTH_WAYS = pytest.mark.parametrize("tells_moves", [True, False], ids=["moves told", "only the last"])


def paused_wall(policy: Policy | None = None, tells_moves: bool = True) -> Wall:
    """1 was in progress, and is paused because of 9."""
    wall = Wall(policy, tells_moves=tells_moves)
    wall.card(1)
    wall.p0(9)
    wall.keep()
    return wall


# ----------------------------------------------------------------------------------------------------------- stopping


@BOTH_WAYS
def test_everything_in_progress_goes_to_backlog_marked(tells_moves: bool) -> None:
    wall = Wall(rules(limits={"In Progress": 3}), tells_moves=tells_moves)
    wall.card(1)
    wall.card(2)
    draft = wall.other(Kind.DRAFT)
    wall.p0(9)
    moved = (MARK, MoveTo(BACKLOG, ("R33",)))
    assert wall.keep() == BoardPlan({ref(1): moved, ref(2): moved}, (MoveCard(draft, BACKLOG, True, ("R33",)),))
    assert [wall.said(number) for number in (1, 2)] == [[], []]


def provisional(wall: Wall) -> None:
    wall.tracker.open(ref(9), "carol", "Everything is down", labels=["P0"], column=QUEUE)


def closed(wall: Wall) -> None:
    wall.p0(9)
    wall.close(9)


def downgraded(wall: Wall) -> None:
    wall.p0(9)
    wall.label(9, add="P2", remove="P0")


EMERGENCIES: dict[str, tuple[Callable[[Wall], object], bool]] = {
    "a confirmed P0": (lambda wall: wall.p0(9), True),
    "somewhere else on the board": (lambda wall: wall.p0(9, REVIEW), True),
    "a provisional P0": (provisional, False),
    "a P1": (lambda wall: wall.p0(9, label="P1"), False),
    "a closed P0": (closed, False),
    "a P0 that became a P2": (downgraded, False),
}


@pytest.mark.parametrize(("happens", "stops"), EMERGENCIES.values(), ids=EMERGENCIES)
def test_what_stops_work(happens: Callable[[Wall], object], stops: bool) -> None:
    """R24, R33, R37."""
    wall = Wall()
    wall.card(1)
    happens(wall)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1)) == ((BACKLOG, True) if stops else (IN_PROGRESS, False))


def test_a_p0_that_has_no_card_stops_work_too() -> None:
    wall = Wall()
    wall.card(1)
    wall.tracker.open(ref(9), "alice", "Down", labels=["P0"])
    wall.keep()
    assert wall.is_paused(1)


STAYS: dict[str, Callable[[Wall], int | str]] = {
    "a P0 itself": lambda wall: wall.p0(1, IN_PROGRESS),
    "a P1 that somebody put there": lambda wall: wall.p0(1, IN_PROGRESS, label="P1"),
    "a pull request": lambda wall: wall.other(Kind.PULL_REQUEST),
    "what can't be seen": lambda wall: wall.other(Kind.HIDDEN),
    "another column": lambda wall: wall.card(1, REVIEW),
}


@pytest.mark.parametrize("put", STAYS.values(), ids=STAYS)
def test_what_is_not_paused(put: Callable[[Wall], int | str]) -> None:
    wall = Wall()
    card = put(wall)
    before = wall.where(card)
    wall.p0(9)
    assert wall.keep() == BoardPlan({})
    assert wall.where(card) is before


def test_what_closed_there_goes_to_done_by_itself() -> None:
    wall = Wall()
    wall.card(1)
    wall.close(1)
    wall.p0(9)
    assert wall.keep() == BoardPlan({})


def elsewhere(scope: str) -> Wall:
    wall = Wall(rules({"scope": scope}))
    wall.card(1)
    wall.later()
    there = an_issue(ref=IssueRef("jira", "OPS-7"), labels=["P0"], timeline=(did(1, "alice", Happened.LABELED, "P0"),))
    provisional = an_issue(ref=IssueRef("jira", "OPS-8"), labels=["P0"])
    wall.elsewhere = [Case.of(issue, wall.policy) for issue in (there, provisional)]
    return wall


def test_a_p0_of_another_tracker_stops_work_where_the_policy_says_so() -> None:
    assert elsewhere("tracker").keep() == BoardPlan({})
    wall = elsewhere("all")
    wall.keep()
    wall.move(1, IN_PROGRESS)
    assert facts_for(wall.keep(), 1).in_the_way == ("jira:OPS-7",)
    wall.elsewhere = []
    wall.keep()
    assert wall.where(1) is IN_PROGRESS


# ---------------------------------------------------------------------------------------------- people, meanwhile


@BOTH_WAYS
def test_whoever_moves_work_in_during_the_emergency_is_told(tells_moves: bool) -> None:
    wall = Wall(tells_moves=tells_moves)
    wall.p0(9)
    wall.card(1, BACKLOG)
    wall.move(1, IN_PROGRESS)
    plan = wall.keep()
    facts = BoardFacts("In Progress", 1, ("acme/shop#9",), "Backlog", about="pause")
    told = PostComment("pause@2026-11-23T09:03:00+00:00", facts, {}, ("R33",))
    assert plan == BoardPlan({ref(1): (told, MARK, MoveTo(BACKLOG, ("R33",)))})
    assert "acme/shop#9" in wall.issue(1).comments[0].body


@BOTH_WAYS
def test_moved_in_again_it_is_paused_again_and_told_each_time(tells_moves: bool) -> None:
    wall = paused_wall(tells_moves=tells_moves)
    for times in (1, 2):
        wall.move(1, IN_PROGRESS)
        plan = wall.keep()
        assert [type(change) for change in plan.issues[ref(1)]] == [PostComment, MoveTo]
        assert (wall.where(1), wall.said(1)) == (BACKLOG, ["pause"] * times)
    wall.close(9)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1)) == (IN_PROGRESS, False)


@BOTH_WAYS
def test_who_was_in_progress_before_the_emergency_goes_back_first(tells_moves: bool) -> None:
    """Whoever pushed into In Progress during the emergency is a newcomer afterwards (R18), though paused at once."""
    wall = Wall(tells_moves=tells_moves)
    wall.card(3)
    wall.card(2, BACKLOG)
    wall.card(1, BACKLOG)
    wall.p0(9)
    wall.move(2, IN_PROGRESS)
    wall.keep()
    wall.move(1, IN_PROGRESS)
    wall.keep()
    wall.close(9)
    plan = wall.keep()
    assert [wall.where(number) for number in (3, 2, 1)] == [IN_PROGRESS, BACKLOG, BACKLOG]
    facts = BoardFacts("In Progress", 1, ("acme/shop#3",), "Backlog", about="restore")
    assert [facts_for(plan, number) for number in (2, 1)] == [facts, facts]
    assert not wall.is_paused(1)
    assert "acme/shop#3" in wall.issue(1).comments[-1].body


@BOTH_WAYS
def test_what_was_paused_first_goes_back_first(tells_moves: bool) -> None:
    wall = Wall(tells_moves=tells_moves)
    wall.card(1, BACKLOG)
    wall.card(2, BACKLOG)
    wall.p0(9)
    for number in (2, 1):
        wall.move(number, IN_PROGRESS)
        wall.keep()
    wall.close(9)
    wall.keep()
    assert [wall.where(number) for number in (1, 2)] == [BACKLOG, IN_PROGRESS]


@BOTH_WAYS
def test_a_label_taken_away_frees_the_card(tells_moves: bool) -> None:
    wall = paused_wall(tells_moves=tells_moves)
    wall.label(1, remove=PAUSED)
    assert wall.keep() == BoardPlan({})
    wall.move(1, IN_PROGRESS)
    wall.keep()
    assert (wall.where(1), wall.said(1), wall.is_paused(1)) == (BACKLOG, ["pause"], True)
    wall.move(1, IN_PROGRESS)
    wall.label(1, remove=PAUSED)
    assert wall.keep() == BoardPlan({})
    assert wall.where(1) is IN_PROGRESS


def test_another_p0_stops_what_was_freed_before() -> None:
    wall = paused_wall(LABEL_ONLY)
    wall.label(1, remove=PAUSED)
    assert wall.keep() == BoardPlan({})
    wall.p0(10)
    wall.keep()
    assert wall.is_paused(1)


def test_a_reopened_p0_stops_what_was_freed_before() -> None:
    wall = paused_wall(LABEL_ONLY)
    wall.label(1, remove=PAUSED)
    wall.close(9)
    wall.keep()
    wall.reopen(9)
    wall.keep()
    assert wall.is_paused(1)


def test_a_label_that_a_person_put_is_theirs() -> None:
    wall = Wall()
    wall.card(1)
    wall.label(1, add=PAUSED)
    wall.card(2, BACKLOG)
    wall.label(2, add=PAUSED)
    assert wall.keep() == BoardPlan({})
    wall.p0(9)
    plan = wall.keep()
    assert list(plan.issues) == [ref(1)]
    assert facts_for(plan, 1).why == "A person put the label of the pause, so a person moves it back."
    wall.close(9)
    assert wall.keep() == BoardPlan({})
    assert [(wall.where(n), wall.is_paused(n)) for n in (1, 2)] == [(BACKLOG, True), (BACKLOG, True)]


def test_a_label_without_a_history_is_nobody_of_ours() -> None:
    wall = paused_wall()
    wall.close(9)
    (card, *_) = wall.board.cards
    assert card.issue is not None
    forgotten = replace(wall.board, cards=(replace(card, issue=replace(card.issue, timeline=())),))
    assert plan_board(forgotten, wall.policy, wall.clock()) == BoardPlan({})


def test_the_label_in_other_letters() -> None:
    wall = paused_wall()
    shouted = PAUSED.upper()

    def louder(issue: Issue) -> Issue:
        events = tuple(replace(e, value=e.value.upper()) if e.value == PAUSED else e for e in issue.timeline)
        return replace(issue, labels=frozenset({shouted}), timeline=events)

    wall.close(9)
    cards = tuple(replace(c, issue=louder(c.issue)) if c.issue and c.id.endswith("#1") else c for c in wall.board.cards)
    plan = plan_board(replace(wall.board, cards=cards), wall.policy, wall.clock())
    assert plan.issues[ref(1)][-1] == SetLabels(frozenset(), frozenset({shouted}), ("R33",))


# ---------------------------------------------------------------------------------------------------------- restoring


@BOTH_WAYS
def test_after_the_last_p0_it_goes_back(tells_moves: bool) -> None:
    wall = Wall(tells_moves=tells_moves)
    wall.card(1)
    wall.p0(8)
    wall.keep()
    wall.p0(9)
    assert wall.keep() == BoardPlan({})
    wall.close(8)
    assert wall.keep() == BoardPlan({})
    wall.close(9)
    assert wall.keep() == BoardPlan({ref(1): (MoveTo(IN_PROGRESS, ("R33",)), UNMARK)})


def test_a_draft_goes_back() -> None:
    wall = Wall()
    draft = wall.other(Kind.DRAFT)
    wall.p0(9)
    wall.keep()
    wall.close(9)
    assert wall.keep() == BoardPlan({}, (MoveCard(draft, IN_PROGRESS, False, ("R33",)),))


ENDS: dict[str, Callable[[Wall], object]] = {
    "closed": lambda wall: wall.close(9),
    "no P0 any more": lambda wall: wall.label(9, add="P1", remove="P0"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_how_an_emergency_ends(end: Callable[[Wall], object]) -> None:
    wall = paused_wall()
    wall.later()
    end(wall)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1)) == (IN_PROGRESS, False)


def there_and_back(wall: Wall) -> None:
    wall.move(1, REVIEW)
    wall.move(1, BACKLOG)


def closed_and_reopened(wall: Wall) -> None:
    wall.close(1)
    wall.reopen(1)


TOUCHES: dict[str, Callable[[Wall], object]] = {
    "moved elsewhere": lambda wall: wall.move(1, REVIEW),
    "moved there and back": there_and_back,
    "closed": lambda wall: wall.close(1),
    "closed and reopened": closed_and_reopened,
    "moved by another robot": lambda wall: wall.move(1, REVIEW, by="x[bot]"),
    "an emergency now": lambda wall: wall.label(1, add="P1"),
}


@BOTH_WAYS
@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_what_somebody_touched_meanwhile_only_loses_the_label(
    touch: Callable[[Wall], object], tells_moves: bool
) -> None:
    wall = paused_wall(tells_moves=tells_moves)
    touch(wall)
    wall.keep()
    there = wall.where(1)
    wall.close(9)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1), wall.said(1)) == (there, False, [])


@pytest.mark.parametrize("touch", ["closed", "an emergency now"])
def test_what_needs_no_pause_any_more_loses_the_label_at_once(touch: str) -> None:
    wall = paused_wall()
    TOUCHES[touch](wall)
    assert wall.keep() == BoardPlan({ref(1): (UNMARK,)})


def test_a_draft_that_was_moved_meanwhile_only_loses_its_mark() -> None:
    wall = Wall()
    draft = wall.other(Kind.DRAFT)
    wall.p0(9)
    wall.keep()
    wall.move(draft, REVIEW)
    assert wall.keep() == BoardPlan({})
    wall.close(9)
    assert wall.keep() == BoardPlan({}, (MoveCard(draft, REVIEW, False, ("R33",)),))


def test_a_draft_in_a_column_of_the_team_s_own_is_left_alone() -> None:
    wall = Wall()
    draft = wall.other(Kind.DRAFT)
    wall.p0(9)
    wall.keep()
    wall.close(9)
    own = tuple(
        replace(c, card=replace(c.card, name="Icebox", column=None)) if c.id == draft else c for c in wall.board.cards
    )
    assert plan_board(replace(wall.board, cards=own), wall.policy, wall.clock()) == BoardPlan({})


def test_drafts_moved_in_again_are_paused_again() -> None:
    wall = Wall()
    draft = wall.other(Kind.DRAFT)
    wall.p0(9)
    wall.keep()
    wall.move(draft, IN_PROGRESS)
    wall.keep()
    assert (wall.where(draft), wall.is_paused(draft)) == (BACKLOG, True)


def test_the_limit_holds_when_work_comes_back() -> None:
    """R18: whoever is there already stays."""
    wall = paused_wall()
    draft = wall.other(Kind.DRAFT, BACKLOG)
    wall.close(9)
    wall.move(draft, IN_PROGRESS)
    plan = wall.keep()
    facts = BoardFacts("In Progress", 1, ("a draft on the board",), "Backlog", about="restore")
    because = ("R18", "R33")
    told = PostComment("restore@2026-11-23T09:03:00+00:00", facts, {}, because)
    assert plan == BoardPlan({ref(1): (told, SetLabels(frozenset(), frozenset({PAUSED}), because))})
    assert wall.where(1) is BACKLOG


def test_a_draft_that_finds_no_room_stays_without_a_word() -> None:
    wall = Wall(rules(limits={"In Progress": 2}))
    draft = wall.other(Kind.DRAFT)
    wall.p0(9)
    wall.keep()
    wall.close(9)
    wall.card(1)
    wall.card(2)
    assert wall.keep() == BoardPlan({}, (MoveCard(draft, BACKLOG, False, ("R18", "R33")),))


def test_what_the_tracker_does_not_let_back_stays_and_says_why() -> None:
    wall = paused_wall()
    wall.close(9)
    wall.barred[1] = {IN_PROGRESS: "the workflow has no way there"}
    facts = facts_for(wall.keep(), 1)
    assert (facts.in_the_way, facts.why, facts.about) == ((), "the workflow has no way there", "restore")
    assert (wall.where(1), wall.is_paused(1)) == (BACKLOG, False)


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_a_limit_that_only_warns_lets_everything_back_without_a_warning(mode: str) -> None:
    wall = Wall(rules(mode=mode))
    wall.card(1)
    wall.card(2)
    wall.keep()
    before = wall.said(2)
    wall.p0(9)
    wall.keep()
    wall.close(9)
    wall.keep()
    assert [wall.where(number) for number in (1, 2)] == [IN_PROGRESS, IN_PROGRESS]
    assert wall.said(2) == before


def test_who_came_too_much_before_the_emergency_is_sent_back_and_not_paused() -> None:
    """R18 counts first: so who was there rightly goes back afterwards, whatever the numbers."""
    wall = Wall()
    wall.card(2)
    wall.card(1)
    wall.p0(9)
    wall.keep()
    assert [(wall.said(number), wall.is_paused(number)) for number in (1, 2)] == [(["wip"], False), ([], True)]
    wall.close(9)
    wall.keep()
    assert [wall.where(number) for number in (1, 2)] == [BACKLOG, IN_PROGRESS]


def test_what_cannot_be_seen_takes_nobody_s_place_when_work_is_stopped_already() -> None:
    wall = Wall()
    wall.card(1)
    hidden = wall.other(Kind.HIDDEN, REVIEW)
    wall.p0(9)
    wall.move(hidden, IN_PROGRESS)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1), wall.said(1)) == (BACKLOG, True, [])


def test_a_newcomer_from_a_full_column_does_not_go_into_a_stopped_one() -> None:
    wall = Wall(rules(limits={"In Progress": 1, "Review": 1}))
    wall.card(1, REVIEW)
    wall.p0(9)
    wall.card(2)
    wall.move(2, REVIEW)
    wall.keep()
    assert wall.where(2) is BACKLOG


# --------------------------------------------------------------------------------------------------------- label only


def test_only_labelled() -> None:
    wall = Wall(LABEL_ONLY)
    wall.card(1)
    draft = wall.other(Kind.DRAFT, BACKLOG)
    wall.p0(9)
    assert wall.keep() == BoardPlan({ref(1): (MARK,)})
    wall.move(1, REVIEW)
    wall.move(draft, IN_PROGRESS)
    assert wall.keep() == BoardPlan({}, (MoveCard(draft, IN_PROGRESS, True, ("R33",)),))
    wall.close(9)
    plan = wall.keep()
    assert plan == BoardPlan({ref(1): (UNMARK,)}, (MoveCard(draft, IN_PROGRESS, False, ("R33",)),))


def test_the_limit_still_holds_while_work_is_only_labelled() -> None:
    wall = paused_wall(LABEL_ONLY)
    wall.card(2)
    wall.keep()
    assert (wall.where(2), wall.is_paused(2), wall.said(2)) == (BACKLOG, False, ["wip"])


def test_what_comes_in_while_work_is_only_labelled_is_told() -> None:
    wall = Wall(LABEL_ONLY)
    wall.p0(9)
    wall.card(1)
    assert facts_for(wall.keep(), 1) == BoardFacts("In Progress", 1, ("acme/shop#9",), "", about="pause")


def test_too_much_and_paused_at_once() -> None:
    """A limit that only warns, a pause that only labels: both are said."""
    wall = Wall(rules({"mode": "label"}, mode="warn"))
    wall.card(1)
    wall.p0(9)
    wall.card(2)
    plan = wall.keep()
    assert [type(change) for change in plan.issues[ref(2)]] == [PostComment, PostComment, SetLabels]
    assert wall.said(2) == ["wip", "pause"]


def test_a_card_with_our_mark_that_finds_no_room_goes_back_and_loses_it() -> None:
    wall = paused_wall()
    draft = wall.other(Kind.DRAFT, BACKLOG)
    wall.close(9)
    wall.move(draft, IN_PROGRESS)
    wall.move(1, IN_PROGRESS)
    plan = wall.keep()
    assert [type(change) for change in plan.issues[ref(1)]] == [PostComment, MoveTo, SetLabels]
    assert (wall.where(1), wall.is_paused(1), wall.said(1)) == (BACKLOG, False, ["wip"])


@BOTH_WAYS
def test_a_policy_that_changes_in_the_middle_forgets_nothing(tells_moves: bool) -> None:
    """The label is the memory, whatever the mode."""
    wall = paused_wall(tells_moves=tells_moves)
    wall.policy = LABEL_ONLY
    assert wall.keep() == BoardPlan({})
    wall.close(9)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1)) == (IN_PROGRESS, False)


def test_from_labels_to_moves_in_the_middle() -> None:
    wall = paused_wall(LABEL_ONLY)
    wall.policy = Policy()
    wall.keep()
    assert wall.where(1) is BACKLOG
    wall.close(9)
    wall.keep()
    assert wall.where(1) is IN_PROGRESS


def test_what_cannot_be_moved_is_labelled_and_says_why() -> None:
    wall = Wall()
    wall.card(1)
    wall.barred[1] = {BACKLOG: "the workflow has no way there"}
    wall.p0(9)
    plan = wall.keep()
    assert plan.issues[ref(1)][1:] == (MARK,)
    facts = facts_for(plan, 1)
    assert (facts.back_to, facts.why, facts.about) == ("", "the workflow has no way there", "pause")
    wall.close(9)
    assert wall.keep() == BoardPlan({ref(1): (UNMARK,)})


# ---------------------------------------------------------------------------------------------------- crashes between


def halfway(wall: Wall, number: int, done: int) -> None:
    """Only the first so many changes arrived."""
    plan = wall.plan()
    wall.apply(BoardPlan({ref(number): plan.issues[ref(number)][:done]}))
    wall.later()


@BOTH_WAYS
@pytest.mark.parametrize("done", [0, 1])
def test_a_pause_that_breaks_off_is_finished_and_given_back(done: int, tells_moves: bool) -> None:
    wall = Wall(tells_moves=tells_moves)
    wall.card(1)
    wall.p0(9)
    halfway(wall, 1, done)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1)) == (BACKLOG, True)
    wall.close(9)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1)) == (IN_PROGRESS, False)


@BOTH_WAYS
@pytest.mark.parametrize("done", [0, 1])
def test_a_restore_that_breaks_off_is_finished(done: int, tells_moves: bool) -> None:
    wall = paused_wall(tells_moves=tells_moves)
    wall.close(9)
    halfway(wall, 1, done)
    wall.keep()
    assert (wall.where(1), wall.is_paused(1)) == (IN_PROGRESS, False)


def test_of_two_comments_about_the_same_the_first_is_enough() -> None:
    wall = paused_wall()
    wall.move(1, IN_PROGRESS)
    told = BoardPlan({ref(1): wall.plan().issues[ref(1)][:1]})
    wall.apply(told)
    wall.apply(told)
    _, again = wall.issue(1).comments
    assert wall.keep() == BoardPlan({ref(1): (MoveTo(BACKLOG, ("R33",)), DropComment(again.id, ("R18",)))})
