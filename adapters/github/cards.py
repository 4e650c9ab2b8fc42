"""The project and its cards in GitHub's JSON: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.github.fields import by_name, field_of, text_of
from adapters.github.settings import Settings
from adapters.github.shared import Project
from mapping.issue import Card, Column

Json = Mapping[str, Any]

_AT_ONCE = timedelta(seconds=10)  # between a Status and the event that tells of it
_ARCHIVED = "the card is archived on the project; restore it there"


def nodes(connection: Json | None) -> Iterable[Json]:
    """A connection's nodes that we may see."""
    return [node for node in (connection or {}).get("nodes") or () if node]


def is_cut(connection: Json) -> bool:
    """Whether there are more pages of it."""
    return bool(connection["pageInfo"]["hasNextPage"])


def project_of(raw: Json | None, settings: Settings) -> Project:
    """The project's ids out of the answer to the PROJECT part; `why` is set when there is no such board to see."""
    found = (raw or {}).get("projectV2")
    if found is None:
        where = settings.project
        name = f"{where.owner}/{where.number}" if where else ""
        return Project(why=f"project {name} can't be seen with these credentials; grant Projects: read and write")
    fields, twins = by_name(map(field_of, nodes(found["fields"])))
    status = found["field"] or {}
    if "options" not in status:
        why = "the project has no single select field Status; add it in the project's settings"
        return Project(found["id"], why=why, fields=fields, twins=twins)
    options = {option["name"].casefold(): option["id"] for option in status["options"]}
    return Project(found["id"], status["id"], options, fields=fields, twins=twins)


def barred_columns(settings: Settings, project: Project) -> Mapping[Column, str]:
    """The columns that can't be entered, each with the reason and the way out."""
    if project.why:
        return dict.fromkeys(Column, project.why)
    return {
        column: f'the project\'s Status field has no option "{name}"; run integrator init'
        for column, name in settings.columns.items()
        if name.casefold() not in project.options
    }


def card_item(raw: Json, project: Project) -> Json | None:
    """The issue's card on our project, if it has one."""
    items = nodes(raw.get("projectItems"))
    return next((item for item in items if project.id and item["project"]["id"] == project.id), None)


def card_fields(item: Json, settings: Settings, project: Project) -> Mapping[str, str]:
    """What a card (fragment K) holds in the fields that we read, by name (case folded)."""
    texts = {name.casefold(): text_of(item.get(f"f{at}")) for at, name in enumerate(settings.fields)}
    return {name: text for name, text in texts.items() if text and name in project.fields}


def status_of(item: Json) -> str:
    """The name of a card's Status; empty if it has none."""
    return str((item["fieldValueByName"] or {}).get("name") or "")


def place(item: Json, left: str, settings: Settings, project: Project) -> Card:
    """Where a card (fragment K) stands; `left` is the Status that it had before."""
    name = status_of(item)
    return Card(
        name=name or None,
        column=settings.column_of(name) if name else None,
        moved_at=_moved_at(item),
        barred=dict.fromkeys(Column, _ARCHIVED) if item["isArchived"] else barred_columns(settings, project),
        left=settings.column_of(left) if left else None,
    )


def came_from(moves: Sequence[Json], item: Json) -> str:
    """The Status that a card was moved from, if the last move that GitHub tells of brought it where it is."""
    at = _moved_at(item)
    if not moves or at is None or moves[-1]["status"] != status_of(item):
        return ""
    is_it = abs(at - datetime.fromisoformat(moves[-1]["createdAt"])) <= _AT_ONCE
    return str(moves[-1]["previousStatus"]) if is_it else ""


def _moved_at(item: Json) -> datetime | None:
    text = (item["fieldValueByName"] or {}).get("updatedAt")
    return datetime.fromisoformat(text) if text else None
