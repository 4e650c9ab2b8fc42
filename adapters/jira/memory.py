"""What an issue's own property remembers: our comments, what we acknowledged, which issues we opened and why."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from adapters.jira.history import moment
from adapters.jira.markers import PROPERTY
from mapping.issue import Marker

MOST_ACKNOWLEDGED = 200
LONGEST_PROPERTY = 32_000  # characters; Jira's own limit is 32,768
_KEY = re.compile(r"[A-Z][A-Z0-9_]*-[1-9][0-9]*")
_ID = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Child:
    """An issue that we opened because of another one; the id stays when its key changes, `at` is about when."""

    id: str
    key: str
    at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why we opened an issue: what for (`key`), and because of which issue (`id` and, at that time, `issue`)."""

    key: str
    id: str
    issue: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a field should show that can't show it itself; `refused` is the id of the one that refused this value."""

    text: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """The property as we write it.

    `comments`: (comment id, marker) by marker key. `acknowledged`: the time of last update (`written`) by comment id.
    `opened`: issues by what they are for. `opening`: what an issue was about to be opened for, where nobody saw yet
    that it was. `cause`: on an issue that we opened ourselves. `fields`: values that Jira has no place for, by name.
    """

    comments: Mapping[str, tuple[str, Marker]] = field(default_factory=dict)
    acknowledged: Mapping[str, str] = field(default_factory=dict)
    opened: Mapping[str, Child] = field(default_factory=dict)
    opening: frozenset[str] = frozenset()
    cause: Cause | None = None
    fields: Mapping[str, Stored] = field(default_factory=dict)

    def said(self, marker: Marker, comment: str) -> "Memory":
        """There is a comment of ours that says this."""
        return replace(self, comments={**self.comments, marker.key: (comment, marker)})

    def dropped(self, comment: str) -> "Memory":
        """A comment of ours is gone."""
        return replace(self, comments={key: said for key, said in self.comments.items() if said[0] != comment})

    def acknowledging(self, versions: Mapping[str, str]) -> "Memory":
        """These comments count as they were at these times; of all only the newest are remembered."""
        every = {**self.acknowledged, **versions}
        newest = sorted(every.items(), key=lambda item: (item[1], item[0]))[-MOST_ACKNOWLEDGED:]
        return replace(self, acknowledged=dict(newest))

    def about_to_open(self, key: str) -> "Memory":
        """An issue will be opened for this: until it is listed it has to be looked for."""
        return replace(self, opening=self.opening | {key})

    def has_opened(self, key: str, child: Child) -> "Memory":
        """An issue was opened for this."""
        return replace(self, opened={**self.opened, key: child}, opening=self.opening - {key})

    def storing(self, values: Mapping[str, Stored | None]) -> "Memory":
        """The property stands in for these fields, or (None) no longer does."""
        every = {**self.fields, **values}
        return replace(self, fields={name: stored for name, stored in every.items() if stored is not None})

    def fitted(self) -> "Memory":
        """As much of it as the property holds: the oldest acknowledgements give way."""
        short = self
        while short.acknowledged and len(json.dumps(on_issue(short)["value"])) > LONGEST_PROPERTY:
            newest = sorted(short.acknowledged.items(), key=lambda item: (item[1], item[0]))
            short = replace(short, acknowledged=dict(newest[len(newest) // 2 + 1 :]))
        return short


def written(at: datetime) -> str:
    """A time as the property keeps it, whatever time zone Jira writes it in today: in UTC, sortable as text."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def on_issue(memory: Memory) -> dict[str, Any]:
    """The issue's property."""
    said = {key: {"id": c, "digest": m.digest, "memo": dict(m.memo)} for key, (c, m) in memory.comments.items()}
    opened = {key: {"id": c.id, "key": c.key, "at": written(c.at)} for key, c in memory.opened.items()}
    more = {
        "acknowledged": dict(memory.acknowledged),
        "opened": opened,
        "opening": sorted(memory.opening),
        "for": _because(memory.cause) if memory.cause else {},
        "fields": {name: _stored(stored) for name, stored in memory.fields.items()},
    }
    return {"key": PROPERTY, "value": {"comments": said} | {name: part for name, part in more.items() if part}}


def _because(cause: Cause) -> dict[str, str]:
    return {"key": cause.key, "id": cause.id, "issue": cause.issue}


def _stored(stored: Stored) -> dict[str, str]:
    return {"text": stored.text} | ({"refused": stored.refused} if stored.refused else {})


def is_whole(issue: Mapping[str, Any]) -> bool:
    """Whether the issue has a property that can be one of ours, so that what it doesn't list was never there."""
    return isinstance(_part(issue, "comments"), dict)


def acknowledged_in(issue: Mapping[str, Any]) -> dict[str, str]:
    """What was acknowledged, by comment id; whatever isn't of our making is left out, here and below."""
    return {str(c): at for c, at in _entries(issue, "acknowledged").items() if isinstance(at, str)}


def opened_in(issue: Mapping[str, Any]) -> dict[str, Child]:
    """The issues that the property says we opened, by what they are for."""
    read = {key: _child(entry) for key, entry in _entries(issue, "opened").items()}
    return {key: child for key, child in read.items() if child is not None}


def _child(entry: Any) -> Child | None:
    match entry:
        case {"id": str(number), "key": str(key), "at": str(at)} if _ID.fullmatch(number) and _KEY.fullmatch(key):
            try:
                return Child(number, key, moment(at))
            except ValueError:
                return None
    return None


def opening_in(issue: Mapping[str, Any]) -> frozenset[str]:
    """What an issue was about to be opened for."""
    keys = _part(issue, "opening")
    return frozenset(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else frozenset()


def cause_in(issue: Mapping[str, Any]) -> Cause | None:
    """Why we opened this issue, as its property says; who made the issue is not looked at here."""
    match _part(issue, "for"):
        case {"key": str(key), "id": str(number), "issue": str(name)} if _KEY.fullmatch(name):
            return Cause(key, number, name)
    return None


def fields_in(issue: Mapping[str, Any], names: Collection[str]) -> dict[str, Stored]:
    """What the property shows for fields of these names; nobody reads any others there."""
    entries = {name: entry for name, entry in _entries(issue, "fields").items() if name in names}
    read = {name: _stored_in(entry) for name, entry in entries.items()}
    return {name: stored for name, stored in read.items() if stored is not None}


def _stored_in(entry: Any) -> Stored | None:
    match entry:
        case {"text": str(text)}:
            return Stored(text, str(entry.get("refused") or ""))
    return None


def _entries(issue: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = _part(issue, name)
    return part if isinstance(part, dict) else {}


def _part(issue: Mapping[str, Any], name: str) -> Any:
    properties = issue.get("properties")
    value = properties.get(PROPERTY) if isinstance(properties, dict) else None
    return value.get(name) if isinstance(value, dict) else None
