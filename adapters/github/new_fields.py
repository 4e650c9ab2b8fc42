"""The project's fields that `init` creates: those that the integrator writes, and the key result of planned work."""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.github import board_documents, documents
from adapters.github.cards import project_of
from adapters.github.client import Client
from adapters.github.issue_fields import IssueFields
from adapters.github.settings import Settings
from adapters.github.shared import Project
from adapters.tracker import Step
from mapping.card import SEVERITY, WRITTEN
from mapping.okr import KEY_RESULT
from mapping.severity import Severity

CREATED = (*WRITTEN, KEY_RESULT)
"""Text, but for the severity: due times need the hour, and GitHub's date fields hold days only."""

_COLORS = {Severity.P0: "RED", Severity.P1: "ORANGE", Severity.P2: "YELLOW", Severity.P3: "GREEN"}
_NEEDS = "creating the project's fields (Projects: write)"


class NewFields:
    """Creates the fields that the project lacks; fields of the organisation's issues count as there."""

    def __init__(self, settings: Settings, client: Client, fields: IssueFields) -> None:
        self._settings = settings
        self._client = client
        self._fields = fields

    def steps(self, dry_run: bool) -> Iterator[Step]:
        """A step for each field."""
        where, names = self._settings.project, [name for name in CREATED if name in self._settings.fields]
        if where is None or not names:
            return
        variables = {"owner": where.owner, "project": where.number}
        answer = self._client.graphql(documents.ids(0, board=True), variables, _NEEDS)
        project = project_of(answer.data.get("board"), self._settings)
        if not project.id:
            yield Step("by hand", f"fields of project {where.owner}/{where.number}", project.why)
            return
        own = self._fields.of(self._settings.repositories[0])
        for name in names:
            what = f"field {name} in project {where.owner}/{where.number}"
            yield self._step(what, name, project, name.casefold() in own, dry_run)

    def _step(self, what: str, name: str, project: Project, is_own: bool, dry_run: bool) -> Step:
        if name.casefold() in project.twins:
            return Step("by hand", what, "Rename all but one of the fields whose names differ in case only.")
        if is_own or name.casefold() in project.fields:
            return Step("already there", what)
        if dry_run:
            return Step("would do", what)
        answer = self._client.graphql(board_documents.CREATE_FIELD, {"input": _input(project.id, name)}, _NEEDS)
        if answer.errors:
            return Step("failed", what, str(answer.errors[0].get("message")))
        return Step("done", what)


def _input(project: str, name: str) -> Mapping[str, Any]:
    if name != SEVERITY:
        return {"projectId": project, "name": name, "dataType": "TEXT"}
    options = [{"name": severity.value, "color": _COLORS[severity], "description": ""} for severity in Severity]
    return {"projectId": project, "name": name, "dataType": "SINGLE_SELECT", "singleSelectOptions": options}
