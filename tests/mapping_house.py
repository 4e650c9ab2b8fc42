"""Issues to fold and plan, as short as they can be said: times in minutes after the report, people by name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.memory import OURSELVES, MemoryTracker
from integrator.texts import Texts
from integrator.wording import in_words
from mapping.case import Case
from mapping.changes import Change, EditStatus, MoveTo, Plan, PostComment, SetFields, SetLabels, StatusFacts
from mapping.issue import Comment, Happened, Issue, IssueRef, Person, TimelineEvent
from mapping.plan import plan_issue
from mapping.policy import Policy

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
REF = IssueRef("github", "acme/shop#9")
TEAM = ("alice", "bob")
POLICY = Policy()


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@dataclass
class Clock:
    """Stands still until it is told to go on."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


NOBODY = MemoryTracker("github", "markdown", TEAM, Clock())


def person(name: str) -> Person | None:
    """`us` is the integrator, names in TEAM may write, `…[bot]` is a bot, `ghost` a deleted account."""
    if name == "ghost":
        return None
    return OURSELVES if name == "us" else NOBODY.person(name)


def did(minutes: float, by: str, kind: Happened | str, value: str = "", id: str = "") -> TimelineEvent:  # noqa: A002
    return TimelineEvent(id or f"e{minutes:09.3f}{kind}{value}", at(minutes), person(by), Happened(kind), value)


def said(minutes: float, by: str, body: str, **more: Any) -> Comment:
    more = {**more, "edited_by": person(more["edited_by"])} if "edited_by" in more else more
    return Comment(more.pop("id", f"c{minutes:09.3f}"), at(minutes), person(by), body, **more)


def an_issue(by: str = "carol", title: str = "Something", body: str = "", **more: Any) -> Issue:
    more["labels"] = frozenset(more.get("labels", ()))
    return replace(Issue(REF, title, body, person(by), START, START), **more)


def form(**answers: str) -> str:
    """A filled GitHub form, with CRLF line ends as browsers send them."""
    return "\r\n\r\n".join(f"### {key}\r\n\r\n{value}" for key, value in answers.items())


def case_of(issue: Issue, policy: Policy = POLICY) -> Case:
    return Case.of(issue, policy)


def a_policy(enforce_from: float | None = None, labels: Mapping[str, str] | None = None, **triage: Any) -> Policy:
    """A policy as app.yaml gives it: `enforce_from` in minutes, `labels` by their other names."""
    renamed = {key: {"name": name, "color": "ffffff", "description": ""} for key, name in (labels or {}).items()}
    sla = {"enforce_from": at(enforce_from).isoformat()} if enforce_from is not None else {}
    return Policy.model_validate_json(json.dumps({"triage": triage, "sla": sla, "labels": renamed}))


def plan_of(issue: Issue, policy: Policy = POLICY, minutes: float = 0) -> Plan:
    return plan_issue(Case.of(issue, policy), policy, at(minutes))


def labels_of(plan: Plan) -> tuple[list[str], list[str]]:
    """What the plan adds and takes away."""
    changes = [change for change in plan.changes if isinstance(change, SetLabels)]
    return sorted(x for c in changes for x in c.add), sorted(x for c in changes for x in c.remove)


def move_of(plan: Plan) -> str | None:
    return next((change.column.value for change in plan.changes if isinstance(change, MoveTo)), None)


def fields_of(plan: Plan) -> dict[str, str]:
    return {k: v for change in plan.changes if isinstance(change, SetFields) for k, v in change.values.items()}


def facts_in(plan: Plan) -> StatusFacts:
    (facts,) = [change.facts for change in plan.changes if isinstance(change, EditStatus)]
    return facts


def alarm_in(plan: Plan) -> PostComment | None:
    return next((change for change in plan.changes if isinstance(change, PostComment)), None)


class Desk:
    """A tracker in memory, on which people act, and the integrator's one path, run when told."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.clock = Clock()
        self.tracker = MemoryTracker("github", "markdown", TEAM, self.clock)

    def __repr__(self) -> str:
        return f"Desk({self.policy.model_dump(mode='json', exclude_defaults=True)}, {self.tracker.issues()})"

    def later(self, minutes: float = 1) -> None:
        self.clock.now += timedelta(minutes=minutes)

    @property
    def issue(self) -> Issue:
        """The issue that people opened; those of ours are about it."""
        (issue,) = (one for one in self.tracker.issues() if one.opened_for is None)
        return issue

    @property
    def case(self) -> Case:
        return Case.of(self.issue, self.policy)

    def plan(self) -> Plan:
        return plan_issue(self.case, self.policy, self.clock())

    def work(self) -> tuple[Change, ...]:
        """Plan once, and apply it."""
        ref, changes = self.issue.ref, self.plan().changes
        self.tracker.apply({ref: in_words(changes, "markdown", self.clock(), Texts())}, lambda: True)
        return changes
