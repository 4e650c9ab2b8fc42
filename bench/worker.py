"""The service on a tracker in memory; `python -m bench.worker URL` is a process with one worker, on a slow tracker.

It says when it is at work, works until its input ends, and then says how many issues it has written to.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from adapters.memory import MemoryTracker
from adapters.tracker import Gone, Outcome
from integrator.config import Config, GitHubConfig
from integrator.service import Service, build
from integrator.store import Store
from mapping.changes import Change
from mapping.issue import Issue, IssueRef
from mapping.policy import Sla

ISSUES = 2000
REQUEST = 0.05  # seconds
CHANGES = 20  # in a request
REFS = [IssueRef("github", f"acme/shop#{number}") for number in range(1, ISSUES + 1)]
CONFIG = Config(
    trackers={"github": GitHubConfig(kind="github", repositories=("acme/shop",))},
    sla=Sla(enforce_from=datetime(2026, 1, 1, tzinfo=UTC)),
)
REPORT = """### What happened?

The total shows a cent too much.

### Business process impact

Minor: it is inconvenient

### Is there a workaround?

Easy: they can go on
"""


class Quick(MemoryTracker):
    """A tracker that answers at once, full of reports that nobody has looked at."""

    def __init__(self) -> None:
        super().__init__("github", "markdown", ["alice"], lambda: datetime.now(UTC))
        for ref in REFS:
            self.open(ref, "carol", "The total is wrong", body=REPORT)

    def written(self) -> int:
        """How many issues have their severity's label and a comment of ours."""
        return sum("P2" in issue.labels and len(issue.comments) == 1 for issue in self.issues())


class Slow(Quick):
    """One that takes its time for each request: a batch that is read, or twenty changes, as GitHub takes them."""

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        """Issues, in one request."""
        time.sleep(REQUEST)
        return super().read(refs)

    def apply(
        self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
    ) -> Mapping[IssueRef, Outcome]:
        """Changes, in as many requests as they take."""
        time.sleep(REQUEST * math.ceil(sum(map(len, work.values())) / CHANGES))
        return super().apply(work, may_write)


@contextmanager
def at_work(url: str, tracker: Quick, threads: int) -> Iterator[Service]:
    """The service on this database and tracker, with so many workers, until the end of the block."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    store = Store(url)
    store.migrate()
    service = build(CONFIG, store, lambda: {"github": tracker}, threads)
    service.start()
    try:
        yield service
    finally:
        service.stop()


def main() -> None:
    """Work on the slow tracker with one worker."""
    tracker = Slow()
    with at_work(sys.argv[1], tracker, 1):
        print("at work", flush=True)
        sys.stdin.read()
    print(tracker.written(), flush=True)


if __name__ == "__main__":
    main()
