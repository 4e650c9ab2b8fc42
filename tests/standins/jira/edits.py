"""Reading what a caller wants an issue's fields to be, as strictly as Jira's own screens do."""

from collections.abc import Iterable
from typing import Any

from tests.standins.jira.adf import from_adf
from tests.standins.jira.routing import Call, Refused, Unknown, among, keys
from tests.standins.jira.site import Site
from tests.standins.jira.state import Record

MAX_TEXT = 32767


def properties(body: dict[str, Any]) -> dict[str, Any]:
    """The `properties` of a body: a list of key and value."""
    found: dict[str, Any] = {}
    for entry in body.get("properties", []):
        keys(entry, "key", "value", where="properties[]")
        found[entry["key"]] = entry["value"]
    return found


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
        self.values: dict[str, Any] = {}

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        """The record values that the body asks for."""
        fields, update = body.get("fields") or {}, body.get("update") or {}
        for name in [*fields, *update]:
            self._must_be_on_screen(name)
        if both := fields.keys() & update.keys():
            raise Refused(
                400, errors={name: f"Field '{name}' cannot appear in both fields and update" for name in both}
            )
        for name, value in fields.items():
            self._set(name, value)
        for name, operations in update.items():
            if not isinstance(operations, list):
                raise Refused(400, errors={name: "data was not an array"})
            for operation in operations:
                self._operate(name, operation)
        return self.values

    def _must_be_on_screen(self, name: str) -> None:
        if name == "comment" or name in self._screen:
            return
        said = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        raise Refused(400, errors={name: said})

    def _operate(self, name: str, operation: dict[str, Any]) -> None:
        """One operation of `update`: labels can be added and removed, comments added, everything be set."""
        keys(operation, "add", "remove", "set", where=f"update.{name}")
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
            case "textfield" if isinstance(value, str) and len(value) <= 255:
                return value
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
