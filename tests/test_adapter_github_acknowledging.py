from datetime import UTC, datetime
from typing import Any

import pytest

from mapping.changes import Acknowledge, DraftFacts, PostDraft
from mapping.issue import Issue
from tests.adapter_github_answers import (
    Json,
    actor,
    comment,
    connection,
    issue,
    reaction,
    read_answer,
    ref,
    scripted,
    tracker,
)
from tests.test_adapter_github_apply import LABELS, aliases, always, failing, works

EYES = Acknowledge(("IC_1", "IC_2"), ("R25",))
FIRST = "2026-11-23T08:11:00Z"


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([reaction("EYES", FIRST, ours=True)], datetime(2026, 11, 23, 8, 11, tzinfo=UTC)),
        ([reaction("ROCKET", "2026-11-23T08:10:00Z"), reaction("EYES", FIRST, ours=True)],
         datetime(2026, 11, 23, 8, 11, tzinfo=UTC)),
        ([reaction("EYES", FIRST)], None),
        ([reaction("EYES")], None),
        ([reaction("THUMBS_UP", FIRST, ours=True), reaction("EYES", FIRST)], None),
        ([], None),
        (None, None),
    ],
)  # fmt: skip
def test_our_eyes_acknowledge_since_the_first_eyes_on_it(groups: list[Json] | None, expected: datetime | None) -> None:
    raw = issue(7, comments=connection([comment("1", actor("alice"), "/p0", reactionGroups=groups)]))
    with scripted() as github:
        github.people("alice").will(read_answer(raw))
        found = tracker().read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    assert [c.acknowledged_at for c in found.comments] == [expected]


def applied(change: Any, *answers: Any) -> Any:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), *answers)
        ours = tracker()
        ours.read([ref(7)])
        return ours.apply({ref(7): [LABELS, change]}, always)[ref(7)], [aliases(body) for body in github.asked[1:]]


def test_comments_are_acknowledged_in_the_request_with_everything_else() -> None:
    outcome, ((_, *asked),) = applied(EYES, works)
    assert outcome.applied == (LABELS, EYES)
    assert [(name, given) for _, name, given in asked] == [
        ("addReaction", {"subjectId": "IC_1", "content": "EYES"}),
        ("addReaction", {"subjectId": "IC_2", "content": "EYES"}),
    ]


def test_a_comment_that_was_deleted_meanwhile_needs_no_acknowledgement() -> None:
    outcome, _ = applied(EYES, failing("addReaction", "Could not resolve to a node", "NOT_FOUND"))
    assert (outcome.applied, outcome.failed) == ((LABELS, EYES), ())


def test_a_refused_acknowledgement_fails_alone() -> None:
    outcome, _ = applied(EYES, failing("addReaction", "Resource not accessible", "FORBIDDEN"))
    assert (outcome.applied, outcome.failed) == ((LABELS,), ((EYES, "Resource not accessible"),))


@pytest.mark.broken_answers
def test_a_failure_inside_an_acknowledgement_is_harmless_and_not_raised() -> None:
    outcome, _ = applied(EYES, failing("addReaction", "Something went wrong while executing your query."))
    assert [change for change, _ in outcome.failed] == [EYES]


def test_a_draft_is_never_written_where_the_customer_reads() -> None:
    draft = PostDraft("ack", DraftFacts("acknowledgement", {}, (), None, "UTC"), None, (), "Dear customer")
    outcome, (asked,) = applied(draft, works)
    ((change, why),) = outcome.failed
    assert change is draft
    assert "no internal comments" in why
    assert [name for _, name, _ in asked] == ["addLabelsToLabelable"]
