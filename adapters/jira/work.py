"""One issue's changes under way: what has been done, what failed, and what its property is to say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from adapters.jira.client import Client
from adapters.jira.errors import EndpointBusy, IssueBusy, Refused
from adapters.jira.memory import Memory
from adapters.jira.read import Seen
from adapters.tracker import LeaseLost, Outcome, TrackerError
from mapping.changes import Change
from mapping.issue import IssueRef

C = TypeVar("C", bound=Change)


@dataclass(slots=True)
class Work:
    """One issue's changes under way; `memory` is what its property is to say, `kept` what it says already.

    `is_behind`: it doesn't list some of our comments, which carry their own markers; the next edit takes them along.
    """

    ref: IssueRef
    seen: Seen
    may_write: Callable[[], bool]
    memory: Memory
    kept: Memory
    is_behind: bool
    applied: list[Change] = field(default_factory=list)
    failed: list[tuple[Change, str]] = field(default_factory=list)
    updated_at: datetime | None = None
    busy: EndpointBusy | None = None

    def send(self, client: Client, method: str, path: str, body: Any = None) -> Any:
        """One request that writes, if there is time left for it."""
        if not self.may_write():
            raise LeaseLost
        return client.call(method, path, body)

    def attempt(self, change: C, do: Callable[["Work", C], None]) -> None:
        """Do one change and judge it: a refusal is that change's failure, anything worse stops the issue.

        So is a pause that Jira asks for with this kind of request: there may be others.
        """
        try:
            do(self, change)
        except Refused as refusal:
            self.failed.append((change, refusal.reason))
        except EndpointBusy as busy:
            self.failed.append((change, str(busy)))
            self.busy = busy
        except (LookupError, ValueError) as impossible:
            self.failed.append((change, str(impossible)))
        else:
            self.applied.append(change)

    def has_failed(self, change: Change) -> bool:
        """Whether a change was judged already, and failed."""
        return any(change is one for one, _ in self.failed)

    def left(self, changes: Sequence[Change]) -> list[Change]:
        """Those that were not come to."""
        settled = [*self.applied, *(change for change, _ in self.failed)]
        return [change for change in changes if not any(change is one for one in settled)]

    def outcome(self, changes: Sequence[Change], stop: TrackerError | None = None) -> Outcome:
        """What came of the changes; those not come to failed because of the stop."""
        left = [(change, str(stop)) for change in self.left(changes)]
        done = Outcome(tuple(self.applied), (*self.failed, *left), self.updated_at)
        return after(stop or self.busy, done)


def after(stop: TrackerError | None, outcome: Outcome) -> Outcome:
    """The outcome with what stopped it: Jira asked for a pause with an issue or a kind of request, or with all."""
    if isinstance(stop, IssueBusy | EndpointBusy):
        return replace(outcome, retry_at=stop.retry_at)
    return outcome if stop is None or isinstance(stop, Refused) else replace(outcome, stopped=stop)
