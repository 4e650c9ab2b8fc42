"""Jira's bulk operations: handed over in one request, done by Jira in its own time, asked after until they are."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.jira.cache import Cache
from adapters.jira.client import Client, found
from adapters.jira.errors import EndpointBusy, Refused
from adapters.jira.site import Site
from adapters.tracker import AccessDenied, LeaseLost

BULK = "api/3/bulk"  # the bulk operations exist in version 3 only; nothing in them is a document
EDIT, TRANSITION = "issues/fields", "issues/transition"
NOT_NOW = timedelta(minutes=10)
SITE = ""  # what is refused for the whole site
ENDED_BADLY = {"FAILED", "CANCELLED", "DEAD"}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: the shortest and the longest pause before asking after a task; how long it may take, for its start and
    for each of its issues.

    A worker's leases are renewed meanwhile; the end keeps the issues that wait behind a backfill from waiting longer.
    """

    first: float = 0.2
    most: float = 5.0
    total: float = 20.0
    each: float = 0.2

    def until(self, issues: int) -> float:
        """How long a task about so many issues may take."""
        return self.total + self.each * issues


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a bulk operation: the ids of the issues it was done to; why it ended early, if it did.

    `refused` are Jira's own words by issue id, as far as there are any; `busy`: it asked for a pause, nothing was done.
    """

    done: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    broke: str = ""
    busy: EndpointBusy | None = None


class Tasks:
    """Hands bulk operations to one site, one at a time, and remembers for a while what it doesn't take."""

    def __init__(self, site: Site, patience: Patience) -> None:
        self._client: Client = site.client
        self._now = site.now
        self._patience = patience
        self._usual = patience.first
        self._off: Cache[bool] = Cache(NOT_NOW, site.now)

    def takes(self, kind: str) -> bool:
        """Whether this kind of operation may be tried: neither it nor all of them were refused lately."""
        return self._off.peek(SITE) is None and self._off.peek(kind) is None

    def run(self, path: str, kind: str, body: Mapping[str, Any], issues: int, may_write: Callable[[], bool]) -> Report:
        """Do it to so many issues, and wait for the end of it. Where Jira doesn't take it, nothing is done.

        `kind` is what a refusal is remembered for. LeaseLost, also while waiting: Jira then ends it alone.
        """
        if not may_write():
            raise LeaseLost
        try:
            task = str(found(self._client.call("POST", f"{BULK}/{path}", body), "taskId")["taskId"])
        except EndpointBusy as busy:
            return Report(busy=busy)
        except (Refused, AccessDenied) as refusal:  # credentials that are wrong altogether fail at the next request
            wrong = isinstance(refusal, Refused) and refusal.status == 400
            self._refuse(kind if wrong else SITE)
            return Report()
        report = self._wait(task, self._patience.until(issues), may_write)
        if report.broke:
            self._refuse(SITE)
        return report

    def _refuse(self, kind: str) -> None:
        self._off.get(kind, lambda: True)

    def _wait(self, task: str, patience: float, may_write: Callable[[], bool]) -> Report:
        """Ask after the task when it is probably done, then ever more seldom."""
        begun, pause, late = time.monotonic(), min(self._usual, self._patience.most), False
        while time.monotonic() - begun + pause <= patience:
            time.sleep(pause)
            if not may_write():
                raise LeaseLost
            try:
                answer = found(self._client.call("GET", f"{BULK}/queue/{task}"), "status")
            except EndpointBusy as busy:
                asked = (busy.retry_at - self._now()).total_seconds() if busy.retry_at else 0.0
                pause = max(pause, asked)
                continue
            except (Refused, AccessDenied) as refusal:
                return Report(broke=f"it can't be asked what became of Jira's bulk task {task}: {refusal}")
            took = time.monotonic() - begun
            if answer["status"] == "COMPLETE" or answer["status"] in ENDED_BADLY:
                self._learn(took if late else 0.95 * pause)
                return report_of(task, answer)
            pause, late = min(max(self._patience.first, took / 2), self._patience.most), True
        return Report(broke=f"Jira's bulk task {task} was not done after {patience:g} s")

    def _learn(self, took: float) -> None:
        """The next task takes about as long: then one look is enough, and a little less is tried each time."""
        self._usual = max(self._patience.first, took)


def report_of(task: str, answer: Mapping[str, Any]) -> Report:
    """A task that is complete may have failed for some issues; of those that we can't see it tells only how many."""
    failed = answer.get("failedAccessibleIssues") or {}
    refused = {str(issue): "; ".join(map(str, reasons or ())) for issue, reasons in failed.items()}
    done = frozenset(str(issue) for issue in answer.get("processedAccessibleIssues") or ()) - refused.keys()
    status = answer["status"]
    return Report(done, refused, f"Jira's bulk task {task} ended as {status}" if status in ENDED_BADLY else "")
