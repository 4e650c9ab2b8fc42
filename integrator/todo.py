"""From an issue as it was read to what is to be done about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrator.agenda import Claim
from integrator.lanes import Lane
from integrator.ledger import Role, planned
from mapping.case import Case
from mapping.changes import MoveTo, Plan, SetFields, SetLabels
from mapping.issue import Issue, IssueRef
from mapping.okr import planned_for
from mapping.plan import concerns_board, plan_issue, stops_work
from mapping.policy import Policy

CHUNK = 20  # issues


@dataclass(frozen=True, slots=True)
class Todo:
    """A claimed issue as it was read, and what the plan wants of it."""

    claim: Claim
    ref: IssueRef
    plan: Plan
    role: str

    @property
    def says(self) -> bool:
        """Whether anything is created or said, and not only put as it should be."""
        return not all(isinstance(change, SetLabels | SetFields | MoveTo) for change in self.plan.changes)

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


def chunks(todos: Sequence[Todo], batch: int) -> Iterator[Sequence[Todo]]:
    """What is written together: little where somebody waits for it, a batch of a backfill where many are alike.

    What says something takes a request or more an issue, and is put down as it is done.
    """
    swept = [todo for todo in todos if todo.claim.lane is Lane.SWEEP]
    alike = [todo for todo in swept if not todo.says]
    others = [todo for todo in todos if todo.claim.lane is not Lane.SWEEP], [todo for todo in swept if todo.says]
    for some, most in ((others[0], CHUNK), (alike, batch), (others[1], CHUNK)):
        yield from (some[start : start + most] for start in range(0, len(some), most))
