"""Simulation: a scenario against the policy on trackers in memory, with the service's own agenda and worker."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from integrator.agenda import Agenda
from integrator.config import Config
from integrator.lanes import Lane
from integrator.scenario import Clock, Scenario, Stage
from integrator.store import Store
from integrator.tables import journal
from integrator.texts import Texts
from integrator.worker import Worker
from mapping import clocks as timing
from mapping.case import Case
from mapping.issue import Issue
from mapping.policy import Policy


@dataclass(frozen=True, slots=True)
class Line:
    """A change that was made: when, to which issue, its own keys, and because of what."""

    at: datetime
    issue: str
    change: str
    detail: dict[str, Any]
    because: list[str]

    def as_json(self) -> dict[str, Any]:
        """The line as interface.md describes it."""
        at = self.at.isoformat().replace("+00:00", "Z")
        return {"at": at, "issue": self.issue, "change": self.change, **self.detail, "because": self.because}


def policy_for(scenario: Scenario, config: Config) -> Config:
    """The policy with the scenario's start as the moment from which promises are announced, and its people called."""
    sla = config.sla.model_copy(update={"enforce_from": scenario.start})
    owner = scenario.roles.get("product_owner")
    people = {"team": config.roles.team or scenario.team, **({"product_owner": (owner,)} if owner else {})}
    return config.model_copy(update={"sla": sla, "roles": config.roles.model_copy(update=people)})


class Simulation:
    """A scenario being played: the clock jumps from event to due time to event."""

    def __init__(self, scenario: Scenario, config: Config) -> None:
        self.scenario = scenario
        self.policy: Policy = policy_for(scenario, config)
        self.clock = Clock()
        self.stage = Stage.set_up(scenario, self.clock)
        self._store = Store("sqlite://", self.clock)
        self._store.migrate()
        self._agenda = Agenda(self._store, "simulation")
        self._worker = Worker(self._store, self._agenda, self.stage.trackers, self.policy, Texts(config.texts.given))
        self._down_until = scenario.start
        self._told = 0

    def run(self) -> Iterator[Line]:
        """Play the whole scenario; every change as it is made."""
        self._agenda.touch(list(self.stage.refs()), Lane.SWEEP)
        yield from self._work()
        events = list(self.scenario.events)
        end = self.scenario.start + self.scenario.until
        while (at := self._next(events)) is not None and at <= end:
            self.clock.at = max(self.clock.at, at)
            while events and self.scenario.start + events[0].at <= self.clock.at:
                self._happen(events)
            yield from self._work()
        self._store.close()

    def final(self) -> dict[str, Any]:
        """The state of every issue at the end."""
        now = self.scenario.start + self.scenario.until
        return {
            str(issue.ref): {
                "severity": Case.of(issue, self.policy).severity,
                "column": issue.card.name if issue.card else None,
                "labels": sorted(issue.labels),
                "fields": {**issue.fields, **_told_by_trackers(issue)},
                "clocks": {clock.name: _shown(clock) for clock in self._clocks(issue, now)},
            }
            for tracker in self.stage.trackers.values()
            for issue in tracker.issues()
        }

    def _clocks(self, issue: Issue, now: datetime) -> list[timing.Clock]:
        """The clocks, each name's newest cycle last."""
        return sorted(timing.clocks(Case.of(issue, self.policy), self.policy, now), key=lambda clock: clock.cycle)

    def _next(self, events: list[Any]) -> datetime | None:
        due = self._agenda.next_due()
        times = [max(due, self._down_until)] if due else []
        if events:
            times.append(self.scenario.start + events[0].at)
        return min(times, default=None)

    def _happen(self, events: list[Any]) -> None:
        event = events.pop(0)
        if event.outage is not None:
            self._down_until = self.scenario.start + event.at + event.outage
        else:
            self._agenda.touch([self.stage.play(event)], Lane.EVENT)

    def _work(self) -> Iterator[Line]:
        if self.clock.at < self._down_until:
            return
        while self._worker.run_due():
            yield from self._new_lines()

    def _new_lines(self) -> Iterator[Line]:
        rows = lines_after(self._store, self._told)
        for number, line in rows:
            self._told = number
            yield line


def _told_by_trackers(issue: Issue) -> dict[str, str]:
    """What trackers show of an issue beside its labels and custom fields, where it is set."""
    owners = ", ".join(person.name for person in issue.assignees)
    told = {"priority": issue.priority, "assignees": owners}
    return {name: value for name, value in told.items() if value}


def _shown(clock: timing.Clock) -> dict[str, Any]:
    """A clock as interface.md describes it."""
    times = {
        "due_at": clock.due_at,
        "started_at": clock.start.at,
        "stopped_at": clock.stop.at if clock.stop else None,
    }
    told = {name: at.isoformat().replace("+00:00", "Z") if at else None for name, at in times.items()}
    return {"state": clock.state, **told}


def lines_after(store: Store, number: int) -> list[tuple[int, Line]]:
    """The journal after a line, each with its number."""
    query = sa.select(journal).where(journal.c.id > number, journal.c.error.is_(None)).order_by(journal.c.id)
    rows = store.read(lambda conn: conn.execute(query).all())
    return [
        (row.id, Line(row.at, row.subject, row.change, json.loads(row.detail), row.because.split())) for row in rows
    ]
