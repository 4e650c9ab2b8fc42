"""An issue edit: labels and fields in one body, and what to do when Jira refuses a part of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.jira.site import Field, Fields
from mapping.changes import Acknowledge, SetFields, SetLabels

PRIORITY = Field("priority", "Priority", "priority")


@dataclass(frozen=True, slots=True)
class Edit:
    """A change with the field values and the field operations that it asks for; an acknowledgement asks for none."""

    change: SetLabels | SetFields | Acknowledge
    fields: Mapping[str, Any]
    update: Mapping[str, Sequence[Mapping[str, Any]]]

    def touches(self, names: Iterable[str]) -> bool:
        """Whether it sets one of these field ids."""
        return not {*self.fields, *self.update}.isdisjoint(names)


def label_edit(change: SetLabels) -> Edit:
    """Labels are added and taken away one by one, so that nobody else's are touched."""
    operations = [{"add": label} for label in sorted(change.add)] + [
        {"remove": label} for label in sorted(change.remove)
    ]
    return Edit(change, {}, {"labels": operations} if operations else {})


def field_edit(change: SetFields, fields: Fields) -> Edit:
    """Fields by id, each value in the form of its type; LookupError for a name that means no field, or several."""
    values = {}
    for name, text in change.values.items():
        field = PRIORITY if name.casefold() == "priority" else _only(name, fields.called(name))
        values[field.id] = value_of(field, text)
    return Edit(change, values, {})


def _only(name: str, meant: Sequence[Field]) -> Field:
    if not meant:
        raise LookupError(
            f'Jira has no field called "{name}"; a Jira administrator creates it, or app.yaml names another'
        )
    if len(meant) > 1:
        ids = ", ".join(field.id for field in meant)
        raise LookupError(f'several Jira fields are called "{name}" ({ids}); name the field by its id in app.yaml')
    return meant[0]


def value_of(field: Field, text: str) -> Any:
    """A text in the form that the field's type takes; an empty one clears the field. ValueError: not a number."""
    if not text:
        return [] if field.type == "array" else None
    if field.type == "number":
        return float(text)
    if field.type in {"option", "priority", "resolution"}:
        return {"value" if field.type == "option" else "name": text}
    if field.type == "array":
        return [{"value": part.strip()} for part in text.split(",")] if field.items == "option" else text.split()
    return text


def body_of(edits: Sequence[Edit]) -> dict[str, Any]:
    """The body of one edit that does all of these."""
    fields = {name: value for edit in edits for name, value in edit.fields.items()}
    update: dict[str, list[Mapping[str, Any]]] = {}
    for edit in edits:
        for name, operations in edit.update.items():
            update.setdefault(name, []).extend(operations)
    return {key: value for key, value in (("fields", fields), ("update", update)) if value}
