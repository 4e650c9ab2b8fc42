"""Many issues in one request: what is asked, joined from its pages, and judged issue by issue."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from adapters.github import documents
from adapters.github.cards import nodes
from adapters.github.client import Answer, Client, Json, Refused
from adapters.github.ids import Ids, named
from adapters.github.issues import NEEDS, Issues, Unreadable
from adapters.github.settings import Settings
from adapters.github.shared import Project, Shared
from adapters.tracker import AccessDenied, Gone, Page, Unreachable
from mapping.issue import Issue, IssueRef

_PAGE = 100
_REFUSALS = {"FORBIDDEN", "INSUFFICIENT_SCOPES"}
_LAG = timedelta(seconds=2)
_NAMED = re.compile(r"[A-Za-z0-9_-]+/(?!\.{1,2}#)[A-Za-z0-9_.-]+#[1-9][0-9]*")


class _Broken(Exception):
    """GitHub failed inside an issue, so that what it shows of it may be incomplete."""


Found = Mapping[IssueRef, Issue | Gone]


class Reader:
    """Reads issues for one worker thread."""

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

    def read(self, refs: Sequence[IssueRef]) -> Found:
        """The issues as they are now; one request for a hundred of them, more for long histories and moved issues.

        Half the question where GitHub runs out of time, and so next time.
        """
        asked = list(dict.fromkeys(refs))
        found: dict[IssueRef, Issue | Gone] = {ref: Gone("not the name of a GitHub issue") for ref in asked}
        readable = [ref for ref in asked if _NAMED.fullmatch(ref.key)]
        while readable:
            part = self._shared.reads.tried(partial(self._batch, readable), len(readable))
            found.update(part)
            readable = readable[len(part) :]
        return found

    def pages(self, since: datetime | None, cursor: str | None) -> Iterator[Page]:
        """A hundred issues a page, repository by repository; the cursor names the repository it goes on in.

        Without `since` the open ones, with it all that were updated since then.
        """
        repositories = self._settings.repositories
        at, _, after = (cursor or "").partition(" ")
        if at not in repositories:
            at, after = repositories[0], ""
        first = repositories.index(at)
        for index in range(first, len(repositories)):
            yield from self._repository_pages(index, since, after if index == first else "")

    def _batch(self, refs: Sequence[IssueRef], size: int) -> Found:
        """The first of them; when GitHub fails on one, the others are asked for without it."""
        asked = refs[:size]
        try:
            return self._ask(asked)
        except _Broken as failure:
            if len(asked) == 1:
                raise Unreadable(str(failure)) from failure
        half = len(asked) // 2
        return {**self._batch(asked, half), **self._batch(asked[half:], len(asked))}

    def _ask(self, refs: Sequence[IssueRef]) -> Found:
        by_repository: dict[str, list[IssueRef]] = {}
        for ref in refs:
            by_repository.setdefault(ref.container, []).append(ref)
        answer, project = self._first_page(by_repository)
        raws: dict[IssueRef, dict[str, Any]] = {}
        found: dict[IssueRef, Issue | Gone] = {}
        for at, (repository, wanted) in enumerate(by_repository.items()):
            part = answer.data.get(f"r{at}")
            if part is None:
                found |= self._unseen(repository, wanted, answer.error_at(f"r{at}"))
                continue
            if "labels" in part:
                self._ids.keep_labels(repository, part)
            for ref in wanted:
                raw = part.get(f"i{number_of(ref)}")
                errors = answer.errors_at(f"r{at}", f"i{number_of(ref)}")
                for error in errors:
                    if error.get("type") not in {"NOT_FOUND", *_REFUSALS}:
                        raise _Broken(f"GitHub failed on {ref}: {error.get('message')}")
                if raw is None:
                    found[ref] = self._missing(ref, next(iter(errors), None))
                elif str(part["nameWithOwner"]).lower() != repository.lower():
                    found[ref] = _moved(ref, str(part["nameWithOwner"]), int(raw["number"]))
                else:
                    raws[ref] = dict(raw)
        return {**found, **self._issues.whole(raws, answer, project)}

    def _first_page(self, by_repository: Mapping[str, Sequence[IssueRef]]) -> tuple[Answer, Project | None]:
        """The answer, and the project, which is asked for in the same request when nobody knows it."""
        names, where, project = list(by_repository), self._settings.project, self._ids.known_project()
        asks_project, fields = where is not None and project is None, self._ids.field_names(project)
        query = documents.read(
            numbers=[[number_of(ref) for ref in by_repository[name]] for name in names],
            labels=[self._ids.known_labels(name) is None for name in names],
            asked=documents.Asked(self._issues.asks_moves, where is not None, fields, asks_project),
        )
        variables = named(names)
        if asks_project and where is not None:
            variables |= {"owner": where.owner, "project": where.number}
        answer = self._issues.ask(query, variables)
        if answer is None:
            return self._first_page(by_repository)
        if asks_project:
            project = self._ids.keep_project(answer)
            if self._ids.are_misspelt(fields, project):
                return self._first_page(by_repository)
        return answer, project

    def _unseen(self, repository: str, wanted: Sequence[IssueRef], error: Json | None) -> Found:
        """A whole repository is null. One of ours: access was lost, and no issue may be taken for deleted."""
        said = (error or {}).get("message", "no reason given")
        if repository.lower() in {name.lower() for name in self._settings.repositories}:
            raise Unreadable(f"the repository {repository} can't be seen with these credentials: {said}")
        return {ref: Gone(f"its repository can't be seen: {said}") for ref in wanted}

    def _missing(self, ref: IssueRef, error: Json | None) -> Gone:
        """One issue is null: refused, or not there, where REST tells whether it moved."""
        if error is not None and error.get("type") in _REFUSALS:
            raise Unreadable(f"GitHub refuses {NEEDS}: {error.get('message')}")
        return self._follow(ref)

    def _follow(self, ref: IssueRef) -> Gone:
        try:
            raw = self._client.get(f"/repos/{ref.container}/issues/{number_of(ref)}")
        except Refused as refusal:
            return Gone("deleted" if refusal.status == 410 else "no such issue, or no access to it")
        if raw.get("pull_request"):
            return Gone("a pull request, not an issue")
        repository = "/".join(str(raw["html_url"]).rsplit("/", 4)[-4:-2])
        moved = _moved(ref, repository, int(raw["number"]))
        if moved.moved_to is not None and moved.moved_to.key.lower() == ref.key.lower():
            raise Unreachable(f"GitHub shows {ref} in one place and not yet in another", self._clock() + _LAG)
        return moved

    def _repository_pages(self, index: int, since: datetime | None, after: str) -> Iterator[Page]:
        repositories = self._settings.repositories
        owner, _, name = repositories[index].partition("/")
        cursor: str | None = after or None
        while True:
            told = {"since": since.isoformat(), "states": ["OPEN", "CLOSED"]} if since else {"states": ["OPEN"]}
            variables = {"owner": owner, "name": name, "after": cursor, **told}
            answer = self._shared.lists.tried(partial(self._listed, variables), _PAGE)
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

    def _listed(self, variables: Json, first: int) -> Answer:
        asked = {**variables, "first": first}
        return self._client.graphql(documents.OPEN_ISSUES, asked, "listing issues (Issues: read)")


def number_of(ref: IssueRef) -> int:
    """An issue's number in its repository."""
    return int(ref.key.rpartition("#")[2])


def _moved(ref: IssueRef, repository: str, number: int) -> Gone:
    target = IssueRef(ref.tracker, f"{repository}#{number}")
    return Gone(f"moved to {target.key}", target)
