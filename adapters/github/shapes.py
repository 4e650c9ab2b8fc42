"""GitHub's JSON as our issue: pure functions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.github import marker
from adapters.github.cards import barred_columns, came_from, card_fields, card_item, nodes, place, status_of
from adapters.github.fields import writable
from adapters.github.marker import Origin
from adapters.github.operations import ACKNOWLEDGED
from adapters.github.people import Identities, login_of
from adapters.github.settings import Settings
from adapters.github.shared import Field, Project
from mapping.issue import (
    Card,
    Comment,
    Happened,
    Issue,
    IssueRef,
    Marker,
    Opened,
    Person,
    Standing,
    TimelineEvent,
)

Json = Mapping[str, Any]

_MOVE = "ProjectV2ItemStatusChangedEvent"
_KINDS: Mapping[str, tuple[Happened, Callable[[Json], str]]] = {
    "LabeledEvent": (Happened.LABELED, lambda event: str(event["label"]["name"])),
    "UnlabeledEvent": (Happened.UNLABELED, lambda event: str(event["label"]["name"])),
    "AssignedEvent": (Happened.ASSIGNED, lambda event: login_of(event["assignee"]) or ""),
    "UnassignedEvent": (Happened.UNASSIGNED, lambda event: login_of(event["assignee"]) or ""),
    "ClosedEvent": (Happened.CLOSED, lambda event: ""),
    "ReopenedEvent": (Happened.REOPENED, lambda event: ""),
    "TransferredEvent": (Happened.TRANSFERRED, lambda event: (event["fromRepository"] or {}).get("nameWithOwner", "")),
    _MOVE: (Happened.MOVED, lambda event: str(event["status"])),
}


@dataclass(frozen=True, slots=True)
class Lens:
    """What has to be known to see an issue: our identities, the repository's team, the project.

    `left` tells the Status that a card (its id) was seen with before its present one. `own` are the organisation's
    issue fields that concern us, `held` what the issue has in them.
    """

    settings: Settings
    who: Identities
    team: frozenset[str]
    project: Project | None
    left: Callable[[str, str], str] = lambda item, status: ""
    own: Mapping[str, Field] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)

    def issue(self, ref: IssueRef, raw: Json) -> Issue:
        """The issue that GitHub's answer (fragment I, all pages joined) describes."""
        body, origin = marker.load_origin(raw["body"] or "") if self._is_our_own(raw) else (raw["body"] or "", None)
        return Issue(
            ref=ref,
            title=raw["title"],
            body=body,
            author=self.person(raw["author"]),
            created_at=_time(raw["createdAt"]),
            updated_at=_time(raw["updatedAt"]),
            closed_at=_maybe(raw["closedAt"]),
            body_edited_at=_maybe(raw["lastEditedAt"]),
            labels=frozenset(label["name"] for label in nodes(raw["labels"])),
            assignees=tuple(person for node in nodes(raw["assignees"]) if (person := self.person(node))),
            comments=tuple(self._comment(node) for node in nodes(raw["comments"])),
            timeline=tuple(event for node in nodes(raw["timelineItems"]) if (event := self._event(node))),
            card=self.card(raw),
            fields=self._fields(raw),
            writable=self._writable(raw),
            url=raw["url"],
            opened=tuple(self._opened(ref, raw)),
            opened_for=IssueRef(ref.tracker, origin.ref.key) if origin else None,
        )

    def card(self, raw: Json) -> Card | None:
        """Where an issue (fragment I) stands; None where no project is connected."""
        if self.settings.project is None or self.project is None:
            return None
        item = card_item(raw, self.project)
        if item is None:
            return Card(barred=barred_columns(self.settings, self.project))
        events = nodes(raw["timelineItems"])
        return self.place(item, [event for event in events if event["__typename"] == _MOVE and self._is_ours(event)])

    def place(self, item: Json, moves: Sequence[Json] = ()) -> Card:
        """Where a card (fragment K) stands; `moves` are the events of its moves, where GitHub tells them."""
        seen = self.left(item["id"], status_of(item))
        return place(item, came_from(moves, item) or seen, self.settings, self.project or Project())

    def person(self, actor: Json | None) -> Person | None:
        """An actor as a person; None for a deleted account."""
        return self.who.person(actor, self.team)

    def _fields(self, raw: Json) -> Mapping[str, str]:
        item = card_item(raw, self.project) if self.project else None
        found = {**(card_fields(item, self.settings, self.project) if item and self.project else {}), **self.held}
        return {name: text for name in self.settings.fields if (text := found.get(name.casefold()))}

    def _writable(self, raw: Json) -> frozenset[str]:
        """An archived card's fields can't be changed."""
        item = card_item(raw, self.project) if self.project else None
        project = None if item and item["isArchived"] else self.project
        return writable(self.settings.fields, project, self.own)

    def _is_our_own(self, raw: Json) -> bool:
        return bool(raw["viewerDidAuthor"]) or _is_self(self.person(raw["author"]))

    def _opened(self, ref: IssueRef, raw: Json) -> Iterator[Opened]:
        """Issues of ours that mention this one and name it as their origin; a pull request's source is empty here."""
        sources = (event.get("source") for event in nodes(raw["timelineItems"]))
        for source in filter(None, sources):
            found = opening_of(source, ref.tracker) if self._is_our_own(source) else None
            if found is not None and found[0].is_of(ref, _time(raw["createdAt"])):
                yield found[1]

    def _comment(self, raw: Json) -> Comment:
        by, editor, edited_at = self.person(raw["author"]), self.person(raw["editor"]), _maybe(raw["lastEditedAt"])
        body, found = raw["body"] or "", None
        if raw["viewerDidAuthor"] or _is_self(by):
            body, found = marker.load(body)
        untouched = edited_at is None or _is_self(editor)
        return Comment(
            id=raw["id"],
            at=_time(raw["createdAt"]),
            by=by,
            body=body,
            edited_at=edited_at,
            edited_by=editor,
            marker=found if untouched or found is None else Marker(found.key, ""),
            acknowledged_at=_acknowledged_at(raw),
        )

    def _event(self, raw: Json) -> TimelineEvent | None:
        kind, value = _KINDS.get(raw["__typename"], (None, str))
        if kind is None or (kind is Happened.MOVED and not self._is_ours(raw)):
            return None
        return TimelineEvent(raw["id"], _time(raw["createdAt"]), self.person(raw["actor"]), kind, value(raw))

    def _is_ours(self, raw: Json) -> bool:
        return self.project is not None and (raw["project"] or {}).get("id") == self.project.id


def opening_of(raw: Json, tracker: str) -> tuple[Origin, Opened] | None:
    """Why one of our own issues (fragment O) was opened, and what the one it was opened for has to know of it."""
    _, origin = marker.load_origin(raw["body"] or "")
    if origin is None:
        return None
    ref = IssueRef(tracker, f"{raw['repository']['nameWithOwner']}#{raw['number']}")
    return origin, Opened(origin.key, ref, _time(raw["createdAt"]), _maybe(raw["closedAt"]))


def _acknowledged_at(comment: Json) -> datetime | None:
    """When the first of all eyes was put on it, if ours are among them: never later than we did it."""
    groups = comment["reactionGroups"] or ()
    ours = (group for group in groups if group["content"] == ACKNOWLEDGED and group["viewerHasReacted"])
    return next((_maybe(group["createdAt"]) for group in ours), None)


def _is_self(person: Person | None) -> bool:
    return person is not None and person.standing is Standing.SELF


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
