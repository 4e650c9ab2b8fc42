"""Mutations sent: many in one request, each judged alone, none repeated but for ids that had become outdated."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from adapters.github import operations
from adapters.github.client import Answer, Client, Json, is_limit, is_too_slow
from adapters.github.ids import Ids
from adapters.github.operations import Operation
from adapters.github.portion import TooSlow
from adapters.github.shared import Shared
from adapters.github.tally import Tally
from adapters.tracker import AccessDenied, LeaseLost, RateLimited, TrackerError, Unreachable
from mapping.issue import IssueRef, Subject

_NEEDS = "writing (Issues: write, Projects: write)"
_STALE_OPTION = "does not belong to the field"
_LOST = {None, "SERVICE_UNAVAILABLE"}  # GitHub failed inside: what it did is unknown
_DENIED = {"FORBIDDEN", "INSUFFICIENT_SCOPES", "NOT_FOUND"}

Keep = Callable[[Operation, Json], None]


class Sender:
    """Sends for one job; `keep` is told what worked, and with which answer."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        client: Client,
        shared: Shared,
        ids: Ids,
        tallies: Mapping[Subject, Tally],
        may_write: Callable[[], bool],
        keep: Keep = lambda operation, payload: None,
    ) -> None:
        self._client = client
        self._shared = shared
        self._ids = ids
        self._tallies = tallies
        self._may_write = may_write
        self._keep = keep
        self.has_sent = False
        self.stopped: TrackerError | None = None

    def ask_leave(self) -> None:
        """LeaseLost when there is no time left for another write."""
        if not self._may_write():
            raise LeaseLost

    def send(self, wanted: Sequence[Operation]) -> None:
        """Send in requests of about twenty. A refusal is raised at first, and later on fails only the rest.

        After a limit, a lost answer, or the end of the lease nothing is sent any more. What a lost answer did is
        unknown, and only a new read tells.
        """
        for chunk in _chunks(wanted, self._shared.writes.size):
            if self.stopped is not None:
                self._stop(chunk, self.stopped)
                continue
            try:
                self.ask_leave()
                answer = self._sent(chunk)
            except (RateLimited, Unreachable, LeaseLost) as stop:
                if not self.has_sent:
                    raise
                self._stop(chunk, stop)
                continue
            except AccessDenied as refusal:
                if not self.has_sent:
                    raise
                for operation in chunk:
                    self._fail(operation, str(refusal))
                continue
            self.has_sent = True
            if (outdated := self._judge(chunk, answer)) and self.stopped is None:
                self._again(outdated)

    def _sent(self, chunk: Sequence[Operation]) -> Answer:
        """One request; when GitHub runs out of time, the next ones are smaller."""
        portion = self._shared.writes
        try:
            answer = self._client.graphql(*operations.document(chunk), _NEEDS, in_parts=True)
        except TooSlow:
            portion.shrink(len(chunk) // 2)
            raise
        if any(is_too_slow(error) for error in answer.errors):
            portion.shrink(len(chunk) // 2)
        elif answer.limited is None:
            portion.worked(len(chunk))
        return answer

    def _stop(self, chunk: Sequence[Operation], stop: TrackerError) -> None:
        self.stopped = stop
        for operation in chunk:
            self._tallies[operation.ref].stop(operation.change, stop)

    def _judge(self, chunk: Sequence[Operation], answer: Answer) -> list[Operation]:
        """Judge alias by alias; the answer is those that were refused for an outdated option."""
        outdated = []
        for at, operation in enumerate(chunk):
            payload, error = answer.data.get(f"o{at}"), answer.error_at(f"o{at}")
            if error is None and payload is not None:
                self._keep(operation, payload)
                continue
            if answer.limited is not None and (error is None or is_limit(error)):
                self._stop([operation], answer.limited)
                continue
            error = error or {"message": "GitHub gave no answer to it"}
            said, kind = str(error.get("message", "")), error.get("type")
            if _is_fine(operation, kind):
                continue
            if _STALE_OPTION in said:
                outdated.append(operation)
                continue
            self._forget(operation, kind)
            self._fail(operation, said)
        return outdated

    def _fail(self, operation: Operation, why: str) -> None:
        self._tallies[operation.ref].fail(operation.change, why)

    def _forget(self, operation: Operation, kind: object) -> None:
        """An id that GitHub doesn't know any more is asked for again next time."""
        if kind != "NOT_FOUND":
            return
        self._ids.forget_project()
        if isinstance(operation.ref, IssueRef):
            self._shared.issues.drop(operation.ref)
            self._shared.labels.drop(operation.ref.container)

    def _again(self, outdated: Sequence[Operation]) -> None:
        """Once, with the project's options as they are now: somebody changed them."""
        self._ids.forget_project()
        renewed = list(self._renewed(outdated))
        if not renewed:
            return
        try:
            self.ask_leave()
            answer = self._sent(renewed)
        except (RateLimited, Unreachable, LeaseLost) as stop:
            self._stop(renewed, stop)
            return
        for operation in self._judge(renewed, answer):
            self._fail(operation, _STALE_OPTION)

    def _renewed(self, outdated: Sequence[Operation]) -> Iterator[Operation]:
        project = self._ids.project()
        for operation in outdated:
            if operation.renew is None or project is None:
                self._fail(operation, _STALE_OPTION)
                continue
            try:
                yield operation.renew(project)
            except ValueError as refusal:
                self._fail(operation, str(refusal))


def _is_fine(operation: Operation, kind: object) -> bool:
    """Whether a refusal leaves nothing to be done."""
    if kind == "NOT_FOUND":
        return operation.absent_is_fine
    return operation.refusal_is_fine and kind not in {*_LOST, *_DENIED}


def _chunks(wanted: Sequence[Operation], size: int) -> Iterator[list[Operation]]:
    """Requests of at most so many operations; an issue's own stay together where they fit."""
    chunk: list[Operation] = []
    for at, operation in enumerate(wanted):
        ours = sum(1 for other in wanted[at:] if other.ref == operation.ref)
        starts = at == 0 or wanted[at - 1].ref != operation.ref
        if chunk and (len(chunk) == size or (starts and len(chunk) + ours > size)):
            yield chunk
            chunk = []
        chunk.append(operation)
    if chunk:
        yield chunk
