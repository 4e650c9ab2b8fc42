"""The hidden part of our comments: one property on the issue, and one on each comment that outlives a crash."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.jira.people import People
from mapping.issue import Comment, Marker

PROPERTY = "spark-integrator"
INTERNAL = {"key": "sd.public.comment", "value": {"internal": True}}


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the issue's property: the comment it is about and what that comment said."""

    comment: str
    marker: Marker


def listed(issue: Mapping[str, Any]) -> dict[str, Marker]:
    """The markers in the issue's property by comment id; whatever isn't of our making is left out."""
    value = (issue.get("properties") or {}).get(PROPERTY)
    entries = value.get("comments") if isinstance(value, dict) else None
    read = (_listed(key, entry) for key, entry in entries.items()) if isinstance(entries, dict) else ()
    return {one.comment: one.marker for one in read if one is not None}


def _listed(key: str, entry: Any) -> Listed | None:
    marker = marker_of({**entry, "key": key}) if isinstance(entry, dict) else None
    return Listed(str(entry["id"]), marker) if marker and entry.get("id") else None


def marker_of(value: Any) -> Marker | None:
    """A marker as we write it, or None."""
    if not isinstance(value, dict):
        return None
    key, digest, memo = value.get("key"), value.get("digest"), value.get("memo") or {}
    if isinstance(key, str) and isinstance(digest, str) and isinstance(memo, dict):
        return Marker(key, digest, memo)
    return None


def own_property(comment: Mapping[str, Any]) -> Marker | None:
    """The marker that a comment carries itself (as `expand=properties` shows it)."""
    values = (p.get("value") for p in comment.get("properties") or () if p.get("key") == PROPERTY)
    return marker_of(next(values, None))


def believed(marker: Marker | None, comment: Mapping[str, Any], people: People) -> Marker | None:
    """What a comment's marker is worth: nothing on another's comment, only its key where another edited ours."""
    if marker is None or not people.is_ours(comment.get("author")):
        return None
    editor = comment.get("updateAuthor")
    return marker if editor is None or people.is_ours(editor) else Marker(marker.key, "")


def on_comment(marker: Marker) -> dict[str, Any]:
    """The property that a comment carries."""
    value = {"key": marker.key, "digest": marker.digest, "memo": dict(marker.memo)}
    return {"key": PROPERTY, "value": value}


def by_key(comments: Iterable[Comment]) -> dict[str, tuple[str, Marker]]:
    """Of each key the oldest marked comment: the one that counts."""
    marked: dict[str, tuple[str, Marker]] = {}
    for comment in sorted(comments, key=lambda c: (c.at, c.id)):
        if comment.marker is not None:
            marked.setdefault(comment.marker.key, (comment.id, comment.marker))
    return marked
