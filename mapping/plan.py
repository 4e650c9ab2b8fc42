"""What differs between an issue and what the protocol wants of it. Pure: nothing is written here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mapping.alarms import Alarming, alarms, announced
from mapping.card import card_fields, eta_at, late_eta
from mapping.case import Case, is_before_enforcement, own_comments
from mapping.changes import (
    Acknowledge,
    Change,
    DropComment,
    EditStatus,
    Missing,
    MoveTo,
    Plan,
    PostDraft,
    Proposal,
    SetFields,
    StatusFacts,
)
from mapping.checklist import boxes, forgotten, forgotten_at, latest, roles, shared_owner
from mapping.clocks import OPEN, Clock, clocks
from mapping.drafts import draft_key, draft_of
from mapping.issue import BoardRef, Column, Happened, Standing, Subject
from mapping.labels import because, labels
from mapping.okr import impact
from mapping.placement import ROBOT_WINDOW, Placement, emergency_since, placement
from mapping.policy import Policy, written
from mapping.promises import is_timed, retrospective_of
from mapping.retrospective import opened_once, retrospectives
from mapping.severity import Severity
from mapping.triage import QUESTIONS
from mapping.words import decides

_DRAFTS = {"acknowledgement": "R46", "response": "R47", "update": "R49", "follow_up": "R48"}
_TELLING = {"process", "workaround", "security", "revenue_per_hour", "other_customers"}
_ASKED = [Missing(asks.key, asks.heading, tuple(asks.choices)) for asks in QUESTIONS if asks.key in _TELLING]


def plan_issue(case: Case, policy: Policy, now: datetime, stands_still: bool = False) -> Plan:
    """The changes that make the issue what the protocol wants, and when to look again.

    `stands_still`: all planned work on its board does, for the sake of the P0s there (R29); it is remembered.
    """
    place = placement(case, now)
    timed = clocks(case, policy, now)
    alarming = alarms(case, timed, policy, now) if may_speak(case, policy) else Alarming(None, None, announced(case))
    opened = {"opened": once} if (once := opened_once(case)) else {}
    stood = _standstill(case, stands_still)
    memo = {"reported_at": case.reported_at.isoformat(), **place.memo, **alarming.announced.memo(), **opened, **stood}
    changes: list[Change] = [*labels(case, policy, timed), *_priority(case, policy), *_move(case, place)]
    changes += card_fields(case, timed, policy)
    changes += [alarming.alarm] if alarming.alarm else []  # before the comment that remembers that it was said
    if case.status is not None or _deserves_status(case, policy, alarming):
        changes += _status(case, facts_of(case, policy, place, timed, now, bool(stood)), memo)
    opening = list(retrospectives(case, timed, policy)) if may_speak(case, policy) else []
    changes += [*_draft(case, policy, now), *_acknowledged(case, policy), *opening, *_duplicates(case)]
    settles_at = now + ROBOT_WINDOW if opening or (place.move_to and case.claimed) else None
    told_at = [*forgotten_at(case, policy, now), *eta_at(case, policy, now)]
    again = [*changes_at(timed, now), *told_at, alarming.look_again_at]
    again_at = min((at for at in again if at is not None), default=None)
    touch: set[Subject] = {case.issue.opened_for} if case.issue.opened_for else set()
    if concerns_board(case, policy):
        touch.add(BoardRef(case.issue.ref.tracker))
    return Plan(tuple(changes), again_at, settles_at, frozenset(touch))


def changes_at(timed: Sequence[Clock], now: datetime) -> Iterator[datetime]:
    """The instants to come at which a clock's state changes by itself."""
    for clock in timed:
        if clock.state in OPEN:
            yield from (at for at in (clock.at_risk_at, clock.due_at) if at is not None and at > now)


def concerns_board(case: Case, policy: Policy) -> bool:
    """Whether the law of its board may want something because of this issue: it takes room, stops work, or waits."""
    card, paused = case.issue.card, policy.labels.paused.name.casefold()
    takes_room = card is not None and card.column in {Column.EMERGENCY_QUEUE, *policy.board.wip.limits}
    was_paused = any(label.casefold() == paused for label in case.issue.labels)
    was_p0 = any(spell.severity is Severity.P0 and spell.by for spell in case.spells)
    return takes_room or was_paused or was_p0 or case.is_emergency


def stops_work(case: Case) -> bool:
    """A confirmed, open P0 (R4, R24)."""
    return case.is_emergency and case.severity is Severity.P0 and case.confirmed_by is not None


def _standstill(case: Case, stands_still: bool) -> dict[str, str]:
    """Since when a P0 has stopped all other work, once that stood still: what goes on later is the team's choice."""
    if not stops_work(case):
        return {}
    since = emergency_since(case).isoformat()
    return {"stood_still": since} if stands_still or case.memo.get("stood_still") == since else {}


