"""The stand-in's memory: who and what there is, and every issue with its whole past."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from tests.standins.jira.state import (
    CUSTOMER,
    TEAM,
    Board,
    CustomField,
    Kind,
    LinkType,
    Person,
    Priority,
    Product,
    Project,
    Record,
    Status,
    Transition,
)

SYSTEM_SCREEN = frozenset({"summary", "description", "labels", "priority", "assignee", "issuelinks"})
RANK_FIELD = "customfield_10019"


class World:
    """Everything that a Jira site holds. Readers and writers take `lock`."""

    def __init__(self, product: Product, clock: Callable[[], datetime], zone: tzinfo = UTC) -> None:
        self.product = product
        self.clock = clock
        self.zone = zone
        self.lock = threading.RLock()
        self.people: dict[str, Person] = {}
        self.projects: dict[str, Project] = {}
        self.statuses: dict[str, Status] = {}
        self.priorities: dict[str, Priority] = {}
        self.fields: dict[str, CustomField] = {}
        self.boards: dict[int, Board] = {}
        self.link_types: dict[str, LinkType] = {}
        self.past: dict[int, list[tuple[datetime, Record | None]]] = {}
        self._by_key: dict[str, int] = {}
        self._ids = itertools.count(10000)
        self._numbers: dict[str, Iterator[int]] = {}

    def now(self) -> datetime:
        """The stand-in's clock, in whole milliseconds as Jira keeps them."""
        moment = self.clock().astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def next_id(self) -> int:
        return next(self._ids)

    def next_key(self, project: str) -> str:
        return f"{project}-{next(self._numbers.setdefault(project, itertools.count(1)))}"

    # people and settings

    def person(self, name: str, kind: Kind, member_of: tuple[str, ...], visits: tuple[str, ...]) -> Person:
        """Open an account: the team's permissions in `member_of`, a customer's in `visits`."""
        number = len(self.people) + 1
        account = (
            f"712020:00000000-0000-4000-8000-{number:012d}" if self.product == "cloud" else f"JIRAUSER{number:05d}"
        )
        grants = dict.fromkeys(member_of, TEAM) | dict.fromkeys(visits, CUSTOMER)
        self.people[name] = Person(name, account, kind, grants)
        return self.people[name]

    def grant(self, name: str, permissions: frozenset[str], project: str) -> None:
        person = self.people[name]
        self.people[name] = replace(person, grants={**person.grants, project: permissions})

    def person_by_id(self, account: str) -> Person | None:
        """Cloud names people by account id, Data Center by login name."""
        if self.product == "data-center":
            return self.people.get(account)
        return next((p for p in self.people.values() if p.id == account), None)

    def status_named(self, name: str) -> Status:
        return next(s for s in self.statuses.values() if s.name == name)

    def priority_named(self, name: str) -> Priority:
        return next(p for p in self.priorities.values() if p.name == name)

    # issues

    def put(self, issue_id: int, record: Record | None) -> None:
        """Remember a new state; None: the issue was deleted."""
        self.past.setdefault(issue_id, []).append((self.now(), record))
        if record is not None:
            self._by_key[record.key] = issue_id

    def record(self, issue_id: int, lag: float = 0) -> Record | None:
        """The issue as it was `lag` seconds ago; None: it was not there."""
        past = self.past.get(issue_id, [])
        if not lag:
            return past[-1][1] if past else None
        horizon = self.now() - timedelta(seconds=lag)
        return next((record for at, record in reversed(past) if at <= horizon), None)

    def find(self, name: str, lag: float = 0) -> Record | None:
        """The issue of that id, key or (moved) former key."""
        if name.isdigit():
            return self.record(int(name), lag)
        issue_id = self._by_key.get(name.upper())
        if issue_id is None:
            return None
        horizon = self.now() - timedelta(seconds=lag)
        known = (r for at, r in self.past[issue_id] if at <= horizon or not lag)
        if any(r is not None and r.key == name.upper() for r in known):
            return self.record(issue_id, lag)
        return None

    def records(self, lag: float = 0) -> list[Record]:
        """Every issue, by id."""
        found = (self.record(issue_id, lag) for issue_id in sorted(self.past))
        return [record for record in found if record is not None]

    def put_on_screen(self, project: str, *fields: str) -> None:
        """Put more fields on a project's edit screen."""
        there = self.projects[project]
        self.projects[project] = replace(there, screen=there.screen | set(fields))

    def edit_screen(self, record: Record) -> frozenset[str]:
        """The fields that can be edited on an issue where it stands."""
        project = self.projects[record.project]
        return frozenset() if record.status in project.locked else project.screen

    def transitions(self, record: Record) -> list[Transition]:
        """The steps that lead from where the issue is."""
        workflow = self.projects[record.project].workflow
        return [step for step in workflow if step.sources is None or record.status in step.sources]
