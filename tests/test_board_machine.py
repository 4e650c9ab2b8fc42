"""Three people, six cards, emergencies that come and go, workers in between: the law holds whatever happens (R18, R33).

A card that nobody touched during an emergency stands afterwards where it stood before.
"""

import os
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mapping.board import Kind
from mapping.case import Case
from mapping.issue import Column
from mapping.plan import stops_work
from tests.law_house import BACKLOG, IN_PROGRESS, PAUSED, REVIEW, Wall, ref, rules

ISSUES = (1, 2, 3)
EMERGENCIES = (100, 200)  # far apart: retrospectives are opened under the numbers between
PEOPLE = ("alice", "bob", "carol")
RUNS = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 50

columns = st.sampled_from([IN_PROGRESS, IN_PROGRESS, *Column])
people = st.sampled_from(PEOPLE)
waits = st.sampled_from([1 / 60, 0.5, 5, 90])  # minutes


class TheBoard(RuleBasedStateMachine):
    """The board, and how it stood when the law was last kept and no P0 was open."""

    mode, tells_moves = "move", True

    def __init__(self) -> None:
        super().__init__()
        self.wall = Wall(rules({"mode": self.mode}, returns=0), tells_moves=self.tells_moves)
        issues = [self.wall.card(number, column) for number, column in zip(ISSUES, Column, strict=False)]
        others = [self.wall.other(kind, REVIEW) for kind in (Kind.DRAFT, Kind.PULL_REQUEST, Kind.HIDDEN)]
        self.cards: list[int | str] = [*issues, *others]
        self.home: dict[int | str, Column | None] = {}
        self.touched: set[int | str] = set()
        self.freed: set[int | str] = set()
        self.remember()

    def later(self, wait: float) -> None:
        """Where moves are not told, what follows ours within seconds looks like ours."""
        self.wall.later(wait if self.tells_moves else max(wait, 0.5))

    # ------------------------------------------------------------------------------------------------ people

    @rule(pick=st.integers(0, 5), by=people, to=columns, wait=waits)
    def move(self, pick: int, by: str, to: Column, wait: float) -> None:
        self.later(wait)
        self.wall.move(self.cards[pick], to, by, after=0)
        self.touched.add(self.cards[pick])

    @rule(number=st.sampled_from((*ISSUES, *EMERGENCIES)), by=people, wait=waits)
    def close_or_reopen(self, number: int, by: str, wait: float) -> None:
        if self.is_there(number):
            self.later(wait)
            is_open = self.wall.issue(number).closed_at is None
            (self.wall.tracker.close if is_open else self.wall.tracker.reopen)(ref(number), by)
            self.touched.add(number)

    @rule(number=st.sampled_from(ISSUES), by=people, wait=waits)
    def take_the_label_away(self, number: int, by: str, wait: float) -> None:
        self.later(wait)
        self.wall.tracker.label(ref(number), by, remove=[PAUSED])
        self.touched.add(number)
        self.freed.add(number)

    # ------------------------------------------------------------------------------------------- emergencies

    @rule(number=st.sampled_from(EMERGENCIES), wait=waits)
    def report(self, number: int, wait: float) -> None:
        if not self.is_there(number):
            self.later(wait)
            self.wall.tracker.open(ref(number), "carol", "The shop is down", labels=["P0"])

    @rule(number=st.sampled_from(EMERGENCIES), said=st.sampled_from(["/p0", "/p0", "/p1", "/p2"]), wait=waits)
    def decide(self, number: int, said: str, wait: float) -> None:
        self.report(number, wait)
        self.later(wait)
        self.wall.tracker.comment(ref(number), "alice", said)

    @rule(number=st.sampled_from(EMERGENCIES), to=columns, wait=waits)
    def move_an_emergency(self, number: int, to: Column, wait: float) -> None:
        if self.is_there(number):
            self.later(wait)
            self.wall.tracker.move(ref(number), "bob", to)

    def is_there(self, number: int) -> bool:
        return any(issue.ref == ref(number) for issue in self.wall.tracker.issues())

    # ------------------------------------------------------------------------------------------------ workers

    @rule(wait=waits)
    def work(self, wait: float = 1) -> None:
        """The agenda is worked off; then the law holds."""
        self.later(wait)
        self.wall.settle()
        self.nothing_is_lost()
        self.little_is_in_progress()
        if any(map(self.is_hidden, self.in_progress())):  # displaces all others, since it can't be moved itself
            self.touched |= {card for card in self.cards if self.home[card] is IN_PROGRESS}
        if self.stops():
            self.all_else_stands_still()
        else:
            self.everything_is_back()
            self.remember()

    def teardown(self) -> None:
        self.work()
        for number in filter(self.is_there, EMERGENCIES):
            self.later(1)
            self.wall.tracker.close(ref(number), "alice")
        self.work()
        super().teardown()

    def nothing_is_lost(self) -> None:
        emergencies = [number for number in EMERGENCIES if self.is_there(number) and not self.is_closed(number)]
        shown = {card.id: card.card.column for card in self.wall.board.cards}
        for card in [*self.cards, *emergencies]:
            assert shown[ref(card).key if isinstance(card, int) else card] is not None
        for issue in self.wall.tracker.issues():
            keys = Counter(comment.marker.key for comment in issue.comments if comment.marker)
            assert set(keys.values()) <= {1}

    def little_is_in_progress(self) -> None:
        assert len(self.in_progress()) <= 1

    def all_else_stands_still(self) -> None:
        for card in self.in_progress():
            is_labelled = self.mode == "label" and self.wall.is_paused(card)
            assert is_labelled or card in self.freed or self.is_closed(card) or self.is_hidden(card)

    def everything_is_back(self) -> None:
        """Who was moved in meanwhile was there first, as always: then, and only then, a card waits in Backlog."""
        now = {card: self.wall.where(card) for card in self.cards}
        moved = {card for card in self.cards if card not in self.touched and now[card] is not self.home[card]}
        for card in moved:
            assert (self.home[card], now[card]) == (IN_PROGRESS, BACKLOG)
            assert any(other not in self.home or other in self.touched for other in self.in_progress())
        assert not any(self.wall.is_paused(card) for card in self.cards)

    def in_progress(self) -> list[int | str]:
        """What counts there, by hand: no pull request, no open emergency."""
        found = []
        for card in self.wall.board.cards:
            case = Case.of(card.issue, self.wall.policy) if card.issue else None
            counts = card.kind is not Kind.PULL_REQUEST and not (case is not None and case.is_emergency)
            if card.card.column is IN_PROGRESS and counts:
                found.append(int(card.id.partition("#")[2]) if card.issue else card.id)
        return found

    def is_closed(self, card: int | str) -> bool:
        return isinstance(card, int) and self.wall.issue(card).closed_at is not None

    def is_hidden(self, card: int | str) -> bool:
        return isinstance(card, str) and self.wall.tracker.card(card).kind is Kind.HIDDEN

    def stops(self) -> bool:
        return any(stops_work(Case.of(issue, self.wall.policy)) for issue in self.wall.tracker.issues())

    def remember(self) -> None:
        self.home = {card: self.wall.where(card) for card in self.cards}
        self.touched, self.freed = set(), set()


class LabelledOnly(TheBoard):
    """Work is only labelled while a P0 is open."""

    mode = "label"


class MovesUntold(TheBoard):
    """The tracker tells only when a card came where it is."""

    tells_moves = False


@pytest.mark.parametrize("board", [TheBoard, MovesUntold, LabelledOnly])
def test_the_law_holds_whatever_happens(board: type[TheBoard]) -> None:
    run_state_machine_as_test(board, settings=settings(max_examples=RUNS))
