"""An issue edit: labels and fields in one body, and what to do when Jira refuses a part of it."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapters.jira.fields import Field, Fields
from adapters.jira.history import moment
from adapters.jira.parse import text_of
from adapters.jira.screens import Screen
from mapping.card import WRITTEN
from mapping.changes import Acknowledge, SetFields, SetLabels

PRIORITY = Field("priority", "Priority", "priority")


@dataclass(frozen=True, slots=True)
class Edit:
    """A change with the field values and the field operations that it asks for; an acknowledgement asks for none.

    `names`: by id, of the fields that the issue's property can stand in for.
    """

    change: SetLabels | SetFields | Acknowledge
    fields: Mapping[str, Any]
    update: Mapping[str, Sequence[Mapping[str, Any]]]
    names: Mapping[str, str] = field(default_factory=dict)

    def without(self, ids: Collection[str]) -> "Edit":
        """The rest of it."""
        fields, names = ({k: v for k, v in part.items() if k not in ids} for part in (self.fields, self.names))
        return replace(self, fields=fields, names=names)

    @property
    def puts_labels(self) -> bool:
        """Whether it adds a label."""
        return isinstance(self.change, SetLabels) and bool(self.change.add)

    def can_do_without(self, ids: Iterable[str]) -> bool:
        """Whether it sets one of these fields, and the issue's property can stand in for it."""
        return not self.names.keys().isdisjoint(ids)

    def touches(self, names: Iterable[str]) -> bool:
        """Whether it sets one of these field ids."""
        return not {*self.fields, *self.update}.isdisjoint(names)


def label_edit(change: SetLabels) -> Edit:
    """Labels are added and taken away one by one, so that nobody else's are touched."""
    operations = [{"add": label} for label in sorted(change.add)] + [
        {"remove": label} for label in sorted(change.remove)
    ]
    return Edit(change, {}, {"labels": operations} if operations else {})


def field_edit(
    change: SetFields, fields: Fields, project: str, screen: Screen | None
) -> tuple[Edit, Mapping[str, str]]:
    """Fields by id, each value in the form of its type; and by name what Jira has no place for.

    `screen` is what is known of the edit screen. LookupError for a name that means several fields, or none although it
    isn't one of ours; ValueError for a value that another's field can't hold.
    """
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    aside: dict[str, str] = {}
    for name, text in change.values.items():
        field = PRIORITY if name.casefold() == "priority" else _only(name, fields.called(name, project))
        if field is None or (name in WRITTEN and not (holds(field, text) and _is_open(screen, field, text))):
            aside[name] = text
            continue
        values[field.id] = value_of(field, text)
        if name in WRITTEN:
            names[field.id] = name
    return Edit(change, values, {}, names), aside


def _only(name: str, meant: Sequence[Field]) -> Field | None:
    if not meant and name not in WRITTEN:
        raise LookupError(
            f'Jira has no field called "{name}"; a Jira administrator creates it, or app.yaml names another'
        )
    if len(meant) > 1:
        ids = ", ".join(field.id for field in meant)
        raise LookupError(f'several Jira fields are called "{name}" ({ids}); name the field by its id in app.yaml')
    return meant[0] if meant else None


def _is_open(screen: Screen | None, field: Field, text: str) -> bool:
    return screen is None or screen.takes(field.id, text)


def holds(field: Field, text: str) -> bool:
    """Whether a field of this type can show a text, so that it reads the same again."""
    try:
        value_of(field, text)
    except (ValueError, OverflowError):
        return False
    return field.type in {"string", "number", "option", "date", "datetime"}


def value_of(field: Field, text: str) -> Any:
    """A text in the form that the field's type takes; an empty one clears the field. ValueError: it can't be."""
    if field.type == "array" and field.items == "option":
        return [{"value": part.strip()} for part in text.split(",") if text]
    if field.type == "array":
        return text.split()
    return _FORMS.get(field.type, str)(text) if text else None


def _number(text: str) -> float:
    """ValueError also for what Jira would write in another way: it would never read as it should."""
    number = float(text)
    if text_of(number) != text or not math.isfinite(number):
        raise ValueError(f"{text!r} is no number as Jira writes it")
    return number


_FORMS: Mapping[str, Callable[[str], Any]] = {
    "number": _number,
    "option": lambda text: {"value": text},
    "priority": lambda text: {"name": text},
    "resolution": lambda text: {"name": text},
    "date": lambda text: datetime.fromisoformat(text).date().isoformat(),
    "datetime": lambda text: moment(text).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
}


def body_of(edits: Sequence[Edit]) -> dict[str, Any]:
    """The body of one edit that does all of these."""
    fields = {name: value for edit in edits for name, value in edit.fields.items()}
    update: dict[str, list[Mapping[str, Any]]] = {}
    for edit in edits:
        for name, operations in edit.update.items():
            update.setdefault(name, []).extend(operations)
    return {key: value for key, value in (("fields", fields), ("update", update)) if value}
