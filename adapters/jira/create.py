"""The request that opens an issue because of another one, and what it can do without."""

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.jira.length import fitting
from adapters.jira.memory import Cause, Memory, on_issue
from mapping.changes import OpenIssue

LINK = {"name": "Relates"}  # of the types of link that every Jira begins with
LONGEST_SUMMARY = 255
OPTIONAL = ("issuelinks", "labels")


def new_issue(change: OpenIssue, cause: Cause, project: str, kind: str) -> dict[str, Any]:
    """The body that creates the issue, linked and with the reason in its property from the first moment on."""
    fields: dict[str, Any] = {
        "project": {"key": project},
        "issuetype": {"id": kind},
        "summary": " ".join(change.title.split())[:LONGEST_SUMMARY],
        "description": fitting(change.body),
    }
    if change.labels:
        fields["labels"] = sorted(change.labels)
    links = [{"add": {"type": LINK, "outwardIssue": {"key": cause.issue}}}]
    return {"fields": fields, "update": {"issuelinks": links}, "properties": [on_issue(Memory(cause=cause))]}


def without(body: Mapping[str, Any], refused: Iterable[str]) -> dict[str, Any] | None:
    """The body without the optional fields that Jira refused; None when it can't do without what was refused."""
    parts = {name: body[name] for name in ("fields", "update") if name in body}
    optional = {name for name in refused if name in OPTIONAL and any(name in part for part in parts.values())}
    if not optional:
        return None
    lighter = {name: {k: v for k, v in part.items() if k not in optional} for name, part in parts.items()}
    return {**{k: v for k, v in body.items() if k not in parts}, **{k: v for k, v in lighter.items() if v}}


def link(new: str, cause: Cause) -> dict[str, Any]:
    """The body that links an issue which could not be created with its link."""
    return {"type": LINK, "inwardIssue": {"key": new}, "outwardIssue": {"key": cause.issue}}