def may_speak(case: Case, policy: Policy) -> bool:
    """Whether the issue may get comments: not from before the integrator's time, unless a person confirmed it (R24)."""
    return case.confirmed_by is not None or not is_before_enforcement(case, policy)


def _priority(case: Case, policy: Policy) -> Iterator[SetFields]:
    """The tracker's own priority, where it has one, the policy writes it, and it means another severity."""
    priority = case.issue.priority
    if case.severity is None or priority is None or case.issue.closed_at is not None:
        return
    wanted = policy.triage.write_priority.get(case.severity)
    meant = policy.triage.priorities.get(priority)
    if wanted and wanted != priority and meant is not case.severity and not _prioritized(case, policy):
        yield SetFields({"priority": wanted}, because(case))


def _prioritized(case: Case, policy: Policy) -> bool:
    """The priority stays although it means something else: a person chose it since, or another robot insists on it."""
    about = [event for event in case.events if event.kind is Happened.PRIORITIZED]
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


def facts_of(  # noqa: PLR0913, PLR0917 - all that is known of a case
    case: Case, policy: Policy, place: Placement, timed: Sequence[Clock], now: datetime, stands_still: bool = False
) -> StatusFacts:
    """Everything that the status comment says about a case."""
    target = policy.severities[case.severity] if case.severity else None
    resolution = target.resolution if target else ""
    flags = (place.flag, forgotten(case, policy, now), late_eta(case, timed, policy, now), shared_owner(case))
    return StatusFacts(
        severity=case.severity,
        confirmed_by=case.confirmed_by,
        why=case.why,
        missing=() if case.word or case.issue.closed_at else tuple(_missing(case)),
        refused=case.refused,
        response_within=written(target.response) if target else "",
        resolution_within=resolution if isinstance(resolution, str) else written(resolution),
        assignees=tuple(person.name for person in case.issue.assignees),
        flags=tuple(filter(None, flags)),
        closed=case.issue.closed_at is not None,
        clocks=tuple(latest(timed)),
        boxes=tuple(boxes(case, policy, place.move_to, stands_still)),
        roles=tuple(roles(case, policy)),
        zone=policy.sla.time_zone,
        retrospective=_retrospective(case),
        proposal=_proposal(case, policy),
    )


def _proposal(case: Case, policy: Policy) -> Proposal | None:
    """What waits for the product owner's `/approve-okr`."""
    asked = impact(case, policy).proposal
    return Proposal(asked.says, asked.threatens, asked.drop_first) if asked else None


def _retrospective(case: Case) -> str:
    """The issue in which the last resolution is looked back at, by its key."""
    opened = retrospective_of(case, case.runs[-1])
    return opened.ref.key if opened else ""


def _missing(case: Case) -> Iterator[Missing]:
    """The questions whose answers could still change the severity, most telling first (R23)."""
    yield from (missing for missing in _ASKED if missing.key not in case.answers)


def _draft(case: Case, policy: Policy, now: datetime) -> Iterator[PostDraft]:
    """The next message to the customer, where only the team reads it; edited while its places are being filled."""
    key = draft_key(case, policy, now) if case.issue.has_internal_comments and case.confirmed_by else ""
    if not key or not may_speak(case, policy):
        return
    there = next(iter(own_comments(case.issue, key)), None)
    told = draft_of(case, policy, now, there.at if there else None)
    draft = PostDraft(key, told, there.id if there else None, (_DRAFTS[told.kind],)) if told else None
    if draft and (there is None or there.marker is None or there.marker.digest != draft.digest):
        yield draft


def _acknowledged(case: Case, policy: Policy) -> Iterator[Acknowledge]:
    """The comments that count and don't show it yet: what they say stands, whatever their authors may do later."""
    if not is_timed(case) or not may_speak(case, policy):
        return
    counted = {order.comment for order in case.orders} | {mark.comment for mark in case.updates}
    since = policy.sla.enforce_from
    new = [
        comment.id
        for comment in case.issue.comments
        if comment.id in counted and comment.acknowledged_at is None and (since is None or comment.at >= since)
    ]
    if new:
        yield Acknowledge(tuple(sorted(set(new))), ("R25",))


def _duplicates(case: Case) -> Iterator[DropComment]:
    """Of two comments of ours that are the same the younger goes: a lost answer let it be written again."""
    keys = sorted({comment.marker.key for comment in case.issue.comments if comment.marker})
    for key in keys:
        yield from (DropComment(comment.id, ("R23",)) for comment in own_comments(case.issue, key)[1:])
