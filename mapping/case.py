"""The fold: an issue's own history, read by the policy, gives the case that all plans are made from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from mapping.changes import Refusal, Why
from mapping.commands import Command, Misread, SetSeverity, Triage, commands_in
from mapping.issue import Comment, Happened, Issue, Person, Standing, TimelineEvent
from mapping.policy import Policy
from mapping.rules import Signals, Verdict, judge
from mapping.severity import Severity
from mapping.triage import Answer, answers_in, merged, sections

AT_CREATION = timedelta(seconds=10)
STATUS = "status"
ANSWERED = 5  # refused commands that the status comment answers: the newest

_OF_SEVERITY = re.compile(r"/(?:p[0-3]|triage)(?:\s|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word on the severity (R25): what they set (None: they took it away), who, when, and how."""

    severity: Severity | None
    by: str
    at: datetime
    how: str


@dataclass(frozen=True, slots=True)
class Order:
    """A command in a comment, who gave it, and when (an edited comment counts from the edit)."""

    command: Command
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """What an issue means under a policy.

    `severity` is None while nobody and no rule decided. `confirmed_by` names the person behind it, or is None while
    it is provisional (R24). `since` is when it became what it is. `orders` are the accepted commands.
    """

    issue: Issue
    reported_at: datetime
    answers: Mapping[str, Answer]
    verdict: Verdict
    word: Word | None
    severity: Severity | None
    confirmed_by: str | None
    since: datetime
    claimed: bool
    orders: tuple[Order, ...]
    refused: tuple[Refusal, ...]
    status: Comment | None
    memo: Mapping[str, Any]

    @classmethod
    def of(cls, issue: Issue, policy: Policy) -> Self:
        """Fold an issue's history. Duplicated events and comments change nothing."""
        status = _status_comment(issue)
        memo = status.marker.memo if status and status.marker else {}
        reported_at = _reported_at(issue, memo)
        orders = tuple(_orders(issue))
        obeyed = [order for order in orders if order.by.standing is Standing.TEAM]
        parts = sections(issue.body, policy.triage.headings)
        answers = _answers(issue, policy, parts.under, obeyed)
        verdict = judge(_signals(issue, policy, answers, parts.prose), policy.triage.rules, policy.triage.all_hints)
        word = _last_word(issue, policy, obeyed)
        severity = word.severity if word else verdict.severity
        confirmed_by, since = _confirmation(issue, policy, word, obeyed, reported_at)
        form = sum(key in parts.under for key in ("process", "workaround", "security", "kind")) > 1
        urgent = severity is not None and severity.is_emergency
        refused = tuple(dict.fromkeys(_refused(orders)))
        asked = any(_OF_SEVERITY.match(refusal.said) for refusal in refused)
        claimed = form or urgent or asked or _labelled_emergency(issue, policy)
        return cls(
            issue=issue,
            reported_at=reported_at,
            answers=answers,
            verdict=verdict,
            word=word,
            severity=severity,
            confirmed_by=confirmed_by if severity else None,
            since=since,
            claimed=claimed,
            orders=tuple(obeyed),
            refused=refused[-ANSWERED:],
            status=status,
            memo=memo,
        )

    @property
    def is_emergency(self) -> bool:
        """An open P0 or P1, provisional or confirmed."""
        return self.issue.closed_at is None and self.severity is not None and self.severity.is_emergency

    @property
    def why(self) -> tuple[Why, ...]:
        """The reasons for the severity: a person's word if there is one, else the rules that fired."""
        if self.word is None:
            return self.verdict.why
        return (Why(f"{self.word.by} decided", self.word.how),)


def is_before_enforcement(case: Case, policy: Policy) -> bool:
    """The issue was reported before promises are announced (R24): no comment until a person confirms it."""
    return policy.sla.enforce_from is not None and case.reported_at < policy.sla.enforce_from


def events(issue: Issue) -> tuple[TimelineEvent, ...]:
    """The timeline in its order, each event once."""
    once = {event.id: event for event in issue.timeline}
    return tuple(sorted(once.values(), key=lambda event: (event.at, event.id)))


def own_comments(issue: Issue, key: str) -> list[Comment]:
    """Our own comments with this marker, the oldest first."""
    once = {c.id: c for c in issue.comments if c.marker is not None and c.marker.key == key}
    return sorted(once.values(), key=lambda comment: (comment.at, comment.id))


def _status_comment(issue: Issue) -> Comment | None:
    return next(iter(own_comments(issue, STATUS)), None)


def _reported_at(issue: Issue, memo: Mapping[str, Any]) -> datetime:
    """When the issue was first reported: a transfer or move may date the copy, but not its comments or our memo."""
    remembered = [datetime.fromisoformat(memo["reported_at"])] if "reported_at" in memo else []
    return min([issue.created_at, *remembered, *(c.at for c in issue.comments), *(e.at for e in issue.timeline)])


def _orders(issue: Issue) -> Iterator[Order]:
    once = {comment.id: comment for comment in issue.comments if comment.marker is None}
    for comment in sorted(once.values(), key=lambda c: (c.edited_at or c.at, c.id)):
        by = comment.edited_by or comment.by
        if by is None or by.standing in {Standing.SELF, Standing.BOT}:
            continue
        for command in commands_in(comment.body):
            yield Order(command, by, comment.edited_at or comment.at)


