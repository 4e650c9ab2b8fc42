"""Every promise of the protocol as a clock: what started it, what stopped it, when it is due, how it stands.

A clock is a function of the issue's history and the time, never of how often it was asked. Times are compared
strictly: at exactly 60:00 a promise of one hour is breached.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mapping.calendar import WallClock, WorkingTime, end_of_next_quarter
from mapping.case import Case, Order, decides, events
from mapping.commands import Fact, SetSeverity, Triage
from mapping.issue import Comment, Happened, Standing
from mapping.policy import Policy
from mapping.severity import Severity
from mapping.text import Line, lines
from mapping.when import instant


class State(StrEnum):
    """How a clock stands. `missed` is stopped too late; the others speak for themselves."""

    RUNNING = "running"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    MISSED = "missed"
    MET = "met"
    PAUSED = "paused"


_COMMAND = re.compile(r"/[a-z][a-z0-9-]*(?:\s.*)?", re.IGNORECASE)
_WALL = WallClock()

OPEN = {State.RUNNING, State.AT_RISK, State.BREACHED, State.PAUSED}


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant that a clock depends on, and the evidence for it in words."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A time that doesn't count; `end` None: it lasts."""

    begin: Mark
    end: Mark | None


@dataclass(frozen=True, slots=True)
class Clock:
    """One cycle of one promise. `due_at` and `at_risk_at` are None while a pause leaves them open."""

    name: str
    cycle: int
    start: Mark
    target: str
    due_at: datetime | None
    at_risk_at: datetime | None
    stop: Mark | None
    pauses: tuple[Pause, ...]
    state: State

    @property
    def key(self) -> str:
        """What identifies the clock on its issue."""
        return f"{self.name}#{self.cycle}"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch from a report or reopening to the resolution (None: not resolved)."""

    number: int
    start: Mark
    end: Mark | None

    def covers(self, at: datetime) -> bool:
        """Whether something at this time belongs to the stretch."""
        return self.start.at <= at and (self.end is None or at <= self.end.at)


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's look at the severity: the one they named (None: only answers), or took away."""

    mark: Mark
    severity: Severity | None
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    """What is to be timed: `length` of working time, or a fixed instant."""

    name: str
    cycle: int
    start: Mark
    length: timedelta | datetime
    stop: Mark | None
    pauses: tuple[Pause, ...] = ()
    kept: bool = True  # False: the stop breaks the promise, however early it comes


def clocks(case: Case, policy: Policy, now: datetime) -> tuple[Clock, ...]:
    """All clocks of an issue as of `now`, past cycles included, in the order of their start."""
    if not _is_timed(case):
        return ()
    runs = tuple(runs_of(case))
    timed = [
        *_triage(case, policy, runs[0]),
        *(promise for run in runs for promise in _of_run(case, policy, run)),
        *(promise for run in runs for promise in _milestones(case, policy, run)),
    ]
    time = {severity: policy.working_time(severity) for severity in Severity}
    told = (
        _clock(promise, time[_severity_of(case, promise)], policy, now) for promise in timed if promise.start.at <= now
    )
    return tuple(sorted(told, key=lambda clock: (clock.start.at, clock.name, clock.cycle)))


def _is_timed(case: Case) -> bool:
    """Promises are made to those who report: not for the team's own work, unless it is claimed as an emergency."""
    author = case.issue.author
    ours = author is not None and author.standing in {Standing.TEAM, Standing.SELF}
    return case.claimed or (case.severity is not None and not ours)


def _severity_of(case: Case, promise: Promise) -> Severity:
    wall = promise.name in {"triage", "acknowledgement", "assessment", "progress"} or case.severity is None
    return Severity.P0 if wall or case.severity is None else case.severity


# ---------------------------------------------------------------------- what happened


def runs_of(case: Case) -> Iterator[Run]:
    """From the report to the resolution, and from each reopening to the next."""
    start: Mark | None = Mark(case.reported_at, "reported")
    number = 1
    for mark, opens in sorted(_turns(case), key=lambda turn: turn[0].at):
        if start is not None and not opens:
            yield Run(number, start, mark)
            start, number = None, number + 1
        elif start is None and opens:
            start = mark
    if start is not None:
        closed_at = case.issue.closed_at
        yield Run(number, start, Mark(closed_at, "closed") if closed_at is not None else None)


def _turns(case: Case) -> Iterator[tuple[Mark, bool]]:
    """Every resolution (False) and reopening (True)."""
    for event in events(case.issue):
        by = f" by {event.by.name}" if event.by else ""
        if event.kind is Happened.CLOSED:
            yield Mark(event.at, f"closed{by}"), False
        elif event.kind is Happened.REOPENED:
            yield Mark(event.at, f"reopened{by}"), True
    yield from ((Mark(o.at, f"/resolve by {o.by.name}"), False) for o in facts(case, "resolve"))


def facts(case: Case, *names: str) -> Iterator[Order]:
    """The accepted commands of these names, in order."""
    return (o for o in case.orders if isinstance(o.command, Fact) and o.command.name in names)


