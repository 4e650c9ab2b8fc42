"""Ids at hand and changes wanted: which operations they make."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.github import operations
from adapters.github.cards import barred_columns
from adapters.github.fields import shows
from adapters.github.marker import Origin
from adapters.github.operations import Operation
from adapters.github.places import Place, place_of
from adapters.github.settings import Settings
from adapters.github.shared import Field, Known, Project
from adapters.github.tally import Tally
from mapping.changes import (
    Acknowledge,
    Change,
    DropComment,
    EditStatus,
    MoveCard,
    MoveTo,
    OpenIssue,
    PlaceCard,
    PostComment,
    PostDraft,
    SetFields,
    SetLabels,
)
from mapping.issue import IssueRef, Subject


@dataclass(frozen=True, slots=True)
class Batch:
    """The ids at hand, and how a change becomes operations with them.

    `own` are the organisations' issue fields, by repository: they are not on the card, and not written here.
    """

    settings: Settings
    work: Mapping[IssueRef, Sequence[Change]]
    known: Mapping[IssueRef, Known]
    labels: Mapping[str, Mapping[str, str]]
    project: Project | None
    tallies: Mapping[Subject, Tally]
    places: Mapping[str, Place] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Field]] = field(default_factory=dict)

    def operations(self, ref: IssueRef, change: Change) -> Iterator[Operation]:
        """The first request's part of a change; what can't be done is marked as failed."""
        issue = self.known[ref].id
        match change:
            case SetLabels() if self._awaited(ref, change) is None:
                yield from self._label(ref, change, issue)
            case MoveTo() | SetFields():
                yield from self._on_card(ref, change)
            case EditStatus() | PostComment() if self._awaited(ref, change) is None:
                yield operations.write_status(ref, change, issue)
            case DropComment():
                yield operations.drop_comment(ref, change, change.comment)
            case Acknowledge():
                yield from (operations.react(ref, change, comment) for comment in change.comments)
            case OpenIssue():
                yield from self._open(ref, change)
            case PostDraft():
                self.tallies[ref].fail(change, "GitHub has no internal comments: the customer would read the draft")
            case MoveCard() | PlaceCard():
                self.tallies[ref].fail(change, "it is about a card, not about an issue")

    def later(self, ref: IssueRef, items: Mapping[IssueRef, str]) -> Iterator[Operation]:
        """The second request's part: what belongs on new cards (`items` are their ids), and what had to wait."""
        for change in self.work[ref]:
            awaited = self._awaited(ref, change)
            if awaited is not None and self.tallies[ref].has_failed(awaited):
                self.tallies[ref].fail(change, "it waits for what failed before it")
            elif awaited is not None and isinstance(change, SetLabels):
                yield from self._label(ref, change, self.known[ref].id)
            elif awaited is not None and isinstance(change, EditStatus):
                yield operations.write_status(ref, change, self.known[ref].id)
            elif (awaited is not None or self.known[ref].item is None) and self._needs_card(ref, change):
                yield from self._on_new_card(ref, change, self.known[ref].item or items.get(ref))

    def _on_new_card(self, ref: IssueRef, change: Change, item: str | None) -> Iterator[Operation]:
        if item is not None:
            yield from self._card(ref, change, item)
        else:
            self.tallies[ref].fail(change, "the issue could not be put on the project")

    def _awaited(self, ref: IssueRef, change: Change) -> Change | None:
        """What has to be done before: a pause is marked before its card is moved, and the mark goes after it is back.

        Without the mark nobody would know that the card is to go on (R33). And an alarm is said before the status
        remembers that it was: else it could be lost (R70).
        """
        at = next(at for at, other in enumerate(self.work[ref]) if other is change)
        before = self.work[ref][:at]
        if isinstance(change, EditStatus):
            return next((c for c in before if isinstance(c, PostComment)), None)
        if isinstance(change, MoveTo):
            return next((c for c in before if isinstance(c, SetLabels) and self._is_pause(c.add)), None)
        if isinstance(change, SetLabels) and self._is_pause(change.remove):
            return next((c for c in before if isinstance(c, MoveTo)), None)
        return None

    def _is_pause(self, labels: Iterable[str]) -> bool:
        return self.settings.paused.casefold() in {label.casefold() for label in labels}

    def _on_card(self, ref: IssueRef, change: Change) -> Iterator[Operation]:
        """Written at once to a card that is there; a card that is needed is added, once."""
        item = self.known[ref].item
        if item is not None and self._awaited(ref, change) is None:
            yield from self._card(ref, change, item)
        elif item is None and self._needs_card(ref, change):
            needing = (other for other in self.work[ref] if self._needs_card(ref, other))
            if self.project is not None and next(needing) is change:
                yield operations.add_card(ref, change, self.known[ref].id, self.project.id)

    def _needs_card(self, ref: IssueRef, change: Change) -> bool:
        """Whether a change needs the issue's card, and nothing bars it; what bars it is noted as the reason."""
        return any(True for _ in self._card(ref, change, ""))

    def _card(self, ref: IssueRef, change: Change, item: str) -> Iterator[Operation]:
        """What is written to the issue's card."""
        if isinstance(change, MoveTo):
            yield from self._tried(ref, change, lambda project: self._status(ref, change, item, project))
        elif isinstance(change, SetFields):
            own, there = self.own.get(ref.container, {}), self.known[ref].fields
            for name, text in change.values.items():
                if name.casefold() not in own:
                    yield from self._field(ref, change, item, name, text, there.get(name.casefold(), ""))

    def _status(self, ref: IssueRef, change: MoveTo, item: str, project: Project) -> Operation:
        if why := barred_columns(self.settings, project).get(change.column):
            raise ValueError(why)
        return operations.set_status(ref, change, item, self.settings.columns[change.column], project)

    def _field(  # noqa: PLR0913, PLR0917
        self, ref: IssueRef, change: SetFields, item: str, name: str, text: str, there: str
    ) -> Iterator[Operation]:
        def made(project: Project) -> Operation | None:
            if shows(operations.project_field(project, name), there, text):
                return None
            return operations.set_field(ref, change, item, name, text, project)

        yield from self._tried(ref, change, made)

    def _tried(self, ref: IssueRef, change: Change, make: Callable[[Project], Operation | None]) -> Iterator[Operation]:
        if self.project is None:
            self.tallies[ref].fail(change, "no project is connected")
            return
        try:
            if (made := make(self.project)) is not None:
                yield made
        except ValueError as refusal:
            self.tallies[ref].fail(change, str(refusal))

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
