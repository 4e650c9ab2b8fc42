"""Which labels of ours belong on an issue, and whose word about a label stands: nobody is fought over one (R25)."""

from collections.abc import Iterator, Sequence

from mapping.case import Case
from mapping.changes import SetLabels
from mapping.clocks import Clock, State
from mapping.issue import Happened, Standing, TimelineEvent
from mapping.policy import Policy
from mapping.severity import Severity
from mapping.words import decides

_ABOUT_LABELS = {Happened.LABELED, Happened.UNLABELED}


def labels(case: Case, policy: Policy, timed: Sequence[Clock]) -> Iterator[SetLabels]:
    """The labels to add and to take away, if any."""
    want, unwanted = clock_labels(case, policy, timed)
    if case.issue.closed_at is None:
        also, too = wanted_labels(case, policy)
        want, unwanted = want | also, unwanted | too
    there = {label.casefold() for label in case.issue.labels}
    out = {label.casefold() for label in unwanted}
    add = {label for label in want if label.casefold() not in there and not _taken_away(case, label, policy)}
    remove = {name for name in case.issue.labels if name.casefold() in out and not _kept(case, name, policy)}
    if add or remove:
        yield SetLabels(frozenset(add), frozenset(remove), tuple(_why_labels(case, policy, timed, add | remove)))


def _why_labels(case: Case, policy: Policy, timed: Sequence[Clock], changed: set[str]) -> Iterator[str]:
    """What the change of labels comes from: the severity, the clocks that are late or soon will be, the waiting."""
    touched = {label.casefold() for label in changed}
    of_clocks = {policy.labels.at_risk.name.casefold(), policy.labels.breached.name.casefold()}
    of_waiting = {policy.labels.waiting.name.casefold()}
    if touched - of_clocks - of_waiting:
        yield from because(case)
    if touched & of_clocks:
        yield "R70"
        yield from sorted({clock.name for clock in timed if clock.state in {State.AT_RISK, State.BREACHED}})
    if touched & of_waiting:
        yield "G19"


def clock_labels(case: Case, policy: Policy, timed: Sequence[Clock]) -> tuple[set[str], set[str]]:
    """The labels that tell of clocks: at risk, breached, waiting for the customer; on a closed issue none of them."""
    states = {clock.state for clock in timed}
    waiting = case.pauses
    is_waiting = bool(waiting) and waiting[-1].end is None and case.issue.closed_at is None
    told = {
        policy.labels.at_risk.name: State.AT_RISK in states,
        policy.labels.breached.name: State.BREACHED in states,
        policy.labels.waiting.name: is_waiting,
    }
    return {name for name, is_so in told.items() if is_so}, {name for name, is_so in told.items() if not is_so}


def wanted_labels(case: Case, policy: Policy) -> tuple[set[str], set[str]]:
    """The labels of ours that belong on the issue, and those that don't."""
    labels = policy.labels
    want: set[str] = {labels.of(case.severity)} if case.severity else set()
    if case.is_emergency:
        want.add(labels.emergency.name)
    if case.severity is None and _deserves_triage(case):
        want.add(labels.needs_triage.name)
    ours = {*map(labels.of, Severity), labels.needs_triage.name}
    unwanted = ours - want
    if case.severity is not None and not case.severity.is_emergency:
        unwanted.add(labels.emergency.name)
    return want, unwanted


def _deserves_triage(case: Case) -> bool:
    """An undecided report needs a person; the team's own planned work, which nobody claimed, does not."""
    author = case.issue.author
    ours = author is not None and author.standing in {Standing.TEAM, Standing.SELF}
    return case.claimed or case.word is not None or not ours


def _taken_away(case: Case, label: str, policy: Policy) -> bool:
    """A person took the label away: it is not put back, unless a later word on the severity asks for it.

    A rule's label that another robot takes away again isn't either; a person's own label always is (R25).
    """
    last = _last_event(case, label)
    if last is None or last.kind is not Happened.UNLABELED or _is_waiting(label, policy):
        return False
    if decides(last, case.issue, policy):
        return case.word is None or case.word.at <= last.at
    spoken = case.word is not None and policy.labels.severity_of(label) is case.word.severity
    return not spoken and _undid_ours(case, label, last)


def _kept(case: Case, label: str, policy: Policy) -> bool:
    """The label stays although it says something else: a person wants it, or another robot insists on it.

    A severity label that a person put is a word; that it is unwanted means that a later word overruled it.
    """
    last = _last_event(case, label)
    if last is None or last.kind is not Happened.LABELED:
        return False
    if _is_waiting(label, policy) and case.issue.closed_at is None:
        return False
    if decides(last, case.issue, policy) and policy.labels.severity_of(label) is None:
        return case.word is None or case.word.at <= last.at
    return _undid_ours(case, label, last)


def _is_waiting(label: str, policy: Policy) -> bool:
    """Whoever puts or takes this label away says so by it: on an open issue it only differs after a later command."""
    return label.casefold() == policy.labels.waiting.name.casefold()


def _undid_ours(case: Case, label: str, last: TimelineEvent) -> bool:
    """Another robot undid what we did to the label before: it has its way, or both would go on for ever."""
    if last.by is None or last.by.standing is not Standing.BOT:
        return False
    about = _events_about(case, label)
    return any(e.kind is not last.kind and e.by is not None and e.by.standing is Standing.SELF for e in about)


def _last_event(case: Case, label: str) -> TimelineEvent | None:
    return next(reversed(_events_about(case, label)), None)


def _events_about(case: Case, label: str) -> list[TimelineEvent]:
    name = label.casefold()
    return [e for e in case.events if e.kind in _ABOUT_LABELS and e.value.casefold() == name]


def because(case: Case) -> tuple[str, ...]:
    """The requirement and rules behind the severity."""
    if case.word is not None:
        return ("R25",)
    return ("R24", *(why.rule for why in case.verdict.why))
