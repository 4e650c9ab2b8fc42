"""A backfill's listing in a thread of its own, so that a tracker that doesn't answer keeps no other waiting."""

import threading
from collections.abc import Iterable

import structlog

from adapters.tracker import RateLimited, Tracker, TrackerError
from integrator.agenda import Agenda
from integrator.store import Store
from integrator.sync import Backfill, hold_of

log = structlog.get_logger()

TRIES = 4  # failures in a row, the pauses between them growing: half a minute
LOOK_UP = 0.5  # seconds


class Lister:
    """Lists one tracker; held back by it, it waits. Not reached at all, or too often in a row not, it gives up.

    `issues` are those that it has listed, and the `left_over` ones of an interrupted run.
    """

    def __init__(
        self, store: Store, tasks: Agenda, tracker: Tracker, run: Backfill, left_over: Iterable[str] = ()
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._name = tracker.name
        self._run = run
        self._stopping = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._work, name=f"lister-{tracker.name}", daemon=True)
        self.issues = set(left_over)
        self._has_listed = run.resumes
        self.total: int | None = None
        self.gave_up: Exception | None = None

    def start(self) -> None:
        """Begin to list."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further request."""
        self._stopping.set()

    def join(self, timeout: float) -> None:
        """Wait for the request under way."""
        self._thread.join(timeout)

    @property
    def is_listed(self) -> bool:
        """Whether every page is on the agenda."""
        return self._run.is_listed

    def _work(self) -> None:
        while not (self._stopping.is_set() or self.is_listed or self.gave_up):
            try:
                self._list()
            except TrackerError as error:
                self._failed(error)
            except Exception as error:
                log.exception("listing broke", tracker=self._name)
                self.gave_up = error

    def _list(self) -> None:
        if hold_of(self._store, self._name) is not None:
            self._stopping.wait(LOOK_UP)
            return
        for page in self._run.pages():
            self._failures = 0
            self._has_listed = True
            self.issues.update(map(str, page.refs))
            self.total = page.total
            if self._stopping.is_set() or hold_of(self._store, self._name) is not None:
                return

    def _failed(self, error: TrackerError) -> None:
        self._failures += 1
        if not isinstance(error, RateLimited) and (not self._has_listed or self._failures == TRIES):
            self.gave_up = error
        else:
            log.warning("tracker held back", tracker=self._name, error=str(error), kind=type(error).__name__)
            self._tasks.hold(self._name, error)
