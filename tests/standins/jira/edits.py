"""Reading what a caller wants an issue's fields to be, as strictly as Jira's own screens do."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.standins.jira.adf import from_adf
from tests.standins.jira.routing import Call, Refused, Unknown, among, keys
from tests.standins.jira.site import Site
from tests.standins.jira.state import LinkType, Record

MAX_TEXT = 32767
_FORMS = {
    "datepicker": r"\d{4}-[01]\d-[0-3]\d",
    "datetime": r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}[+-]\d{4}",
}
MAX_PROPERTY = 32768


def properties(body: dict[str, Any]) -> dict[str, Any]:
    """The `properties` of a body: a list of key and value."""
    found: dict[str, Any] = {}
    for entry in body.get("properties", []):
        keys(entry, "key", "value", where="properties[]")
        found[entry["key"]] = sized(entry["key"], entry["value"])
    return found


def sized(key: str, value: Any) -> Any:
    """A property's value, if it and its key are short enough."""
    if len(json.dumps(value)) > MAX_PROPERTY or len(key) > 255:
        raise Refused(400, f"The property {key[:40]} is too long: at most {MAX_PROPERTY} characters, 255 in its key.")
    return value


def rich_text(call: Call, value: Any, name: str) -> str:
    """A long text: a document on v3, a string on v2; anything else Jira refuses."""
    if call.version == "3":
        if isinstance(value, str):
            raise Refused(400, errors={name: "Operation value must be an Atlassian Document"})
        return from_adf(value)
    if not isinstance(value, str):
        raise Refused(400, errors={name: "Operation value must be a string"})
    if len(value) > MAX_TEXT:
        raise Refused(400, errors={name: f"The entered text is too long. It exceeds the allowed limit of {MAX_TEXT}."})
    return value


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link asked for: the issue edited is its source (`outward`) or its target."""

    type: LinkType
    other: int
    outward: bool


class Edit:
    """Field values for an issue of `project`, gathered from `fields` and `update` and checked one by one."""

    def __init__(
        self, site: Site, call: Call, project: str, screen: Iterable[str], before: Record | None = None
    ) -> None:
        self._site = site
        self._call = call
        self._project = project
        self._screen = frozenset(screen)
        self._before = before
        self._custom = dict(before.custom) if before else {}
        self.comments: list[dict[str, Any]] = []
        self.links: list[NewLink] = []
        self.values: dict[str, Any] = {}

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        """The record values that the body asks for."""
        fields, update = body.get("fields") or {}, body.get("update") or {}
        self._must_be_on_screen([*fields, *update])
        if both := fields.keys() & update.keys():
            raise Refused(
                400, errors={name: f"Field '{name}' cannot appear in both fields and update" for name in both}
            )
        if "issuelinks" in fields:
            raise Refused(400, errors={"issuelinks": "Field does not support update 'issuelinks'"})
        for name, value in fields.items():
            self._set(name, value)
        for name, operations in update.items():
            if not isinstance(operations, list):
                raise Refused(400, errors={name: "data was not an array"})
            for operation in operations:
                self._operate(name, operation)
        return self.values

    def _must_be_on_screen(self, names: Iterable[str]) -> None:
        said = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
        if strange := [name for name in names if name != "comment" and name not in self._screen]:
            raise Refused(400, errors={name: said.format(name) for name in strange})

    def _operate(self, name: str, operation: dict[str, Any]) -> None:
        """One operation of `update`: labels can be added and removed, comments added, everything be set."""
        keys(operation, "add", "remove", "set", where=f"update.{name}")
        if name == "issuelinks" and operation.keys() == {"add"}:
            self.links.append(self._link(operation["add"]))
            return
        for verb, value in operation.items():
            if name == "comment" and verb == "add":
                self.comments.append(keys(value, "body", "visibility", "properties", where="update.comment[].add"))
            elif name == "labels" and verb in ("add", "remove"):
                labels = set(self.values.get("labels", self._before.labels if self._before else ()))
                change = {_label(value)}
                self.values["labels"] = tuple(sorted(labels | change if verb == "add" else labels - change))
            elif verb == "set":
                self._set(name, value)
            else:
                raise Refused(
                    400, errors={name: f"Field with id '{name}' and name '{name}' does not support operation '{verb}'"}
                )

    def _link(self, value: Any) -> NewLink:
        """Whoever links needs the permission in the project of the issue edited, and must see the other issue."""
        where = "update.issuelinks[].add"
        keys(value, "type", "outwardIssue", "inwardIssue", where=where)
        if not self._call.by.may("LINK_ISSUES", self._project):
            raise Refused(400, errors={"issuelinks": "You do not have the permission to link issues."})
        kind = link_type(self._site, value.get("type"))
        outward = "outwardIssue" in value
        named = keys(value.get("outwardIssue" if outward else "inwardIssue"), "key", "id", where=where)
        other = self._site.asked(self._call, str(named.get("key") or named.get("id")))
        return NewLink(kind, other.id, outward)

    def _set(self, name: str, value: Any) -> None:
        match name:
            case "summary":
                if not isinstance(value, str) or not value.strip() or "\n" in value or len(value) > 255:
                    raise Refused(
                        400, errors={"summary": "You must specify a summary of one line, at most 255 characters."}
                    )
                self.values["summary"] = value
            case "description":
                self.values["description"] = None if value is None else rich_text(self._call, value, name)
            case "labels":
                if not isinstance(value, list):
                    raise Refused(400, errors={"labels": "data was not an array"})
                self.values["labels"] = tuple(sorted({_label(label) for label in value}))
            case "priority":
                self.values["priority"] = None if value is None else self._priority(value)
            case "assignee":
                self.values["assignee"] = None if value is None else self.assignee(value)
            case _:
                self._custom[name] = None if value is None else self._custom_value(name, value)
                self.values["custom"] = dict(self._custom)

    def _priority(self, value: Any) -> str:
        keys(value, "id", "name", where="priority")
        for priority in self._site.world.priorities.values():
            if priority.id == value.get("id", priority.id) and priority.name == value.get("name", priority.name):
                return priority.id
        raise Refused(400, errors={"priority": "Specify a valid value for priority"})

    def assignee(self, value: Any) -> str:
        """Cloud takes an accountId, Data Center a name; whoever it is must be assignable in the project."""
        known = "accountId" if self._site.cloud else "name"
        account = keys(value, known, where="assignee").get(known)
        person = self._site.world.person_by_id(account) if isinstance(account, str) else None
        if person is None or not person.may("ASSIGNABLE_USER", self._project):
            raise Refused(400, errors={"assignee": f"User '{account}' cannot be assigned issues."})
        return person.name

    def _custom_value(self, name: str, value: Any) -> Any:
        field = self._site.world.fields.get(name)
        if field is None:
            raise Unknown(f"field {name}")
        match field.kind:
            case "textarea":
                return rich_text(self._call, value, name)
            case "textfield" if isinstance(value, str) and len(value) <= 255 and "\n" not in value:
                return value
            case "datepicker" | "datetime" if isinstance(value, str) and re.fullmatch(_FORMS[field.kind], value):
                return value if field.kind == "datepicker" else datetime.fromisoformat(value)
            case "labels" if isinstance(value, list):
                return [_label(label) for label in value]
            case "float" if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
            case "select" if isinstance(value, dict):
                among(f"{name} key", value, ("id", "value"))
                for option_id, option in field.options:
                    if value in ({"id": option_id}, {"value": option}, {"id": option_id, "value": option}):
                        return option_id
        raise Refused(400, errors={name: f"Specify a valid value for '{field.name}'"})


def _label(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 255:
        raise Refused(400, errors={"labels": "A label must be a string of 1 to 255 characters."})
    if any(c.isspace() for c in value):
        raise Refused(400, errors={"labels": f"The label '{value}' contains spaces which is invalid."})
    return value


def link_type(site: Site, value: Any) -> LinkType:
    """The type of link that a body names."""
    named = keys(value, "name", "id", where="link type")
    for kind in site.world.link_types.values():
        if kind.name == named.get("name", kind.name) and kind.id == str(named.get("id", kind.id)):
            return kind
    raise Refused(400, errors={"issuelinks": f"No issue link type with name '{named.get('name')}' found."})


def carry_out(site: Site, call: Call, record: Record, edit: Edit) -> Record:
    """Write the comments and make the links that came with an edit."""
    for entry in edit.comments:
        site.permit(call, "ADD_COMMENTS", record.project)
        text = rich_text(call, entry.get("body"), "comment")
        site.acts.comment(record, call.by.name, text, properties(entry), entry.get("visibility"))
        record = site.asked(call, str(record.id))
    for link in edit.links:
        ends = (record.id, link.other) if link.outward else (link.other, record.id)
        site.acts.link(call.by.name, link.type, *ends)
    return site.asked(call, str(record.id))
