"""An issue as both trackers see it: who wrote what when, in tracker-neutral words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

ACCOUNT_ID = re.compile(r"[0-9a-f]{24}|\d+:[0-9a-f-]{36}|qm:[0-9a-f:-]{20,100}")  # Atlassian's, not documented

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+#[1-9][0-9]*|[A-Z][A-Z0-9_]*-[1-9][0-9]*|[1-9][0-9]*")


@dataclass(frozen=True, slots=True, order=True)
class IssueRef:
    """An issue's name: the tracker it is in and its key there (`github:acme/shop#12`, `jira:OPS-7`).

    A Jira event may name an issue by its numeric id only; reading it answers with the key.
    """

    tracker: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `tracker:key`; ValueError with the expected form when it is something else."""
        tracker, _, key = text.partition(":")
        if not _NAME.fullmatch(tracker) or not _KEY.fullmatch(key):
            raise ValueError(f"{text!r} does not name an issue; write github:owner/repo#12 or jira:OPS-7")
        return cls(tracker, key)

    def __str__(self) -> str:
        return f"{self.tracker}:{self.key}"

    @property
    def container(self) -> str:
        """The repository (`acme/shop`) or project (`OPS`) that the issue is in; empty for a bare id."""
        return self.key.rpartition("#")[0] or self.key.rpartition("-")[0]


@dataclass(frozen=True, slots=True, order=True)
class BoardRef:
    """The name of a tracker's board: each tracker has one (`github:board`)."""

    tracker: str

    def __str__(self) -> str:
        return f"{self.tracker}:board"


Subject = IssueRef | BoardRef
"""What the agenda is about: an issue, or a board whose law is kept by one worker at a time."""


def subject_of(text: str) -> Subject:
    """Read an issue's or a board's name; ValueError when it is neither."""
    tracker, _, key = text.partition(":")
    return BoardRef(tracker) if key == "board" and _NAME.fullmatch(tracker) else IssueRef.parse(text)


class Standing(StrEnum):
    """What a person's word is worth, asked of the tracker."""

    TEAM = "team"  # may write: their labels and commands decide (R25)
    OUTSIDER = "outsider"  # customers and everybody else
    BOT = "bot"  # other robots: their values are signals for the rules
    SELF = "self"  # the integrator's own account


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who did something: `id` is the tracker's own, `name` is how they are mentioned."""

    id: str
    name: str
    standing: Standing

    @property
    def handle(self) -> str:
        """How the tracker calls them in a text: Jira Cloud by account id, everybody else by name."""
        return self.id if ACCOUNT_ID.fullmatch(self.id) else self.name


class Column(StrEnum):
    """The five board columns, in their order (R17)."""

    BACKLOG = "Backlog"
    IN_PROGRESS = "In Progress"
    REVIEW = "Review"
    DONE = "Done"
    EMERGENCY_QUEUE = "Emergency Queue"


class Happened(StrEnum):
    """What a timeline event says; `TimelineEvent.value` is the label, priority, column or person meant."""

    LABELED = "labeled"
    UNLABELED = "unlabeled"
    PRIORITIZED = "prioritized"
    MOVED = "moved"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    CLOSED = "closed"
    REOPENED = "reopened"
    TRANSFERRED = "transferred"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One thing that happened to an issue. `id` is unique on the issue; `by` is None for a deleted account."""

    id: str
    at: datetime
    by: Person | None
    kind: Happened
    value: str = ""


@dataclass(frozen=True, slots=True)
class Marker:
    """The hidden part of one of our own comments: which comment it is, what it said, what only we know.

    A comment that somebody else edited keeps only its key: nothing it says counts, and it is written anew.
    """

    key: str
    digest: str
    memo: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment. `marker` is set only on our own comments.

    `acknowledged_at`: when we acknowledged that it counts; what it said until then stands, whatever its author may do
    later. None: not yet.
    """

    id: str
    at: datetime
    by: Person | None
    body: str
    edited_at: datetime | None = None
    edited_by: Person | None = None
    internal: bool = False
    marker: Marker | None = None
    acknowledged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """Where an issue stands on its tracker's board.

    `name` is the tracker's own name of the column (None: not on the board yet), `column` the protocol's column
    that it stands for, if any. `barred` says why a column can't be entered from here. `left` is the column it was in
    before, where the tracker tells.
    """

    name: str | None = None
    column: Column | None = None
    moved_at: datetime | None = None
    barred: Mapping[Column, str] = field(default_factory=dict)
    left: Column | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An issue that we opened because of another one: `key` tells what for, and since when that is wanted."""

    key: str
    ref: IssueRef
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue with its whole history. Times are aware.

    `card` is None where no board is connected; `priority` is None where the tracker has none, and empty if none is set.
    `fields` are the fields that the policy reads or writes; `writable` names those that can be written here.
    `opened` are the issues that we opened because of this one; `opened_for` is the one because of which we opened this
    one. `has_internal_comments`: customers read this project's comments, and some can be kept from them.
    """

    ref: IssueRef
    title: str
    body: str
    author: Person | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    body_edited_at: datetime | None = None
    labels: frozenset[str] = frozenset()
    assignees: tuple[Person, ...] = ()
    priority: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    comments: tuple[Comment, ...] = ()
    timeline: tuple[TimelineEvent, ...] = ()
    card: Card | None = None
    url: str = ""
    opened: tuple[Opened, ...] = ()
    opened_for: IssueRef | None = None
    has_internal_comments: bool = False
    writable: frozenset[str] = frozenset()
