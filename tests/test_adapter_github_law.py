"""The law of boards on the stand-in GitHub: what it costs, and that it comes to rest."""

from collections.abc import Mapping, Sequence

import pytest

from adapters.github import GitHubTracker
from mapping.case import Case
from mapping.changes import Change, OpenIssue
from mapping.issue import BoardRef, IssueRef
from mapping.law import plan_board
from mapping.plan import plan_issue
from mapping.policy import Policy
from tests.adapter_github_answers import ref
from tests.standins.github.client import Clock
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_apply import always
from tests.test_adapter_github_board import look, put, spent
from tests.test_adapter_github_fields import FIELDS, fill
from tests.test_adapter_github_standin import SHOP, Connect, clock, connect, github, read

__all__ = ["clock", "connect", "github"]

POLICY = Policy.model_validate({"board": {"wip": {"mode": "enforce"}}, "sla": {"enforce_from": "2026-01-01"}})


def handle(tracker: GitHubTracker, number: int, clock: Clock) -> Sequence[Change]:
    """What an issue's own turn changes; retrospectives are another matter."""
    plan = plan_issue(Case.of(read(tracker, number), POLICY), POLICY, clock())
    changes = [change for change in plan.changes if not isinstance(change, OpenIssue)]
    if changes:
        assert tracker.apply({ref(number): changes}, always)[ref(number)].failed == ()
    return changes


def keep(tracker: GitHubTracker, clock: Clock) -> tuple[Mapping[IssueRef, Sequence[Change]], int]:
    """What a board's turn changes: issues, and how many cards."""
    plan = plan_board(look(tracker), POLICY, clock())
    for outcome in tracker.apply(plan.issues, always).values() if plan.issues else ():
        assert outcome.failed == ()
    if plan.cards:
        assert tracker.arrange(BoardRef("github"), plan.cards, always).failed == ()
    return plan.issues, len(plan.cards)


@pytest.fixture
def tracker(github: GitHubStandIn, connect: Connect, clock: Clock) -> GitHubTracker:
    """All ids known, all fields there."""
    fill(github)
    for label in POLICY.labels.all():
        github.acts.label_for(github.world.repository(SHOP), label.name)
    tracker = connect(fields=FIELDS)
    read(tracker, github.open_issue(SHOP, "carol", "To warm up"))
    look(tracker)
    clock.pass_by(60)
    return tracker


@pytest.mark.parametrize("tells", [True, False])
def test_the_newcomer_goes_back_where_it_came_from(
    github: GitHubStandIn, tracker: GitHubTracker, clock: Clock, tells: bool
) -> None:
    github.status_events = tells
    put(github, "First", "In Progress")
    clock.pass_by(60)
    second = put(github, "Second", "Review")
    look(tracker)
    clock.pass_by(60)
    github.move_card(SHOP, second, "alice", "In Progress")
    before = len(github.requests)
    issues, _ = keep(tracker, clock)
    assert list(issues) == [ref(second)]
    assert len(spent(github, before)) == 3
    assert github.issue(SHOP, second).column == "Review"
    assert keep(tracker, clock) == ({}, 0)


def test_a_draft_goes_back_too(github: GitHubStandIn, tracker: GitHubTracker, clock: Clock) -> None:
    put(github, "First", "In Progress")
    clock.pass_by(60)
    card = github.draft("An idea", "alice", "In Progress")
    before = len(github.requests)
    assert keep(tracker, clock) == ({}, 1)
    assert len(spent(github, before)) == 3
    assert github.card(card).column == "Backlog"
    assert keep(tracker, clock) == ({}, 0)


@pytest.mark.parametrize("kind", ["an issue", "a draft"])
def test_a_p0_pauses_what_is_in_progress_and_gives_it_back(
    github: GitHubStandIn, tracker: GitHubTracker, clock: Clock, kind: str
) -> None:
    if kind == "an issue":
        card = github.card_of(SHOP, put(github, "Feature B", "In Progress"))
    else:
        card = github.draft("Feature B", "alice", "In Progress", "Some day\n")
    clock.pass_by(60)
    fire = github.open_issue(SHOP, "alice", "DB Down", "", ["P0"])
    clock.pass_by(60)
    before = len(github.requests)
    handle(tracker, fire, clock)
    keep(tracker, clock)
    assert len(spent(github, before)) <= 8, spent(github, before)
    assert (github.card(card).column, github.issue(SHOP, fire).column) == ("Backlog", "Emergency Queue")
    clock.pass_by(60)
    assert keep(tracker, clock) == ({}, 0)
    clock.pass_by(60)
    github.close(SHOP, fire, "alice")
    clock.pass_by(60)
    handle(tracker, fire, clock)
    keep(tracker, clock)
    assert github.card(card).column == "In Progress"
    assert github.card(card).body == (None if kind == "an issue" else "Some day\n")
    clock.pass_by(60)
    assert keep(tracker, clock) == ({}, 0)


def test_emergencies_are_put_in_order(github: GitHubStandIn, tracker: GitHubTracker, clock: Clock) -> None:
    for title, label in (("Slow", "P1"), ("Down", "P0"), ("Slower", "P1")):
        handle(tracker, github.open_issue(SHOP, "alice", title, "", [label]), clock)
        clock.pass_by(60)
    before = len(github.requests)
    keep(tracker, clock)
    assert len(spent(github, before)) == 3
    assert github.order("Emergency Queue") == ["Down", "Slow", "Slower"]
    assert keep(tracker, clock) == ({}, 0)


def test_an_order_that_github_refuses_is_not_failed_for_ever(
    github: GitHubStandIn, tracker: GitHubTracker, clock: Clock
) -> None:
    github.board.takes_order = False
    for title, label in (("Slow", "P1"), ("Down", "P0")):
        handle(tracker, github.open_issue(SHOP, "alice", title, "", [label]), clock)
    assert keep(tracker, clock) == ({}, 1)
    assert github.order("Emergency Queue") == ["Slow", "Down"]
