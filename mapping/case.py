"""The fold: an issue's own history, read by the policy, gives the case that all plans are made from."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from mapping.changes import Refusal, Why
from mapping.commands import Fact, Misread, Triage
from mapping.history import (
    Mark,
    Order,
    Pause,
    Run,
    as_others_left_it,
    events_of,
    is_fact,
    pauses_of,
    runs_of,
    said_in,
    updates,
)
from mapping.issue import Comment, Happened, Issue, Standing, TimelineEvent
from mapping.judging import Judge, is_self
from mapping.objectives import why_not_approved
from mapping.places import Past, unfilled
from mapping.policy import Policy
from mapping.rules import Verdict
from mapping.severity import Severity
from mapping.triage import Answer
from mapping.when import instant
from mapping.words import Word, lasting, words_of

STATUS = "status"
ANSWERED = 5  # refused commands that the status comment answers: the newest

_OF_SEVERITY = re.compile(r"/(?:p[0-3]|triage)(?:\s|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which the issue had one severity, confirmed by somebody or provisional (None); `until` None: it has."""

    severity: Severity | None
    by: str | None
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What an issue means under a policy.

    `spells` are the severities it had, the last is today's. `orders` are the accepted commands, `updates` everything
    that the customer was told, `runs` the stretches from a report or reopening to the resolution.
    """

    issue: Issue
    reported_at: datetime
    events: tuple[TimelineEvent, ...]
    answers: Mapping[str, Answer]
    verdict: Verdict
    word: Word | None
    words: tuple[Word, ...]
    spells: tuple[Spell, ...]
    claimed: bool
    orders: tuple[Order, ...]
    updates: tuple[Mark, ...]
    runs: tuple[Run, ...]
    pauses: tuple[Pause, ...]
    refused: tuple[Refusal, ...]
    status: Comment | None
    memo: Mapping[str, Any]

    @classmethod
    def of(cls, issue: Issue, policy: Policy) -> Self:
        """Fold an issue's history. Duplicated events and comments change nothing."""
        status = _status_comment(issue)
        memo = status.marker.memo if status and status.marker else {}
        reported_at = _reported_at(issue, memo)
        events = events_of(issue)
        issue = as_others_left_it(issue, events)
        said = said_in(issue, policy)
        allowed = tuple(order for order in said.orders if not _why_refused(order, policy))
        judge = Judge.of(issue, events, policy)
        said_words = words_of(issue, events, policy, allowed)
        words = lasting(said_words)
        spells = _spells(judge, words, allowed, reported_at)
        runs = tuple(runs_of(reported_at, issue.closed_at, events, allowed))
        past = Past(issue, events, runs, allowed, said.told, judge.answers, lambda at: _spell_at(spells, at).severity)
        gaps = _unsendable(past, said.stands, policy)
        orders = tuple(order for order in allowed if all(order != gap for gap, _ in gaps))
        refused = tuple(dict.fromkeys(_refused(said.orders, policy, gaps)))
        return cls(
            issue=issue,
            reported_at=reported_at,
            events=events,
            answers=judge.answers(orders),
            verdict=judge.verdict(orders),
            word=words[-1] if words else None,
            words=said_words,
            spells=spells,
            claimed=_is_claimed(judge, spells[-1], refused),
            orders=orders,
            updates=updates(said, orders),
            runs=runs,
            pauses=tuple(pauses_of(events, orders, policy)),
            refused=refused[-ANSWERED:],
            status=status,
            memo=memo,
        )

    @property
    def severity(self) -> Severity | None:
        """Today's severity; None while nobody and no rule decided."""
        return self.spells[-1].severity

    @property
    def confirmed_by(self) -> str | None:
        """Who stands behind the severity; None while it is provisional (R24)."""
        return self.spells[-1].by if self.severity else None

    @property
    def since(self) -> datetime:
        """When the severity became what it is."""
        return self.spells[-1].since

    def spell_at(self, at: datetime) -> Spell:
        """The severity that the issue had at a time."""
        return _spell_at(self.spells, at)

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


def facts(case: Case, *names: str) -> Iterator[Order]:
    """The accepted commands of these names, in order."""
    return (order for order in case.orders if is_fact(order, *names))


def is_before_enforcement(case: Case, policy: Policy) -> bool:
    """The issue was reported before promises are announced (R24): no comment until a person confirms it."""
    return policy.sla.enforce_from is not None and case.reported_at < policy.sla.enforce_from


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


