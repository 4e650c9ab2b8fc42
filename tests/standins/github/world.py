"""The whole state, and views of it: as it is now, or as it was a moment ago (reads that lag behind)."""

import base64
import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from tests.standins.github.records import (
    ROLES,
    Account,
    Comment,
    Draft,
    Event,
    Field,
    FieldValue,
    Issue,
    IssueField,
    Item,
    Kind,
    Label,
    Node,
    Project,
    Repository,
    Value,
)

T = TypeVar("T")
Clock = Callable[[], datetime]


class Versions(Generic[T]):
    """Records with their past: `get` answers with the version that stood at a time."""

    def __init__(self) -> None:
        self._rows: dict[int, list[tuple[datetime, T | None]]] = {}

    def put(self, key: int, value: T | None, at: datetime) -> None:
        self._rows.setdefault(key, []).append((at, value))

    def get(self, key: int, as_of: datetime | None) -> T | None:
        for at, value in reversed(self._rows.get(key, ())):
            if as_of is None or at <= as_of:
                return value
        return None

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._rows))


class World:
    """Everything there is. Issues, comments and board items have a past; the rest is the same for every view."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.members: set[tuple[str, str]] = set()
        self.defaults: dict[str, str] = {}
        self.grants: dict[tuple[int, str], str] = {}
        self.repositories: dict[str, Repository] = {}
        self.labels: dict[int, Label] = {}
        self.issues: Versions[Issue] = Versions()
        self.numbers: dict[tuple[int, int], int] = {}
        self.last_number: dict[int, int] = {}
        self.comments: Versions[Comment] = Versions()
        self.events: dict[int, Event] = {}
        self.projects: dict[int, Project] = {}
        self.items: Versions[Item] = Versions()
        self.drafts: Versions[Draft] = Versions()
        self.issue_fields: dict[int, IssueField] = {}
        self.cards: dict[int, list[int]] = {}
        self.files: dict[tuple[int, str], bytes] = {}
        self.nodes: dict[str, tuple[str, int | str]] = {}
        self._ids = itertools.count(1001)

    def instant(self) -> datetime:
        return self.clock()

    def now(self) -> datetime:
        return self.clock().replace(microsecond=0)

    def name(self, prefix: str, key: int | str | None = None) -> tuple[int, str]:
        """A new database id and its node id; `key` is what it is filed under when that is not the id."""
        number = next(self._ids)
        tail = base64.urlsafe_b64encode(number.to_bytes(6, "big")).decode().rstrip("=")
        node_id = f"{prefix}_kwDO{tail}"
        self.nodes[node_id] = (prefix, number if key is None else key)
        return number, node_id

    def number(self, repo: Repository) -> int:
        self.last_number[repo.id] = self.last_number.get(repo.id, 0) + 1
        return self.last_number[repo.id]

    def account(self, login: str, kind: Kind = "User") -> Account:
        """The account of this login, made if nobody has it."""
        key = login.lower()
        if key not in self.accounts:
            prefix = {"User": "U", "Bot": "BOT", "Organization": "O"}[kind]
            number, node_id = self.name(prefix, key)
            self.accounts[key] = Account(number, node_id, login, kind, self.now())
        return self.accounts[key]

    def role(self, repo: Repository, login: str) -> str:
        """What somebody may do in a repository, as one of ROLES."""
        login = login.lower()
        if login == repo.owner.lower():
            return "admin"
        known = self.grants.get((repo.id, login)) or self.defaults.get(login, "none")
        return "read" if known == "none" and not repo.private else known

    def may(self, repo: Repository, login: str, role: str) -> bool:
        return ROLES.index(self.role(repo, login)) >= ROLES.index(role)

    def collaborators(self, repo: Repository) -> list[Account]:
        """Everybody with a role of their own, in the order of their coming."""
        named = {login for login, role in self.defaults.items() if role != "none"}
        named |= {login for (repo_id, login), role in self.grants.items() if repo_id == repo.id and role != "none"}
        people = [a for a in self.accounts.values() if a.kind == "User" and not a.gone]
        return [a for a in people if a.login.lower() in named or a.login.lower() == repo.owner.lower()]

    def association(self, repo: Repository, login: str) -> str:
        """CommentAuthorAssociation, as GitHub gives it."""
        login = login.lower()
        if login == repo.owner.lower():
            return "OWNER"
        if (repo.owner.lower(), login) in self.members:
            return "MEMBER"
        explicit = self.grants.get((repo.id, login)) or self.defaults.get(login, "none")
        return "NONE" if explicit == "none" else "COLLABORATOR"

    def repository(self, full_name: str) -> Repository:
        """KeyError when there is none: the caller is a test."""
        return self.repositories[full_name.lower()]

    def repository_by_id(self, number: int) -> Repository:
        return next(r for r in self.repositories.values() if r.id == number)

    def labels_of(self, repo: Repository) -> list[Label]:
        return [x for x in self.labels.values() if x.repo_id == repo.id]

    def label_named(self, repo: Repository, name: str) -> Label | None:
        return next((x for x in self.labels_of(repo) if x.name.lower() == name.lower()), None)

    def project_of(self, owner: str, number: int) -> Project | None:
        rows = (p for p in self.projects.values() if p.owner.lower() == owner.lower() and p.number == number)
        return next(rows, None)


class View:
    """The world as it was at `as_of`; None: as it is."""

    def __init__(self, world: World, as_of: datetime | None = None) -> None:
        self.world = world
        self.as_of = as_of

    @classmethod
    def behind(cls, world: World, lag: float) -> "View":
        return cls(world, world.instant() - timedelta(seconds=lag) if lag else None)

    def issue(self, number: int) -> Issue | None:
        """None too for what was transferred: it has another number since."""
        found = self.world.issues.get(number, self.as_of)
        return None if found is None or found.moved_to is not None else found

    def numbered(self, repo: Repository, number: int) -> Issue | None:
        key = self.world.numbers.get((repo.id, number))
        return None if key is None else self.issue(key)

    def moved(self, repo: Repository, number: int) -> Issue | None:
        """Where the issue that had this number went; None: it didn't."""
        key = self.world.numbers.get((repo.id, number))
        found = None if key is None else self.world.issues.get(key, self.as_of)
        while found is not None and found.moved_to is not None:
            found = self.world.issues.get(found.moved_to, self.as_of)
        return found if found is not None and found.id != key else None

    def issues(self, repo: Repository) -> list[Issue]:
        """Issues and pull requests of a repository, oldest first."""
        found = (self.issue(key) for (repo_id, _), key in tuple(self.world.numbers.items()) if repo_id == repo.id)
        return [x for x in found if x is not None]

    def comment(self, number: int) -> Comment | None:
        return self.world.comments.get(number, self.as_of)

    def comments(self, issue: Issue) -> list[Comment]:
        return [x for x in map(self.comment, issue.comments) if x is not None]

    def events(self, issue: Issue) -> list[Event]:
        return [self.world.events[x] for x in issue.events]

    def labels(self, issue: Issue) -> list[Label]:
        return [self.world.labels[x] for x in issue.labels if x in self.world.labels]

    def repo(self, issue: Issue) -> Repository:
        return self.world.repository_by_id(issue.repo_id)

    def draft(self, number: int) -> Draft | None:
        return self.world.drafts.get(number, self.as_of)

    def item(self, number: int) -> Item | None:
        return self.world.items.get(number, self.as_of)

    def items(self, project: Project) -> list[Item]:
        """The cards of a board by position, archived ones too."""
        found = [x for x in map(self.item, self.world.items) if x is not None and x.project_id == project.id]
        there = (x for x in found if x.draft_id or self.issue(x.issue_id))
        return sorted(there, key=lambda x: (x.position, x.id))

    def items_of(self, issue: Issue) -> list[Item]:
        found = (self.item(key) for key in self.world.cards.get(issue.id, ()))
        return [x for x in found if x is not None and x.issue_id == issue.id]

    def values(self, item: Item) -> list[FieldValue]:
        """The values of an item in its project's order of fields; the title is always one of them."""
        project, about = self.world.projects[item.project_id], self.draft(item.draft_id) or self.issue(item.issue_id)
        values = dict(item.values)
        for field in project.fields:
            if field.data_type == "TITLE" and about is not None:
                values[field.id] = Value(about.title, item.created_at, item.creator)
        return [FieldValue(item, field, values[field.id]) for field in project.fields if field.id in values]

    def account(self, login: str | None) -> Account | None:
        """None for nobody and for a deleted account."""
        found = self.world.accounts.get((login or "").lower())
        return None if found is None or found.gone else found

    def node(self, node_id: str) -> Node | None:
        """What a global id names."""
        prefix, key = self.world.nodes.get(node_id, ("", 0))
        finders: dict[str, Callable[[Any], Node | None]] = {
            **dict.fromkeys(("U", "BOT", "O"), self.account),
            "R": self.world.repositories.get,
            "LA": self.world.labels.get,
            **dict.fromkeys(("I", "PR"), self.issue),
            "IC": self.comment,
            "PVT": self.world.projects.get,
            "PVTI": self.item,
            "DI": self.draft,
            **dict.fromkeys(("PVTF", "PVTSSF"), self._field),
            "EV": self.world.events.get,
        }
        return finders[prefix](key) if prefix in finders else None

    def _field(self, number: int) -> Field | None:
        fields = (f for p in self.world.projects.values() for f in p.fields)
        return next((f for f in fields if f.id == number), None)