def updates(case: Case, policy: Policy) -> list[Mark]:
    """Everything the customer was told: comments by the team that say something, and messages marked `/sent` (G2)."""
    said = [Mark(c.at, f"comment by {c.by.name}") for c in case.issue.comments if c.by and _tells(c, case, policy)]
    sent = [Mark(o.at, f"/sent by {o.by.name}") for o in facts(case, "sent")]
    once = {mark.at: mark for mark in [*said, *sent]}
    return sorted(once.values(), key=lambda mark: mark.at)


def _tells(comment: Comment, case: Case, policy: Policy) -> bool:
    if comment.by is None or comment.by.standing is not Standing.TEAM or comment.marker is not None:
        return False
    if comment.internal and not policy.sla.internal_comments_count:
        return False
    reporter = case.issue.author
    if reporter is not None and comment.by.id == reporter.id:
        return False
    return any(_is_said(line) for line in lines(comment.body))


def _is_said(line: Line) -> bool:
    """Commands and quotations are not the author's words to the customer; a path or a code block is."""
    is_command = line.prose and _COMMAND.fullmatch(line.text) is not None
    return bool(line.text.strip()) and not is_command and not line.text.startswith((">", "bq. "))


def pauses(case: Case, policy: Policy) -> tuple[Pause, ...]:
    """When the team waited for the customer: the label, `/waiting` and `/resume` (G19)."""
    turns = sorted(_waits(case, policy), key=lambda turn: turn[0].at)
    found: list[Pause] = []
    begin: Mark | None = None
    for mark, waits in turns:
        if waits and begin is None:
            begin = mark
        elif not waits and begin is not None:
            found.append(Pause(begin, mark))
            begin = None
    return (*found, Pause(begin, None)) if begin is not None else tuple(found)


def _waits(case: Case, policy: Policy) -> Iterator[tuple[Mark, bool]]:
    name = policy.labels.waiting.name.casefold()
    for event in events(case.issue):
        ours = event.by is not None and event.by.standing is Standing.SELF
        if event.value.casefold() == name and not ours and event.kind in {Happened.LABELED, Happened.UNLABELED}:
            by = event.by.name if event.by else "somebody"
            is_set = event.kind is Happened.LABELED
            yield Mark(event.at, f"label {event.value} {'set' if is_set else 'taken away'} by {by}"), is_set
    for order in facts(case, "waiting", "resume"):
        waits = isinstance(order.command, Fact) and order.command.name == "waiting"
        yield Mark(order.at, f"/{'waiting' if waits else 'resume'} by {order.by.name}"), waits


# ---------------------------------------------------------------------- what is promised


def _triage(case: Case, policy: Policy, run: Run) -> Iterator[Promise]:
    """R26: a claimed emergency is looked at by a person, within minutes. The first look counts, not the last."""
    if not case.claimed:
        return
    stops = [*(decision.mark for decision in _decisions(case, policy)), *([run.end] if run.end else [])]
    if case.word is None and case.confirmed_by is not None:
        stops.append(Mark(case.since, f"confirmed by {case.confirmed_by}"))
    elif case.word is None and case.severity is not None and not case.severity.is_emergency:
        stops.append(Mark(case.reported_at, "the rules found no emergency"))
    start = Mark(case.reported_at, "reported as an emergency")
    yield Promise("triage", 1, start, policy.sla.triage, min(stops, key=lambda mark: mark.at, default=None))


def _decisions(case: Case, policy: Policy) -> Iterator[Decision]:
    """Every time a person said how bad it is, or answered the checklist."""
    for order in case.orders:
        if isinstance(order.command, SetSeverity | Triage):
            severity = order.command.severity if isinstance(order.command, SetSeverity) else None
            yield Decision(Mark(order.at, f"{order.command.said} by {order.by.name}"), severity)
    for event in events(case.issue):
        if event.by is None or not decides(event, case.issue, policy):
            continue
        mark = Mark(event.at, f"{event.kind} {event.value} by {event.by.name}")
        if event.kind is Happened.PRIORITIZED and event.value in policy.triage.priorities:
            yield Decision(mark, policy.triage.priorities[event.value])
        elif event.kind in {Happened.LABELED, Happened.UNLABELED} and (named := policy.labels.severity_of(event.value)):
            yield Decision(mark, named, undone=event.kind is Happened.UNLABELED)


def _p0_at(case: Case, policy: Policy) -> datetime:
    """When the issue last became a confirmed P0; saying so again doesn't start anything anew."""
    became: datetime | None = None
    for decision in sorted(_decisions(case, policy), key=lambda decision: decision.mark.at):
        if decision.severity is Severity.P0:
            became = None if decision.undone else became or decision.mark.at
        elif decision.severity is not None and not decision.undone:
            became = None
    return became or case.since


