"""What a message to the customer has to say (R46-R49): which one is due, its places, and what fills those left empty.

Everything here is as of a time, so that a `/sent` can be judged by what was known when it was written.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mapping.commands import Fact
from mapping.history import Mark, Order, Run, is_fact
from mapping.issue import Happened, Issue, Person, Standing, TimelineEvent
from mapping.policy import Policy
from mapping.severity import Severity
from mapping.triage import Answer
from mapping.when import instant

KINDS = ("acknowledgement", "response", "update", "follow_up")

NEEDED: Mapping[str, tuple[str, ...]] = {
    "acknowledgement": ("customer", "issue", "engineer"),
    "response": ("customer", "issue", "status", "engineer", "eta", "workaround"),
    "update": ("customer", "issue", "status", "engineer"),
    "follow_up": ("customer", "issue", "root_cause", "fix", "prevention"),
}
"""The places without which a message can't be sent; the others are told where they are known."""

FILLED_BY: Mapping[str, str] = {
    "customer": '/triage customers="…"',
    "issue": "the issue's title",
    "status": "/diagnosis what you found",
    "engineer": "/engineer @login",
    "eta": "/eta 2h",
    "workaround": "/triage workaround=painful",
    "root_cause": "/rca the root cause",
    "fix": "/fix what you did",
    "prevention": "/prevention what keeps it from coming back",
}


@dataclass(frozen=True, slots=True)
class Past:
    """An issue's history, as far as messages to the customer depend on it.

    `orders` are the accepted commands, `told` the comments that told the customer something. `answers` gives the
    checklist's answers after some commands, `severity_at` the severity at a time, `stands` whether a command was
    acknowledged, so that nothing that happens later takes it back.
    """

    issue: Issue
    events: Sequence[TimelineEvent]
    runs: Sequence[Run]
    orders: Sequence[Order]
    told: Sequence[Mark]
    answers: Callable[[Sequence[Order]], Mapping[str, Answer]]
    severity_at: Callable[[datetime], Severity | None]
    stands: Callable[[Order], bool] = field(default=lambda order: False)


@dataclass(frozen=True, slots=True)
class Due:
    """The message that is due: its kind, since when, for which severity, and its places, filled or empty."""

    kind: str
    since: datetime
    severity: Severity
    places: Mapping[str, str]

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """The places that must be filled and aren't, each with what fills it."""
        return tuple((place, FILLED_BY[place]) for place in NEEDED[self.kind] if not self.places[place])


def due_at(past: Past, policy: Policy, at: datetime) -> Due | None:
    """The message due next as of a time; None where none is: no emergency, or all was said."""
    run = next((run for run in reversed(past.runs) if run.start.at <= at), past.runs[0])
    is_over = run.end is not None and run.end.at <= at
    severity = past.severity_at(run.end.at if run.end is not None and is_over else at)
    if severity is None or not severity.is_emergency:
        return None
    sent = [order.at for order in past.orders if is_fact(order, "sent") and order.at <= at]
    told = [when for when in (*sent, *(mark.at for mark in past.told)) if run.start.at <= when <= at]
    kind, since = "acknowledgement" if severity is Severity.P0 else "response", run.start.at
    if run.end is not None and is_over:
        if any(when >= run.end.at for when in sent):
            return None
        kind, since = "follow_up", run.end.at
    elif told:
        kind, since = "update", max(told)
    return Due(kind, since, severity, _places(past, policy, at))


def unfilled(past: Past, policy: Policy) -> Iterator[tuple[Order, str]]:
    """Every `/sent` written while the message due then had empty places (R48), with a sentence for its author.

    What else stands in the same comment was known then, but is not the message before this one.
    """
    accepted = [order for order in past.orders if not is_fact(order, "sent")]
    for sent in (order for order in past.orders if is_fact(order, "sent")):
        before = [mark for mark in past.told if mark.at < sent.at]
        due = due_at(replace(past, orders=accepted, told=before), policy, sent.at)
        if due is None or not due.missing or past.stands(sent):
            accepted.append(sent)
        else:
            yield sent, _says(due)


def _says(due: Due) -> str:
    gaps = ", ".join(f"{place.replace('_', ' ')} ({fill})" for place, fill in due.missing)
    return f"the {due.kind.replace('_', '-')} still lacks: {gaps}"


def _places(past: Past, policy: Policy, at: datetime) -> Mapping[str, str]:
    """Every place by name, empty where nobody said anything by then. The ETA is an instant in ISO 8601."""
    orders = [order for order in past.orders if order.at <= at]
    said = {order.command.name: order for order in orders if isinstance(order.command, Fact)}
    answers = past.answers(orders)
    return {
        "customer": _answer(answers, "customers") or _reporter(past.issue),
        "issue": past.issue.title.strip(),
        "status": _text(said.get("diagnosis")),
        "engineer": _name(past, _text(said.get("engineer"))) or next(_assigned(past, at), ""),
        "eta": _eta(said.get("eta"), policy),
        "workaround": _answer(answers, "workaround"),
        "root_cause": _text(said.get("rca")),
        "fix": _text(said.get("fix")),
        "prevention": _text(said.get("prevention")),
    }


def _answer(answers: Mapping[str, Answer], key: str) -> str:
    return answers[key].value if key in answers else ""


def _reporter(issue: Issue) -> str:
    """Who reported it, if that is no colleague and no robot."""
    return issue.author.name if issue.author and issue.author.standing is Standing.OUTSIDER else ""


def _text(order: Order | None) -> str:
    return order.command.text if order is not None and isinstance(order.command, Fact) else ""


def _eta(order: Order | None, policy: Policy) -> str:
    if order is None or not isinstance(order.command, Fact) or order.command.when is None:
        return ""
    return instant(order.command.when, order.at, policy.sla.zone).isoformat()


def _assigned(past: Past, at: datetime) -> Iterator[str]:
    """Who was assigned at a time. Trackers needn't tell of what was set when the issue was made."""
    first: dict[str, Happened] = {}
    then: dict[str, bool] = {}
    for event in past.events:
        if event.kind is Happened.ASSIGNED or event.kind is Happened.UNASSIGNED:
            first.setdefault(event.value, event.kind)
            then.setdefault(event.value, first[event.value] is Happened.UNASSIGNED)
            if event.at <= at:
                then[event.value] = event.kind is Happened.ASSIGNED
    for person in past.issue.assignees:
        if person.id not in then and person.name not in then:
            yield person.name
    yield from (_name(past, who) for who, is_there in then.items() if is_there)


def _name(past: Past, who: str) -> str:
    """How customers call somebody whom the tracker may call by an account id."""
    return next((person.name for person in _people(past) if person.id == who), who)


def _people(past: Past) -> Iterator[Person]:
    yield from past.issue.assignees
    yield from (event.by for event in past.events if event.by is not None)
    yield from (comment.by for comment in past.issue.comments if comment.by is not None)
