"""A tracker in memory: people act on it, the integrator reads and writes it. For the demo, simulations and tests."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.memory_cards import Cards
from adapters.tracker import (
    Budget,
    Deliveries,
    Dialect,
    Finding,
    Gone,
    Health,
    LeaseLost,
    Outcome,
    Pace,
    Page,
    Step,
    Undelivered,
)
from mapping.board import Board, BoardCard, Kind
from mapping.card import WRITTEN
from mapping.changes import (
    Acknowledge,
    Change,
    DropComment,
    EditStatus,
    MoveCard,
    MoveTo,
    OpenIssue,
    PlaceCard,
    PostComment,
    PostDraft,
    Said,
    SetFields,
    SetLabels,
)
from mapping.issue import (
    BoardRef,
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

OURSELVES = Person("spark-integrator", "spark-integrator", Standing.SELF)
PAGE = 100


class MemoryTracker:
    """Issues, comments, labels and a board, kept in a dictionary. Safe to use from several threads.

    `team` are the people with write access; names ending in [bot] are bots; everybody else is a customer.
    `tells_moves`: whether the history of cards is told; some trackers tell only when a card came where it is.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        team: Sequence[str],
        clock: Callable[[], datetime],
        *,
        tells_moves: bool = True,
    ) -> None:
        self.name = name
        self.dialect: Dialect = dialect
        self.batch = PAGE
        self._team = frozenset(team)
        self._clock = clock
        self._tells_moves = tells_moves
        self._cards = Cards()
        self._issues: dict[IssueRef, Issue] = {}
        self._moved: dict[IssueRef, IssueRef] = {}
        self._ids = itertools.count(1)
        self._lock = threading.RLock()
        self.budgets: tuple[Budget, ...] = ()
        self.paces: tuple[Pace, ...] = ()

    # ------------------------------------------------------------------ what people do

    def person(self, name: str) -> Person:
        """Somebody by name, with the standing that the name has here."""
        if name == OURSELVES.name:
            return OURSELVES
        if name.endswith("[bot]"):
            return Person(name, name, Standing.BOT)
        return Person(name, name, Standing.TEAM if name in self._team else Standing.OUTSIDER)

    def issue(self, ref: IssueRef) -> Issue:
        """The issue as it is; KeyError if there is none."""
        return self._issues[ref]

    def issues(self) -> list[Issue]:
        """Every issue, in the order of their names."""
        with self._lock:
            return [self._issues[ref] for ref in sorted(self._issues)]

    def open(  # noqa: PLR0913 - an issue has that many parts
        self,
        ref: IssueRef,
        by: str,
        title: str,
        *,
        body: str = "",
        labels: Sequence[str] = (),
        priority: str | None = None,
        column: Column | None = None,
        at: datetime | None = None,
    ) -> None:
        """Somebody opens an issue; its labels and priority come with it, as a form's do."""
        now = at or self._clock()
        author = self.person(by)
        with self._lock:
            if ref in self._issues:
                raise ValueError(f"{ref} is open already")
            card = Card(column.value, column, now) if column else Card()
            unset = "" if self.dialect == "wiki" else None
            new = Issue(ref, title, body, author, now, now, priority=unset, card=card, writable=frozenset(WRITTEN))
            self._issues[ref] = new
            self._cards.enter(ref.key)
            if priority is not None:
                self._happened(ref, Happened.PRIORITIZED, author, priority, now, priority=priority)
            for label in labels:
                self._label(ref, label, author, now)

    def comment(self, ref: IssueRef, by: str, body: str, internal: bool = False) -> str:
        """Somebody comments; the comment's id."""
        with self._lock:
            comment = Comment(f"c{next(self._ids)}", self._clock(), self.person(by), body, internal=internal)
            self._update(ref, comments=(*self.issue(ref).comments, comment))
            return comment.id

    def edit(self, ref: IssueRef, comment: str, by: str, body: str) -> None:
        """Somebody edits a comment; of one of ours only the key of its marker is left."""
        marked = {c.id: Marker(c.marker.key, "") for c in self.issue(ref).comments if c.marker}
        edit = {"edited_at": self._clock(), "edited_by": self.person(by), "marker": marked.get(comment)}
        self._edit(ref, comment, body=body, **edit)

    def edit_body(self, ref: IssueRef, body: str) -> None:
        """The description is edited."""
        self._update(ref, body=body, body_edited_at=self._clock())

    def delete(self, ref: IssueRef, comment: str) -> None:
        """A comment is deleted."""
        with self._lock:
            self._update(ref, comments=tuple(c for c in self.issue(ref).comments if c.id != comment))

    def label(self, ref: IssueRef, by: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Somebody changes labels."""
        with self._lock:
            for label in add:
                self._label(ref, label, self.person(by), self._clock())
            for label in remove:
                self._unlabel(ref, label, self.person(by))

    def prioritize(self, ref: IssueRef, by: str, priority: str) -> None:
        """Somebody sets the priority."""
        self._happened(ref, Happened.PRIORITIZED, self.person(by), priority, priority=priority)

    def move(self, ref: IssueRef, by: str, to: Column) -> None:
        """Somebody moves the card; where it is already, nothing happens."""
        with self._lock:
            old = self.issue(ref).card or Card()
            left = old.column if self._tells_moves else None
            card = replace(old, name=to.value, column=to, moved_at=self._clock(), left=left)
            if old.column is not to and self._tells_moves:
                self._happened(ref, Happened.MOVED, self.person(by), to.value, card=card)
            elif old.column is not to:
                self._update(ref, card=card)

    def add_card(self, kind: Kind, title: str, column: Column, assignees: Sequence[str] = ()) -> str:
        """Somebody puts a draft, a pull request, or something that can't be seen on the board; the card's id."""
        with self._lock:
            return self._cards.add(kind, title, column, tuple(map(self.person, assignees)), self._clock())

    def card(self, card: str) -> BoardCard:
        """A card that is no issue, as it is; KeyError if there is none."""
        return self._cards.card(card)

    def move_card(self, card: str, to: Column) -> None:
        """Somebody moves a card that is no issue."""
        with self._lock:
            self._cards.move(card, to, self._clock())

    def assign(self, ref: IssueRef, by: str, to: Sequence[str]) -> None:
        """Somebody assigns the issue to these people and nobody else."""
        with self._lock:
            for name in to:
                self._happened(ref, Happened.ASSIGNED, self.person(by), name)
            self._update(ref, assignees=tuple(map(self.person, to)))

    def close(self, ref: IssueRef, by: str) -> None:
        """Somebody closes the issue."""
        self._happened(ref, Happened.CLOSED, self.person(by), closed_at=self._clock())
        self._tell_opener(ref)

    def reopen(self, ref: IssueRef, by: str) -> None:
        """Somebody reopens the issue."""
        self._happened(ref, Happened.REOPENED, self.person(by), closed_at=None)
        self._tell_opener(ref)

    def transfer(self, ref: IssueRef, by: str, to: IssueRef) -> None:
        """Somebody moves the issue elsewhere in this tracker; its comments and history go with it."""
        with self._lock:
            self._happened(ref, Happened.TRANSFERRED, self.person(by), ref.key)
            self._issues[to] = replace(self._issues.pop(ref), ref=to)
            self._moved[ref] = to
            self._cards.rename(ref.key, to.key)

    # ------------------------------------------------------------------ what the integrator does

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        """The issues as they are."""
        with self._lock:
            gone = {ref: Gone("there is no such issue", self._moved.get(ref)) for ref in refs}
            return {ref: self._issues.get(ref, gone[ref]) for ref in refs}

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> Mapping[IssueRef, Outcome]:
        """Make the changes, as our own account."""
        with self._lock:
            outcomes: dict[IssueRef, Outcome] = {}
            for ref, changes in work.items():
                if not may_write():
                    if not outcomes:
                        raise LeaseLost
                    failed = tuple((change, str(LeaseLost())) for change in changes)
                    outcomes[ref] = Outcome(failed=failed, stopped=LeaseLost())
                    continue
                for change in changes:
                    self._apply(ref, change)
                outcomes[ref] = Outcome(tuple(changes), updated_at=self.issue(ref).updated_at)
            return outcomes

    def board(self, ref: BoardRef, also: Sequence[IssueRef]) -> Board:
        """Everything on the board, and the open issues that have no card."""
        with self._lock:
            issues = [i for i in self.issues() if i.closed_at is None or i.ref in also or (i.card and i.card.name)]
            return self._cards.board(ref, issues)

    def arrange(self, ref: BoardRef, changes: Sequence[MoveCard | PlaceCard], may_write: Callable[[], bool]) -> Outcome:
        """Move and order cards."""
        with self._lock:
            if not may_write():
                raise LeaseLost
            for change in changes:
                self._arrange(change)
            return Outcome(tuple(changes))

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        """Open issues, or all that were updated `since` then, a hundred a page."""
        refs = [i.ref for i in self.issues() if (i.updated_at >= since if since else i.closed_at is None)]
        start = int(cursor or 0)
        for at in range(start, max(len(refs), start + 1), PAGE):
            following = str(at + PAGE) if at + PAGE < len(refs) else None
            yield Page(tuple(refs[at : at + PAGE]), following, len(refs))

    def deliveries(self, since: datetime) -> Deliveries:
        """Nothing is ever sent from here."""
        return Deliveries()

    def redeliver(self, missed: Undelivered) -> str:
        """Nothing is sent again either."""
        return "nothing is sent from memory"

    def doctor(self) -> Iterator[Finding]:
        """Nothing can be missing here."""
        yield Finding(Health.OK, self.name, "is in memory; nothing to connect")

    def prepare(self, dry_run: bool) -> Iterator[Step]:
        """Nothing needs preparing here."""
        yield Step("already there", f"{self.name} is in memory")

    def _apply(self, ref: IssueRef, change: Change) -> None:
        match change:
            case SetLabels():
                self.label(ref, OURSELVES.name, sorted(change.add), sorted(change.remove))
            case MoveTo():
                self.move(ref, OURSELVES.name, change.column)
            case SetFields():
                for name, value in change.values.items():
                    self._set_field(ref, name, value)
            case EditStatus() | PostComment() | PostDraft():
                self._say(ref, change)
            case DropComment():
                self.delete(ref, change.comment)
            case Acknowledge():
                for comment in change.comments:
                    self._edit(ref, comment, acknowledged_at=self._clock())
            case OpenIssue():
                self._open_for(ref, change)

    def _arrange(self, change: MoveCard | PlaceCard) -> None:
        if isinstance(change, PlaceCard):
            self._cards.place(change.card, change.below)
        else:
            self._cards.move(change.card, change.column, self._clock())
            self._cards.mark(change.card, change.paused)

    def _set_field(self, ref: IssueRef, name: str, value: str) -> None:
        if name == "priority":
            self.prioritize(ref, OURSELVES.name, value)
        else:
            fields = {**self.issue(ref).fields, name: value}
            self._update(ref, fields={key: text for key, text in fields.items() if text})

    def _open_for(self, ref: IssueRef, change: OpenIssue) -> None:
        """A new issue of ours in the same repository or project, which both know of."""
        container = change.container or ref.container
        sign = "#" if "#" in ref.key else "-"
        number = 1 + max(
            (int(other.key.rpartition(sign)[2]) for other in self._issues if other.container == container), default=0
        )
        new, now = IssueRef(self.name, f"{container}{sign}{number}"), self._clock()
        self.open(new, OURSELVES.name, change.title, body=change.body, labels=sorted(change.labels))
        self._update(new, opened_for=ref)
        self._update(ref, opened=(*self.issue(ref).opened, Opened(change.key, new, now)))

    def _say(self, ref: IssueRef, change: Said) -> None:
        marker = Marker(change.key, change.digest, change.memo)
        if change.comment is None:
            internal = isinstance(change, PostDraft)
            said = Comment(
                f"c{next(self._ids)}", self._clock(), OURSELVES, change.body, internal=internal, marker=marker
            )
            self._update(ref, comments=(*self.issue(ref).comments, said))
            return
        edit = {"edited_at": self._clock(), "edited_by": OURSELVES, "marker": marker}
        self._edit(ref, change.comment, body=change.body, **edit)

    # ------------------------------------------------------------------ bookkeeping

    def _tell_opener(self, ref: IssueRef) -> None:
        """The issue for which this one was opened shows whether it is done."""
        with self._lock:
            issue = self.issue(ref)
            if issue.opened_for in self._issues:
                old = self.issue(issue.opened_for).opened
                now = tuple(replace(one, closed_at=issue.closed_at) if one.ref == ref else one for one in old)
                self._issues[issue.opened_for] = replace(self.issue(issue.opened_for), opened=now)

    def _label(self, ref: IssueRef, label: str, by: Person, at: datetime) -> None:
        if label not in self.issue(ref).labels:
            self._happened(ref, Happened.LABELED, by, label, at, labels=self.issue(ref).labels | {label})

    def _unlabel(self, ref: IssueRef, label: str, by: Person) -> None:
        if label in self.issue(ref).labels:
            self._happened(ref, Happened.UNLABELED, by, label, labels=self.issue(ref).labels - {label})

    def _edit(self, ref: IssueRef, comment: str, **changed: object) -> None:
        with self._lock:
            old = self.issue(ref).comments
            self._update(ref, comments=tuple(replace(c, **changed) if c.id == comment else c for c in old))  # type: ignore[arg-type]

    def _happened(
        self,
        ref: IssueRef,
        kind: Happened,
        by: Person,
        value: str = "",
        at: datetime | None = None,
        **changed: object,
    ) -> None:
        with self._lock:
            event = TimelineEvent(f"e{next(self._ids):06}", at or self._clock(), by, kind, value)
            self._update(ref, at, timeline=(*self.issue(ref).timeline, event), **changed)

    def _update(self, ref: IssueRef, at: datetime | None = None, **changed: object) -> None:
        with self._lock:
            now = at or self._clock()
            self._issues[ref] = replace(self._issues[ref], updated_at=now, **changed)  # type: ignore[arg-type]
