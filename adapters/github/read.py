"""Many issues in one request: what is asked, joined from its pages, and judged issue by issue."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from adapters.github import documents
from adapters.github.client import Answer, Client, Json, Refused, TooSlow
from adapters.github.people import Identities
from adapters.github.settings import App, Settings
from adapters.github.shapes import Lens, board_of, card_item, is_cut, nodes
from adapters.github.shared import Board, Known, Shared, Team
from adapters.tracker import AccessDenied, Gone, Page, Unreachable
from mapping.issue import Issue, IssueRef

AT_ONCE = 100  # GitHub: nodes and aliases are counted in hundreds
_PAGES_AT_ONCE = 20
_REFUSALS = {"FORBIDDEN", "INSUFFICIENT_SCOPES"}
_LAG = timedelta(seconds=2)
_NEEDS = "reading issues (Issues: read, Projects: read)"
_NAMED = re.compile(r"[A-Za-z0-9_-]+/(?!\.{1,2}#)[A-Za-z0-9_.-]+#[1-9][0-9]*")
_UNKNOWN_EVENT = re.compile(r"PROJECT_V2_ITEM_STATUS_CHANGED_EVENT|ProjectV2ItemStatusChangedEvent")


class _Broken(Exception):
    """GitHub failed inside an issue, so that what it shows of it may be incomplete."""


class Unreadable(Exception):
    """One issue (or its repository) can't be read; nothing is wrong with the tracker, and others go on."""


Found = Mapping[IssueRef, Issue | Gone]


