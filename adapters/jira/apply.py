"""Making an issue's changes true: comments, a transition, an issue opened, one edit. Nothing is ever sent twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from adapters.jira import create, markers
from adapters.jira.client import PLATFORM, found, issue_path
from adapters.jira.edit import Edit, body_of, field_edit, label_edit
from adapters.jira.errors import IssueBusy, Refused
from adapters.jira.history import moment
from adapters.jira.length import fitting
from adapters.jira.memory import Cause, Child, Memory, on_issue
from adapters.jira.read import Reader, Seen
from adapters.jira.site import Fields, Site
from adapters.tracker import LeaseLost, Outcome, TrackerError
from mapping.changes import (
    Acknowledge,
    Change,
    DropComment,
    EditStatus,
    MoveTo,
    OpenIssue,
    PostComment,
    PostDraft,
    Said,
    SetFields,
    SetLabels,
)
from mapping.issue import IssueRef, Marker

C = TypeVar("C", bound=Change)

NOT_FOR_CUSTOMERS = (
    "the project is no service project, so a comment can't be kept from customers and drafts are not written to it"
)


@dataclass(slots=True)
class _Work:
    """One issue's changes under way; `memory` is what its property is to say, `kept` what it says already."""

    ref: IssueRef
    seen: Seen
    may_write: Callable[[], bool]
    memory: Memory
    kept: Memory
    applied: list[Change] = field(default_factory=list)
    failed: list[tuple[Change, str]] = field(default_factory=list)
    updated_at: datetime | None = None

    def attempt(self, change: C, do: Callable[["_Work", C], None]) -> None:
        """Do one change and judge it: a refusal is that change's failure, anything worse stops the issue."""
        try:
            do(self, change)
        except Refused as refusal:
            self.failed.append((change, refusal.reason))
        except (LookupError, ValueError) as impossible:
            self.failed.append((change, str(impossible)))
        else:
            self.applied.append(change)

    def outcome(self, changes: Sequence[Change], why_left: str = "") -> Outcome:
        """What came of the changes; those not come to failed for the reason given."""
        settled = [*self.applied, *(change for change, _ in self.failed)]
        left = [(change, why_left) for change in changes if not any(change is one for one in settled)]
        return Outcome(tuple(self.applied), (*self.failed, *left), self.updated_at)


