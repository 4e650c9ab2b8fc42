"""What GitHub calls things, asked only where nobody knows it: the project, labels, fields; and who may write."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.github import documents
from adapters.github.cards import nodes, project_of
from adapters.github.client import Answer, Client, Json, Refused
from adapters.github.settings import Settings
from adapters.github.shared import Project, Shared, Team
from adapters.tracker import AccessDenied


class Ids:
    """The ids that one worker thread needs; what it learns, all threads of the connection know."""

    def __init__(self, settings: Settings, client: Client, shared: Shared, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._clock = clock

    def project(self) -> Project | None:
        """The project's ids; None without a project."""
        known = self.known_project()
        if known is not None or self._settings.project is None:
            return known
        variables = {"owner": self._settings.project.owner, "project": self._settings.project.number}
        answer = self._client.graphql(documents.ids(0, board=True), variables, "the project (Projects: read)")
        return self.keep_project(answer)

    def known_project(self) -> Project | None:
        """The project's ids if somebody asked for them lately."""
        return self._shared.projects.get(self._settings.name, self._clock())

    def keep_project(self, answer: Answer) -> Project:
        """The project's ids out of an answer to the PROJECT part."""
        project = project_of(answer.data.get("board"), self._settings)
        self._shared.projects.put(self._settings.name, project, self._clock())
        return project

    def forget_project(self) -> None:
        """They turned out to be outdated."""
        self._shared.projects.drop(self._settings.name)

    def field_names(self, project: Project | None) -> tuple[str, ...]:
        """Our fields as the project spells them, empty where it has none; as we do while nobody knows it."""
        if project is None:
            return self._settings.fields
        there = {key: field.name for key, field in project.fields.items()}
        return tuple(there.get(name.casefold(), "") for name in self._settings.fields)

    def are_misspelt(self, asked: Sequence[str], project: Project) -> bool:
        """Whether the project spells one of these fields otherwise: GitHub finds them by their exact names."""
        return any(name and name != guess for guess, name in zip(asked, self.field_names(project), strict=True))

    def known_labels(self, repository: str) -> Mapping[str, str] | None:
        """A repository's label ids by name (case folded) if somebody asked for them lately."""
        return self._shared.labels.get(repository, self._clock())

    def labels(self, repositories: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The label ids of these repositories by name (case folded)."""
        known = {name: ids for name in repositories if (ids := self.known_labels(name)) is not None}
        wanted = [name for name in repositories if name not in known]
        if wanted:
            answer = self._client.graphql(documents.ids(len(wanted), board=False), named(wanted), "labels")
            for at, name in enumerate(wanted):
                known[name] = self.keep_labels(name, answer.data.get(f"r{at}"))
        return known

    def keep_labels(self, repository: str, raw: Json | None) -> Mapping[str, str]:
        """The label ids out of an answer about a repository."""
        ids = label_ids((raw or {}).get("labels"))
        self._shared.labels.put(repository, ids, self._clock())
        return ids

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


def named(repositories: Sequence[str]) -> dict[str, Any]:
    """The variables `$o<n>` and `$n<n>`: owner and name of each repository."""
    variables: dict[str, Any] = {}
    for at, repository in enumerate(repositories):
        variables[f"o{at}"], _, variables[f"n{at}"] = repository.partition("/")
    return variables


def label_ids(connection: Json | None) -> dict[str, str]:
    """The ids of a page of labels by name (case folded)."""
    return {str(label["name"]).casefold(): str(label["id"]) for label in nodes(connection)}