class Reader:
    """Reads for one worker thread, and keeps the ids it comes across where all threads find them."""

    def __init__(self, settings: Settings, client: Client, shared: Shared, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._clock = clock

    def read(self, refs: Sequence[IssueRef]) -> Found:
        """The issues as they are now; one request for a hundred of them, more for long histories and moved issues."""
        asked = list(dict.fromkeys(refs))
        found: dict[IssueRef, Issue | Gone] = {ref: Gone("not the name of a GitHub issue") for ref in asked}
        named = iter([ref for ref in asked if _NAMED.fullmatch(ref.key)])
        while batch := list(islice(named, AT_ONCE)):
            found.update(self._batch(batch))
        return found

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        """Open issues, a hundred a page, repository by repository; the cursor names the repository it goes on in."""
        repositories = self._settings.repositories
        at, _, after = (cursor or "").partition(" ")
        if at not in repositories:
            at, after = repositories[0], ""
        first = repositories.index(at)
        for index in range(first, len(repositories)):
            yield from self._repository_pages(index, since, after if index == first else "")

    def board(self) -> Board | None:
        """The project's ids; None without a project. Asked only when nobody knows them."""
        project = self._settings.project
        if project is None:
            return None
        known = self._shared.boards.get(self._settings.name, self._clock())
        if known is not None:
            return known
        variables = {"owner": project.owner, "project": project.number}
        answer = self._client.graphql(documents.ids(0, board=True), variables, "the project (Projects: read)")
        return self._keep_board(answer)

    def labels(self, repositories: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The label ids of these repositories by name (case folded); asked only where nobody knows them."""
        now = self._clock()
        known = {name: ids for name in repositories if (ids := self._shared.labels.get(name, now)) is not None}
        wanted = [name for name in repositories if name not in known]
        if wanted:
            answer = self._client.graphql(documents.ids(len(wanted), board=False), named(wanted), "labels")
            for at, name in enumerate(wanted):
                known[name] = self._keep_labels(name, answer.data.get(f"r{at}"))
        return known

    def team(self, repository: str) -> Team:
        """Who may write there: one request (a page of a hundred), believed for five minutes, refusals too."""
        known = self._shared.teams.get(repository, self._clock())
        if known is not None:
            return known
        try:
            with self._client.judging("listing collaborators (Metadata: read, and push access)"):
                people = self._client.github.get_repo(repository).get_collaborators(permission="push")
                team = Team(frozenset(person.login.lower() for person in people))
        except (AccessDenied, Refused) as refusal:
            team = Team(refused=str(refusal))
        self._shared.teams.put(repository, team, self._clock())
        return team

    def _batch(self, refs: Sequence[IssueRef]) -> Found:
        """Half the question when GitHub runs out of time, down to one issue."""
        try:
            return self._ask(refs)
        except _Broken as failure:
            if len(refs) == 1:
                raise Unreadable(str(failure)) from failure
        except TooSlow:
            if len(refs) == 1:
                raise
        half = len(refs) // 2
        return {**self._batch(refs[:half]), **self._batch(refs[half:])}

    def _ask(self, refs: Sequence[IssueRef]) -> Found:
        by_repository: dict[str, list[IssueRef]] = {}
        for ref in refs:
            by_repository.setdefault(ref.container, []).append(ref)
        answer = self._first_page(by_repository)
        board = self._board_of(answer)
        raws: dict[IssueRef, dict[str, Any]] = {}
        found: dict[IssueRef, Issue | Gone] = {}
        for at, (repository, wanted) in enumerate(by_repository.items()):
            part = answer.data.get(f"r{at}")
            if part is None:
                found |= self._unseen(repository, wanted, answer.error_at(f"r{at}"))
                continue
            if "labels" in part:
                self._keep_labels(repository, part)
            for ref in wanted:
                raw = part.get(f"i{_number(ref)}")
                errors = answer.errors_at(f"r{at}", f"i{_number(ref)}")
                for error in errors:
                    if error.get("type") not in {"NOT_FOUND", *_REFUSALS}:
                        raise _Broken(f"GitHub failed on {ref}: {error.get('message')}")
                if raw is None:
                    found[ref] = self._missing(ref, next(iter(errors), None))
                elif str(part["nameWithOwner"]).lower() != repository.lower():
                    found[ref] = _moved(ref, str(part["nameWithOwner"]), int(raw["number"]))
                else:
                    raws[ref] = dict(raw)
        self._read_on(raws)
        for ref, raw in raws.items():
            self._keep_issue(ref, raw, board)
            found[ref] = self._joined(self._lens(answer, ref, board).issue(ref, raw))
        return found

    def _joined(self, issue: Issue) -> Issue:
        """The issue with what was opened because of it lately, whether or not GitHub shows that there yet."""
        return replace(issue, opened=self._shared.openings.joined(issue.ref, issue.opened, self._clock()))

    def _first_page(self, by_repository: Mapping[str, Sequence[IssueRef]]) -> Answer:
        now, project = self._clock(), self._settings.project
        names = list(by_repository)
        board = project is not None and self._shared.boards.get(self._settings.name, now) is None
        query = documents.read(
            numbers=[[_number(ref) for ref in by_repository[name]] for name in names],
            labels=[self._shared.labels.get(name, now) is None for name in names],
            moves=self._asks_moves(),
            cards=project is not None,
            board=board,
        )
        variables = named(names)
        if board and project is not None:
            variables |= {"owner": project.owner, "project": project.number}
        try:
            return self._client.graphql(query, variables, _NEEDS)
        except Refused as refusal:
            if not (self._asks_moves() and _UNKNOWN_EVENT.search(str(refusal))):
                raise
            self._shared.tells_moves = False
        return self._first_page(by_repository)

    def _asks_moves(self) -> bool:
        return self._settings.project is not None and self._shared.tells_moves

    def _read_on(self, raws: Mapping[IssueRef, dict[str, Any]]) -> None:
        """Join the further pages of comments and timeline to the issues where the first was cut."""
        cut = [(raw, name) for raw in raws.values() for name in ("comments", "timelineItems") if is_cut(raw[name])]
        while cut:
            now, later = cut[:_PAGES_AT_ONCE], cut[_PAGES_AT_ONCE:]
            variables: dict[str, Any] = {}
            for at, (raw, name) in enumerate(now):
                variables |= {f"i{at}": raw["id"], f"c{at}": raw[name]["pageInfo"]["endCursor"]}
            answer = self._client.graphql(
                documents.more([name for _, name in now], self._asks_moves()), variables, _NEEDS
            )
            for at, (raw, name) in enumerate(now):
                page = (answer.data.get(f"m{at}") or {}).get(name)
                if page is None:
                    raise Unreachable(f"GitHub didn't give all {name} of an issue")
                raw[name] = {"nodes": [*nodes(raw[name]), *nodes(page)], "pageInfo": page["pageInfo"]}
            cut = [(raw, name) for raw, name in now if is_cut(raw[name])] + later

    def _unseen(self, repository: str, wanted: Sequence[IssueRef], error: Json | None) -> Found:
        """A whole repository is null. One of ours: access was lost, and no issue may be taken for deleted."""
        said = (error or {}).get("message", "no reason given")
        if repository.lower() in {name.lower() for name in self._settings.repositories}:
            raise Unreadable(f"the repository {repository} can't be seen with these credentials: {said}")
        return {ref: Gone(f"its repository can't be seen: {said}") for ref in wanted}

    def _missing(self, ref: IssueRef, error: Json | None) -> Gone:
        """One issue is null: refused, or not there, where REST tells whether it moved."""
        if error is not None and error.get("type") in _REFUSALS:
            raise Unreadable(f"GitHub refuses {_NEEDS}: {error.get('message')}")
        return self._follow(ref)

    def _follow(self, ref: IssueRef) -> Gone:
        try:
            raw = self._client.get(f"/repos/{ref.container}/issues/{_number(ref)}")
        except Refused as refusal:
            return Gone("deleted" if refusal.status == 410 else "no such issue, or no access to it")
        if raw.get("pull_request"):
            return Gone("a pull request, not an issue")
        repository = "/".join(str(raw["html_url"]).rsplit("/", 4)[-4:-2])
        moved = _moved(ref, repository, int(raw["number"]))
        if moved.moved_to is not None and moved.moved_to.key.lower() == ref.key.lower():
            raise Unreachable(f"GitHub shows {ref} in one place and not yet in another", self._clock() + _LAG)
        return moved

    def _lens(self, answer: Answer, ref: IssueRef, board: Board | None) -> Lens:
        viewer = str((answer.data.get("viewer") or {}).get("login", ""))
        who = Identities.of(viewer, isinstance(self._settings.auth, App), self._settings.former)
        return Lens(self._settings, who, self.team(ref.container).logins, board)

    def _board_of(self, answer: Answer) -> Board | None:
        if self._settings.project is None:
            return None
        known = self._shared.boards.get(self._settings.name, self._clock())
        return known if known is not None else self._keep_board(answer)

    def _keep_board(self, answer: Answer) -> Board:
        board = board_of(answer.data.get("board"), self._settings)
        self._shared.boards.put(self._settings.name, board, self._clock())
        return board

    def _keep_labels(self, repository: str, raw: Json | None) -> Mapping[str, str]:
        ids = label_ids((raw or {}).get("labels"))
        self._shared.labels.put(repository, ids, self._clock())
        return ids

    def _keep_issue(self, ref: IssueRef, raw: Json, board: Board | None) -> None:
        item = card_item(raw, board) if board is not None else None
        self._shared.issues.put(
            ref,
            Known(
                id=raw["id"],
                created_at=datetime.fromisoformat(raw["createdAt"]),
                item=item["id"] if item else None,
                labels=label_ids(raw["labels"]),
            ),
            self._clock(),
        )

    def _repository_pages(self, index: int, since: datetime | None, after: str) -> Iterator[Page]:
        repositories = self._settings.repositories
        owner, _, name = repositories[index].partition("/")
        cursor: str | None = after or None
        while True:
            variables = {"owner": owner, "name": name, "since": since.isoformat() if since else None, "after": cursor}
            answer = self._client.graphql(documents.OPEN_ISSUES, variables, "listing issues (Issues: read)")
            if not answer.data.get("repository"):
                raise AccessDenied(f"the repository {repositories[index]} can't be seen with these credentials")
            issues = answer.data["repository"]["issues"]
            info = issues["pageInfo"]
            cursor = info["endCursor"] if info["hasNextPage"] else None
            following = repositories[index + 1] + " " if index + 1 < len(repositories) else None
            yield Page(
                refs=tuple(
                    IssueRef(self._settings.name, f"{repositories[index]}#{node['number']}") for node in nodes(issues)
                ),
                cursor=f"{repositories[index]} {cursor}" if cursor else following,
                total=issues["totalCount"] if len(repositories) == 1 else None,
            )
            if cursor is None:
                return


def _number(ref: IssueRef) -> int:
    return int(ref.key.rpartition("#")[2])


def named(repositories: Sequence[str]) -> dict[str, Any]:
    """The variables `$o<n>` and `$n<n>`: owner and name of each repository."""
    variables: dict[str, Any] = {}
    for at, repository in enumerate(repositories):
        variables[f"o{at}"], _, variables[f"n{at}"] = repository.partition("/")
    return variables


def label_ids(connection: Json | None) -> dict[str, str]:
    """The ids of a page of labels by name (case folded)."""
    return {str(label["name"]).casefold(): str(label["id"]) for label in nodes(connection)}


def _moved(ref: IssueRef, repository: str, number: int) -> Gone:
    target = IssueRef(ref.tracker, f"{repository}#{number}")
    return Gone(f"moved to {target.key}", target)
