"""What stops all writing to Jira, and what is one issue's own trouble."""

from datetime import UTC, datetime

import pytest

from adapters.jira.course import Course
from adapters.tracker import Failing, LeaseLost, Outcome, RateLimited, TrackerError
from mapping.changes import Change, SetLabels
from mapping.issue import IssueRef

LABEL: Change = SetLabels(frozenset({"P0"}), frozenset(), ())
FAILED, PAUSE = Failing("HTTP 500"), RateLimited("slow down", datetime(2026, 11, 23, 9, tzinfo=UTC))

# What stopped each issue in turn, and what it comes to: which of them are stopped, or what is raised.
COURSES: list[tuple[str, list[TrackerError | None], list[TrackerError | None] | TrackerError]] = [
    ("all is well", [None, None], [None, None]),
    ("one fails, the next works", [FAILED, None, None], [None, None, None]),
    ("one fails at the end", [None, FAILED], [None, None]),
    ("two apart", [FAILED, None, FAILED], [None, None, None]),
    ("two in a row", [None, FAILED, FAILED], [None, FAILED, FAILED]),
    ("all fail", [FAILED, FAILED], FAILED),
    ("the only one fails", [FAILED], FAILED),
    ("a pause", [None, PAUSE], [None, PAUSE]),
    ("a pause after a failure", [None, FAILED, PAUSE], [None, FAILED, PAUSE]),
    ("the lease at once", [LeaseLost()], LeaseLost()),
]


@pytest.mark.parametrize(("stops", "ends"), [pytest.param(*case[1:], id=case[0]) for case in COURSES])
def test_courses(stops: list[TrackerError | None], ends: list[TrackerError | None] | TrackerError) -> None:
    course = Course()
    refs = [IssueRef("jira", f"OPS-{number}") for number, _ in enumerate(stops, 1)]
    for ref, stop in zip(refs, stops, strict=True):
        outcome = Outcome((LABEL,)) if stop is None else Outcome(failed=((LABEL, str(stop)),), stopped=stop)
        course.note(ref, outcome, stop)
    if isinstance(ends, TrackerError):
        with pytest.raises(type(ends)):
            course.end()
    else:
        outcomes = course.end()
        assert [outcomes[ref].stopped for ref in refs] == ends
        assert [bool(outcomes[ref].failed) for ref in refs] == [stop is not None for stop in stops]
