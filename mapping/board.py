"""A tracker's board, as its law sees it: cards in limited columns, emergencies, what was paused (R18, R20, R33)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mapping.issue import BoardRef, Card, Issue, Person


class Kind(StrEnum):
    """What a card stands for. Pull requests don't count; what we can't see counts and is never moved."""

    ISSUE = "issue"
    DRAFT = "draft"
    PULL_REQUEST = "pull request"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class BoardCard:
    """A card on the board: `id` is the tracker's own, `issue` the whole issue behind it, if it is one.

    `paused`: a draft carries our mark that an emergency paused it (an issue carries the label instead).
    """

    id: str
    kind: Kind
    title: str
    card: Card
    issue: Issue | None = None
    assignees: tuple[Person, ...] = ()
    paused: bool = False

    @property
    def entered_at(self) -> datetime | None:
        """When it came into its column, by the tracker's own time; None where it doesn't tell."""
        return self.card.moved_at


@dataclass(frozen=True, slots=True)
class Board:
    """What a read of the board brought, in the order of the cards on it: every card in a limited column and in the
    Emergency Queue, and wherever they are, every open issue labelled P0 or paused.
    """

    ref: BoardRef
    cards: Sequence[BoardCard]