def _of_run(case: Case, policy: Policy, run: Run) -> Iterator[Promise]:
    """Response, resolution and next update of one stretch."""
    if case.severity is None:
        return
    target = policy.severities[case.severity]
    told = [mark for mark in updates(case, policy) if run.covers(mark.at)]
    first = told[0] if told else None
    gave_up = Mark(run.end.at, "closed without any response") if run.end and first is None else None
    yield Promise("response", run.number, run.start, target.response, first or gave_up, kept=gave_up is None)
    length = (
        end_of_next_quarter(run.start.at, policy.sla.zone, policy.sla.fiscal_year_starts)
        if isinstance(target.resolution, str)
        else target.resolution
    )
    waited = () if case.severity is Severity.P0 else pauses(case, policy)
    yield Promise("resolution", run.number, run.start, length, run.end, waited)
    yield from _next_updates(case, policy, run, told)


def _next_updates(case: Case, policy: Policy, run: Run, told: Sequence[Mark]) -> Iterator[Promise]:
    """Each update promises the next one: at the time given with `/sent`, else after the interval (R38, R49, G5)."""
    promised = {
        order.at: instant(order.command.when, order.at, policy.sla.zone)
        for order in facts(case, "sent")
        if isinstance(order.command, Fact) and order.command.when is not None
    }
    interval = policy.severities[case.severity].update if case.severity else None
    for number, mark in enumerate(told):
        length = promised.get(mark.at, interval)
        following = told[number + 1] if number + 1 < len(told) else run.end
        if length is not None:
            yield Promise("next_update", run.number * 1000 + number + 1, mark, length, following)


def _milestones(case: Case, policy: Policy, run: Run) -> Iterator[Promise]:
    """R32: the customer of a confirmed P0 hears of it after 15, 30 and 60 minutes.

    A milestone is met by the update whose turn it is, or by any made after the milestone before.
    """
    if case.severity is not Severity.P0 or case.confirmed_by is None:
        return
    start = Mark(max(_p0_at(case, policy), run.start.at), f"P0 confirmed by {case.confirmed_by}")
    if run.end is not None and run.end.at < start.at:
        return
    told = [mark for mark in updates(case, policy) if run.covers(mark.at)]
    marks = policy.sla.milestones
    before = run.start.at
    for turn, (name, length) in enumerate(
        (("acknowledgement", marks.acknowledgement), ("assessment", marks.assessment), ("progress", marks.progress))
    ):
        candidates = [*told[turn : turn + 1], *(mark for mark in told if mark.at > before)]
        met = min(candidates, key=lambda mark: mark.at, default=run.end)
        yield Promise(name, run.number, start, length, met)
        before = start.at + length


# ---------------------------------------------------------------------- how it stands


def _clock(promise: Promise, time: WorkingTime, policy: Policy, now: datetime) -> Clock:
    stop = promise.stop if promise.stop is not None and promise.stop.at <= now else None
    seen = tuple(_seen(promise, stop.at if stop else now))
    due_at = _due(promise, time, seen, 1.0)
    at_risk_at = _due(promise, time, seen, policy.sla.at_risk_part(promise.name))
    return Clock(
        name=promise.name,
        cycle=promise.cycle,
        start=promise.start,
        target=str(promise.length),
        due_at=due_at,
        at_risk_at=at_risk_at,
        stop=stop,
        pauses=seen,
        state=_state(promise, stop, due_at, at_risk_at, _is_paused(seen, now), now),
    )


def _seen(promise: Promise, until: datetime) -> Iterator[Pause]:
    """The pauses that touch a clock by then: what comes after its stop, or hasn't happened yet, changes nothing."""
    for pause in promise.pauses:
        lasts = pause.end is None or pause.end.at > until
        if pause.begin.at <= until and (pause.end is None or pause.end.at > promise.start.at):
            yield replace(pause, end=None) if lasts else pause


def _state(  # noqa: PLR0913, PLR0917 - all that a state depends on
    promise: Promise,
    stop: Mark | None,
    due_at: datetime | None,
    at_risk_at: datetime | None,
    paused: bool,
    now: datetime,
) -> State:
    if stop is not None:
        late = due_at is not None and stop.at >= due_at
        return State.MISSED if late or not promise.kept else State.MET
    if due_at is not None and now >= due_at:
        return State.BREACHED
    if paused:
        return State.PAUSED
    return State.AT_RISK if at_risk_at is not None and now >= at_risk_at else State.RUNNING


def _is_paused(seen: Sequence[Pause], now: datetime) -> bool:
    return any(pause.begin.at <= now and (pause.end is None or now < pause.end.at) for pause in seen)


def _due(promise: Promise, time: WorkingTime, seen: Sequence[Pause], part: float) -> datetime | None:
    """When so much of the promise's time will have passed, pauses left out; None while a pause leaves it open."""
    start = promise.start.at
    length = promise.length
    if isinstance(length, datetime):
        length, time = length - start, _WALL
    left = length * part
    for pause in seen:
        begin = max(start, pause.begin.at)
        if (ran := time.worked(start, begin)) >= left:
            break
        if pause.end is None:
            return None
        left, start = left - ran, max(start, pause.end.at)
    return time.after(start, left)
