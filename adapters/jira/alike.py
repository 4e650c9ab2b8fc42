"""Which issues are to be changed in the same way, and what Jira's bulk operations are told to do to them. Pure."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from adapters.jira.edit import PRIORITY
from adapters.jira.fields import Field
from adapters.jira.screens import Screen

FEWEST = 5  # issues: fewer are written one by one, which takes no more requests and no waiting
MOST_ISSUES, MOST_FIELDS = 1000, 200  # of one bulk operation, as Jira limits it
NONE = -1  # the option that clears a list
ISSUES = "selectedIssueIdsOrKeys"

K = TypeVar("K")
Input = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alike(Generic[K]):
    """Issues (by whatever names them) that one request changes, and what it is to say beside their names."""

    input: Input
    issues: tuple[K, ...]


def alike(wanted: Iterable[tuple[K, Input | None]]) -> Iterator[Alike[K]]:
    """Those of which enough want the same, as many requests as their number takes; None is left out."""
    same: dict[str, list[K]] = {}
    inputs: dict[str, Input] = {}
    for issue, given in wanted:
        if given is not None:
            key = json.dumps(given, sort_keys=True)
            inputs[key] = given
            same.setdefault(key, []).append(issue)
    for key, issues in same.items():
        for start in range(0, len(issues), MOST_ISSUES):
            some = issues[start : start + MOST_ISSUES]
            if len(some) >= FEWEST:
                yield Alike(inputs[key], tuple(some))


def transitions(ways: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    """The body of one bulk transition: each way (by its id) with the issues that take it."""
    taking: dict[str, list[str]] = {}
    for issue, way in ways:
        taking.setdefault(way, []).append(issue)
    inputs = [{ISSUES: issues, "transitionId": way} for way, issues in taking.items()]
    return {"bulkTransitionInputs": inputs, "sendBulkNotification": False}


def bulk_edit(given: Input, issues: Sequence[str]) -> Mapping[str, Any]:
    """The body of one bulk edit of these issues."""
    return {**given, ISSUES: list(issues), "sendBulkNotification": False}


def input_of(body: Mapping[str, Any], fields: Mapping[str, Field], screen: Screen | None) -> Input | None:
    """What a bulk edit has to say to do what this edit of one issue does; None if it can't be told in bulk.

    `screen` knows the ids of options. Long texts, which would have to be documents, and dates, whose written form is
    not certain, are left to edits of their own.
    """
    told: dict[str, Any] = {}
    for name, value in (body.get("fields") or {}).items():
        say = _SAID.get(fields[name].custom if name != PRIORITY.id else name)
        said = say(name, value, screen.ids.get(name, {}) if screen else {}) if say else None
        if said is None:
            return None
        kind, entry = said
        if kind == PRIORITY.id:
            told[kind] = entry
        else:
            told.setdefault(kind, []).append(entry)
    update = body.get("update") or {}
    labels = list(_labels(update.get("labels") or ()))
    told |= {"labelsFields": labels} if labels else {}
    actions = sorted({*(body.get("fields") or {}), *update})
    return {"selectedActions": actions, "editedFieldsInput": told} if 0 < len(actions) <= MOST_FIELDS else None


def needs_ids(body: Mapping[str, Any], fields: Mapping[str, Field]) -> bool:
    """Whether the ids of options have to be known to tell this in bulk."""
    return any(name == PRIORITY.id or fields[name].custom == "select" for name in body.get("fields") or {})


def _labels(operations: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
    """Added and removed by an entry each, so that nobody else's labels are touched."""
    for verb, option in (("add", "ADD"), ("remove", "REMOVE")):
        names = [{"name": operation[verb]} for operation in operations if verb in operation]
        if names:
            yield {"fieldId": "labels", "bulkEditMultiSelectFieldOption": option, "labels": names}


Said = tuple[str, Mapping[str, Any]] | None
Ids = Mapping[str, str]


def _text(field: str, value: Any, ids: Ids) -> Said:
    return "singleLineTextFields", {"fieldId": field, "text": value or ""}


def _number(field: str, value: Any, ids: Ids) -> Said:
    """Clearing one takes a null, which Jira's own description of the operation forbids."""
    return ("clearableNumberFields", {"fieldId": field, "value": value}) if value is not None else None


def _instant(field: str, value: Any, ids: Ids) -> Said:
    return "dateTimePickerFields", {"fieldId": field, "dateTime": {"formattedDateTime": value or ""}}


def _option(field: str, value: Any, ids: Ids) -> Said:
    number = str(NONE) if value is None else ids.get(value["value"], "")
    known = number.removeprefix("-").isdecimal()
    return ("singleSelectFields", {"fieldId": field, "option": {"optionId": int(number)}}) if known else None


def _priority(field: str, value: Any, ids: Ids) -> Said:
    number = ids.get(value["name"]) if value else None
    return (field, {"priorityId": number}) if number else None


_SAID: Mapping[str, Callable[[str, Any, Ids], Said]] = {
    "textfield": _text,
    "float": _number,
    "datetime": _instant,
    "select": _option,
    PRIORITY.id: _priority,
}
"""How a value is told, by what kind of custom field it is for."""
