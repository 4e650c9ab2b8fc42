"""What should be made true on an issue: end states and facts, never text and never steps."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from mapping.issue import Column, IssueRef, Subject
from mapping.severity import Severity


@dataclass(frozen=True, slots=True)
class Why:
    """A rule that fired: its name, and the words or answers it fired on (R24)."""

    rule: str
    on: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A question of the checklist nobody answered yet, and the answers it knows (R22, R23)."""

    key: str
    asks: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that was not carried out: what it said, who said it, and why not."""

    said: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """How a promise stands: its name, the state's name, when it is due and when it was kept or given up."""

    name: str
    state: str
    due_at: datetime | None
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A line of a checklist, ticked from facts (R27-R31, R34-R38)."""

    text: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """What an alarm comment says: everything that is breached, whom it is for, and whether it comes late."""

    severity: Severity | None
    breached: tuple[ClockFacts, ...]
    step: str
    mentions: tuple[str, ...]
    late: bool
    reclassified: bool
    zone: str


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """Why a card was sent back or is left in a full column (R18), is paused, or does not go on after a pause (R33);
    or that a P1 is not its owner's only work (R8).

    `about` says which: wip, pause, restore or owner. `in_the_way` are the cards that were there first, the P0s that
    stop all other work, or what else the `owner` has; `back_to` is the column it went to, or stays in after a pause
    (empty: it stays in `column`, and `why` says why).
    """

    column: str
    limit: int
    in_the_way: tuple[str, ...]
    back_to: str
    why: str = ""
    about: str = "wip"
    zone: str = "UTC"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """What a message to the customer says (R46-R48): which message it is, and each of its places by name, or empty.

    `missing` are the places that nobody filled yet, each with what fills it: ("engineer", "/engineer @login").
    """

    kind: str
    places: Mapping[str, str]
    missing: tuple[tuple[str, str], ...]
    next_update_at: datetime | None
    zone: str


@dataclass(frozen=True, slots=True)
class RetrospectiveFacts:
    """What a retrospective issue says when it is opened (R39). `title` is empty where it must not be public (G27)."""

    of: IssueRef
    title: str
    severity: Severity
    reported_at: datetime
    resolved_at: datetime
    due_at: datetime
    kept: tuple[str, ...]
    broken: tuple[str, ...]
    boxes: tuple[Box, ...]
    zone: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an emergency is to do to the OKRs once the product owner agrees (R55): what becomes of growth objectives,
    the threatened key results, and those whose work is dropped first, by full id.
    """

    says: str
    threatens: tuple[str, ...]
    drop_first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Everything the status comment says, before it is put into words."""

    severity: Severity | None
    confirmed_by: str | None
    why: tuple[Why, ...]
    missing: tuple[Missing, ...]
    refused: tuple[Refusal, ...]
    response_within: str
    resolution_within: str
    assignees: tuple[str, ...]
    flags: tuple[str, ...]
    closed: bool
    clocks: tuple[ClockFacts, ...] = ()
    boxes: tuple[Box, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    zone: str = "UTC"
    retrospective: str = ""
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class SetLabels:
    """These labels are on the issue, and those are not."""

    add: frozenset[str]
    remove: frozenset[str]
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoveTo:
    """The issue's card is in this column."""

    column: Column
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoveCard:
    """The draft card of this id is in this column, and carries our mark of a pause, or doesn't (R18, R33)."""

    card: str
    column: Column
    paused: bool
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaceCard:
    """The card of this id stands right below that one (None: at the top of its column) (R20)."""

    card: str
    below: str | None
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetFields:
    """The tracker's fields of these names have these values."""

    values: Mapping[str, str]
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditStatus:
    """The issue has one status comment, which says these facts.

    `comment` is the comment to edit; None: there is none yet. `body` is filled by the worker just before applying.
    """

    facts: StatusFacts
    memo: Mapping[str, Any]
    comment: str | None
    because: tuple[str, ...]
    body: str = ""

    key = "status"

    @property
    def digest(self) -> str:
        """The fingerprint of what is said: the same facts, whatever the tracker did to the text, have the same one."""
        return digest_of(self.facts, self.memo)


@dataclass(frozen=True, slots=True)
class PostComment:
    """There is a comment of this key that says these facts; it is written once and never edited."""

    key: str
    facts: AlarmFacts | BoardFacts
    memo: Mapping[str, Any]
    because: tuple[str, ...]
    body: str = ""

    comment = None

    @property
    def digest(self) -> str:
        """The fingerprint of what is said."""
        return digest_of(self.facts, self.memo)


@dataclass(frozen=True, slots=True)
class PostDraft:
    """There is an internal comment of this key with a message to the customer, for a person to send (R46-R48).

    It is edited while its places are being filled, and never written where customers could read it.
    """

    key: str
    facts: DraftFacts
    comment: str | None
    because: tuple[str, ...]
    body: str = ""

    memo: ClassVar[Mapping[str, Any]] = {}

    @property
    def digest(self) -> str:
        """The fingerprint of what is said."""
        return digest_of(self.facts, {})


@dataclass(frozen=True, slots=True)
class DropComment:
    """One of our own comments is not there: an older one says the same."""

    comment: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """These comments (their ids) carry our acknowledgement: what they say was counted and stands from now on."""

    comments: tuple[str, ...]
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """There is an issue of this key, opened by us because of this one and linked with it both ways (R39).

    `container` is the repository or project it belongs into; empty: the same as this issue's. `labels` exist or are
    left out. `title` and `body` are filled by the worker just before applying.
    """

    key: str
    facts: RetrospectiveFacts
    container: str
    because: tuple[str, ...]
    labels: frozenset[str] = frozenset()
    title: str = ""
    body: str = ""


Said = EditStatus | PostComment | PostDraft
Change = SetLabels | MoveTo | SetFields | Said | DropComment | Acknowledge | OpenIssue | MoveCard | PlaceCard


@dataclass(frozen=True, slots=True)
class BoardPlan:
    """What the law of a board wants: changes to issues, to cards that are no issues, and when to look again.

    `stops_work`: a P0 stops all other work on it, and once this is written, that stands still.
    """

    issues: Mapping[IssueRef, tuple[Change, ...]]
    cards: tuple[MoveCard | PlaceCard, ...] = ()
    look_again_at: datetime | None = None
    stops_work: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What differs from what should be, and the next instant at which that could change (None: never by itself).

    `settles_at`: when to look whether what was written has lasted. `touch`: issues and boards whose plans may differ.
    """

    changes: tuple[Change, ...] = ()
    look_again_at: datetime | None = None
    settles_at: datetime | None = None
    touch: frozenset[Subject] = frozenset()


def digest_of(facts: object, memo: Mapping[str, Any]) -> str:
    """A short fingerprint of facts and of what is remembered with them, the same whenever they are equal."""
    text = f"{facts!r} {sorted(memo.items())!r}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
