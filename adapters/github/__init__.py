"""GitHub as a tracker: issues, labels, comments, and a Projects v2 board, on github.com and Enterprise Server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from adapters.github.apply import Writer
from adapters.github.arrange import Arranger
from adapters.github.board import BoardReader
from adapters.github.client import Client
from adapters.github.doctor import Doctor
from adapters.github.ids import Ids
from adapters.github.issue_fields import IssueFields
from adapters.github.issues import Issues
from adapters.github.limits import PACES
from adapters.github.prepare import Preparation
from adapters.github.read import Reader
from adapters.github.redelivery import Redelivery
from adapters.github.settings import (
    PROTOCOL_COLUMNS,
    App,
    LabelSpec,
    ProjectRef,
    Settings,
    Token,
    Webhook,
)
from adapters.github.shared import Shared
from adapters.http import Deadlines
from adapters.tracker import Budget, Deliveries, Dialect, Finding, Gone, Outcome, Pace, Page, Step, Undelivered
from mapping.board import Board
from mapping.changes import Change, MoveCard, PlaceCard
from mapping.issue import BoardRef, Column, Issue, IssueRef

__all__ = ["App", "GitHubTracker", "LabelSpec", "ProjectRef", "Shared", "Token", "Webhook"]


class GitHubTracker:
    """One GitHub connection for one worker thread; instances of the same connection share a `Shared`.

    `url` is the REST root (`https://api.github.com`, `https://HOST/api/v3`). Without a `project` there are only labels
    and comments. `former` are logins we used before; `form` is the text of the issue form that `prepare` creates.
    """

    dialect: Dialect = "markdown"
    batch = 100  # of which one request reads all

    def __init__(  # noqa: PLR0913 (one composition root gives them by name)
        self,
        *,
        name: str,
        repositories: Sequence[str],
        auth: Token | App,
        clock: Callable[[], datetime],
        url: str = "https://api.github.com",
        project: tuple[str, int] | None = None,
        columns: Mapping[Column, str] = PROTOCOL_COLUMNS,
        labels: Sequence[tuple[str, str, str]] = (),
        former: Sequence[str] = (),
        form: str = "",
        webhook: tuple[str, str] | None = None,
        fields: Sequence[str] = (),
        p0: str = "P0",
        paused: str = "paused-by-emergency",
        shared: Shared | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.name = name
        settings = Settings(
            name=name,
            url=url,
            repositories=tuple(repositories),
            auth=auth,
            project=ProjectRef(*project) if project else None,
            columns=columns,
            labels=tuple(LabelSpec(*label) for label in labels),
            former=frozenset(former),
            form=form,
            webhook=Webhook(*webhook) if webhook else None,
            fields=tuple(fields),
            p0=p0,
            paused=paused,
            deadlines=deadlines or Deadlines(),
        )
        self._shared = shared = shared or Shared()
        self._client = Client(settings, shared, clock)
        ids = Ids(settings, self._client, shared, clock)
        issue_fields = IssueFields(settings, self._client, shared, clock)
        issues = Issues(settings, self._client, shared, ids, issue_fields, clock)
        self._reader = Reader(settings, self._client, shared, ids, issues, clock)
        self._boards = BoardReader(settings, self._client, shared, ids, issues, clock)
        self._writer = Writer(settings, self._client, shared, ids, self._reader, issue_fields, clock)
        self._arranger = Arranger(settings, self._client, shared, ids, clock)
        self._redelivery = Redelivery(settings, self._client, shared, clock)
        self._doctor = Doctor(settings, self._client, issue_fields)
        self._preparation = Preparation(settings, self._client, issue_fields)

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """What GitHub said last of the limits of REST and of GraphQL, to any thread of this connection."""
        return self._shared.budgets.told

    @property
    def paces(self) -> tuple[Pace, ...]:
        """A little less than GitHub takes."""
        return PACES

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        """The issues as they are now: one request for a hundred, more only for long histories and moved issues."""
        return self._reader.read(refs)

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> Mapping[IssueRef, Outcome]:
        """Make the changes: one request for a batch, a second one for cards that are new on the board."""
        return self._writer.apply(work, may_write)

    def board(self, ref: BoardRef, also: Sequence[IssueRef]) -> Board | None:
        """The board as its law sees it: two requests, more for a long one; None without a project."""
        return self._boards.board(ref, also)

    def arrange(self, ref: BoardRef, changes: Sequence[MoveCard | PlaceCard], may_write: Callable[[], bool]) -> Outcome:
        """Move drafts and order cards: one request, a second one where a pause begins or ends."""
        return self._arranger.arrange(ref, changes, may_write)

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        """Open issues, or all that were updated `since` then, a hundred a page, the oldest first."""
        return self._reader.pages(since, cursor)

    def deliveries(self, since: datetime) -> Deliveries:
        """What was sent to our hooks since then and never arrived: one request a hook, two where something failed."""
        return self._redelivery.look(since)

    def redeliver(self, missed: Undelivered) -> str:
        """Ask GitHub to send one again: one request."""
        return self._redelivery.ask(missed)

    def doctor(self) -> Iterator[Finding]:
        """Look at credentials, repositories, labels, webhooks, the project and the issue form; read only."""
        return self._doctor.findings()

    def prepare(self, dry_run: bool) -> Iterator[Step]:
        """Create labels, columns, issue form and webhook where they are missing; a second run finds all there."""
        return self._preparation.steps(dry_run)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
