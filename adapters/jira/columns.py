"""Adding the Emergency Queue's column by the API of Jira's own settings page: only where app.yaml wants it.

Nobody documents it. It replaces the whole list of columns, and sometimes does nothing; so what it did is read back and
compared column by column.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.jira.board import Layout
from adapters.jira.board_doctor import columns_page
from adapters.jira.client import found
from adapters.jira.site import Site
from adapters.tracker import Step, TrackerError
from mapping.issue import Column

CONFIG = "greenhopper/1.0/rapidviewconfig"
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """A column as the settings page has it; `id` is empty while it is new."""

    id: str
    name: str
    statuses: tuple[str, ...]
    least: str = ""
    most: str = ""
    is_plan: bool = False

    def __str__(self) -> str:
        limits = "".join(f", {word} {limit}" for word, limit in (("min", self.least), ("max", self.most)) if limit)
        return f"{self.name} ({len(self.statuses)} statuses: {', '.join(self.statuses)}{limits})"


@dataclass(frozen=True, slots=True)
class Model:
    """The columns, and by what their constraint counts."""

    columns: tuple[Listed, ...]
    counted: str
    may_edit: bool = True

    def has_grown_to(self, wanted: "Model") -> bool:
        """Whether this is what was wanted; Jira gives the new column its id."""
        here = tuple(replace(c, id="") if w.id == "" else c for c, w in zip(self.columns, wanted.columns, strict=False))
        return len(self.columns) == len(wanted.columns) and (here, self.counted) == (wanted.columns, wanted.counted)


@dataclass(frozen=True, slots=True)
class Columns:
    """Adds what is missing to the columns of one board."""

    site: Site

    def steps(self, dry_run: bool) -> Iterator[Step]:
        """One step, unless there is no board that can be read."""
        layout = self.site.layout()
        if layout is None or layout.board.unreadable:
            return
        name = layout.names[Column.EMERGENCY_QUEUE]
        what = f'column "{name}" on the board {layout.board.id}'
        by_hand = f'{columns_page(self.site)} > Add column "{name}".'
        if layout.board.named(name) is not None:
            yield Step("already there", what)
        elif layout.board.kind == "simple":
            how = f'Open the board > + after the last column > "{name}".'
            yield Step("by hand", f"{what}: the board is team-managed, where Jira's own API for columns fails", how)
        else:
            try:
                yield self._add(layout, what, by_hand, dry_run)
            except TrackerError as error:
                yield Step("failed", f"{what}: {error}", by_hand)

    def _add(self, layout: Layout, what: str, by_hand: str, dry_run: bool) -> Step:
        before = self._read(layout.board.id)
        if not before.may_edit:
            return Step("by hand", f"{what}: the account is no administrator of the board", by_hand)
        if dry_run:
            return Step("would do", what)
        wanted, now = self._with_queue(layout, before), before
        for _ in range(ATTEMPTS):
            trouble = self._write(layout.board.id, wanted)
            now = self._read(layout.board.id)
            if now.has_grown_to(wanted):
                self.site.changed()
                return Step("done", what)
            if not _can_be_mended(now, wanted):
                break
        self.site.changed()
        if now == before:
            return Step("failed", f"{what}: Jira did nothing{trouble}", by_hand)
        return Step("failed", f"{what}: the columns are not as they should be{trouble}", _restore(before, by_hand))

    def _read(self, board: int) -> Model:
        answer = found(
            self.site.client.call("GET", f"{CONFIG}/editmodel.json", rapidViewId=board), "canEdit", "rapidListConfig"
        )
        lists = found(answer["rapidListConfig"], "mappedColumns")
        counted = (lists.get("currentStatisticsField") or {}).get("id") or "none_"
        return Model(tuple(map(_listed, lists["mappedColumns"])), str(counted), answer["canEdit"] is True)

    def _write(self, board: int, wanted: Model) -> str:
        """The whole list, in one request; what Jira says against it. Only a look tells what came of it."""
        body = {
            "rapidViewId": board,
            "currentStatisticsField": {"id": wanted.counted},
            "mappedColumns": [_entry(column) for column in wanted.columns],
        }
        try:
            self.site.client.call("PUT", f"{CONFIG}/columns", body)
        except TrackerError as error:
            return f" ({error})"
        return ""

    def _with_queue(self, layout: Layout, before: Model) -> Model:
        """With the new column before Done: the last one is where Jira counts issues as done.

        A status of the same name goes into it, unless another column shows it.
        """
        name, done = layout.names[Column.EMERGENCY_QUEUE], layout.names[Column.DONE].casefold()
        shown = {status for column in before.columns for status in column.statuses}
        named = [one.id for one in self.site.statuses() if one.name.strip().casefold() == name.strip().casefold()]
        new = Listed("", name, tuple(one for one in named if len(named) == 1 and one not in shown))
        places = [n for n, column in enumerate(before.columns) if column.name.strip().casefold() == done]
        at = places[-1] if places else max(len(before.columns) - 1, 0)
        return replace(before, columns=(*before.columns[:at], new, *before.columns[at:]))


def _can_be_mended(now: Model, wanted: Model) -> bool:
    """Whether the same write once more loses nothing: nobody else added or renamed a column meanwhile."""
    return {column.name for column in now.columns} <= {column.name for column in wanted.columns}


def _listed(raw: Mapping[str, Any]) -> Listed:
    least, most = ("" if raw.get(name) is None else str(raw[name]) for name in ("min", "max"))
    statuses: Sequence[Mapping[str, Any]] = raw.get("mappedStatuses") or ()
    ids = tuple(str(status["id"]) for status in statuses)
    return Listed(str(raw.get("id") or ""), str(raw.get("name")), ids, least, most, bool(raw.get("isKanPlanColumn")))


def _entry(column: Listed) -> dict[str, Any]:
    own: dict[str, Any] = {"id": int(column.id) if column.id.isdecimal() else column.id} if column.id else {}
    return own | {
        "name": column.name,
        "mappedStatuses": [{"id": status} for status in column.statuses],
        "min": column.least,
        "max": column.most,
        "isKanPlanColumn": column.is_plan,
    }


def _restore(before: Model, by_hand: str) -> str:
    page = by_hand.partition(" > Add column")[0]
    return f"{page}: they were, with the ids of their statuses: {'; '.join(map(str, before.columns))}."
