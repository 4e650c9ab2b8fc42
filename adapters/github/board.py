"""A board as its law sees it: two requests, the second of which confirms what the first one found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapters.github import board_documents, marker
from adapters.github.arrange import draft_of
from adapters.github.cards import card_item, is_cut, nodes, status_of
from adapters.github.client import Answer, Client, Json, is_too_slow
from adapters.github.ids import Ids, named
from adapters.github.issues import NEEDS, Issues, Unreadable
from adapters.github.listing import Listing
from adapters.github.portion import TooSlow
from adapters.github.read import number_of
from adapters.github.settings import Settings
from adapters.github.shapes import Lens
from adapters.github.shared import Project, Shared
from mapping.board import Board, BoardCard, Kind
from mapping.issue import BoardRef, Card, Issue, IssueRef

AT_ONCE = 100
_REPOSITORIES_AT_ONCE = 20  # GitHub counts what a question may bring: half a million nodes at most
_EXPECTED = {"NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES"}

Wanted = Mapping[str, Sequence[IssueRef]]


@dataclass(slots=True)
class Seen:
    """What the requests for one look at a board have brought: its cards, those at its top, issues by name."""

    answer: Answer
    project: Project
    fields: Sequence[str]
    items: dict[str, Json] = field(default_factory=dict)
    top: Sequence[Json] = ()
    raws: dict[IssueRef, dict[str, Any]] = field(default_factory=dict)


class BoardReader:
    """Reads boards for one worker thread."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        settings: Settings,
        client: Client,
        shared: Shared,
        ids: Ids,
        issues: Issues,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._ids = ids
        self._issues = issues
        self._clock = clock
        self._listing = Listing(settings, client, shared, ids, clock)

    def board(self, ref: BoardRef, also: Sequence[IssueRef]) -> Board | None:
        """Every card in the columns of the law, our paused drafts, the open issues that stop work or wait, and `also`.

        Unreadable where the project or one of our repositories can't be seen: what isn't known can't be judged.
        """
        if self._settings.project is None:
            return None
        listed = self._listing.cards()
        known = set(listed.values())
        wanted: dict[str, list[IssueRef]] = {name: [] for name in self._settings.repositories}
        for one in dict.fromkeys(also):
            if one.container in wanted and one.key not in known:
                wanted[one.container].append(one)
        seen = self._look(list(listed), wanted)
        self._read_items(seen, [item["id"] for item in seen.top if self._is_missing(seen, item)])
        order = {name: at for at, name in enumerate(dict.fromkeys([*(item["id"] for item in seen.top), *listed]))}
        cards = {card.id: card for card in self._cards(seen)}
        return Board(ref, tuple(sorted(cards.values(), key=lambda card: order.get(card.id, len(order)))))

    # ------------------------------------------------------------------ the requests

    def _look(self, listed: Sequence[str], wanted: Wanted) -> Seen:
        """One request for a hundred cards and twenty repositories, more where there are more."""
        fields, names = self._ids.field_names(self._ids.known_project()), list(wanted)
        parts = [names[at : at + _REPOSITORIES_AT_ONCE] for at in range(0, len(names), _REPOSITORIES_AT_ONCE)]
        first, rest = list(listed[:AT_ONCE]), list(listed[AT_ONCE:])
        try:
            answer = self._ask(first, _part(wanted, parts[0]), fields)
        except TooSlow:
            if not first:
                raise
            first, rest = [], list(listed)
            answer = self._ask(first, _part(wanted, parts[0]), fields)
        project = self._ids.keep_project(answer)
        if project.why:
            raise Unreadable(project.why)
        if self._ids.are_misspelt(fields, project):
            return self._look(listed, wanted)
        seen = Seen(answer, project, fields)
        seen.top = [item for item in nodes(answer.data["board"]["projectV2"]["items"]) if not item["isArchived"]]
        self._take_items(seen, answer)
        self._take_issues(seen, answer, _part(wanted, parts[0]))
        for part in parts[1:]:
            self._take_issues(seen, self._ask([], _part(wanted, part), fields), _part(wanted, part))
        self._read_items(seen, rest)
        return seen

    def _ask(self, items: Sequence[str], wanted: Wanted, fields: Sequence[str]) -> Answer:
        numbers = [[number_of(ref) for ref in refs] for refs in wanted.values()]
        labels = (self._settings.p0, self._settings.paused)
        query = board_documents.board(numbers, labels, self._issues.asks_moves, fields)
        where = self._settings.project
        about = {"owner": where.owner, "project": where.number} if where else {}
        answer = self._issues.ask(query, {"items": list(items), **about, **named(list(wanted))})
        return _judged(answer) if answer is not None else self._ask(items, wanted, fields)

    def _read_items(self, seen: Seen, ids: Sequence[str]) -> None:
        """Half the question when GitHub runs out of time, down to one card."""
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            query = board_documents.items(self._issues.asks_moves, seen.fields)
            try:
                self._take_items(seen, _judged(self._client.graphql(query, {"items": list(part)}, NEEDS)))
            except TooSlow:
                if len(part) == 1:
                    raise
                self._read_items(seen, part[: len(part) // 2])
                self._read_items(seen, part[len(part) // 2 :])

    def _take_items(self, seen: Seen, answer: Answer) -> None:
        """Cards that are there; of issues in our repositories the whole issue, on this very card."""
        for item in filter(None, answer.data.get("items") or ()):
            seen.items[item["id"]] = item
            ref = self._ref(item)
            if ref is not None:
                seen.raws[ref] = {**item["content"], "projectItems": {"nodes": [item]}}

    def _take_issues(self, seen: Seen, answer: Answer, wanted: Wanted) -> None:
        for at, (repository, refs) in enumerate(wanted.items()):
            part = answer.data.get(f"r{at}")
            if part is None:
                said = (answer.error_at(f"r{at}") or {}).get("message", "no reason given")
                raise Unreadable(f"the repository {repository} can't be seen with these credentials: {said}")
            self._ids.keep_labels(repository, part)
            raws = [raw for ref in refs if (raw := part.get(f"i{number_of(ref)}"))]
            for n, label in enumerate((self._settings.p0, self._settings.paused)):
                raws += self._labelled(seen, repository, label, part[f"l{n}"])
            for raw in raws:
                seen.raws.setdefault(IssueRef(self._settings.name, f"{repository}#{raw['number']}"), dict(raw))

    def _labelled(self, seen: Seen, repository: str, label: str, page: Json) -> Iterator[Json]:
        """All pages of the issues that carry a label."""
        owner, _, name = repository.partition("/")
        query = board_documents.more_labelled(label, self._issues.asks_moves, seen.fields)
        while True:
            yield from nodes(page)
            if not is_cut(page):
                return
            variables = {"owner": owner, "name": name, "after": page["pageInfo"]["endCursor"]}
            page = _judged(self._client.graphql(query, variables, NEEDS)).data["repository"]["issues"]

    # ------------------------------------------------------------------ what they brought

    def _is_missing(self, seen: Seen, item: Json) -> bool:
        """It stands in a column of the law, and the search doesn't know of it yet."""
        lawful = {status.casefold() for status in self._listing.statuses}
        return status_of(item).casefold() in lawful and item["id"] not in seen.items

    def _ref(self, item: Json) -> IssueRef | None:
        """The issue on a card, if it is one in our repositories; to others we don't write."""
        content = item.get("content") or {}
        if content.get("__typename") != "Issue":
            return None
        repository = self._settings.spelled(str(content["repository"]["nameWithOwner"]))
        return IssueRef(self._settings.name, f"{repository}#{content['number']}") if repository else None

    def _cards(self, seen: Seen) -> Iterator[BoardCard]:
        lens = self._issues.lens(seen.answer, self._settings.repositories[0], seen.project)
        paused = [item for item in seen.top if (draft := draft_of(item)) and marker.is_paused(draft.body)]
        for item in {item["id"]: item for item in (*paused, *seen.items.values())}.values():
            if self._ref(item) is None and not item["isArchived"]:
                yield self._other(item, lens)
        for ref, issue in self._issues.whole(seen.raws, seen.answer, seen.project).items():
            yield _of_issue(issue, seen.raws[ref], seen.project)

    def _other(self, item: Json, lens: Lens) -> BoardCard:
        """A card without an issue that we could write to."""
        content = item.get("content") or {}
        kinds = {"DraftIssue": Kind.DRAFT, "PullRequest": Kind.PULL_REQUEST}
        people = tuple(person for node in nodes(content.get("assignees")) if (person := lens.person(node)))
        draft = draft_of(item)
        if draft is not None:
            self._shared.drafts.put(item["id"], draft, self._clock())
        return BoardCard(
            id=item["id"],
            kind=kinds.get(content.get("__typename", ""), Kind.HIDDEN),
            title=str(content.get("title") or ""),
            card=lens.place(item),
            assignees=people if draft else (),
            paused=draft is not None and marker.is_paused(draft.body),
        )


def _part(wanted: Wanted, names: Sequence[str]) -> Wanted:
    return {name: wanted[name] for name in names}


def _judged(answer: Answer) -> Answer:
    """The answer, unless GitHub failed inside of it: then what it shows may be incomplete."""
    for error in answer.errors:
        if is_too_slow(error):
            raise TooSlow(f"GitHub gave up on a part of the board: {error.get('message')}")
        if error.get("type") not in _EXPECTED:
            raise Unreadable(f"GitHub failed on the board: {error.get('message')}")
    return answer


def _of_issue(issue: Issue, raw: Json, project: Project) -> BoardCard:
    """An archived card is no longer on the board; an issue without a card is called by its own id."""
    item, card = card_item(raw, project), issue.card or Card()
    if item is not None and item["isArchived"]:
        card = replace(card, name=None, column=None, moved_at=None)
    return BoardCard(
        item["id"] if item else str(raw["id"]), Kind.ISSUE, issue.title, card, issue, assignees=issue.assignees
    )
