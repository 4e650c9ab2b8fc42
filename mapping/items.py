"""The cards of a board as its law sees them: what counts, who came first, what each is called in public."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mapping.board import Board, BoardCard, Kind
from mapping.case import Case
from mapping.issue import Column, IssueRef, Person
from mapping.placement import placement
from mapping.policy import Policy

LONG_AGO = datetime.min.replace(tzinfo=UTC)

_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class Item:
    """A card and what the policy makes of the issue behind it (None: it is no issue, or can't be read).

    `is_leaving`: the issue's own plan moves it out of its column (R21).
    """

    card: BoardCard
    case: Case | None
    is_leaving: bool

    @property
    def id(self) -> str:
        """The card's id."""
        return self.card.id

    @property
    def ref(self) -> IssueRef | None:
        """The issue's name, if it is one."""
        return self.case.issue.ref if self.case else None

    @property
    def column(self) -> Column | None:
        """The protocol's column it stands in."""
        return self.card.card.column

    @property
    def column_name(self) -> str:
        """That column as the tracker calls it."""
        return self.card.card.name or ""

    @property
    def entered_at(self) -> datetime:
        """When it came into its column; without a time it was there before everybody."""
        return self.card.entered_at or LONG_AGO

    @property
    def is_emergency(self) -> bool:
        """An open P0 or P1."""
        return self.case is not None and self.case.is_emergency

    @property
    def takes_room(self) -> bool:
        """It counts in a limited column (R18); emergencies never do (R21), nor what closed there and goes to Done."""
        return self.card.kind is not Kind.PULL_REQUEST and not self.is_emergency and not self.is_leaving

    @property
    def is_movable(self) -> bool:
        """Whether the law may move it: what can't be seen stays (R18), and pull requests are none of its business."""
        return self.case is not None or self.card.kind is Kind.DRAFT

    @property
    def assignees(self) -> tuple[Person, ...]:
        """Whose work it is."""
        return self.case.issue.assignees if self.case else self.card.assignees

    @property
    def turn(self) -> tuple[Any, ...]:
        """Who was there first: what can't be moved, then by time, then by number, drafts last (R18)."""
        return (self.is_movable, self.entered_at, *self.number)

    @property
    def number(self) -> tuple[Any, ...]:
        """The lower issue first, drafts after them, never two alike."""
        found = _NUMBER.search(self.ref.key) if self.ref else None
        return (found is None, int(found[0]) if found else 0, str(self.ref or self.id))

    @property
    def name(self) -> str:
        """What others call it in a comment: a draft's title belongs to the board's readers, not to the issue's."""
        if self.ref is not None:
            return self.ref.key
        return "a draft on the board" if self.card.kind is Kind.DRAFT else "an item that can't be seen from here"


def items_of(board: Board, policy: Policy, now: datetime) -> tuple[Item, ...]:
    """Every card of the board once, folded, in its order there."""
    once = {card.id: card for card in board.cards}
    return tuple(_item(card, policy, now) for card in once.values())


def _item(card: BoardCard, policy: Policy, now: datetime) -> Item:
    if card.issue is None:
        return Item(card, None, is_leaving=False)
    case = Case.of(card.issue, policy)
    return Item(card, case, is_leaving=placement(case, now).move_to is not None)
