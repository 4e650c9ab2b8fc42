"""What GitHub keeps, as plain frozen records. Times are aware and have no fractions of a second, as on GitHub."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["User", "Bot", "Organization"]
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
AUTOMATION = "github-project-automation[bot]"


@dataclass(frozen=True, slots=True)
class Account:
    """A person, a robot (its REST login ends in `[bot]`) or an organisation."""

    id: int
    node_id: str
    login: str
    kind: Kind
    created_at: datetime
    gone: bool = False

    @property
    def slug(self) -> str:
        return self.login.removesuffix("[bot]")


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    node_id: str
    owner: str
    name: str
    private: bool
    created_at: datetime

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Label:
    id: int
    node_id: str
    repo_id: int
    name: str
    color: str
    description: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Reaction:
    id: int
    node_id: str
    content: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue or a pull request. Labels, comments and events are ids, so that each version is a whole picture."""

    id: int
    node_id: str
    repo_id: int
    number: int
    title: str
    body: str | None
    author: str
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    state_reason: str | None = None
    edited_at: datetime | None = None
    editor: str | None = None
    labels: tuple[int, ...] = ()
    assignees: tuple[str, ...] = ()
    comments: tuple[int, ...] = ()
    events: tuple[int, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    pull: bool = False
    moved_to: int | None = None
    fields: Mapping[int, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    node_id: str
    issue_id: int
    author: str
    body: str
    created_at: datetime
    updated_at: datetime
    edited_at: datetime | None = None
    editor: str | None = None
    minimized: bool = False
    reactions: tuple[Reaction, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A timeline event: `kind` is its GraphQL type, `about` what that type's own fields say."""

    id: int
    node_id: str
    kind: str
    issue_id: int
    actor: str
    at: datetime
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    id: str
    name: str
    color: str = "GRAY"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A project's field; `mirrors` is the number of the organisation's issue field that it only shows."""

    id: int
    node_id: str
    project_id: int
    name: str
    data_type: str
    created_at: datetime
    options: tuple[Option, ...] = ()
    mirrors: int | None = None


@dataclass(frozen=True, slots=True)
class IssueField:
    """A field that an organisation has on all its issues."""

    id: int
    node_id: str
    org: str
    name: str
    data_type: str
    created_at: datetime
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A way of looking at a project."""

    id: int
    node_id: str
    project_id: int
    name: str
    layout: str
    sorted_by: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A card's own text, where no issue is behind it."""

    id: int
    node_id: str
    title: str
    body: str
    creator: str
    assignees: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    node_id: str
    owner: str
    number: int
    title: str
    created_at: datetime
    fields: tuple[Field, ...]
    public: bool = False
    closed_at: datetime | None = None
    views: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """What an item has in a field; `holds` is the option's id, the text, the number or the date."""

    holds: str | float
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Item:
    """A card: of an issue or pull request, or of a draft (the other id is 0)."""

    id: int
    node_id: str
    project_id: int
    issue_id: int
    creator: str
    position: float
    created_at: datetime
    updated_at: datetime
    values: Mapping[int, Value] = field(default_factory=dict)
    archived_at: datetime | None = None
    draft_id: int = 0


@dataclass(frozen=True, slots=True)
class FieldValue:
    item: Item
    field: Field
    value: Value


@dataclass(frozen=True, slots=True)
class ReactionGroup:
    subject: Issue | Comment
    content: str
    reactions: tuple[Reaction, ...]


Node = Account | Repository | Label | Issue | Comment | Event | Project | Field | Item | Draft | View | Reaction
