"""Whose word stands, and for how long: confirmations, trusted bots, a severity that was taken away."""

from datetime import UTC, datetime, timedelta

from adapters.memory import MemoryTracker
from integrator.scenario import Clock
from mapping.case import Case
from mapping.issue import Column, IssueRef
from mapping.plan import plan_issue
from mapping.policy import Policy, Triage
from mapping.severity import Severity
from tests.connected import P0_FORM, P2_FORM

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
REF = IssueRef.parse("github:acme/shop#1")


class House:
    """A tracker in memory whose issue is kept right."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.clock = Clock(START)
        self.tracker = MemoryTracker("github", "markdown", ["alice"], self.clock)
        self.policy = policy or Policy()

    def settle(self, minutes: int = 1) -> Case:
        """Apply what is planned, and let time pass."""
        changes = plan_issue(Case.of(self.tracker.issue(REF), self.policy), self.policy, self.clock()).changes
        self.tracker.apply({REF: changes}, lambda: True)
        self.clock.at += timedelta(minutes=minutes)
        return Case.of(self.tracker.issue(REF), self.policy)


def test_r24_a_description_edited_after_the_triage_is_provisional_again() -> None:
    house = House()
    house.tracker.open(REF, "carol", "Slow", body=P2_FORM)
    house.settle()
    house.tracker.comment(REF, "alice", "/triage security=no")
    case = house.settle()
    assert (case.severity, case.confirmed_by) == (Severity.P2, "alice")
    house.tracker.edit_body(REF, P0_FORM)
    case = house.settle()
    assert (case.severity, case.confirmed_by) == (Severity.P0, None)
    house.tracker.comment(REF, "alice", "/triage security=no")
    assert house.settle().confirmed_by == "alice"


def test_r25_a_trusted_bot_is_believed_and_a_person_of_its_name_is_not() -> None:
    trusting = Policy(triage=Triage(trusted_bots=("pager",)))
    for name, severity in (("pager[bot]", Severity.P1), ("pager", None)):
        house = House(trusting)
        house.tracker.open(REF, "carol", "Odd")
        house.settle()
        house.tracker.label(REF, name, add=["P1"])
        word = house.settle().word
        assert (word.severity if word else None) is severity


def test_r25_a_severity_taken_away_leaves_the_card_where_it_is() -> None:
    house = House()
    house.tracker.open(REF, "carol", "Down", body=P0_FORM)
    house.settle()
    house.tracker.label(REF, "alice", remove=["P0"])
    house.settle()
    issue = house.tracker.issue(REF)
    assert issue.labels == {"emergency", "needs-triage"}
    assert issue.card is not None
    assert issue.card.column is Column.EMERGENCY_QUEUE
