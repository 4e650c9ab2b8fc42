"""The board as its law sees it: one search names the issues, one fetch says what they are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from adapters.jira.board import Board as JiraBoard
from adapters.jira.board import Layout
from adapters.jira.errors import Refused
from adapters.jira.fetch import Raw
from adapters.jira.read import Reader, Sight
from adapters.jira.search import among, in_projects, walk
from adapters.jira.site import Site
from mapping.board import Board, BoardCard, Kind
from mapping.issue import BoardRef, Card, Column, Issue, IssueRef

WATCHED = (Column.IN_PROGRESS, Column.REVIEW, Column.EMERGENCY_QUEUE)
LAG = timedelta(minutes=5)  # for so long a search may not know a new issue; Jira names no figure


class Cards:
    """Reads one site's board. `labels` are those that make an issue matter wherever it is: P0, and paused."""

    def __init__(self, site: Site, reader: Reader, projects: Sequence[str], labels: Sequence[str]) -> None:
        self._site = site
        self._reader = reader
        self._projects = tuple(projects)
        self._labels = tuple(labels)
        self._last: dict[BoardRef, tuple[BoardCard, ...]] = {}

    def board(self, ref: BoardRef, also: Sequence[IssueRef]) -> Board | None:
        """The board as it is now, in its own order; None where none is connected.

        A search lags behind and only names issues. It is asked for `also` by name, whatever their status: so it tells
        which of them the board's filter lets in.
        """
        layout = self._site.layout()
        if layout is None:
            return None
        named = self._named(layout, also)
        rank = layout.board.rank
        sights = self._reader.look(list(dict.fromkeys([*named, *also])), [rank] if rank else [])
        wanted = set(named)
        seen = [one for one in sights.items() if one[0] in wanted or self._matters(one[1])]
        found = [(_place(sight, rank), self._card(layout, name, sight)) for name, sight in seen]
        cards = [(place, card) for place, card in found if card is not None]
        self._last[ref] = tuple(card for _, card in sorted(cards, key=lambda one: one[0]))
        return Board(ref, self._last[ref])

    def last(self, ref: BoardRef) -> Sequence[BoardCard]:
        """The cards as the last look found them, after a look if there was none."""
        if ref not in self._last:
            self.board(ref, ())
        return self._last.get(ref, ())

    def search(self, layout: Layout, also: Sequence[IssueRef] = ()) -> Iterator[IssueRef]:
        """The issues that the search names; Refused where Jira won't have it."""
        jql = board_query(layout, [ref.key for ref in also], self._projects, self._labels)
        for page in walk(self._reader.tracker, self._site, jql):
            yield from page.refs

    def _named(self, layout: Layout, also: Sequence[IssueRef]) -> Sequence[IssueRef]:
        """Jira refuses a query that names an issue which is there no more."""
        ours = [ref for ref in also if ref.container in self._projects]
        try:
            return list(self.search(layout, ours))
        except Refused as refusal:
            if not ours:
                raise ValueError(_why_not(layout.board, refusal)) from refusal
        there = [ref for ref, sight in self._reader.look(ours).items() if isinstance(sight.issue, Issue)]
        try:
            return list(self.search(layout, there))
        except Refused as refusal:
            raise ValueError(_why_not(layout.board, refusal)) from refusal

    def _matters(self, sight: Sight) -> bool:
        """Whether an issue counts that the search didn't name: too new for it, or lately labelled."""
        if not isinstance(sight.issue, Issue):
            return False
        return self._site.now() - sight.issue.created_at < LAG or self._is_marked(sight.issue.labels)

    def _card(self, layout: Layout, ref: IssueRef, sight: Sight) -> BoardCard | None:
        """An issue's card. What is in no connected project, or makes no sense, counts and is never moved (R18)."""
        issue, raw = sight.issue, sight.raw
        if isinstance(issue, Issue):
            skips = not layout.board.counts_subtasks and _is_subtask(raw) and not self._is_marked(issue.labels)
            card = issue.card or Card()
            return None if skips else BoardCard(issue.ref.key, Kind.ISSUE, issue.title, card, issue, issue.assignees)
        is_it = raw is not None and raw["key"] == ref.key
        shown = layout.board.showing(_status(raw)) if is_it else None
        column = layout.meaning(shown)
        if shown is None or column not in WATCHED or (not layout.board.counts_subtasks and _is_subtask(raw)):
            return None
        return BoardCard(ref.key, Kind.HIDDEN, "", Card(shown.name, column))

    def _is_marked(self, labels: Collection[str]) -> bool:
        return not {label.casefold() for label in labels}.isdisjoint(label.casefold() for label in self._labels)


def board_query(layout: Layout, also: Sequence[str], projects: Sequence[str], labels: Sequence[str]) -> str:
    """The JQL for everything that the board's law is about.

    What the board's filter lets in and its sub-query doesn't hide, in a watched status or by name; and every open issue
    with one of the labels.
    """
    board, statuses = layout.board, layout.holding(WATCHED)
    clauses = []
    which = [among("status", statuses)] * bool(statuses) + [among("key", also)] * bool(also)
    if which and not board.unreadable:
        on_board = f"filter = {board.filter}" if board.filter.isdigit() else in_projects(projects)
        hides = f" AND ({board.sub_query})" if board.sub_query else ""
        clauses.append(f"({on_board}{hides} AND ({' OR '.join(which)}))")
    if labels:
        clauses.append(f"({in_projects(projects)} AND {among('labels', labels)} AND statusCategory != Done)")
    return f"{' OR '.join(clauses) or in_projects(projects)} ORDER BY key ASC"


def _place(sight: Sight, rank: str) -> tuple[bool, str, str, int]:
    """Where a card stands: by Jira's rank, which sorts as text, and without one by its key."""
    fields: Mapping[str, object] = (sight.raw or {}).get("fields") or {}
    value = fields.get(rank) if rank else None
    project, _, number = str((sight.raw or {}).get("key", "")).rpartition("-")
    text = value if isinstance(value, str) else ""
    return not text, text, project, int(number) if number.isdecimal() else 0


def _is_subtask(raw: Raw | None) -> bool:
    kind = ((raw or {}).get("fields") or {}).get("issuetype")
    return isinstance(kind, Mapping) and kind.get("subtask") is True


def _status(raw: Raw | None) -> str:
    status = ((raw or {}).get("fields") or {}).get("status")
    return str(status.get("id")) if isinstance(status, Mapping) else ""


def _why_not(board: JiraBoard, refusal: Refused) -> str:
    return (
        f"the issues of the board {board.id} can't be searched ({refusal.reason}): its administrator shares the filter"
        f" {board.filter} with the integrator's account"
    )
