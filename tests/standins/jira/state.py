"""What the stand-in Jira remembers. Every value is frozen: an issue's past is simply its earlier records."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal

Product = Literal["cloud", "data-center"]
Kind = Literal["atlassian", "app", "customer"]
Constraint = Literal["none", "issueCount", "issueCountExclSubs"]
FieldKind = Literal["textfield", "textarea", "float", "select", "datepicker", "datetime", "labels"]

CUSTOMER = frozenset(
    {"BROWSE_PROJECTS", "CREATE_ISSUES", "ADD_COMMENTS", "EDIT_OWN_COMMENTS", "DELETE_OWN_COMMENTS"},
)
TEAM = CUSTOMER | {
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "ASSIGN_ISSUES",
    "ASSIGNABLE_USER",
    "LINK_ISSUES",
    "SCHEDULE_ISSUES",
    "MOVE_ISSUES",
    "DELETE_ISSUES",
}
PROJECT_PERMISSIONS = TEAM | {"EDIT_ALL_COMMENTS", "DELETE_ALL_COMMENTS", "ADMINISTER_PROJECTS"}
GLOBAL_PERMISSIONS = frozenset({"ADMINISTER", "BULK_CHANGE"})


@dataclass(frozen=True, slots=True)
class Person:
    """An account; `grants` maps a project key to the permissions there, `""` to the global ones."""

    name: str
    id: str
    kind: Kind = "atlassian"
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    active: bool = True

    @property
    def email(self) -> str:
        return f"{self.name}@acme.example"

    @property
    def token(self) -> str:
        return f"token-of-{self.name}"

    def may(self, permission: str, project: str = "") -> bool:
        return permission in self.grants.get(project, frozenset()) | self.grants.get("", frozenset())


@dataclass(frozen=True, slots=True)
class Status:
    id: str
    name: str
    category: Literal["new", "indeterminate", "done"]


@dataclass(frozen=True, slots=True)
class Priority:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Transition:
    """A step of a workflow; `sources` None: it leads from every status. `required` fields need a screen."""

    id: str
    name: str
    to: str
    sources: frozenset[str] | None = None
    screen: bool = False
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field; `kind` is the part of its type key after the colon; `options` are (id, value) of a select.

    `project`: the key of the team-managed project that it belongs to.
    """

    id: str
    name: str
    kind: FieldKind
    options: tuple[tuple[str, str], ...] = ()
    project: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A company-managed project, its workflow (the first transition target is the initial status) and edit screen.

    `create_screen` None: the same as `screen`; `create_required` are the fields there that must be filled. `levels` are
    the issue types that aren't standard: -1 a subtask, 1 an epic. `default_screen`: its edit screen is the site's
    default one. `locked` are the statuses in which nothing can be edited.
    """

    id: str
    key: str
    name: str
    initial: str
    statuses: tuple[str, ...]
    workflow: tuple[Transition, ...]
    screen: frozenset[str]
    issue_types: tuple[tuple[str, str], ...] = (("10001", "Task"), ("10002", "Bug"))
    service_desk: bool = False
    create_screen: frozenset[str] | None = None
    create_required: frozenset[str] = frozenset()
    levels: Mapping[str, int] = field(default_factory=dict)
    default_screen: bool = True
    locked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LinkType:
    """How issues can be related: what the link is called at its source (`outward`) and at its target."""

    id: str
    name: str
    inward: str
    outward: str


@dataclass(frozen=True, slots=True)
class BoardColumn:
    name: str
    statuses: tuple[str, ...]
    max: int | None = None
    min: int | None = None
    id: int = 0
    is_plan: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A board; `query` is its filter's JQL (empty: its projects), shared with some accounts or (None) with all."""

    id: int
    name: str
    projects: tuple[str, ...]
    columns: tuple[BoardColumn, ...]
    constraint: Constraint = "issueCount"
    kind: Literal["kanban", "scrum", "simple"] = "kanban"
    query: str = ""
    sub_query: str = ""
    ranked: bool = True
    shared_with: frozenset[str] | None = None

    @property
    def filter(self) -> str:
        """The id of its filter."""
        return str(9959 + self.id)


@dataclass(frozen=True, slots=True)
class Comment:
    id: str
    author: str
    body: str
    created: datetime
    updated: datetime
    update_author: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    visibility: Mapping[str, str] | None = None

    @property
    def internal(self) -> bool:
        """A service project keeps it from customers."""
        hidden = self.properties.get("sd.public.comment")
        return isinstance(hidden, Mapping) and bool(hidden.get("internal"))


@dataclass(frozen=True, slots=True)
class Item:
    """One changed field of a history; `field_id` None: Jira names none (`Key`, `Workflow`)."""

    field: str
    field_id: str | None
    before: str | None = None
    before_text: str | None = None
    after: str | None = None
    after_text: str | None = None
    custom: bool = False


@dataclass(frozen=True, slots=True)
class History:
    id: str
    author: str
    created: datetime
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A link as one of its two issues has it: `other` is the other's id, `outward` whether this one is the source."""

    id: str
    type: LinkType
    other: int
    outward: bool


@dataclass(frozen=True, slots=True)
class Record:
    """An issue at one moment. Texts are wiki markup; people, statuses and priorities are names and ids.

    `creator` None: who reported it.
    """

    id: int
    key: str
    project: str
    type: str
    summary: str
    description: str | None
    reporter: str
    status: str
    created: datetime
    updated: datetime
    rank: float
    labels: tuple[str, ...] = ()
    priority: str | None = None
    assignee: str | None = None
    resolved: datetime | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)
    comments: tuple[Comment, ...] = ()
    histories: tuple[History, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    creator: str | None = None

    def comment(self, comment_id: str) -> Comment | None:
        return next((c for c in self.comments if c.id == comment_id), None)

    def with_comment(self, changed: Comment) -> "Record":
        return replace(self, comments=tuple(changed if c.id == changed.id else c for c in self.comments))


def stamp(moment: datetime, zone: tzinfo = UTC) -> str:
    """A moment as Jira writes it: `2026-11-23T09:00:00.123+0000`."""
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"


def millis(moment: datetime) -> int:
    """A moment as a webhook's timestamp."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
