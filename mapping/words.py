"""What people said about the severity: by label, by priority, by command (R25)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mapping.commands import SetSeverity
from mapping.history import Order
from mapping.issue import Happened, Issue, Person, Standing, TimelineEvent
from mapping.policy import Policy
from mapping.severity import Severity

AT_CREATION = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word on the severity (R25): what they set (None: they took it away), who, when, and how.

    `undoes` is the severity whose label was taken away.
    """

    severity: Severity | None
    by: str
    at: datetime
    how: str
    undoes: Severity | None = None


def words_of(
    issue: Issue, events: Sequence[TimelineEvent], policy: Policy, orders: Sequence[Order]
) -> tuple[Word, ...]:
    """Every word, the last one last."""
    said = [*_in_timeline(issue, events, policy), *_in_commands(orders)]
    return tuple(sorted(said, key=lambda word: word.at))


def lasting(words: Sequence[Word]) -> list[Word]:
    """The words that say something new: a label taken away only undoes what it said."""
    held: list[Word] = []
    for word in words:
        if word.undoes is None or not held or held[-1].severity is word.undoes:
            held.append(word)
    return held


def decides(event: TimelineEvent, issue: Issue, policy: Policy) -> bool:
    """Whether an event is a person's decision: after creation, by somebody of the team or a trusted bot (R25)."""
    if event.by is None:
        return False
    by_reporter = issue.author is not None and event.by.id == issue.author.id
    if by_reporter and abs(event.at - issue.created_at) <= AT_CREATION:  # a moved copy may be younger than its events
        return False
    return event.by.standing is Standing.TEAM or _is_trusted(event.by, policy)


def _is_trusted(person: Person, policy: Policy) -> bool:
    """A bot that app.yaml names, with or without `[bot]`; a person of the same name is none."""
    if person.standing is not Standing.BOT:
        return False
    names = {person.id, person.name, person.id.removesuffix("[bot]"), person.name.removesuffix("[bot]")}
    return not names.isdisjoint(policy.triage.trusted_bots)


def _in_timeline(issue: Issue, events: Sequence[TimelineEvent], policy: Policy) -> Iterator[Word]:
    for event in events:
        severity = _meant(event, policy)
        if severity is None or event.by is None or not decides(event, issue, policy):
            continue
        match event.kind:
            case Happened.UNLABELED:
                yield Word(None, event.by.name, event.at, f"label {event.value} taken away", severity)
            case Happened.PRIORITIZED:
                yield Word(severity, event.by.name, event.at, f"priority {event.value}")
            case _:
                yield Word(severity, event.by.name, event.at, f"label {event.value}")


def _meant(event: TimelineEvent, policy: Policy) -> Severity | None:
    if event.kind is Happened.PRIORITIZED:
        return policy.triage.priorities.get(event.value)
    if event.kind is Happened.LABELED or event.kind is Happened.UNLABELED:
        return policy.labels.severity_of(event.value)
    return None


def _in_commands(orders: Sequence[Order]) -> Iterator[Word]:
    for order in orders:
        if isinstance(order.command, SetSeverity):
            yield Word(order.command.severity, order.by.name, order.at, order.command.said)
