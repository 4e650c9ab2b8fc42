"""Changes made so: one request for all issues of a batch, a second one for cards that are new."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from adapters.github.batch import Batch
from adapters.github.client import Client, Json
from adapters.github.ids import Ids
from adapters.github.issue_fields import IssueFields
from adapters.github.labels import Labels
from adapters.github.operations import Operation
from adapters.github.places import Places
from adapters.github.read import Reader
from adapters.github.sending import Sender
from adapters.github.settings import Settings
from adapters.github.shared import Field, Known, Project, Shared
from adapters.github.tally import Tally
from adapters.tracker import Gone, LeaseLost, Outcome, RateLimited
from mapping.changes import Change, MoveTo, OpenIssue, SetFields
from mapping.issue import IssueRef, Opened, Subject

Work = Mapping[IssueRef, Sequence[Change]]


class Writer:
    """Writes issues for one worker thread."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        settings: Settings,
        client: Client,
        shared: Shared,
        ids: Ids,
        reader: Reader,
        fields: IssueFields,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._ids = ids
        self._reader = reader
        self._fields = fields
        self._clock = clock
        self._labels = Labels(settings, client, shared, ids, clock)
        self._places = Places(client, shared, self._labels, clock)

    def apply(self, work: Work, may_write: Callable[[], bool]) -> Mapping[IssueRef, Outcome]:
        """Gather ids, look where issues are to be opened, write all, then what belongs on cards that are new."""
        tallies: dict[Subject, Tally] = {ref: Tally() for ref in work}
        items: dict[IssueRef, str] = {}
        keep = partial(self._keep, tallies, items)
        sender = Sender(self._client, self._shared, self._ids, tallies, may_write, keep)
        known = self._known(work, tallies)
        labels = self._labels.wanted({ref: work[ref] for ref in known}, sender.ask_leave)
        places = self._places.look(work, known)
        own = self._own(work)
        batch = Batch(self._settings, work, known, labels, self._project_for(work), tallies, places, own)
        sender.send([made for ref in known for change in work[ref] for made in batch.operations(ref, change)])
        sender.send([made for ref in known for made in batch.later(ref, items)])
        for ref in known:
            self._write_issue_fields(ref, work[ref], own.get(ref.container, {}), tallies[ref], sender)
        return {ref: tallies[ref].outcome(changes) for ref, changes in work.items()}

    def _known(self, work: Work, tallies: Mapping[Subject, Tally]) -> dict[IssueRef, Known]:
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

    def _project_for(self, work: Work) -> Project | None:
        on_cards = (isinstance(change, MoveTo | SetFields) for changes in work.values() for change in changes)
        return self._ids.project() if any(on_cards) else None

    def _own(self, work: Work) -> Mapping[str, Mapping[str, Field]]:
        """The organisations' issue fields, where fields are to be set."""
        where = {ref.container for ref, changes in work.items() for c in changes if isinstance(c, SetFields)}
        return {repository: self._fields.of(repository) for repository in where}

    def _write_issue_fields(
        self, ref: IssueRef, changes: Sequence[Change], own: Mapping[str, Field], tally: Tally, sender: Sender
    ) -> None:
        for change in changes:
            if isinstance(change, SetFields):
                mine = {name: text for name, text in change.values.items() if name.casefold() in own}
                if mine and sender.stopped is not None:
                    tally.stop(change, sender.stopped)
                    continue
                try:
                    for why in self._fields.write(ref, mine, sender.ask_leave) if mine else ():
                        tally.fail(change, why)
                except (RateLimited, LeaseLost) as stop:
                    if not sender.has_sent:
                        raise
                    sender.stopped = stop
                    tally.stop(change, stop)

    def _keep(
        self, tallies: Mapping[Subject, Tally], items: dict[IssueRef, str], operation: Operation, payload: Json
    ) -> None:
        """What worked: times of last update, opened issues, new cards."""
        ref = operation.ref
        if not isinstance(ref, IssueRef):
            return
        if isinstance(operation.change, OpenIssue) and payload.get("issue"):
            self._remember(ref, operation.change, payload["issue"])
        for part in ("labelable", "subject"):
            tallies[ref].saw((payload.get(part) or {}).get("updatedAt"))
        tallies[ref].saw(((payload.get("issueComment") or {}).get("issue") or {}).get("updatedAt"))
        if item := payload.get("item"):
            items[ref] = item["id"]
            known = self._shared.issues.get(ref, self._clock())
            if known is not None:
                self._shared.issues.put(ref, replace(known, item=item["id"]), self._clock())

    def _remember(self, ref: IssueRef, change: OpenIssue, raw: Json) -> None:
        """Until GitHub shows the new issue on the one it is about."""
        new = IssueRef(ref.tracker, f"{raw['repository']['nameWithOwner']}#{raw['number']}")
        opened = Opened(change.key, new, datetime.fromisoformat(raw["createdAt"]))
        self._shared.openings.add(ref, opened, self._clock())