class Writer:
    """Writes to one site what the reader has seen to differ."""

    def __init__(self, site: Site, reader: Reader, internal_comments: bool) -> None:
        self._site = site
        self._reader = reader
        self._internal = internal_comments

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> dict[IssueRef, Outcome]:
        """Each issue's outcome. What stops the whole tracker is raised only if nothing was written before it."""
        outcomes: dict[IssueRef, Outcome] = {}
        stopped: TrackerError | None = None
        for ref, changes in work.items():
            if stopped is None:
                outcomes[ref], stopped = self._one(ref, changes, may_write)
            else:
                outcomes[ref] = _none_done(changes, str(stopped))
        if stopped is not None and not any(outcome.applied for outcome in outcomes.values()):
            raise stopped
        return outcomes

    def _one(
        self, ref: IssueRef, changes: Sequence[Change], may_write: Callable[[], bool]
    ) -> tuple[Outcome, TrackerError | None]:
        work = None
        try:
            seen = self._reader.take(ref)
            if seen is None:
                return _none_done(changes, "it is gone"), None
            work = _Work(ref, seen, may_write, seen.memory, seen.kept)
            self._write(work, changes)
        except LeaseLost:
            raise
        except TrackerError as stop:
            outcome = work.outcome(changes, str(stop)) if work else _none_done(changes, str(stop))
            return outcome, None if isinstance(stop, (IssueBusy, Refused)) else stop
        return work.outcome(changes), None

    def _write(self, work: _Work, changes: Sequence[Change]) -> None:
        """The order lets a crash at any point be seen in the next read: the comment carries its own marker."""
        for change in changes:
            if isinstance(change, EditStatus | PostComment | PostDraft):
                work.attempt(change, self._comment)
            elif isinstance(change, DropComment):
                work.attempt(change, self._drop)
        for change in changes:
            if isinstance(change, MoveTo):
                work.attempt(change, self._move)
        for change in changes:
            if isinstance(change, OpenIssue):
                work.attempt(change, self._open)
        self._put(work, list(self._edits(work, changes)))

    def _send(self, work: _Work, method: str, path: str, body: Any = None) -> Any:
        """One request that writes, if there is time left for it."""
        if not work.may_write():
            raise LeaseLost
        return self._site.client.call(method, path, body)

    def _comment(self, work: _Work, change: Said) -> None:
        draft = isinstance(change, PostDraft)
        if draft and not work.seen.service:
            raise LookupError(NOT_FOR_CUSTOMERS)
        marker = Marker(change.key, change.digest, change.memo)
        hidden = [markers.INTERNAL] if work.seen.service and (draft or self._internal) else []
        body = {"body": fitting(change.body), "properties": [markers.on_comment(marker), *hidden]}
        if change.comment is None:
            answer = self._send(work, "POST", issue_path(work.ref.key, "comment"), body)
        else:
            answer = self._send(work, "PUT", issue_path(work.ref.key, "comment", change.comment), body)
        work.memory = work.memory.said(marker, str(found(answer, "id")["id"]))
        if answer.get("updated"):
            work.updated_at = moment(answer["updated"])

    def _drop(self, work: _Work, change: DropComment) -> None:
        try:
            self._send(work, "DELETE", issue_path(work.ref.key, "comment", change.comment))
        except Refused as refusal:
            if refusal.status != 404:
                raise
        work.memory = work.memory.dropped(change.comment)

    def _move(self, work: _Work, change: MoveTo) -> None:
        layout, place = self._site.layout(), work.seen.place
        if layout is None:
            raise LookupError("no board is connected, so there is no column to move to")
        if why := layout.barred(place, change.column):
            raise LookupError(why)
        way = layout.way(place, change.column)
        if way is not None and not layout.is_in(place, change.column):
            body = {"transition": {"id": way.id}}
            self._send(work, "POST", issue_path(work.ref.key, "transitions"), body)

    def _open(self, work: _Work, change: OpenIssue) -> None:
        """Open an issue, once: the property says so first, so that a read after a lost answer looks for it."""
        if change.key in work.memory.opened:
            return
        project = change.container or work.ref.container
        cause = Cause(change.key, work.seen.id, work.ref.key)
        body = create.new_issue(change, cause, project, self._site.issue_type(project))
        work.memory = work.memory.about_to_open(change.key)
        self._remember(work)
        made, linked = self._create(work, body)
        work.memory = work.memory.has_opened(change.key, Child(str(made["id"]), str(made["key"]), self._site.now()))
        if not linked:
            self._remember(work)  # without a link nothing else leads to it
            self._link(work, str(made["key"]), cause)

    def _create(self, work: _Work, body: dict[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """The new issue, and whether it was created with its link. A refusal made nothing, so it may be asked again."""
        try:
            made = self._send(work, "POST", f"{PLATFORM}/issue", body)
        except Refused as refusal:
            lighter = create.without(body, refusal.errors)
            if lighter is None:
                raise
            return self._create(work, lighter)
        return found(made, "id", "key"), "update" in body

    def _link(self, work: _Work, new: str, cause: Cause) -> None:
        try:
            self._send(work, "POST", f"{PLATFORM}/issueLink", create.link(new, cause))
        except Refused as refusal:
            raise LookupError(f"{new} was opened, but Jira does not link it: {refusal.reason}") from refusal

    def _edits(self, work: _Work, changes: Sequence[Change]) -> list[Edit]:
        edits = []
        for change in changes:
            try:
                if isinstance(change, SetLabels):
                    edits.append(label_edit(change))
                elif isinstance(change, SetFields):
                    edits.append(field_edit(change, self._fields_for(change)))
                elif isinstance(change, Acknowledge):
                    there = {c: work.seen.versions[c] for c in change.comments if c in work.seen.versions}
                    work.memory = work.memory.acknowledging(there)
                    edits.append(Edit(change, {}, {}))
            except (LookupError, ValueError) as impossible:
                work.failed.append((change, str(impossible)))
        return edits

    def _fields_for(self, change: SetFields) -> Fields:
        only_priority = all(name.casefold() == "priority" for name in change.values)
        return Fields(()) if only_priority else self._site.fields()

    def _put(self, work: _Work, edits: Sequence[Edit]) -> None:
        """One request for all edits and the property. If Jira refuses a field, the others are sent without it."""
        body, work.memory = body_of(edits), work.memory.fitted()
        own = {"properties": [on_issue(work.memory)]} if work.memory != work.kept else {}
        try:
            if body:
                self._send(work, "PUT", issue_path(work.ref.key), {**body, **own})
                work.kept = work.memory
            else:
                self._remember(work)
        except Refused as refusal:
            bad = [edit for edit in edits if edit.touches(refusal.errors) or len(edits) == 1]
            work.failed += [(edit.change, refusal.reason) for edit in bad or edits]
            rest = [edit for edit in edits if edit not in bad] if bad else []
            if rest or (own and body):
                self._put(work, rest)
        else:
            work.applied += [edit.change for edit in edits]

    def _remember(self, work: _Work) -> None:
        """Write the property by itself, if it has to say something new."""
        if work.memory != work.kept:
            value = on_issue(work.memory)["value"]
            self._send(work, "PUT", issue_path(work.ref.key, "properties", markers.PROPERTY), value)
            work.kept = work.memory


def _none_done(changes: Sequence[Change], why: str) -> Outcome:
    return Outcome(failed=tuple((change, why) for change in changes))
