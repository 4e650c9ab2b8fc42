"""Values of Jira fields as text, and comments."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.jira.history import moment
from adapters.jira.memory import written
from adapters.jira.people import People
from mapping.issue import Comment, Marker

_TEXT_OF = ("value", "name", "displayName", "key")


def text_of(value: Any) -> str:
    """A field's value as a person reads it: options by their value, people by name, lists joined by commas."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case list():
            return ", ".join(text for text in map(text_of, value) if text)
        case Mapping():
            own = next((text_of(value[key]) for key in _TEXT_OF if value.get(key)), "")
            child = text_of(value.get("child"))
            return f"{own} - {child}" if child else own
        case _:
            return str(value)


def comment_of(raw: Mapping[str, Any], people: People, marker: Marker | None, acknowledged: str | None) -> Comment:
    """A comment. One that customers can't read, or that is shown to a role or group only, is internal.

    `acknowledged` is the time of last update (as `version` has it) that it was acknowledged with; edited since, it no
    longer is.
    """
    at = moment(raw["created"])
    changed = moment(raw.get("updated") or raw["created"])
    edited: datetime | None = changed if changed > at else None
    last = edited or at
    return Comment(
        id=str(raw["id"]),
        at=at,
        by=people.person(raw.get("author")),
        body=text_of(raw.get("body")),
        edited_at=edited,
        edited_by=people.person(raw.get("updateAuthor")) if edited else None,
        internal=raw.get("jsdPublic") is False or bool(raw.get("visibility")),
        marker=marker,
        acknowledged_at=last if acknowledged == written(last) else None,
    )


def version(comment: Comment) -> str:
    """Which state of a comment this is: the time when it was written or last edited."""
    return written(comment.edited_at or comment.at)