def _answers(issue: Issue, policy: Policy, under: Mapping[str, str], obeyed: Sequence[Order]) -> Mapping[str, Answer]:
    named = {key: issue.fields[name] for key, name in policy.triage.fields.items() if name in issue.fields}
    meant = {name.casefold(): answers for name, answers in policy.triage.answer_labels.items()}
    labelled = {k: v for name in sorted(issue.labels) for k, v in meant.get(name.casefold(), {}).items()}
    commanded = [order.command.answers for order in obeyed if isinstance(order.command, Triage)]
    read = (answers_in(under, "form"), answers_in(named, "field"), answers_in(labelled, "label"))
    return merged((*read, *commanded))


def _signals(issue: Issue, policy: Policy, answers: Mapping[str, Answer], prose: str) -> Signals:
    labels = _labels_of_others(issue)
    meant = {s.value for label in labels if (s := policy.labels.severity_of(label))}
    return Signals(
        answers={key: answer.value for key, answer in answers.items()},
        text=f"{issue.title}\n{prose}",
        labels=labels | meant,
        priority=_priority_signal(issue, policy),
        author=issue.author.name if issue.author else "",
        fields=issue.fields,
    )


def _priority_signal(issue: Issue, policy: Policy) -> str:
    """The priority that others gave, unless it is the tracker's default, which says nothing."""
    about = [e for e in events(issue) if e.kind is Happened.PRIORITIZED]
    theirs = [e.value for e in about if not _is_self(e.by)]
    priority = theirs[-1] if theirs else "" if about else issue.priority or ""
    return "" if priority in policy.triage.silent_priorities else priority


def _labels_of_others(issue: Issue) -> frozenset[str]:
    """The labels as they would be without us: what we made of a signal must not change it."""
    about = [e for e in events(issue) if e.kind in {Happened.LABELED, Happened.UNLABELED}]
    there = {label.casefold(): True for label in issue.labels}
    before_us = {e.value.casefold(): e.kind is Happened.UNLABELED for e in reversed(about) if _is_self(e.by)}
    theirs = {e.value.casefold(): e.kind is Happened.LABELED for e in about if not _is_self(e.by)}
    return frozenset(label for label, is_on in {**there, **before_us, **theirs}.items() if is_on)


def _is_self(person: Person | None) -> bool:
    return person is not None and person.standing is Standing.SELF


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
    names = {person.id, person.name, person.id.removesuffix("[bot]"), person.name.removesuffix("[bot]")}
    return person.standing is Standing.BOT and not names.isdisjoint(policy.triage.trusted_bots)


def _last_word(issue: Issue, policy: Policy, obeyed: Sequence[Order]) -> Word | None:
    """The last thing a person said about the severity, by label, priority or command."""
    said = [*_words_in_timeline(issue, policy), *_words_in_commands(obeyed)]
    word: Word | None = None
    for new, undoes in sorted(said, key=lambda pair: pair[0].at):
        if undoes is None or word is None or word.severity is undoes:
            word = new
    return word


def _words_in_timeline(issue: Issue, policy: Policy) -> Iterator[tuple[Word, Severity | None]]:
    """Each word, and for a label taken away the severity that this undoes."""
    for event in events(issue):
        if event.by is None or not decides(event, issue, policy):
            continue
        meant = policy.labels.severity_of(event.value)
        match event.kind:
            case Happened.LABELED if meant:
                yield Word(meant, event.by.name, event.at, f"label {event.value}"), None
            case Happened.UNLABELED if meant:
                yield Word(None, event.by.name, event.at, f"label {event.value} taken away"), meant
            case Happened.PRIORITIZED if event.value in policy.triage.priorities:
                severity = policy.triage.priorities[event.value]
                yield Word(severity, event.by.name, event.at, f"priority {event.value}"), None
            case _:
                continue


def _words_in_commands(obeyed: Sequence[Order]) -> Iterator[tuple[Word, Severity | None]]:
    for order in obeyed:
        if isinstance(order.command, SetSeverity):
            yield Word(order.command.severity, order.by.name, order.at, order.command.said), None


def _confirmation(
    issue: Issue, policy: Policy, word: Word | None, obeyed: Sequence[Order], reported_at: datetime
) -> tuple[str | None, datetime]:
    """Who stands behind the severity, and since when (R24). A description edited later was not triaged."""
    if word is not None:
        return word.by, word.at
    since = issue.body_edited_at or reported_at
    triaged = [o for o in obeyed if isinstance(o.command, Triage) and o.at >= since]
    if triaged:
        return triaged[-1].by.name, triaged[-1].at
    if policy.triage.confirm == "auto":
        return "the policy", since
    enforced = policy.sla.enforce_from is None or reported_at >= policy.sla.enforce_from
    if enforced and issue.author is not None and issue.author.standing is Standing.TEAM:
        return issue.author.name, since
    return None, since


def _labelled_emergency(issue: Issue, policy: Policy) -> bool:
    name = policy.labels.emergency.name.casefold()
    if any(e.kind is Happened.LABELED and e.value.casefold() == name and not _is_self(e.by) for e in issue.timeline):
        return True
    put_by_us = any(e.kind is Happened.LABELED and e.value.casefold() == name for e in issue.timeline)
    return not put_by_us and any(label.casefold() == name for label in issue.labels)


def _refused(orders: Sequence[Order]) -> Iterator[Refusal]:
    for order in orders:
        if order.by.standing is not Standing.TEAM:
            yield Refusal(order.command.said, order.by.name, "only people with write access can use commands")
        elif isinstance(order.command, Misread):
            yield Refusal(order.command.said, order.by.name, order.command.why)
