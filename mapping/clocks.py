"""Every promise of the protocol as a clock: what started it, what stopped it, when it is due, how it stands.

A clock is a function of the issue's history and the time, never of how often it was asked. Times are compared
strictly: at exactly 60:00 a promise of one hour is breached.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from mapping.calendar import WallClock, WorkingTime
from mapping.case import Case
from mapping.history import Mark, Pause
from mapping.policy import Policy
from mapping.promises import Promise, promises


class State(StrEnum):
    """How a clock stands. `missed` is stopped too late, `cancelled` taken back; the others speak for themselves."""

    RUNNING = "running"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    MISSED = "missed"
    MET = "met"
    PAUSED = "paused"
    CANCELLED = "cancelled"


_WALL = WallClock()

OPEN = {State.RUNNING, State.AT_RISK, State.BREACHED, State.PAUSED}


class Clock(NamedTuple):
    """One cycle of one promise. `due_at` and `at_risk_at` are None while a pause leaves them open."""

    name: str
    cycle: int
    start: Mark
    length: timedelta | datetime
    due_at: datetime | None
    at_risk_at: datetime | None
    stop: Mark | None
    pauses: tuple[Pause, ...]
    state: State

    @property
    def target(self) -> str:
        """What is promised: a length of working time, or a fixed instant."""
        return str(self.length)

    @property
    def key(self) -> str:
        """What identifies the clock on its issue, whatever else happens there: its name and start."""
        return f"{self.name}@{self.start.at.astimezone(UTC).isoformat(timespec='seconds')}"


def clocks(case: Case, policy: Policy, now: datetime) -> tuple[Clock, ...]:
    """All clocks of an issue as of `now`, past cycles included, in the order of their start."""
    begun = {(p.start.at, p.name): p for p in promises(case, policy) if p.start.at <= now}
    cycles: defaultdict[str, int] = defaultdict(int)
    told: list[Clock] = []
    for _, promise in sorted(begun.items(), key=lambda item: item[0]):
        cycles[promise.name] += 1
        told.append(_clock(promise, cycles[promise.name], policy, now))
    return tuple(told)


def _clock(promise: Promise, cycle: int, policy: Policy, now: datetime) -> Clock:
    time = policy.working_time(promise.severity)
    stop = promise.stop if promise.stop is not None and promise.stop.at <= now else None
    seen = tuple(_seen(promise, stop.at if stop else now)) if promise.pauses else ()
    length = promise.length - promise.start.at if isinstance(promise.length, datetime) else promise.length
    passing = _WALL if isinstance(promise.length, datetime) else time
    due_at = _after(promise, passing, seen, length)
    at_risk_at = _after(promise, passing, seen, policy.sla.at_risk_after(promise.name, length))
    return Clock(
        name=promise.name,
        cycle=cycle,
        start=promise.start,
        length=promise.length,
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
    if stop is not None and promise.cancelled:
        return State.CANCELLED
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


def _after(promise: Promise, time: WorkingTime, seen: Sequence[Pause], left: timedelta) -> datetime | None:
    """When so much of the promise's time will have passed, pauses left out; None while a pause leaves it open."""
    start = promise.start.at
    for pause in seen:
        begin = max(start, pause.begin.at)
        if (ran := time.worked(start, begin)) >= left:
            break
        if pause.end is None:
            return None
        left, start = left - ran, max(start, pause.end.at)
    return time.after(start, left)
