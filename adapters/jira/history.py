"""A changelog as a timeline, and what the issue was like when it was created."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.jira.board import Layout
from adapters.jira.people import People
from mapping.issue import Happened, Person, TimelineEvent


@dataclass(frozen=True, slots=True)
class Item:
    """One field's change: old and new id (`was`, `now`) and text. `id` is unique on the issue."""

    id: str
    at: datetime
    by: Person | None
    field: str
    was: str
    now: str
    was_text: str
    now_text: str


@dataclass(frozen=True, slots=True)
class Context:
    """What reading a changelog takes beside it: the people, the board, and which status ids mean done."""

    people: People
    layout: Layout | None
    is_done: Callable[[str], bool]


def moment(text: str) -> datetime:
    """A time as Jira writes it (`2019-02-16T13:12:10.037-0800`), in UTC; ValueError when it is none."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def items_of(histories: Sequence[Mapping[str, Any]], people: People) -> tuple[Item, ...]:
    """The changes, oldest first: Cloud lists the newest first, Data Center the oldest."""
    once = {str(history["id"]): history for history in histories}
    ordered = sorted(once.values(), key=lambda h: (moment(h["created"]), len(str(h["id"])), str(h["id"])))
    return tuple(item for history in ordered for item in _items(history, people))


def _items(history: Mapping[str, Any], people: People) -> Iterator[Item]:
    at, by = moment(history["created"]), people.person(history.get("author"))
    for number, raw in enumerate(history.get("items") or ()):
        # Data Center has no fieldId, and Cloud none on a move; the label's case differs from place to place.
        field = str(raw.get("fieldId") or raw.get("field") or "").lower()
        texts = (str(raw.get(key) or "") for key in ("from", "to", "fromString", "toString"))
        yield Item(f"{history['id']}.{number}", at, by, field, *texts)


def timeline(items: Sequence[Item], context: Context) -> Iterator[TimelineEvent]:
    """The changes that the protocol knows, as events."""
    moves = {item.id.partition(".")[0] for item in items if item.field in {"key", "issuekey"}}
    for item in items:
        if item.field == "project" and item.id.partition(".")[0] in moves:
            continue
        for number, (kind, value) in enumerate(_happened(item, context)):
            yield TimelineEvent(f"{item.id}.{number}", item.at, item.by, kind, value)


def _happened(item: Item, context: Context) -> Iterator[tuple[Happened, str]]:
    match item.field:
        case "labels":
            was, now = set(item.was_text.split()), set(item.now_text.split())
            yield from ((Happened.UNLABELED, label) for label in sorted(was - now))
            yield from ((Happened.LABELED, label) for label in sorted(now - was))
        case "priority":
            yield Happened.PRIORITIZED, item.now_text
        case "status":
            yield from _moved(item, context)
        case "assignee":
            yield from ((Happened.UNASSIGNED, who) for who in (item.was,) if who)
            yield from ((Happened.ASSIGNED, who) for who in (item.now,) if who)
        case "key" | "issuekey" | "project":
            yield Happened.TRANSFERRED, item.now_text


def _moved(item: Item, context: Context) -> Iterator[tuple[Happened, str]]:
    was, now = (_column(context.layout, *of) for of in ((item.was, item.was_text), (item.now, item.now_text)))
    if was != now:
        yield Happened.MOVED, now
    closed, closes = context.is_done(item.was), context.is_done(item.now)
    if closed != closes:
        yield Happened.CLOSED if closes else Happened.REOPENED, ""


def last_move(items: Sequence[Item], layout: Layout | None) -> Item | None:
    """The newest change of status that brought the issue into another column."""
    moves = (item for item in reversed(items) if item.field == "status")
    return next((i for i in moves if _column(layout, i.was, i.was_text) != _column(layout, i.now, i.now_text)), None)


def _column(layout: Layout | None, status: str, status_name: str) -> str:
    shown = layout.board.showing(status) if layout else None
    return shown.name if shown else status_name


def at_creation(
    items: Sequence[Item], fields: Mapping[str, Any], created: datetime, author: Person | None
) -> Iterator[TimelineEvent]:
    """The labels and the priority that the issue was created with, as set by who reported it.

    Jira keeps no event for them: the oldest change of a field says what it was before; without one it is what it is.
    """
    first = {item.field: item for item in reversed(items)}
    labels = first["labels"].was_text.split() if "labels" in first else list(fields.get("labels") or ())
    for label in sorted({str(label) for label in labels}):
        yield TimelineEvent(f"created.label.{label}", created, author, Happened.LABELED, label)
    now = str((fields.get("priority") or {}).get("name") or "")
    priority = first["priority"].was_text if "priority" in first else now
    if priority:
        yield TimelineEvent("created.priority", created, author, Happened.PRIORITIZED, priority)