def _spells(judge: Judge, words: Sequence[Word], orders: Sequence[Order], reported_at: datetime) -> tuple[Spell, ...]:
    """What the rules said, until a person spoke; saying the same again begins nothing anew."""
    until = words[0].at if words else None
    spells = [_by_rules(judge, orders, reported_at, until)]
    for word in words:
        last = spells[-1]
        if last.severity is word.severity and last.by is not None:
            spells[-1] = replace(last, by=word.by)
        else:
            spells[-1:] = [replace(last, until=word.at), Spell(word.severity, word.by, word.at)]
    return tuple(spells)


def _by_rules(judge: Judge, orders: Sequence[Order], reported_at: datetime, until: datetime | None) -> Spell:
    """The rules' severity, and who stands behind it (R24). A description edited later was not triaged."""
    since = judge.issue.body_edited_at or reported_at
    since = min(since, until) if until else since
    triaged = [o for o in orders if isinstance(o.command, Triage) and o.at >= since and (not until or o.at < until)]
    severity = judge.verdict(orders).severity
    if triaged:
        return Spell(severity, triaged[-1].by.name, _since(judge, orders, triaged))
    return Spell(severity, _answers_for(judge.issue, judge.policy, reported_at), since)


def _since(judge: Judge, orders: Sequence[Order], triaged: Sequence[Order]) -> datetime:
    """When the answers first led to today's severity, and have since."""
    severity, since = judge.verdict(orders).severity, triaged[-1].at
    for earlier in reversed(triaged[:-1]):
        if judge.verdict([order for order in orders if order.at <= earlier.at]).severity is not severity:
            break
        since = earlier.at
    return since


def _answers_for(issue: Issue, policy: Policy, reported_at: datetime) -> str | None:
    """Who stands behind a report nobody triaged: the policy, or somebody of the team who wrote it."""
    if policy.triage.confirm == "auto":
        return "the policy"
    enforced = policy.sla.enforce_from is None or reported_at >= policy.sla.enforce_from
    by_team = issue.author is not None and issue.author.standing is Standing.TEAM
    return issue.author.name if enforced and by_team and issue.author else None


def _is_claimed(judge: Judge, spell: Spell, refused: Sequence[Refusal]) -> bool:
    """Somebody says that it is an emergency: by form, label or severity, or by a command they may not use (R26)."""
    if is_self(judge.issue.author):
        return False
    form = sum(key in judge.under for key in ("process", "workaround", "security", "kind")) > 1
    urgent = spell.severity is not None and spell.severity.is_emergency
    asked = any(_OF_SEVERITY.match(refusal.said) for refusal in refused)
    return form or urgent or asked or _labelled_emergency(judge.issue, judge.policy)


def _labelled_emergency(issue: Issue, policy: Policy) -> bool:
    name = policy.labels.emergency.name.casefold()
    put = [e for e in issue.timeline if e.kind is Happened.LABELED and e.value.casefold() == name]
    if any(not is_self(event.by) for event in put):
        return True
    return not put and any(label.casefold() == name for label in issue.labels)


def _unsendable(past: Past, stands: Collection[str], policy: Policy) -> list[tuple[Order, str]]:
    """Each `/sent` of a draft with empty places, where drafts are posted (R48); elsewhere people send their own."""
    if not past.issue.has_internal_comments:
        return []
    return list(unfilled(replace(past, stands=lambda order: order.comment in stands), policy))


def _spell_at(spells: Sequence[Spell], at: datetime) -> Spell:
    return next((spell for spell in reversed(spells) if spell.since <= at), spells[0])


def _refused(orders: Sequence[Order], policy: Policy, gaps: Sequence[tuple[Order, str]]) -> Iterator[Refusal]:
    for order in orders:
        gap = next((why for gap, why in gaps if gap == order), "")
        if why := _why_refused(order, policy) or gap:
            yield Refusal(order.command.said, order.by.name, why)


def _why_refused(order: Order, policy: Policy) -> str:
    """Why a command isn't carried out; empty if it is."""
    if order.by.standing is not Standing.TEAM:
        return "only people with write access can use commands"
    match order.command:
        case Misread(why=why):
            return why
        case Fact(name="sent", when=promised) if promised is not None:
            is_past = instant(promised, order.at, policy.sla.zone) <= order.at
            return "the next update was promised for a time that is past" if is_past else ""
        case Fact(name="approve-okr"):
            return why_not_approved(order.by, policy.okr, policy.roles.product_owner)
        case _:
            return ""
