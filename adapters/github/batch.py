"""Ids at hand and changes wanted: which operations they make, and what is known of their outcome."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.github import operations
from adapters.github.marker import Origin
from adapters.github.operations import Operation
from adapters.github.places import Place, place_of
from adapters.github.settings import Settings
from adapters.github.shapes import barred_columns
from adapters.github.shared import Board, Known
from adapters.tracker import Outcome
from mapping.changes import (
    Acknowledge,
    Change,
    DropComment,
    EditStatus,
    MoveTo,
    OpenIssue,
    PostComment,
    PostDraft,
    SetFields,
    SetLabels,
)
from mapping.issue import IssueRef


@dataclass(slots=True)
class Tally:
    """What is known so far of an issue's changes."""

    reasons: dict[int, str] = field(default_factory=dict)  # by the change's identity: two may be equal
    updated_at: datetime | None = None

    def fail(self, change: Change, why: str) -> None:
        """The change failed; its first reason counts."""
        self.reasons.setdefault(id(change), why)

    def saw(self, text: str | None) -> None:
        """An answer named this time of last update."""
        if text:
            at = datetime.fromisoformat(text)
            self.updated_at = max(at, self.updated_at or at)

    def outcome(self, changes: Sequence[Change]) -> Outcome:
        """The changes that nothing failed of are applied."""
        return Outcome(
            applied=tuple(change for change in changes if id(change) not in self.reasons),
            failed=tuple((change, self.reasons[id(change)]) for change in changes if id(change) in self.reasons),
            updated_at=self.updated_at,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """The ids at hand, and how a change becomes operations with them."""

    settings: Settings
    known: Mapping[IssueRef, Known]
    labels: Mapping[str, Mapping[str, str]]
    board: Board | None
    tallies: Mapping[IssueRef, Tally]
    places: Mapping[str, Place] = field(default_factory=dict)

    def operations(self, ref: IssueRef, change: Change) -> Iterator[Operation]:
        """The first request's part of a change; what can't be done is marked as failed."""
        issue = self.known[ref].id
        match change:
            case SetLabels():
                yield from self._label(ref, change, issue)
            case MoveTo():
                yield from self._move(ref, change)
            case EditStatus() | PostComment():
                yield operations.write_status(ref, change, issue)
            case DropComment():
                yield operations.drop_comment(ref, change, change.comment)
            case Acknowledge():
                yield from (operations.react(ref, change, comment) for comment in change.comments)
            case OpenIssue():
                yield from self._open(ref, change)
            case PostDraft():
                self.tallies[ref].fail(change, "GitHub has no internal comments: the customer would read the draft")
            case SetFields():
                self.tallies[ref].fail(change, "fields are not kept on GitHub")

    def can_move(self, ref: IssueRef, change: MoveTo) -> bool:
        """Whether the project has the column; if not, the change has failed with the reason."""
        why = "no project is connected"
        if self.board is not None:
            why = barred_columns(self.settings, self.board).get(change.column, "")
        if why:
            self.tallies[ref].fail(change, why)
        return not why

    def status(self, ref: IssueRef, change: MoveTo, item: str) -> Operation:
        """The operation that puts a card into the change's column."""
        board = self.board or Board()
        option = board.options[self.settings.columns[change.column].casefold()]
        return operations.set_status(ref, change, (board.project, board.status), item, option)

    def _label(self, ref: IssueRef, change: SetLabels, issue: str) -> Iterator[Operation]:
        ids, here = self.labels.get(ref.container, {}), self.known[ref].labels
        gone = [here[name.casefold()] for name in sorted(change.remove) if name.casefold() in here]
        if gone:
            yield operations.remove_labels(ref, change, issue, gone)
        missing = [name for name in sorted(change.add) if name.casefold() not in ids]
        if missing:
            self.tallies[ref].fail(change, f"the repository has no label {', '.join(missing)}; run integrator init")
        there = [ids[name.casefold()] for name in sorted(change.add) if name.casefold() in ids]
        if there:
            yield operations.add_labels(ref, change, issue, there)

    def _move(self, ref: IssueRef, change: MoveTo) -> Iterator[Operation]:
        if not self.can_move(ref, change) or self.board is None:
            return
        item = self.known[ref].item
        if item is None:
            yield operations.add_card(ref, change, self.known[ref].id, self.board.project)
        else:
            yield self.status(ref, change, item)

    def _open(self, ref: IssueRef, change: OpenIssue) -> Iterator[Operation]:
        """Nothing where the issue is there already; labels that the repository lacks are left out."""
        place = self.places[place_of(ref, change)]
        if place.why:
            self.tallies[ref].fail(change, place.why)
        elif place.find(change.key, ref) is None:
            origin = Origin(change.key, ref, self.known[ref].created_at)
            labels = [
                place.labels[name.casefold()] for name in sorted(change.labels) if name.casefold() in place.labels
            ]
            yield operations.open_issue(ref, change, place.id, labels, origin)
