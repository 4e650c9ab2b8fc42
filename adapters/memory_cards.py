"""The board of a tracker in memory: the order of its cards, and those that are no issues."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mapping.board import Board, BoardCard, Kind
from mapping.issue import BoardRef, Card, Column, Issue, Person


class Cards:
    """Drafts, pull requests and what can't be seen, by the card's id; of an issue's card that is the issue's key."""

    def __init__(self) -> None:
        self._others: dict[str, BoardCard] = {}
        self._order: list[str] = []

    def add(self, kind: Kind, title: str, column: Column, assignees: tuple[Person, ...], now: datetime) -> str:
        """A new card at the end of a column; its id."""
        card = f"{kind.name.lower()}-{len(self._order) + 1}"
        self._others[card] = BoardCard(card, kind, title, Card(column.value, column, now), assignees=assignees)
        self.enter(card)
        return card

    def enter(self, card: str) -> None:
        """A card is there, below all others."""
        self._order.append(card)

    def rename(self, card: str, new: str) -> None:
        """A card has another id from now on."""
        self._order[self._order.index(card)] = new

    def card(self, card: str) -> BoardCard:
        """A card that is no issue; KeyError if there is none."""
        return self._others[card]

    def move(self, card: str, to: Column, now: datetime) -> None:
        """The card goes to a column; KeyError if there is none."""
        old = self._others[card]
        if old.card.column is not to:
            self._others[card] = replace(old, card=Card(to.value, to, now, left=old.card.column))

    def mark(self, card: str, paused: bool) -> None:
        """The card carries the mark of a pause, or doesn't."""
        self._others[card] = replace(self._others[card], paused=paused)

    def place(self, card: str, below: str | None) -> None:
        """The card stands right below another one, or at the top; ValueError if that isn't there."""
        others = [other for other in self._order if other != card]
        at = 0 if below is None else others.index(below) + 1
        self._order = [*others[:at], card, *others[at:]]

    def board(self, ref: BoardRef, issues: Sequence[Issue]) -> Board:
        """Every card in its order, and those issues, whether they have a card or not."""
        cards = {issue.ref.key: _card_of(issue) for issue in issues} | self._others
        return Board(ref, tuple(cards[card] for card in self._order if card in cards))


def _card_of(issue: Issue) -> BoardCard:
    return BoardCard(
        issue.ref.key, Kind.ISSUE, issue.title, issue.card or Card(), issue=issue, assignees=issue.assignees
    )
