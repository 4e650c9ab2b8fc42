"""What is promised to whom and from when: one row for each cycle of each clock, as the issue's history tells it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from mapping.calendar import end_of_next_quarter
from mapping.case import Case, Spell, facts
from mapping.commands import Fact, Triage
from mapping.history import Mark, Pause, Run
from mapping.issue import Opened, Standing
from mapping.policy import Policy, Target
from mapping.severity import Severity
from mapping.when import instant

RETROSPECTIVE = "retrospective"


class Promise(NamedTuple):
    """What is to be timed: `length` of working time, or a fixed instant. `severity` says by whose calendar.

    `kept` False: the stop breaks the promise, however early it comes. `cancelled`: the stop takes it back.
    """

    name: str
    severity: Severity
    start: Mark
    length: timedelta | datetime
    stop: Mark | None
    pauses: tuple[Pause, ...] = ()
    kept: bool = True
    cancelled: bool = False


def promises(case: Case, policy: Policy) -> Iterator[Promise]:
    """Every promise about an issue, past ones included."""
    if not is_timed(case):
        return
    yield from _triage(case, policy)
    for run in case.runs:
        yield from _of_run(case, policy, run)
    for spell in case.spells:
        yield from _milestones(case, policy, spell)
    yield from _retrospectives(case, policy)


def is_timed(case: Case) -> bool:
    """Promises are made to those who report: not for the team's own work, unless it is claimed as an emergency."""
    author = case.issue.author
    ours = author is not None and author.standing in {Standing.TEAM, Standing.SELF}
    return case.claimed or (case.severity is not None and not ours)


def _triage(case: Case, policy: Policy) -> Iterator[Promise]:
    """R26: a claimed emergency is looked at by a person, within minutes. The first look counts, not the last."""
    if not case.claimed:
        return
    stops = [*_looks(case), *([case.runs[0].end] if case.runs[0].end else [])]
    if case.word is None and case.confirmed_by is not None:
        stops.append(Mark(case.since, f"confirmed by {case.confirmed_by}"))
    elif case.word is None and case.severity is not None and not case.severity.is_emergency:
        stops.append(Mark(case.reported_at, "the rules found no emergency"))
    start = Mark(case.reported_at, "reported as an emergency")
    stop = min(stops, key=lambda mark: mark.at, default=None)
    yield Promise("triage", Severity.P0, start, policy.sla.triage, stop)


def _looks(case: Case) -> Iterator[Mark]:
    """Every time a person said how bad it is, or answered the checklist."""
    yield from (Mark(word.at, f"{word.how} by {word.by}") for word in case.words)
    for order in case.orders:
        if isinstance(order.command, Triage):
            yield Mark(order.at, f"{order.command.said} by {order.by.name}", order.comment)


def severity_in(case: Case, run: Run) -> Severity | None:
    """The severity that a stretch is measured by: today's while it lasts, later the one that it ended with."""
    return case.severity if run is case.runs[-1] or run.end is None else case.spell_at(run.end.at).severity


def _of_run(case: Case, policy: Policy, run: Run) -> Iterator[Promise]:
    """Response, resolution and next update of one stretch."""
    severity = severity_in(case, run)
    if severity is None:
        return
    target = policy.severities[severity]
    told = [mark for mark in case.updates if run.covers(mark.at)]
    first = told[0] if told else None
    gave_up = Mark(run.end.at, "closed without any response") if run.end and first is None else None
    yield Promise("response", severity, run.start, target.response, first or gave_up, kept=gave_up is None)
    waited = () if severity is Severity.P0 else case.pauses
    yield Promise("resolution", severity, run.start, _resolution(target, run, policy), run.end, waited)
    promised = _promised(case, policy)
    for mark, following in zip(told, [*told[1:], run.end], strict=False):
        length = promised.get(mark.at, target.update)
        if length is not None:
            yield Promise("next_update", severity, mark, length, following)


