"""The port that every tracker adapter fills, and what it may answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Protocol

from mapping.board import Board
from mapping.changes import Change, MoveCard, PlaceCard
from mapping.issue import BoardRef, Issue, IssueRef

Dialect = Literal["markdown", "wiki"]


@dataclass(frozen=True, slots=True)
class Gone:
    """The issue is not (or no longer) under this name; `moved_to` is where it went, if the tracker says."""

    why: str
    moved_to: IssueRef | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an issue's changes, judged one by one.

    `updated_at` is the newest time of last update that an answer named (a later read that is older is stale).
    `failed` pairs a change with the tracker's reason; the issue is tried again. `retry_at`: the tracker asked for a
    pause with this issue, so that it is tried again then and nothing is wrong with it; `stopped`: what kept it from
    being finished is no matter of this issue, but of the whole tracker, or of the leases (`is_interrupted`).
    """

    applied: tuple[Change, ...] = ()
    failed: tuple[tuple[Change, str], ...] = ()
    updated_at: datetime | None = None
    retry_at: datetime | None = None
    stopped: "TrackerError | None" = None

    @property
    def is_interrupted(self) -> bool:
        """Whether only time was missing: nothing is wrong, and what is left is done by whoever takes it up."""
        return isinstance(self.stopped, LeaseLost)

    def again_at(self, now: datetime) -> datetime | None:
        """When to try again what failed, if all that is wrong is that the tracker asked for a pause."""
        return self.stopped.retry_at or now if self.stopped is not None else self.retry_at


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tracker said at `seen_at` of one of its limits: requests (GraphQL: points) left until it begins anew.

    `of` is the tracker's own name of it, where it has several.
    """

    of: str
    limit: int
    left: int
    resets_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """How many comments and issues may be created within any such span."""

    most: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a tracker's issues, and the cursor that continues after it (None: that was the last).

    `updated` are their times of last update as that page knows them, from trackers that tell them to the millisecond.
    """

    refs: tuple[IssueRef, ...]
    cursor: str | None
    total: int | None = None
    updated: Mapping[IssueRef, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A webhook delivery that never arrived: the tracker's id of it, and where it is asked to send it again."""

    id: str
    again: str


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The webhook deliveries that never arrived, the oldest first; `refused` says why some can't be looked at."""

    missed: tuple[Undelivered, ...] = ()
    refused: str = ""


class Health(StrEnum):
    """How a doctor's finding is meant."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` is what to do about it, as an instruction."""

    health: Health
    about: str
    says: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing `init` did, would do (`dry run`), found done, or has to leave to a person."""

    state: Literal["done", "would do", "already there", "by hand", "failed"]
    what: str
    how: str = ""


class TrackerError(Exception):
    """The whole tracker refused or could not be reached; nothing is wrong with the issue asked for.

    `longest`: how long it is left alone at the most if it doesn't say.
    """

    longest = timedelta(minutes=1)  # an emergency may be waiting when it is there again

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Unreachable(TrackerError):
    """No answer, a broken answer, or a server error: try again soon."""


class Failing(Unreachable):
    """The tracker answered that it failed: it may be down, or fail on just what it was asked."""


class RateLimited(TrackerError):
    """The tracker asked for a pause until `retry_at`."""


class AccessDenied(TrackerError):
    """The credentials are wrong or lack a permission; the message says which."""

    longest = timedelta(minutes=5)  # who is wrong too often is shut out


class LeaseLost(TrackerError):
    """Too little time is left on the leases to begin another write."""

    def __init__(self) -> None:
        super().__init__("the leases ran out before everything was written; the rest is taken up again")


class Tracker(Protocol):
    """One GitHub host or Jira site. Every call may raise TrackerError; a call is never repeated inside."""

    name: str
    dialect: Dialect

    @property
    def batch(self) -> int:
        """How many issues of a backfill are best read and written together, a hundred or more."""
        ...

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """What the tracker said last of its limits; empty where it says nothing."""
        ...

    @property
    def paces(self) -> tuple[Pace, ...]:
        """What limits the creation of comments and issues, for all workers together; empty: nothing does."""
        ...

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        """The issues as they are now, in as few requests as the tracker allows. Every ref asked for is answered."""
        ...

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> Mapping[IssueRef, Outcome]:
        """Make the changes, in their order within an issue. One issue's failure never stops another's changes.

        `may_write` is asked before every request that writes. When it says no, or the tracker can't go on, that is
        raised (LeaseLost, or any other TrackerError) if nothing was written yet; else the outcomes say what was, and
        what it was `stopped` by.
        """
        ...

    def board(self, ref: BoardRef, also: Sequence[IssueRef]) -> Board | None:
        """The board as its law sees it; None where none is connected.

        `also` are issues that lately mattered to it: trackers' searches may not know of them yet.
        """
        ...

    def arrange(self, ref: BoardRef, changes: Sequence[MoveCard | PlaceCard], may_write: Callable[[], bool]) -> Outcome:
        """Move and order cards, in the order given; what is an issue is moved with `apply`."""
        ...

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        """Open issues, or with `since` all that were updated since then, closed ones too; from the cursor on."""
        ...

    def deliveries(self, since: datetime) -> Deliveries:
        """What was sent to this service since then and never arrived; empty where the tracker doesn't tell."""
        ...

    def redeliver(self, missed: Undelivered) -> str:
        """Ask for a delivery to be sent again; why the tracker refuses just this one, or empty."""
        ...

    def doctor(self) -> Iterator[Finding]:
        """Look, read only, at everything that the integrator needs here."""
        ...

    def prepare(self, dry_run: bool) -> Iterator[Step]:
        """Create what is missing and can be created; name the rest as steps for a person."""
        ...
