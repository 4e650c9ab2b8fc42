"""Changes made so: one request for all issues of a batch, a second one for the Status of cards that are new."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.github import operations
from adapters.github.batch import Batch, Tally
from adapters.github.client import Answer, Client, Json
from adapters.github.labels import Labels
from adapters.github.operations import Operation
from adapters.github.places import Places
from adapters.github.read import Reader
from adapters.github.settings import Settings
from adapters.github.shared import Board, Known, Shared
from adapters.tracker import AccessDenied, Gone, LeaseLost, Outcome, RateLimited, Unreachable
from mapping.changes import Change, MoveTo, OpenIssue
from mapping.issue import IssueRef, Opened

AT_ONCE = 20  # more aliases run into GitHub's ten seconds, with some of them done
_NEEDS = "writing (Issues: write, Projects: write)"
_STALE_OPTION = "does not belong to the field"
_LOST = {None, "SERVICE_UNAVAILABLE"}  # GitHub failed inside: what it did is unknown

Work = Mapping[IssueRef, Sequence[Change]]


class Writer:
    """Writes for one worker thread. No write is repeated, except a Status that GitHub refused for an outdated id."""

    def __init__(
        self, settings: Settings, client: Client, shared: Shared, reader: Reader, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._reader = reader
        self._clock = clock
        self._labels = Labels(settings, client, shared, reader, clock)
        self._places = Places(client, shared, self._labels, clock)
        self._may_write: Callable[[], bool] = lambda: False

    def apply(self, work: Work, may_write: Callable[[], bool]) -> Mapping[IssueRef, Outcome]:
        """Gather ids, look where issues are to be opened, write all, then put the new cards into their columns."""
        self._may_write = may_write
        tallies = {ref: Tally() for ref in work}
        known = self._known(work, tallies)
        labels = self._labels.wanted({ref: work[ref] for ref in known}, self._ask_leave)
        places = self._places.look(work, known)
        board = self._board_for(work)
        batch = Batch(self._settings, known, labels, board, tallies, places)
        first = [operation for ref in known for change in work[ref] for operation in batch.operations(ref, change)]
        items = self._send(first, tallies, is_first=True)
        moves = [(ref, c) for ref in known for c in work[ref] if isinstance(c, MoveTo) and known[ref].item is None]
        second = [
            batch.status(ref, change, items[ref])
            for ref, change in moves
            if ref in items and id(change) not in tallies[ref].reasons
        ]
        self._send(second, tallies, is_first=not first)
        return {ref: tally.outcome(work[ref]) for ref, tally in tallies.items()}

    def _known(self, work: Work, tallies: Mapping[IssueRef, Tally]) -> dict[IssueRef, Known]:
        """The issues' node ids; those that nobody remembers are read again."""
        now = self._clock()
        missing = [ref for ref in work if self._shared.issues.get(ref, now) is None]
        found = self._reader.read(missing) if missing else {}
        known = {}
        for ref in work:
            here, gone = self._shared.issues.get(ref, now), found.get(ref)
            if here is not None and not isinstance(gone, Gone):
                known[ref] = here
                continue
            for change in work[ref]:
                tallies[ref].fail(change, gone.why if isinstance(gone, Gone) else "the issue is unknown")
        return known

    def _board_for(self, work: Work) -> Board | None:
        if not any(isinstance(change, MoveTo) for changes in work.values() for change in changes):
            return None
        return self._reader.board()

    def _send(
        self, wanted: Sequence[Operation], tallies: Mapping[IssueRef, Tally], is_first: bool
    ) -> dict[IssueRef, str]:
        """Send in requests of about twenty; the answer is the new cards' ids. A refusal later on fails only the rest.

        A lost answer is raised: what it did is unknown, and only a new read tells.
        """
        items: dict[IssueRef, str] = {}
        for chunk in _chunks(wanted):
            self._ask_leave()
            try:
                answer = self._client.graphql(*operations.document(chunk), _NEEDS)
            except (RateLimited, AccessDenied) as refusal:
                if is_first:
                    raise
                for operation in chunk:
                    tallies[operation.ref].fail(operation.change, str(refusal))
                continue
            is_first = False
            outdated = self._judge(chunk, answer, tallies, items)
            if outdated:
                self._again(outdated, tallies)
        return items

    def _ask_leave(self) -> None:
        if not self._may_write():
            raise LeaseLost

    def _judge(
        self,
        chunk: Sequence[Operation],
        answer: Answer,
        tallies: Mapping[IssueRef, Tally],
        items: dict[IssueRef, str],
    ) -> list[Operation]:
        """Judge alias by alias; the answer is those that were refused for an outdated Status option."""
        outdated, lost = [], ""
        for at, operation in enumerate(chunk):
            tally, payload, error = tallies[operation.ref], answer.data.get(f"o{at}"), answer.error_at(f"o{at}")
            if error is None and payload is not None:
                self._keep(operation, payload, tally, items)
                continue
            error = error or {"message": "GitHub gave no answer to it"}
            said, kind = str(error.get("message", "")), error.get("type")
            if kind == "NOT_FOUND" and operation.absent_is_fine:
                continue
            if _STALE_OPTION in said:
                outdated.append(operation)
                continue
            if operation.creates and kind in _LOST:
                lost = said
            self._forget(operation, kind)
            tally.fail(operation.change, said)
        if lost:
            raise Unreachable(f"GitHub failed while creating something: {lost}")
        return outdated

    def _keep(self, operation: Operation, payload: Json, tally: Tally, items: dict[IssueRef, str]) -> None:
        if isinstance(operation.change, OpenIssue) and payload.get("issue"):
            self._remember(operation.ref, operation.change, payload["issue"])
        for part in ("labelable", "subject"):
            tally.saw((payload.get(part) or {}).get("updatedAt"))
        tally.saw(((payload.get("issueComment") or {}).get("issue") or {}).get("updatedAt"))
        item = payload.get("item")
        if item is None:
            return
        items[operation.ref] = item["id"]
        known = self._shared.issues.get(operation.ref, self._clock())
        if known is not None:
            self._shared.issues.put(operation.ref, replace(known, item=item["id"]), self._clock())

    def _remember(self, ref: IssueRef, change: OpenIssue, raw: Json) -> None:
        """Until GitHub shows the new issue on the one it is about."""
        new = IssueRef(ref.tracker, f"{raw['repository']['nameWithOwner']}#{raw['number']}")
        opened = Opened(change.key, new, datetime.fromisoformat(raw["createdAt"]))
        self._shared.openings.add(ref, opened, self._clock())

    def _forget(self, operation: Operation, kind: object) -> None:
        """An id that GitHub doesn't know any more is asked for again next time."""
        if kind == "NOT_FOUND":
            self._shared.issues.drop(operation.ref)
            self._shared.labels.drop(operation.ref.container)

    def _again(self, outdated: Sequence[Operation], tallies: Mapping[IssueRef, Tally]) -> None:
        """Once, with the project's options as they are now: somebody changed them."""
        self._shared.boards.drop(self._settings.name)
        board = self._reader.board()
        batch = Batch(self._settings, {}, {}, board, tallies)
        renewed = [
            batch.status(operation.ref, operation.change, str(operation.input["itemId"]))
            for operation in outdated
            if isinstance(operation.change, MoveTo) and batch.can_move(operation.ref, operation.change)
        ]
        if not renewed:
            return
        self._ask_leave()
        answer = self._client.graphql(*operations.document(renewed), _NEEDS)
        for operation in self._judge(renewed, answer, tallies, {}):
            tallies[operation.ref].fail(operation.change, _STALE_OPTION)


def _chunks(wanted: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Requests of at most twenty operations; an issue's own stay together where they fit."""
    chunk: list[Operation] = []
    for at, operation in enumerate(wanted):
        ours = sum(1 for other in wanted[at:] if other.ref == operation.ref)
        starts = at == 0 or wanted[at - 1].ref != operation.ref
        if chunk and (len(chunk) == AT_ONCE or (starts and len(chunk) + ours > AT_ONCE)):
            yield chunk
            chunk = []
        chunk.append(operation)
    if chunk:
        yield chunk
