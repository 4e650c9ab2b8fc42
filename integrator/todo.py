"""From an issue as it was read to what is to be done about it."""

from dataclasses import dataclass
from datetime import datetime

from integrator.agenda import Claim
from integrator.ledger import Role, planned
from mapping.case import Case
from mapping.changes import Plan
from mapping.issue import Issue, IssueRef
from mapping.okr import planned_for
from mapping.plan import concerns_board, plan_issue, stops_work
from mapping.policy import Policy


@dataclass(frozen=True, slots=True)
class Todo:
    """A claimed issue as it was read, and what the plan wants of it."""

    claim: Claim
    ref: IssueRef
    plan: Plan
    role: str

    @property
    def again_at(self) -> datetime | None:
        """When to look again if everything was written."""
        return min((at for at in (self.plan.look_again_at, self.plan.settles_at) if at is not None), default=None)


def todo_for(issue: Issue, policy: Policy, now: datetime) -> Plan:
    """What should be true of an issue, as the differences to what is."""
    return plan_issue(Case.of(issue, policy), policy, as_of(issue, now))


def as_of(issue: Issue, now: datetime) -> datetime:
    """The time, but not before what has happened to the issue already: the tracker's clock may be ahead of ours."""
    return max(now, issue.updated_at)


def role_of(case: Case, policy: Policy) -> str:
    """What an issue means to the law of its board."""
    if stops_work(case):
        return Role.P0
    if case.is_emergency and case.confirmed_by is not None:
        return Role.EMERGENCY
    if case.issue.closed_at is None and concerns_board(case, policy):
        return Role.CARD
    key_result = planned_for(case, policy)
    return planned(key_result) if key_result else Role.NONE
