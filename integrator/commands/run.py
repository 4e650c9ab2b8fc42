"""One tracker's backfill under way, as `sync` watches it."""

from dataclasses import dataclass
from datetime import datetime

from adapters.tracker import Tracker, Unreachable
from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.listing import TRIES, Lister
from integrator.store import Store
from integrator.sync import Backfill, Hold, hold_of, last_line, left_over, waiting
from mapping.issue import BoardRef


@dataclass(frozen=True, slots=True)
class Since:
    """`--since`: an instant, and how a person said it if that was how long ago."""

    at: datetime | None = None
    ago: str = ""


class Run:
    """Listing and looking until nothing waits: first all issues, then the board, whose law they may concern."""

    def __init__(self, store: Store, tasks: Agenda, tracker: Tracker, since: Since) -> None:
        self._store = store
        self._tasks = tasks
        self._backfill = Backfill(store, tasks, tracker, since.at, since.ago)
        self._listed_at: datetime | None = None
        self._hurried = False
        self._pauses = 0  # without any progress; several workers may ask for the same one
        self._pause_ends = store.now()
        self._most_done = 0
        self.name = tracker.name
        self.store = store
        self.begun_at = store.now()
        self.line = last_line(store)
        left = left_over(store, self.name)
        self.lister = Lister(store, tasks, tracker, self._backfill, left)
        self.left, self.done = len(left), 0
        self.hold: Hold | None = None
        self.is_over = False

    def start(self) -> None:
        """Begin to list."""
        self.lister.start()

    @property
    def seen(self) -> int:
        """How many issues were put on the agenda, or were still there from an interrupted run."""
        return len(self.lister.issues)

    @property
    def total(self) -> int | None:
        """How many there are in all, if that is known yet."""
        return self.seen if self.lister.is_listed else self.lister.total

    @property
    def is_stuck(self) -> bool:
        """Whether one pause came after the other and nothing was done between them, so that waiting is of no use."""
        return not self.is_over and self.hold is not None and self._pauses > TRIES

    @property
    def gave_up(self) -> Exception | None:
        """Why it is not done."""
        if self.lister.gave_up is not None:
            return self.lister.gave_up
        return Unreachable(self.hold.why) if self.is_stuck and self.hold is not None else None

    def look(self) -> None:
        """See how far it is."""
        if self.is_over:
            return
        self.hold = hold_of(self._store, self.name)
        if self.lister.is_listed and self._listed_at is None:
            self._listed_at = self._store.now()
        seen = self.seen  # before what is left: a page that comes in between is not done
        self.left, board = waiting(self._store, self.name, self._listed_at or self._store.now())
        self.done = max(0, seen - self.left)
        self._count_pauses()
        if self.lister.gave_up is not None:
            self.is_over = True
        elif self._listed_at is not None and not self.left:
            self._look_at_board(board)

    def _count_pauses(self) -> None:
        if self.done > self._most_done:
            self._most_done, self._pauses = self.done, 0
        if self.hold is not None:
            self._pauses += self._store.now() >= self._pause_ends
            self._pause_ends = max(self._pause_ends, self.hold.until)

    def _look_at_board(self, waits: bool) -> None:
        if not waits:
            self._backfill.finish()
            self.is_over = True
        elif not self._hurried:
            self._tasks.touch([BoardRef(self.name)], Lane.SWEEP)
            self._hurried = True
