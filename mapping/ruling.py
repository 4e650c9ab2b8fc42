"""What the law wants of one card, and how that is made true: said first, so that nothing moves without a word."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from mapping.case import own_comments
from mapping.changes import Change, DropComment, MoveCard, MoveTo, PostComment, SetLabels
from mapping.issue import Column, Issue
from mapping.items import Item
from mapping.policy import Policy

WIP, PAUSE, RESTORE, OWNER = "wip", "pause", "restore", "owner"  # what our comments about boards are about


@dataclass(frozen=True, slots=True)
class Ruling:
    """The column a card goes to, whether it carries our mark of a pause, and what is said on it; None: as it is."""

    column: Column | None = None
    paused: bool | None = None
    comments: tuple[PostComment, ...] = ()
    because: tuple[str, ...] = ()

    def also(self, other: "Ruling") -> Self:
        """Both rulings on one card; where both decide, this one does."""
        return type(self)(
            self.column if self.column is not None else other.column,
            self.paused if self.paused is not None else other.paused,
            (*self.comments, *other.comments),
            tuple(dict.fromkeys((*self.because, *other.because))),
        )


Rulings = Mapping[str, Ruling]
"""Rulings by the id of the card."""


def together(*all_rulings: Rulings) -> Rulings:
    """All rulings, one for each card."""
    joined: dict[str, Ruling] = {}
    for rulings in all_rulings:
        for card, ruling in rulings.items():
            joined[card] = joined[card].also(ruling) if card in joined else ruling
    return joined


def issue_changes(issue: Issue, ruling: Ruling, policy: Policy) -> Iterator[Change]:
    """The changes to an issue. The mark is put before the move and taken away after it: wherever writing breaks off,
    it is there while the card may stand where a pause put it.
    """
    yield from ruling.comments
    if ruling.paused:
        yield SetLabels(frozenset({policy.labels.paused.name}), frozenset(), ruling.because)
    if ruling.column is not None:
        yield MoveTo(ruling.column, ruling.because)
    if ruling.paused is False:
        yield SetLabels(frozenset(), paused_labels(issue, policy), ruling.because)


def draft_changes(item: Item, ruling: Ruling) -> Iterator[MoveCard]:
    """The change to a draft."""
    column = ruling.column or item.column
    paused = item.card.paused if ruling.paused is None else ruling.paused
    if column is not None and (column, paused) != (item.column, item.card.paused):
        yield MoveCard(item.id, column, paused, ruling.because)


def paused_labels(issue: Issue, policy: Policy) -> frozenset[str]:
    """The label of the pause as the issue carries it, if it does; trackers differ in case."""
    name = policy.labels.paused.name.casefold()
    return frozenset(label for label in issue.labels if label.casefold() == name)


def key(about: str, at: datetime) -> str:
    """What marks our one comment about something that happened then."""
    return f"{about}@{at.astimezone(UTC).isoformat(timespec='seconds')}"


def is_said(issue: Issue, comment: str) -> bool:
    """Whether we commented under this key already."""
    return bool(own_comments(issue, comment))


def said_twice(issue: Issue) -> Iterator[DropComment]:
    """Our comments about boards that two workers wrote at once: the oldest is enough."""
    ours = {WIP, PAUSE, RESTORE, OWNER}
    marks = {c.marker.key for c in issue.comments if c.marker and c.marker.key.partition("@")[0] in ours}
    for mark in sorted(marks):
        yield from (DropComment(comment.id, ("R18",)) for comment in own_comments(issue, mark)[1:])
