"""What the status comment tells of the work: clocks, roles, the response checklist ticked from facts (R27-R38)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from mapping.alarms import commander
from mapping.case import Case
from mapping.changes import Box, ClockFacts
from mapping.clocks import Clock
from mapping.commands import Fact
from mapping.history import Order, is_fact
from mapping.issue import Column
from mapping.policy import Policy
from mapping.ruling import OWNER
from mapping.severity import Severity
from mapping.when import instant

ORDER = (
    "triage",
    "response",
    "acknowledgement",
    "assessment",
    "progress",
    "next_update",
    "resolution",
    "retrospective",
)


def latest(timed: Sequence[Clock]) -> Iterator[ClockFacts]:
    """The newest cycle of each clock, in the order in which people think of them."""
    newest = {clock.name: clock for clock in sorted(timed, key=lambda clock: clock.cycle)}
    for name in ORDER:
        if name in newest:
            clock = newest[name]
            yield ClockFacts(name, clock.state.value, clock.due_at, clock.stop.at if clock.stop else None)


def last_said(case: Case, name: str) -> Order | None:
    """The newest accepted command of a name."""
    for order in reversed(case.orders):
        if is_fact(order, name):
            return order
    return None


def text_of(order: Order | None) -> str:
    """What a command named: a person, an address, a finding."""
    return order.command.text if order is not None and isinstance(order.command, Fact) else ""


def eta(case: Case, policy: Policy) -> datetime | None:
    """When the team expects to be done, as `/eta` told last."""
    order = last_said(case, "eta")
    if order is None or not isinstance(order.command, Fact) or order.command.when is None:
        return None
    return instant(order.command.when, order.at, policy.sla.zone)


def roles(case: Case, policy: Policy) -> Iterator[tuple[str, str]]:
    """Who does what (R71): named by command, else the assignee."""
    if not case.is_emergency:
        return
    assignee = case.issue.assignees[0].handle if case.issue.assignees else ""
    named = {
        "incident commander": commander(case),
        "engineer": text_of(last_said(case, "engineer")) or assignee,
        "comms lead": text_of(last_said(case, "comms")),
        "product owner": ", ".join(policy.roles.product_owner),
    }
    yield from ((role, name) for role, name in named.items() if name)


def shared_owner(case: Case) -> str:
    """What our comment on an open P1 says of its owner's other work (R8); empty where there is none."""
    if not case.is_emergency or case.severity is not Severity.P1:
        return ""
    ours = [c.marker.memo for c in case.issue.comments if c.marker and c.marker.key.partition("@")[0] == OWNER]
    return str(ours[-1].get("says", "")) if ours else ""


def boxes(case: Case, policy: Policy, move_to: Column | None = None, stands_still: bool = False) -> Iterator[Box]:
    """The checklist of an open P0 or P1, whose card is about to move. `stands_still`: all other work on its board."""
    if not case.is_emergency:
        return
    run, card = case.runs[-1], case.issue.card
    told = any(run.covers(mark.at) for mark in case.updates)
    if case.severity is Severity.P0:
        yield Box("war room open: /warroom and its address", bool(text_of(last_said(case, "warroom"))))
        yield Box("customer told", told)
        if card is not None:
            yield Box("planned work paused", stands_still)
        yield Box("incident commander named: /ic @login", bool(commander(case)))
        yield Box("diagnosis started: /diagnosis and what you found", bool(text_of(last_said(case, "diagnosis"))))
        return
    yield Box("exactly one owner, who has nothing else", len(case.issue.assignees) == 1 and not shared_owner(case))
    yield Box("customer given a timeline: /eta 4h, and told", told and eta(case, policy) is not None)
    if card is not None:
        yield Box("in the Emergency Queue", (move_to or card.column) is Column.EMERGENCY_QUEUE)


def forgotten(case: Case, policy: Policy, now: datetime) -> str:
    """An acknowledgement after which nothing was heard; empty when there is none."""
    order = _silent_since(case, policy)
    if order is None or now < order.at + policy.sla.ack_expires:
        return ""
    at = order.at.astimezone(policy.sla.zone).strftime("%H:%M")
    return f"Acknowledged by {order.by.name} at {at}, and nothing was heard since."


def forgotten_at(case: Case, policy: Policy, now: datetime) -> Iterator[datetime]:
    """When an acknowledgement will have been forgotten."""
    order = _silent_since(case, policy)
    if order is not None and order.at + policy.sla.ack_expires > now:
        yield order.at + policy.sla.ack_expires


def _silent_since(case: Case, policy: Policy) -> Order | None:
    order = last_said(case, "ack")
    if order is None or case.issue.closed_at is not None:
        return None
    return None if any(mark.at > order.at for mark in case.updates) else order
