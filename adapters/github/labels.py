"""Labels by name: their ids, and the missing ones created."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from github.Repository import Repository

from adapters.github.client import Client, Refused
from adapters.github.ids import Ids
from adapters.github.settings import LabelSpec, Settings
from adapters.github.shared import Shared
from adapters.tracker import AccessDenied
from mapping.changes import Change, SetLabels
from mapping.issue import IssueRef

_PLAIN = "ededed"


class Labels:
    """The label ids of one worker thread's writes, by name (case folded)."""

    def __init__(
        self, settings: Settings, client: Client, shared: Shared, ids: Ids, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._ids = ids
        self._clock = clock

    def wanted(
        self, work: Mapping[IssueRef, Sequence[Change]], ask_leave: Callable[[], None]
    ) -> Mapping[str, Mapping[str, str]]:
        """Ids by repository; labels to set that don't exist there are created, each after `ask_leave`."""
        wanted: dict[str, set[str]] = {}
        for ref, changes in work.items():
            for change in changes:
                if isinstance(change, SetLabels) and change.add:
                    wanted.setdefault(ref.container, set()).update(change.add)
        known = self._ids.labels(list(wanted))
        return {name: self._complete(name, names, known[name], ask_leave) for name, names in wanted.items()}

    def everything(self, repository: str) -> dict[str, str]:
        """All of a repository's, a request for every hundred: answers to other questions show the first hundred."""
        repo = self._client.github.get_repo(repository)
        with self._client.judging("reading labels (Issues: read)"):
            return {label.name.casefold(): label.node_id for label in repo.get_labels()}

    def _complete(
        self, repository: str, names: set[str], known: Mapping[str, str], ask_leave: Callable[[], None]
    ) -> Mapping[str, str]:
        """The ids with those of `names` that the first hundred hid or that had to be created."""
        if all(name.casefold() in known for name in names):
            return known
        ids = self.everything(repository)
        repo = self._client.github.get_repo(repository)
        for name in sorted(names):
            if name.casefold() not in ids:
                ask_leave()
                if made := self._create(repo, name):
                    ids[name.casefold()] = made
        self._shared.labels.put(repository, ids, self._clock())
        return ids

    def _create(self, repo: Repository, name: str) -> str | None:
        """The new label's id; None where GitHub refuses to create it."""
        spec = next((label for label in self._settings.labels if label.name == name), LabelSpec(name, _PLAIN, ""))
        try:
            with self._client.judging("creating labels (Issues: write)"):
                return repo.create_label(spec.name, spec.color, spec.description).node_id
        except (AccessDenied, Refused):
            return None