def _resolution(target: Target, run: Run, policy: Policy) -> timedelta | datetime:
    if isinstance(target.resolution, str):
        return end_of_next_quarter(run.start.at, policy.sla.zone, policy.sla.fiscal_year_starts)
    return target.resolution


def _promised(case: Case, policy: Policy) -> dict[datetime, datetime]:
    """The times that were promised with `/sent`, by when (R49). Others follow the interval (R38, G5)."""
    return {
        order.at: instant(order.command.when, order.at, policy.sla.zone)
        for order in facts(case, "sent")
        if isinstance(order.command, Fact) and order.command.when is not None
    }


def _milestones(case: Case, policy: Policy, spell: Spell) -> Iterator[Promise]:
    """R32: the customer of a confirmed P0 hears of it after 15, 30 and 60 minutes, in each stretch it lasts for.

    A milestone is met by the update whose turn it is, or by any made after the milestone before; a P0 that turns out
    to be less takes back those that are left.
    """
    if spell.severity is not Severity.P0 or spell.by is None:
        return
    for run in case.runs:
        start = Mark(max(spell.since, run.start.at), f"P0 confirmed by {spell.by}")
        is_over_before = spell.until is not None and spell.until <= start.at
        if is_over_before or (run.end is not None and run.end.at < start.at):
            continue
        told = [mark for mark in case.updates if run.covers(mark.at)]
        before = run.start.at
        for turn, (name, length) in enumerate(policy.sla.milestones.named):
            candidates = [*told[turn : turn + 1], *(mark for mark in told if mark.at > before)]
            met = min(candidates, key=lambda mark: mark.at, default=run.end)
            over = Mark(spell.until, "no P0 any more") if spell.until else None
            is_over = over is not None and (met is None or over.at < met.at)
            yield Promise(name, Severity.P0, start, length, over if is_over else met, cancelled=is_over)
            before = start.at + length


def _retrospectives(case: Case, policy: Policy) -> Iterator[Promise]:
    """R39: within a day of its resolution a confirmed emergency is learned from; reopening takes that back."""
    for run in case.runs:
        if not deserves_retrospective(case, policy, run):
            continue
        opened, reopened = retrospective_of(case, run), _after(case, run)
        done = Mark(opened.closed_at, f"{opened.ref.key} closed") if opened and opened.closed_at else None
        stops = [mark for mark in (done, reopened) if mark is not None]
        stop = min(stops, key=lambda mark: mark.at, default=None)
        start = Mark(run.end.at, run.end.why) if run.end else run.start
        severity = severity_in(case, run) or Severity.P0
        is_over = stop is not None and stop is reopened
        yield Promise(RETROSPECTIVE, severity, start, policy.retrospective.within, stop, cancelled=is_over)


def deserves_retrospective(case: Case, policy: Policy, run: Run) -> bool:
    """A confirmed emergency was resolved, in the integrator's time."""
    if run.end is None:
        return False
    since = policy.sla.enforce_from
    spell = case.spells[-1] if run is case.runs[-1] else case.spell_at(run.end.at)
    was_emergency = spell.severity is not None and spell.severity.is_emergency and spell.by is not None
    return was_emergency and (since is None or run.end.at >= since)


def retrospective_of(case: Case, run: Run) -> Opened | None:
    """The issue in which a resolution is looked back at: one that was open then or was opened for it.

    One left open by an earlier resolution, which a reopening took back, serves the next.
    """
    if run.end is None:
        return None
    reopened = _after(case, run)
    for opened in sorted(case.issue.opened, key=lambda one: (one.opened_at, one.ref)):
        is_ours = opened.key.startswith(RETROSPECTIVE) and (reopened is None or opened.opened_at < reopened.at)
        if is_ours and (opened.closed_at is None or opened.closed_at > run.end.at):
            return opened
    return None


def _after(case: Case, run: Run) -> Mark | None:
    """The reopening that ends what a resolution began."""
    return next((later.start for later in case.runs if later.number > run.number), None)
