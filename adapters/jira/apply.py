"""Making changes true: together what many issues have in common, else a comment, a transition, one edit an issue.

Nothing that creates anything is ever sent twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.jira import create, markers
from adapters.jira.bulk import Bulk, Job, is_plain
from adapters.jira.bulk_task import Patience
from adapters.jira.client import PLATFORM, found, issue_path
from adapters.jira.course import Course
from adapters.jira.edit import Edit
from adapters.jira.errors import EndpointBusy, IssueBusy, Refused
from adapters.jira.fetch import MOST_AT_ONCE
from adapters.jira.history import moment
from adapters.jira.length import fitting
from adapters.jira.memory import Cause, Child
from adapters.jira.put import Editor
from adapters.jira.read import Reader, Seen
from adapters.jira.screens import Screens
from adapters.jira.site import Site
from adapters.jira.work import Work, after
from adapters.tracker import Outcome, TrackerError
from mapping.changes import (
    Change,
    DropComment,
    EditStatus,
    MoveTo,
    OpenIssue,
    PostComment,
    PostDraft,
    Said,
    SetLabels,
)
from mapping.issue import IssueRef, Marker

MOST_TOGETHER = 500  # issues: Jira takes a thousand, but so many would have been read long before they are written
NOT_FOR_CUSTOMERS = (
    "the project is no service project, so a comment can't be kept from customers and drafts are not written to it"
)


class Writer:
    """Writes to one site what the reader has seen to differ."""

    def __init__(
        self, site: Site, reader: Reader, screens: Screens, internal_comments: bool, patience: Patience
    ) -> None:
        self._site = site
        self._reader = reader
        self._editor = Editor(site, screens)
        self._bulk = Bulk(site, screens, self._editor, patience)
        self._internal = internal_comments

    @property
    def batch(self) -> int:
        """How many issues are best written together."""
        return MOST_TOGETHER if self._bulk.is_taken else MOST_AT_ONCE

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> Mapping[IssueRef, Outcome]:
        """Each issue's outcome. What stops the whole tracker is raised only if nothing was written before it."""
        course = Course()
        jobs = self._jobs(work, may_write)
        for ref, changes in work.items():
            if ref in jobs:
                continue
            if course.stopped is None:
                course.note(ref, *self._one(ref, changes, may_write))
            else:
                course.outcomes[ref] = after(course.stopped, _none_done(changes, str(course.stopped)))
        course.stopped = course.stopped or self._together(list(jobs.values()))
        for ref, job in jobs.items():
            if course.stopped is None:
                course.note(ref, *self._finish(job.work, job.changes))
            else:
                course.outcomes[ref] = job.work.outcome(job.changes, course.stopped)
        return course.end()

    def _jobs(self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]) -> dict[IssueRef, Job]:
        """The issues that may be written together: where no order matters, and where no further read is needed."""
        plain = [ref for ref, changes in work.items() if is_plain(changes) and not any(_marks(changes))]
        plain = [ref for ref in plain if self._reader.has_seen(ref)]
        if not self._bulk.is_worth_it(len(plain)):
            return {}
        seen = {ref: self._reader.take(ref) for ref in plain}
        return {ref: Job(_begun(ref, one, may_write), work[ref]) for ref, one in seen.items() if one is not None}

    def _together(self, jobs: Sequence[Job]) -> TrackerError | None:
        """Do what the issues have in common; what stops the whole tracker. What is left is done issue by issue."""
        try:
            self._bulk.run(jobs)
        except TrackerError as stop:
            return _stopping(stop)
        return None

    def _one(
        self, ref: IssueRef, changes: Sequence[Change], may_write: Callable[[], bool]
    ) -> tuple[Outcome, TrackerError | None]:
        try:
            seen = self._reader.take(ref)
        except TrackerError as stop:
            return after(stop, _none_done(changes, str(stop))), _stopping(stop)
        if seen is None:
            return _none_done(changes, "it is gone"), None
        return self._finish(_begun(ref, seen, may_write), changes)

    def _finish(self, work: Work, changes: Sequence[Change]) -> tuple[Outcome, TrackerError | None]:
        """Do what is left of an issue's changes."""
        try:
            self._write(work, work.left(changes))
        except TrackerError as stop:
            return work.outcome(changes, stop), _stopping(stop)
        return work.outcome(changes), None

    def _write(self, work: Work, changes: Sequence[Change]) -> None:
        """The order lets a crash at any point be seen in the next read: the comment carries its own marker.

        A label that belongs to a move is put before it and taken away after it, and only with it: wherever writing
        breaks off, the card is marked while it may stand where a pause put it (R33).
        """
        for change in changes:
            if isinstance(change, EditStatus) and any(isinstance(one, PostComment) for one, _ in work.failed):
                work.failed.append((change, "it would remember that something was said that was not"))
            elif isinstance(change, EditStatus | PostComment | PostDraft):
                work.attempt(change, self._comment)
            elif isinstance(change, DropComment):
                work.attempt(change, self._drop)
        edits = list(self._editor.edits(work, changes))
        marks = {id(mark): move for mark, move in _marks(changes)}
        first = [edit for edit in edits if id(edit.change) in marks and edit.puts_labels]
        if first:
            self._editor.put(work, edits)
        for change in changes:
            if isinstance(change, MoveTo) and not _is_unmarked(work, change, first, marks):
                work.attempt(change, self._move)
        for change in changes:
            if isinstance(change, OpenIssue):
                work.attempt(change, self._open)
        self._editor.put(work, [] if first else [edit for edit in edits if not _is_stuck(work, edit, marks)])

    def _comment(self, work: Work, change: Said) -> None:
        draft = isinstance(change, PostDraft)
        if draft and not work.seen.service:
            raise LookupError(NOT_FOR_CUSTOMERS)
        marker = Marker(change.key, change.digest, change.memo)
        hidden = [markers.INTERNAL] if work.seen.service and (draft or self._internal) else []
        body = {"body": fitting(change.body), "properties": [markers.on_comment(marker), *hidden]}
        if change.comment is None:
            answer = work.send(self._site.client, "POST", issue_path(work.ref.key, "comment"), body)
        else:
            answer = work.send(self._site.client, "PUT", issue_path(work.ref.key, "comment", change.comment), body)
        comment = str(found(answer, "id")["id"])
        work.memory = work.memory.said(marker, comment)
        if change.comment is None and isinstance(change, PostComment):
            work.kept, work.is_behind = work.kept.said(marker, comment), True
        self._reader.wrote(answer, marker)
        if answer.get("updated"):
            work.updated_at = moment(answer["updated"])

    def _drop(self, work: Work, change: DropComment) -> None:
        try:
            work.send(self._site.client, "DELETE", issue_path(work.ref.key, "comment", change.comment))
        except Refused as refusal:
            if refusal.status != 404:
                raise
        work.memory = work.memory.dropped(change.comment)

    def _move(self, work: Work, change: MoveTo) -> None:
        layout, place = self._site.layout(), work.seen.place
        if layout is None:
            raise LookupError("no board is connected, so there is no column to move to")
        if why := layout.barred(place, change.column):
            raise LookupError(why)
        way = layout.way(place, change.column)
        if way is not None and not layout.is_in(place, change.column):
            body = {"transition": {"id": way.id}}
            work.send(self._site.client, "POST", issue_path(work.ref.key, "transitions"), body)

    def _open(self, work: Work, change: OpenIssue) -> None:
        """Open an issue, once: the property says so first, so that a read after a lost answer looks for it."""
        if change.key in work.memory.opened:
            return
        project = change.container or work.ref.container
        cause = Cause(change.key, work.seen.id, work.ref.key)
        body = create.new_issue(change, cause, project, self._site.issue_type(project))
        work.memory = work.memory.about_to_open(change.key)
        self._editor.remember(work)
        made, linked = self._create(work, body)
        work.memory = work.memory.has_opened(change.key, Child(str(made["id"]), str(made["key"]), self._site.now()))
        if not linked:
            self._editor.remember(work)  # without a link nothing else leads to it
            self._link(work, str(made["key"]), cause)

    def _create(self, work: Work, body: dict[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """The new issue, and whether it was created with its link. A refusal made nothing, so it may be asked again."""
        try:
            made = work.send(self._site.client, "POST", f"{PLATFORM}/issue", body)
        except Refused as refusal:
            lighter = create.without(body, refusal.errors)
            if lighter is None:
                raise
            return self._create(work, lighter)
        return found(made, "id", "key"), "update" in body

    def _link(self, work: Work, new: str, cause: Cause) -> None:
        try:
            work.send(self._site.client, "POST", f"{PLATFORM}/issueLink", create.link(new, cause))
        except Refused as refusal:
            raise LookupError(f"{new} was opened, but Jira does not link it: {refusal.reason}") from refusal


def _marks(changes: Sequence[Change]) -> Iterator[tuple[SetLabels, MoveTo]]:
    """The label edits that belong to a move: they are wanted for the same reason."""
    moves = [change for change in changes if isinstance(change, MoveTo)]
    for change in changes:
        if isinstance(change, SetLabels) and change.because:
            yield from ((change, move) for move in moves if move.because == change.because)


def _is_unmarked(work: Work, move: MoveTo, first: Sequence[Edit], marks: Mapping[int, MoveTo]) -> bool:
    """Whether the label that had to be put before this move could not be; the move fails for the same reason."""
    for edit in first:
        if marks[id(edit.change)] is move and work.has_failed(edit.change):
            work.failed.append((move, "it was left where it is, because its label could not be put"))
            return True
    return False


def _is_stuck(work: Work, edit: Edit, marks: Mapping[int, MoveTo]) -> bool:
    """Whether a label stays because the move that it belongs to failed."""
    move = marks.get(id(edit.change))
    if move is None or not work.has_failed(move):
        return False
    work.failed.append((edit.change, "the label stays, because the card could not be moved"))
    return True


def _begun(ref: IssueRef, seen: Seen, may_write: Callable[[], bool]) -> Work:
    return Work(ref, seen, may_write, seen.memory, seen.kept, seen.is_behind)


def _stopping(stop: TrackerError) -> TrackerError | None:
    """What stops the other issues, too."""
    return None if isinstance(stop, IssueBusy | EndpointBusy | Refused) else stop


def _none_done(changes: Sequence[Change], why: str) -> Outcome:
    return Outcome(failed=tuple((change, why) for change in changes))
