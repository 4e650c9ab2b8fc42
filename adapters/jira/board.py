"""The board: which column a status is in, and what bars an issue's way into a column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mapping.issue import Card, Column


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """A column as the board names it, the ids of its statuses, and its work limit."""

    name: str
    statuses: tuple[str, ...]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A board's columns, and what decides what is on it. `unreadable` says why they are not known.

    `kind` is simple (team-managed), kanban or scrum; `filter` the id of its filter, `sub_query` what a kanban board
    hides beyond that; `rank` the id of the field that orders it, empty where it isn't ranked.
    """

    id: int
    columns: tuple[BoardColumn, ...] = ()
    constraint: str = "none"
    unreadable: str = ""
    kind: str = ""
    filter: str = ""
    sub_query: str = ""
    rank: str = ""

    @property
    def counts_subtasks(self) -> bool:
        """Whether its work limits are about sub-tasks, too."""
        return self.constraint != "issueCountExclSubs"

    def showing(self, status: str) -> BoardColumn | None:
        """The column that shows issues of this status id."""
        return next((column for column in self.columns if status in column.statuses), None)

    def named(self, name: str) -> BoardColumn | None:
        """The column of this name in any case; a kanban board may have an empty Backlog beside the real one."""
        same = [column for column in self.columns if column.name.strip().casefold() == name.strip().casefold()]
        return max(same, key=lambda column: bool(column.statuses), default=None)


@dataclass(frozen=True, slots=True)
class Transition:
    """A way out of an issue's present status. `needs` are the fields its screen requires and the issue lacks.

    `has_screen`: it asks for fields, required or not; Data Center doesn't say.
    """

    id: str
    name: str
    to: str
    needs: tuple[str, ...] = ()
    has_screen: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where an issue stands and where it can go from there. `left`: the status that it came into its column from."""

    status: str
    status_name: str
    transitions: tuple[Transition, ...]
    left: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """A board together with what the protocol's columns are called on it."""

    board: Board
    names: Mapping[Column, str]

    def card(self, place: Place, moved_at: datetime) -> Card:
        """The issue's card; a status that no column shows counts as a column of its own, unknown to the protocol."""
        shown = self.board.showing(place.status)
        name = shown.name if shown else place.status_name
        barred = {column: why for column in Column if (why := self.barred(place, column))}
        return Card(name, self.meaning(shown), moved_at, barred, self.meaning(self.board.showing(place.left)))

    def holding(self, columns: Sequence[Column]) -> tuple[str, ...]:
        """The ids of the statuses of these columns."""
        found = [self.board.named(self.names[column]) for column in columns]
        return tuple(dict.fromkeys(status for column in found if column for status in column.statuses))

    def meaning(self, shown: BoardColumn | None) -> Column | None:
        """The protocol's column that a board's column stands for."""
        if shown is None:
            return None
        return next((column for column in Column if self.board.named(self.names[column]) == shown), None)

    def is_in(self, place: Place, column: Column) -> bool:
        """Whether the issue is in the column already."""
        target = self.board.named(self.names[column])
        return target is not None and place.status in target.statuses

    def way(self, place: Place, column: Column) -> Transition | None:
        """The transition that brings an issue into a column, chosen by the status it ends in, never by its name.

        A status that no column shows is never gone to: the issue would vanish from the board. Of several in the column
        the one that it came from is taken, else the first.
        """
        target = self.board.named(self.names[column])
        statuses = target.statuses if target else ()
        ways = [t for t in place.transitions if t.to in statuses and not t.needs]
        return min(ways, key=lambda t: (t.to != place.left, statuses.index(t.to)), default=None)

    def barred(self, place: Place, column: Column) -> str:
        """Why an issue can't get into a column, and who changes that; empty when it can."""
        name, target = self.names[column], self.board.named(self.names[column])
        if self.board.unreadable:
            return self.board.unreadable
        if target is None:
            return (
                f'The board has no column "{name}". A board administrator adds it under Board settings > Columns'
                " and drags a status into it."
            )
        if not target.statuses:
            return (
                f'The column "{name}" holds no status, so no issue can be in it. A board administrator drags one into'
                " it under Board settings > Columns."
            )
        if self.is_in(place, column) or self.way(place, column):
            return ""
        return _no_way(place, name, [t for t in place.transitions if t.to in target.statuses])


def _no_way(place: Place, name: str, screened: Sequence[Transition]) -> str:
    if not screened:
        return (
            f'No transition leads from the status "{place.status_name}" to the column "{name}". A Jira administrator'
            " adds one under Project settings > Workflows."
        )
    needs = ", ".join(f'"{need}"' for need in screened[0].needs)
    return (
        f'The transition "{screened[0].name}" from the status "{place.status_name}" to the column "{name}" asks for'
        f" {needs} on its screen. A Jira administrator makes that optional, or takes the screen off the transition,"
        " under Project settings > Workflows."
    )


def board_of(number: int, configuration: Mapping[str, Any]) -> Board:
    """The board as `GET board/{id}/configuration` describes it."""
    config = configuration.get("columnConfig") or {}
    columns = tuple(
        BoardColumn(
            str(column.get("name", "")),
            tuple(str(status["id"]) for status in column.get("statuses") or () if "id" in status),
            column.get("max"),
        )
        for column in config.get("columns") or ()
    )
    rank = (configuration.get("ranking") or {}).get("rankCustomFieldId")
    return Board(
        number,
        columns,
        str(config.get("constraintType") or "none"),
        kind=str(configuration.get("type") or ""),
        filter=str((configuration.get("filter") or {}).get("id") or ""),
        sub_query=str((configuration.get("subQuery") or {}).get("query") or "").strip(),
        rank=f"customfield_{rank}" if str(rank).isdecimal() else "",
    )


def transitions_of(raw: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> tuple[Transition, ...]:
    """The ways that are open. A required field with a default, or with a value on the issue, asks for nothing."""
    return tuple(
        Transition(
            str(way["id"]),
            " ".join(str(way.get("name", "")).split()),
            str((way.get("to") or {}).get("id", "")),
            tuple(_needs(way.get("fields") or {}, values)),
            way.get("hasScreen") is True,
        )
        for way in raw
        if way.get("isAvailable") is not False
    )


def _needs(fields: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    asked = [(key, f) for key, f in fields.items() if f.get("required") and not f.get("hasDefaultValue")]
    return [" ".join(str(f.get("name") or key).split()) for key, f in asked if not values.get(key)]
