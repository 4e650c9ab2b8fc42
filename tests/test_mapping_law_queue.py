"""The order of the Emergency Queue (R20), with the fewest moves, and who owns a P1 (R8, R34)."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.board import Board, BoardCard, Kind
from mapping.changes import BoardFacts, PlaceCard, PostComment
from mapping.issue import Card, Happened
from mapping.items import items_of
from mapping.law import plan_board
from mapping.owners import shared_owners
from mapping.policy import Policy
from tests.law_house import BACKLOG, BOARD, IN_PROGRESS, QUEUE, Wall, minutes, ref, rules
from tests.mapping_house import an_issue, at, did

LATER = at(600)


def emergency(number: int, severity: str, reported: float = 0, **more: object) -> BoardCard:
    """An emergency in the queue, reported so many minutes after the start."""
    put = did(reported, "alice", Happened.LABELED, severity)
    issue = an_issue(ref=ref(number), labels=[severity], timeline=(put,), created_at=at(reported))
    card = Card("Emergency Queue", QUEUE, at(reported))
    return BoardCard(str(number), Kind.ISSUE, "x", card, replace(issue, card=card, **more))  # type: ignore[arg-type]


def other(name: str, kind: Kind = Kind.DRAFT) -> BoardCard:
    return BoardCard(name, kind, "x", Card("Emergency Queue", QUEUE, at(0)))


def placed(*cards: BoardCard) -> list[tuple[str, str | None]]:
    plan = plan_board(Board(BOARD, cards), Policy(), LATER)
    assert all(isinstance(change, PlaceCard) and change.because == ("R20",) for change in plan.cards)
    return [(change.card, change.below) for change in plan.cards if isinstance(change, PlaceCard)]


A_P0, OLD_P1, NEW_P1 = emergency(7, "P0", 30), emergency(5, "P1"), emergency(4, "P1", 60)

ORDERS: dict[str, tuple[Sequence[BoardCard], list[tuple[str, str | None]]]] = {
    "nothing": ((), []),
    "in order": ((A_P0, OLD_P1, NEW_P1), []),
    "severity first": ((OLD_P1, NEW_P1, A_P0), [("7", None)]),
    "then the due time": ((A_P0, NEW_P1, OLD_P1), [("5", "7")]),
    "all wrong": ((NEW_P1, OLD_P1, A_P0), [("7", None), ("5", "7")]),
    "then the number": ((emergency(12, "P1"), emergency(3, "P1")), [("3", None)]),
    "others after them": ((other("d"), A_P0, other("e"), OLD_P1), [("7", None), ("5", "7")]),
    "others as they stand": ((A_P0, other("e"), other("d")), []),
    "the unseen never moves": ((other("h", Kind.HIDDEN), A_P0, OLD_P1), [("7", None), ("5", "7")]),
    "no emergency any more": ((emergency(3, "P2"), A_P0), [("7", None)]),
    "about to leave": ((emergency(3, "P0", closed_at=at(90)), A_P0), []),
}


@pytest.mark.parametrize(("cards", "moves"), ORDERS.values(), ids=ORDERS)
def test_order(cards: Sequence[BoardCard], moves: list[tuple[str, str | None]]) -> None:
    assert placed(*cards) == moves


def test_what_was_answered_is_due_at_its_resolution() -> None:
    """The older P1 was answered: its next promise is due after the younger one's response."""
    wall = Wall()
    wall.p0(5, label="P1")
    wall.later(60)
    wall.p0(4, label="P1")
    assert wall.plan().cards == ()
    wall.tracker.comment(ref(5), "alice", "We are on it.")
    assert wall.plan().cards == (PlaceCard(ref(4).key, None, ("R20",)),)


def test_without_any_due_time_an_emergency_comes_last_of_its_severity() -> None:
    wall = Wall()
    wall.p0(5, label="P1")
    wall.tracker.comment(ref(5), "alice", "We are on it.")
    wall.label(5, add="waiting-on-customer")
    wall.later(600)
    wall.p0(4, label="P1")
    wall.keep()
    assert [card.id for card in wall.board.cards] == [ref(4).key, ref(5).key]


@given(st.permutations([A_P0, OLD_P1, NEW_P1, emergency(9, "P0"), other("d"), other("h", Kind.HIDDEN), other("g")]))
def test_the_fewest_moves_bring_any_order_into_order(cards: list[BoardCard]) -> None:
    moves = placed(*cards)
    order = [card.id for card in cards]
    others = [name for name in order if name in {"d", "h", "g"}]
    wanted = ["9", "7", "5", "4", *others]
    for card, below in moves:
        order.remove(card)
        order.insert(order.index(below) + 1 if below else 0, card)
    assert order == wanted
    assert "h" not in dict(moves)
    assert len(moves) <= len(cards) - longest_with(["h"], [wanted.index(card.id) for card in cards], wanted)


