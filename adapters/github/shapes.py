"""GitHub's JSON as our issue: pure functions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.github import marker
from adapters.github.marker import Origin
from adapters.github.operations import ACKNOWLEDGED
from adapters.github.people import Identities, login_of
from adapters.github.settings import Settings
from adapters.github.shared import Board
from mapping.issue import (
    Card,
    Column,
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

_KINDS: Mapping[str, tuple[Happened, Callable[[Json], str]]] = {
    "LabeledEvent": (Happened.LABELED, lambda event: str(event["label"]["name"])),
    "UnlabeledEvent": (Happened.UNLABELED, lambda event: str(event["label"]["name"])),
    "AssignedEvent": (Happened.ASSIGNED, lambda event: login_of(event["assignee"]) or ""),
    "UnassignedEvent": (Happened.UNASSIGNED, lambda event: login_of(event["assignee"]) or ""),
    "ClosedEvent": (Happened.CLOSED, lambda event: ""),
    "ReopenedEvent": (Happened.REOPENED, lambda event: ""),
    "TransferredEvent": (Happened.TRANSFERRED, lambda event: (event["fromRepository"] or {}).get("nameWithOwner", "")),
    "ProjectV2ItemStatusChangedEvent": (Happened.MOVED, lambda event: str(event["status"])),
}
_ARCHIVED = "the card is archived on the project; restore it there"


@dataclass(frozen=True, slots=True)
class Lens:
    """What has to be known to see an issue: our identities, the repository's team, the board."""

    settings: Settings
    who: Identities
    team: frozenset[str]
    board: Board | None

    def issue(self, ref: IssueRef, raw: Json) -> Issue:
        """The issue that GitHub's answer (fragment I, all pages joined) describes."""
        body, origin = marker.load_origin(raw["body"] or "") if self._is_our_own(raw) else (raw["body"] or "", None)
        return Issue(
            ref=ref,
            title=raw["title"],
            body=body,
            author=self._person(raw["author"]),
            created_at=_time(raw["createdAt"]),
            updated_at=_time(raw["updatedAt"]),
            closed_at=_maybe(raw["closedAt"]),
            body_edited_at=_maybe(raw["lastEditedAt"]),
            labels=frozenset(label["name"] for label in nodes(raw["labels"])),
            assignees=tuple(person for node in nodes(raw["assignees"]) if (person := self._person(node))),
            comments=tuple(self._comment(node) for node in nodes(raw["comments"])),
            timeline=tuple(event for node in nodes(raw["timelineItems"]) if (event := self._event(node))),
            card=self._card(raw),
            url=raw["url"],
            opened=tuple(self._opened(ref, raw)),
            opened_for=IssueRef(ref.tracker, origin.ref.key) if origin else None,
        )

    def _is_our_own(self, raw: Json) -> bool:
        return bool(raw["viewerDidAuthor"]) or _is_self(self._person(raw["author"]))

    def _opened(self, ref: IssueRef, raw: Json) -> Iterator[Opened]:
        """Issues of ours that mention this one and name it as their origin; a pull request's source is empty here."""
        sources = (event.get("source") for event in nodes(raw["timelineItems"]))
        for source in filter(None, sources):
            found = opening_of(source, ref.tracker) if self._is_our_own(source) else None
            if found is not None and found[0].is_of(ref, _time(raw["createdAt"])):
                yield found[1]

    def _person(self, actor: Json | None) -> Person | None:
        return self.who.person(actor, self.team)

    def _comment(self, raw: Json) -> Comment:
        by, editor, edited_at = self._person(raw["author"]), self._person(raw["editor"]), _maybe(raw["lastEditedAt"])
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
        return TimelineEvent(raw["id"], _time(raw["createdAt"]), self._person(raw["actor"]), kind, value(raw))

    def _is_ours(self, raw: Json) -> bool:
        return self.board is not None and (raw["project"] or {}).get("id") == self.board.project

    def _card(self, raw: Json) -> Card | None:
        if self.settings.project is None or self.board is None:
            return None
        barred = barred_columns(self.settings, self.board)
        item = card_item(raw, self.board)
        if item is None:
            return Card(barred=barred)
        status = item["fieldValueByName"] or {}
        name = status.get("name")
        return Card(
            name=name,
            column=self.settings.column_of(name) if name else None,
            moved_at=_maybe(status.get("updatedAt")),
            barred=dict.fromkeys(Column, _ARCHIVED) if item["isArchived"] else barred,
        )


def opening_of(raw: Json, tracker: str) -> tuple[Origin, Opened] | None:
    """Why one of our own issues (fragment O) was opened, and what the one it was opened for has to know of it."""
    _, origin = marker.load_origin(raw["body"] or "")
    if origin is None:
        return None
    ref = IssueRef(tracker, f"{raw['repository']['nameWithOwner']}#{raw['number']}")
    return origin, Opened(origin.key, ref, _time(raw["createdAt"]), _maybe(raw["closedAt"]))


def card_item(raw: Json, board: Board) -> Json | None:
    """The issue's card on our project, if it has one."""
    items = nodes(raw.get("projectItems"))
    return next((item for item in items if board.project and item["project"]["id"] == board.project), None)


def barred_columns(settings: Settings, board: Board) -> Mapping[Column, str]:
    """The columns that can't be entered, each with the reason and the way out."""
    if board.why:
        return dict.fromkeys(Column, board.why)
    return {
        column: f'the project\'s Status field has no option "{name}"; run integrator init'
        for column, name in settings.columns.items()
        if name.casefold() not in board.options
    }


def board_of(raw: Json | None, settings: Settings) -> Board:
    """The project's ids out of the answer to the BOARD part; `why` is set when there is no such board to see."""
    project = (raw or {}).get("projectV2")
    if project is None:
        where = settings.project
        name = f"{where.owner}/{where.number}" if where else ""
        return Board(why=f"project {name} can't be seen with these credentials; grant Projects: read and write")
    status = project["field"] or {}
    if "options" not in status:
        return Board(
            project["id"], why="the project has no single select field Status; add it in the project's settings"
        )
    return Board(project["id"], status["id"], {option["name"].casefold(): option["id"] for option in status["options"]})


def nodes(connection: Json | None) -> Iterable[Json]:
    """A connection's nodes that we may see."""
    return [node for node in (connection or {}).get("nodes") or () if node]


def is_cut(connection: Json) -> bool:
    """Whether there are more pages of it."""
    return bool(connection["pageInfo"]["hasNextPage"])


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
