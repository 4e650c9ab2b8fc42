"""What an issue says by itself, as signals for the rules: its text, form, fields, labels and priority (R23, R24)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from mapping.commands import Triage
from mapping.history import Order
from mapping.issue import Happened, Issue, Person, Standing, TimelineEvent
from mapping.policy import Policy
from mapping.rules import Signals, Verdict, judge
from mapping.triage import Answer, answers_in, merged, sections


@dataclass(frozen=True, slots=True)
class Judge:
    """The rules before one issue: the answers it gives come first, then those of `/triage`.

    `under` are the texts under the form's headings. Verdicts are remembered by the number of `/triage` commands heard.
    """

    issue: Issue
    policy: Policy
    under: Mapping[str, str]
    sources: tuple[Mapping[str, Answer], ...]
    signals: Signals
    _known: dict[int, Verdict] = field(default_factory=dict)

    @classmethod
    def of(cls, issue: Issue, events: Sequence[TimelineEvent], policy: Policy) -> Self:
        """Read the issue once."""
        parts = sections(issue.body, policy.triage.known_headings)
        signals = _signals(issue, events, policy, parts.prose)
        return cls(issue, policy, parts.under, _sources(issue, policy, parts.under), signals)

    def answers(self, orders: Sequence[Order]) -> Mapping[str, Answer]:
        """The answers when these commands had been given."""
        commanded = [order.command.answers for order in orders if isinstance(order.command, Triage)]
        return merged((*self.sources, *commanded))

    def verdict(self, orders: Sequence[Order]) -> Verdict:
        """What the rules say when these commands had been given; of what we wrote ourselves they say nothing."""
        if is_self(self.issue.author):
            return Verdict(None)
        heard = sum(isinstance(order.command, Triage) for order in orders)
        if heard not in self._known:
            answers = {key: answer.value for key, answer in self.answers(orders).items()}
            triage = self.policy.triage
            self._known[heard] = judge(replace(self.signals, answers=answers), triage.rules, triage.all_hints)
        return self._known[heard]


def _sources(issue: Issue, policy: Policy, under: Mapping[str, str]) -> tuple[Mapping[str, Answer], ...]:
    named = {key: issue.fields[name] for key, name in policy.triage.fields.items() if name in issue.fields}
    meant = {name.casefold(): answers for name, answers in policy.triage.answer_labels.items()}
    labelled = {k: v for name in sorted(issue.labels) for k, v in meant.get(name.casefold(), {}).items()}
    return answers_in(under, "form"), answers_in(named, "field"), answers_in(labelled, "label")


def _signals(issue: Issue, events: Sequence[TimelineEvent], policy: Policy, prose: str) -> Signals:
    labels = _labels_of_others(issue, events)
    meant = {s.value for label in labels if (s := policy.labels.severity_of(label))}
    return Signals(
        answers={},
        text=f"{issue.title}\n{prose}",
        labels=labels | meant,
        priority=_priority_signal(issue, events, policy),
        author=issue.author.name if issue.author else "",
        fields=issue.fields,
    )


def _priority_signal(issue: Issue, events: Sequence[TimelineEvent], policy: Policy) -> str:
    """The priority that others gave, unless it is the tracker's default, which says nothing."""
    about = [event for event in events if event.kind is Happened.PRIORITIZED]
    theirs = [event.value for event in about if not is_self(event.by)]
    priority = theirs[-1] if theirs else "" if about else issue.priority or ""
    return "" if priority in policy.triage.silent_priorities else priority


def _labels_of_others(issue: Issue, events: Sequence[TimelineEvent]) -> frozenset[str]:
    """The labels as they would be without us: what we made of a signal must not change it."""
    there = {label.casefold(): True for label in issue.labels}
    before_us: dict[str, bool] = {}
    theirs: dict[str, bool] = {}
    for event in events:
        if event.kind is Happened.LABELED or event.kind is Happened.UNLABELED:
            is_on = event.kind is Happened.LABELED
            if is_self(event.by):
                before_us.setdefault(event.value.casefold(), not is_on)
            else:
                theirs[event.value.casefold()] = is_on
    return frozenset(label for label, is_on in {**there, **before_us, **theirs}.items() if is_on)


def is_self(person: Person | None) -> bool:
    """Whether it was us."""
    return person is not None and person.standing is Standing.SELF
