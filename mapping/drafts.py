"""The next message to the customer of an emergency, as facts: for a person to send, never sent by itself (R46-R49)."""

from datetime import UTC, datetime

from mapping.case import Case
from mapping.changes import DraftFacts
from mapping.places import Due, Past, due_at
from mapping.policy import Policy

DRAFT = "draft"


def draft_of(case: Case, policy: Policy, now: datetime, drafted_at: datetime | None = None) -> DraftFacts | None:
    """The message due next, with what is known and what is missing; None where none is due.

    It promises the next update an interval after it was drafted (None: now), in whole minutes, not later than
    `/sent` alone would promise it.
    """
    due = due_at(_past(case), policy, now)
    if due is None:
        return None
    promised = _promised(due, policy, drafted_at or now)
    return DraftFacts(due.kind, due.places, due.missing, promised, policy.sla.time_zone)


def draft_key(case: Case, policy: Policy, now: datetime) -> str:
    """The marker key of the draft due next, the same as long as it is due; empty where none is."""
    due = due_at(_past(case), policy, now)
    return f"{DRAFT}-{due.kind}@{due.since.astimezone(UTC).isoformat(timespec='seconds')}" if due else ""


def _past(case: Case) -> Past:
    return Past(
        issue=case.issue,
        events=case.events,
        runs=case.runs,
        orders=case.orders,
        told=case.updates,
        answers=lambda orders: case.answers,
        severity_at=lambda at: case.spell_at(at).severity,
    )


def _promised(due: Due, policy: Policy, since: datetime) -> datetime | None:
    interval = policy.severities[due.severity].update
    if due.kind == "follow_up" or interval is None:
        return None
    return (since + interval).replace(second=0, microsecond=0)
