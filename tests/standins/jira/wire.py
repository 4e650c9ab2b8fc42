"""How Jira writes what it knows: the JSON of people, statuses, comments, histories and issues, for v2 and v3."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from tests.standins.jira.adf import to_adf
from tests.standins.jira.state import (
    Comment,
    CustomField,
    History,
    Item,
    Link,
    Person,
    Project,
    Record,
    Status,
    Transition,
    stamp,
)
from tests.standins.jira.world import RANK_FIELD, World

Json = dict[str, Any]
CATEGORIES = {
    "new": (2, "blue-gray", "To Do"),
    "indeterminate": (4, "yellow", "In Progress"),
    "done": (3, "green", "Done"),
}
RESOLUTION = {"id": "10000", "name": "Done", "description": "Work has been completed on this issue."}
SYSTEM = {
    "summary": ("Summary", "string", None, ["set"]),
    "description": ("Description", "string", None, ["set"]),
    "labels": ("Labels", "array", "string", ["add", "set", "remove"]),
    "priority": ("Priority", "priority", None, ["set"]),
    "assignee": ("Assignee", "user", None, ["set"]),
    "issuetype": ("Issue Type", "issuetype", None, []),
    "project": ("Project", "project", None, []),
    "status": ("Status", "status", None, []),
    "resolution": ("Resolution", "resolution", None, ["set"]),
    "statuscategorychangedate": ("Status Category Changed", "datetime", None, []),
    "resolutiondate": ("Resolved", "datetime", None, []),
    "reporter": ("Reporter", "user", None, ["set"]),
    "creator": ("Creator", "user", None, []),
    "created": ("Created", "datetime", None, []),
    "updated": ("Updated", "datetime", None, []),
    "comment": ("Comment", "comments-page", None, ["add", "edit", "remove"]),
    "issuelinks": ("Linked Issues", "array", "issuelinks", ["add", "copy"]),
}
SCHEMAS = {
    "textfield": "string",
    "textarea": "string",
    "float": "number",
    "select": "option",
    "datepicker": "date",
    "datetime": "datetime",
    "labels": "array",
}
TYPES = "com.atlassian.jira.plugin.system.customfieldtypes:"


class Wire:
    """JSON for one REST version; `base` gives the site's address.

    `hook`: for a webhook, where a new status category is called otherwise. Of linked issues only those are shown that
    the reader `sees`, as they were `lag` seconds ago.
    """

    def __init__(
        self,
        world: World,
        base: Callable[[], str],
        version: Literal["2", "3"] = "2",
        hook: bool = False,
        sees: Callable[[Record], bool] = lambda _: True,
        lag: float = 0,
    ) -> None:
        self._world = world
        self._base = base
        self._version = version
        self._hook = hook
        self._sees = sees
        self._lag = lag

    @property
    def cloud(self) -> bool:
        return self._world.product == "cloud"

    def at(self, path: str) -> str:
        return f"{self._base()}/rest/api/{self._version}/{path}"

    def rich(self, text: str | None) -> Any:
        """A long text: a document on v3, wiki markup on v2."""
        return to_adf(text) if text is not None and self._version == "3" else text

    def person(self, person: Person, own: bool = False) -> Json:
        """Cloud hides the e-mail address of others; Data Center has names and keys instead of account ids."""
        shared = {
            "displayName": person.name,
            "active": person.active,
            "avatarUrls": {"48x48": f"{self._base()}/avatar/48/{person.name}"},
            "timeZone": str(self._world.zone),
        }
        if self.cloud:
            itself = {
                "self": self.at(f"user?accountId={person.id}"),
                "accountId": person.id,
                "accountType": person.kind,
            }
            return itself | shared | ({"emailAddress": person.email} if own else {})
        itself = {"self": self.at(f"user?username={person.name}"), "name": person.name, "key": person.id}
        return itself | shared | {"emailAddress": person.email}

    def user(self, name: str | None) -> Json | None:
        return None if name is None else self.person(self._world.people[name])

    def status(self, status: Status) -> Json:
        """The category's name differs by place: a webhook calls the first one New."""
        number, colour, name = CATEGORIES[status.category]
        if self._hook and status.category == "new":
            name = "New"
        return {
            "self": self.at(f"status/{status.id}"),
            "description": "",
            "iconUrl": f"{self._base()}/images/icons/status.png",
            "name": status.name,
            "id": status.id,
            "statusCategory": {
                "self": self.at(f"statuscategory/{number}"),
                "id": number,
                "key": status.category,
                "colorName": colour,
                "name": name,
            },
        }

    def priority(self, priority_id: str) -> Json:
        name = self._world.priorities[priority_id].name
        icon = f"{self._base()}/images/icons/priorities/{name.lower()}.svg"
        return {"self": self.at(f"priority/{priority_id}"), "iconUrl": icon, "name": name, "id": priority_id}

    def issue_type(self, project: Project, type_id: str) -> Json:
        name = dict(project.issue_types)[type_id]
        level = project.levels.get(type_id, 0)
        said = {"self": self.at(f"issuetype/{type_id}"), "id": type_id, "name": name, "subtask": level < 0}
        return said | ({"hierarchyLevel": level} if self.cloud else {})

    def project(self, project: Project) -> Json:
        kind = "service_desk" if project.service_desk else "software"
        about = {
            "self": self.at(f"project/{project.id}"),
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": kind,
        }
        return about | ({"simplified": False} if self.cloud else {})

    def comment(self, record: Record, comment: Comment, expand: frozenset[str] = frozenset()) -> Json:
        """A comment; its properties are shown only when the comment resource was asked to expand them."""
        said: Json = {
            "self": self.at(f"issue/{record.id}/comment/{comment.id}"),
            "id": comment.id,
            "author": self.user(comment.author),
            "body": self.rich(comment.body),
            "updateAuthor": self.user(comment.update_author),
            "created": stamp(comment.created, self._world.zone),
            "updated": stamp(comment.updated, self._world.zone),
        }
        if self.cloud:
            said["jsdPublic"] = not comment.internal
        if comment.visibility is not None:
            said["visibility"] = dict(comment.visibility)
        if "properties" in expand:
            said["properties"] = [{"key": k, "value": v} for k, v in comment.properties.items()]
        if "renderedBody" in expand:
            said["renderedBody"] = f"<p>{comment.body}</p>"
        return said

    def item(self, item: Item) -> Json:
        said: Json = {"field": item.field, "fieldtype": "custom" if item.custom else "jira"}
        if self.cloud and item.field_id:
            said["fieldId"] = item.field_id
        said |= {"from": item.before, "fromString": item.before_text, "to": item.after, "toString": item.after_text}
        if self.cloud and item.field == "assignee":
            said |= {"tmpFromAccountId": item.before, "tmpToAccountId": item.after}
        return said

    def history(self, history: History) -> Json:
        return {
            "id": history.id,
            "author": self.user(history.author),
            "created": stamp(history.created, self._world.zone),
            "items": [self.item(item) for item in history.items],
        }

    def changelog(self, record: Record, limit: int) -> Json:
        """The inline changelog: Cloud gives the newest `limit` first, Data Center everything, oldest first."""
        shown: Sequence[History] = record.histories
        if self.cloud:
            shown = record.histories[::-1][:limit]
        histories = [self.history(history) for history in shown]
        total = len(record.histories)
        return {"startAt": 0, "maxResults": limit if self.cloud else total, "total": total, "histories": histories}

    def comment_page(self, record: Record, limit: int) -> Json:
        shown = record.comments[-limit:] if self.cloud else record.comments
        return {
            "comments": [self.comment(record, comment) for comment in shown],
            "self": self.at(f"issue/{record.id}/comment"),
            "maxResults": limit if self.cloud else len(record.comments),
            "total": len(record.comments),
            "startAt": 0,
        }

    def fields(self, record: Record, wanted: Callable[[str], bool], comments: int) -> Json:
        """The fields of an issue that are wanted; `comments` limits how many of them are shown on Cloud."""
        world, project = self._world, self._world.projects[record.project]
        makers: Mapping[str, Callable[[], Any]] = {
            "summary": lambda: record.summary,
            "description": lambda: self.rich(record.description),
            "labels": lambda: list(record.labels),
            "priority": lambda: self.priority(record.priority) if record.priority else None,
            "assignee": lambda: self.user(record.assignee),
            "issuetype": lambda: self.issue_type(project, record.type),
            "project": lambda: self.project(project),
            "status": lambda: self.status(world.statuses[record.status]),
            "resolution": lambda: RESOLUTION if record.resolved else None,
            "resolutiondate": lambda: stamp(record.resolved, world.zone) if record.resolved else None,
            "reporter": lambda: self.user(record.reporter),
            "creator": lambda: self.user(record.creator or record.reporter),
            "created": lambda: stamp(record.created, world.zone),
            "updated": lambda: stamp(record.updated, world.zone),
            "comment": lambda: self.comment_page(record, comments),
            "issuelinks": lambda: list(self.links(record)),
        }
        if self.cloud:
            makers = {**makers, "statuscategorychangedate": lambda: self.category_changed(record)}
        said = {name: make() for name, make in makers.items() if wanted(name)}
        said |= {RANK_FIELD: lexo_rank(record.rank)} if wanted(RANK_FIELD) else {}
        return said | {f.id: self.custom(f, record) for f in world.fields.values() if wanted(f.id)}

    def category_changed(self, record: Record) -> str:
        """When the issue last came into another category of statuses."""
        known = {status.id: status.category for status in self._world.statuses.values()}
        moves = [(h.created, i) for h in record.histories for i in h.items if i.field == "status"]
        last = [at for at, item in moves if known.get(item.before or "") != known.get(item.after or "")]
        return stamp(last[-1] if last else record.created, self._world.zone)

    def links(self, record: Record) -> Iterator[Json]:
        """The links to issues that the reader may see."""
        for link in record.links:
            other = self._world.record(link.other, self._lag)
            if other is not None and self._sees(other):
                yield self._link(link, other)

    def _link(self, link: Link, other: Record) -> Json:
        kind = {"id": link.type.id, "name": link.type.name, "inward": link.type.inward, "outward": link.type.outward}
        shown = frozenset({"summary", "status", "priority", "issuetype"})
        stub = {k: v for k, v in self.head(other).items() if k != "expand"}
        stub["fields"] = self.fields(other, lambda name: name in shown, 0)
        end = "outwardIssue" if link.outward else "inwardIssue"
        about = {"id": link.id, "self": self.at(f"issueLink/{link.id}")}
        return about | {"type": kind | {"self": self.at(f"issueLinkType/{link.type.id}")}, end: stub}

    def custom(self, field: CustomField, record: Record) -> Any:
        value = record.custom.get(field.id)
        if field.kind == "select" and value is not None:
            return {"self": self.at(f"customFieldOption/{value}"), "value": dict(field.options)[value], "id": value}
        if field.kind == "datetime" and value is not None:
            return stamp(value, self._world.zone)
        return self.rich(value) if field.kind == "textarea" else value

    def head(self, record: Record) -> Json:
        expand = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
        return {"expand": expand, "id": str(record.id), "self": self.at(f"issue/{record.id}"), "key": record.key}

    def field_schema(self, field_id: str) -> Json:
        """The schema of a field as `GET field` and editmeta tell it."""
        if field_id == RANK_FIELD:
            return {"type": "any", "custom": "com.pyxis.greenhopper.jira:gh-lexo-rank", "customId": 10019}
        if field_id in SYSTEM:
            _, kind, items, _ = SYSTEM[field_id]
            return {"type": kind, "system": field_id} | ({"items": items} if items else {})
        field = self._world.fields[field_id]
        number = int(field_id.removeprefix("customfield_"))
        listed = {"items": "string"} if field.kind == "labels" else {}
        return {"type": SCHEMAS[field.kind], **listed, "custom": TYPES + field.kind, "customId": number}

    def edit_field(self, field_id: str, required: bool) -> Json:
        """A field of a screen; a select names its allowed values."""
        operations = ["set"]
        if field_id in SYSTEM:
            name, _, _, operations = SYSTEM[field_id]
        else:
            name = self._world.fields[field_id].name
        said: Json = {
            "required": required,
            "schema": self.field_schema(field_id),
            "name": name,
            "key": field_id,
            "operations": operations,
        }
        if not self.cloud:
            said["fieldId"] = field_id
        allowed: list[Json] | None = None
        if field_id == "priority":
            allowed = [self.priority(p) for p in self._world.priorities]
        elif field_id in self._world.fields and self._world.fields[field_id].kind == "select":
            options = self._world.fields[field_id].options
            allowed = [{"self": self.at(f"customFieldOption/{i}"), "value": v, "id": i} for i, v in options]
        return said | ({"allowedValues": allowed} if allowed is not None else {})

    def transition(self, step: Transition, fields: bool) -> Json:
        """Data Center doesn't tell `hasScreen`: its fields have to be asked for."""
        said: Json = {"id": step.id, "name": step.name, "to": self.status(self._world.statuses[step.to])}
        if self.cloud:
            said |= {"hasScreen": step.screen, "isGlobal": step.sources is None, "isInitial": False}
            said |= {"isAvailable": True, "isConditional": False, "isLooped": False}
        if fields:
            shown = step.required if step.screen else ()
            said["fields"] = {field_id: self.edit_field(field_id, required=True) for field_id in shown}
        return said


def lexo_rank(rank: float) -> str:
    """A rank as Jira keeps it: texts that sort as the issues stand."""
    return f"0|{int((rank + 1000) * 10**9):024d}:"
