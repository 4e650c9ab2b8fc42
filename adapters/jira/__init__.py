"""The Jira adapter: Cloud and Data Center behind the tracker port."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from adapters.http import Deadlines
from adapters.jira.apply import Writer
from adapters.jira.board_doctor import BoardDoctor
from adapters.jira.bulk_task import Patience
from adapters.jira.cards import Cards
from adapters.jira.client import Basic, Bearer, Client
from adapters.jira.columns import Columns
from adapters.jira.doctor import Doctor
from adapters.jira.field_doctor import FieldDoctor
from adapters.jira.hooks import Hooks
from adapters.jira.new_fields import NewFields
from adapters.jira.prepare import Preparation
from adapters.jira.rank import Ranking
from adapters.jira.read import Reader
from adapters.jira.screens import Screens
from adapters.jira.search import pages
from adapters.jira.site import Product, Setup, Site
from adapters.jira.values import Values
from adapters.tracker import Budget, Deliveries, Dialect, Finding, Gone, Outcome, Pace, Page, Step, Undelivered
from mapping.board import Board
from mapping.changes import Change, MoveCard, PlaceCard
from mapping.issue import BoardRef, Column, Issue, IssueRef

__all__ = ["Basic", "Bearer", "JiraTracker"]


_DEADLINES, _PATIENCE = Deadlines(), Patience()


class JiraTracker:
    """One Jira site. Threads may share it.

    `columns` are the board's own names of the protocol's columns; `fields` the names or ids of fields to read, and
    `field_ids` the ids of those whose names are not enough; the labels `p0` and `paused` mark what matters to the board
    wherever it is. `former` are the ids of accounts that the integrator used before; `webhook` its public address and
    secret. `use_internal_api`: `prepare` may add a column in a way that Jira doesn't document. `patience` is for Jira's
    own tasks, which change many issues alike.
    """

    dialect: Dialect = "wiki"

    def __init__(  # noqa: PLR0913 (what app.yaml says about a Jira site)
        self,
        *,
        name: str,
        url: str,
        projects: Sequence[str],
        auth: Basic | Bearer,
        clock: Callable[[], datetime],
        board: int | None = None,
        product: Product = "cloud",
        columns: Mapping[Column, str] = {},
        labels: Sequence[str] = (),
        fields: Sequence[str] = (),
        field_ids: Mapping[str, str] = {},
        p0: str = "P0",
        paused: str = "paused-by-emergency",
        use_internal_api: bool = False,
        former: Sequence[str] = (),
        webhook: tuple[str, str] | None = None,
        internal_comments: bool = True,
        deadlines: Deadlines = _DEADLINES,
        patience: Patience = _PATIENCE,
    ) -> None:
        self.name = name
        self._projects = tuple(projects)
        setup = Setup(product, board, columns, frozenset(former), field_ids)
        self._site = Site(Client(url, auth, clock, deadlines), setup, clock)
        screens = Screens(self._site)
        self._reader = Reader(name, self._site, self._projects, Values(self._site, screens, fields))
        self._writer = Writer(self._site, self._reader, screens, internal_comments, patience)
        self._cards = Cards(self._site, self._reader, self._projects, (p0, paused))
        self._ranking = Ranking(self._site, self._cards)
        hooks = Hooks(name, self._site, self._projects)
        address = webhook[0] if webhook else None
        about_board, about_fields = BoardDoctor(self._site, self._cards), FieldDoctor(self._site, tuple(fields))
        self._doctor = Doctor(self._site, hooks, about_board, about_fields, self._projects, tuple(labels), address)
        makes = NewFields(self._site, about_fields), Columns(self._site) if use_internal_api else None
        self._preparation = Preparation(self._doctor, hooks, *makes, f"SPARK integrator ({name})", webhook)

    @property
    def batch(self) -> int:
        """Five hundred where Jira changes many alike in a request, else as many as one request reads."""
        return self._writer.batch

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """What Jira said last of its limit, to any thread."""
        return self._site.client.limits.told

    @property
    def paces(self) -> tuple[Pace, ...]:
        """Jira limits requests, not what they create."""
        return ()

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        """The issues as they are now: on Cloud a hundred in one request, on Data Center one each."""
        return self._reader.read(refs)

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> Mapping[IssueRef, Outcome]:
        """Per issue a comment, a transition and one edit at most; on Cloud those for many issues alike at once."""
        return self._writer.apply(work, may_write)

    def board(self, ref: BoardRef, also: Sequence[IssueRef]) -> Board | None:
        """The board's cards in the order of their rank: on Cloud by one search and one fetch for a hundred."""
        return self._cards.board(ref, also)

    def arrange(self, ref: BoardRef, changes: Sequence[MoveCard | PlaceCard], may_write: Callable[[], bool]) -> Outcome:
        """Rank issues; Jira has no cards but issues."""
        return self._ranking.arrange(ref, changes, may_write)

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        """Open issues of the projects, or all that were updated `since` then, by search."""
        return pages(self.name, self._site, self._projects, since, cursor)

    def deliveries(self, since: datetime) -> Deliveries:
        """Jira doesn't tell."""
        return Deliveries()

    def redeliver(self, missed: Undelivered) -> str:
        """Jira sends again by itself, and only so."""
        return "Jira can't be asked to send a delivery again"

    def doctor(self) -> Iterator[Finding]:
        """Look at the site, account, permissions, board, workflows, fields and webhook."""
        return self._doctor.look()

    def prepare(self, dry_run: bool) -> Iterator[Step]:
        """Register the webhook and create fields where permitted; everything else as steps for a person."""
        return self._preparation.steps(dry_run)
