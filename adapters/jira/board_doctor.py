"""Looking at what the five columns need: a status, in the workflows, with a way into it, in a column, with a limit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.jira.board import Board, Layout, Place, transitions_of
from adapters.jira.cards import Cards
from adapters.jira.client import PLATFORM
from adapters.jira.errors import Refused
from adapters.jira.findings import fault, ok, warning
from adapters.jira.site import Site
from adapters.tracker import Finding
from mapping.issue import Column

WORKFLOWS = "Project settings > Workflows > edit"


def columns_page(site: Site) -> str:
    """Where a person changes the columns of a board that is not team-managed."""
    return f"open the board > {'… > Configure board' if site.is_cloud else 'Board > Configure'} > Columns"


@dataclass(frozen=True, slots=True)
class BoardDoctor:
    """The checks of one board."""

    site: Site
    cards: Cards

    def look(self) -> Iterator[Finding]:
        """What is wrong with the board itself."""
        layout = self.site.layout()
        if layout is None:
            yield warning("board", "no board is connected: labels and comments only", "Name a board in app.yaml.")
            return
        about = f"board {layout.board.id}"
        if layout.board.unreadable:
            mend = "Board settings > General > Administrators, and the filter's permissions."
            yield fault(about, layout.board.unreadable, mend)
            return
        missing = [finding for column in Column for finding in self._column(about, layout, column)]
        yield from missing
        if not missing:
            yield ok(about, "it has every column, each with a status")
        yield from self._work_limit(about, layout)
        yield from self._order(about, layout)

    def project(self, key: str, sample: Mapping[str, Any] | None) -> Iterator[Finding]:
        """What a project's workflows lack for the board; `sample` is an open issue of it."""
        layout = self.site.layout()
        if layout is not None and not layout.board.unreadable:
            yield from self._workflows(key, layout)
            yield from self._transitions(key, layout, sample)

    def _column(self, about: str, layout: Layout, column: Column) -> Iterator[Finding]:
        name, page = layout.names[column], columns_page(self.site)
        target = layout.board.named(name)
        if target is not None and target.statuses:
            return
        shown = layout.board.showing(self._status(name))
        known = f'the status "{name}"' if self._status(name) else "a status"
        drag = f"drag {known} into it{f' from {shown.name}' if shown else ''}"
        if target is not None:
            yield fault(about, f'column mapping: the column "{name}" has no status', f"{page} > {drag}.")
            return
        there = ", ".join(f'"{c.name}"' for c in layout.board.columns)
        says = f'no column is called "{name}" (there are {there})'
        if self._status(name):
            mend = f'{page} > Add column "{name}", then {drag}.'
            yield fault(about, f"column mapping: {says}", f"{mend} {self._other_ways(column)}")
        else:
            yield fault(about, f'status and column mapping: {says}, and no status "{name}"', self._from_scratch(name))

    def _status(self, name: str) -> str:
        """The id of the status of this name, if there is exactly one."""
        same = [one.id for one in self.site.statuses() if one.name.strip().casefold() == name.strip().casefold()]
        return same[0] if len(same) == 1 else ""

    def _other_ways(self, column: Column) -> str:
        own = "Or name your own column for it in app.yaml."
        if column is not Column.EMERGENCY_QUEUE:
            return own
        return f"{own} Or set board.jira.use_internal_api in app.yaml and run init."

    def _from_scratch(self, name: str) -> str:
        """The column comes first: a status that no column shows hides its issues."""
        layout = self.site.layout()
        if layout is not None and layout.board.kind == "simple":
            return f'Open the board > + after the last column > "{name}": that makes the status, too.'
        return (
            f'{columns_page(self.site)} > Add column "{name}"; where the project has a simplified workflow, that makes'
            f' the status, too. Otherwise a Jira administrator adds the status "{name}" under Settings > Issues >'
            f" Statuses and to the workflows ({WORKFLOWS}), and then you drag it into the column. Or name your own"
            " column for it in app.yaml."
        )

    def _work_limit(self, about: str, layout: Layout) -> Iterator[Finding]:
        board, column = layout.board, layout.board.named(layout.names[Column.IN_PROGRESS])
        if column is None:
            return
        if board.constraint == "none" or column.limit != 1:
            says = f'column constraint: "{column.name}" shows no limit of 1 on the board (only a red header; R18)'
            where = "> Column constraint: number of issues, maximum 1."
            yield warning(about, says, f"{columns_page(self.site)} {where}")
        if not board.counts_subtasks:
            yield ok(about, "sub-tasks don't count in its columns, because its column constraint leaves them out")

    def _order(self, about: str, layout: Layout) -> Iterator[Finding]:
        board: Board = layout.board
        if not board.rank:
            mend = "Board settings > General > edit the filter's query: end it with ORDER BY Rank ASC."
            yield warning(about, "it is not ranked, so the Emergency Queue can't be put in order (R20)", mend)
        try:
            next(self.cards.search(layout), None)
        except Refused as refusal:
            mend = f"Filters > filter {board.filter} > Details > share it with the integrator's account."
            yield fault(about, f"its issues can't be searched: {refusal.reason}", mend)

    def _workflows(self, key: str, layout: Layout) -> Iterator[Finding]:
        kinds = self.site.client.call("GET", f"{PLATFORM}/project/{key}/statuses") or []
        for column in Column:
            target = layout.board.named(layout.names[column])
            if target is None or not target.statuses:
                continue
            lacking = [k["name"] for k in kinds if not {str(s["id"]) for s in k["statuses"]} & set(target.statuses)]
            if lacking:
                which = ", ".join(lacking)
                yield fault(
                    f"project {key}",
                    f'workflow: no status of the column "{target.name}" is in the workflow of: {which}',
                    f"{WORKFLOWS} each > add a status of the column, with a transition into it from any status.",
                )

    def _transitions(self, key: str, layout: Layout, sample: Mapping[str, Any] | None) -> Iterator[Finding]:
        about = f"project {key}"
        if sample is None:
            yield warning(about, "it has no open issue to look at transitions with", "Create one and look again.")
            return
        status = sample["fields"]["status"]
        ways = transitions_of(sample.get("transitions") or (), sample["fields"])
        place = Place(str(status["id"]), str(status.get("name", "")), ways)
        there = [column for column in Column if layout.holding([column])]
        barred = [(column, why) for column in there if (why := layout.barred(place, column))]
        for column, why in barred:
            yield (fault if column is Column.EMERGENCY_QUEUE else warning)(
                about,
                f"transition: {sample['key']}: {why}",
                f'{WORKFLOWS} > add a transition from any status to "{layout.names[column]}" without a screen, and'
                " publish.",
            )
        if not barred:
            yield ok(about, f"{sample['key']} can go into every column")
