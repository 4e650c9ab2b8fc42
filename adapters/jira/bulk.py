"""Changing many issues alike: one transition for all, one edit for all that want the same.

Only end states go this way, so that it does no harm when a task is done late or twice. What Jira does not do in bulk to
an issue is left to its own transition and edit.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.jira.alike import FEWEST, MOST_ISSUES, Input, alike, bulk_edit, input_of, needs_ids, transitions
from adapters.jira.board import Transition
from adapters.jira.bulk_task import EDIT, SITE, TRANSITION, Patience, Report, Tasks
from adapters.jira.cache import Recent
from adapters.jira.edit import Edit, body_of
from adapters.jira.fields import Field
from adapters.jira.put import Editor
from adapters.jira.screens import Screens
from adapters.jira.site import Site
from adapters.jira.work import Work
from mapping.changes import Acknowledge, Change, MoveTo, SetFields, SetLabels


@dataclass(frozen=True, slots=True)
class Job:
    """An issue's changes, none of which has to come before those of another one."""

    work: Work
    changes: Sequence[Change]

    @property
    def id(self) -> str:
        """The issue's id, as bulk operations name it."""
        return self.work.seen.id


def is_plain(changes: Sequence[Change]) -> bool:
    """Whether an issue's changes are end states only: nothing is said, and nothing opened."""
    return all(isinstance(change, SetLabels | SetFields | MoveTo | Acknowledge) for change in changes)


class Bulk:
    """Writes to one site what issues have in common. What is done, or has failed, is in their `Work` afterwards."""

    def __init__(self, site: Site, screens: Screens, editor: Editor, patience: Patience) -> None:
        self._site = site
        self._screens = screens
        self._editor = editor
        self._tasks = Tasks(site, patience)
        self._made: Recent[bool] = Recent(10_000)

    @property
    def is_taken(self) -> bool:
        """Whether the site changes many issues in a request, as far as is known."""
        return self._site.is_cloud and self._tasks.takes(SITE)

    def is_worth_it(self, issues: int) -> bool:
        """Whether so many issues may be written together."""
        return self._site.is_cloud and issues >= FEWEST

    def run(self, jobs: Sequence[Job]) -> None:
        """Move first, then edit, as an issue by itself is. TrackerError stops the whole tracker."""
        for start in range(0, len(jobs), MOST_ISSUES):
            self._move(jobs[start : start + MOST_ISSUES])
        self._edit(jobs)

    def _move(self, jobs: Sequence[Job]) -> None:
        ways = [(job, move, way) for job in jobs for move, way in self._ways(job)]
        if len(ways) < FEWEST or not self._tasks.takes(TRANSITION):
            return
        body = transitions([(job.id, way.id) for job, _, way in ways])
        report = self._tasks.run(TRANSITION, TRANSITION, body, len(ways), _may_write(jobs))
        for job, move, way in ways:
            self._judge(job, [move], way.id, report)

    def _ways(self, job: Job) -> Iterator[tuple[MoveTo, Transition]]:
        """The transition that a move takes, unless it asks for anything on a screen."""
        layout, place = self._site.layout(), job.work.seen.place
        moves = [change for change in job.changes if isinstance(change, MoveTo)]
        if layout is None or len(moves) != 1 or layout.is_in(place, moves[0].column):
            return
        way = layout.way(place, moves[0].column)
        if way is not None and not way.has_screen and self._is_new(job, way.id):
            yield moves[0], way

    def _edit(self, jobs: Sequence[Job]) -> None:
        edits = {job.id: self._edits(job) for job in jobs}
        wanted = [(job, self._input(job, edits[job.id])) for job in jobs]
        for some in alike(wanted):
            kind = ",".join(some.input["selectedActions"])
            if not self._tasks.takes(kind):
                continue
            body = bulk_edit(some.input, [job.id for job in some.issues])
            report = self._tasks.run(EDIT, kind, body, len(some.issues), _may_write(jobs))
            for job in some.issues:
                changes = [edit.change for edit in edits[job.id]]
                self._judge(job, changes, _mark(some.input), report)

    def _edits(self, job: Job) -> list[Edit]:
        """What can be edited; nothing where the issue's property has to be written, which only its own edit does."""
        trial = replace(job.work, applied=[], failed=[])
        edits = self._editor.edits(trial, job.changes)
        if trial.is_behind or trial.memory.fitted() != trial.kept:
            return []
        return edits

    def _input(self, job: Job, edits: Sequence[Edit]) -> Input | None:
        body = body_of(edits)
        if not body:
            return None
        fields = self._fields(body.get("fields") or {})
        kind, key = job.work.seen.kind, job.work.ref.key
        screen = self._screens.ask(kind, key) if needs_ids(body, fields) else self._screens.known(kind)
        given = input_of(body, fields, screen)
        return given if given is not None and self._is_new(job, _mark(given)) else None

    def _fields(self, values: Mapping[str, object]) -> dict[str, Field]:
        """The fields by id; the priority is known without asking."""
        names = [name for name in values if name != "priority"]
        known = self._site.fields() if names else None
        return {name: known.called(name)[0] for name in names} if known else {}

    def _is_new(self, job: Job, what: str) -> bool:
        """Whether this wasn't done to the issue in bulk before: then it did not last, and it isn't tried so again."""
        return self._made.take((job.id, what)) is None

    def _judge(self, job: Job, changes: Sequence[Change], what: str, report: Report) -> None:
        """Done, or to be asked for again because the task broke or was not taken yet; what Jira didn't do to this issue
        is left to its own requests.
        """
        if job.id in report.done:
            job.work.applied += changes
            self._made.put((job.id, what), True)
        elif report.busy is not None:
            job.work.busy = report.busy
            job.work.failed += [(change, str(report.busy)) for change in changes]
        elif report.broke:
            why = "; ".join(filter(None, [report.broke, report.refused.get(job.id, "")]))
            job.work.failed += [(change, why) for change in changes]


def _may_write(jobs: Sequence[Job]) -> Callable[[], bool]:
    return jobs[0].work.may_write


def _mark(given: Input) -> str:
    return json.dumps(given, sort_keys=True)