def longest_with(fixed: Sequence[str], places: Sequence[int], wanted: Sequence[str]) -> int:
    """By trying all: the length of the longest part in order that holds the fixed ones."""
    best = 0
    needed = {wanted.index(name) for name in fixed}
    for chosen in range(2 ** len(places)):
        part = [place for bit, place in enumerate(places) if chosen >> bit & 1]
        if needed <= set(part) and all(a < b for a, b in pairwise(part)):
            best = max(best, len(part))
    return best


# --------------------------------------------------------------------------------------------------------- owners


def owned(wall: Wall) -> dict[str, str]:
    items = items_of(wall.board, wall.policy, wall.clock())
    return {str(of): shared.says for of, shared in shared_owners(items, {}).items()}


def p1_of_bob() -> Wall:
    wall = Wall()
    wall.p0(9, label="P1")
    wall.assign(9, "bob")
    return wall


def test_a_dedicated_owner() -> None:
    wall = p1_of_bob()
    wall.card(1, BACKLOG)
    wall.card(2)
    wall.assign(1, "bob")
    wall.assign(2, "alice")
    wall.other(Kind.PULL_REQUEST, owners=["bob"])
    assert owned(wall) == {}


def test_an_owner_of_other_work() -> None:
    wall = p1_of_bob()
    wall.card(2)
    wall.assign(2, "bob", "alice")
    wall.other(Kind.DRAFT, owners=["bob"])
    wall.p0(8, BACKLOG)
    wall.assign(8, "bob")
    others = "a draft on the board and acme/shop#2 and acme/shop#8"
    assert owned(wall) == {"github:acme/shop#9": f"bob also has {others}; whoever owns a P1 has nothing else."}
    wall.close(8)
    wall.close(2)
    assert "acme/shop#" not in owned(wall)["github:acme/shop#9"]


@pytest.mark.parametrize("owners", [[], ["bob", "alice"]])
def test_without_one_owner_there_is_nothing_to_compare(owners: list[str]) -> None:
    wall = p1_of_bob()
    wall.assign(9, *owners)
    wall.card(2)
    wall.assign(2, "bob", "alice")
    assert owned(wall) == {}


def test_a_p0_is_everybody_s() -> None:
    wall = Wall()
    wall.p0(9)
    wall.assign(9, "bob")
    wall.card(2, IN_PROGRESS)
    wall.assign(2, "bob")
    assert owned(wall) == {}


def told_of(wall: Wall, number: int = 9) -> list[BoardFacts]:
    """What the next plan says on a P1, and then nothing any more."""
    told = [c.facts for c in wall.keep().issues.get(ref(number), ()) if isinstance(c, PostComment)]
    return [facts for facts in told if isinstance(facts, BoardFacts)]


def test_the_owner_is_told_once_and_no_longer_than_it_is_true() -> None:
    """R8, R34."""
    wall = p1_of_bob()
    wall.card(2)
    wall.assign(2, "bob")
    (facts,) = told_of(wall)
    assert (facts.about, facts.owner, facts.in_the_way) == ("owner", "bob", ("acme/shop#2",))
    assert (told_of(wall), wall.said(9)) == ([], ["owner"])
    wall.other(Kind.DRAFT, owners=["bob"])  # goes back by itself: there is no room
    assert told_of(wall) == []
    wall.p0(8, label="P1")
    wall.assign(8, "bob")
    (facts,) = told_of(wall)
    assert (facts.in_the_way, wall.said(9), wall.said(8)) == (("acme/shop#2", "acme/shop#8"), ["owner"], ["owner"])
    wall.close(8)
    assert len(told_of(wall)) == 1
    wall.assign(9, "alice")
    assert (told_of(wall), wall.said(9)) == ([], [])


def test_what_was_said_of_an_owner_stays_on_what_is_closed() -> None:
    wall = p1_of_bob()
    wall.card(2)
    wall.assign(2, "bob")
    wall.keep()
    wall.close(9)
    assert (told_of(wall), wall.said(9)) == ([], ["owner"])


def test_an_old_p1_that_nobody_confirmed_gets_no_comment() -> None:
    """R24."""
    wall = Wall(rules(since=minutes(60)))
    wall.tracker.open(ref(9), "carol", "Checkout outage", column=QUEUE)
    wall.assign(9, "bob")
    wall.card(2)
    wall.assign(2, "bob")
    assert list(owned(wall)) == ["github:acme/shop#9"]
    assert told_of(wall) == []
    wall.label(9, add="P1")
    assert len(told_of(wall)) == 1
