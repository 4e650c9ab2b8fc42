"""Where issues are opened because of others: ids, and whether the issue is there already."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.github import documents
from adapters.github.cards import is_cut, nodes
from adapters.github.client import Answer, Client, Json
from adapters.github.ids import label_ids, named
from adapters.github.labels import Labels
from adapters.github.marker import Origin
from adapters.github.shapes import opening_of
from adapters.github.shared import Shared
from mapping.changes import Change, OpenIssue
from mapping.issue import IssueRef, Opened

Openings = Sequence[tuple[IssueRef, OpenIssue]]

_NEEDS = "looking for issues that are open already (Issues: read)"


@dataclass(frozen=True, slots=True)
class Place:
    """A repository to open issues in: its id, its label ids by name (case folded), what we opened there lately.

    `why`: no issue can be opened there.
    """

    id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ours: Sequence[tuple[Origin, Opened]] = ()
    why: str = ""

    def find(self, key: str, ref: IssueRef) -> Opened | None:
        """The issue of this key that was opened here because of that one.

        By name only: issues of an import were created in one second, and the name can't have changed meanwhile.
        """
        same = (one for known, one in self.ours if known.key == key and known.ref.key.casefold() == ref.key.casefold())
        return next(same, None)


class Places:
    """Looks before anything is opened, in one request for all places.

    GitHub shows a new issue on the one that it mentions some time later, and never where the mention can't be seen.
    Only the repository itself tells at once; without that a lost answer would become a second issue.
    """

    def __init__(self, client: Client, shared: Shared, labels: Labels, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._shared = shared
        self._labels = labels
        self._clock = clock

    def look(self, work: Mapping[IssueRef, Sequence[Change]], known: Iterable[IssueRef]) -> Mapping[str, Place]:
        """The repositories in which issues are to be opened because of known ones; what is there is remembered."""
        wanted = _openings(work, known)
        if not wanted:
            return {}
        variables = named(list(wanted))
        for at, openings in enumerate(wanted.values()):
            variables[f"s{at}"] = min(change.facts.resolved_at for _, change in openings).isoformat()
        answer = self._client.graphql(documents.places(len(wanted)), variables, _NEEDS)
        places = {}
        for at, (name, openings) in enumerate(wanted.items()):
            places[name] = self._place(name, answer, f"r{at}", openings)
            for ref, change in openings:
                if there := places[name].find(change.key, ref):
                    self._shared.openings.add(ref, there, self._clock())
        return places

    def _place(self, name: str, answer: Answer, alias: str, openings: Openings) -> Place:
        raw, error = answer.data.get(alias), answer.error_at(alias)
        if raw is None or error is not None:
            why = (error or {}).get("message", "it can't be seen with these credentials")
            return Place(why=f"no issue can be opened in {name}: {why}")
        names = {label for _, change in openings for label in change.labels}
        ours = [issue for issue in nodes(raw["issues"]) if issue["viewerDidAuthor"]]
        tracker = openings[0][0].tracker
        return Place(
            id=raw["id"],
            labels=self._label_ids(name, raw["labels"], names),
            ours=[found for issue in ours if (found := opening_of(issue, tracker)) is not None],
        )

    def _label_ids(self, repository: str, page: Json, names: set[str]) -> Mapping[str, str]:
        ids = label_ids(page)
        if is_cut(page) and any(name.casefold() not in ids for name in names):
            return self._labels.everything(repository)
        return ids


def place_of(ref: IssueRef, change: OpenIssue) -> str:
    """The repository that an issue is to be opened in."""
    return change.container or ref.container


def _openings(work: Mapping[IssueRef, Sequence[Change]], known: Iterable[IssueRef]) -> Mapping[str, Openings]:
    """The issues to open, by repository, each with the one because of which it is."""
    wanted: dict[str, list[tuple[IssueRef, OpenIssue]]] = {}
    for ref in known:
        for change in work[ref]:
            if isinstance(change, OpenIssue):
                wanted.setdefault(place_of(ref, change), []).append((ref, change))
    return wanted
