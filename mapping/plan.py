"""What differs between an issue and what the protocol wants of it. Pure: nothing is written here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mapping.alarms import Alarming, alarm_keys, alarms, announced
from mapping.board import ROBOT_WINDOW, Placement, placement
from mapping.case import STATUS, Case, decides, events, is_before_enforcement, own_comments
from mapping.changes import (
    Change,
    DropComment,
    EditStatus,
    Missing,
    MoveTo,
    Plan,
    SetFields,
    SetLabels,
    StatusFacts,
)
from mapping.checklist import boxes, forgotten, forgotten_at, latest, roles
from mapping.clocks import OPEN, Clock, State, clocks, pauses
from mapping.issue import Happened, Standing, TimelineEvent
from mapping.policy import Policy, written
from mapping.severity import Severity
from mapping.triage import QUESTIONS

ASKED = ("process", "workaround", "security", "revenue_per_hour", "other_customers")


def plan_issue(case: Case, policy: Policy, now: datetime) -> Plan:
    """The changes that make the issue what the protocol wants, and when to look again."""
    place = placement(case, now)
    timed = clocks(case, policy, now)
    alarming = alarms(case, timed, policy, now) if may_speak(case, policy) else Alarming(None, None, announced(case))
    memo = {"reported_at": case.reported_at.isoformat(), **place.memo, **alarming.announced.memo()}
    changes: list[Change] = [*_labels(case, policy, timed), *_priority(case, policy), *_move(case, place)]
    changes += [alarming.alarm] if alarming.alarm else []  # before the comment that remembers that it was said
    if case.status is not None or _deserves_status(case, policy, alarming):
        changes += _status(case, facts_of(case, policy, place, timed, now), memo)
    changes += _duplicates(case)
    robot = [now + ROBOT_WINDOW] if place.move_to and case.claimed else []
    again = [*robot, *changes_at(timed, now), *forgotten_at(case, policy, now), alarming.look_again_at]
    return Plan(tuple(changes), min((at for at in again if at is not None), default=None))


def changes_at(timed: Sequence[Clock], now: datetime) -> Iterator[datetime]:
    """The instants to come at which a clock's state changes by itself."""
    for clock in timed:
        if clock.state in OPEN:
            yield from (at for at in (clock.at_risk_at, clock.due_at) if at is not None and at > now)


def may_speak(case: Case, policy: Policy) -> bool:
    """Whether the issue may get comments: not from before the integrator's time, unless a person confirmed it (R24)."""
    return case.confirmed_by is not None or not is_before_enforcement(case, policy)


def _labels(case: Case, policy: Policy, timed: Sequence[Clock]) -> Iterator[SetLabels]:
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
        yield from _because(case)
    if touched & of_clocks:
        yield "R70"
        yield from sorted({clock.name for clock in timed if clock.state in {State.AT_RISK, State.BREACHED}})
    if touched & of_waiting:
        yield "G19"


def clock_labels(case: Case, policy: Policy, timed: Sequence[Clock]) -> tuple[set[str], set[str]]:
    """The labels that tell of clocks: at risk, breached, waiting for the customer; on a closed issue none of them."""
    states = {clock.state for clock in timed}
    waiting = pauses(case, policy)
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
    ours = {labels.of(severity) for severity in Severity} | {labels.needs_triage.name}
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
    kinds = {Happened.LABELED, Happened.UNLABELED}
    return [e for e in events(case.issue) if e.kind in kinds and e.value.casefold() == label.casefold()]


def _because(case: Case) -> tuple[str, ...]:
    if case.word is not None:
        return ("R25",)
    return ("R24", *(why.rule for why in case.verdict.why))


def _priority(case: Case, policy: Policy) -> Iterator[SetFields]:
    """The tracker's own priority, where it has one, the policy writes it, and it means another severity."""
    priority = case.issue.priority
    if case.severity is None or priority is None or case.issue.closed_at is not None:
        return
    wanted = policy.triage.write_priority.get(case.severity)
    meant = policy.triage.priorities.get(priority)
    if wanted and wanted != priority and meant is not case.severity and not _prioritized(case, policy):
        yield SetFields({"priority": wanted}, _because(case))


def _prioritized(case: Case, policy: Policy) -> bool:
    """The priority stays although it means something else: a person chose it since, or another robot insists on it."""
    about = [event for event in events(case.issue) if event.kind is Happened.PRIORITIZED]
    if not about or about[-1].by is None:
        return False
    if decides(about[-1], case.issue, policy):
        return case.word is None or case.word.at <= about[-1].at
    ours = any(event.by is not None and event.by.standing is Standing.SELF for event in about)
    return about[-1].by.standing is Standing.BOT and ours


def _move(case: Case, place: Placement) -> Iterator[MoveTo]:
    if place.move_to is not None:
        yield MoveTo(place.move_to, ("R21",))


def _status(case: Case, facts: StatusFacts, memo: Mapping[str, Any]) -> Iterator[EditStatus]:
    status = EditStatus(facts, memo, case.status.id if case.status else None, ("R23", "R24"))
    said = case.status.marker.digest if case.status and case.status.marker else None
    if status.digest != said:
        yield status


def _deserves_status(case: Case, policy: Policy, alarming: Alarming) -> bool:
    """Open, claimed as an emergency, and not from before the integrator's time unless a person confirmed it.

    Also where a command needs an answer, and where an alarm was said: the comment remembers it.
    """
    if case.issue.closed_at is not None or not may_speak(case, policy):
        return False
    return case.claimed or bool(case.refused) or alarming.announced.comments > 0


def facts_of(case: Case, policy: Policy, place: Placement, timed: Sequence[Clock], now: datetime) -> StatusFacts:
    """Everything that the status comment says about a case."""
    target = policy.severities[case.severity] if case.severity else None
    resolution = target.resolution if target else ""
    return StatusFacts(
        severity=case.severity,
        confirmed_by=case.confirmed_by,
        why=case.why,
        missing=() if case.word or case.issue.closed_at else tuple(_missing(case)),
        refused=case.refused,
        response_within=written(target.response) if target else "",
        resolution_within=resolution if isinstance(resolution, str) else written(resolution),
        assignees=tuple(person.name for person in case.issue.assignees),
        flags=tuple(filter(None, (place.flag, forgotten(case, policy, now)))),
        closed=case.issue.closed_at is not None,
        clocks=tuple(latest(timed)),
        boxes=tuple(boxes(case, policy, place.move_to)),
        roles=tuple(roles(case, policy)),
        zone=policy.sla.time_zone,
    )


def _missing(case: Case) -> Iterator[Missing]:
    """The questions whose answers could still change the severity, most telling first (R23)."""
    for question in QUESTIONS:
        if question.key in ASKED and question.key not in case.answers:
            yield Missing(question.key, question.heading, tuple(question.choices))


def _duplicates(case: Case) -> Iterator[DropComment]:
    for key, because in ((STATUS, "R23"), *((key, "R70") for key in alarm_keys(case))):
        yield from (DropComment(comment.id, (because,)) for comment in own_comments(case.issue, key)[1:])
