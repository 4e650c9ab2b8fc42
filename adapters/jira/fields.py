"""The fields of a Jira site, by id and by name. Names are not unique, and some fields exist in one project only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """A field of issues: its id, its name, and the type of its values (`items`: of a list's elements).

    `project` is the id of the only project that it exists in (team-managed ones have fields of their own); `custom` the
    kind of a custom field, as Jira's own type keys end: textfield, textarea, select, datetime.
    """

    id: str
    name: str
    type: str = "string"
    items: str = ""
    project: str = ""
    custom: str = ""


@dataclass(frozen=True)
class Fields:
    """The fields of a site; `ids` are those that app.yaml names by id."""

    all: tuple[Field, ...]
    ids: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _by_id(self) -> Mapping[str, Field]:
        return {one.id: one for one in self.all}

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Field]]:
        """Sites have thousands of fields, and every issue that is read asks for some."""
        named: dict[str, list[Field]] = {}
        for one in self.all:
            named.setdefault(one.name.casefold(), []).append(one)
        return named

    def called(self, name: str, project: str | None = None) -> tuple[Field, ...]:
        """The fields that a name or an id means (in a project, by its id): none, one, or several if ambiguous."""
        by_id = self._by_id.get(self.ids.get(name, name))
        if by_id is not None or name in self.ids:
            return (by_id,) if by_id is not None else ()
        named = self._by_name.get(name.casefold(), ())
        return tuple(one for one in named if project is None or one.project in {"", project})

    def clashing(self, name: str) -> tuple[Field, ...]:
        """The fields of this name, if two of them can meet in one project."""
        meant = self.called(name)
        homes = [one.project for one in meant]
        return meant if len(set(homes)) < len(homes) or ("" in homes and len(homes) > 1) else ()

    def unique(self, names: Sequence[str], project: str) -> dict[str, Field]:
        """Each name that means exactly one field in a project, with it."""
        meant = {name: self.called(name, project) for name in names}
        return {name: fields[0] for name, fields in meant.items() if len(fields) == 1}


def field_of(raw: Mapping[str, Any]) -> Field:
    """A field as Jira lists it."""
    schema = raw.get("schema") or {}
    scope = raw.get("scope") or {}
    project = (scope.get("project") or {}).get("id") if scope.get("type") == "PROJECT" else ""
    kind, items = str(schema.get("type") or "string"), str(schema.get("items") or "")
    custom = str(schema.get("custom") or "").rpartition(":")[2]
    return Field(str(raw["id"]), str(raw.get("name") or raw["id"]), kind, items, str(project or ""), custom)
